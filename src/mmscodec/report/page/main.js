// Which view is shown, light and dark, the keyboard.
const VIEWS = [["", "Overview", overviewView], ["problems", "Problems", problemsView], ["flows", "Flows", flowsView],
  ...(DATA.winmx ? [["winmx", "WinMX", winmxView]] : [])];
function show() {
  const name = location.hash.slice(1), one = /^([sw])(\d+)$/.exec(name);
  const view = VIEWS.find(([key]) => key === name) || VIEWS[0];
  const made = one ? (one[1] === "s" ? sessionView : connectionView)(Number(one[2])) : view[2]();
  const main = $("#main");
  drawn.length = 0;
  main.replaceChildren();
  put(main, made);
  const current = one ? (one[1] === "w" ? "winmx" : "") : view[0];
  $("#nav").replaceChildren(...VIEWS.map(([key, label]) => el("a", { href: "#" + key, "aria-current": key === current && "page" }, label)));
  window.scrollTo(0, 0);
  document.documentElement.dataset.ready = name || "overview";
}
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("#theme").textContent = name === "dark" ? "\u2600 light" : "\u263e dark";
}
const system = matchMedia("(prefers-color-scheme: dark)");
let chosen = false;
$("#theme").addEventListener("click", () => {
  chosen = true;
  theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  redraw();
});
system.addEventListener("change", () => { if (!chosen) { theme(system.matches ? "dark" : "light"); redraw(); } });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName), search = $("input[type=search]");
  if (event.key === "/" && !typing && search) { event.preventDefault(); search.focus(); }
  if (event.key === "Escape" && typing) event.target.blur();
  else if (event.key === "Escape" && /^#[sw]\d/.test(location.hash)) location.hash = location.hash[1] === "w" ? "winmx" : "";
  const rows = [...document.querySelectorAll("tr.open a.row")], at = rows.indexOf(document.activeElement);
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step && !typing && rows.length && (at >= 0 || event.key.length === 1)) {
    event.preventDefault();
    rows[Math.min(Math.max(at + step, 0), rows.length - 1)].focus();
  }
});
addEventListener("hashchange", () => { if (location.hash !== "#main") show(); });
const paper = (size) => () => { if (window.Plotly) document.querySelectorAll(".plot[data-drawn]").forEach((plot) => window.Plotly.relayout(plot, size)); };
// Paper has nothing to press: all rows of the view are on it
addEventListener("beforeprint", () => document.querySelectorAll("button.more").forEach((more) => { while (!more.hidden) more.click(); }));
addEventListener("beforeprint", paper({ autosize: false, width: 310 }));
addEventListener("afterprint", paper({ autosize: true, width: null }));
$("#title").textContent = DATA.title;
$("#foot").textContent = "Made by mmscodec report. Nothing on this page is fetched. " + (DATA.secrets ? "It holds credentials: do not pass it on. " : "Credentials are hidden. ") + "Keys: / searches, j and k go through the rows, Enter opens, Escape goes back. " +
  "Ceilings: a ladder holds " + number(DATA.limits.rows) + " messages (the first, the last, and those that break a rule), a chart " + number(DATA.limits.points) +
  " points (least and greatest of each step), a text " + number(DATA.limits.text) + " characters, other tables " + number(DATA.limits.listed) + " rows.";
theme(system.matches ? "dark" : "light");
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
else show();
