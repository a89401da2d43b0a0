// A table whose rows come from the program, some at a time: sorted, filtered and turned by keys.

import { element, number } from "./dom.js";

const ROWS = 40;

export class Table {
  // columns: {key, title, sort, kind: "number" | "text", show(row) -> a text or node}
  // enter: is called when Enter is pressed in a row.
  constructor({ name, columns, sort, down, key, choose, enter, options = [] }) {
    Object.assign(this, { columns, sort, down, key, choose, enter });
    this.first = 0;
    this.found = 0;
    this.chosen = null;
    this.held = false;
    this.rows = new Map();
    this.filter = element("input", {
      type: "search",
      placeholder: "filter   /",
      "aria-label": "filter",
      oninput: () => this.restart(),
    });
    this.count = element("span", { "aria-live": "off" });
    this.flags = options.map(({ flag, text }) => {
      const box = element("input", { type: "checkbox", onchange: () => this.restart() });
      return { flag, box, label: element("label", {}, box, text) };
    });
    this.body = element("tbody", {
      onpointerenter: () => (this.held = true),
      onpointerleave: () => (this.held = false),
    });
    this.heads = columns.map((column) => this.head(column));
    const table = element(
      "table",
      { role: "grid", "aria-label": name, onkeydown: (event) => this.pressed(event) },
      element("thead", {}, element("tr", {}, ...this.heads)),
      this.body,
    );
    this.node = element(
      "div",
      {},
      element("div", { class: "bar" }, this.filter, this.count, ...this.flags.map((each) => each.label)),
      element("div", { class: "wide" }, table),
    );
    this.changed = () => {};
  }

  head(column) {
    const title = column.sort
      ? element("button", { onclick: () => this.turn(column.sort) }, column.title)
      : column.title;
    return element("th", { scope: "col", class: column.kind === "number" ? "number" : null }, title);
  }

  turn(sort) {
    if (this.sort === sort) this.down = !this.down;
    else [this.sort, this.down] = [sort, true];
    this.restart();
  }

  restart() {
    this.first = 0;
    this.held = false;
    this.changed();
  }

  parameters() {
    const asked = {
      sort: this.sort,
      down: this.down ? 1 : 0,
      first: this.first,
      count: ROWS,
      word: this.filter.value,
    };
    for (const { flag, box } of this.flags) asked[flag] = box.checked ? 1 : 0;
    // While the pointer is over the rows they stay where they are: who wants to click one must not miss.
    if (this.held && this.rows.size) asked.only = [...this.rows.keys()].join(",");
    return asked;
  }

  fill(answer) {
    this.found = answer.found;
    const last = Math.min(answer.first + ROWS, answer.found);
    this.count.textContent = this.held
      ? "held while the pointer is here"
      : `${number(answer.found)} of ${number(answer.all)}; rows ${number(Math.min(answer.first + 1, last))} to ${number(last)}`;
    this.columns.forEach((column, index) => {
      const sorted = column.sort !== undefined && column.sort === this.sort;
      if (sorted) this.heads[index].setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else this.heads[index].removeAttribute("aria-sort");
    });
    const fresh = new Map(answer.rows.map((row) => [row[this.key], row]));
    if (this.held) {
      for (const [key, shown] of this.rows) this.write(shown, fresh.get(key));
      return;
    }
    const had = this.body.contains(document.activeElement);
    const rows = new Map();
    for (const [key, row] of fresh) {
      const shown = this.rows.get(key) ?? this.make(key);
      this.write(shown, row);
      rows.set(key, shown);
    }
    this.rows = rows;
    this.body.replaceChildren(...rows.values());
    this.mark(had);
  }

  make(key) {
    return element(
      "tr",
      { tabindex: "-1", onclick: () => this.pick(key), onfocus: () => this.pick(key) },
      ...this.columns.map((column) => element("td", { class: column.kind ?? null })),
    );
  }

  write(shown, row) {
    shown.classList.toggle("gone", row === undefined);
    if (row === undefined) return;
    this.columns.forEach((column, index) => {
      const value = column.show(row) ?? "";
      const cell = shown.cells[index];
      if (value instanceof Node) cell.replaceChildren(value);
      else if (cell.textContent !== String(value)) cell.textContent = value;
      if (column.wrong) cell.classList.toggle("wrong", column.wrong(row));
    });
  }

  pick(key) {
    if (this.chosen === key) return;
    this.chosen = key;
    this.mark(false);
    this.choose?.(key);
  }

  // Lead the focus back to the chosen row.
  focus() {
    (this.rows.get(this.chosen) ?? this.body.rows[0])?.focus();
  }

  // One row can be reached by Tab: the chosen one, else the first. The arrows lead to the others.
  mark(focus) {
    const chosen = this.rows.get(this.chosen);
    for (const [key, shown] of this.rows) {
      shown.setAttribute("aria-selected", key === this.chosen);
      shown.tabIndex = -1;
    }
    const reached = chosen ?? this.body.rows[0];
    if (reached) reached.tabIndex = 0;
    if (focus && reached) reached.focus({ preventScroll: true });
  }

  pressed(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const pages = { PageDown: 1, PageUp: -1 };
    const row = document.activeElement.closest?.("tbody tr");
    if (event.key in pages) {
      this.page(pages[event.key]);
    } else if (event.key === "Home" || event.key === "End") {
      this.page(event.key === "Home" ? -Infinity : Infinity);
    } else if (event.key === "Enter" && event.target === row && this.enter) {
      this.enter();
    } else if (event.key in steps && row) {
      const next = steps[event.key] > 0 ? row.nextElementSibling : row.previousElementSibling;
      if (next) next.focus();
      else this.page(steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }

  page(step) {
    const last = Math.max(0, Math.floor((this.found - 1) / ROWS) * ROWS);
    this.first = Math.min(Math.max(0, this.first + step * ROWS), last);
    this.held = false;
    this.changed();
  }
}
