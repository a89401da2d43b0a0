"""The blocks of code in a document, and what stands below them as their output."""

import re
import textwrap
from pathlib import Path

import attrs

__all__ = ["ROOT", "Block", "blocks"]

ROOT = Path(__file__).parent.parent

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
        """The name that a block has in its first line, if it is a file."""
        match = _FILE_NAME.match(self.text)
        return match and match[1]

    def as_body_of(self, head: str) -> str:
        """A function, of which the block is the body."""
        return f"{head}\n{textwrap.indent(self.text, '    ')}"


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document, by its path in the project."""
    text = (ROOT / document).read_text(encoding="utf-8")
    assert text.count("```") % 2 == 0
    found = [Block(match[1], match[2].strip(), match[3]) for match in _FENCED.finditer(text)]
    assert len(found) == text.count("```") // 2
    return found
