// A plain table: a row is made anew only when it has changed, and never while it has the focus.

import { element } from "./dom.js";

// `cells` makes the cells of a row: texts or nodes.
export function plainTable(name, columns, cells) {
  const body = element("tbody");
  const heads = columns.map((column) => element("th", { scope: "col" }, column));
  let shown = new Map();
  return {
    node: element(
      "div",
      { class: "wide" },
      element("table", { "aria-label": name }, element("thead", {}, element("tr", {}, ...heads)), body),
    ),
    fill(rows) {
      if (body.contains(document.activeElement)) return;
      const fresh = new Map();
      for (const row of rows) {
        const text = JSON.stringify(row);
        fresh.set(text, shown.get(text) ?? element("tr", {}, ...cells(row).map((cell) => element("td", { class: "mono" }, cell))));
      }
      const same = fresh.size === shown.size && [...fresh.keys()].every((text) => shown.has(text));
      if (!same) body.replaceChildren(...fresh.values());
      shown = fresh;
    },
  };
}
