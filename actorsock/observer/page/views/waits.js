// Who waits for whom. Only a time-out can end a circle.

import { ask } from "../ask.js";
import { element, number } from "../dom.js";
import { plainTable } from "../rows.js";
import { link } from "./details.js";

export function waits(page) {
  const circles = element("div", { role: "status" });
  const filter = element("input", { type: "search", placeholder: "filter   /", "aria-label": "filter", oninput: page.again });
  const count = element("span");
  const table = plainTable("who waits for whom", ["pid", "process", "waits for"], (edge) => [
    link(page, edge.pid),
    edge.name,
    element("span", { class: edge.stuck ? "wrong" : null }, edge.waits),
  ]);
  let told = "";
  return {
    node: element("div", {}, circles, element("p", { class: "bar" }, filter, count), table.node),
    async look() {
      const answer = await ask("waits", { word: filter.value });
      const text = JSON.stringify(answer.circles);
      if (text !== told) {
        told = text;
        circles.replaceChildren(...answer.circles.map((circle) => drawn(page, circle)));
      }
      const shown = answer.edges.length;
      count.textContent =
        `${number(answer.all)} processes wait for others` +
        (shown < answer.all ? `; ${number(answer.found)} have the word, ${number(shown)} are shown` : "");
      // A row says for how long its process has waited: so it is made anew at each look.
      table.fill(answer.edges);
    },
  };
}

function drawn(page, circle) {
  return element(
    "p",
    { class: "wrong" },
    element("b", {}, "These wait for each other; only a time-out can end that: "),
    ...circle.flatMap((pid) => [link(page, pid), " → "]),
    link(page, circle[0]),
  );
}
