"""Erlang's observer, etop and observer_cli on a real Erlang node look at this one."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from trio.lowlevel import checkpoint

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    current_pid,
    exit,
    gen_tcp,
    inet,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    register,
    set_label,
    sleep,
    socket,
    spawn,
    whereis,
)
from actorsock.dist import Atom, Observable, charlist, text
from actorsock.dist.node.distribution import distribution
from actorsock.dist.observed import trace_port
from actorsock.runtime.bodies.current import current_process

from ..nodes import Beam, Release
from .test_answers import OBSERVED

pytestmark = pytest.mark.xdist_group("observer")

HOW_TO_INSTALL = (
    "there is no {}: install Erlang's observer and an X server without a screen "
    "(Debian: apt-get install erlang-observer xvfb)"
)


class Till(otp.GenServer):
    """A server with a state."""

    def init(self) -> None:
        self.total = 1234567

    def handle_call(self, request: Any, caller: Any) -> otp.Reply:
        return otp.Reply(sum(range(1000)))


class Shop(otp.Supervisor):
    """Keeps a till running."""

    def init(self) -> Any:
        return otp.SupervisorFlags(), [otp.ChildSpec("till", _start_till)]


async def _start_till() -> Any:
    return await otp.start_link(Till, name="till")


async def customer() -> None:
    set_label("a customer")
    await receive()


@asynccontextmanager
async def shop(join: Any, **how: Any) -> Any:
    """A node that can be looked at, with a supervisor, a server, a process and two sockets."""
    async with join(observable=Observable(**how)) as node:
        supervisor = ok(await otp.start_link(Shop, name="shop"))
        buying = spawn(customer)
        sock = ok(socket.open("inet", "dgram", "udp"))
        listener = ok(gen_tcp.listen(0))
        yield node, buying
        await socket.close(sock)
        await gen_tcp.close(listener)
        if process_info(buying) is not None:
            down = monitor(buying)
            exit(buying, "kill")
            await receive(down)
        await otp.stop(supervisor, "normal")


def chars(texts: list[str]) -> list[list[int]]:
    return [charlist(text) for text in texts]


# --- the calls alone, by every release ------------------------------------------------------------


async def test_the_calls_of_an_observer(runtime: None, join: Any, beam: Beam) -> None:
    async with shop(join, messages=True) as (node, buying):
        name = Atom(node.name)

        async def call(module: str, function: str, *args: Any) -> Any:
            expression = "rpc:call(Node, M, F, A)"
            return await beam.eval(
                expression, Node=name, M=Atom(module), F=Atom(function), A=list(args)
            )

        items = [Atom(item) for item in OBSERVED]
        found = await call("erlang", "process_info", buying, items)
        assert [item for item, _ in found] == OBSERVED
        assert (await call("observer_backend", "vsn"))[0] == "ok"
        facts = dict(await call("observer_backend", "sys_info"))
        assert facts["process_count"] > 5
        assert len(await call("observer_backend", "get_socket_list")) > 2
        reason, [(word, _, rows)] = await beam.eval(
            "looking:collected(Node, procs_info)", Node=name
        )
        assert (reason, word) == ("normal", "procs_info")
        assert "till" in [row[4] for row in rows]
        reason, [(_, info)] = await beam.eval("looking:collected(Node, etop_collect)", Node=name)
        assert (reason, info[0]) == ("normal", "etop_info")
        unknown = await call("observer_backend", "ttb_fetch", Atom("x"), Atom("y"))
        assert unknown[0] == "badrpc"


async def test_observer_cli(runtime: None, join: Any, beam: Beam) -> None:
    async with shop(join) as (node, _):
        wanted = chars([f"{node.name}: ", "name or function", "till", "receive"])
        result, printed = await beam.eval(
            "looking:observer_cli(Node, Wanted)", Node=Atom(node.name), Wanted=wanted
        )
        assert result == "quit"
        assert text(printed).count("name or function") >= 1


async def test_it_is_off_unless_asked_for(runtime: None, join: Any, beam: Beam) -> None:
    async with join() as node:
        answer = await beam.eval(
            "rpc:call(Node, observer_backend, sys_info, [])", Node=Atom(node.name)
        )
        assert answer == (
            "badrpc", ("EXIT", ("undef", [("observer_backend", "sys_info", [], [])]))
        )  # fmt: skip


# --- the programs of the system's release ---------------------------------------------------------


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The name of a display that nobody sees."""
    if shutil.which("Xvfb") is None:
        pytest.skip(HOW_TO_INSTALL.format("Xvfb"))
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1200x800x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    yield f":{server.stdout.readline().decode().strip()}"
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.fixture(scope="module")
def start_beam(erl: str, epmd: int, helper: Path) -> Iterator[Callable[..., Beam]]:
    started: list[Beam] = []

    def start(module: str, name: str, **environment: str) -> Beam:
        where = f"io:format('~p', [code:which({module})])"
        found = subprocess.run(
            [erl, "-noinput", "-eval", f"{where}, halt()."], capture_output=True, timeout=60
        )
        if b"non_existing" in found.stdout:
            pytest.skip(HOW_TO_INSTALL.format(module))
        release = Release("system", (erl,), environment)
        started.append(Beam(release, name, epmd, helper))
        return started[-1].start()

    yield start
    for beam in started:
        beam.stop()


