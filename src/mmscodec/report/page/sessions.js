// The table of sessions, and one session.
const ROWS = DATA.sessions.index.map((_, at) => {
  const row = { at };
  for (const name of Object.keys(DATA.sessions)) row[name] = DATA.sessions[name][at];
  const all = row.media_packets + row.lost;
  row.loss = all ? row.lost / all : -1;
  row.trouble = row.faults + row.gaps + Math.max(row.violations, 0);
  return row;
});
const END = ["warn", "good", "", "bad", "", "warn", "bad"];
function lossChip(row, label) {
  const named = label || "";
  if (row.loss < 0) return chip("", "no media");
  if (!row.lost) return chip("good", named + "0 %");
  return chip(row.loss < 0.01 ? "warn" : "bad", named + +(100 * row.loss).toPrecision(2) + " %", plural(row.lost, "packet") + " lost");
}
function startChip(row, label) {
  if (row.start_up < 0) return "";
  return chip(row.start_up < 2e9 ? "good" : row.start_up < 8e9 ? "warn" : "bad", (label || "") + span(row.start_up));
}
function rateCell(row) {
  if (!row.rate) return "";
  if (!row.bit_rate) return rate(row.rate);
  const share = row.rate / row.bit_rate, kind = share >= 0.95 ? "" : share >= 0.7 ? "warn" : "bad";
  const inner = el("i");
  inner.style.width = Math.min(100, 100 * share) + "%";
  return [el("span", {}, rate(row.rate)), el("span", { cls: "meter " + kind, title: Math.round(100 * share) + " % of " + rate(row.bit_rate) }, inner)];
}
function troubleCell(row) {
  const out = [];
  if (row.faults) out.push(chip("bad", plural(row.faults, "fault")));
  if (row.violations > 0) out.push(chip("bad", plural(row.violations, "violation")));
  if (row.gaps) out.push(chip("warn", plural(row.gaps, "gap")));
  if (row.stalls) out.push(chip("warn", plural(row.stalls, "stall")));
  if (row.underruns) out.push(chip("warn", "ran empty " + row.underruns + "\u00d7"));
  return out.flatMap((one) => [one, " "]);
}
function sessionGrid() {
  const columns = [
    { label: "#", num: true, value: (r) => r.index, cell: (r) => el("a", { cls: "row", href: "#s" + r.index }, r.index) },
    { label: "start", cls: "nw", value: (r) => r.start, cell: (r) => stamp(r.start) },
    { label: "length", num: true, value: (r) => r.length, cell: (r) => span(r.length * 1000) },
    { label: "client", cls: "nw", value: (r) => r.client_address },
    { label: "file", cls: "wrap", value: (r) => r.file_name },
    { label: "over", value: (r) => r.transport },
    { label: "media", num: true, value: (r) => r.media_bytes, cell: (r) => (r.media_bytes ? bytes(r.media_bytes) : "") },
    { label: "rate", num: true, value: (r) => r.rate, cell: rateCell },
    { label: "loss", num: true, value: (r) => r.loss, cell: lossChip },
    { label: "start-up", num: true, value: (r) => r.start_up, cell: startChip },
    { label: "end", cls: "wrap", value: (r) => r.end_text, cell: (r) => chip(END[r.end_reason] || "", r.end_text.split(" (")[0], [r.end_text, r.partial_text].filter(Boolean).join("; ")) },
    { label: "trouble", maybe: true, num: true, value: (r) => r.trouble + r.stalls + r.underruns, cell: troubleCell },
  ];
  return grid({
    columns, rows: ROWS, open: (row) => { location.hash = "s" + row.index; },
    search: (r) => [r.index, r.client_address, r.server_address, r.file_name, r.transport, r.player, r.end_text, r.partial_text],
    filters: [["all sessions", () => true], ["with loss", (r) => r.lost > 0], ["with trouble", (r) => r.trouble > 0],
      ["without media", (r) => !r.media_packets], ["captured in part", (r) => r.partial > 0]],
    empty: ROWS.length ? "no session is like that" : "no MMS session is in this capture",
  });
}
function value(value, unit) {
  if (typeof value !== "number") return value;
  if (unit === "ns") return span(value);
  if (unit === "bytes") return number(value) + " bytes";
  if (unit === "bit/s") return rate(value);
  return number(value) + (unit && unit !== "HRESULT" ? " " + unit : "");
}
const words = (name) => name.replace(/_/g, " ");
const facts = (list) => el("dl", { cls: "facts" }, list.map(([name, v, unit]) =>
  el("div", {}, el("dt", {}, words(name)), el("dd", {}, value(v, unit)))));
