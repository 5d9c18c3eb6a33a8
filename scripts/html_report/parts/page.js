// Starts the page: what can be chosen, and what is drawn of it.

const byId = (id) => document.getElementById(id);

function fill(id, values) {
  byId(id).replaceChildren(...values.map(
    (value) => element("option", String(value) || "the only one", { value })));
}

// Fills it anew; what was chosen stays where it can.
function refill(id, values) {
  const before = byId(id).value;
  fill(id, values);
  if (values.map(String).includes(before)) byId(id).value = before;
}

// The loads and sizes that the chosen setting has.
function offerChoices() {
  const setting = byId("setting").value;
  refill("load", DATA.loads.filter(
    (load) => DATA.chosen(setting, load).some((panel) => panel !== null)));
  refill("tokens", DATA.tokensOf(chosenPanels()));
}

function chosenPanels() {
  return DATA.chosen(byId("setting").value, byId("load").value);
}

function choose(panel) {
  byId("setting").value = panel.setting;
  offerChoices();
  byId("load").value = panel.load;
  drawChosen();
}

// The first of those that most sets have, and of these with most cells.
function largestPanel() {
  const there = new Map();
  const key = ({ setting, load }) => JSON.stringify([setting, load]);
  for (const panel of DATA.panels) there.set(key(panel), (there.get(key(panel)) ?? 0) + 1);
  const size = (panel, place) => there.get(key(panel)) + 1 - 1 / DATA.cellsOfPanel[place].length;
  const sizes = DATA.panels.map(size);
  return DATA.panels[sizes.indexOf(Math.max(...sizes))];
}

function drawChosen() {
  offerChoices();
  const panels = chosenPanels();
  listStrategies(panels);
  drawChosenSpeedups();
  listCrossovers(panels);
  drawBandwidths(panels);
  drawPhases(panels);
  drawChosenLatencies();
}

function drawChosenSpeedups() {
  drawSpeedups(chosenPanels(), byId("region").value);
}

function drawChosenLatencies() {
  drawLatencies(chosenPanels(), Number(byId("tokens").value));
}

// The marks of the chosen panels' strategies, and which sets lack these panels.
function listStrategies(panels) {
  const lines = panels.flatMap((panel) => (panel === null ? [] : DATA.lines(panel)));
  const there = new Set(lines.map(([name]) => name));
  byId("strategies").replaceChildren(...[...there].map((name) => {
    const { colour, glyph } = DATA.styles[name];
    const entry = element("li");
    entry.append(element("span", glyph, { style: `color:${colour}` }), ` ${name}`);
    return entry;
  }));
  const missing = DATA.sets.filter((_, set) => panels[set] === null).join(", ");
  byId("missing").textContent = missing && `Not measured in this setting and load: ${missing}.`;
}

async function start() {
  if (!("DecompressionStream" in window)) {
    const why = "This browser is too old to draw the charts: it has no DecompressionStream.";
    byId("choice").replaceChildren(element("p", why));
    return;
  }
  DATA = new Data(await unpacked());
  fill("setting", DATA.settings);
  byId("setting").addEventListener("change", drawChosen);
  byId("load").addEventListener("change", drawChosen);
  byId("region").addEventListener("change", drawChosenSpeedups);
  byId("tokens").addEventListener("change", drawChosenLatencies);
  choose(largestPanel());
  drawMaps((panel) => {
    choose(panel);
    byId("charts").scrollIntoView();
  });
  new Table(byId("table"), byId("count"));
  document.body.dataset.ready = "yes";
}

start();
