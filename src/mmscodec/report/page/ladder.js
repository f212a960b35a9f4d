// Who said what to whom, when: one line a message.
const MESSAGE = 0, RUN = 1, FAULT = 2, GAP = 3, STEP = 200, MARK = "\u001f";
const severity = (kind) => chip(kind.severity === "violation" ? "bad" : kind.severity === "deviation" ? "warn" : "", kind.severity);
const split = (text) => text.split(MARK).slice(1).map((part) => {
  const at = part.indexOf("=");
  return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
});
function ladder(rows, names, [client, server], start) {
  const list = el("ol", { cls: "ladder" }), more = el("button", { cls: "more", type: "button", onclick: step });
  let done = 0;
  function step() {
    for (const row of rows.slice(done, done + STEP)) list.append(...rung(row, names));
    done += STEP;
    more.hidden = done >= rows.length;
    more.textContent = "Show more: " + number(Math.max(rows.length - done, 0)) + " rows";
  }
  step();
  const head = el("div", { cls: "lhead" }, el("span", { title: "seconds since " + stamp(start) }, "time, s"),
    el("span", { cls: "ends" }, el("b", {}, "client " + client), el("b", {}, "server " + server)), el("span", {}, "latency"), el("span", {}, "marks"));
  if (!rows.length) return el("p", { cls: "soft" }, "No message of it was captured.");
  return el("div", {}, el("div", { cls: "card", style: "padding:0" }, head, list), more);
}
function rung(row, names) {
  const [us, kind, name, toward, flow, offset, length, text, latency, kinds, left] = row, out = [];
  if (left) out.push(el("li", { cls: "rest" }, el("span", {}, plural(left, "message") + " not on this page")));
  const time = el("span", { cls: "t" }, since(us));
  const where = "flow " + flow + " at " + hex(offset) + ", " + plural(length, "byte");
  if (kind >= FAULT) {
    const what = kind === GAP ? "gap" : "fault";
    out.push(el("li", { cls: "trouble " + what }, el("details", {}, el("summary", {}, time,
      el("span", { cls: "words" }, text), el("span"), el("span", { cls: "marks" }, chip(kind === GAP ? "warn" : "bad", what))),
    inside(where, flow, offset, [], []))));
    return out;
  }
  const fields = split(text), label = typeof name === "string" ? name : names[name];
  const worst = kinds.map((n) => DATA.problems[n]).sort((a, b) => (a.severity > b.severity ? -1 : 1));
  const mark = worst.length ? [chip(worst[0].severity === "violation" ? "bad" : worst[0].severity === "deviation" ? "warn" : "",
    plural(kinds.length, "finding"), worst.map((one) => one.text).join("; "))] : "";
  const lane = el("span", { cls: "lane" }, el("span", { cls: "arrow" }, el("b", {}, label), el("span", { cls: "tip", "aria-label": toward ? "to the server" : "to the client" }, toward ? "\u25b6" : "\u25c0")),
    fields.length ? el("div", { cls: "peek" }, fields.map(([n, v]) => n + "=" + v).join("  ")) : "");
  const details = el("details", {}, el("summary", {}, time, lane, el("span", { cls: "lat" }, span(latency)), el("span", { cls: "marks" }, mark)));
  details.addEventListener("toggle", () => details.append(inside(where, flow, offset, fields, worst)), { once: true });
  out.push(el("li", { cls: (toward ? "c2s" : "s2c") + (kind === RUN ? " data" : "") }, details));
  return out;
}
function inside(where, flow, offset, fields, worst) {
  return el("div", { cls: "inside" },
    fields.length ? el("table", {}, el("tbody", {}, fields.map(([name, v]) => el("tr", {}, el("td", {}, name), el("td", { cls: "wrap mono" }, v))))) : "",
    worst.map((one) => el("p", {}, severity(one), " ", one.field, ": ", one.text, " ", one.rule && "(" + one.rule + ") ", section(one.section))),
    el("p", { cls: "soft" }, where, "; ", el("code", { cls: "cmd" }, "mmscodec explain --flow " + flow + " --at " + hex(offset) + " FILE"), " shows its bytes"));
}
