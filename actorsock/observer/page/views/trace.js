// A live trace: the events as they come, and a sequence chart of them.

import { NoAnswer, ask, lines } from "../ask.js";
import { chartPlace } from "../chart.js";
import { element, number } from "../dom.js";
import { link } from "./details.js";

const FLAGS = ["procs", "sockets", "running", "send", "receive", "call", "set_on_spawn", "set_on_link"];
const KEPT = 200; // events in the list
const ROWS = 200; // rows of the chart
const ENDED = { limit: "too many events", behind: "events come faster than they can be sent" };
const EVERY = 500; // milliseconds between two looks at what has come

export function trace(page) {
  const which = element("input", {
    value: "all",
    "aria-label": "which processes",
    size: "12",
    onkeydown: (event) => event.key === "Enter" && !stop && begin(),
  });
  const boxes = FLAGS.map((flag) => {
    const box = element("input", { type: "checkbox", value: flag });
    box.checked = flag === "procs" || flag === "sockets";
    return box;
  });
  const limit = element("input", { type: "number", value: "1000", min: "1", "aria-label": "events a second, at most" });
  const start = element("button", {}, "trace");
  const said = element("span", { role: "status" });
  const body = element("tbody");
  const count = element("p", { class: "bar" });
  const drawn = chartOf();
  let stop = null;
  let fresh = [];
  let seen = 0;

  start.addEventListener("click", () => (stop ? stop.abort() : begin()));

  async function begin() {
    stop = new AbortController();
    fresh = [];
    seen = 0;
    body.replaceChildren();
    start.textContent = "stop";
    said.textContent = "";
    const asked = {
      which: which.value.trim(),
      flags: boxes.filter((box) => box.checked).map((box) => box.value).join(","),
      limit: limit.value,
    };
    const timer = setInterval(show, EVERY);
    try {
      for await (const line of lines("trace", asked, stop.signal)) {
        if (line.trace) drawn.begin(line.trace);
        if (line.ended) said.textContent = `ended: ${ENDED[line.ended] ?? line.ended}`;
        if (!line.kind) continue;
        seen += 1;
        fresh.push(line);
        if (fresh.length > KEPT) fresh.shift();
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
    if (!fresh.length) return;
    body.prepend(...fresh.reverse().map(row));
    fresh = [];
    while (body.rows.length > KEPT) body.lastElementChild.remove();
    const shown = body.rows.length;
    count.textContent = shown < seen ? `the last ${number(shown)} of ${number(seen)} events` : `${number(seen)} events`;
    drawn.look();
  }

  function row(event) {
    return element(
      "tr",
      {},
      element("td", { class: "number" }, `${(1000 * event.at).toFixed(2)} ms`),
      element("td", {}, link(page, event.pid)),
      element("td", {}, event.name ?? ""),
      element("td", { class: "mono" }, event.text),
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
      drawn.node,
      count,
      element(
        "div",
        { class: "wide" },
        element("table", { "aria-label": "events, the newest first" }, element("thead", {}, element("tr", {}, ...heads)), body),
      ),
    ),
    async look() {},
  };
}

// The chart of the trace that has begun last, and what people choose of it.
function chartOf() {
  const words = element("input", {
    type: "search",
    placeholder: "names or pids, with commas   /",
    "aria-label": "lifelines to show: names or pids, with commas between them",
    size: "28",
    oninput: () => look(),
  });
  const alone = element("input", { type: "checkbox", onchange: () => look() });
  const turns = { "first rows": -Infinity, earlier: -1, later: 1, "last rows": Infinity };
  const buttons = Object.entries(turns).map(([text, step]) => element("button", { onclick: () => turn(step) }, text));
  const remarks = element("p", { class: "bar" });
  const others = element("p", { class: "bar" });
  const place = chartPlace({ turn, choose });
  const node = element(
    "section",
    { "aria-label": "chart", hidden: true },
    element("div", { class: "bar" }, element("label", {}, "lifelines", words), element("label", {}, alone, "without the others"), ...buttons),
    remarks,
    place.node,
    others,
  );
  let trace = null;
  let first = null; // the rows before the first one that is shown; null: the last rows are
  let told = null;
  let looking = false;
  let again = false; // asked for during a look: the next one follows at once

  function turn(step) {
    if (told === null) return;
    if (step === -Infinity) first = 0;
    else if (step < 0) first = Math.max(0, told.before - ROWS);
    else if (step === Infinity || told.after <= ROWS) first = null;
    else first = told.before + ROWS;
    look();
  }

  function choose(word) {
    const chosen = words.value.split(",").map((each) => each.trim()).filter(Boolean);
    words.value = (chosen.includes(word) ? chosen.filter((each) => each !== word) : [...chosen, word]).join(", ");
    first = null;
    look();
  }

  // One at a time: of two answers on their way at once, the older one could come last and stay.
  async function look() {
    again = true;
    if (looking) return;
    looking = true;
    try {
      while (again) {
        again = false;
        await show();
      }
    } finally {
      looking = false;
    }
  }

  async function show() {
    if (trace === null) return;
    const asked = { trace, lifelines: words.value, others: alone.checked ? "hide" : "fold", rows: ROWS, first };
    try {
      told = await ask("chart", asked);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      remarks.textContent = error.message;
      return;
    }
    node.hidden = false;
    remarks.textContent = [`${number(told.rows.length)} rows`, ...told.remarks].join("; ");
    place.fill(told);
    if (others.contains(document.activeElement)) return; // the focus would be lost
    const more = told.more ? `and ${number(told.more)} more` : "";
    const links = told.others.map((word) => element("button", { class: "link", onclick: () => choose(word) }, word));
    others.replaceChildren(...(told.others.length ? ["others, the busiest first:", ...links, more] : []));
  }

  return {
    node,
    look,
    begin(number) {
      trace = number;
      first = null;
      look();
    },
  };
}
