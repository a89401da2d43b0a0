"""Both forms of `receive` and of its patterns: results, mailbox, budget and exceptions."""

from abc import ABCMeta
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock import (
    Ok,
    Ref,
    Timeout,
    current_pid,
    exit,
    make_ref,
    receive,
    send,
    spawn,
    spawn_monitor,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core import mailbox as mailboxes
from actorsock.runtime.core.process import alive
from actorsock.runtime.core.reductions import SCAN_QUANTUM
from actorsock.testing.quiescence import at_rest

from ..forms import both_ways, python_form, state_of_process

quickly = settings(deadline=None, max_examples=60)


@attrs.frozen
class Carrying:
    ref: Any
    number: int


class Meta(ABCMeta):
    def __instancecheck__(cls, instance: Any) -> bool:
        return instance == 1


class Odd(metaclass=Meta):
    pass


class Disguised:
    """Says that it is an int."""

    @property
    def __class__(self) -> Any:
        return int


class Computed:
    """Has a ref, or fails to have one, when it is asked."""

    def __init__(self, ref: Any) -> None:
        self._ref = ref

    @property
    def ref(self) -> Any:
        if self._ref is None:
            raise RuntimeError("no ref")
        return self._ref


class Anything:
    def __getattr__(self, name: str) -> Any:
        return REFS[0]


class Plain:
    """Has a dict."""

    def __init__(self, ref: Any) -> None:
        self.ref = ref


REFS = [make_ref() for _ in range(3)]
MESSAGES = [
    *(
        1,
        True,
        "text",
        2.5,
        None,
        (1, 2),
        Odd(),
        Disguised(),
        Anything(),
        Computed(None),
        int,
        Plain(7),
        Ok(7),
    ),
    *(form(ref) for ref in REFS[:2] for form in (Computed, Plain)),
    *(Carrying(ref, number) for ref in (*REFS, None, "ref") for number in range(2)),
]
PATTERNS = [
    *(None, int, bool, str, type(None), Carrying, Plain, Odd, object, (int, str), (), int | str),
    *(str | None, (int, (str, float)), (int, Odd), list[int] | int, Ok, *REFS),
]


@pytest.mark.parametrize("pattern", PATTERNS, ids=repr)
def test_the_same_messages_match(pattern: Any) -> None:
    def verdicts(test_of: Any) -> Any:
        try:
            matches = test_of(pattern)
        except TypeError as exc:
            return str(exc)
        return [matches(message) for message in MESSAGES]

    assert verdicts(mailboxes.test_of) == verdicts(python_form(mailboxes.test_of))


def test_a_matcher_of_something_plain_is_native() -> None:
    patterns = (int, (int, str), REFS[0], Ok, Ok | int)
    assert {type(mailboxes.test_of(pattern)).__name__ for pattern in patterns} == {"Matcher"}


class Failing:
    """Does not say what it is."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize("pattern", [Ok, Ok | int, (Ok, int)], ids=str)
@pytest.mark.parametrize("form", [lambda twin: twin, python_form], ids=["native", "python"])
def test_a_message_does_not_fail_in_a_receive_of_an_ok(pattern: Any, form: Any) -> None:
    matches = form(mailboxes.test_of)(pattern)
    assert [matches(message) for message in (Failing(), Ok(1))] == [False, True]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(MESSAGES)),
        st.tuples(
            st.just("receive"), st.sampled_from([p for p in PATTERNS if p != list[int] | int])
        ),
        st.tuples(st.just("poll"), st.sampled_from([None, int, REFS[0], Carrying])),
        st.tuples(st.just("bad"), st.sampled_from([-1, "soon", 3, float("nan")])),
    ),
    max_size=14,
)


async def received(steps: list[tuple[str, Any]], light: bool) -> list[Any]:
    """Send in the order of the steps; the process receives in it. Return what it has seen."""
    log: list[Any] = []

    async def receives() -> None:
        for what, detail in steps:
            try:
                if what == "receive":
                    log.append(await receive(detail))
                elif what == "poll":
                    log.append(await receive(detail, after=0))
                elif what == "bad":
                    log.append(await receive(int, after=detail if detail != 3 else 0))
            except (TypeError, ValueError) as exc:
                log.append(repr(exc))
            log.append(current_process().body.budget)

    pid, ref = spawn_monitor(receives, light=light)
    process = alive[pid]
    await at_rest(process.node)
    for what, detail in steps:
        if what == "send":
            send(pid, detail)
            log.append([id(message) for message in process.mailbox.messages()])
            await at_rest(process.node)
    log.append(state_of_process(process))
    exit(pid, "kill")
    log.append((await receive(ref)).reason)
    return [repr(item) if isinstance(item, Timeout) else item for item in log]


@quickly
@given(STEPS, st.booleans())
def test_receives(steps: list[tuple[str, Any]], light: bool) -> None:
    both_ways(received, steps, light)


async def searched(light: bool, waiting: int, ref: Ref) -> list[Any]:
    """Wait by a ref, and be woken behind many other messages."""
    log: list[Any] = []

    async def receives() -> None:
        log.append(await receive(ref))
        log.append(await receive((str, tuple)))
        log.append(current_process().body.budget)
        log.append(len(current_process().mailbox.messages()))

    pid, monitor = spawn_monitor(receives, light=light)
    process = alive[pid]
    await at_rest(process.node)
    for number in range(waiting):
        send(pid, number)
    send(pid, Carrying(ref, 1))
    await at_rest(process.node)
    for number in range(waiting):
        send(pid, number)
    send(pid, "text")
    log.append((await receive(monitor)).reason)
    return log


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@pytest.mark.parametrize("waiting", [0, 3, SCAN_QUANTUM + 1, 3 * SCAN_QUANTUM])
def test_a_receive_passes_over_many_messages(light: bool, waiting: int) -> None:
    both_ways(searched, light, waiting, make_ref())


async def cancelled(pattern: Any, there: bool) -> list[Any]:
    log: list[Any] = []
    if there:
        send(current_pid(), 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        log.append(await receive(pattern))
    process = current_process()
    log.append((scope.cancelled_caught, process.mailbox.messages(), process.mailbox.wanted))
    log.append(process.body.parked)
    return log


@pytest.mark.parametrize("there", [True, False], ids=["with a message", "without"])
@pytest.mark.parametrize("pattern", [None, int, REFS[0]], ids=["anything", "a class", "a ref"])
def test_a_cancelled_receive_takes_nothing(pattern: Any, there: bool) -> None:
    both_ways(cancelled, pattern, there)


async def abandoned(light: bool, pattern: Any) -> list[Any]:
    """End a process in its wait; the message that has woken it comes before or after that."""
    log: list[Any] = []

    async def receives() -> None:
        try:
            log.append(await receive(pattern))
        except BaseException as exc:
            log.append(type(exc).__name__)
            log.append(process.mailbox.wanted)
            raise

    for first in ("message", "signal"):
        pid = spawn(receives, light=light)
        process = alive[pid]
        await at_rest(process.node)
        log.append(process.body.parked is pattern or process.body.parked)
        for what in ("message", "signal") if first == "message" else ("signal", "message"):
            if what == "message":
                send(pid, 1)
            else:
                exit(pid, "end")
        await at_rest(process.node)
        log.append(pid in alive)
    return log


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@pytest.mark.parametrize("pattern", [None, int, (int, str)], ids=["anything", "int", "several"])
def test_a_process_ends_in_its_wait(light: bool, pattern: Any) -> None:
    both_ways(abandoned, light, pattern)
