"""The page in a real browser: Debian's Chromium, without a screen."""

import math
import shutil
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import trio

from actorsock import (
    Pid,
    current_pid,
    is_alive,
    ok,
    otp,
    receive,
    send,
    send_after,
    set_label,
    sleep,
    spawn,
)

from ..stories import in_runtime
from .support import observed

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

T = TypeVar("T")

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.xdist_group("chromium"),
]


class Page:
    """The page as a person sees and drives it. Its methods block, so they run in a thread."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, url: str) -> None:
        self.browser.get("about:blank")
        self.browser.get(url)
        self.until(lambda: self.count("#view *"))  # its script runs, and takes keys

    def until(self, condition: Callable[[], T]) -> T:
        return WebDriverWait(self.browser, 30, 0.05).until(lambda _: condition())  # type: ignore[no-any-return]

    def text(self, selector: str) -> str:
        return "\n".join(self.browser.execute_script(_TEXTS, selector))

    def has(self, selector: str, text: str) -> None:
        self.until(lambda: text in self.text(selector))

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def click(self, selector: str, text: str) -> None:
        self.until(lambda: self.browser.execute_script(_CLICK, selector, text))

    def focused(self) -> str:
        return str(self.browser.switch_to.active_element.text)

    def count(self, selector: str) -> int:
        return len(self.browser.execute_script(_TEXTS, selector))

    def focus_is(self, selector: str) -> bool:
        script = "return document.activeElement.matches(arguments[0])"
        return bool(self.browser.execute_script(script, selector))

    def nameless(self) -> list[str]:
        """The roles of the controls, tables and regions that have no name for a screen reader."""
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            node["role"]["value"]
            for node in nodes
            if not node.get("ignored")
            and node["role"]["value"] in _NAMED
            and not node.get("name", {}).get("value", "").strip()
        ]

    def complaints(self) -> list[str]:
        """What the browser has refused or found wrong, such as a breach of the page's policy."""
        found = self.browser.get_log("browser")
        return [entry["message"] for entry in found if "401" not in entry["message"]]


# By script and not by element: the page draws itself anew each second.
_TEXTS = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
_CLICK = """
const found = [...document.querySelectorAll(arguments[0])].find(
  (element) => element.textContent.includes(arguments[1]));
if (found) found.dispatchEvent(new MouseEvent("click", {bubbles: true}));
return Boolean(found);
"""


_NAMED = {
    *("button", "textbox", "searchbox", "checkbox", "spinbutton", "link", "treeitem", "tree"),
    *("grid", "table", "columnheader", "region", "complementary", "navigation", "img", "heading"),
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield Page(browser)
    browser.quit()


async def waiting(label: str) -> None:
    set_label(label)
    await receive()


class Asker(otp.GenServer):
    async def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call(request, caller.pid, math.inf))


@in_runtime
async def test_every_view_by_keyboard(page: Page) -> None:
    for number in range(100):
        spawn(waiting, f"worker {number:03}", light=True)
    orders = ok(await otp.start(Asker, name="orders"))
    billing = ok(await otp.start(Asker, name="billing"))
    otp.send_request(orders, billing)
    otp.send_request(billing, orders)

    def story(url: str) -> None:
        page.open(url)
        page.has("#tiles", "100 light")
        page.press("/")
        page.press("worker")
        page.has(".bar", "100 of ")
        page.press(Keys.ESCAPE)
        page.click("th button", "name")  # descending first
        page.has("tbody tr:first-child", "worker 099")
        page.press(Keys.TAB)
        page.until(lambda: page.press(Keys.TAB) or "worker 099" in page.focused())
        page.press(Keys.ARROW_DOWN)
        page.has("aside", "worker 098")
        page.press(Keys.PAGE_DOWN)
        page.has("tbody tr:first-child", "worker 059")
        page.press("2")
        page.has(".tree", "orders")
        page.press("3")
        page.has("tbody", "127.0.0.1:")
        page.press("4")
        page.has("#view .wrong", "only a time-out can end that")
        page.press("5")
        page.has("#view", "billing")
        page.press("7")
        page.has("#view", "native core")
        page.press("4")
        page.click("#view td button", repr(orders))
        page.has("aside", f"call {billing!r}")
        assert page.complaints() == []

    async with observed() as client:
        await trio.to_thread.run_sync(story, client.at.url)


@in_runtime
async def test_a_process_is_killed_and_the_page_says_so(page: Page) -> None:
    victim = spawn(waiting, "victim")

    def story(url: str) -> None:
        page.open(url)
        page.click("tbody tr", "victim")
        page.has("aside", "victim")
        page.click("aside button", "kill")
        page.click("aside button", "really kill?")
        page.has("aside", "It has ended.")

    async with observed(control=True) as client:
        await trio.to_thread.run_sync(story, client.at.url)
    assert not is_alive(victim)


async def talks(to: Pid) -> None:
    set_label("talker")
    while True:
        send(to, "a word")
        await sleep(0.02)


@in_runtime
async def test_a_live_trace_and_its_chart(page: Page) -> None:
    listener = spawn(waiting_for, "the end")
    talker = spawn(talks, listener)

    def story(url: str) -> None:
        page.open(url)
        page.press("6")
        page.browser.execute_script(
            "document.querySelector('[aria-label=\"which processes\"]').value = arguments[0]",
            repr(talker),
        )
        page.click(".bar label", "send")
        page.click(".bar button", "trace")
        page.has("#view tbody", "a word")
        page.has(".chart .heads", "talker")
        page.click(".bar button", "stop")
        page.has(".bar button", "trace")
        assert page.complaints() == []

    async with observed(messages=True) as client:
        await trio.to_thread.run_sync(story, client.at.url)


