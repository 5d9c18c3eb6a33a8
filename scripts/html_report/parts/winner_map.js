// The strategy with the fastest output step: a row for each setting and load, a column for each
// size, one map of each set.

const MOST_PANELS = 60; // In one map.

// onChoice is called with the panel of a case that is clicked at.
function drawMaps(onChoice) {
  drawAll("maps", DATA.sets.map((name, set) => {
    const every = DATA.panels.filter((panel) => panel.set === set && panel.winners.length);
    const panels = every.slice(0, MOST_PANELS);
    const cut = every.length > panels.length;
    const heading = cut ? `${name}: ${panels.length} of ${every.length} panels` : name;
    if (!panels.length) return { heading, none: "no winner: no row with a time, or no verdict" };
    return { heading, ...mapOf(panels), onClick: ({ points }) => (
      onChoice(panels[points[0].pointIndex[0]])) };
  }));
  const won = new Set(DATA.panels.flatMap(({ winners }) => winners.map(({ winner }) => winner)));
  const entries = Object.keys(DATA.styles).filter((name) => won.has(name)).map(mapEntry);
  document.getElementById("legend").replaceChildren(...entries);
}

function mapOf(panels) {
  const tokens = rising(panels.flatMap(({ winners }) => winners.map((cell) => cell.tokens)));
  const grid = (make, none = "") => panels.map(({ winners }) => tokens.map((size) => {
    const cell = winners.find((winner) => winner.tokens === size);
    return cell ? make(cell) : none;
  }));
  // Each strategy has two colours: its own, and a pale one for what is not resolved.
  const names = Object.keys(DATA.styles);
  const colours = names.flatMap((name) => [DATA.styles[name].fill, pale(DATA.styles[name].fill)]);
  const trace = {
    type: "heatmap", x: tokens.map(String), y: panels.map(mapLabel),
    z: grid((cell) => 2 * names.indexOf(cell.winner) + (cell.kind === "won" ? 0 : 1), null),
    zmin: -0.5, zmax: colours.length - 0.5, colorscale: steps(colours), showscale: false,
    xgap: 2, ygap: 2, hoverongaps: false,
    // The glyph tells colours apart that are alike to some eyes or on paper.
    text: grid((cell) => `${cellText(cell)}<br>${DATA.styles[cell.winner].glyph}`),
    texttemplate: "%{text}", textfont: { size: 10 },
    customdata: grid((cell) => plain(`${cell.winner}: ${cellText(cell)}`)),
    hovertemplate: "%{y}<br>%{x} tokens<br>%{customdata}<extra></extra>",
  };
  const layout = {
    height: 80 + 38 * panels.length, margin: { l: 10, r: 10, t: 8, b: 44 },
    xaxis: { type: "category", title: { text: "tokens in one step, all DP ranks" } },
    yaxis: { type: "category", autorange: "reversed", automargin: true, tickfont: { size: 11 } },
  };
  return { traces: [trace], layout };
}

function mapLabel(panel) {
  return [panel.short, panel.load].filter(Boolean).map(plain).join("<br>");
}

// A scale of colours that do not run into each other.
function steps(colours) {
  return colours.flatMap((colour, place) => (
    [[place / colours.length, colour], [(place + 1) / colours.length, colour]]));
}

// Without a number where there is no speed-up.
function cellText(cell) {
  const speedup = cell.speedup?.toFixed(2) ?? "";
  return `${cell.kind === "won" ? "" : "~"}${speedup}${cell.tied ? "*" : ""}`;
}

function mapEntry(name) {
  const { fill, glyph } = DATA.styles[name];
  const ink = lightness(fill) < 0.5 ? "#fff" : DATA.ink;
  const entry = element("li");
  const style = `background:${fill};color:${ink}`;
  entry.append(element("span", glyph, { class: "swatch", style }), name);
  return entry;
}

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const lightness = (colour) => channels(colour).reduce((a, b) => a + b, 0) / (3 * 255);

function pale(colour) {
  return `rgb(${channels(colour).map((part) => Math.round(255 - 0.3 * (255 - part))).join(",")})`;
}
