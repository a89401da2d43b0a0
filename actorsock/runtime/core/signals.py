"""What an exit signal does to the process that it reaches: the rules, and nothing else.

Erlang's matrix has three questions: which reason, how did the signal come, does the process
trap exits. `effect_of` answers it from one table, so the whole of it can be read (and tested)
without a process.
"""

from typing import Any, Final, Literal

__all__ = ["Effect", "Origin", "effect_of", "is_word"]

Origin = Literal["exit", "self", "link"]
"""How the signal came: `exit(pid, reason)` by another process, by the process itself, or
through a link to a process that ended."""

Effect = Literal["ignore", "deliver", "die", "die killed"]
"""`deliver` puts an `Exit` into the mailbox; `die` ends the process with the signal's reason,
`die killed` with `"killed"`, so that a kill is not passed on as a kill."""

_Kind = Literal["normal", "kill", "other"]

# (reason, origin): (effect when not trapping, effect when trapping)
_EFFECTS: Final[dict[tuple[_Kind, Origin], tuple[Effect, Effect]]] = {
    ("normal", "exit"): ("ignore", "deliver"),
    ("normal", "self"): ("die", "deliver"),
    ("normal", "link"): ("ignore", "deliver"),
    # Only exit(pid, "kill") is untrappable: a process that itself ended with reason "kill"
    # tells its links so, and they may trap that like any other reason.
    ("kill", "exit"): ("die killed", "die killed"),
    ("kill", "self"): ("die killed", "die killed"),
    ("kill", "link"): ("die", "deliver"),
    ("other", "exit"): ("die", "deliver"),
    ("other", "self"): ("die", "deliver"),
    ("other", "link"): ("die", "deliver"),
}


def effect_of(reason: Any, origin: Origin, trapping: bool) -> Effect:
    """What a signal with `reason` does to a process that does or does not trap exits."""
    kind: _Kind = reason if is_word(reason, "normal", "kill") else "other"
    return _EFFECTS[kind, origin][trapping]


def is_word(reason: Any, *words: str) -> bool:
    """The exit reason is one of `words`.

    A reason may be any object, also one whose == raises or is not a plain bool: it is compared
    only if it is a string.
    """
    return type(reason) is str and reason in words
