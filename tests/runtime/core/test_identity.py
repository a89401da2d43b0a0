"""Pids and refs: their text, and that a copy of one is the same object."""

import copy
import gc
import pickle
import sys

import pytest

from actorsock import Exit, Pid, Ref, current_pid, make_ref, native, spawn_monitor

each = pytest.mark.parametrize("make", [Pid, make_ref])


def test_pids_and_refs_print_in_erlangs_form() -> None:
    pid, ref = Pid(), make_ref()
    assert repr(pid) == str(pid) == f"<0.{pid.number}.0>"
    assert repr(ref) == f"#Ref<0.{ref.number}>"


@each
def test_a_pid_or_ref_is_equal_only_to_itself(make: type[Pid | Ref]) -> None:
    one, other = make(), make()
    assert one == one
    assert one != other
    assert repr(one) != repr(other)
    assert len({one, other, one}) == 2


@each
@pytest.mark.parametrize("number", [0, -1, 2**62 - 1, 2**62, -(2**62), -(2**62) - 1, 2**130])
def test_a_number_may_be_of_any_size(make: type[Pid | Ref], number: int) -> None:
    one = make()
    for _ in range(2):
        one._number = number
        assert one.number == number


@pytest.mark.skipif(not native, reason="only the native form is smaller")
@each
def test_the_garbage_collector_has_nothing_to_do_with_them(make: type[Pid | Ref]) -> None:
    class WithMore(type(make())):  # type: ignore[misc]  # mypy knows no computed base classes
        __slots__ = ("more",)

    assert not gc.is_tracked(make())
    assert sys.getsizeof(make()) == 32
    assert gc.is_tracked(WithMore())


@each
def test_a_copy_is_the_same_object(make: type[Pid | Ref]) -> None:
    original = make()
    assert copy.copy(original) is original
    assert copy.deepcopy(original) is original
    message = copy.deepcopy({"from": original, "body": [original]})
    assert message["from"] is message["body"][0] is original
    assert copy.deepcopy(Exit(original, ["reason"])) == Exit(original, ["reason"])


@each
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(make: type[Pid | Ref], protocol: int) -> None:
    original = make()
    with pytest.raises(TypeError, match="can't be pickled") as info:
        pickle.dumps([original], protocol)
    assert repr(original) in str(info.value)


@each
def test_the_number_is_fixed(make: type[Pid | Ref]) -> None:
    with pytest.raises(AttributeError):
        make().number = 1


async def test_pids_and_refs_are_never_used_twice(runtime: None) -> None:
    async def nothing() -> None:
        pass

    made = [spawn_monitor(nothing) for _ in range(100)]
    assert len({pid for pid, _ in made} | {current_pid()}) == 101
    assert len({ref for _, ref in made}) == 100
