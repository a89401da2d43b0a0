"""The table of the effects of exit signals, without any process."""

import pytest

from actorsock.runtime.core.signals import Effect, Origin, effect_of


@pytest.mark.parametrize(
    ("reason", "origin", "not_trapping", "trapping"),
    [
        ("normal", "exit", "ignore", "deliver"),
        ("normal", "self", "die", "deliver"),
        ("normal", "link", "ignore", "deliver"),
        ("kill", "exit", "die killed", "die killed"),
        ("kill", "self", "die killed", "die killed"),
        ("kill", "link", "die", "deliver"),
        ("killed", "exit", "die", "deliver"),
        ("killed", "self", "die", "deliver"),
        ("killed", "link", "die", "deliver"),
        ("shutdown", "exit", "die", "deliver"),
        ("shutdown", "self", "die", "deliver"),
        ("shutdown", "link", "die", "deliver"),
        (("any", "value"), "exit", "die", "deliver"),
        (("any", "value"), "self", "die", "deliver"),
        (("any", "value"), "link", "die", "deliver"),
        (ValueError("a crash"), "exit", "die", "deliver"),
        (ValueError("a crash"), "self", "die", "deliver"),
        (ValueError("a crash"), "link", "die", "deliver"),
        (None, "exit", "die", "deliver"),
    ],
    ids=repr,
)
def test_the_effect_of_a_signal(
    reason: object, origin: Origin, not_trapping: Effect, trapping: Effect
) -> None:
    assert effect_of(reason, origin, trapping=False) == not_trapping
    assert effect_of(reason, origin, trapping=True) == trapping


@pytest.mark.parametrize("origin", ["exit", "self", "link"])
def test_a_reason_is_never_compared_by_its_own_equality(origin: Origin) -> None:
    class Array:
        def __eq__(self, other: object) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    assert effect_of(Array(), origin, trapping=False) == "die"
    assert effect_of(Array(), origin, trapping=True) == "deliver"


class Word(str):
    """A string of a class of its own, whose equality is not that of its characters."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("not comparable")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("reason", ["normal", "kill", "other"])
@pytest.mark.parametrize("origin", ["exit", "self", "link"])
def test_of_a_string_the_characters_count(reason: str, origin: Origin) -> None:
    for trapping in (False, True):
        assert effect_of(Word(reason), origin, trapping) == effect_of(reason, origin, trapping)
