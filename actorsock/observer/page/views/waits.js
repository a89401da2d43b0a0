// Who waits for whom. A circle never goes on by itself.

import { ask } from "../ask.js";
import { element, number } from "../dom.js";
import { link } from "./details.js";

export function waits(page) {
  const circles = element("div", { role: "status" });
  const body = element("tbody");
  const count = element("p", { class: "bar" });
  const node = element(
    "div",
    {},
    circles,
    count,
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element("tr", {}, ...["pid", "process", "waits for"].map((title) => element("th", { scope: "col" }, title))),
      ),
      body,
    ),
  );
  let told = "";
  return {
    node,
    async look() {
      const answer = await ask("waits");
      const text = JSON.stringify(answer.circles);
      if (text !== told) {
        told = text;
        circles.replaceChildren(...answer.circles.map((circle) => drawn(page, circle)));
      }
      count.textContent = `${number(answer.all)} processes wait for others`;
      body.replaceChildren(
        ...answer.edges.map((edge) =>
          element(
            "tr",
            {},
            element("td", {}, link(page, edge.pid)),
            element("td", {}, edge.name),
            element("td", { class: edge.stuck ? "mono wrong" : "mono" }, edge.waits),
          ),
        ),
      );
    },
  };
}

function drawn(page, circle) {
  return element(
    "p",
    { class: "wrong" },
    element("b", {}, "These wait for each other and will never go on: "),
    ...circle.flatMap((pid) => [link(page, pid), " → "]),
    link(page, circle[0]),
  );
}
