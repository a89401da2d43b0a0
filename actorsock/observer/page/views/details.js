// All that is known of one process.

import { NoAnswer, act, ask } from "../ask.js";
import { element, number, seconds } from "../dom.js";

// `leave` is called when Escape is pressed.
export function details(page, leave) {
  const node = element(
    "aside",
    { class: "card", "aria-label": "process", tabindex: "-1", onkeydown: (event) => event.key === "Escape" && leave() },
    "Choose a process to see more of it.",
  );
  let shown = null;

  function pids(list) {
    return element("span", {}, ...list.flatMap((pid) => [link(page, pid), " "]));
  }

  function fill(one) {
    if (one.ended) {
      node.replaceChildren(element("h2", { class: "mono" }, one.pid), "It has ended.");
      return;
    }
    const rows = [
      ["name", one.name],
      ["label", one.label],
      ["function", one.function],
      ["body", one.kind],
      ["status", one.status],
      ["waits for", one.waits],
      ["parent", one.parent && link(page, one.parent)],
      ["started", one.started.replace("T", " ").replace("+00:00", " UTC")],
      ["reductions", number(one.total)],
      ["queue", number(one.queue)],
      ["links", one.links.length ? pids(one.links) : null],
      ["monitors", one.monitors.length ? pids(one.monitors) : null],
      ["monitored by", one.monitored_by.length ? pids(one.monitored_by) : null],
      ["traps exits", one.trap_exit ? "yes" : null],
      ["ended by", one.ended_by],
      ["sockets", list(one.sockets.map(socket))],
      ["timers", list(one.timers.map((timer) => `${timer.ref}${timer.left === null ? "" : ` in ${seconds(timer.left)}`}`))],
      ["state", one.state],
      ["messages", list(one.messages ?? [])],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
    node.replaceChildren(
      element("h2", { class: "mono" }, one.pid),
      element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      ...(one.stack.length ? [element("h2", {}, "where it is"), stack(one.stack)] : []),
      ...(one.control ? [actions(one.pid)] : []),
    );
  }

  function actions(pid) {
    const say = element("span", { role: "status" });
    // What cannot be undone is asked for twice. The focus keeps the buttons from being drawn anew.
    const button = (text, action, question) =>
      element(
        "button",
        {
          async onclick(event) {
            const { currentTarget: pressed } = event;
            pressed.focus();
            if (question && pressed.textContent !== question) {
              pressed.textContent = question;
              return;
            }
            try {
              await act(action, { pid });
              say.textContent = "done";
            } catch (error) {
              if (!(error instanceof NoAnswer)) throw error;
              say.textContent = error.message;
            }
            pressed.blur();
            page.again();
          },
        },
        text,
      );
    return element(
      "p",
      { class: "bar" },
      button("suspend", "suspend"),
      button("resume", "resume"),
      button("kill", "kill", "really kill?"),
      say,
    );
  }

  return {
    node,
    async look(pid) {
      if (pid === null) return;
      const fresh = pid !== shown;
      shown = pid;
      let answer;
      try {
        answer = await ask("process", { pid });
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        answer = { pid, ended: true };
      }
      if (pid !== shown) return; // another one was chosen meanwhile
      // What is being read, or has the focus, stays: only a change is written.
      const text = JSON.stringify(answer);
      const focused = node !== document.activeElement && node.contains(document.activeElement);
      if (!fresh && (text === node.dataset.text || focused)) return;
      node.dataset.text = text;
      fill(answer);
    },
  };
}

export function link(page, pid) {
  if (!pid.startsWith("<")) return pid;
  return element("button", { class: "link mono", onclick: () => page.show(pid) }, pid);
}

function list(texts) {
  return texts.length ? element("ol", {}, ...texts.map((text) => element("li", { class: "mono" }, text))) : null;
}

function socket(one) {
  return `${one.socket}${one.owned ? "" : " (of another)"}${one.waiting.length ? `: ${one.waiting.join(", ")}` : ""}`;
}

function stack(entries) {
  return element(
    "ol",
    { class: "mono" },
    ...entries.map((entry) =>
      element(
        "li",
        { class: entry.library ? "dim" : null, title: entry.file },
        `${entry.module}:${entry.function}:${entry.line}`,
      ),
    ),
  );
}
