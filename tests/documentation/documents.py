"""The blocks of code in the documents, and running them as a reader would."""

import os
import re
import subprocess
import textwrap
from collections.abc import Sequence
from pathlib import Path

import attrs

import actorsock

__all__ = ["PRODUCT", "ROOT", "Block", "blocks", "run", "text_of"]

ROOT = Path(__file__).parent.parent.parent
PRODUCT = Path(actorsock.__file__).parent.parent
"""The folder in which the product's modules are: `ROOT`, unless the tests run against a wheel."""

_FENCED = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
_FILE_NAME = re.compile(r"(?:#|%%) (\S+\.\w+)\n")


@attrs.frozen
class Block:
    """One fenced block: ` ```language note `."""

    language: str
    note: str
    text: str

    @property
    def file(self) -> str | None:
        """The file name in the first line of the block, if it is a file."""
        match = _FILE_NAME.match(self.text)
        return match and match[1]

    def as_body_of(self, head: str) -> str:
        """Return a function with the block as its body."""
        return f"{head}\n{textwrap.indent(self.text, '    ')}"


def text_of(document: str) -> str:
    """Return the text of a document, given its path in the project."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a document, in their order."""
    text = text_of(document)
    assert text.count("```") % 2 == 0
    found = [Block(match[1], match[2].strip(), match[3]) for match in _FENCED.finditer(text)]
    assert len(found) == text.count("```") // 2
    return found


def run(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory, without the variables that pytest has set for this run."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=directory, env=environ, capture_output=True, text=True, timeout=300
    )
