// The trees of processes, drawn from the left to the right: supervisors square, workers round.

import { ask } from "../ask.js";
import { drawing, element, number } from "../dom.js";

const WIDTH = 190;
const HEIGHT = 26;
const ACROSS = 216; // from one level to the next
const DOWN = 32; // from one box to the next

export function tree(page) {
  const place = element("div", { class: "tree wide" });
  const more = element("p", { class: "dim" });
  let drawn = "";
  return {
    node: element("div", {}, place, more),
    async look() {
      const answer = await ask("tree", { depth: 4, count: 6 });
      const text = JSON.stringify(answer);
      if (text === drawn) return;
      drawn = text;
      more.textContent = answer.more ? `and ${number(answer.more)} more` : "";
      const shapes = [];
      let row = 0;
      let deepest = 0;

      // Returns the height of the middle of what it has drawn.
      function put(node, level) {
        deepest = Math.max(deepest, level);
        const middles = node.children.map((child) => put(child, level + 1));
        if (node.more > 0) {
          middles.push(null);
          deepest = Math.max(deepest, level + 1);
          const x = (level + 1) * ACROSS + 30;
          shapes.push(drawing("text", { class: "more", x, y: row * DOWN + 18 }, `and ${number(node.more)} more`));
          row += 1;
        }
        const known = middles.filter((middle) => middle !== null);
        const middle = known.length ? (known[0] + known.at(-1)) / 2 : row * DOWN + HEIGHT / 2 + 2;
        if (!known.length && !(node.more > 0)) row += 1;
        for (const other of known) shapes.push(branch(level, middle, other));
        shapes.push(box(page, node, level * ACROSS + 20, middle));
        return middle;
      }

      for (const root of answer.roots) {
        put(root, 0);
        row += 0.4;
      }
      const width = (deepest + 1) * ACROSS + 40;
      place.replaceChildren(
        drawing("svg", { width, height: row * DOWN + 10, role: "group", "aria-label": "trees of processes" }, ...shapes),
      );
    },
  };
}

function branch(level, from, to) {
  const left = level * ACROSS + 20 + WIDTH;
  const right = (level + 1) * ACROSS + 20;
  const middle = (left + right) / 2;
  return drawing("path", { class: "branch", d: `M${left},${from} C${middle},${from} ${middle},${to} ${right},${to}` });
}

function box(page, node, x, middle) {
  const name = node.name ?? node.label ?? node.id ?? node.function.replace(/^.*:/, "");
  const pid = node.pid ?? "does not run";
  const room = Math.floor((WIDTH - 26) / 7.3) - pid.length;
  const cut = name.length > room ? `${name.slice(0, Math.max(1, room - 1))}…` : name;
  const y = middle - HEIGHT / 2;
  const shown = [
    drawing("title", {}, `${name} ${pid} ${node.function}`),
    drawing("rect", { class: "box", x, y, width: WIDTH, height: HEIGHT, rx: node.type === "supervisor" ? 2 : 12 }),
    drawing("text", { x: x + 10, y: middle + 4 }, cut),
    drawing("text", { class: "pid", x: x + WIDTH - 10, y: middle + 4, "text-anchor": "end" }, pid),
  ];
  if (!node.pid) return drawing("g", { class: node.type }, ...shown);
  const open = (event) => {
    event.preventDefault();
    page.show(node.pid);
  };
  return drawing(
    "a",
    { class: node.type, tabindex: "0", role: "button", onclick: open, onkeydown: (event) => event.key === "Enter" && open(event) },
    ...shown,
  );
}
