// A sequence chart: a line for each process and socket, and an arrow for what passes between two.

import { drawing } from "./dom.js";

const GAP = 170; // between two lines
const ROW = 26; // from one event to the next
const HEAD = 34;
const LEFT = 90; // for the times

// What leads from the process to the other one, and what comes from there.
const TO = new Set(["send", "spawn", "link", "unlink", "ask", "close"]);
const FROM = new Set(["receive", "spawned", "getting_linked", "answer"]);

export function chart(events) {
  const names = new Map();
  for (const event of events) {
    if (!names.has(event.pid)) names.set(event.pid, event.name);
    else if (event.name) names.set(event.pid, event.name);
    if (event.other && !names.has(event.other)) names.set(event.other, null);
  }
  const keys = [...names.keys()];
  const x = (key) => LEFT + GAP / 2 + GAP * keys.indexOf(key);
  const height = HEAD + ROW * events.length + 10;
  const shapes = keys.flatMap((key) => [
    drawing("text", { class: "who", x: x(key), y: 14, "text-anchor": "middle" }, cut(names.get(key) ?? "")),
    drawing("text", { class: "pid", x: x(key), y: 28, "text-anchor": "middle" }, key),
    drawing("path", { class: "life", d: `M${x(key)},${HEAD} V${height}` }),
  ]);
  events.forEach((event, index) => {
    const y = HEAD + ROW * (index + 0.75);
    const here = x(event.pid);
    const label = cut(event.what ? `${event.kind} ${event.what}` : event.kind, 30);
    shapes.push(drawing("text", { class: "time", x: 4, y }, `${(1000 * event.at).toFixed(2)} ms`));
    if (event.kind === "exit") shapes.push(drawing("path", { class: "end", d: `M${here - 5},${y - 5} l10,10 m0,-10 l-10,10` }));
    const arrow = event.other && event.other !== event.pid && (TO.has(event.kind) || FROM.has(event.kind));
    if (arrow) {
      const there = x(event.other);
      const [from, to] = TO.has(event.kind) ? [here, there] : [there, here];
      const head = to > from ? -7 : 7;
      shapes.push(drawing("path", { class: `arrow ${event.kind}`, d: `M${from},${y} H${to} m${head},-4 L${to},${y} l${head},4` }));
      shapes.push(drawing("text", { class: "label", x: (from + to) / 2, y: y - 5, "text-anchor": "middle" }, label));
    } else {
      shapes.push(drawing("circle", { class: "dot", cx: here, cy: y, r: 3 }));
      shapes.push(drawing("text", { class: "label", x: here + 8, y: y + 4 }, label));
    }
  });
  return drawing(
    "svg",
    { width: LEFT + GAP * Math.max(keys.length, 1), height: events.length ? height : 0, role: "img", "aria-label": "sequence chart" },
    ...shapes,
  );
}

function cut(text, most = 22) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