@pytest.fixture(scope="module")
def observing(
    start_beam: Callable[..., Beam], display: str, tmp_path_factory: pytest.TempPathFactory
) -> Beam:
    """A node that has a display, and keeps the settings of its observer to itself."""
    home = str(tmp_path_factory.mktemp("home"))
    return start_beam(
        "observer", "observing@127.0.0.1", DISPLAY=display, HOME=home, XDG_CONFIG_HOME=home
    )


TABS = {
    "System": ["actorsock ", "CPython", "Schedulers:\n1", "Ports:\nNot available"],
    "Load Charts": [],
    "Memory Allocators": ["total | ", "sys_alloc | "],
    "Applications": ["test_the_observer_tab_by_tab"],
    "Processes": [" | till | ", "test_with_beam:customer/0"],
    "Ports": [],
    "Sockets": ["Number of protocol 'udp' sockets:\n1", "#Socket<", "#Port<", "dgram | udp"],
    "Table Viewer": [],
    "Trace Overview": [],
}
"""Every tab, and what it shows of the node."""


async def test_the_observer_tab_by_tab(
    runtime: None, join: Any, observing: Beam, caplog: Any
) -> None:
    async with shop(join, messages=True) as (node, buying):
        await observing.eval("looking:open(Node)", Node=Atom(node.name))
        panels = {}
        for tab, wanted in TABS.items():
            panels[tab] = await observing.eval("looking:tab(Tab)", Tab=charlist(tab))
            missing, _ = await observing.eval("looking:shows(Wanted)", Wanted=chars(wanted))
            assert [text(each) for each in missing] == [], tab

        await observing.eval('looking:tab("Processes")')
        till = whereis("till")
        for pid, wanted in (
            (
                till,
                {"Process Information": ["till", "waiting"], "State": ["gen_server", "1234567"]},
            ),
            (buying, {"Dictionary": ["a customer"], "Stack Trace": ["test_with_beam:customer/0"]}),
        ):
            pages = await window(observing, panels["Processes"], pid)
            for page, texts in wanted.items():
                assert [part for part in texts if part not in pages[page]] == [], page

        # No tab has been restarted, no dialog waits, and nothing was printed or logged anywhere.
        for tab, panel in panels.items():
            assert await observing.eval("looking:tab(Tab)", Tab=charlist(tab)) is panel
        assert text(await observing.eval("looking:printed()")) == ""
        await observing.eval("looking:close()")
        assert [each.message for each in caplog.records if each.levelname != "INFO"] == []


async def window(observing: Beam, processes: Pid, pid: Pid) -> dict[str, str]:
    """Open the window of a process; return the texts of its pages."""
    shown = await observing.eval(
        "looking:texts_of_window(looking:window_of(Processes, Pid))", Processes=processes, Pid=pid
    )
    return {text(page): "\n".join(map(text, texts)) for page, texts in shown}


