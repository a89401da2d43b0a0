"""A receiver that can't be woken: its sender is told, and the message has not been sent."""

from threading import get_ident
from types import SimpleNamespace
from typing import Any

import pytest

from actorsock.runtime.core.mailbox import anything
from actorsock.runtime.core.process import Process


class Unwakeable:
    """A body that fails when it is woken, after it has done what it is given to do."""

    def __init__(self) -> None:
        self.before_it_fails = lambda: None

    def wake(self, outcome: Any = None) -> bool:
        self.before_it_fails()
        raise RecursionError


def waiting(thread: int) -> tuple[Unwakeable, Process]:
    """A process of a node in `thread` that waits for any message."""
    body, node = Unwakeable(), SimpleNamespace(thread=thread)
    process = Process(node, body)  # type: ignore[arg-type]
    process.mailbox.wanted = anything
    return body, process


def test_the_failure_is_the_senders_and_the_mailbox_is_as_before() -> None:
    _, process = waiting(get_ident())
    with pytest.raises(RecursionError):
        process.deliver("a message")
    assert process.mailbox.messages() == []
    assert process.mailbox.wanted is anything


def test_from_another_thread_the_failure_names_the_remedy() -> None:
    _, process = waiting(get_ident() + 1)
    with pytest.raises(RuntimeError, match="use `trio"):
        process.deliver("a message")
    assert process.mailbox.messages() == []


def test_what_the_receiver_has_taken_by_then_is_no_reason_to_take_another() -> None:
    body, process = waiting(get_ident())

    def takes_it_and_is_sent_another() -> None:
        process.mailbox.pop()
        process.mailbox.put("another message")

    body.before_it_fails = takes_it_and_is_sent_another
    with pytest.raises(RecursionError):
        process.deliver("a message")
    assert process.mailbox.messages() == ["another message"]
