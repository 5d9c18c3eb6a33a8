// The distribution of the output step's samples at one size.

function drawLatencies(panels, tokens) {
  drawAll("latency", ofSets(panels, (panel) => {
    const cells = DATA.lines(panel).flatMap(([, line]) => line)
      .filter((cell) => DATA.value("tokens", cell) === tokens);
    if (!cells.length) return [{ none: `not measured at ${tokens} tokens` }];
    const layout = {
      height: 90 + 34 * cells.length, margin: { l: 10, r: 10, t: 8, b: 44 },
      xaxis: { title: { text: "µs" }, gridcolor: GRID, rangemode: "tozero" },
      yaxis: { autorange: "reversed", automargin: true, type: "category" },
    };
    return [{ heading: `at ${tokens} tokens`, traces: cells.map(distribution), layout }];
  }));
}

// A box of the samples' quantiles, else the median with its interval.
function distribution(cell) {
  const name = plain(DATA.value("combine", cell));
  const { colour, symbol } = DATA.styles[DATA.value("combine", cell)];
  const of = (column) => DATA.value(column, cell);
  const common = { name, y: [name], orientation: "h" };
  if (of("q50") !== null) {
    return {
      ...common, type: "box", q1: [of("q25")], median: [of("q50")], q3: [of("q75")],
      lowerfence: [of("q5")], upperfence: [of("q95")], line: { color: colour, width: 1.4 },
      fillcolor: "#fff", hoverinfo: "x+name",
    };
  }
  const medians = [of("output_us")];
  return {
    ...common, type: "scatter", mode: "markers", x: medians,
    marker: { color: colour, symbol, size: 9 },
    error_x: errorBar(medians, [DATA.ends("output_us", cell)], colour, 4),
    text: [plain(`${atCell(cell)}: ${intervalText(cell, "output_us")} µs`)],
    hovertemplate: "%{text}<extra></extra>",
  };
}
