// Starts the page: what can be chosen, and what is drawn of it.

const MOST_PANELS = 60; // In one winner map.
let DATA;

const choiceOf = (id) => document.getElementById(id);

function fill(id, values) {
  choiceOf(id).replaceChildren(...values.map((value) => element("option", String(value) || "the only one", { value })));
}

// The loads and sizes that the chosen setting has; what was chosen stays where it can.
function offerChoices() {
  const setting = choiceOf("setting").value;
  keepChosen("load", DATA.loads.filter((load) => DATA.chosen(setting, load).some((panel) => panel !== null)));
  keepChosen("tokens", DATA.tokensOf(chosenPanels()));
}

function keepChosen(id, values) {
  const before = choiceOf(id).value;
  fill(id, values);
  if (values.map(String).includes(before)) choiceOf(id).value = before;
}

function chosenPanels() {
  return DATA.chosen(choiceOf("setting").value, choiceOf("load").value);
}

function drawChosen() {
  offerChoices();
  const panels = chosenPanels();
  listStrategies(panels);
  drawSpeedups(panels);
  listCrossovers(panels);
  drawBandwidths(panels);
  drawPhases(panels);
  drawChosenLatencies();
}

function drawChosenLatencies() {
  drawLatencies(chosenPanels(), Number(choiceOf("tokens").value));
}

function choose(panel) {
  choiceOf("setting").value = panel.setting;
  offerChoices();
  choiceOf("load").value = panel.load;
}

// The first of those with most cells.
function largestPanel() {
  const sizes = DATA.cellsOfPanel.map((cells) => cells.length);
  return DATA.panels[sizes.indexOf(Math.max(...sizes))];
}

// One map of each set: a row for each setting and load, a column for each size.
function drawMaps() {
  drawAll("maps", DATA.sets.map((name, set) => {
    const every = DATA.panels.filter((panel) => panel.set === set && panel.winners.length);
    const panels = every.slice(0, MOST_PANELS);
    const heading = every.length > panels.length ? `${name}: ${panels.length} of ${every.length} panels` : name;
    if (!panels.length) return { heading, none: "no winner: no row with a time, or no verdict" };
    return { heading, ...mapOf(panels) };
  }));
  const won = new Set(DATA.panels.flatMap((panel) => panel.winners.map(({ winner }) => winner)));
  document.getElementById("legend").replaceChildren(
    ...Object.keys(DATA.styles).filter((name) => won.has(name)).map(legendEntry));
}

function mapOf(panels) {
  const names = Object.keys(DATA.styles);
  const tokens = [...new Set(panels.flatMap((panel) => panel.winners.map((cell) => cell.tokens)))].sort((a, b) => a - b);
  const labels = panels.map((panel) => [panel.short, panel.load].filter(Boolean).join("\n"));
  const cellAt = (panel, size) => panel.winners.find((cell) => cell.tokens === size);
  // Each strategy has two colours: its own, and a pale one for what is not resolved.
  const colour = (cell) => (cell ? 2 * names.indexOf(cell.winner) + (cell.kind === "won" ? 0 : 1) : null);
  const grid = (make) => panels.map((panel) => tokens.map((size) => make(cellAt(panel, size))));
  const steps = names.flatMap((name) => [DATA.styles[name].fill, pale(DATA.styles[name].fill)]);
  const colorscale = steps.flatMap((step, place) => [[place / steps.length, step], [(place + 1) / steps.length, step]]);
  const trace = {
    type: "heatmap", x: tokens.map(String), y: labels.map((label) => plain(label).replace("\n", "<br>")), z: grid(colour), zmin: -0.5,
    zmax: steps.length - 0.5, colorscale, showscale: false, xgap: 2, ygap: 2,
    // The glyph tells colours apart that are alike to some eyes or on paper.
    text: grid((cell) => (cell ? `${cellText(cell)}<br>${DATA.styles[cell.winner].glyph}` : "")),
    texttemplate: "%{text}", textfont: { size: 10 }, hoverongaps: false,
    customdata: grid((cell) => (cell ? plain(`${cell.winner}: ${cellText(cell)}`) : "")),
    hovertemplate: "%{y}<br>%{x} tokens<br>%{customdata}<extra></extra>" };
  const layout = {
    height: 80 + 38 * panels.length, margin: { l: 10, r: 10, t: 8, b: 44 },
    xaxis: { type: "category", title: { text: "tokens in one step, all DP ranks" } },
    yaxis: { type: "category", autorange: "reversed", automargin: true, tickfont: { size: 11 } } };
  const onClick = ({ points }) => {
    choose(panels[points[0].pointIndex[0]]);
    drawChosen();
    document.getElementById("charts").scrollIntoView();
  };
  return { traces: [trace], layout, onClick };
}

function cellText(cell) {
  return `${cell.kind === "won" ? "" : "~"}${short(cell.speedup)}${cell.tied ? "*" : ""}`;
}

function legendEntry(name) {
  const { fill: ground, glyph } = DATA.styles[name];
  const entry = element("li");
  const colour = lightness(ground) < 0.5 ? "#fff" : DATA.ink;
  entry.append(element("span", glyph, { class: "swatch", style: `background:${ground};color:${colour}` }), name);
  return entry;
}

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const lightness = (colour) => channels(colour).reduce((a, b) => a + b, 0) / (3 * 255);
const pale = (colour) => `rgb(${channels(colour).map((part) => Math.round(255 - 0.3 * (255 - part))).join(",")})`;

// The marks of the chosen panels' strategies, and which sets lack these panels.
function listStrategies(panels) {
  const there = new Set(panels.flatMap((panel) => (panel === null ? [] : DATA.lines(panel).map(([name]) => name))));
  const entries = [...there].map((name) => {
    const entry = element("li");
    entry.append(element("span", DATA.styles[name].glyph, { style: `color:${DATA.styles[name].colour}` }), ` ${name}`);
    return entry;
  });
  choiceOf("strategies").replaceChildren(...entries);
  const missing = DATA.sets.filter((_, set) => panels[set] === null);
  choiceOf("missing").textContent = missing.length ? `Not measured in this setting and load: ${missing.join(", ")}.` : "";
}

async function start() {
  if (!("DecompressionStream" in window)) {
    choiceOf("choice").replaceChildren(element("p", "This browser is too old to draw the charts (DecompressionStream)."));
    return;
  }
  DATA = new Data(await unpacked());
  fill("setting", DATA.settings);
  choose(largestPanel());
  choiceOf("setting").addEventListener("change", drawChosen);
  choiceOf("load").addEventListener("change", drawChosen);
  choiceOf("tokens").addEventListener("change", drawChosenLatencies);
  drawChosen();
  drawMaps();
  new Table(document.getElementById("table"), document.getElementById("count"));
  document.body.dataset.ready = "yes";
}

start();
