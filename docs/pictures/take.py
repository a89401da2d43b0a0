"""Take the pictures of the observer: `python docs/pictures/take.py`.

It runs examples/observing/shop.py, opens the page in Chromium without a screen, in light and dark,
and the terminal's program by Textual's own way to drive it. Needs Debian's chromium and
chromium-driver, and what `actorsock[observer,test]` installs.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

HERE = Path(__file__).parent
SHOP = HERE.parent.parent / "examples" / "observing" / "shop.py"

VIEWS = ("processes", "tree", "sockets", "waits", "timers", "trace", "system")

SETTLED = 3.0
"""Seconds after which the tiles have a line to show."""


_TRACE = """
const boxes = [...document.querySelectorAll(".bar input[type=checkbox]")];
boxes.find((box) => box.value === "receive").checked = true;
document.querySelector("[aria-label='which processes']").value = arguments[0] ?? "all";
[...document.querySelectorAll(".bar button")].find((each) => each.textContent === "trace").click();
"""


def browser_of(scheme: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--hide-scrollbars",
        "--window-size=1400,860",
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    return browser


def take(url: str, scheme: str, views: tuple[str, ...]) -> None:
    """Take a picture of each view."""
    browser = browser_of(scheme)
    browser.get(url)
    WebDriverWait(browser, 30).until(lambda _: "live" in browser.page_source)
    time.sleep(SETTLED)
    for number, view in enumerate(VIEWS, 1):
        if view not in views:
            continue
        webdriver.ActionChains(browser).send_keys(str(number)).perform()
        time.sleep(0.5)
        if view == "processes":
            script = (
                "[...document.querySelectorAll('tbody tr')]"
                ".find((row) => row.textContent.includes('till'))?.click()"
            )
            browser.execute_script(script)
            time.sleep(1)
        if view == "trace":
            browser.execute_script(_TRACE)
            time.sleep(1.5)
        suffix = "" if scheme == "light" else "-dark"
        browser.save_screenshot(str(HERE / f"{view}{suffix}.png"))
    webdriver.ActionChains(browser).send_keys(Keys.NULL).perform()
    browser.quit()


async def take_terminal(pid: int) -> None:
    """Take a picture of `actorsock observe`."""
    from actorsock.observer.terminal.asking import Program, choose
    from actorsock.observer.terminal.observe import Observe

    app = Observe(Program(choose(pid)), seconds=0.5)
    async with app.run_test(size=(150, 36)) as pilot:
        await pilot.pause(SETTLED)
        app.save_screenshot(str(HERE / "terminal.svg"))


def main() -> None:
    shop = subprocess.Popen([sys.executable, SHOP, "inf", "0"], stdout=subprocess.PIPE, text=True)
    assert shop.stdout is not None
    url = shop.stdout.readline().strip()
    try:
        take(url, "light", VIEWS)
        take(url, "dark", ("processes", "tree"))
        asyncio.run(take_terminal(shop.pid))
    finally:
        shop.kill()


if __name__ == "__main__":
    main()
