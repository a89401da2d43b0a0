// A live trace: the events as they come, and a sequence chart of the last ones.

import { NoAnswer, lines } from "../ask.js";
import { chart } from "../chart.js";
import { element } from "../dom.js";
import { link } from "./details.js";

const FLAGS = ["procs", "sockets", "running", "send", "receive", "call", "set_on_spawn", "set_on_link"];
const KEPT = 200; // events in the list
const DRAWN = 40; // events in the chart

export function trace(page) {
  const which = element("input", { value: "all", "aria-label": "which processes", size: "12" });
  const boxes = FLAGS.map((flag) => {
    const box = element("input", { type: "checkbox", value: flag });
    box.checked = flag === "procs" || flag === "sockets";
    return box;
  });
  const limit = element("input", { type: "number", value: "1000", min: "1", "aria-label": "events a second, at most" });
  const start = element("button", {}, "trace");
  const said = element("span", { role: "status" });
  const body = element("tbody");
  const drawn = element("div", { class: "wide chart" });
  let stop = null;
  let events = [];

  start.addEventListener("click", () => (stop ? stop.abort() : begin()));

  async function begin() {
    stop = new AbortController();
    events = [];
    start.textContent = "stop";
    said.textContent = "";
    const asked = {
      which: which.value.trim(),
      flags: boxes.filter((box) => box.checked).map((box) => box.value).join(","),
      limit: limit.value,
    };
    let fresh = false;
    const timer = setInterval(() => {
      if (fresh) show();
      fresh = false;
    }, 250);
    try {
      for await (const line of lines("trace", asked, stop.signal)) {
        if (line.ended) said.textContent = line.ended === "limit" ? "ended: too many events" : `ended: ${line.ended}`;
        if (!line.kind) continue;
        events.push(line);
        if (events.length > KEPT) events.shift();
        fresh = true;
      }
    } catch (error) {
      if (error instanceof NoAnswer) said.textContent = error.message;
      else if (error.name !== "AbortError") throw error;
    } finally {
      clearInterval(timer);
      stop = null;
      start.textContent = "trace";
      show();
    }
  }

  function show() {
    drawn.replaceChildren(chart(events.slice(-DRAWN)));
    body.replaceChildren(
      ...events
        .slice()
        .reverse()
        .map((event) =>
          element(
            "tr",
            {},
            element("td", { class: "number" }, `${(1000 * event.at).toFixed(2)} ms`),
            element("td", {}, link(page, event.pid)),
            element("td", {}, event.name ?? ""),
            element("td", { class: "mono" }, event.text),
          ),
        ),
    );
  }

  const heads = ["time", "pid", "process", "event"].map((title) => element("th", { scope: "col" }, title));
  return {
    node: element(
      "div",
      {},
      element(
        "div",
        { class: "bar" },
        element("label", {}, "processes", which),
        ...boxes.map((box) => element("label", {}, box, box.value)),
        element("label", {}, "at most", limit, "a second"),
        start,
        said,
      ),
      drawn,
      element("div", { class: "wide" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body)),
    ),
    async look() {},
  };
}
