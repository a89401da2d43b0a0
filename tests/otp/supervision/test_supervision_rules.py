"""The rules of supervision, without a process."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from actorsock import Pid
from actorsock.otp.supervision import rules
from actorsock.otp.supervision.child_spec import ChildSpec, SupervisorFlags
from actorsock.otp.supervision.rules import Child, Family, Plan, Restarts

ORDERLY = ["normal", "shutdown", ("shutdown", "moving")]
DISORDERLY = ["killed", "because", ValueError("a crash"), None, ("shutdown",)]


def family(strategy: Any, *restarts: Any, intensity: int = 10) -> tuple[Family, list[Pid]]:
    made, pids = Family(SupervisorFlags(strategy, intensity)), list[Pid]()
    for id, restart in enumerate(restarts):
        pids.append(Pid())
        made.add(Child(ChildSpec(id, print, restart=restart)), pids[-1])
    return made, pids


def ids(plan: Plan) -> tuple[list[Any], list[Any]]:
    return [child.spec.id for child in plan.stop], list(plan.start)


def stop(made: Family, plan: Plan) -> None:
    for child in plan.stop:
        made.stopped(child.spec.id)


@pytest.mark.parametrize(
    ("strategy", "stopped", "restarted"),
    [
        ("one_for_one", [], [1]),
        ("one_for_all", [3, 2, 0], [0, 1, 2, 3]),
        ("rest_for_one", [3, 2], [1, 2, 3]),
    ],
)
def test_the_strategies(strategy: Any, stopped: list[int], restarted: list[int]) -> None:
    made, pids = family(strategy, *["permanent"] * 4)
    plan = made.child_ended(pids[1], "because", 0)
    assert ids(plan) == (stopped, restarted)
    stop(made, plan)
    running = [None if id in restarted else pid for id, pid in enumerate(pids)]
    assert [child.pid for child in made] == running


def test_temporary_children_end_with_the_others_and_do_not_come_back() -> None:
    made, pids = family("one_for_all", "permanent", "temporary", "transient")
    plan = made.child_ended(pids[0], "because", 0)
    assert ids(plan) == ([2, 1], [0, 2])
    stop(made, plan)
    assert [child.spec.id for child in made] == [0, 2]


def test_the_restart_types() -> None:
    for reason in ORDERLY + DISORDERLY:
        assert rules.after_end("permanent", reason) == "restart"
        assert rules.after_end("temporary", reason) == "forget"
    assert {rules.after_end("transient", reason) for reason in ORDERLY} == {"keep"}
    assert {rules.after_end("transient", reason) for reason in DISORDERLY} == {"restart"}


def test_too_many_restarts() -> None:
    made, pids = family("one_for_one", "permanent", intensity=2)
    for now in [0.0, 4.0]:
        plan = made.child_ended(pids[0], "because", now)
        assert plan == Plan(start=(0,))
        made.started(0, pids[0])
    # The first one is older than the period of five seconds now, the second is not.
    plan = made.child_ended(pids[0], "because", 5.1)
    assert plan == Plan(start=(0,))
    made.started(0, pids[0])
    plan = made.child_ended(pids[0], "because", 8.0)
    assert plan == Plan(give_up=True)


@pytest.mark.parametrize(("age", "counts"), [(4.9, True), (5.0, True), (5.1, False)])
def test_a_restart_counts_until_the_period_has_passed(age: float, counts: bool) -> None:
    flags = SupervisorFlags("one_for_one", intensity=1, period=5)
    restarts = Restarts(flags)
    assert not restarts.count(10.0)
    assert restarts.count(10.0 + age) is counts


def test_intensity_zero_allows_no_restart() -> None:
    made, pids = family("one_for_one", "permanent", intensity=0)
    plan = made.child_ended(pids[0], "because", 0)
    assert plan == Plan(give_up=True)


def test_a_child_that_can_not_be_started_is_tried_again() -> None:
    made, pids = family("one_for_all", *["permanent"] * 3)
    stop(made, made.child_ended(pids[0], "because", 0))
    made.started(0, pids[0])
    made.start_failed(1)
    plan = made.try_again(1, 0)
    assert ids(plan) == ([0], [0, 1, 2])
    # What is left of a restart that was put off is the same; it is not counted again.
    assert ids(made.resume(1)) == ([0], [0, 1, 2])
    # Unless it was stopped in the meantime.
    made.stopped(1)
    assert made.try_again(1, 0) == made.resume(1) == Plan()
    made.forget(1)
    assert made.try_again(1, 0) == made.resume(1) == Plan()


@given(
    st.lists(st.floats(0, 20), min_size=1, max_size=40),
    st.integers(0, 5),
    st.floats(0.1, 10),
)
def test_a_supervisor_gives_up_at_one_restart_too_many_in_a_period(
    gaps: list[float], intensity: int, period: float
) -> None:
    flags = SupervisorFlags("one_for_one", intensity, period)
    restarts = Restarts(flags)
    every: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        every.append(now)
        assert restarts.count(now) == (sum(now - at <= period for at in every) > intensity)


class Supervising(RuleBasedStateMachine):
    """Carries out the plans on a model, and compares the model with the rules' record."""

    def __init__(self) -> None:
        super().__init__()
        self.family = Family(SupervisorFlags("one_for_one", intensity=10**6))
        self.running: dict[Any, Pid] = {}
        self.next_id = 0

    def child(self, number: int) -> rules.Child:
        return list(self.family)[number % len(self.family)]

    def carry_out(self, plan: Plan, fails_at: int = 10**6) -> None:
        assert not plan.give_up
        order = [child.spec.id for child in self.family]
        stops = [child.spec.id for child in plan.stop]
        assert stops == sorted(stops, reverse=True)
        for stop in plan.stop:
            assert self.running.pop(stop.spec.id) is stop.pid
            self.family.stopped(stop.spec.id)
        assert list(plan.start) == [id for id in order if id in plan.start]
        for number, id in enumerate(plan.start):
            assert id not in self.running
            if number == fails_at:
                self.family.start_failed(id)
                break
            self.running[id] = Pid()
            self.family.started(id, self.running[id])

    @rule(strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]))
    def use(self, strategy: Any) -> None:
        self.family.flags = SupervisorFlags(strategy, intensity=10**6)

    @rule(restart=st.sampled_from(["permanent", "transient", "temporary"]))
    def add(self, restart: Any) -> None:
        pid = self.running[self.next_id] = Pid()
        spec = ChildSpec(self.next_id, print, restart=restart)
        self.family.add(Child(spec), pid)
        self.next_id += 1

    @precondition(lambda self: self.running)
    @rule(
        number=st.integers(0, 100),
        reason=st.sampled_from(ORDERLY + DISORDERLY),
        fails_at=st.integers(0, 6),
    )
    def ends(self, number: int, reason: Any, fails_at: int) -> None:
        id = list(self.running)[number % len(self.running)]
        before = set(self.running) - {id}
        child = self.family.find(id)
        assert child is not None
        plan = self.family.child_ended(self.running.pop(id), reason, 0)
        if child.spec.restart == "temporary":
            assert plan == Plan()
            assert self.family.find(id) is None
        self.carry_out(plan, fails_at)
        if plan.start and fails_at >= len(plan.start):
            assert id in self.running
        if self.family.flags.strategy == "one_for_one":
            assert before <= set(self.running)

    @precondition(lambda self: self.family)
    @rule(number=st.integers(0, 100), fails_at=st.integers(0, 6))
    def tries_again(self, number: int, fails_at: int) -> None:
        child = self.child(number)
        restarting = child.restarting
        plan = self.family.try_again(child.spec.id, 0)
        assert bool(plan.start) == restarting
        self.carry_out(plan, fails_at)

    @precondition(lambda self: self.family)
    @rule(number=st.integers(0, 100))
    def terminate(self, number: int) -> None:
        child = self.child(number)
        self.running.pop(child.spec.id, None)
        self.family.stopped(child.spec.id)

    def teardown(self) -> None:
        known = {c.spec.id: c.pid for c in self.family if c.pid is not None}
        assert known == self.running
        order = [child.spec.id for child in self.family]
        assert order == sorted(order)
        for child in self.family:
            assert not (child.restarting and child.pid is not None)


