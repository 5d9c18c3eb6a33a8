// Reads what the page draws from. Texts from files come as they are: they go into the page as text
// nodes, and into drawings by way of plain().

let DATA; // Set once, before anything is drawn.

async function unpacked() {
  const letters = atob(document.getElementById("data").textContent.trim());
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// All of the page's data, and the cells of each panel by their places in the columns.
class Data {
  constructor(raw) {
    Object.assign(this, raw);
    this.count = this.cells.panel.length;
    this.cellsOfPanel = this.panels.map(() => []);
    this.cells.panel.forEach((panel, cell) => this.cellsOfPanel[panel].push(cell));
  }

  // A number, a text, or null where there is none.
  value(column, cell) {
    const values = this.cells[column];
    if (!values) return null;
    return values.words ? values.words[values.places[cell]] : values[cell];
  }

  // Both ends of the interval of a column.
  ends(column, cell) {
    return [this.value(`${column}_low`, cell), this.value(`${column}_high`, cell)];
  }

  isText(column) {
    return Boolean(this.cells[column]?.words);
  }

  // Of each set its panel of a setting and load, null where it has none.
  chosen(setting, load) {
    const found = this.sets.map(() => null);
    this.panels.forEach((panel, place) => {
      if (panel.setting === setting && panel.load === load) found[panel.set] = place;
    });
    return found;
  }

  // Cells of a panel by strategy, in the order of the styles, by rising tokens.
  lines(panel) {
    const lines = new Map(Object.keys(this.styles).map((name) => [name, []]));
    for (const cell of this.cellsOfPanel[panel]) lines.get(this.value("combine", cell)).push(cell);
    return [...lines].filter(([, cells]) => cells.length);
  }

  cellsOf(panels) {
    return panels.flatMap((panel) => (panel === null ? [] : this.cellsOfPanel[panel]));
  }

  tokensOf(panels) {
    return rising(this.cellsOf(panels).map((cell) => this.value("tokens", cell)));
  }

  // What a log axis has to reach: the values of a column and the ends of their intervals.
  valuesOf(panels, column) {
    return this.cellsOf(panels)
      .flatMap((cell) => [this.value(column, cell), ...this.ends(column, cell)])
      .filter((value) => value > 0);
  }
}

function rising(numbers) {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

// Three digits, as texts on the page show numbers.
function short(number) {
  return number === null ? "" : String(Number(number.toPrecision(3)));
}

function atCell(cell) {
  return `${DATA.value("combine", cell)}, ${DATA.value("tokens", cell)} tokens`;
}

function intervalText(cell, column) {
  const [low, high] = DATA.ends(column, cell);
  const text = short(DATA.value(column, cell));
  return low === null || high === null ? text : `${text} [${short(low)}, ${short(high)}]`;
}
