"""Pids and refs: their text, and that a copy of one is the same object."""

import copy
import pickle

import pytest

from actorsock import Exit, Pid, Ref, current_pid, make_ref, spawn_monitor

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
