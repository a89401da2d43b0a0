"""Results and messages with the native core: matched, made and freed as classes of attrs are."""

import copy
import gc
import pickle
import sys
import weakref
from typing import Any

import attrs
import pytest

from actorsock import BadMatch, Error, Ok, Select, make_ref, ok, receive, socket
from actorsock.results import SelectInfo
from actorsock.socket import SelectMessage

from .forms import both_ways


def value_of(result: Any, form: Any = Ok) -> Any:
    match result:
        case form(value):
            return value
        case _:
            return "another"


def test_a_match_takes_an_ok_apart() -> None:
    value = object()
    assert value_of(Ok(value)) is value
    assert value_of(Error("closed")) == value_of(Select("info")) == value_of(5) == "another"


def test_an_ok_is_compared_copied_and_pickled() -> None:
    assert Ok([1]) == Ok([1]) == copy.deepcopy(Ok([1])) == pickle.loads(pickle.dumps(Ok([1])))
    assert hash(Ok(3)) == hash(Ok(3))
    assert repr(Ok[int](3)) == "Ok(value=3)"
    assert [field.name for field in attrs.fields(Ok)] == ["value"]


def test_results_in_results_are_freed_without_recursion() -> None:
    nested: Any = None
    for _ in range(200_000):
        nested = Ok(nested)
    del nested
    assert Ok(1).unwrap() == 1


def test_an_ok_in_a_cycle_is_collected() -> None:
    gc.collect()
    ring: list[Any] = []
    ring.append(Ok(ring))
    del ring
    assert gc.collect() == 2


def test_an_ok_keeps_no_reference_to_its_value() -> None:
    for value in (object(), [object()], b"some bytes"):
        before = sys.getrefcount(value)
        for _ in range(100):
            assert ok(Ok(value)) is value
        assert sys.getrefcount(value) == before


def test_the_class_answers_as_every_class_does() -> None:
    assert isinstance(Ok, type)
    assert Ok.__match_args__ == ("value",)
    with pytest.raises(AttributeError, match="type object 'Ok' has no attribute 'missing'"):
        Ok.missing  # type: ignore[attr-defined]  # noqa: B018


def test_a_class_of_another_form_is_freed_as_usual() -> None:
    gc.collect()
    made: Any = type(Ok)("Made", (), {"__match_args__": ["no tuple"]})
    thing = made()
    thing.ring = thing
    del thing
    assert gc.collect() > 0
    with pytest.raises(TypeError, match="__match_args__ must be a tuple"):
        value_of(made(), made)


def test_the_collector_sees_the_class_of_the_class() -> None:
    derived = type(Ok)("Derived", (Ok,), {})
    if type(Ok) is not type:
        assert type(Ok) in gc.get_referents(derived)
    made, seen = weakref.ref(derived), Ok(derived)
    derived.itself = seen
    del derived, seen
    gc.collect()
    assert made() is None


def test_a_class_with_one_slot_is_no_ok() -> None:
    look_alike: Any = type(Ok)("LookAlike", (), {"__slots__": ("value",)})
    thing = look_alike()
    thing.value = thing
    with pytest.raises(BadMatch):
        ok(thing)
    made = weakref.ref(look_alike)
    del look_alike, thing
    gc.collect()
    assert made() is None


def test_ok_of_a_subclass() -> None:
    derived: Any = type(Ok)("Derived", (Ok,), {"__slots__": ()})
    assert ok(derived(b"value")) == b"value"
    assert ok(derived([1])) == [1]


def test_messages_are_compared_copied_and_pickled() -> None:
    ref = make_ref()
    message = SelectMessage("a socket", "recv", ref)  # type: ignore[arg-type]
    assert message == copy.deepcopy(message) == attrs.evolve(message)
    assert attrs.evolve(message, tag="accept") != message
    assert hash(message) == hash(copy.copy(message))
    assert repr(message) == f"SelectMessage(socket='a socket', tag='recv', ref={ref!r})"
    select = Select(SelectInfo("send", "a ref", "rest"), b"data")  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(select)) == select
    assert repr(select) == "Select(info=SelectInfo(tag='send', ref='a ref'), data=b'data')"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        message.tag = "accept"  # type: ignore[misc]


@pytest.mark.parametrize("seen", [False, True])
def test_values_in_values_are_freed_without_end_of_the_stack(seen: bool) -> None:
    """Also where both slots refer to the next one, or what ends a weak reference frees that."""
    deep: Any = None
    references: list[Any] = []
    for _ in range(100_000):
        deep = Select(deep, deep)
        if seen:
            references.append(weakref.ref(deep, lambda _, value=deep.info: None))
    made = weakref.ref(deep)
    del deep
    references.clear()
    assert made() is None


@pytest.mark.parametrize("made", [Select, SelectInfo, SelectMessage])
def test_messages_have_weak_references(made: Any) -> None:
    ended: list[Any] = []
    message = made(*map(str, range(len(attrs.fields(made)))))
    seen = weakref.ref(message, ended.append)
    assert seen() is message
    assert not ended
    del message
    assert seen() is None
    assert ended == [seen]


def test_messages_have_subclasses() -> None:
    class Derived(SelectMessage):
        def __init__(self, *of: Any) -> None:
            super().__init__(*of)
            object.__setattr__(self, "more", self)

    derived: Any = Derived("a socket", "recv", make_ref())
    assert derived.more is derived
    assert value_of(derived, SelectMessage) == "a socket"
    seen = weakref.ref(derived)
    del derived
    gc.collect()
    assert seen() is None


def test_a_class_is_asked_about_what_has_another_class() -> None:
    class Posing:
        def __init__(self, of: type) -> None:
            self.of = of

        @property
        def __class__(self) -> type:  # type: ignore[override]
            return self.of

    assert isinstance(Posing(Ok), Ok)
    assert not isinstance(Posing(str), Ok)
    assert not isinstance(5, SelectMessage)


def test_selects_are_made_of_memory_that_was_used_before() -> None:
    """Nothing of the former ones is left, also where one of them had a weak reference."""

    async def selected() -> list[bool]:
        sock = ok(socket.open("inet", "dgram", "udp"))
        ok(socket.bind(sock, "loopback"))
        to = ok(socket.sockname(sock))
        heard = []
        for _ in range(5):
            select: Any = socket.recvfrom_nowait(sock)
            seen = [weakref.ref(select), weakref.ref(select.info)]
            ok(await socket.sendto(sock, b"x", to))
            message = await receive(select.info.ref)
            seen.append(weakref.ref(message))
            heard += [select.data is None, select.info.continuation is None, message.socket is sock]
            heard += [(message.tag, message.ref) == ("recvfrom", select.info.ref)]
            assert ok(socket.recvfrom_nowait(sock))[1] == b"x"
            del select, message
            heard += [one() is None for one in seen]
        ok(await socket.close(sock))
        return heard

    async def all_true() -> bool:
        return all(await selected())

    both_ways(all_true)
