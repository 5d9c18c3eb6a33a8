// Bus bandwidth against the size, and the contract's limit.

function drawBandwidths(panels) {
  drawAll("bandwidth", ofSets(panels, (panel) => {
    const lines = DATA.lines(panel)
      .map(([name, cells]) => [name, cells.filter((cell) => DATA.value("busbw_gbps", cell) > 0)])
      .filter(([, cells]) => cells.length);
    return [lines.length ? bandwidthChart(lines) : { none: "no row has a bus bandwidth" }];
  }));
}

function bandwidthChart(lines) {
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
                   yaxis: logAxis("bus bandwidth, GB/s", decades(traces.flatMap(({ y }) => y))) };
  return { traces, layout };
}

// Ticks at 1, 2 and 5 of each decade of the values.
function decades(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 13 }, (_, place) => 10 ** (place - 6));
  return powers.flatMap((power) => [power, 2 * power, 5 * power])
    .map((tick) => Number(tick.toPrecision(1)))
    .filter((tick) => tick >= low / 2 && tick <= 2 * high);
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