TestSupervising = Supervising.TestCase


# --- significant children


def significant(auto_shutdown: Any, *restarts: Any) -> tuple[Family, list[Pid]]:
    made = Family(SupervisorFlags("one_for_one", 10, auto_shutdown=auto_shutdown))
    made.add(Child(ChildSpec("plain", print)), Pid())
    pids: list[Pid] = []
    for id, restart in enumerate(restarts):
        pids.append(Pid())
        spec = ChildSpec(id, print, restart=restart, significant=True)
        made.add(Child(spec), pids[-1])
    return made, pids


def test_the_end_of_any_significant_child_ends_the_supervisor() -> None:
    for restart, reasons in [("transient", ORDERLY), ("temporary", ORDERLY + DISORDERLY)]:
        for reason in reasons:
            made, pids = significant("any_significant", *[restart] * 2)
            plan = made.child_ended(pids[0], reason, 0)
            assert plan == Plan(shut_down=True)


def test_a_significant_child_that_is_restarted_does_not() -> None:
    for auto_shutdown in ["any_significant", "all_significant"]:
        made, pids = significant(auto_shutdown, "transient")
        plan = made.child_ended(pids[0], "because", 0)
        assert plan == Plan(start=(0,))


def test_the_end_of_all_significant_children_ends_the_supervisor() -> None:
    made, pids = significant("all_significant", "temporary", "transient", "transient")
    plan = made.child_ended(pids[0], "because", 0)
    assert plan == Plan()
    # One that is to be started again has not ended; one that was terminated has.
    made.child_ended(pids[1], "because", 0)
    made.start_failed(1)
    plan = made.child_ended(pids[2], "normal", 0)
    assert plan == Plan()
    made.stopped(1)
    made.started(2, pids[2])
    plan = made.child_ended(pids[2], "normal", 0)
    assert plan == Plan(shut_down=True)


def test_a_plain_child_does_not_end_the_supervisor() -> None:
    made, _ = significant("any_significant", "temporary")
    made.add(Child(ChildSpec("other", print, restart="temporary")), other := Pid())
    assert made.child_ended(other, "normal", 0) == Plan()
