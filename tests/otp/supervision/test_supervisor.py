"""Supervisor: children that are started in order, restarted by the rules, and stopped."""

import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from math import inf
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    current_pid,
    exit,
    is_alive,
    make_ref,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    send,
    sleep,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
    unlink,
    whereis,
)
from actorsock.otp import ChildCount, ChildInfo, ChildSpec, Supervisor, SupervisorFlags

from ..conftest import Awkward, Tables, error_text, messages, start_with_parent


class Worker(otp.GenServer):
    """Reports its start and its end to `log`."""

    def init(self, log: Pid, name: str) -> None:
        self.log, self.name = log, name
        trap_exit(True)
        send(log, f"{name} starts")

    def handle_cast(self, reason: Any) -> otp.Stop:
        return otp.Stop(reason)

    def terminate(self, reason: Any) -> None:
        send(self.log, f"{self.name} ends: {reason}")


def spec(name: str, **keywords: Any) -> ChildSpec:
    return ChildSpec(name, start_worker, (current_pid(), name), **keywords)


async def start_worker(log: Pid, name: str) -> Any:
    return await otp.start_link(Worker, log, name, name=name)


async def supervisor(*children: Any, **flags: Any) -> Pid:
    """Start a supervisor that is not linked to the test."""
    return ok(await otp.start(Supervisor, list(children), SupervisorFlags(**flags)))


async def dynamic(start: Any, *args: Any, **keywords: Any) -> Pid:
    """Start a simple_one_for_one supervisor."""
    flags = {"intensity": keywords.pop("intensity", 1)}
    template = ChildSpec("worker", start, args, **keywords)
    return await supervisor(template, strategy="simple_one_for_one", **flags)


async def ends(name: str, reason: Any = "because") -> None:
    """End a worker, and wait until the supervisor has handled that."""
    ref = monitor(name)
    otp.cast(name, reason)
    await receive(ref)
    await wait_all_tasks_blocked()


def running(children: list[ChildInfo]) -> list[Any]:
    return [child.id for child in children if isinstance(child.pid, Pid)]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "actorsock.supervisor")


async def test_children_start_in_order_and_stop_in_reverse(runtime: None) -> None:
    pid = await supervisor(spec("a"), spec("b"), spec("c"))
    assert await messages() == ["a starts", "b starts", "c starts"]
    await otp.stop(pid)
    assert await messages() == ["c ends: shutdown", "b ends: shutdown", "a ends: shutdown"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", ["b ends: because", "b starts"]),
        (
            "one_for_all",
            ["b ends: because", *(f"{name} ends: shutdown" for name in "ca")]
            + [f"{name} starts" for name in "abc"],
        ),
        ("rest_for_one", ["b ends: because", "c ends: shutdown", "b starts", "c starts"]),
    ],
)
async def test_strategies(runtime: None, strategy: Any, expected: list[str]) -> None:
    pid = await supervisor(spec("a"), spec("b"), spec("c"), strategy=strategy)
    await messages()
    await ends("b")
    assert await messages() == expected
    assert running(await otp.which_children(pid)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("restart", "reason", "comes_back"),
    [
        ("permanent", "normal", True),
        ("permanent", "because", True),
        ("transient", "normal", False),
        ("transient", "shutdown", False),
        ("transient", "because", True),
        ("temporary", "normal", False),
        ("temporary", "because", False),
    ],
)
async def test_restart(runtime: None, restart: Any, reason: str, comes_back: bool) -> None:
    pid = await supervisor(spec("a", restart=restart))
    await ends("a", reason)
    assert (whereis("a") is not None) == comes_back
    assert len(await otp.which_children(pid)) == (restart != "temporary")


async def test_a_plain_process_as_a_child(runtime: None) -> None:
    async def process() -> None:
        await receive()

    pid = await supervisor(ChildSpec("process", spawn_link, (process,)))
    [child] = await otp.which_children(pid)
    send(child.pid, "end")
    await wait_all_tasks_blocked()
    [after] = await otp.which_children(pid)
    assert is_alive(after.pid)
    assert after.pid is not child.pid
    await otp.stop(pid)
    assert not is_alive(after.pid)


async def test_a_child_that_forgot_to_link_is_linked(runtime: None) -> None:
    pid = await supervisor(ChildSpec("process", spawn, (receive,)))
    [child] = await otp.which_children(pid)
    assert process_info(child.pid).links == [pid]


