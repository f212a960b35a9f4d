// The other views: overview, problems, flows, WinMX.
const tile = (text, label, kind) => el("div", { cls: "tile " + (kind || "") }, el("b", {}, text), el("span", {}, label));
function notes() {
  const out = [], say = (text) => out.push(el("p", { cls: "note" }, text));
  if (DATA.asked > ROWS.length) say("The table holds the first " + number(ROWS.length) + " of " + plural(DATA.asked, "session") + ": --session, --flow, --from and --to choose others.");
  if (ROWS.length > DATA.opened) say("The first " + number(DATA.opened) + " sessions can be opened; --session N makes a page of another one.");
  const skipped = DATA.overview.skipped.map(([name, why]) => name + " (" + why + ")");
  if (skipped.length) say("Left out: " + skipped.slice(0, 10).join(", ") + (skipped.length > 10 ? ", and " + (skipped.length - 10) + " more" : ""));
  for (const [text] of DATA.overview.not_understood) say(text);
  return out;
}
function overviewView() {
  const it = DATA.overview, n = it.counts, known = Object.entries(it.protocols).map(([name, count]) => plural(count, name + " flow"));
  const files = it.files.map(([name, size]) => name + (size === null ? "" : " (" + bytes(size) + ")"));
  const wrong = DATA.problems.filter((kind) => kind.severity === "violation").reduce((sum, kind) => sum + kind.count, 0);
  return [el("h1", {}, DATA.title), el("p", { cls: "soft" }, files.slice(0, 6).join(", "), files.length > 6 && " and " + (files.length - 6) + " more",
    it.first !== null && [el("br"), stamp(it.first) + " to " + stamp(it.last) + " UTC, " + span((it.last - it.first) * 1000)]),
  notes(),
  el("div", { cls: "tiles" }, !DATA.winmx || n.messages || n.sessions ? [tile(number(n.sessions), n.sessions === 1 ? "MMS session" : "MMS sessions"), tile(number(n.messages), "MMS messages")] : "",
    n.data ? tile(bytes(n.data_bytes), plural(n.data, "Data packet")) : "", DATA.winmx ? tile(number(DATA.winmx.connections.length), "WinMX connections") : "",
    tile(number(n.records), "frames, " + plural(n.flows, "flow")),
    tile(number(n.faults), "faults", n.faults ? "bad" : ""), tile(number(n.gaps), n.gap_bytes ? "gaps, " + bytes(n.gap_bytes) + " missing" : "gaps", n.gaps ? "warn" : ""),
    tile(number(wrong), "rule violations", wrong ? "warn" : "")),
  known.length ? el("p", { cls: "soft" }, known.join(", ")) : el("p", { cls: "note" }, "Nothing of MMS or WinMX is in this capture."),
  ROWS.length || !DATA.winmx ? [el("h2", {}, "Sessions"), sessionGrid()] : el("p", {}, el("a", { href: "#winmx" }, "WinMX: connections, node lists, slots")), counts()];
}
function counts() {
  const two = (title, rows, label) => rows.length ? el("div", {}, el("h2", {}, title), grid({ rows, sort: [1, true], columns: [
    { label, cls: "wrap", value: (r) => r[0], cell: (r) => r[0] || "unknown" }, { label: "count", num: true, value: (r) => r[1], cell: (r) => number(r[1]) }] })) : "";
  return el("div", { cls: "pair" }, two("Players", DATA.players, "player"), two("Kinds of messages", DATA.overview.kinds, "message"));
}
const at = (flow, offset) => (flow < 0 ? "at " + hex(offset) : "flow " + flow + " at " + hex(offset));
function problemsView() {
  const order = { violation: 0, deviation: 1, uninitialised: 2 }, n = DATA.overview.counts;
  const kinds = DATA.problems.slice().sort((a, b) => order[a.severity] - order[b.severity] || b.count - a.count);
  const some = (list, total) => (total > list.length ? el("p", { cls: "note" }, "The first " + number(list.length) + " of " + number(total) + " are on this page.") : "");
  const shared = [{ label: "flow", num: true, value: (r) => r[0], cell: (r) => (r[0] < 0 ? "" : r[0]) },
    { label: "offset", num: true, value: (r) => r[1], cell: (r) => hex(r[1]) }, { label: "bytes", num: true, value: (r) => r[2], cell: (r) => number(r[2]) },
    { label: "what", cls: "wrap", value: (r) => r[3] }];
  return [el("h1", {}, "Problems"), el("p", { cls: "soft" }, "A fault is a place that could not be understood; a gap is missing from the capture; a finding is a good row that the specification forbids."),
    el("h2", {}, "Faults ", el("small", {}, number(n.faults))), some(DATA.faults, n.faults),
    grid({ rows: DATA.faults, search: (r) => [r[3], r[4], r[5], "flow " + r[0]], empty: "none", columns: [...shared,
      { label: "section", maybe: true, value: (r) => r[4], cell: (r) => section(r[4]) }, { label: "file", maybe: true, cls: "wrap", value: (r) => r[5] }] }),
    n.gaps ? [el("h2", {}, "Gaps ", el("small", {}, number(n.gaps))), some(DATA.gaps, n.gaps), grid({ rows: DATA.gaps, columns: shared })] : "",
    el("h2", {}, "Findings ", el("small", {}, kinds.length ? number(n.findings) + ", " + plural(kinds.length, "kind") : "0")),
    kinds.length ? kinds.map(kindCard) : el("p", { cls: "soft" }, "none")];
}
function kindCard(kind) {
  return el("article", { cls: "card kind" }, el("h3", {}, severity(kind), " ", kind.field || kind.protocol, " ", el("small", { cls: "soft" }, number(kind.count) + "\u00d7")),
    el("p", {}, kind.text, kind.rule && "; the rule: " + kind.rule, " ", section(kind.section)), kind.note && el("p", { cls: "soft" }, kind.note),
    el("ul", {}, kind.examples.map(([flow, offset, text]) => el("li", {}, at(flow, offset) + ": ", el("code", {}, text)))));
}
function flowsView() {
  const rows = DATA.overview.flows, n = DATA.overview.counts, total = n.known_flows || n.flows;
  const names = ["bytes", "packets", "gaps", "retransmissions", "faults"];
  const columns = [{ label: "flow", num: true, value: (r) => r[0] }, { label: "from", cls: "nw may", value: (r) => r[1] }, { label: "to", cls: "nw may", value: (r) => r[2] },
    { label: "over", value: (r) => r[3] }, { label: "protocol", value: (r) => r[4] }, { label: "direction", value: (r) => r[5] },
    { label: "first", cls: "nw may", value: (r) => r[6], cell: (r) => stamp(r[6]) }, { label: "lasts", num: true, value: (r) => r[7] - r[6], cell: (r) => span((r[7] - r[6]) * 1000) },
    ...names.map((label, i) => ({ label, num: true, value: (r) => r[8 + i], cell: (r) => (i ? number(r[8 + i]) : bytes(r[8])) }))];
  return [el("h1", {}, "Flows"), total > rows.length ? el("p", { cls: "note" }, "The first " + number(rows.length) + " of " + number(total) + " are on this page.") : "",
    grid({ columns, rows, search: (r) => r.slice(0, 6), empty: "no flow" })];
}
function winmxView() {
  const it = DATA.winmx, slots = (one, note) => chart("Free slots over time", note, () => ({
    axis: "free slots", more: { xaxis: { type: "date", automargin: true, gridcolor: color("line") } },
    traces: [["secondary", "accent"], ["primary", "server"]].map(([name, paint]) => ({ ...line(one.t.map((us) => us / 1000), one[name], name, color(paint), { shape: "hv" }), mode: "lines+markers" })),
  }));
  const ends = (r, i) => el("a", { cls: "row", href: "#w" + i }, r[0] + " \u2192 " + r[1]);
  const connections = it.connections.map((row, i) => [i, ...row]), spot = el("div");
  const host = (flow) => it.primaries.filter((r) => r[0] === flow).map((r) => r[1])[0] || "flow " + flow;
  return [el("h1", {}, "WinMX"), el("h2", {}, "Connections ", el("small", {}, it.connection_count > connections.length ? "the first " + number(connections.length) + " of " + number(it.connection_count) : "")),
    grid({ rows: connections, open: (r) => { location.hash = "w" + r[0]; }, columns: [
      { label: "client and server", cls: "wrap", value: (r) => r[1], cell: (r) => ends(r.slice(1), r[0]) }, { label: "link", value: (r) => r[3] },
      { label: "first", cls: "nw", value: (r) => r[4], cell: (r) => stamp(r[4]) }, { label: "lasts", num: true, value: (r) => r[5] - r[4], cell: (r) => span((r[5] - r[4]) * 1000) },
      { label: "bytes", num: true, value: (r) => r[6], cell: (r) => bytes(r[6]) }], search: (r) => r.slice(1, 4) }),
    it.primaries.length ? [el("h2", {}, "Node lists by primary"), grid({ rows: it.primaries, columns: [
      { label: "primary", value: (r) => r[1] }, { label: "flow", num: true, value: (r) => r[0] }, { label: "lists", num: true, value: (r) => r[2] },
      { label: "first", cls: "nw", value: (r) => r[3], cell: (r) => (r[3] < 0 ? "" : stamp(r[3])) }, { label: "last", cls: "nw", value: (r) => r[4], cell: (r) => (r[4] < 0 ? "" : stamp(r[4])) },
      ...["shortest", "median", "longest", "silence"].map((label, i) => ({ label, num: true, value: (r) => r[5 + i], cell: (r) => span(r[5 + i]) })),
      { label: "", value: (r) => r[9], cell: (r) => (r[9] ? chip("warn", "fell silent") : "") }] })] : "",
    it.slots.length ? [el("h2", {}, "Slots that primaries had free ", el("small", {}, "record 0 of their lists; the first 12")),
      el("div", { cls: "charts" }, it.slots.map((one) => slots(one, host(one.flow))))] : "",
    it.nodes.length ? [el("h2", {}, "Nodes ", el("small", {}, plural(it.node_count, "record") + ", the most named first")), spot,
      grid({ rows: it.nodes, search: (r) => [r.ip, r.tcp_port, r.sender], columns: [
        { label: "address", value: (r) => r.ip, cell: (r) => (r.slots ? el("button", { cls: "chip link", type: "button", onclick: () => spot.replaceChildren(slots(r.slots, r.ip)) }, r.ip) : r.ip) },
        { label: "TCP", num: true, value: (r) => r.tcp_port }, { label: "UDP", num: true, value: (r) => r.udp_port }, { label: "told by", value: (r) => r.sender },
        { label: "times", num: true, value: (r) => r.count }, { label: "first", cls: "nw", value: (r) => r.first, cell: (r) => stamp(r.first) },
        { label: "last", cls: "nw", value: (r) => r.last, cell: (r) => stamp(r.last) },
        ...["primary", "secondary"].map((which) => ({ label: which + " slots", num: true, value: (r) => r["free_" + which + "_slots_last"],
          cell: (r) => { const low = r["free_" + which + "_slots_min"], high = r["free_" + which + "_slots_max"]; return low === high ? low : low + " to " + high; } }))] })] : ""];
}
function connectionView(i) {
  const row = DATA.winmx && DATA.winmx.connections[i], more = document.getElementById("w" + i) && parsed("w" + i), back = el("a", { cls: "back", href: "#winmx" }, "\u2190 WinMX");
  if (!row || !more) return [back, el("h1", {}, "The packets of this connection are not on this page"), el("p", { cls: "soft" }, "--flow and --port make a page of a part of the capture.")];
  return [back, el("h1", {}, row[0] + " \u2192 " + row[1] + " ", el("small", {}, row[2])), el("p", { cls: "soft" }, stamp(row[3]) + " UTC, " + span((row[4] - row[3]) * 1000) + ", " + bytes(row[5])),
    el("h2", {}, "Packets ", el("small", {}, plural(more.messages, "packet"))), ladder(more.ladder, DATA.winmx_names, row, row[3])];
}
