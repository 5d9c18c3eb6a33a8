// Bus bandwidth against the size, and the contract's limit.

function drawBandwidths(panels) {
  drawAll("bandwidth", ofSets(panels, (panel) => {
    const lines = DATA.lines(panel)
      .map(([name, cells]) => [name, cells.filter((cell) => DATA.value("busbw_gbps", cell) > 0)])
      .filter(([, cells]) => cells.length);
    return [lines.length ? bandwidthChart(panels, lines) : { none: "no row has a bus bandwidth" }];
  }));
}

function bandwidthChart(panels, lines) {
  const hover = (cell) => `${atCell(cell)}: ${short(DATA.value("busbw_gbps", cell))} GB/s`;
  const traces = lines.map(
    ([name, cells]) => lineOf(name, cells, "bytes", "busbw_gbps", { hover }));
  const limits = limitsBySize(lines.flatMap(([, cells]) => cells));
  if (limits.length) {
    traces.push({
      type: "scatter", mode: "lines", name: "limit of the contract",
      x: limits.map(([size]) => size), y: limits.map(([, limit]) => limit),
      line: { color: "#888", dash: "dash", width: 1.4 },
    });
  }
  const sizes = readable(rising(traces.flatMap((trace) => trace.x)));
  const layout = { xaxis: logAxis("bytes of partial sums", sizes, bytesText),
                   yaxis: bandwidthAxis(panels) };
  return { traces, layout };
}

// Of all panels that stand side by side, with ticks at 1, 2 and 5 of each decade.
function bandwidthAxis(panels) {
  const values = ["busbw_gbps", "limit_gbps"].flatMap((column) => DATA.valuesOf(panels, column));
  const powers = Array.from({ length: 13 }, (_, place) => `1e${place - 6}`);
  const ticks = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(power) * digit));
  return sharedAxis("bus bandwidth, GB/s", values, ticks.map((tick) => Number(short(tick))));
}

// [size, limit]: the median over the strategies, which agree in it within a launch.
function limitsBySize(cells) {
  const known = cells.filter((cell) => DATA.value("limit_gbps", cell) > 0);
  return rising(known.map((cell) => DATA.value("bytes", cell))).map((size) => {
    const here = known.filter((cell) => DATA.value("bytes", cell) === size)
      .map((cell) => DATA.value("limit_gbps", cell)).sort((a, b) => a - b);
    return [size, here[Math.floor(here.length / 2)]];
  });
}

function bytesText(bytes) {
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${short(bytes / 1024 ** power)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}
