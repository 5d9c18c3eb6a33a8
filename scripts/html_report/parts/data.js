// Reads what the page draws from. Texts from files come as they are: they go into the page as text
// nodes, and into drawings by way of plain().

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

  isText(column) {
    return Boolean(this.cells[column]?.words);
  }

  // The panels of a setting and load, one of each set at most: those of the strongest claim.
  chosen(setting, load) {
    const found = this.sets.map(() => null);
    this.panels.forEach((panel, place) => {
      const fits = panel.setting === setting && panel.load === load;
      if (fits && found[panel.set] === null) found[panel.set] = place;
    });
    return found;
  }

  // Cells of a panel by strategy, in the order of the styles, by rising tokens.
  lines(panel) {
    const lines = new Map(Object.keys(this.styles).map((name) => [name, []]));
    for (const cell of this.cellsOfPanel[panel]) lines.get(this.value("combine", cell)).push(cell);
    for (const cells of lines.values()) {
      cells.sort((a, b) => this.value("tokens", a) - this.value("tokens", b));
    }
    return [...lines].filter(([, cells]) => cells.length);
  }

  tokensOf(panels) {
    const cells = panels.filter((panel) => panel !== null).flatMap((panel) => this.cellsOfPanel[panel]);
    return [...new Set(cells.map((cell) => this.value("tokens", cell)))].sort((a, b) => a - b);
  }
}

// Three digits, as texts on the page show numbers.
function short(number) {
  return number === null ? "" : String(Number(number.toPrecision(3)));
}
