// The table of all cells, which sorts and filters. Only the rows in view are in the page.

const ROW_HEIGHT = 26;
const TITLES = {
  combine: "strategy", output_us: "output step, µs", over_engine: "speed-up over reference",
  over_baseline: "speed-up over baseline", verdict: "over reference, in words",
  layer_us: "layer, µs", busbw_gbps: "busbw, GB/s", engine_path: "run by",
};
// In pixels; so that on a wide screen no scrolling is needed to see a row's verdict.
const WIDTHS = { combine: 215, verdict: 105, engine_path: 150, model: 150, set: 115, load: 105 };
const INTERVAL_WIDTH = 158, OTHER_WIDTH = 76;

class Table {
  constructor(place, count) {
    this.place = place;
    this.count = count;
    this.filters = new Map();
    this.sorted = { column: null, descending: false };
    const sets = DATA.sets.length > 1 ? ["set"] : [];
    this.columns = [...sets, ...DATA.table.filter((name) => this.isThere(name))];
    this.build();
    this.update();
  }

  isThere(name) {
    return this.setting(name) >= 0 || Boolean(DATA.cells[name]);
  }

  // The place among the values of a panel, for columns that a panel's cells share; else -1.
  setting(name) {
    const place = DATA.table.indexOf(name);
    return place < DATA.panels[0].values.length ? place : -1;
  }

  value(name, cell) {
    const panel = DATA.panels[DATA.cells.panel[cell]];
    if (name === "set") return DATA.sets[panel.set];
    const place = this.setting(name);
    return place >= 0 ? panel.values[place] : DATA.value(name, cell);
  }

  isText(name) {
    return name === "set" || this.setting(name) >= 0 || DATA.isText(name);
  }

  text(name, cell) {
    const value = this.value(name, cell);
    if (value === null) return "";
    if (this.isText(name) || Number.isInteger(value)) return String(value);
    return hasInterval(name) ? intervalText(cell, name) : short(value);
  }

  build() {
    const widths = this.columns.map(
      (name) => WIDTHS[name] ?? (hasInterval(name) ? INTERVAL_WIDTH : OTHER_WIDTH));
    const table = element("table", "", { style: `width:${widths.reduce((a, b) => a + b, 0)}px` });
    const columns = element("colgroup");
    columns.append(...widths.map((width) => element("col", "", { style: `width:${width}px` })));
    const head = element("thead");
    const titles = element("tr");
    titles.append(...this.columns.map((name) => this.heading(name)));
    head.append(titles);
    this.body = element("tbody");
    table.append(columns, head, this.body);
    this.place.replaceChildren(table);
    this.place.addEventListener("scroll", () => this.show(), { passive: true });
  }

  heading(name) {
    const title = TITLES[name] ?? name;
    const cell = element("th", "", { scope: "col", "data-column": name, "aria-sort": "none" });
    const button = element("button", title, { type: "button" });
    button.addEventListener("click", () => this.sortBy(name));
    const input = element("input", "", { type: "search", "aria-label": `filter ${title}` });
    input.addEventListener("input", () => {
      const filter = this.isText(name) ? textFilter : numberFilter;
      this.filters.set(name, filter(input.value));
      this.update();
    });
    cell.append(button, input);
    return cell;
  }

  sortBy(name) {
    const again = this.sorted.column === name;
    this.sorted = { column: name, descending: again && !this.sorted.descending };
    for (const heading of this.place.querySelectorAll("th")) {
      const direction = this.sorted.descending ? "descending" : "ascending";
      heading.setAttribute("aria-sort", heading.dataset.column === name ? direction : "none");
    }
    this.update();
  }

  update() {
    const filters = [...this.filters].filter(([, passes]) => passes);
    this.shown = [];
    for (let cell = 0; cell < DATA.count; cell += 1) {
      if (filters.every(([name, passes]) => passes(this.value(name, cell)))) this.shown.push(cell);
    }
    const { column, descending } = this.sorted;
    if (column) this.shown.sort(this.order(column, descending ? -1 : 1));
    this.count.textContent = `${this.shown.length} of ${DATA.count} rows`;
    this.place.scrollTop = 0;
    this.show();
  }

  // Cells without a value come last either way.
  order(name, sign) {
    const collator = new Intl.Collator("en", { numeric: true });
    const compare = this.isText(name) ? collator.compare : (a, b) => a - b;
    return (a, b) => {
      const [left, right] = [this.value(name, a), this.value(name, b)];
      if (left === null || right === null) return (left === null) - (right === null);
      return sign * compare(left, right);
    };
  }

  show() {
    const above = Math.max(0, Math.floor(this.place.scrollTop / ROW_HEIGHT) - 5);
    const end = above + Math.ceil(this.place.clientHeight / ROW_HEIGHT) + 10;
    const rows = this.shown.slice(above, end).map((cell) => this.row(cell));
    const below = Math.max(0, this.shown.length - end);
    this.body.replaceChildren(this.gap(above), ...rows, this.gap(below));
  }

  row(cell) {
    const row = element("tr");
    row.append(...this.columns.map((name) => {
      const text = this.text(name, cell);
      return element("td", text, { title: text, class: this.isText(name) ? "" : "number" });
    }));
    return row;
  }

  gap(count) {
    const row = element("tr", "", { class: "gap" });
    const style = `height:${count * ROW_HEIGHT}px`;
    row.append(element("td", "", { colspan: this.columns.length, style }));
    return row;
  }
}

function hasInterval(name) {
  return Boolean(DATA.cells[`${name}_low`]);
}

function textFilter(wanted) {
  const part = wanted.trim().toLowerCase();
  return part ? (value) => value !== null && value.toLowerCase().includes(part) : null;
}

// A number alone is the value as it is; what is no number yet filters nothing.
function numberFilter(wanted) {
  const number = /^(<=|>=|<|>|=)?\s*(-?[\d.]+(?:e[+-]?\d+)?)$/i;
  const [, sign, digits] = wanted.trim().match(number) ?? [];
  if (digits === undefined) return null;
  const bound = Number(digits);
  const tests = { "<": (x) => x < bound, "<=": (x) => x <= bound, ">": (x) => x > bound,
                  ">=": (x) => x >= bound };
  const passes = tests[sign] ?? ((x) => x === bound);
  return (value) => value !== null && passes(value);
}
