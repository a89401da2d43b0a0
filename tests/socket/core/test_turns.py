"""The rules of turns, without a socket: a table of verdicts, single rules, and a model.

The model knows one thing only: the users of a lane stand in one line, and the first of them is
the current user. A ledger records what `Turns` has decided about each wait, independently of what
`Turns` stores.
"""

from collections.abc import Callable
from typing import Any, get_args

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actorsock import Pid, Ref, make_ref
from actorsock.socket.core.turns import (
    NOTHING,
    Activate,
    Activity,
    CloseSocket,
    Decision,
    Decisions,
    Lane,
    LaneName,
    SendAbort,
    SendSelect,
    Turns,
    User,
    Verdict,
    Watch,
)

LANE_OF: dict[Activity, LaneName] = {
    "recv": "read",
    "accept": "read",
    "send": "write",
    "connect": "write",
}
LANES: tuple[LaneName, ...] = get_args(LaneName)
PIDS = tuple(Pid() for _ in range(4))
OWNER = Pid()
FLAWS: list[set[str]] = [set(), set(), {"pid"}, {"activity"}, {"handle"}]
HANDLES = tuple(make_ref() for _ in range(4))

activities = st.sampled_from(get_args(Activity))
lanes = st.sampled_from(LANES)
one_or_both = st.sampled_from([["read"], ["write"], ["read", "write"]])
pids = st.sampled_from(PIDS)
owners = st.sampled_from((OWNER, *PIDS))
handles = st.sampled_from(HANDLES)
a_handle = st.one_of(st.builds(make_ref), handles, handles, st.none())

Outcome = Callable[[LaneName, User], None]


# --- the verdicts, case by case -------------------------------------------------------------------

A, B, C = PIDS[:3]


def line_of(name: LaneName, *users: tuple[Pid, Activity]) -> Lane:
    """A lane with a current user, and others behind it."""
    lane = Lane(name)
    for pid, activity in users:
        user = User(pid, activity, make_ref())
        if lane.current is None:
            lane.wait(user)
        else:
            lane.join(user)
    return lane


@pytest.mark.parametrize(
    ("waiting", "pid", "activity", "verdict"),
    [
        # Nobody waits: every process may try.
        ((), A, "recv", "go"),
        ((), A, "accept", "go"),
        ((), A, "send", "go"),
        ((), A, "connect", "go"),
        # Another process is current: behind it, except for connect, which has no queue.
        (((A, "recv"),), B, "recv", "queue"),
        (((A, "accept"),), B, "accept", "queue"),
        (((A, "send"),), B, "send", "queue"),
        (((A, "connect"),), B, "connect", "already"),
        # The current user calls again.
        (((A, "recv"),), A, "recv", "go"),
        (((A, "accept"),), A, "accept", "go"),
        (((A, "send"),), A, "send", "go"),
        (((A, "connect"),), A, "connect", "go"),
        # The other activity of the lane, by any process.
        (((A, "accept"),), B, "recv", "state"),
        (((A, "accept"),), A, "recv", "state"),
        (((A, "recv"),), B, "accept", "state"),
        (((A, "recv"),), A, "accept", "state"),
        (((A, "connect"),), B, "send", "state"),
        (((A, "connect"),), A, "send", "state"),
        (((A, "send"),), B, "connect", "state"),
        (((A, "send"),), A, "connect", "state"),
        # A queued process may not ask again until it is current.
        (((A, "recv"), (B, "recv")), B, "recv", "state"),
        (((A, "accept"), (B, "accept")), B, "accept", "state"),
        (((A, "send"), (B, "send")), B, "send", "state"),
        (((A, "recv"), (B, "recv")), B, "accept", "state"),
        (((A, "recv"), (B, "recv"), (C, "recv")), C, "recv", "state"),
        # A longer queue changes nothing for others.
        (((A, "recv"), (B, "recv")), C, "recv", "queue"),
        (((A, "recv"), (B, "recv")), A, "recv", "go"),
    ],
)
def test_verdict(
    waiting: tuple[tuple[Pid, Activity], ...], pid: Pid, activity: Activity, verdict: Verdict
) -> None:
    lane = line_of(LANE_OF[activity], *waiting)
    before = (lane.current, list(lane.queue))
    assert lane.enter(pid, activity) == verdict
    assert (lane.current, list(lane.queue)) == before


