"""The effect of an exit signal on the process that it reaches: the rules alone.

Erlang's matrix has three questions: which reason, how was the signal sent, does the process trap
exits. `effect_of` answers from one table, so that all of it can be read, and tested without a
process.
"""

from typing import Any, Final, Literal

__all__ = ["Effect", "Origin", "effect_of", "is_word"]

Origin = Literal["exit", "self", "link"]
"""The source of the signal: `exit(pid, reason)` by another process, by the process itself, or
a link to a process that ended."""

Effect = Literal["ignore", "deliver", "die", "die killed"]
"""`deliver` puts an `Exit` into the mailbox. `die` ends the process with the signal's reason;
`die killed` with `"killed"`, so that a kill is not passed on as a kill."""

_ReasonClass = Literal["normal", "kill", "other"]

# (reason, origin): (effect when not trapping, effect when trapping)
_EFFECTS: Final[dict[tuple[_ReasonClass, Origin], tuple[Effect, Effect]]] = {
    ("normal", "exit"): ("ignore", "deliver"),
    ("normal", "self"): ("die", "deliver"),
    ("normal", "link"): ("ignore", "deliver"),
    # Only exit(pid, "kill") can't be trapped. A process that itself ended with reason "kill"
    # sends that through its links, where it is a reason like any other.
    ("kill", "exit"): ("die killed", "die killed"),
    ("kill", "self"): ("die killed", "die killed"),
    ("kill", "link"): ("die", "deliver"),
    ("other", "exit"): ("die", "deliver"),
    ("other", "self"): ("die", "deliver"),
    ("other", "link"): ("die", "deliver"),
}


def effect_of(reason: Any, origin: Origin, trapping: bool) -> Effect:
    """Return the effect of a signal on a process that traps exits (`trapping`) or does not."""
    reason_class: _ReasonClass = "other"
    if is_word(reason, "normal", "kill"):
        reason_class = str.__str__(reason)  # type: ignore[assignment]  # one of these two
    return _EFFECTS[reason_class, origin][trapping]


def is_word(reason: Any, *words: str) -> bool:
    """Return True if the exit reason is one of `words`.

    A reason may be any object, and its `==` may raise or return something other than a bool (a
    numpy array does): only a string is compared, and of one of a class of its own (an atom of
    another node) the characters.
    """
    if type(reason) is str:
        return reason in words
    return issubclass(type(reason), str) and str.__str__(reason) in words
