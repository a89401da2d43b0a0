"""One lane of a socket, event by event: who is current, and what is decided."""

from typing import Any

import pytest

from actorsock import Pid, make_ref
from actorsock.socket.core.turns import (
    Activate,
    CloseSocket,
    Lane,
    SendAbort,
    SendSelect,
    Turns,
    User,
    Watch,
)

A, B, C, D = (Pid() for _ in range(4))
WATCH = (Watch("read"),)
NOTHING: tuple[Any, ...] = ()


def receiver(pid: Pid) -> User:
    """A process that receives without blocking."""
    return User(pid, "recv", make_ref())


def blocked(pid: Pid) -> User:
    """A process in a call that blocks."""
    return User(pid, "recv", None)


def lane_of(current: User, *queued: User, selected: bool = False) -> Lane:
    lane = Lane("read")
    assert lane.wait(current) == WATCH
    for user in queued:
        lane.join(user)
    if selected:
        assert lane.ready() == (SendSelect(current),)
    return lane


def test_a_process_that_waits_alone_is_selected_as_any_other_and_frees_the_lane() -> None:
    lane, user = Lane("read"), blocked(A)
    assert not lane.ever_waited
    lane.wait_alone(user)
    assert lane.ever_waited
    assert lane.count("recv") == 1
    assert lane.enter(B, "recv") == "queue"
    assert lane.ready() == (SendSelect(user),)
    assert lane.ready() == NOTHING
    assert lane.done() == NOTHING
    assert lane.enter(B, "recv") == "go"
    assert lane.ever_waited


def test_only_a_wait_counts_as_one() -> None:
    lane = Lane("read")
    assert lane.enter(A, "recv") == "go"
    assert lane.done() == NOTHING
    assert not lane.ever_waited
    lane.wait(receiver(A))
    assert lane.ever_waited


def test_who_is_done_makes_way_for_the_next_that_may_be_selected_at_once() -> None:
    first, second, third = receiver(A), receiver(B), blocked(C)
    lane = lane_of(first, second, third, selected=True)
    for user in (second, third):
        assert lane.done() == (Activate("read"),)
        assert lane.current is user
        assert lane.ready() == (SendSelect(user),)
    assert lane.done() == NOTHING
    assert lane.current is None


def test_a_failure_is_that_of_all_who_wait_behind() -> None:
    second, third = receiver(B), blocked(C)
    lane = lane_of(receiver(A), second, third)
    assert lane.failed("closed") == (SendAbort(second, "closed"), SendAbort(third, "closed"))
    assert lane.count("recv") == 0
    assert lane.enter(D, "recv") == "go"
    assert lane.done() == NOTHING


def test_an_operation_that_is_asked_again_after_a_select_may_be_selected_again() -> None:
    lane = lane_of(receiver(A), selected=True)
    again = receiver(A)
    assert lane.wait(again) == WATCH
    assert lane.ready() == (SendSelect(again),)


# --- what a later call of the same process replaces -----------------------------------------------

HANDLE = make_ref()
AGAIN = make_ref()


@pytest.mark.parametrize(
    ("earlier", "later", "aborted"),
    [
        (User(A, "accept", HANDLE), User(A, "accept", AGAIN), True),
        (User(A, "accept", HANDLE), User(A, "accept", None), True),
        (User(A, "accept", HANDLE), User(A, "accept", HANDLE), False),
        (User(A, "accept", None), User(A, "accept", AGAIN), False),
        (User(A, "recv", HANDLE), User(A, "recv", AGAIN), False),
    ],
    ids=["another handle", "a blocking call", "the same handle", "no handle", "no accept"],
)
def test_only_an_acceptor_is_told_that_its_earlier_call_is_over(
    earlier: User, later: User, aborted: bool
) -> None:
    told = (SendAbort(earlier, "cancelled"),) if aborted else ()
    assert lane_of(earlier).wait(later) == (*told, *WATCH)
    assert lane_of(earlier, selected=True).wait(later) == WATCH


# --- leaving --------------------------------------------------------------------------------------


