// A table that is searched and sorted; rows are shown a page at a time.
const PAGE = 200;
function grid({ columns, rows, open, search, filters, empty, sort }) {
  columns = columns.filter((column) => !column.maybe || rows.some((row) => column.value(row)));
  let shown = rows, limit = PAGE, order = sort || null;
  const body = el("tbody"), count = el("span", { cls: "soft", role: "status" });
  const more = el("button", { cls: "more", type: "button", onclick: () => { limit += PAGE; draw(); } });
  const heads = columns.map((column, at) => el("th", { cls: column.num && "n", scope: "col", "data-label": column.label },
    el("button", { type: "button", title: "Sort", onclick: () => by(at) }, column.label)));
  const input = search && el("input", { type: "search", placeholder: "Search (press /)", "aria-label": "Search", oninput: filter });
  const select = filters && el("select", { "aria-label": "Show", onchange: filter },
    filters.map(([label], at) => el("option", { value: at }, label)));
  const texts = search && rows.map((row) => search(row).join(" ").toLowerCase());
  function by(at) {
    const down = order && order[0] === at ? !order[1] : Boolean(columns[at].num);
    order = [at, down];
    draw();
  }
  function filter() {
    const words = search ? input.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const wanted = filters ? filters[select.value][1] : () => true;
    shown = rows.filter((row, at) => wanted(row) && words.every((word) => texts[at].includes(word)));
    limit = PAGE;
    draw();
  }
  function draw() {
    heads.forEach((head, at) => {
      head.removeAttribute("aria-sort");
      if (order && order[0] === at) head.setAttribute("aria-sort", order[1] ? "descending" : "ascending");
    });
    let list = shown;
    if (order) {
      const { value } = columns[order[0]], sign = order[1] ? -1 : 1;
      list = shown.map((row) => [value(row), row]).sort(([a], [b]) => sign * (a < b ? -1 : a > b ? 1 : 0)).map(([, row]) => row);
    }
    body.replaceChildren(...list.slice(0, limit).map(line));
    if (!list.length) body.append(el("tr", {}, el("td", { colspan: columns.length, cls: "soft" }, empty || "nothing")));
    more.hidden = list.length <= limit;
    more.textContent = "Show " + number(Math.min(PAGE, list.length - limit)) + " more of " + number(list.length);
    count.textContent = list.length === rows.length ? "" : number(list.length) + " of " + number(rows.length);
  }
  function line(row) {
    const cells = columns.map((column) => el("td", { cls: column.num ? "n" : column.cls, "data-label": column.label },
      column.cell ? column.cell(row) : column.value(row)));
    if (!open) return el("tr", {}, cells);
    return el("tr", { cls: "open", onclick: (event) => { if (!event.target.closest("a")) open(row); } }, cells);
  }
  draw();
  const bar = (search || filters) && el("div", { cls: "bar" }, input, select, count);
  const table = el("table", { cls: "cards" }, el("thead", {}, el("tr", {}, heads)), body);
  return el("div", {}, bar, el("div", { cls: "scroll" }, table), more);
}