async def test_specs_and_flags_may_be_dicts(runtime: None) -> None:
    children = [{"id": "a", "start": start_worker, "args": (current_pid(), "a")}]
    ok(await otp.start(Supervisor, children, {"strategy": "one_for_all", "intensity": 3}))
    assert await messages() == ["a starts"]


async def test_a_class_with_its_own_init(runtime: None) -> None:
    class Shop(Supervisor):
        def init(self, log: Pid) -> Any:
            return SupervisorFlags(), [ChildSpec("a", start_worker, (log, "a"))]

    pid = ok(await otp.start_link(Shop, current_pid(), name="shop"))
    assert running(await otp.which_children("shop")) == ["a"]
    assert process_info(pid).function.endswith("Shop")
    await otp.stop("shop")


async def test_supervisors_of_supervisors(runtime: None) -> None:
    inner = ChildSpec(
        "inner", otp.start_link, (Supervisor, [spec("b"), spec("c")]), type="supervisor"
    )
    assert inner.shutdown == inf
    pid = await supervisor(spec("a"), inner, spec("d"))
    assert await otp.count_children(pid) == ChildCount(3, 3, 1, 2)
    await messages()
    await otp.stop(pid)
    assert await messages() == [f"{name} ends: shutdown" for name in "dcba"]


async def test_a_supervisor_ends_with_its_parent(runtime: None) -> None:
    parent, _ = await start_with_parent(Supervisor, [spec("a"), spec("b")])
    assert await messages() == ["a starts", "b starts"]
    send(parent, "because")
    assert await messages() == ["b ends: shutdown", "a ends: shutdown"]


# --- giving up


