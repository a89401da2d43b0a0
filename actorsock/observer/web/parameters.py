"""The parameters of a question, which stand behind the `?` of its address."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import parse_qsl

__all__ = ["Parameters", "WrongParameter"]

T = TypeVar("T")

_MOST: Final = 20
"""The number of parameters of one question."""


class WrongParameter(Exception):
    """A parameter is wrong; the text says which, and what was expected."""


class Parameters:
    """Typed access to the parameters of one question.

    Each method takes the name of a parameter and what it is if it is missing, and raises
    `WrongParameter` if it is something else than expected.
    """

    def __init__(self, query: str) -> None:
        try:
            self._values: Mapping[str, str] = dict(
                parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST, errors="replace")
            )
        except ValueError as exc:
            raise WrongParameter(str(exc)) from None

    def text(self, name: str, default: str = "") -> str:
        """Return the text as it is."""
        return self._values.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return True for `1` and False for `0`."""
        return self.choice(name, {"1": True, "0": False}, "1" if default else "0")

    def number(self, name: str, default: int, most: int) -> int:
        """Return a number of 0 to `most`."""
        text = self._values.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
            raise WrongParameter(f"{name}: expected a number of 0 to {most}")
        return min(int(text), most)

    def choice(self, name: str, choices: Mapping[str, T], default: str) -> T:
        """Return what `choices` has under the word."""
        word = self._values.get(name, default)
        if word not in choices:
            raise WrongParameter(f"{name}: expected one of {', '.join(choices)}")
        return choices[word]

    def found(self, name: str, find: Callable[[str], T | None], what: str) -> T:
        """Return what `find` finds for the text; `what` says what that should have been."""
        thing = find(self._values.get(name, ""))
        if thing is None:
            raise WrongParameter(f"{name}: there is no such {what}")
        return thing
