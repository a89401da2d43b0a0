"""A receive by type that asks in vain again and again: which messages it need not test anew."""

from typing import Any

from actorsock.runtime.core.mailbox import NOTHING, Mailbox
from actorsock.runtime.core.mailbox import test_of as matcher_for


def take(mailbox: Mailbox, pattern: Any) -> Any:
    return mailbox.take(pattern, matcher_for(pattern))


def asked_for_an_int_in_vain() -> Mailbox:
    """A mailbox with one message, of which it knows that it is no `int`."""
    mailbox = Mailbox()
    mailbox.put("a note")
    assert take(mailbox, int) is NOTHING  # now the message is saved,
    assert take(mailbox, int) is NOTHING  # and now known to be none that is wanted
    return mailbox


def test_what_another_receive_has_left_meanwhile_is_tested() -> None:
    mailbox = asked_for_an_int_in_vain()
    mailbox.put(1)
    assert take(mailbox, lambda message: False) is NOTHING
    assert take(mailbox, int) == 1


def test_a_receive_by_another_type_tests_all_messages() -> None:
    mailbox = asked_for_an_int_in_vain()
    assert take(mailbox, str) == "a note"


def test_the_oldest_of_several_new_ones_comes_first() -> None:
    mailbox = asked_for_an_int_in_vain()
    for number in (1, 2, 3):
        mailbox.put(number)
    assert take(mailbox, lambda message: False) is NOTHING
    assert [take(mailbox, int) for _ in range(3)] == [1, 2, 3]
