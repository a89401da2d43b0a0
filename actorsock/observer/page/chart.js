// A sequence chart: a line for each process and socket, and an arrow for what passes between two.
// The program decides what is shown; this only draws it.

import { drawing, element } from "./dom.js";

const GAP = 170; // between two lines
const ROW = 26; // from one row to the next
const HEAD = 36;
const LEFT = 90; // for the times

const x = (line) => LEFT + GAP / 2 + GAP * line;

// `choose` is called with the handle or name of a lifeline whose head is pressed.
export function chart(told, choose) {
  const width = LEFT + GAP * told.lifelines.length;
  const height = ROW * told.rows.length + 12;
  const ends = new Map();
  told.rows.forEach((row, index) => row.kind === "end" && ends.set(row.source, ROW * (index + 0.75)));
  const lines = told.lifelines.map((_, line) =>
    drawing("path", { class: "life", d: `M${x(line)},0 V${ends.get(line) ?? height}` }),
  );
  return [
    drawing("svg", { class: "heads", width, height: HEAD, role: "group", "aria-label": "lifelines" }, ...heads(told, choose)),
    drawing(
      "svg",
      { width, height, role: "img", "aria-label": `sequence chart: ${told.rows.length} rows, ${told.lifelines.length} lifelines` },
      ...lines,
      ...told.rows.flatMap(drawn),
    ),
  ];
}

function heads(told, choose) {
  return told.lifelines.map(({ name, handle }, line) => {
    const texts = [
      drawing("title", {}, `${name} ${handle}`),
      drawing("rect", { class: "head", x: x(line) - GAP / 2 + 6, y: 0, width: GAP - 12, height: HEAD - 2, rx: 4 }),
      drawing("text", { class: "who", x: x(line), y: 14, "text-anchor": "middle" }, cut(name)),
      drawing("text", { class: "pid", x: x(line), y: 29, "text-anchor": "middle" }, cut(handle)),
    ];
    if (told.folded && line === told.lifelines.length - 1) return drawing("g", {}, ...texts);
    const word = /^[<#]/.test(handle) ? handle : name;
    const press = (event) => {
      event.preventDefault();
      choose(word);
    };
    return drawing(
      "a",
      {
        tabindex: "0",
        role: "button",
        "data-word": word,
        "aria-label": `show the lifeline ${name} ${handle} alone, or not`,
        onclick: press,
        onkeydown: (event) => (event.key === "Enter" || event.key === " ") && press(event),
      },
      ...texts,
    );
  });
}

function drawn(row, index) {
  const y = ROW * (index + 0.75);
  const here = x(row.source);
  const label = cut(row.label, 44);
  const shapes = [drawing("text", { class: "time", x: 4, y }, `${(1000 * row.at).toFixed(2)} ms`)];
  if (row.kind === "end") shapes.push(drawing("path", { class: "end", d: `M${here - 5},${y - 5} l10,10 m0,-10 l-10,10` }));
  if (row.target !== null && row.target !== row.source) {
    const there = x(row.target);
    const head = there > here ? -7 : 7;
    shapes.push(drawing("path", { class: `arrow ${row.kind}`, d: `M${here},${y} H${there} m${head},-4 L${there},${y} l${head},4` }));
    shapes.push(drawing("text", { class: "label", x: (here + there) / 2, y: y - 5, "text-anchor": "middle" }, label));
  } else {
    if (row.kind !== "end") shapes.push(drawing("circle", { class: "dot", cx: here, cy: y, r: 3 }));
    shapes.push(drawing("text", { class: "label", x: here + 8, y: y + 4 }, label));
  }
  return shapes;
}

// The place of a chart, which is scrolled and turned by keys, and what is said about it.
export function chartPlace({ turn, choose }) {
  const place = element("div", {
    class: "wide chart",
    tabindex: "0",
    role: "region",
    "aria-label": "sequence chart; PageUp and PageDown turn its pages, Home and End lead to the first and the last",
    onkeydown(event) {
      const step = { PageUp: -1, PageDown: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      turn(step);
    },
  });
  return {
    node: place,
    fill(told) {
      const focused = place.contains(document.activeElement) ? document.activeElement.dataset.word : undefined;
      const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 2;
      place.replaceChildren(...(told.lifelines.length ? chart(told, choose) : []));
      if (atEnd) place.scrollTop = place.scrollHeight;
      if (focused === undefined) return;
      const same = [...place.querySelectorAll("[data-word]")].find((head) => head.dataset.word === focused);
      (same ?? place).focus({ preventScroll: true });
    },
  };
}

function cut(text, most = 22) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