# --- single rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activity", "selected", "same_handle", "aborts"),
    [
        pytest.param("accept", False, False, True, id="accept"),
        pytest.param("accept", True, False, False, id="accept after its select"),
        pytest.param("accept", False, True, False, id="accept with the same handle"),
        pytest.param("recv", False, False, False, id="recv"),
        pytest.param("send", False, False, False, id="send"),
        pytest.param("connect", False, False, False, id="connect"),
    ],
)
def test_a_second_call_replaces_the_first_and_only_accept_aborts_it(
    activity: Activity, selected: bool, same_handle: bool, aborts: bool
) -> None:
    lane = Lane(LANE_OF[activity])
    first = User(A, activity, make_ref())
    second = User(A, activity, first.handle if same_handle else make_ref())
    lane.wait(first)
    if selected:
        lane.ready()
    abort = (SendAbort(first, "cancelled"),) if aborts else ()
    assert lane.wait(second) == (*abort, Watch(lane.name))
    assert lane.current is second
    assert lane.ready() == (SendSelect(second),)


@pytest.mark.parametrize(
    ("event", "result"),
    [
        (lambda lane: lane.done(), NOTHING),
        (lambda lane: lane.failed("econnreset"), NOTHING),
        (lambda lane: lane.ready(), NOTHING),
        (lambda lane: lane.select(), None),
        (lambda lane: lane.leave(A), NOTHING),
        (lambda lane: lane.down(A), NOTHING),
        (lambda lane: lane.cancel(A, "recv", HANDLES[0]), None),
        (lambda lane: lane.close(), NOTHING),
    ],
    ids=["done", "failed", "ready", "select", "leave", "down", "cancel", "close"],
)
def test_an_empty_lane_stays_as_it_is(event: Callable[[Lane], object], result: object) -> None:
    lane = Lane("read")
    assert event(lane) == result
    assert lane == Lane("read")


@pytest.mark.parametrize("handles", [(make_ref(), None), (None, make_ref())])
def test_a_blocking_accept_is_not_aborted_and_aborts(
    handles: tuple[Ref | None, Ref | None],
) -> None:
    earlier, later = (User(A, "accept", handle) for handle in handles)
    lane = Lane("read")
    lane.wait(earlier)
    aborts = () if earlier.handle is None else (SendAbort(earlier, "cancelled"),)
    assert lane.wait(later) == (*aborts, Watch("read"))


def test_only_a_wait_counts_as_one() -> None:
    lane, user = Lane("read"), User(A, "recv", None)
    assert lane.enter(A, "recv") == "go"
    assert lane.done() == NOTHING
    assert not lane.ever_waited
    assert lane.wait(user) == (Watch("read"),)
    assert lane.ever_waited
    assert (lane.count("recv"), lane.count("accept")) == (1, 0)
    assert lane.ready() == (SendSelect(user),)
    assert lane.ready() == NOTHING
    assert lane.done() == NOTHING
    assert lane.ever_waited


# --- the model ------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Wait:
    """One operation that has had to wait, and what has become of it."""

    user: User
    number: int
    selects: int = 0
    aborts: list[str] = attrs.field(factory=list)
    over: str = ""
    """How it ended, if it has: done, failed, replaced, cancelled, left or aborted."""
    selected_when_closed: bool = False


def lane_name(decision: Decision) -> LaneName:
    match decision:
        case Watch(lane) | Activate(lane):
            return lane
        case SendSelect(user) | SendAbort(user, _):
            return LANE_OF[user.activity]
        case _:
            raise AssertionError(decision)


