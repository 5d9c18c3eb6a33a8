// What all drawings share: the library's options, axes, lines and their looks.

const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };

// Plotly reads some HTML in its texts.
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Empties a place of drawings and fills it again: each has a heading and, where there is something to
// draw, traces and a layout; else a text that says why not. All boxes stand before the first is drawn,
// for their widths depend on each other.
function drawAll(id, drawings) {
  const place = document.getElementById(id);
  for (const old of place.querySelectorAll(".plot")) Plotly.purge(old);
  const boxes = drawings.map(({ heading, none }) => {
    const box = element("div");
    box.append(element("h4", heading), element("div", none ?? "", { class: none ? "none" : "plot" }));
    return box;
  });
  place.replaceChildren(...boxes);
  drawings.forEach(({ none, traces, layout, onClick }, number) => {
    if (none) return;
    const plot = boxes[number].lastChild;
    Plotly.newPlot(plot, traces, framed(layout), CONFIG);
    if (onClick) plot.on("plotly_click", onClick);
  });
}

function framed(layout) {
  return {
    height: 340, margin: { l: 56, r: 10, t: 8, b: 44 }, font: { size: 12, color: DATA.ink },
    showlegend: false, hovermode: "closest", hoverlabel: { align: "left", namelength: -1 },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", ...layout,
  };
}

function logAxis(title, ticks = null, text = String) {
  const axis = { type: "log", title: { text: title, standoff: 6 }, gridcolor: "#e8e8e8", tickangle: 0,
                 zeroline: false, linecolor: "#888", ticks: "outside", tickcolor: "#888" };
  return ticks ? { ...axis, tickmode: "array", tickvals: ticks, ticktext: ticks.map(text) } : axis;
}

// From the right, the values whose numbers do not touch on a log axis.
function readable(values) {
  const gap = Math.log(values.at(-1) / values[0]) / (window.innerWidth < 600 ? 6 : 11);
  return values.reduceRight((shown, value) => (
    shown.length && Math.log(shown[0] / value) < gap ? shown : [value, ...shown]), []);
}

// One strategy's line; hollow(cell) says which of its marks are. low and high are columns, or null.
function lineOf(name, cells, x, y, { low, high, hollow = () => false, hover }) {
  const style = DATA.styles[name];
  const of = (column) => cells.map((cell) => DATA.value(column, cell));
  const values = of(y);
  const trace = {
    type: "scatter", mode: "lines+markers", name: plain(name), x: of(x), y: values,
    line: { color: style.colour, dash: style.dash, width: 1.6 },
    marker: { color: style.colour, size: 8,
              symbol: cells.map((cell) => style.symbol + (hollow(cell) ? "-open" : "")) },
    text: cells.map((cell) => plain(hover(cell))), hovertemplate: "%{text}<extra></extra>",
  };
  if (low) {
    const beyond = (column, sign) => of(column).map(
      (end, place) => (end === null ? 0 : Math.max(0, sign * (end - values[place]))));
    trace.error_y = { type: "data", symmetric: false, array: beyond(high, 1),
                      arrayminus: beyond(low, -1), thickness: 1, width: 0, color: style.colour };
  }
  return trace;
}

function atCell(cell) {
  return `${DATA.value("combine", cell)}, ${DATA.value("tokens", cell)} tokens`;
}

function intervalText(cell, column) {
  const [low, high] = ["_low", "_high"].map((end) => DATA.value(column + end, cell));
  const text = short(DATA.value(column, cell));
  return low === null || high === null ? text : `${text} [${short(low)}, ${short(high)}]`;
}