def test_a_cancel_takes_what_waits_under_its_handle() -> None:
    first, second, third = receiver(A), receiver(B), receiver(C)
    lane = lane_of(first, second, third, selected=True)
    assert lane.cancel(B, "recv", second.handle) == NOTHING
    assert lane.count("recv") == 2
    assert lane.cancel(B, "recv", second.handle) is None
    assert lane.cancel(A, "recv", first.handle) == (Activate("read"),)
    assert lane.ready() == (SendSelect(third),)
    assert lane.cancel(C, "recv", third.handle) == NOTHING
    assert lane.cancel(C, "recv", third.handle) is None
    assert lane.enter(D, "accept") == "go"


@pytest.mark.parametrize("place", ["current", "queued"])
@pytest.mark.parametrize("wrong", ["pid", "kind", "handle"])
def test_a_cancel_takes_nothing_where_one_thing_is_wrong(place: str, wrong: str) -> None:
    user = receiver(A)
    lane = lane_of(user) if place == "current" else lane_of(receiver(B), user)
    before = lane.count("recv")
    pid = C if wrong == "pid" else A
    kind: Any = "accept" if wrong == "kind" else "recv"
    handle = make_ref() if wrong == "handle" else user.handle
    assert lane.cancel(pid, kind, handle) is None
    assert lane.count("recv") == before


def test_who_gives_up_leaves_its_place_and_no_other() -> None:
    first, second, third, fourth = (blocked(pid) for pid in (A, B, C, D))
    lane = lane_of(first, second, third, fourth)
    assert lane.leave(C) == NOTHING
    assert lane.leave(C) == NOTHING
    assert [lane.current, *lane.queue] == [first, second, fourth]
    assert lane.leave(A) == (Activate("read"),)
    assert [lane.current, *lane.queue] == [second, fourth]
    assert lane.leave(A) == NOTHING


def test_the_end_of_a_process_takes_what_does_not_block() -> None:
    first, second, third = receiver(A), blocked(B), receiver(C)
    lane = lane_of(first, second, third)
    assert lane.down(B) == NOTHING  # that call leaves as it unwinds
    assert lane.down(C) == NOTHING
    assert lane.down(D) == NOTHING
    assert [lane.current, *lane.queue] == [first, second]
    assert lane.down(A) == (Activate("read"),)
    assert lane.down(B) == NOTHING
    assert lane.current is second


@pytest.mark.parametrize("selected", [False, True])
def test_a_close_is_told_to_all_but_one_that_has_had_its_select(selected: bool) -> None:
    first, second, third = receiver(A), blocked(B), receiver(C)
    lane = lane_of(first, second, third, selected=selected)
    told = [second, third] if selected else [first, second, third]
    assert lane.close() == tuple(SendAbort(user, "closed") for user in told)
    assert lane.close() == NOTHING
    assert lane.count("recv") == 0


def test_a_lane_counts_those_who_wait_for_one_kind() -> None:
    lane = lane_of(receiver(A), receiver(B), blocked(C))
    assert lane.count("recv") == 3
    assert lane.count("accept") == 0
    assert Lane("read").count("recv") == 0


# --- both lanes -----------------------------------------------------------------------------------


def test_only_the_owner_can_give_a_socket_away() -> None:
    turns = Turns(A)
    assert not turns.give(B, B)
    assert turns.owner is A
    assert turns.give(A, B)
    assert turns.owner is B


def test_the_end_of_the_owner_closes_and_that_of_another_frees_both_lanes() -> None:
    turns = Turns(A)
    turns.read.wait(receiver(B))
    turns.write.wait(User(B, "send", make_ref()))
    turns.read.join(receiver(C))
    turns.write.join(User(C, "send", make_ref()))
    assert turns.down(B) == (Activate("write"), Activate("read"))
    assert turns.down(A) == (CloseSocket(),)


def test_writers_hear_of_a_close_first() -> None:
    turns = Turns(A)
    reader, writer = receiver(B), User(C, "send", make_ref())
    turns.read.wait(reader)
    turns.write.wait(writer)
    assert not turns.closed
    assert turns.close() == (SendAbort(writer, "closed"), SendAbort(reader, "closed"))
    assert turns.closed
    assert turns.owner is None
    assert turns.down(A) == ()
