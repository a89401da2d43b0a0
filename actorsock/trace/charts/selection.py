"""Which part of a long sequence a chart shows, and how much it leaves out. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from ...runtime.core.identity import Pid, is_pid
from .sequence import Drawn, End, RowKind, Sequence

__all__ = [
    "MOST_LIFELINES", "MOST_ROWS", "Chart", "Choice", "Lifeline", "Others", "Row", "select",
]  # fmt: skip

MOST_ROWS: Final = 200
"""Rows of a chart, unless others are asked for."""

MOST_LIFELINES: Final = 30
"""If there are more, processes of the same name share one; then the least busy ones are folded."""

Others: TypeAlias = Literal["fold", "hide"]


@attrs.frozen
class Choice:
    """What is to be shown of a sequence."""

    lifelines: tuple[Pid | str, ...] = ()
    """Processes, and words that the name, pid or socket of a lifeline contains. Without any, the
    busiest lifelines are chosen."""
    others: Others = "fold"
    """What becomes of the other lifelines: `"fold"` makes them one, `"hide"` leaves them out."""
    rows: int = MOST_ROWS
    first: int | None = None
    """How many rows come before the first one that is shown; None: the last rows are shown."""


@attrs.frozen
class Lifeline:
    """A process or a socket, or several of them."""

    name: str
    handle: str
    """The pid or the socket as text, or how many there are."""


@attrs.frozen
class Row:
    """One thing that has happened: an arrow, or a note on one lifeline."""

    at: float
    """Seconds since the first row that is shown."""
    kind: RowKind
    source: int
    """The number of the lifeline at which it begins."""
    target: int | None
    """The number of the one to which it leads; None for a note and an end."""
    text: str
    count: int = 1
    """How many times it has happened in a row."""

    @property
    def label(self) -> str:
        """The text, with the number of times."""
        return self.text if self.count == 1 else f"{self.text} × {self.count}"


@attrs.frozen
class Chart:
    """The lifelines from left to right, the rows in the order of time, and what is left out."""

    lifelines: list[Lifeline]
    rows: list[Row]
    before: int = 0
    """Rows before these."""
    after: int = 0
    """Rows after these."""
    between: int = 0
    """Rows that concern only other lifelines."""
    lost: int = 0
    """Older rows, which the sequence has dropped."""
    others: tuple[str, ...] = ()
    """The other lifelines, the busiest first, by their names or, without one, their handles."""
    folded: bool = False
    """True: the last lifeline stands for all others."""

    @property
    def remarks(self) -> list[str]:
        """What is not shown, in words."""
        hidden = 0 if self.folded else len(self.others)
        return [
            _remark(count, noun, which, state)
            for count, noun, which, state in (
                (self.lost, "older row", "", "not kept"),
                (self.before, "row", "before these", "not shown"),
                (self.after, "row", "after these", "not shown"),
                (self.between, "row", "of other lifelines", "not shown"),
                (hidden, "other lifeline", "", "not shown"),
            )
            if count
        ]


def _remark(count: int, noun: str, which: str, state: str) -> str:
    plural, verb = ("s", "are") if count > 1 else ("", "is")
    return " ".join(filter(None, (f"{count:,} {noun}{plural}", which, verb, state)))


def select(sequence: Sequence, choice: Choice) -> Chart:
    """Return the chart of a part of a sequence.

    1. If lifelines are chosen, only rows that begin or end at one of them are kept; with `"hide"`,
       only rows that begin and end there.
    2. Of the rows that are kept, `rows` from `first` on are the window.
    3. If the window has more than 30 lifelines, processes of the same name share one. If there are
       still too many, the busiest ones are shown, and all others are one lifeline, "others".
    4. With `"fold"`, rows between two of the others are left out; with `"hide"`, all their rows.

    The chart says how many rows and lifelines are left out in each of these steps.
    """
    names = sequence.names
    rows = list(sequence.rows)
    chosen: set[End] | None = None
    kept = rows
    if choice.lifelines:
        chosen = {end for end in _ends(rows) if _is_chosen(end, names, choice.lifelines)}
        enough = any if choice.others == "fold" else all
        kept = [row for row in rows if enough(end in chosen for end in _ends([row]))]
    first = max(0, len(kept) - choice.rows) if choice.first is None else choice.first
    first = min(first, len(kept))
    window = kept[first : first + choice.rows]
    lines = _lines(_order(window, sequence.beside), names)
    own, others = _divided(lines, window, chosen)
    folded = bool(others) and choice.others == "fold"
    numbers = {end: number for number, line in enumerate(own) for end in line.ends}
    shown: list[Row] = []
    between = len(rows) - len(kept)
    began = window[0].at if window else 0.0
    for row in window:
        ends = _ends([row])
        known = [end in numbers for end in ends]
        if not (any(known) if folded else all(known)):
            between += 1
            continue
        source, *targets = (numbers.get(end, len(own)) for end in ends)
        target = targets[0] if targets else None
        last = shown[-1] if shown else None
        if last and (last.kind, last.source, last.target, last.text) == (
            row.kind, source, target, row.text,
        ):  # fmt: skip
            shown[-1] = attrs.evolve(last, count=last.count + row.count)
        else:
            shown.append(Row(row.at - began, row.kind, source, target, row.text, row.count))
    lifelines = [Lifeline(line.name, line.handle) for line in own]
    if folded:
        count = sum(len(line.ends) for line in others)
        lifelines.append(Lifeline("others", f"{count:,} lifeline{'s' if count > 1 else ''}"))
    after = len(kept) - first - len(window)
    names_of_others = tuple(line.name or line.handle for line in others)
    return Chart(lifelines, shown, first, after, between, sequence.lost, names_of_others, folded)


@attrs.frozen
class _Line:
    """A lifeline before it is known whether it is shown."""

    name: str
    ends: tuple[End, ...]

    @property
    def handle(self) -> str:
        if len(self.ends) != 1:
            return f"{len(self.ends):,} processes"
        (end,) = self.ends
        return end if isinstance(end, str) else repr(end)


def _ends(rows: Iterable[Drawn]) -> dict[End, None]:
    found: dict[End, None] = {}
    for row in rows:
        found[row.source] = None
        if row.target is not None:
            found[row.target] = None
    return found


def _is_chosen(end: End, names: Mapping[Pid, str], wanted: tuple[Pid | str, ...]) -> bool:
    if end in wanted:
        return True
    text = end if isinstance(end, str) else f"{names.get(end, '')} {end!r}"
    text = text.lower()
    return any(isinstance(word, str) and word.lower() in text for word in wanted)


def _order(rows: Iterable[Drawn], beside: Mapping[End, End | None]) -> list[End]:
    """Return the ends of rows from left to right: in the order in which they were first seen."""
    used = _ends(rows)
    order: list[End] = []
    for end, other in beside.items():
        if end not in used:
            continue
        if isinstance(end, str) and other in order:
            # A socket stands beside the process that has used it first.
            order.insert(order.index(other) + 1, end)
        else:
            order.append(end)
    return order


def _lines(order: list[End], names: Mapping[Pid, str]) -> list[_Line]:
    """Return the lifelines; if they are too many, processes of the same name share one."""
    if len(order) <= MOST_LIFELINES:
        return [_Line(_name(end, names), (end,)) for end in order]
    shared: dict[object, list[End]] = {}
    for end in order:
        shared.setdefault(_name(end, names) or end, []).append(end)
    return [_Line(_name(ends[0], names), tuple(ends)) for ends in shared.values()]


def _name(end: End, names: Mapping[Pid, str]) -> str:
    return names.get(end, "") if is_pid(end) else ""


def _divided(
    lines: list[_Line], rows: Iterable[Drawn], chosen: set[End] | None
) -> tuple[list[_Line], list[_Line]]:
    """Return the lifelines that are shown, in their order, and the others, the busiest first."""
    busy = Counter(end for row in rows for end in _ends([row]))
    by_weight = sorted(lines, key=lambda line: -sum(busy[end] for end in line.ends))
    wanted = [
        line for line in by_weight if chosen is None or any(end in chosen for end in line.ends)
    ]
    if max(len(wanted), len(lines)) > MOST_LIFELINES:
        wanted = wanted[: MOST_LIFELINES - 1]  # the others are one more
    own = {line.ends for line in wanted}
    return (
        [line for line in lines if line.ends in own],
        [line for line in by_weight if line.ends not in own],
    )