class Talker(otp.GenServer):
    """Sends each of many processes of another name a message, again and again."""

    async def handle_cast(self, others: list[Pid]) -> None:
        for number, other in enumerate(others):
            send(other, number)
        await sleep(0.01)
        otp.cast(current_pid(), others)


async def listener(number: int) -> None:
    set_label(f"listener {number}")
    while await receive() != "the end":
        pass


@in_runtime
async def test_a_long_chart_is_turned_and_its_lifelines_are_chosen_by_keys(page: Page) -> None:
    listeners = [spawn(listener, number) for number in range(40)]
    talker = ok(await otp.start(Talker, name="talker"))
    otp.cast(talker, listeners)

    def story(url: str) -> None:
        page.open(url)
        page.press("6")
        page.click(".bar label", "receive")
        page.click(".bar button", "trace")
        page.has("[aria-label=chart] .bar", "rows before these are not shown")
        page.has(".chart .heads", "others")
        page.click(".bar button", "stop")
        page.has(".bar button", "trace")
        page.browser.execute_script("document.querySelector('.chart').focus()")
        page.press(Keys.HOME)
        page.has("[aria-label=chart] .bar", "rows after these are not shown")
        before = page.text("[aria-label=chart] .bar")
        page.press(Keys.PAGE_DOWN)
        page.until(lambda: page.text("[aria-label=chart] .bar") != before)
        page.has("[aria-label=chart] .bar", "200 rows before these are not shown")
        page.press(Keys.END)
        page.until(lambda: "after these" not in page.text("[aria-label=chart] .bar"))
        # A head is chosen, and left again.
        page.press(Keys.TAB)
        page.press(Keys.ENTER)
        page.until(lambda: page.count(".chart .heads a") == 1)
        page.press(Keys.ENTER)
        page.until(lambda: page.count(".chart .heads a") > 20)
        page.press("/")
        page.press("listener 39")
        page.has(".chart .heads", "listener 39")
        page.has("[aria-label=chart] .bar", "rows of other lifelines are not shown")
        page.until(lambda: page.count(".chart .heads a") == 1)
        assert page.complaints() == []

    async with observed(messages=True) as client:
        await trio.to_thread.run_sync(story, client.at.url)


@in_runtime
async def test_everything_has_a_role_and_a_name_and_keeps_the_focus(page: Page) -> None:
    for number in range(3):
        spawn(waiting, f"worker {number}")
    orders = ok(await otp.start(Asker, name="orders"))
    billing = ok(await otp.start(Asker, name="billing"))
    otp.send_request(orders, billing)
    send_after(100, billing, "late")

    def story(url: str) -> None:
        page.open(url)
        page.has("#view tbody", "worker 1")
        nameless = []
        for key in "1234567":
            page.press(key)
            page.until(lambda key=key: page.count(f"nav [aria-keyshortcuts='{key}'][aria-current]"))
            page.until(lambda: page.count("#view *") > 8)
            nameless += [(key, role) for role in page.nameless()]
        assert nameless == []
        page.press("1")
        page.click("#view tbody tr", "orders")
        page.has("aside h2", repr(orders))
        page.browser.execute_script("document.querySelector('tr[aria-selected=true]').focus()")
        page.press(Keys.ENTER)
        page.until(lambda: page.focus_is("aside"))
        page.press(Keys.ESCAPE)
        page.until(lambda: page.focus_is("tr[aria-selected=true]"))
        page.press("4")
        page.until(lambda: page.focus_is("#view"))
        page.has("#view tbody", "orders")
        page.press(Keys.TAB, Keys.TAB)
        page.until(lambda: page.focus_is("#view tbody button"))
        page.press("2")
        page.has(".tree", "orders")
        page.press(Keys.TAB)
        page.until(lambda: page.focus_is("[role=treeitem]"))
        page.press(Keys.ARROW_RIGHT)
        page.until(lambda: page.focus_is("[role=treeitem][aria-level='2']"))
        page.press(Keys.ARROW_LEFT)
        page.until(lambda: page.focus_is("[role=treeitem][aria-level='1']"))
        page.press(Keys.END)
        page.press(Keys.ENTER)
        page.until(lambda: page.count("#view table"))
        assert page.complaints() == []

    async with observed() as client:
        await trio.to_thread.run_sync(story, client.at.url)


@in_runtime
async def test_a_number_is_typed_and_does_not_change_the_view(page: Page) -> None:
    def story(url: str) -> None:
        page.open(url)
        page.press("6")
        page.until(lambda: page.count("#view [aria-label='which processes']"))
        script = "document.querySelector('[aria-label=\\'which processes\\']').select()"
        page.browser.execute_script(script)
        page.press("4", Keys.ENTER)
        page.has("#view [role=status]", "which: expected a pid of a living process")
        assert all("400" in complaint for complaint in page.complaints())

    async with observed() as client:
        await trio.to_thread.run_sync(story, client.at.url)


async def waiting_for(word: str) -> None:
    await receive(lambda message: message == word)


@in_runtime
async def test_a_wrong_token_is_told(page: Page) -> None:
    def story(url: str) -> None:
        page.open(url[:-5])
        page.has("#state", "open the address that the program shows")

    async with observed() as client:
        await trio.to_thread.run_sync(story, client.at.url)


@in_runtime
async def test_what_a_program_says_is_never_read_as_html(page: Page) -> None:
    spawn(waiting, "<img src=x onerror=document.title='broken'>")

    def story(url: str) -> None:
        page.open(url)
        page.has("tbody", "<img src=x")
        page.click("tbody tr", "<img src=x")
        page.has("aside", "<img src=x")
        page.press("2")
        page.has(".tree", "<img")
        assert page.browser.title.endswith("observer")
        assert page.complaints() == []

    async with observed() as client:
        await trio.to_thread.run_sync(story, client.at.url)