function sessionView(index) {
  const row = ROWS.find((one) => one.index === index), back = el("a", { cls: "back", href: "#" }, "\u2190 all sessions");
  if (!row) return [back, el("h1", {}, "This session is not on this page")];
  const head = [back, el("h1", {}, "Session " + index + " ", el("small", {}, row.file_name)),
    el("p", { cls: "soft" }, stamp(row.start) + " UTC, " + span(row.length * 1000) + ", " + row.client_address + " to " + row.server_address,
      row.player && ", " + row.player),
    el("p", {}, lossChip(row, "loss "), " ", startChip(row, "start-up "), " ", row.rate ? [chip("", "rate " + rate(row.rate)), " "] : "", chip(END[row.end_reason] || "", row.end_text), " ",
      row.partial_text && chip("warn", row.partial_text), " ", troubleCell(row))];
  if (!document.getElementById("s" + index))
    return [head, el("p", { cls: "note" }, "This page holds the details of its first " + number(DATA.opened) +
      " sessions: mmscodec report -s " + index + " makes a page of this one.")];
  const more = parsed("s" + index);
  return [head, chartsOf(more), el("h2", {}, "Messages ", el("small", {}, plural(more.messages, "message"))),
    ladder(more.ladder, DATA.names, [row.client_address, row.server_address], row.start),
    exchangesOf(more), findingsOf(more), statesOf(more),
    el("h2", {}, "Parameters"), el("div", { cls: "card" }, facts(more.facts)),
    more.log.length ? [el("h2", {}, "What the client logged ", el("small", {}, "CLIENT_LOG")), el("div", { cls: "card" }, facts(more.log))] : ""];
}
const mid = (n) => (n < 0 ? "" : (DATA.mids[n] || hex(n)).replace(/^Link(ViewerToMac|MacToViewer)/, ""));
function exchangesOf(more) {
  if (!more.exchanges.length) return "";
  const columns = [
    { label: "time", num: true, value: (r) => r[0], cell: (r) => since(r[0]) },
    { label: "request", value: (r) => mid(r[1]) || "\u2013" },
    { label: "response", value: (r) => mid(r[2]), cell: (r) => mid(r[2]) || chip("warn", "none") },
    { label: "latency", num: true, value: (r) => r[3], cell: (r) => span(r[3]) },
    { label: "first Data", num: true, value: (r) => r[4], cell: (r) => span(r[4]) },
    { label: "paired by", maybe: true, value: (r) => r[5] }, { label: "result", maybe: true, value: (r) => r[6] },
  ];
  const left = more.exchange_count - more.exchanges.length;
  return [el("h2", {}, "Exchanges ", el("small", {}, left ? number(left) + " more are not on this page" : "")), grid({ columns, rows: more.exchanges })];
}
function findingsOf(more) {
  if (!more.findings.length) return "";
  const columns = [
    { label: "count", num: true, value: (r) => r[1], cell: (r) => number(r[1]) },
    { label: "severity", value: (r) => DATA.problems[r[0]].severity, cell: (r) => severity(DATA.problems[r[0]]) },
    { label: "field", cls: "wrap", value: (r) => DATA.problems[r[0]].field },
    { label: "what", cls: "wrap", value: (r) => DATA.problems[r[0]].text },
    { label: "section", value: (r) => DATA.problems[r[0]].section, cell: (r) => section(DATA.problems[r[0]].section) },
  ];
  return [el("h2", {}, "Findings ", el("small", {}, "rules of the specification that good messages break")),
    grid({ columns, rows: more.findings, sort: [0, true] })];
}
function statesOf(more) {
  if (!more.states.length) return "";
  const columns = [{ label: "time", num: true, value: (r) => r[0], cell: (r) => since(r[0]) }, { label: "side", value: (r) => r[1] },
    { label: "from", value: (r) => r[2] }, { label: "to", value: (r) => r[3] }];
  return [el("h2", {}, "States"), grid({ columns, rows: more.states })];
}
