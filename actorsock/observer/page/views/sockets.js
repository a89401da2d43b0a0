// The open sockets.

import { ask } from "../ask.js";
import { bytes, element } from "../dom.js";
import { Table } from "../table.js";
import { link } from "./details.js";

export function sockets(page) {
  const table = new Table({
    name: "sockets",
    sort: "socket",
    down: false,
    key: "socket",
    columns: [
      { title: "socket", sort: "socket", kind: "mono", show: (row) => row.socket },
      { title: "module", show: (row) => row.module },
      { title: "kind", show: (row) => row.kind },
      { title: "local address", kind: "mono", show: (row) => row.local },
      { title: "peer", kind: "mono", show: (row) => row.peer },
      { title: "owner", show: (row) => row.owner && link(page, row.owner) },
      { title: "state", show: (row) => row.state },
      { title: "waiting", show: (row) => row.waiting },
      { title: "read", sort: "read", kind: "number", show: (row) => bytes(row.read) },
      { title: "written", sort: "written", kind: "number", show: (row) => bytes(row.written) },
    ],
  });
  table.changed = page.again;
  return {
    node: element("div", {}, table.node),
    async look() {
      table.fill(await ask("sockets", table.parameters()));
    },
  };
}
