"""Measure the observer with many processes: `python docs/pictures/measure.py [COUNT]`.

It starts a program of COUNT processes (10,000 unless told otherwise) in which the observer serves,
opens each view in Chromium without a screen, and prints the time to the first view, the longest
task of the browser while the view refreshes, and the longest time for which an answer has kept the
program from doing anything else. Needs what `take.py` needs.
"""

import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from selenium.webdriver.support.ui import WebDriverWait
from take import browser_of

from actorsock import (
    Pid,
    current_pid,
    observer,
    otp,
    process_info,
    processes,
    receive,
    run,
    send_after,
    set_label,
    sleep,
    spawn,
)

READY = {
    "1": ("processes", "#view tbody tr"),
    "2": ("tree", "#view .tree .box"),
    "3": ("sockets", "#view tbody tr"),
    "4": ("waits", "#view tbody tr"),
    "5": ("timers", "#view tbody tr"),
}
"""The keys of the views, their names, and what is there when a view has its answer."""

REFRESHES = 8.0
"""Seconds for which a view is looked at."""

_LONG_TASKS = """
window.longest = 0;
window.watching?.disconnect();
window.watching = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
});
window.watching.observe({ type: "longtask", buffered: false });
"""

_FIRST_VIEW = """
const looking = setInterval(() => {
  if (!window.pressed && document.querySelector("nav button")) {
    window.pressed = true;
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "KEY", bubbles: true }));
  }
  if (!document.querySelector("SELECTOR")) return;
  clearInterval(looking);
  requestAnimationFrame(() => requestAnimationFrame(() => { window.shown = performance.now(); }));
}, 2);
"""

# --- the program ----------------------------------------------------------------------------------


class Longest(trio.abc.Instrument):
    """The longest time for which one task has not given way."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.seconds = max(self.seconds, time.thread_time() - self._began)


class Clerk(otp.GenServer):
    """Asks another one, which asks nobody, and never answers."""

    async def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        if request is None:
            return otp.NoReply()
        return otp.Reply(await otp.call(request, None, math.inf))


class Clerks(otp.Supervisor):
    """A part of the servers."""

    def init(self, count: int) -> Any:
        start = partial(otp.start_link, light=True)
        return otp.SupervisorFlags(), [
            otp.ChildSpec(f"clerk {number}", start, (Clerk,)) for number in range(count)
        ]


class Shops(otp.Supervisor):
    """Ten supervisors."""

    def init(self, count: int) -> Any:
        return otp.SupervisorFlags(), [
            otp.ChildSpec(f"shop {number}", otp.start_link, (Clerks, count // 10))
            for number in range(10)
        ]


async def worker(number: int) -> None:
    set_label(f"worker {number}")
    send_after(3600 + number, current_pid(), "late")
    await receive()


async def busy() -> None:
    while True:
        await sleep(0.05)


def _function_of(pid: Pid) -> str:
    info = process_info(pid, ["function"])
    return "" if info is None else str(info["function"])


async def program(count: int) -> None:
    """Serve, and print the longest pause of the program whenever a line is read."""
    await otp.start_link(Shops, count // 10)
    clerks = [pid for pid in processes() if _function_of(pid).endswith("Clerk")]
    for asking in clerks[1:]:
        otp.send_request(asking, clerks[0])
    for number in range(count - len(clerks)):
        spawn(busy if number % 500 == 0 else partial(worker, number), light=True)
    longest = Longest()
    async with observer.serve(0) as observed:
        await sleep(0.5)
        trio.lowlevel.add_instrument(longest)
        print(observed.url, flush=True)
        while await trio.to_thread.run_sync(sys.stdin.readline):
            print(longest.seconds, flush=True)
            longest.seconds = 0.0


# --- the measurement ------------------------------------------------------------------------------


def measure(url: str, longest: Callable[[], float]) -> None:
    """Print the figures of each view."""
    browser = browser_of("light")
    for key, (view, selector) in READY.items():
        browser.get("about:blank")
        longest()
        # A script that is there before the page notes when the table is shown.
        watch = browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {"source": _FIRST_VIEW.replace("SELECTOR", selector).replace("KEY", key)},
        )
        browser.get(url)
        WebDriverWait(browser, 60, 0.02).until(
            lambda _: browser.execute_script("return window.shown")
        )
        shown = browser.execute_script("return window.shown")
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
        held_first = longest()
        browser.execute_script(_LONG_TASKS)
        time.sleep(REFRESHES)
        task = browser.execute_script("return window.longest")
        print(
            f"{view:10} first view {shown:5.0f} ms, program held up {1000 * held_first:4.1f} ms; "
            f"refreshes: longest task of the browser {task or 0:3.0f} ms, "
            f"program held up {1000 * longest():4.1f} ms",
            flush=True,
        )
    browser.quit()


def main() -> None:
    match sys.argv[1:]:
        case ["program", count]:
            run(program, int(count))
            return
        case [count]:
            processes = int(count)
        case _:
            processes = 10_000
    command = [sys.executable, __file__, "program", str(processes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shop:
        assert shop.stdin is not None
        assert shop.stdout is not None
        asks, answers = shop.stdin, shop.stdout

        def longest() -> float:
            print(file=asks, flush=True)
            return float(answers.readline())

        try:
            measure(answers.readline().strip(), longest)
        finally:
            shop.kill()


if __name__ == "__main__":
    main()
