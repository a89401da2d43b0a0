"""The values that stand for Erlang's terms: what they equal, and what they refuse."""

from typing import Any

import pytest

from actorsock.dist.terms import Atom, BitString, ImproperList, ListKey, charlist, text


def test_an_atom_is_its_text() -> None:
    atom = Atom("get")
    assert atom == "get"
    assert {"get": 1}[atom] == 1
    assert repr(atom) == "Atom('get')"
    match (atom, 5):
        case ("get", int(number)):
            assert number == 5
        case _:
            pytest.fail("a plain string matches an atom")


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Atom("a" * 256), ValueError, "at most 255 characters"),
        (lambda: Atom(b"a"), TypeError, "text: expected a str, got b'a'"),
        (lambda: ImproperList([], 1), ValueError, "items: expected at least one"),
        (lambda: BitString(b"", 3), ValueError, "data: expected at least one byte"),
        (lambda: BitString(b"a", 9), ValueError, "bits: expected from 1 to 8, got 9"),
        (lambda: charlist(b"a"), TypeError, "text: expected a str"),
        (lambda: text("a"), TypeError, "term: expected bytes or a list"),
        (lambda: text([-1]), ValueError, "term: not a list of code points"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


def test_text_and_charlist() -> None:
    assert charlist("grün") == [103, 114, 252, 110]
    assert text(charlist("grün")) == text("grün".encode()) == "grün"


def test_a_list_can_be_a_key() -> None:
    assert {ListKey([1, 2]): "x"}[ListKey([1, 2])] == "x"
    assert repr(ListKey([1])) == "ListKey((1,))"
