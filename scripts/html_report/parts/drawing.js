// What all drawings share: where they stand, the library's options, axes and lines.

const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };
const GRID = "#e8e8e8";

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

// Empties a place of drawings and fills it again: each has a heading and, where there is something
// to draw, traces and a layout; else a text that says why not. All boxes stand before the first is
// drawn, for their widths depend on each other.
function drawAll(id, drawings) {
  const place = document.getElementById(id);
  for (const old of place.querySelectorAll(".plot")) Plotly.purge(old);
  const boxes = drawings.map(({ heading, none }) => {
    const box = element("div");
    const below = element("div", none ?? "", { class: none ? "none" : "plot" });
    box.append(element("h4", heading), below);
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

// Of each set that has the chosen panel: what `draw` makes of it, under the set's name.
function ofSets(panels, draw) {
  return panels.flatMap((panel, set) => (panel === null ? [] : draw(panel).map((drawing) => ({
    ...drawing, heading: [DATA.sets[set], drawing.heading].filter(Boolean).join(": "),
  }))));
}

function framed(layout) {
  return {
    height: 340, margin: { l: 56, r: 10, t: 8, b: 44 }, font: { size: 12, color: DATA.ink },
    showlegend: false, hovermode: "closest", hoverlabel: { align: "left", namelength: -1 },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", ...layout,
  };
}

function logAxis(title, ticks = null, text = String) {
  const axis = {
    type: "log", title: { text: title, standoff: 6 }, gridcolor: GRID, zeroline: false,
    linecolor: "#888", ticks: "outside", tickcolor: "#888", tickangle: 0,
  };
  return ticks ? { ...axis, tickmode: "array", tickvals: ticks, ticktext: ticks.map(text) } : axis;
}

// A log axis from the least to the greatest of some values, which sets side by side have in common.
function sharedAxis(title, values, ticks) {
  const [low, high] = [Math.min(...values) / 1.1, Math.max(...values) * 1.1];
  const range = [Math.log10(low), Math.log10(high)];
  return { ...logAxis(title, ticks.filter((tick) => tick >= low && tick <= high)), range };
}

// From the right, the values whose numbers do not touch on a log axis.
function readable(values) {
  const gap = Math.log(values.at(-1) / values[0]) / (window.innerWidth < 600 ? 6 : 11);
  return values.reduceRight((shown, value) => (
    shown.length && Math.log(shown[0] / value) < gap ? shown : [value, ...shown]), []);
}

// Distances from a value to the ends of its interval, as plotly wants them.
function errorBar(values, ends, colour, width) {
  const beyond = (end, value) => (end === null ? 0 : Math.abs(end - value));
  return {
    type: "data", symmetric: false, color: colour, thickness: 1.2, width,
    array: values.map((value, place) => beyond(ends[place][1], value)),
    arrayminus: values.map((value, place) => beyond(ends[place][0], value)),
  };
}

// One strategy's line over column x, with the intervals of column y where it has them.
// hollow(cell) says which marks are; hover(cell) what a mark says.
function lineOf(name, cells, x, y, { hollow = () => false, hover }) {
  const { colour, dash, symbol } = DATA.styles[name];
  const values = cells.map((cell) => DATA.value(y, cell));
  return {
    type: "scatter", mode: "lines+markers", name: plain(name), y: values,
    x: cells.map((cell) => DATA.value(x, cell)), line: { color: colour, dash, width: 1.6 },
    marker: {
      color: colour, size: 8,
      symbol: cells.map((cell) => symbol + (hollow(cell) ? "-open" : "")),
    },
    error_y: errorBar(values, cells.map((cell) => DATA.ends(y, cell)), colour, 0),
    text: cells.map((cell) => plain(hover(cell))), hovertemplate: "%{text}<extra></extra>",
  };
}
