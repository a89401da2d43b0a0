"""The outcomes of the written scenarios, kept in files: they are compared where no Erlang is.

`recorded/accept.txt` has what `scenarios/accept.txt` shows here, after it has been compared with
Erlang: a block for each scenario, and in it a line for each step that has shown something, with
the number of the step. A step has no line if its actor has returned `Ok()`, or `Ok` of what the
step gives names to, and nothing else has happened; "nothing" is that of one that waits.

`python -m tests.conformance.recorded` writes the files anew. Do that after the comparison with
Erlang has found no difference, and read what has changed.
"""

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Final

from .comparing import Transcript, our_transcript
from .notation import Act, Scenario, Step, read_file
from .sides import our_side

__all__ = ["TOPICS", "outcome", "recorded", "scenarios_of"]

HERE: Final = Path(__file__).parent

TOPICS: Final = (
    "accept",
    "recv",
    "send",
    "connect",
    "closing",
    "receiving",
    "counting",
    "messages",
    "addresses",
    "info",
    "queues",
)
"""Topics whose outcomes depend neither on the version of Linux nor on the machine and the user."""


def scenarios_of(topic: str) -> list[Scenario]:
    """The scenarios of one file."""
    return read_file(HERE / "scenarios" / f"{topic}.txt")


def recorded(topic: str) -> dict[str, str]:
    """The outcomes that are kept of a topic, by the titles of the scenarios."""
    blocks = re.split(r"^== ", (HERE / "recorded" / f"{topic}.txt").read_text(), flags=re.M)[1:]
    return {title: lines for title, _, lines in (block.partition("\n") for block in blocks)}


def outcome(scenario: Scenario, cushion: float, light: bool = False) -> str:
    """Perform a scenario and return its outcome, as the files have it."""
    with _quiet_log(), tempfile.TemporaryDirectory(prefix="conf") as tmp, chdir(tmp):
        pids, seen = our_side.perform(scenario, tmp, cushion, light)
        return _lines(scenario, our_transcript(scenario, pids, seen, tmp))


@contextmanager
def _quiet_log() -> Iterator[None]:
    # Processes crash in scenarios, and the runtime logs it.
    log = logging.getLogger("actorsock")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _lines(scenario: Scenario, transcript: Transcript) -> str:
    lines = []
    for number, (step, events) in enumerate(zip(scenario.steps, transcript, strict=True), 1):
        shown = "; ".join(map(str, events))
        if shown not in _unremarkable(step):
            lines.append(f"{number} {shown or 'nothing'}\n")
    return "".join(lines)


def _unremarkable(step: Step) -> list[str]:
    if not isinstance(step, Act):
        return [""]
    names = ", ".join(step.targets)
    named = f"[{names}]" if len(step.targets) > 1 else names
    return [f"{step.actor} returned Ok()", f"{step.actor} returned Ok({named})"]


def main() -> None:
    """Write the files."""
    for topic in TOPICS:
        blocks = (f"== {each.title}\n{outcome(each, 0.02)}" for each in scenarios_of(topic))
        (HERE / "recorded" / f"{topic}.txt").write_text("".join(blocks))


if __name__ == "__main__":
    main()