async def test_too_many_restarts(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    pid = await supervisor(spec("a"), spec("b"), intensity=2)
    ref = monitor(pid)
    await messages()
    for _ in range(3):
        await ends("b")
    assert await receive(ref) == Down(ref, pid, "shutdown")
    assert (await messages())[-2:] == ["b ends: because", "a ends: shutdown"]
    assert "gives up" in caplog.text


async def test_old_restarts_do_not_count(runtime: None, autojump_clock: MockClock) -> None:
    pid = await supervisor(spec("a"), intensity=1, period=10)
    for _ in range(5):
        await ends("a")
        await sleep(10.5)
    assert is_alive(pid)


async def test_the_count_survives_the_restarts_of_all(runtime: None) -> None:
    pid = await supervisor(spec("a"), spec("b"), strategy="one_for_all", intensity=1)
    await ends("a")
    assert is_alive(pid)
    await ends("b")
    assert not is_alive(pid)


# --- children that fail to start


@attrs.define
class Flaky:
    """A start function that fails at some of its calls."""

    log: Pid
    fails: list[int]
    calls: int = 0

    async def __call__(self, name: str) -> Any:
        self.calls += 1
        if self.calls in self.fails:
            send(self.log, f"{name} fails")
            return Error("flaky")
        return await start_worker(self.log, name)


async def test_a_child_that_fails_at_first(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    bad = ChildSpec("b", lambda: Error("bad"))
    assert await otp.start(Supervisor, [spec("a"), bad, spec("c")]) == Error(
        ("shutdown", ("failed_to_start_child", "b", "bad"))
    )
    assert await messages() == ["a starts", "a ends: shutdown"]
    assert "child 'b' can't be started: 'bad'" in caplog.text


async def test_a_start_function_that_raises(runtime: None) -> None:
    def raises() -> Any:
        raise ValueError("no")

    def returns() -> Any:
        return "a word"

    def exits() -> Any:
        exit("because")

    pid = await supervisor()
    for function, expected in [(raises, ValueError), (returns, TypeError), (exits, str)]:
        error_text(await otp.start_child(pid, ChildSpec("a", function)), expected)
    assert await otp.which_children(pid) == []


async def test_a_start_function_that_returns_none_gets_advice(runtime: None) -> None:
    async def work(*args: Any) -> None:
        pass

    pid = await supervisor()
    for args, expected in [
        ((), "ChildSpec('a', spawn_link, (work,))"),
        ((1, "b"), "ChildSpec('a', spawn_link, (work, 1, 'b'))"),
    ]:
        assert error_text(await otp.start_child(pid, ChildSpec("a", work, args)), TypeError) == (
            "start of 'a': expected a Pid, Ok(pid) or Error(reason), got None; "
            f"did you mean {expected}?"
        )


async def test_a_slow_start_is_logged(
    runtime: None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(seconds: float) -> Pid:
        await sleep(seconds)
        return spawn_link(receive)

    def warnings() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]

    pid = await supervisor(ChildSpec("a", slow, (4,)))
    await sleep(10)
    assert warnings() == []
    ok(await otp.start_child(pid, ChildSpec("b", slow, (20,))))
    assert warnings() == [
        f"supervisor {pid!r}: child 'b' is still being started after 5 seconds: "
        "its start function has not returned"
    ]


async def test_a_restart_that_fails_is_tried_again(runtime: None) -> None:
    flaky = Flaky(current_pid(), fails=[2, 3])
    await supervisor(
        spec("a"), ChildSpec("b", flaky, ("b",)), spec("c"), strategy="rest_for_one", intensity=3
    )
    await messages()
    await ends("b")
    ends_and_fails = ["b ends: because", "c ends: shutdown", "b fails", "b fails"]
    assert await messages() == [*ends_and_fails, "b starts", "c starts"]


async def test_attempts_count_as_restarts(runtime: None) -> None:
    flaky = Flaky(current_pid(), fails=list(range(2, 100)))
    pid = await supervisor(spec("a"), ChildSpec("b", flaky, ("b",)), intensity=3)
    await messages()
    await ends("b")
    assert await messages() == [
        "b ends: because",
        "b fails",
        "b fails",
        "b fails",
        "a ends: shutdown",
    ]
    assert not is_alive(pid)


async def test_an_ignored_start(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    def ignored(**keywords: Any) -> ChildSpec:
        return ChildSpec("i", lambda: Error("ignore"), **keywords)

    pid = await supervisor(ignored())
    assert await otp.which_children(pid) == [ChildInfo("i", None, "worker")]
    assert await otp.restart_child(pid, "i") == Ok(None)
    ok(await otp.delete_child(pid, "i"))
    assert await otp.start_child(pid, ignored(restart="temporary")) == Ok(None)
    assert await otp.which_children(pid) == []
    assert "is started" not in caplog.text


# --- adding and removing


async def test_the_life_of_a_child(runtime: None) -> None:
    pid = await supervisor(spec("a"))
    child = ok(await otp.start_child(pid, spec("b")))
    assert whereis("b") is child
    assert await otp.start_child(pid, spec("b")) == Error("already_started", child)
    assert await otp.restart_child(pid, "b") == Error("running")
    assert await otp.delete_child(pid, "b") == Error("running")
    assert await otp.terminate_child(pid, "b") == Ok()
    assert not is_alive(child)
    assert await otp.terminate_child(pid, "b") == Ok()
    assert await otp.start_child(pid, spec("b")) == Error("already_present")
    assert await otp.which_children(pid) == [
        ChildInfo("a", whereis("a"), "worker"),
        ChildInfo("b", None, "worker"),
    ]
    assert await otp.count_children(pid) == ChildCount(2, 1, 0, 2)
    assert whereis("b") is None
    assert ok(await otp.restart_child(pid, "b")) is whereis("b")
    ok(await otp.terminate_child(pid, "b"))
    assert await otp.delete_child(pid, "b") == Ok()
    for function in [otp.terminate_child, otp.restart_child, otp.delete_child]:
        assert await function(pid, "b") == Error("not_found")


async def test_a_temporary_child_that_is_terminated_is_forgotten(runtime: None) -> None:
    pid = await supervisor(spec("a", restart="temporary"))
    ok(await otp.terminate_child(pid, "a"))
    assert await otp.which_children(pid) == []


# --- stopping


async def stubborn(log: Pid, takes: float) -> None:
    trap_exit(True)
    send(log, "ready")
    await receive(Exit)
    await sleep(takes)


@pytest.mark.parametrize(
    ("shutdown", "takes", "ends_after", "reported"),
    [
        (5.0, 3, 3, False),
        (5.0, 10, 5, True),
        (inf, 100, 100, False),
        ("brutal_kill", 100, 0, False),
        (0, 100, 0, True),
    ],
)
async def test_shutdown(
    runtime: None,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    shutdown: Any,
    takes: float,
    ends_after: float,
    reported: bool,
) -> None:
    child = ChildSpec(
        "s", spawn_link, (stubborn, current_pid(), takes), "transient", shutdown=shutdown
    )
    pid = await supervisor(child)
    assert await receive() == "ready"
    before = trio.current_time()
    await otp.stop(pid)
    assert trio.current_time() - before == pytest.approx(ends_after)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == reported


async def test_a_child_that_has_ended_just_before(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = spec("a"), spec("b", restart="temporary")
    pid = await supervisor(a, b)
    otp.cast("b", "because")  # the supervisor has not handled its end when it is stopped
    await otp.stop(pid)
    assert await messages() == ["a starts", "b starts", "b ends: because", "a ends: shutdown"]
    assert "child 'b'" in caplog.text


async def test_an_exit_reason_that_can_not_be_compared(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def ends_awkwardly(log: Pid) -> None:
        trap_exit(True)
        send(log, "ready")
        await receive(Exit)
        exit(Awkward())

    child = ChildSpec("awkward", spawn_link, (ends_awkwardly, current_pid()))
    pid = await supervisor(spec("a"), child)
    assert await messages() == ["a starts", "ready"]
    await otp.stop(pid, "shutdown")
    assert await messages() == ["a ends: shutdown"]
    assert "child 'awkward'" in caplog.text


async def test_a_start_error_that_can_not_be_compared(runtime: None) -> None:
    reason: Any = Awkward()
    pid = await supervisor()
    result = await otp.start_child(pid, ChildSpec("awkward", lambda: Error(reason)))
    assert isinstance(result, Error)
    assert result.reason is reason
    assert is_alive(pid)


class Disguised:
    """An object that raises when it is asked for its class, as `match` does."""

    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


class Unusual(BaseException):
    pass


class Counting:
    """An id whose hash fails after so many times, and whose comparison always does."""

    def __init__(self, good: int) -> None:
        self.good = good

    def __hash__(self) -> int:
        self.good -= 1
        if self.good < 0:
            raise Unusual
        return hash("a")

    def __eq__(self, other: object) -> bool:
        raise Unusual


class Moving:
    """An id that is another one each time."""

    def __init__(self) -> None:
        self.next = count().__next__

    def __hash__(self) -> int:
        return self.next()

    def __eq__(self, other: object) -> bool:
        return self.next() % 2 == 0


IDS: dict[str, Callable[[], Any]] = {
    "fails at once": lambda: Counting(0),
    "fails at the second look": lambda: Counting(1),
    "fails at the third look": lambda: Counting(2),
    "can't be compared": lambda: Counting(10**9),
    "moves": Moving,
    "hides its class": Disguised,
    "can't be hashed": list,
}


@pytest.mark.parametrize("make", IDS.values(), ids=IDS)
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_no_id_harms_a_supervisor(
    runtime: None, make: Callable[[], Any], strategy: str
) -> None:
    pid = await supervisor(spec("a"), strategy=strategy, intensity=10)
    id = make()
    with suppress(TypeError):  # one that can't be hashed
        match await otp.start_child(pid, {"id": id, "start": spawn_link, "args": (receive,)}):
            case Ok(child):
                exit(child, "a crash")
                await wait_all_tasks_blocked()
                assert len(running(await otp.which_children(pid))) == 2
    for request in [otp.terminate_child, otp.restart_child, otp.terminate_child, otp.delete_child]:
        await request(pid, id)
    await otp.get_childspec(pid, id)
    await ends("a")
    assert "a" in running(await otp.which_children(pid))


class Word(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise Unusual

    __hash__ = str.__hash__


class Seconds(float):
    def __lt__(self, other: object) -> bool:
        raise Unusual

    __eq__ = __le__ = __gt__ = __ge__ = __lt__  # type: ignore[assignment]
    __hash__ = float.__hash__


@pytest.mark.parametrize(
    "field",
    [
        *({"restart": Word(word)} for word in ("permanent", "transient", "temporary")),
        *({"shutdown": value} for value in (Word("brutal_kill"), Seconds(1))),
    ],
    ids=str,
)
async def test_no_field_of_a_spec_harms_a_supervisor(runtime: None, field: dict[str, Any]) -> None:
    flags: dict[str, Any] = {"strategy": Word("one_for_all"), "period": Seconds(5), "intensity": 10}
    pid = await supervisor(spec("a"), **flags)
    child = {"id": "b", "start": spawn_link, "args": (receive,)}
    for id in ["b", "c"]:
        with suppress(TypeError):  # some values can't even be checked
            exit(ok(await otp.start_child(pid, {**child, **field, "id": id})), "a crash")
    await wait_all_tasks_blocked()
    assert isinstance(await otp.terminate_child(pid, "b"), Ok | Error)
    await ends("a")
    assert "a" in running(await otp.which_children(pid))


@pytest.mark.parametrize("make", IDS.values(), ids=IDS)
async def test_no_id_harms_a_dynamic_supervisor(runtime: None, make: Callable[[], Any]) -> None:
    pid = await dynamic(spawn_link, receive)
    for request in [otp.terminate_child, otp.get_childspec, otp.restart_child, otp.delete_child]:
        assert isinstance(await request(pid, make()), Error)
    assert is_alive(ok(await otp.start_child(pid)))


async def test_an_object_that_hides_its_class_harms_no_supervisor(runtime: None) -> None:
    pid = await supervisor()
    someone: Any = Disguised()
    for message in [someone, Exit(someone, "normal"), Down(make_ref(), someone, "normal")]:
        send(pid, message)
        otp.cast(pid, message)
    answer = await otp.call(pid, Disguised())
    assert "not one to a supervisor" in str(answer.error)
    result = await otp.start_child(pid, ChildSpec("odd", Disguised))
    assert isinstance(result, Error)
    assert isinstance(result.reason, ZeroDivisionError)
    assert await otp.which_children(pid) == []


# --- simple_one_for_one


async def test_dynamic_children(runtime: None) -> None:
    pid = await dynamic(start_worker, current_pid(), restart="transient")
    assert await otp.which_children(pid) == []
    a, b = [ok(await otp.start_child(pid, name)) for name in "ab"]
    assert await otp.which_children(pid) == [
        ChildInfo(None, a, "worker"),
        ChildInfo(None, b, "worker"),
    ]
    assert await otp.count_children(pid) == ChildCount(1, 2, 0, 2)
    await ends("a")
    assert whereis("a") is not None
    await ends("b", "normal")
    assert whereis("b") is None
    assert await otp.count_children(pid) == ChildCount(1, 1, 0, 1)
    assert await otp.start_child(pid, "a") == Error("already_started", whereis("a"))
    assert await otp.terminate_child(pid, whereis("a")) == Ok()
    assert await otp.terminate_child(pid, a) == Ok()
    for function in [otp.terminate_child, otp.restart_child, otp.delete_child]:
        assert await function(pid, "worker") == Error("simple_one_for_one")
    assert await otp.which_children(pid) == []


async def test_dynamic_children_stop_together(runtime: None, autojump_clock: MockClock) -> None:
    pid = await dynamic(spawn_link, stubborn, current_pid(), shutdown=100)
    for takes in [3, 2, 1]:
        ok(await otp.start_child(pid, takes))
        await receive()
    before = trio.current_time()
    await otp.stop(pid)
    assert trio.current_time() - before == pytest.approx(3)


async def test_dynamic_children_that_fail_to_restart(runtime: None) -> None:
    pid = await dynamic(Flaky(current_pid(), fails=[2, 3]), intensity=3)
    ok(await otp.start_child(pid, "f"))
    await ends("f")
    assert await messages() == ["f starts", "f ends: because", "f fails", "f fails", "f starts"]
    await ends("f")
    assert not is_alive(pid)


# --- reports and mistakes


async def test_reports(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    pid = ok(await otp.start(Supervisor, [spec("a")], name="shop"))
    first = whereis("a")
    await ends("a")
    second = whereis("a")
    reports = [record for record in caplog.records if record.name == "actorsock.supervisor"]
    assert [(record.levelname, record.message) for record in reports] == [
        ("INFO", f"supervisor shop: child 'a' {first!r} is started"),
        ("ERROR", f"supervisor shop: child 'a' {first!r} has ended: 'because'"),
        ("INFO", f"supervisor shop: child 'a' {second!r} is started"),
    ]
    assert (reports[1].supervisor, reports[1].child, reports[1].child_pid) == (pid, "a", first)


async def test_wrong_specs_and_flags(runtime: None) -> None:
    for wrong, message in [
        ({"id": 1}, "child spec: 'start' is missing"),
        ({"start": print}, "child spec: 'id' is missing"),
        ({"id": 1, "start": print, "restrat": 1}, "expected the keys id, start, args, restart"),
        ({"id": 1, "start": "print"}, "start: expected a function"),
        ({"id": [], "start": print}, "id: expected something hashable"),
        ({"id": 1, "start": print, "args": 3}, "args: expected a tuple"),
        ({"id": 1, "start": print, "restart": "always"}, "restart: expected one of 'permanent'"),
        ({"id": 1, "start": print, "shutdown": -1}, "shutdown"),
        ({"id": 1, "start": print, "type": "boss"}, "type: expected one of 'worker'"),
        (7, "child spec: expected a ChildSpec or a dict, got 7"),
    ]:
        assert message in error_text(await otp.start(Supervisor, [wrong]), TypeError, ValueError)
    for flags, message in [
        ({"strategy": "all_for_one"}, "strategy: expected one of"),
        ({"intensity": -1}, "intensity: "),
        ({"intensity": 1.5}, "intensity: "),
        ({"period": 0}, "period: "),
        ({"strategy": "simple_one_for_one"}, "takes one child spec, got 0"),
        (7, "supervisor flags: expected a SupervisorFlags or a dict"),
    ]:
        assert message in error_text(await otp.start(Supervisor, [], flags), TypeError, ValueError)
    result = await otp.start(Supervisor, [spec("a"), spec("a")])
    assert "two of them have the id 'a'" in error_text(result, ValueError)
    pid = await supervisor()
    with pytest.raises(TypeError, match="child spec: expected"):
        await otp.start_child(pid, 7)
    with pytest.raises(TypeError, match="spec: expected one ChildSpec"):
        await otp.start_child(pid)
    assert is_alive(pid)


async def test_a_killed_supervisor_ends_its_children(runtime: None) -> None:
    pid = await supervisor(spec("a"))
    exit(pid, "kill")
    assert (await messages())[-1] == "a ends: killed"


async def test_a_thousand_children_leave_nothing(runtime: None, tables: Tables) -> None:
    before = tables()
    pid = await dynamic(spawn_link, receive, restart="temporary")
    children = [ok(await otp.start_child(pid)) for _ in range(1000)]
    for child in children[::2]:
        exit(child, "kill")
    await wait_all_tasks_blocked()
    assert (await otp.count_children(pid)).active == 500
    await otp.stop(pid)
    assert tables() == before


async def test_a_thousand_restarts_leave_nothing(runtime: None, tables: Tables) -> None:
    before = tables()

    async def short() -> None:
        await receive(after=0)

    pid = await supervisor(ChildSpec("s", spawn_link, (short,)), intensity=1000, period=1000)
    ref = monitor(pid)
    await receive(ref)
    assert tables() == before


async def test_a_supervisor_may_be_light(runtime: None) -> None:
    pid = ok(await otp.start(Supervisor, [spec("a")], light=True))
    assert process_info(pid).kind == "light"
    await ends("a")
    assert whereis("a") is not None
    _, ref = spawn_monitor(otp.stop, pid)
    assert (await receive(ref)).reason == "normal"


# --- significant children


@pytest.mark.parametrize(
    ("auto_shutdown", "expected"),
    [
        ("any_significant", ["a ends: normal", "b ends: shutdown", "z ends: shutdown"]),
        ("all_significant", ["a ends: normal"]),
    ],
)
async def test_automatic_shutdown(runtime: None, auto_shutdown: Any, expected: list[str]) -> None:
    children = [spec(name, restart="transient", significant=True) for name in "ab"]
    pid = await supervisor(spec("z"), *children, auto_shutdown=auto_shutdown)
    ref = monitor(pid)
    await messages()
    await ends("a", "normal")
    if auto_shutdown == "all_significant":
        assert await messages() == expected
        await ends("b", ("shutdown", "done"))
        expected = ["b ends: ('shutdown', 'done')", "z ends: shutdown"]
    assert await messages() == [*expected, Down(ref, pid, "shutdown")]


async def test_a_significant_child_that_is_stopped_ends_no_other(runtime: None) -> None:
    child = spec("a", restart="temporary", significant=True)
    pid = await supervisor(
        spec("b"), child, auto_shutdown="any_significant", strategy="one_for_all"
    )
    assert await otp.terminate_child(pid, "a") == Ok()
    ok(await otp.start_child(pid, child))
    await ends("b")
    assert running(await otp.which_children(pid)) == ["b"]


async def test_a_significant_child_needs_auto_shutdown(runtime: None) -> None:
    child = spec("a", restart="transient", significant=True)
    message = "significant: the child 'a' can't be under"
    assert error_text(await otp.start(Supervisor, [child]), ValueError).startswith(message)
    pid = await supervisor()
    with pytest.raises(ValueError, match=message):
        await otp.start_child(pid, child)
    assert is_alive(pid)


# --- children of every kind


async def test_servers_light_processes_and_tasks_as_children(runtime: None) -> None:
    class Waiting(otp.GenServer):
        async def init(self) -> None:
            await sleep(0)

    async def plain() -> None:
        await receive()

    def light(function: Any, *args: Any) -> Any:
        return lambda: function(*args, light=True)

    pid = await supervisor(
        ChildSpec("handler", otp.start_link, (otp.GenServer,)),
        ChildSpec("task", otp.start_link, (Waiting,)),
        ChildSpec("light", light(otp.start_link, Waiting)),
        ChildSpec("plain task", spawn_link, (plain,)),
        ChildSpec("plain light", light(spawn_link, plain)),
        intensity=10,
    )

    async def kinds() -> dict[Any, Any]:
        children = await otp.which_children(pid)
        return {child.id: process_info(child.pid).kind for child in children}

    before = await kinds()
    assert before == {
        "handler": "handler",
        "task": "task",
        "light": "light",
        "plain task": "task",
        "plain light": "light",
    }
    for child in await otp.which_children(pid):
        exit(child.pid, "because")
        await wait_all_tasks_blocked()
    assert await kinds() == before


async def test_the_spec_of_a_child(runtime: None) -> None:
    a = spec("a")
    pid = await supervisor(a)
    assert await otp.get_childspec(pid, "a") == Ok(a)
    assert await otp.get_childspec(pid, whereis("a")) == Ok(a)
    assert await otp.get_childspec(pid, "b") == Error("not_found")
    await otp.stop(pid)
    template = ChildSpec("worker", start_worker, (current_pid(),))
    pid = await supervisor(template, strategy="simple_one_for_one")
    a_pid = ok(await otp.start_child(pid, "a"))
    for child in ["worker", a_pid]:
        assert await otp.get_childspec(pid, child) == Ok(template)
    assert await otp.get_childspec(pid, current_pid()) == Error("not_found")
    await ends("a", "shutdown")
    assert await otp.get_childspec(pid, a_pid) == Ok(template)


async def test_a_child_that_is_being_restarted_has_a_spec(runtime: None) -> None:
    """While no attempt succeeds it is known by the pid that it had."""
    started: list[Pid] = []

    async def starts() -> Any:
        if started:
            return Error("not again")
        started.append(spawn_link(receive))
        return started[0]

    template = ChildSpec("worker", starts)
    pid = await supervisor(template, strategy="simple_one_for_one", intensity=10**6)
    child = ok(await otp.start_child(pid))
    exit(child, "because")
    while (await otp.which_children(pid))[0].pid != "restarting":
        pass
    assert await otp.get_childspec(pid, child) == Ok(template)


async def test_a_dead_child_is_not_active(runtime: None) -> None:
    """Also before the supervisor has handled its end, and if it has unlinked itself."""

    async def unlinks(supervisor: Pid) -> None:
        await receive()
        unlink(supervisor)

    async def starts() -> Pid:
        return spawn_link(unlinks, current_pid())

    pid = await supervisor(spec("a"), ChildSpec("b", starts))
    _, b = await otp.which_children(pid)
    assert isinstance(b.pid, Pid)
    await otp.sys.suspend(pid)
    answer = otp.send_request(pid, "count_children")
    await ends("a")
    send(b.pid, "end")
    await receive(monitor(b.pid))
    await otp.sys.resume(pid)
    assert await otp.receive_response(answer) == Ok(ChildCount(2, 0, 0, 2))
    assert await otp.count_children(pid) == ChildCount(2, 1, 0, 2)
    assert (await otp.which_children(pid))[1] == b


async def test_only_its_own_dynamic_children_are_terminated(runtime: None) -> None:
    pid = await dynamic(start_worker, current_pid())
    assert await otp.terminate_child(pid, current_pid()) == Error("not_found")
    await otp.stop(pid)
