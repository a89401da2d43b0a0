// The program and what it runs on.

import { ask } from "../ask.js";
import { bytes, element, number, seconds } from "../dom.js";

export function system() {
  const list = element("dl");
  return {
    node: element("div", { class: "card" }, list),
    async look() {
      const all = await ask("system", { history: 1 });
      const rows = {
        ...all.about,
        "up for": seconds(all.uptime),
        memory: bytes(all.memory) || "not told by this system",
        "open descriptors": number(all.descriptors),
        sockets: number(all.sockets),
        timers: number(all.timers),
        "registered names": number(all.names),
      };
      list.replaceChildren(
        ...Object.entries(rows).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]),
      );
    },
  };
}
