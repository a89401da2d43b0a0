// The line of tiles: the program as a whole, with a minute of history.

import { bytes, drawing, element, number, seconds } from "./dom.js";

const TILES = [
  {
    text: (now) => `processes (${number(now.task)} task, ${number(now.light)} light, ${number(now.handler)} handler)`,
    value: (now) => number(now.processes),
    line: (each) => each.processes,
  },
  {
    text: (now) => `reductions a second; ${number(now.started ?? 0)} started, ${number(now.ended ?? 0)} ended`,
    value: (now) => number(now.reductions ?? 0),
    line: (each) => each.reductions ?? 0,
  },
  {
    text: () => "processor",
    value: (now) => `${Math.round(100 * (now.processor ?? 0))} %`,
    line: (each) => each.processor ?? 0,
  },
  {
    text: () => "messages that wait",
    value: (now) => number(now.queued),
    line: (each) => each.queued,
  },
  {
    text: () => "open sockets",
    value: (now) => number(now.sockets),
    line: (each) => each.sockets,
  },
  {
    text: (now, all) => `memory; ${number(all.timers)} timers, up ${seconds(all.uptime)}`,
    value: (now, all) => bytes(all.memory) || "not told",
    line: null,
  },
];

export function tiles(place) {
  const made = TILES.map((tile) => {
    const text = element("p");
    const value = element("strong");
    const line = drawing("polyline");
    const chart = drawing("svg", { viewBox: "0 0 60 26", preserveAspectRatio: "none", "aria-hidden": "true" }, line);
    place.append(element("div", { class: "tile" }, text, value, tile.line ? chart : null));
    return { ...tile, shown: { text, value, line } };
  });
  return (all) => {
    for (const tile of made) {
      tile.shown.text.textContent = tile.text(all.now, all);
      tile.shown.value.textContent = tile.value(all.now, all);
      if (tile.line) tile.shown.line.setAttribute("points", points(all.history.map(tile.line)));
    }
  };
}

function points(values) {
  const most = Math.max(...values, 1e-9);
  const first = 60 - values.length;
  return values.map((value, index) => `${first + index + 1},${(25 - 23 * (value / most)).toFixed(1)}`).join(" ");
}