@pytest.mark.parametrize("control", [False, True], ids=["looking", "control"])
async def test_kill_in_the_menu(
    runtime: None, join: Any, observing: Beam, caplog: Any, control: bool
) -> None:
    async with shop(join, control=control) as (node, buying):
        await observing.eval("looking:open(Node)", Node=Atom(node.name))
        processes = await observing.eval('looking:tab("Processes")')
        await observing.eval("looking:shows(Wanted)", Wanted=chars(["test_with_beam:customer/0"]))
        down = monitor(buying)
        await observing.eval("looking:kill(Processes, Pid)", Processes=processes, Pid=buying)
        if control:
            assert (await receive(down)).reason == "killed"
        else:
            # What comes after the signal has come: so has the signal.
            await observing.eval("looking:state_of(Processes)", Processes=processes)
            assert process_info(buying) is not None
            assert "dropped an exit signal from the observer" in caplog.text
            # Any other process of that node can do it, as in every cluster.
            await observing.eval("exit(Pid, kill)", Pid=buying)
            assert (await receive(down)).reason == "killed"
        assert text(await observing.eval("looking:printed()")) == ""
        await observing.eval("looking:close()")


# --- etop -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looking(start_beam: Callable[..., Beam]) -> Beam:
    return start_beam("etop", "etop@127.0.0.1")


async def busy() -> None:
    while True:
        sum(range(10_000))
        await checkpoint()


@asynccontextmanager
async def traced_shop(join: Any) -> Any:
    """A node that lets etop trace it, and that is not traced any more in the end."""
    async with shop(join, tracing=True) as (node, _):
        pids = [spawn(busy), spawn(asks, "till")]
        register("busy", pids[0])
        yield node
        while "traces" in current_process().node.services:
            await sleep(0.01)
        for pid in pids:
            down = monitor(pid)
            exit(pid, "kill")
            await receive(down)


async def asks(name: str) -> None:
    while True:
        await otp.call(name, "sum")
        await checkpoint()


TIMES = r"\bbusy +[1-9][0-9]+ (.*\n)+.*\btill +[1-9][0-9]+ "
"""Two rows of processes that have run, the busier one first."""


async def test_etop_without_tracing(runtime: None, join: Any, looking: Beam) -> None:
    async with shop(join) as (node, _):
        wanted = chars([node.name, "Load:  cpu", " till "])
        _, printed = await looking.eval(
            "looking:etop(Node, Wanted, [{tracing, off}])", Node=Atom(node.name), Wanted=wanted
        )
        assert [part for part in map(text, wanted) if part not in text(printed)] == []
        crashed, reason, _ = await looking.eval(
            "looking:etop(Node, [], [])", Node=Atom(node.name), Wanted=wanted
        )
        assert crashed == "crashed"
        said = text(await looking.eval('lists:flatten(io_lib:format("~0p", [R]))', R=reason))
        assert "use etop with {tracing, off}; with Observable(tracing=True)" in said


async def test_etop_measures_run_times(runtime: None, join: Any, looking: Beam) -> None:
    """With its defaults; again after it was stopped; and again after it was killed."""
    async with traced_shop(join) as node:

        async def etop(*options: Any) -> None:
            result, printed = await looking.eval(
                "looking:etop_by_default(Node, Expression, Options)",
                Node=Atom(node.name), Expression=TIMES.encode(), Options=list(options),
            )  # fmt: skip
            assert result == "ok"
            assert "garbage" not in text(printed)

        await etop()
        often = Atom("interval"), 1
        await etop(often)
        await looking.eval("looking:killed_etop(Node)", Node=Atom(node.name))
        await etop(often)


async def test_a_trace_as_otp_27_begins_it(runtime: None, join: Any, looking: Beam) -> None:
    async with traced_shop(join) as node:
        reason, frames = await looking.eval(
            "looking:traced(Node, Port)", Node=Atom(node.name), Port=free_port()
        )
        assert reason == "normal"
        first, second = frames
        assert (first[0], first[2:4], second[2:4]) == ("trace_ts", ("in", 0), ("out", 0))
        assert first[1] is second[1]
        assert first[4] < second[4]


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


