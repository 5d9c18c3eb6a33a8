// Speed-ups against the size, over what engines run and over the baseline, and the crossovers.

const RATIO_TICKS = [
  0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 7,
  10, 20, 50,
];

// region: output or layer.
function drawSpeedups(panels, region) {
  const prefix = region === "layer" ? "layer_" : "";
  drawAll("speedup", ofSets(panels, (panel) => {
    const { engine, baseline } = DATA.panels[panel];
    const drawn = [speedupChart(panels, panel, `${prefix}over_engine`, engine)];
    if (baseline && baseline !== engine) {
      drawn.push(speedupChart(panels, panel, `${prefix}over_baseline`, baseline));
    }
    return drawn;
  }));
}

// Of one of the panels that stand side by side.
function speedupChart(panels, panel, column, reference) {
  const hollow = (cell) => {
    const [low, high] = DATA.ends(column, cell);
    const resolved = low > 1 || (high !== null && high < 1);
    return !resolved && DATA.value("combine", cell) !== reference;
  };
  const hover = (cell) => `${atCell(cell)}: ${intervalText(cell, column)}`;
  const traces = DATA.lines(panel).map(
    ([name, cells]) => lineOf(name, cells, "tokens", column, { hollow, hover }));
  const heading = `over ${reference}`;
  if (!DATA.valuesOf([panel], column).length) return { heading, none: "no row has these times" };
  const one = {
    type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, layer: "below",
    line: { color: "#999", width: 1 },
  };
  const layout = {
    xaxis: logAxis("tokens in one step, all DP ranks", readable(DATA.tokensOf([panel]))),
    yaxis: ratioAxis(DATA.valuesOf(panels, column)), shapes: [one],
  };
  return { heading, traces, layout };
}

// With ticks that a reader knows, 1 among them.
function ratioAxis(values) {
  const [low, high] = [Math.min(1, ...values), Math.max(1, ...values)];
  const ticks = RATIO_TICKS.filter((tick) => tick >= low / 1.1 && tick <= high * 1.1);
  const crowded = ticks.length > 12;
  const odd = ticks.indexOf(1) % 2;
  const shown = ticks.filter((_, place) => !crowded || place % 2 === odd);
  return sharedAxis("speed-up", [low, high], shown);
}

function listCrossovers(panels) {
  const boxes = panels.flatMap((panel, set) => (panel === null ? [] : [crossoverBox(panel, set)]));
  document.getElementById("crossover-tables").replaceChildren(...boxes);
}

function crossoverBox(panel, set) {
  const { engine, crossovers } = DATA.panels[panel];
  const box = element("div");
  box.append(element("h4", `${DATA.sets[set]}: tokens at which a strategy passes ${engine}`));
  if (crossovers.length) {
    const table = element("table", "", { class: "crossovers" });
    table.append(cellsRow("th", ["strategy", "between", "in words"]),
                 ...crossovers.map((texts) => cellsRow("td", texts)));
    box.append(table);
  } else {
    box.append(element("p", "none: no other strategy, or no verdict", { class: "none" }));
  }
  return box;
}

function cellsRow(kind, texts) {
  const row = element("tr");
  row.append(...texts.map((text) => element(kind, text)));
  return row;
}
