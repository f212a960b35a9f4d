// Charts are drawn by plotly, which this page holds compressed and runs when the first is wanted.
let library = null;
const drawn = [];
function plotly() {
  library = library || (async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const text = await new Response(plain).text(), script = document.createElement("script");
    script.textContent = text; // allowed by its hash
    document.head.append(script);
    return window.Plotly;
  })();
  return library;
}
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
function layout(title, more) {
  const axis = { gridcolor: color("line"), zerolinecolor: color("line"), linecolor: color("line"), automargin: true };
  return {
    margin: { l: 55, r: 12, t: 8, b: 38 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("soft") }, hovermode: "x unified",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink") } },
    legend: { orientation: "h", y: 1.14, x: 0 }, showlegend: true,
    xaxis: { ...axis, title: { text: "s" } }, yaxis: { ...axis, title: { text: title }, rangemode: "tozero" }, ...more,
  };
}
function chart(title, note, make) {
  const plot = el("div", { cls: "plot", role: "img", "aria-label": title + ". " + note }, el("span", { cls: "soft" }, "drawing\u2026"));
  const draw = () => plotly().then((Plotly) => {
    if (!plot.isConnected) return;
    const { traces, axis, more } = make();
    plot.replaceChildren();
    Plotly.newPlot(plot, traces, layout(axis, more), { displayModeBar: false, responsive: true });
    plot.dataset.drawn = "yes";
  }).catch((error) => { plot.textContent = "This browser cannot draw the chart: " + error; });
  drawn.push([plot, draw]);
  requestAnimationFrame(draw);
  return el("figure", { cls: "card chart" }, el("figcaption", {}, title, " ", el("span", { cls: "soft" }, note)), plot);
}
function redraw() { for (const [plot, draw] of drawn) if (plot.isConnected) draw(); }
const seconds = (list) => list.map((us) => us / 1e6);
const line = (x, y, name, paint, more) => ({ x, y, name, mode: "lines", line: { color: paint, width: 2, ...more } });
function chartsOf(more) {
  const out = [];
  if (more.rates) out.push(chart("Received bit rate", "in steps of " + +more.rates.step.toPrecision(3) + " s", () => {
    const begins = seconds(more.rates.t), told = more.rates.announced;
    const whole = (list) => [...list, list[list.length - 1]]; // the last step is as wide as the others
    const x = [...begins, begins[begins.length - 1] + more.rates.step];
    const all = whole(told.length === begins.length ? told : begins.map(() => told[0]));
    const traces = [line(x, whole(more.rates.received.map((n) => n / 1e3)), "received", color("accent"), { shape: "hv" })];
    if (all.some((n) => n)) traces.push(line(x, all.map((n) => n / 1e3), "announced", color("warn"), { dash: "dash" }));
    return { traces, axis: "kbit/s" };
  }));
  if (more.buffer) out.push(chart("Player's buffer", "by send times; preroll " + more.buffer.preroll / 1e3 + " s", () => ({
    axis: "s", traces: [{ ...line(seconds(more.buffer.t), more.buffer.level.map((n) => n / 1e3), "content", color("good")), fill: "tozeroy" },
      line([more.buffer.t[0] / 1e6, more.buffer.t[more.buffer.t.length - 1] / 1e6], [more.buffer.preroll / 1e3, more.buffer.preroll / 1e3], "preroll", color("soft"), { dash: "dot" })],
  })));
  if (more.locations) {
    const it = more.locations, note = it.gone ? plural(it.gone, "hole") : "none is missing";
    out.push(chart("LocationIds and what did not come", note, () => {
      const x = [], y = [];
      it.gone_t.forEach((t, at) => { x.push(t / 1e6, t / 1e6, null); y.push(it.gone_from[at], it.gone_to[at], null); });
      const traces = [{ x: seconds(it.t), y: it.id, name: "came", mode: "markers", marker: { size: 4, color: color("accent") } }];
      if (x.length) traces.push({ x, y, name: "did not come", mode: "lines+markers", line: { color: color("bad"), width: 3 }, marker: { size: 6, symbol: "x", color: color("bad") } });
      return { traces, axis: "LocationId", more: { hovermode: "closest" } };
    }));
  }
  return out.length ? el("div", { cls: "charts" }, out) : "";
}