async def test_a_port_that_is_used(runtime: None, join: Any, looking: Beam) -> None:
    with create_server(("127.0.0.1", 0)) as used:
        async with traced_shop(join) as node:
            port = Atom("port"), used.getsockname()[1]
            crashed, reason, printed = await looking.eval(
                "looking:etop(Node, [], Options)", Node=Atom(node.name), Options=[port]
            )
            assert (crashed, reason) == ("crashed", "dbg_server_crash")
            assert "can't listen on port" in text(printed)


async def test_a_reader_of_another_machine(
    runtime: None, join: Any, looking: Beam, caplog: Any
) -> None:
    async with traced_shop(join) as node:
        await looking.eval("connected")
        peer = distribution().peer(looking.name)
        assert peer.address == "127.0.0.1"
        peer.address = "192.0.2.1"
        _, printed = await looking.eval(
            'looking:etop_by_default(Node, "Lost connection", Options)',
            Node=Atom(node.name), Options=[(Atom("port"), free_port())],
        )  # fmt: skip
        assert "Lost connection" in text(printed)
        assert "run times to a reader at 127.0.0.1: etop is at 192.0.2.1" in caplog.text


# --- whoever asks for the port of a trace, and connects with it -----------------------------------


async def listening(looking: Beam, node: Any, port: int) -> Any:
    """Have this node listen as for etop; return a monitor of the process that does."""
    pid = await looking.eval("looking:relay(Node, Port)", Node=Atom(node.name), Port=port)
    return monitor(pid)


def warnings(caplog: Any) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname != "INFO"]


@pytest.mark.parametrize("ends", ["by garbage", "by a reset at once"])
async def test_a_reader_that_is_not_etop(
    runtime: None, join: Any, looking: Beam, caplog: Any, ends: str
) -> None:
    async with traced_shop(join) as node:
        port = free_port()
        down = await listening(looking, node, port)
        reader = ok(await gen_tcp.connect("127.0.0.1", port, {"active": False}))
        if ends == "by garbage":
            assert isinstance(await gen_tcp.recv(reader, 5), Ok)
            assert await gen_tcp.connect("127.0.0.1", port) == Error("econnrefused")
            ok(await gen_tcp.send(reader, b"GET / HTTP/1.1\r\n\r\n"))
        else:
            ok(inet.setopts(reader, {"linger": (True, 0)}))
            await gen_tcp.close(reader)
        assert (await receive(down)).reason == "normal"
        await gen_tcp.close(reader)
        assert warnings(caplog) == []


async def test_readers_that_are_refused_do_not_make_the_time_longer(
    runtime: None, join: Any, looking: Beam, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(trace_port, "_PATIENCE", 0.3)
    async with traced_shop(join) as node:
        await looking.eval("connected")
        distribution().peer(looking.name).address = "192.0.2.1"
        port = free_port()
        down = await listening(looking, node, port)
        while not isinstance(ended := await receive(down, after=0.02), Down):
            match await gen_tcp.connect("127.0.0.1", port):
                case Ok(sock):
                    await gen_tcp.close(sock)
        assert ended.reason == "normal"
        assert warnings(caplog) == [
            "refused to tell run times to a reader at 127.0.0.1: etop is at 192.0.2.1"
        ]


async def test_a_process_of_this_node_is_not_ended_in_the_name_of_dbg(
    runtime: None, join: Any, looking: Beam, caplog: Any
) -> None:
    async with traced_shop(join) as node:
        for parent in (current_pid(), Atom("nobody")):
            asked = {"Node": Atom(node.name), "Asked": [parent, Atom("garbage")]}
            assert await looking.eval("rpc:call(Node, dbg, do_relay, Asked)", **asked) is None
        assert (
            warnings(caplog)
            == ["refused a trace: only the dbg of another node can ask for one"] * 2
        )
