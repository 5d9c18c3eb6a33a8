// The charts of the chosen setting and load, one of each set.

// Of each set that has the chosen panel: what `draw` makes of it, under the set's name.
function ofSets(panels, draw) {
  return panels.flatMap((panel, set) => (panel === null ? [] : draw(panel).map((drawing) => ({
    ...drawing, heading: [DATA.sets[set], drawing.heading].filter(Boolean).join(": ") }))));
}

function drawSpeedups(panels) {
  drawAll("speedup", ofSets(panels, (panel) => {
    const { engine, baseline } = DATA.panels[panel];
    const drawn = [speedupChart(panel, "over_engine", engine)];
    if (baseline && baseline !== engine) drawn.push(speedupChart(panel, "over_baseline", baseline));
    return drawn;
  }));
}

function speedupChart(panel, column, reference) {
  const hollow = (cell) => {
    const [low, high] = ["_low", "_high"].map((end) => DATA.value(column + end, cell));
    return DATA.value("combine", cell) !== reference && !(low > 1 || (high !== null && high < 1));
  };
  const hover = (cell) => `${atCell(cell)}: ${intervalText(cell, column)}`;
  const traces = DATA.lines(panel).map(([name, cells]) => lineOf(name, cells, "tokens", column, {
    low: `${column}_low`, high: `${column}_high`, hollow, hover }));
  const one = { type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, layer: "below",
                line: { color: "#999", width: 1 } };
  const layout = {
    xaxis: logAxis("tokens in one step, all DP ranks", readable(DATA.tokensOf([panel]))),
    yaxis: ratioAxis(traces), shapes: [one] };
  return { heading: `over ${reference}`, traces, layout };
}

// Ratios around 1, with ticks that a reader knows.
function ratioAxis(traces) {
  const values = traces.flatMap((trace) => trace.y).filter((value) => value > 0);
  const [low, high] = [Math.min(1, ...values), Math.max(1, ...values)];
  const known = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.6, 1.8, 2,
                 2.5, 3, 4, 5, 7, 10, 20, 50];
  const ticks = known.filter((tick) => tick >= low / 1.1 && tick <= high * 1.1);
  const shown = ticks.length > 12 ? ticks.filter((_, place) => place % 2 === 0 || ticks[place] === 1) : ticks;
  return logAxis("speed-up", shown);
}

function drawBandwidths(panels) {
  drawAll("bandwidth", ofSets(panels, (panel) => {
    const lines = DATA.lines(panel)
      .map(([name, cells]) => [name, cells.filter((cell) => DATA.value("busbw_gbps", cell) > 0)])
      .filter(([, cells]) => cells.length);
    if (!lines.length) return [{ none: "no row has a bus bandwidth" }];
    const hover = (cell) => `${atCell(cell)}: ${short(DATA.value("busbw_gbps", cell))} GB/s`;
    const traces = lines.map(([name, cells]) => lineOf(name, cells, "bytes", "busbw_gbps", { hover }));
    const limits = limitsBySize(lines.flatMap(([, cells]) => cells));
    if (limits.size) {
      traces.push({ type: "scatter", mode: "lines", name: "limit of the contract",
                    x: [...limits.keys()], y: [...limits.values()],
                    line: { color: "#888", dash: "dash", width: 1.4 } });
    }
    const sizes = [...new Set(traces.flatMap((trace) => trace.x))].sort((a, b) => a - b);
    const shown = readable(sizes);
    const xaxis = logAxis("bytes of partial sums", shown, bytesText);
    return [{ traces, layout: { xaxis, yaxis: logAxis("GB/s") } }];
  }));
}

// The median over strategies, which agree in it within a launch.
function limitsBySize(cells) {
  const bySize = new Map();
  for (const cell of cells) {
    const limit = DATA.value("limit_gbps", cell);
    const size = DATA.value("bytes", cell);
    if (limit > 0) bySize.set(size, [...(bySize.get(size) ?? []), limit]);
  }
  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  return new Map([...bySize].sort((a, b) => a[0] - b[0]).map(([size, values]) => [size, middle(values)]));
}