class TurnsMachine(RuleBasedStateMachine):
    """All events of a socket, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns(owner=OWNER)
        self.owner = OWNER
        self.closed = False
        self.lines: dict[LaneName, list[Wait]] = {"read": [], "write": []}
        self.waits: list[Wait] = []

    def lane(self, name: LaneName) -> Lane:
        return self.turns.read if name == "read" else self.turns.write

    # The ledger: what each decision does to its wait.

    def carry_out(self, name: LaneName, decisions: Decisions) -> list[Decision]:
        for decision in decisions:
            match decision:
                case SendSelect(user):
                    self.open_wait(user).selects += 1
                case SendAbort(user, reason):
                    self.any_wait(user).aborts.append(reason)
            assert lane_name(decision) == name
        return list(decisions)

    def open_wait(self, user: User) -> Wait:
        [wait] = [w for w in self.waits if w.user is user and not w.over]
        return wait

    def any_wait(self, user: User) -> Wait:
        return next(w for w in reversed(self.waits) if w.user is user)

    def entered(self, user: User) -> Wait:
        wait = Wait(user, len(self.waits))
        self.waits.append(wait)
        return wait

    def expect_next(self, name: LaneName, decisions: Decisions) -> None:
        """Check that the next in the line, if any, is activated: the current user is gone."""
        expected = [Activate(name)] if self.lines[name] else []
        assert self.carry_out(name, decisions) == expected

    # The rules.

    @precondition(lambda self: not self.closed)
    @rule(pid=pids, activity=activities, handle=a_handle)
    def asks_and_has_to_wait(self, pid: Pid, activity: Activity, handle: Ref | None) -> None:
        self.ask(pid, activity, handle, self.it_waits)

    @precondition(lambda self: not self.closed)
    @rule(pid=pids, activity=activities, outcome=st.sampled_from(["it_is_done", "it_failed"]))
    def asks_and_is_answered(self, pid: Pid, activity: Activity, outcome: str) -> None:
        self.ask(pid, activity, None, getattr(self, outcome))

    @precondition(lambda self: any(self.lines.values()))
    @rule(names=one_or_both, pid=pids, handle=a_handle)
    def asks_for_the_same(self, names: list[LaneName], pid: Pid, handle: Ref | None) -> None:
        for user in self.current(names):
            self.ask(pid, user.activity, handle, self.it_waits)

    @precondition(lambda self: any(self.lines.values()))
    @rule(names=one_or_both, handle=a_handle)
    def comes_back_and_has_to_wait(self, names: list[LaneName], handle: Ref | None) -> None:
        for user in self.current(names):
            self.ask(user.pid, user.activity, handle, self.it_waits)

    @precondition(lambda self: any(self.lines.values()))
    @rule(names=one_or_both, outcome=st.sampled_from(["it_is_done", "it_is_done", "it_failed"]))
    def comes_back_and_is_answered(self, names: list[LaneName], outcome: str) -> None:
        for user in self.current(names):
            self.ask(user.pid, user.activity, None, getattr(self, outcome))

    def current(self, names: list[LaneName]) -> list[User]:
        return [wait.user for name in names for wait in self.lines[name][:1]]

    def ask(self, pid: Pid, activity: Activity, handle: Ref | None, outcome: Outcome) -> None:
        name = LANE_OF[activity]
        lane, line = self.lane(name), self.lines[name]
        verdict = lane.enter(pid, activity)
        assert verdict == self.verdict(line, pid, activity)
        # A new object for each call, since the ledger compares by identity.
        user = User(pid, activity, handle)
        if verdict == "queue":
            lane.join(user)
            line.append(self.entered(user))
        elif verdict == "go":
            outcome(name, user)

    @staticmethod
    def verdict(line: list[Wait], pid: Pid, activity: Activity) -> Verdict:
        if not line or (line[0].user.pid is pid and line[0].user.activity == activity):
            return "go"
        if line[0].user.activity != activity or pid in [wait.user.pid for wait in line]:
            return "state"
        return "already" if activity == "connect" else "queue"

    def it_waits(self, name: LaneName, user: User) -> None:
        line = self.lines[name]
        expected: list[Decision] = [Watch(name)]
        if line:
            replaced = line.pop(0)
            replaced.over = "replaced"
            aware = replaced.user.handle is None or replaced.selects
            if user.activity == "accept" and not aware and replaced.user.handle is not user.handle:
                expected.insert(0, SendAbort(replaced.user, "cancelled"))
        line.insert(0, self.entered(user))
        assert self.carry_out(name, self.lane(name).wait(user)) == expected

    def it_is_done(self, name: LaneName, user: User) -> None:
        line = self.lines[name]
        if line:
            line.pop(0).over = "done"
        self.expect_next(name, self.lane(name).done())

    def it_failed(self, name: LaneName, user: User) -> None:
        line = self.lines[name]
        if line:
            line.pop(0).over = "failed"
        for wait in line:
            wait.over = "aborted"
        expected = [SendAbort(wait.user, "ebadf") for wait in line]
        line.clear()
        assert self.carry_out(name, self.lane(name).failed("ebadf")) == expected

    @rule(names=one_or_both)
    def ready(self, names: list[LaneName]) -> None:
        for name in names:
            unaware = [wait for wait in self.lines[name][:1] if not wait.selects]
            expected = [SendSelect(wait.user) for wait in unaware]
            assert self.carry_out(name, self.lane(name).ready()) == expected

    @precondition(lambda self: not self.closed)
    @rule(
        data=st.data(), pid=pids, activity=activities, handle=handles, wrong=st.sampled_from(FLAWS)
    )
    def cancel(
        self, data: st.DataObject, pid: Pid, activity: Activity, handle: Ref, wrong: set[str]
    ) -> None:
        # An operation that waits or has waited, described rightly or with one flaw.
        if self.waits:
            user = data.draw(st.sampled_from(self.waits)).user
            pid = pid if "pid" in wrong else user.pid
            activity = activity if "activity" in wrong else user.activity
            handle = handle if "handle" in wrong else user.handle or handle
        name = LANE_OF[activity]
        line = self.lines[name]
        wanted = (pid, activity, handle)
        found = [w for w in line if (w.user.pid, w.user.activity, w.user.handle) == wanted]
        decisions = self.lane(name).cancel(pid, activity, handle)
        if not found:
            assert decisions is None
            return
        assert decisions is not None
        self.gone(name, found[0], "cancelled", decisions)

    @rule(name=lanes, pid=pids)
    def leave(self, name: LaneName, pid: Pid) -> None:
        found = [wait for wait in self.lines[name] if wait.user.pid is pid]
        decisions = self.lane(name).leave(pid)
        if found:
            self.gone(name, found[0], "left", decisions)
        else:
            assert decisions == NOTHING

    def gone(self, name: LaneName, wait: Wait, how: str, decisions: Decisions) -> None:
        line = self.lines[name]
        was_current = wait is line[0]
        wait.over = how
        line.remove(wait)
        if was_current:
            self.expect_next(name, decisions)
        else:
            assert decisions == NOTHING

    @precondition(lambda self: not self.closed)
    @rule(pid=pids)
    def down(self, pid: Pid) -> None:
        decisions = self.turns.down(pid)
        if pid is self.owner:
            assert decisions == (CloseSocket(),)
            self.close()
            return
        for name in ("write", "read"):
            here = tuple(d for d in decisions if lane_name(d) == name)
            for wait in [w for w in self.lines[name] if w.user.pid is pid]:
                if wait.user.handle is None:
                    # A blocking call leaves as it unwinds, and not before.
                    assert here == NOTHING
                    here = (
                        self.turns.read.leave(pid)
                        if name == "read"
                        else self.turns.write.leave(pid)
                    )
                self.gone(name, wait, "left", here)
                here = NOTHING
            assert here == NOTHING

    @precondition(lambda self: not self.closed)
    @rule(by=owners, to=owners)
    def give(self, by: Pid, to: Pid) -> None:
        assert self.turns.give(by, to) == (by is self.owner)
        if by is self.owner:
            self.owner = to

    @precondition(lambda self: not self.closed)
    @rule(now=st.sampled_from([False] * 15 + [True]))  # long runs find more
    def close_sometimes(self, now: bool) -> None:
        if now:
            self.close()

    def teardown(self) -> None:
        """End every run with a close, in any state."""
        if not self.closed:
            self.close()
            self.no_wait_is_lost()
            self.each_wait_is_notified_at_most_once()

    def close(self) -> None:
        expected: list[Decision] = []
        for name in ("write", "read"):
            for wait in self.lines[name]:
                wait.selected_when_closed = wait.selects > 0
                if not wait.selects:
                    expected.append(SendAbort(wait.user, "closed"))
                wait.over = "aborted"
            self.lines[name].clear()
        decisions = self.turns.close()
        self.closed = True
        names = [lane_name(decision) for decision in decisions]
        assert names == sorted(names, reverse=True), "the aborts of the write lane are first"
        for decision in decisions:
            self.carry_out(lane_name(decision), (decision,))
        assert list(decisions) == expected

    # The invariants.

    @invariant()
    def the_lanes_hold_the_lines(self) -> None:
        for name, line in self.lines.items():
            lane = self.lane(name)
            standing = [] if lane.current is None else [lane.current]
            standing += lane.queue
            assert list(map(id, standing)) == [id(wait.user) for wait in line]
            assert lane.selected == any(wait.selects for wait in line)
            for activity in (activity for activity, of in LANE_OF.items() if of == name):
                assert lane.count(activity) == len([w for w in line if w.user.activity == activity])

    @invariant()
    def no_wait_is_lost(self) -> None:
        standing = {id(wait) for line in self.lines.values() for wait in line}
        for wait in self.waits:
            assert (id(wait) in standing) == (not wait.over), wait

    @invariant()
    def first_come_first_served(self) -> None:
        for line in self.lines.values():
            # Not the first: it may have called again, which keeps its place.
            numbers = [wait.number for wait in line[1:]]
            assert numbers == sorted(numbers)
            assert not any(wait.selects for wait in line[1:]), "selected before those in front"
        for wait in self.waits:
            if wait.over == "aborted" and wait.selects:
                assert wait.selected_when_closed, "only the current user had been selected"

    @invariant()
    def activities_never_mix(self) -> None:
        for line in self.lines.values():
            assert len({wait.user.activity for wait in line}) <= 1
            assert len({wait.user.pid for wait in line}) == len(line)
            assert len(line) <= 1 or line[0].user.activity != "connect"

    @invariant()
    def each_wait_is_notified_at_most_once(self) -> None:
        for wait in self.waits:
            assert wait.selects + len(wait.aborts) <= 1, wait
            match wait.over:
                case "aborted" if not wait.selected_when_closed:
                    assert len(wait.aborts) == 1
                case "replaced":
                    assert wait.aborts in ([], ["cancelled"])
                case _:
                    assert not wait.aborts

    @invariant()
    def a_process_with_a_wait_is_found(self) -> None:
        for pid in PIDS:
            waits = any(wait.user.pid is pid for line in self.lines.values() for wait in line)
            assert self.turns.has_waiting(pid) == waits

    @invariant()
    def owned_until_closed(self) -> None:
        assert self.turns.closed == self.closed
        assert self.turns.owner is (None if self.closed else self.owner)


TestTurns: Any = TurnsMachine.TestCase
TestTurns.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
