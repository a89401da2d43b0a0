// The next timers, and the registered names.

import { ask } from "../ask.js";
import { element, number, seconds } from "../dom.js";
import { link } from "./details.js";

export function timers(page) {
  const next = part("timers", ["timer", "sends to", "in"]);
  const named = part("registered names", ["name", "pid", "function"]);
  const filter = element("input", { type: "search", placeholder: "filter names   /", "aria-label": "filter names", oninput: page.again });
  return {
    node: element("div", {}, next.node, element("p", { class: "bar" }, filter), named.node),
    async look() {
      const [timers, names] = await Promise.all([ask("timers"), ask("names", { word: filter.value })]);
      next.fill(
        `${number(timers.all)} timers`,
        timers.rows.map((row) => [row.ref, row.to.startsWith("<") ? link(page, row.to) : row.to, seconds(row.left)]),
      );
      named.fill(
        `${number(names.found)} of ${number(names.all)} names`,
        names.rows.map((row) => [element("b", {}, row.name), link(page, row.pid), row.function]),
      );
    },
  };
}

function part(title, columns) {
  const head = element("h2", {}, title);
  const body = element("tbody");
  const heads = columns.map((column) => element("th", { scope: "col" }, column));
  const node = element("section", {}, head, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body));
  return {
    node,
    fill(text, rows) {
      head.textContent = text;
      if (body.contains(document.activeElement)) return; // the focus would be lost
      body.replaceChildren(
        ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", { class: "mono" }, cell)))),
      );
    },
  };
}
