// The next timers, and the registered names.

import { ask } from "../ask.js";
import { element, number, seconds } from "../dom.js";
import { plainTable } from "../rows.js";
import { link } from "./details.js";

export function timers(page) {
  const next = part("timers", ["timer", "sends to", "in"], (row) => [
    row.ref,
    row.to.startsWith("<") ? link(page, row.to) : row.to,
    seconds(row.left),
  ]);
  const named = part("registered names", ["name", "pid", "function"], (row) => [
    element("b", {}, row.name),
    link(page, row.pid),
    row.function,
  ]);
  const filter = element("input", { type: "search", placeholder: "filter names   /", "aria-label": "filter names", oninput: page.again });
  return {
    node: element("div", {}, next.node, element("p", { class: "bar" }, filter), named.node),
    async look() {
      const [timers, names] = await Promise.all([ask("timers"), ask("names", { word: filter.value })]);
      const shown = timers.rows.length < timers.all ? `, the next ${number(timers.rows.length)}` : "";
      next.fill(`${number(timers.all)} timers${shown}`, timers.rows);
      const some = names.rows.length < names.found ? `, the first ${number(names.rows.length)}` : "";
      named.fill(`${number(names.found)} of ${number(names.all)} names${some}`, names.rows);
    },
  };
}

function part(name, columns, cells) {
  const head = element("h2", {}, name);
  const table = plainTable(name, columns, cells);
  return {
    node: element("section", { "aria-label": name }, head, table.node),
    fill(text, rows) {
      head.textContent = text;
      table.fill(rows);
    },
  };
}