function bytesText(bytes) {
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${short(bytes / 1024 ** power)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

function drawLatencies(panels, tokens) {
  drawAll("latency", ofSets(panels, (panel) => {
    const cells = DATA.lines(panel).flatMap(([, line]) => line)
      .filter((cell) => DATA.value("tokens", cell) === tokens);
    if (!cells.length) return [{ none: `not measured at ${tokens} tokens` }];
    const layout = {
      height: 90 + 34 * cells.length, margin: { l: 10, r: 10, t: 8, b: 44 },
      xaxis: { title: { text: "µs" }, gridcolor: "#e8e8e8", rangemode: "tozero" },
      yaxis: { autorange: "reversed", automargin: true, type: "category" } };
    return [{ heading: `at ${tokens} tokens`, traces: cells.map(distribution), layout }];
  }));
}

// A box of the samples' quantiles, else the median with its interval.
function distribution(cell) {
  const name = DATA.value("combine", cell);
  const { colour, symbol } = DATA.styles[name];
  const of = (column) => DATA.value(column, cell);
  const common = { name: plain(name), y: [plain(name)], orientation: "h" };
  if (of("q50") !== null) {
    return { ...common, type: "box", q1: [of("q25")], median: [of("q50")], q3: [of("q75")],
             lowerfence: [of("q5")], upperfence: [of("q95")], line: { color: colour, width: 1.4 },
             fillcolor: "#fff", hoverinfo: "x+name" };
  }
  const median = of("output_us");
  const beyond = (end, sign) => (end === null ? 0 : Math.max(0, sign * (end - median)));
  return { ...common, type: "scatter", mode: "markers", x: [median],
           marker: { color: colour, symbol, size: 9 },
           error_x: { type: "data", symmetric: false, color: colour, thickness: 1.4,
                      array: [beyond(of("output_us_high"), 1)], arrayminus: [beyond(of("output_us_low"), -1)] },
           text: [plain(`${atCell(cell)}: ${intervalText(cell, "output_us")} µs`)],
           hovertemplate: "%{text}<extra></extra>" };
}

function drawPhases(panels) {
  drawAll("phases", ofSets(panels, (panel) => {
    const bars = phaseBars(panel);
    if (!bars.length) return [{ none: "no row has phases: no layer was timed, or in graphs only" }];
    const shares = sharesOf(bars);
    const x = [bars.map(({ cell }) => `${DATA.value("tokens", cell)}`), bars.map(({ side }) => side)];
    const traces = DATA.phases
      .map(([column, name, color]) => ({
        type: "bar", name, x, y: shares.map((share) => share(column)),
        marker: { color, line: { color: "#fff", width: 0.5 } },
        text: bars.map(({ cell }) => plain(`${atCell(cell)}: ${name} ${short(DATA.value(column, cell))} µs`)),
        hovertemplate: "%{text}, %{y:.3g} %<extra></extra>", textposition: "none" }))
      .filter((trace) => trace.y.some((value) => value > 0));
    const other = [...new Set(bars.filter(({ side }) => side === "best").map(({ cell }) => DATA.value("combine", cell)))];
    const layout = { barmode: "stack", bargap: 0.15, showlegend: true, margin: { l: 60, r: 10, t: 8, b: 70 },
                     xaxis: { type: "multicategory", title: { text: "tokens in one step" }, tickangle: 0 },
                     yaxis: { title: { text: "% of the reference's layer" }, gridcolor: "#e8e8e8" },
                     legend: { orientation: "h", y: -0.3, yanchor: "top", font: { size: 11 } }, height: 460 };
    return [{ heading: `${DATA.panels[panel].engine}, and best: ${other.join(", ")}`, traces, layout }];
  }));
}

// At each size the reference and the fastest other strategy, of the cells that have phases.
function phaseBars(panel) {
  const { engine } = DATA.panels[panel];
  const columns = DATA.phases.map(([column]) => column).filter((column) => column !== "combine_us_median");
  const cells = DATA.cellsOfPanel[panel].filter(
    (cell) => columns.some((column) => DATA.value(column, cell) > 0));
  return DATA.tokensOf([panel]).flatMap((tokens) => {
    const here = cells.filter((cell) => DATA.value("tokens", cell) === tokens);
    const reference = here.filter((cell) => DATA.value("combine", cell) === engine);
    const others = here.filter((cell) => DATA.value("combine", cell) !== engine)
      .sort((a, b) => DATA.value("output_us", a) - DATA.value("output_us", b));
    return [...reference.map((cell) => ({ cell, side: "reference" })),
            ...others.slice(0, 1).map((cell) => ({ cell, side: "best" }))];
  });
}

// Of each bar: a phase's share of the reference's layer at that size, in percent.
function sharesOf(bars) {
  const total = (cell) => DATA.phases.reduce((sum, [column]) => sum + (DATA.value(column, cell) ?? 0), 0);
  const references = new Map(bars.filter(({ side }) => side === "reference")
    .map(({ cell }) => [DATA.value("tokens", cell), total(cell)]));
  return bars.map(({ cell }) => {
    const whole = references.get(DATA.value("tokens", cell)) ?? total(cell);
    return (column) => 100 * (DATA.value(column, cell) ?? 0) / whole;
  });
}

function listCrossovers(panels) {
  const place = document.getElementById("crossover-tables");
  place.replaceChildren(...panels.flatMap((panel, set) => {
    if (panel === null) return [];
    const box = element("div");
    box.append(element("h4", `${DATA.sets[set]}: tokens at which a strategy passes ${DATA.panels[panel].engine}`));
    const table = element("table", "", { class: "crossovers" });
    const head = element("tr");
    head.append(...["strategy", "between", "in words"].map((text) => element("th", text)));
    table.append(head, ...DATA.panels[panel].crossovers.map((cells) => {
      const row = element("tr");
      row.append(...cells.map((text) => element("td", text)));
      return row;
    }));
    box.append(DATA.panels[panel].crossovers.length ? table : element("p", "none: no other strategy, or no verdict", { class: "none" }));
    return [box];
  }));
}
