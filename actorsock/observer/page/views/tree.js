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
  let boxes = []; // in the order in which they are read: {shape, level, pid}

  function reach(box) {
    for (const other of boxes) other.shape.setAttribute("tabindex", other === box ? "0" : "-1");
  }

  function pressed(event) {
    const at = boxes.findIndex((box) => box.shape === event.target.closest("[role=treeitem]"));
    if (at < 0) return;
    const { level, pid } = boxes[at];
    const before = boxes.slice(0, at);
    const child = boxes[at + 1]?.level > level ? boxes[at + 1] : undefined;
    const next = {
      ArrowDown: boxes[at + 1],
      ArrowUp: boxes[at - 1],
      ArrowRight: child,
      ArrowLeft: before.findLast((box) => box.level < level),
      Home: boxes[0],
      End: boxes.at(-1),
    };
    if (event.key in next) {
      if (next[event.key]) {
        reach(next[event.key]);
        next[event.key].shape.focus();
      }
    } else if ((event.key === "Enter" || event.key === " ") && pid) {
      page.show(pid);
    } else {
      return;
    }
    event.preventDefault();
  }

  return {
    node: element("div", { onkeydown: pressed }, place, more),
    async look() {
      const answer = await ask("tree", { depth: 4, count: 6 });
      const text = JSON.stringify(answer);
      if (text === drawn) return;
      drawn = text;
      more.textContent = answer.more ? `and ${number(answer.more)} more` : "";
      const had = place.contains(document.activeElement) ? document.activeElement.dataset.pid : undefined;
      const shapes = [];
      boxes = [];
      let row = 0;
      let deepest = 0;

      // Returns the height of the middle of what it has drawn.
      function put(node, level) {
        deepest = Math.max(deepest, level);
        const own = { level, pid: node.pid };
        boxes.push(own);
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
        own.shape = box(page, node, level, middle);
        return middle;
      }

      for (const root of answer.roots) {
        put(root, 0);
        row += 0.4;
      }
      const width = (deepest + 1) * ACROSS + 40;
      // The boxes come last, in the order in which they are read.
      shapes.push(...boxes.map((each) => each.shape));
      place.replaceChildren(
        drawing("svg", { width, height: row * DOWN + 10, role: "tree", "aria-label": "trees of processes" }, ...shapes),
      );
      const reached = boxes.find((each) => had !== undefined && each.shape.dataset.pid === had) ?? boxes[0];
      if (!reached) return;
      reach(reached);
      if (had !== undefined) reached.shape.focus({ preventScroll: true });
    },
  };
}

function branch(level, from, to) {
  const left = level * ACROSS + 20 + WIDTH;
  const right = (level + 1) * ACROSS + 20;
  const middle = (left + right) / 2;
  return drawing("path", { class: "branch", d: `M${left},${from} C${middle},${from} ${middle},${to} ${right},${to}` });
}

function box(page, node, level, middle) {
  const x = level * ACROSS + 20;
  const name = node.name ?? node.label ?? node.id ?? node.function.replace(/^.*:/, "");
  const pid = node.pid ?? "does not run";
  const room = Math.floor((WIDTH - 26) / 7.3) - pid.length;
  const cut = name.length > room ? `${name.slice(0, Math.max(1, room - 1))}…` : name;
  const y = middle - HEIGHT / 2;
  const hidden = node.more ? `, ${number(node.more)} more below it` : "";
  return drawing(
    "a",
    {
      class: node.type,
      role: "treeitem",
      "aria-level": String(level + 1),
      "aria-label": `${name} ${pid}, ${node.type}${hidden}`,
      "data-pid": pid,
      onclick: () => node.pid && page.show(node.pid),
    },
    drawing("title", {}, `${name} ${pid} ${node.function}`),
    drawing("rect", { class: "box", x, y, width: WIDTH, height: HEIGHT, rx: node.type === "supervisor" ? 2 : 12 }),
    drawing("text", { x: x + 10, y: middle + 4 }, cut),
    drawing("text", { class: "pid", x: x + WIDTH - 10, y: middle + 4, "text-anchor": "end" }, pid),
  );
}
