"""Comparing the transcripts of a scenario from the two sides.

A transcript is a list of events for each step: the result of an operation, the messages in a
mailbox that has changed, the end of an actor with its reason. The events of one step are in the
order of the actors' names. New messages of one step from different sources are sorted by source,
because Erlang does not guarantee their order; messages of one source keep their order.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from . import normal
from .differences import DIFFERENCES, Difference
from .normal import Namer, Shape
from .notation import Act, Scenario, show
from .sides.our_side import Seen, Skipped

__all__ = ["Event", "Mismatch", "Transcript", "compare", "erlang_transcript", "our_transcript"]


@attrs.frozen
class Event:
    """One observation after a step."""

    actor: str
    what: str
    """`"returned"`, `"mailbox"`, `"ended"` or `"skipped"`."""
    value: Any
    act: Act | None = None
    """The operation that has returned."""

    def __str__(self) -> str:
        return f"{self.actor} {self.what} {self.value!r}"


Transcript: TypeAlias = list[list[Event]]


@attrs.frozen
class Mismatch:
    """The first step at which the two differ without a reason in the table."""

    scenario: Scenario
    step: int
    theirs: Transcript
    ours: Transcript

    def __str__(self) -> str:
        lines = [f"== {self.scenario.title}"]
        lines += [show(step) for step in self.scenario.steps[: self.step + 1]]
        pairs = _paired(self.theirs[self.step], self.ours[self.step])
        lines += [f"    Erlang:    {event}" for event, _ in pairs if event]
        lines += [f"    actorsock: {event}" for _, event in pairs if event]
        return "\n".join(lines)


def our_transcript(
    scenario: Scenario, pids: dict[str, Any], seen: list[Seen | Skipped], tmp: str
) -> Transcript:
    """Return the observations of our side in the common form."""
    return _transcript(scenario, pids, seen, tmp, normal.our_answer, normal.our_value)


def erlang_transcript(
    scenario: Scenario, pids: dict[str, Any], seen: list[Seen | Skipped], tmp: str
) -> Transcript:
    """Return the observations of Erlang in the common form."""
    return _transcript(scenario, pids, seen, tmp, normal.erlang_answer, normal.erlang_value)


def compare(
    scenario: Scenario, theirs: Transcript, ours: Transcript, release: int
) -> tuple[Mismatch | None, set[Difference]]:
    """Return the first unexplained difference, if any, and the explanations used."""
    used: set[Difference] = set()
    for number, (expected, found) in enumerate(zip(theirs, ours, strict=True)):
        expected, found = _without_last_words(expected), _without_last_words(found)
        if expected == found:
            continue
        reasons = _explain(scenario, number, theirs, expected, found, release)
        if reasons is None:
            return Mismatch(scenario, number, theirs, ours), used
        used |= set(reasons)
        if any(reason.parts_ways for reason in reasons):
            break
    return None, used


def _without_last_words(events: list[Event]) -> list[Event]:
    """Leave out that `exit` has returned, if its caller has ended in the same step.

    The signal that ends the caller comes back through a link. In Erlang both run at the same time,
    and the call may return before.
    """
    ended = {event.actor for event in events if event.what == "ended"}
    return [
        event
        for event in events
        if event.act is None or event.act.op != "exit" or event.actor not in ended
    ]


def _explain(
    scenario: Scenario,
    number: int,
    history: Transcript,
    theirs: list[Event],
    ours: list[Event],
    release: int,
) -> list[Difference] | None:
    reasons = []
    unexplained = False
    for here, there in _paired(theirs, ours):
        if here == there or _both_refuse(here, there):
            continue
        for difference in DIFFERENCES:
            if difference.explains(scenario, number, here, there, release, history[: number + 1]):
                reasons.append(difference)
                break
        else:
            unexplained = True
    # Where the two part ways, other events of the same step may be a consequence.
    parted = any(reason.parts_ways for reason in reasons)
    return None if unexplained and not parted else reasons


_Pair: TypeAlias = tuple[Event | None, Event | None]


def _paired(theirs: list[Event], ours: list[Event]) -> list[_Pair]:
    """Pair the events of the two sides: of the same actor, of the same sort."""
    keys = dict.fromkeys((event.actor, event.what) for event in (*theirs, *ours))
    first = {(event.actor, event.what): event for event in theirs}
    second = {(event.actor, event.what): event for event in ours}
    return [pair for key in keys for pair in _split(first.get(key), second.get(key))]


def _split(theirs: Event | None, ours: Event | None) -> list[_Pair]:
    """Return two records as one pair for each field in which they differ."""
    if theirs is None or ours is None:
        return [(theirs, ours)]
    one, two = theirs.value, ours.value
    if one == two or not isinstance(one, dict) or not isinstance(two, dict):
        return [(theirs, ours)]
    return [
        (
            attrs.evolve(theirs, value={key: one.get(key)}),
            attrs.evolve(ours, value={key: two.get(key)}),
        )
        for key in sorted(one.keys() | two.keys())
        if one.get(key) != two.get(key)
    ]


def _both_refuse(theirs: Event | None, ours: Event | None) -> bool:
    # Erlang has one error for an unknown option and for one that cannot be set or read.
    if theirs is None or ours is None or theirs.value != normal.REFUSED:
        return False
    return ours.value in (normal.RAISED, Shape("Error", ("enoprotoopt",)))


def _transcript(
    scenario: Scenario,
    pids: dict[str, Any],
    seen: list[Seen | Skipped],
    tmp: str,
    answer: Callable[[Act, Any], Any],
    value: Callable[[Any], Any],
) -> Transcript:
    namer = Namer(tmp)
    for name, pid in pids.items():
        namer.bind([name], value(pid))
    mailboxes: dict[str, list[Any]] = {}
    pending: dict[str, Act] = {}
    transcript = []
    for step, shown in zip(scenario.steps, seen, strict=True):
        if isinstance(shown, Skipped):
            transcript.append([Event(getattr(step, "actor", ""), "skipped", None)])
            continue
        if isinstance(step, Act):
            pending[step.actor] = step
        returned: list[Event] = []
        ended: list[Event] = []
        for name, result in sorted(shown.returned, key=lambda each: each[0]):
            act = pending.pop(name)
            found = answer(act, result)
            namer.bind(act.targets, found)
            found = _without_sockets(act, found, namer)
            returned.append(Event(name, "returned", namer.name(found), act))
        arrived = []
        for name, messages in sorted(shown.mailboxes, key=lambda each: each[0]):
            before = mailboxes.get(name, [])
            after = _in_order(before, [namer.name(value(message)) for message in messages])
            if after != before:
                arrived.append(Event(name, "mailbox", after))
            mailboxes[name] = after
        for name, reason in sorted(shown.ended, key=lambda each: each[0]):
            pending.pop(name, None)
            ended.append(Event(name, "ended", namer.name(_reason(reason, value))))
        transcript.append([*returned, *arrived, *ended])
    return transcript


def _without_sockets(act: Act, value: Any, namer: Namer) -> Any:
    """Leave sockets out of the processes that monitor a process, and sort lists without order.

    The sockets that monitor a process are references in Erlang, and have pids here.
    """
    if act.op != "process_info" or not isinstance(value, list):
        return value
    if act.args[1] not in ("links", "monitors", "monitored_by"):
        return value
    return sorted(
        (each for each in value if namer.knows(each)), key=lambda each: repr(namer.name(each))
    )


def _reason(reason: Any, value: Callable[[Any], Any]) -> Any:
    return normal._reason(reason) if value is normal.erlang_value else value(reason)


def _in_order(before: list[Any], now: list[Any]) -> list[Any]:
    """Sort the new messages of `now` by source; the old ones keep their order."""
    kept, new = [], list(now)
    for message in before:
        if message in new:
            new.remove(message)
            kept.append(message)
    return [*kept, *sorted(new, key=_source)]


def _source(message: Any) -> tuple[str, str]:
    """Return the source of a message, as far as it is known.

    Each select message counts as a source of its own, since the kernel causes it; abort messages
    have one common source.
    """
    match message:
        case Shape("SelectMessage", _):
            return ("select", repr(message))
        case Shape("AbortMessage" | "SocketDown" | "Exit" | "Down" | "TimerExpired", _):
            return (message.word, "")
        case [str(word), sock, *_] if word.startswith(("tcp", "udp", "ssl")):
            return ("port", repr(sock))
    return ("message", "")
