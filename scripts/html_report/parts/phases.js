// Where the time of the layer goes: of the reference, and of the fastest other strategy.

function drawPhases(panels) {
  const drawings = ofSets(panels, (panel) => {
    const bars = phaseBars(panel);
    if (!bars.length) return [{ none: "no row has phases: no layer was timed, or in graphs only" }];
    return [phaseChart(bars, DATA.panels[panel].engine)];
  });
  drawAll("phases", drawings);
  document.getElementById("phases-note").hidden = drawings.every(({ none }) => none);
}

// At each size the reference and the fastest other strategy, of the cells that have phases.
function phaseBars(panel) {
  const { engine } = DATA.panels[panel];
  const isReference = (cell) => DATA.value("combine", cell) === engine;
  const cells = DATA.cellsOfPanel[panel].filter(hasPhases);
  return DATA.tokensOf([panel]).flatMap((tokens) => {
    const here = cells.filter((cell) => DATA.value("tokens", cell) === tokens);
    const others = here.filter((cell) => !isReference(cell))
      .sort((a, b) => DATA.value("output_us", a) - DATA.value("output_us", b));
    return [
      ...here.filter(isReference).map((cell) => ({ cell, side: "reference" })),
      ...others.slice(0, 1).map((cell) => ({ cell, side: "best" })),
    ];
  });
}

// The combine by itself is a region, which rows without phases have too.
function hasPhases(cell) {
  return DATA.phases.some(
    ([column]) => column !== "combine_us_median" && DATA.value(column, cell) > 0);
}

function phaseChart(bars, engine) {
  const shares = sharesOf(bars);
  const x = [bars.map(({ cell }) => String(DATA.value("tokens", cell))),
             bars.map(({ side }) => (side === "reference" ? "ref." : "best"))];
  const hover = (cell, column, name) => plain(
    `${atCell(cell)}: ${name} ${short(DATA.value(column, cell))} µs`);
  const traces = DATA.phases.map(([column, name, color]) => ({
    type: "bar", name, x, y: shares.map((share) => share(column)),
    marker: { color, line: { color: "#fff", width: 0.5 } },
    text: bars.map(({ cell }) => hover(cell, column, name)),
    hovertemplate: "%{text}, %{y:.3g} %<extra></extra>", textposition: "none",
  })).filter((trace) => trace.y.some((value) => value > 0));
  const best = bars.filter(({ side }) => side === "best")
    .map(({ cell }) => DATA.value("combine", cell));
  const layout = {
    height: 460, barmode: "stack", bargap: 0.15, margin: { l: 60, r: 10, t: 8, b: 70 },
    xaxis: { type: "multicategory", title: { text: "tokens in one step" }, tickangle: 0 },
    yaxis: { title: { text: "% of the reference's layer" }, gridcolor: GRID },
    showlegend: true,
    legend: { orientation: "h", y: -0.3, yanchor: "top", font: { size: 11 } },
  };
  return { heading: `${engine}, and best: ${[...new Set(best)].join(", ")}`, traces, layout };
}

// Of each bar: a phase's share of the reference's layer at that size, in percent.
function sharesOf(bars) {
  const time = (cell, column) => DATA.value(column, cell) ?? 0;
  const total = (cell) => DATA.phases.reduce((sum, [column]) => sum + time(cell, column), 0);
  const references = new Map(bars.filter(({ side }) => side === "reference")
    .map(({ cell }) => [DATA.value("tokens", cell), total(cell)]));
  return bars.map(({ cell }) => {
    const whole = references.get(DATA.value("tokens", cell)) ?? total(cell);
    return (column) => 100 * time(cell, column) / whole;
  });
}
