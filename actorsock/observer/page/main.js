// The page: its views, the keys that lead to them, and the loop that asks again and again.

import { NoAnswer, ask } from "./ask.js";
import { element } from "./dom.js";
import { tiles } from "./tiles.js";
import { link } from "./views/details.js";
import { processes } from "./views/processes.js";
import { sockets } from "./views/sockets.js";
import { system } from "./views/system.js";
import { timers } from "./views/timers.js";
import { trace } from "./views/trace.js";
import { tree } from "./views/tree.js";
import { waits } from "./views/waits.js";

const EVERY = 1000; // milliseconds between an answer and the next question
const SLOW = 2000; // milliseconds without an answer after which that is said

const VIEWS = { processes, tree, sockets, waits, timers, trace, system };

const state = document.getElementById("state");
const place = document.getElementById("view");
const fillTiles = tiles(document.getElementById("tiles"));

const page = {
  view: null,
  // Lead to one process, from wherever its pid stands.
  show(pid) {
    open("processes");
    page.view.show(pid);
  },
  again() {
    wake();
  },
};

const buttons = Object.keys(VIEWS).map((name, index) =>
  element(
    "button",
    { onclick: () => open(name), "data-view": name, "aria-keyshortcuts": String(index + 1) },
    name,
    element("kbd", { "aria-hidden": "true" }, String(index + 1)),
  ),
);
document.getElementById("views").append(...buttons);

const made = {};

function open(name) {
  made[name] ??= VIEWS[name](page);
  page.view = made[name];
  const had = place.contains(document.activeElement);
  place.replaceChildren(page.view.node);
  if (had) place.focus(); // what had the focus is gone
  place.setAttribute("aria-label", name);
  for (const button of buttons) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  wake();
}

let again = false; // asked for during a look: the next one follows at once
let wake = () => (again = true);

function pause() {
  const wait = again ? 0 : EVERY;
  again = false;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  }).finally(() => (wake = () => (again = true)));
}

let found = "";

// What is wrong is told in every view, and again only when it has changed.
function fillFindings(findings) {
  const text = JSON.stringify(findings);
  const place = document.getElementById("findings");
  if (text === found || place.contains(document.activeElement)) return;
  found = text;
  place.replaceChildren(
    ...findings.map((one) =>
      element("p", { class: "wrong" }, one.text, ...one.pids.flatMap((pid) => [" ", link(page, pid)])),
    ),
  );
}

async function look() {
  const view = page.view;
  const began = performance.now();
  const slow = setInterval(() => {
    const waited = Math.round((performance.now() - began) / 1000);
    said(`no answer for ${waited} s: a process does not give way, or the program is stopped`, true);
  }, SLOW);
  try {
    const [all] = await Promise.all([ask("system", { history: 1 }), view.look()]);
    fillTiles(all);
    fillFindings(all.findings);
    document.title = `${all.about.program}: observer`;
    document.getElementById("program").textContent = all.about.program;
    said(`live, ${Math.round(performance.now() - began)} ms`, false);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    said(error.message, true);
  } finally {
    clearInterval(slow);
  }
}

function said(text, wrong) {
  state.textContent = text;
  state.classList.toggle("wrong", wrong);
  // A screen reader is told what is wrong, and not how many milliseconds each look has taken.
  state.setAttribute("aria-live", wrong ? "polite" : "off");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches?.("input:not([type=checkbox])");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const name = Object.keys(VIEWS)[Number(event.key) - 1];
  const filter = place.querySelector("input[type=search]");
  if (name) open(name);
  else if (event.key === "/" && filter) filter.focus();
  else return;
  event.preventDefault();
});
document.addEventListener("visibilitychange", () => wake());

open("processes");
for (;;) {
  if (!document.hidden) await look();
  await pause();
}
