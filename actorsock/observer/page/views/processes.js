// The processes, and beside them all that is known of the chosen one.

import { ask } from "../ask.js";
import { bytes, element, number } from "../dom.js";
import { Table } from "../table.js";
import { details } from "./details.js";

const LONG = 1000; // messages in a mailbox that are too many

const STATUS = { running: "good", exiting: "wrong" };

const COLUMNS = [
  { title: "pid", sort: "pid", kind: "mono", show: (row) => row.pid },
  { title: "name or function", sort: "name", kind: "text", show: named },
  { title: "body", sort: "kind", kind: "dim", show: (row) => row.kind },
  {
    title: "status",
    sort: "status",
    show: (row) => element("span", { class: STATUS[row.status] ?? "dim" }, row.status),
  },
  { title: "waits for", kind: "text mono", show: (row) => row.waits },
  { title: "reductions", sort: "reductions", kind: "number", show: (row) => number(row.reductions) },
  { title: "in all", sort: "total", kind: "number", show: (row) => number(row.total) },
  {
    title: "queue",
    sort: "queue",
    kind: "number",
    show: (row) => number(row.queue),
    wrong: (row) => row.queue >= LONG,
  },
  { title: "memory", kind: "number", show: (row) => bytes(row.memory) },
  { title: "links", sort: "links", kind: "number", show: (row) => number(row.links) },
];

function named(row) {
  const name = row.name ?? row.label;
  const plain = row.function.replace(/^.*:/, "");
  return element(
    "span",
    { title: row.function },
    name ? element("b", {}, `${name} `) : null,
    element("span", { class: name ? "dim" : null }, plain),
  );
}

export function processes(page) {
  const one = details(page, () => table.focus());
  const table = new Table({
    name: "processes",
    columns: COLUMNS,
    sort: "reductions",
    down: true,
    key: "pid",
    choose: (pid) => one.look(pid),
    enter: () => one.node.focus(),
    options: [
      { flag: "sockets", text: "actors of sockets" },
      { flag: "own", text: "the observer's own" },
    ],
  });
  table.changed = page.again;
  return {
    node: element("div", { class: "beside" }, table.node, one.node),
    async look() {
      const [answer] = await Promise.all([ask("processes", table.parameters()), one.look(table.chosen)]);
      table.fill(answer);
    },
    show(pid) {
      table.chosen = pid;
      one.look(pid);
    },
  };
}
