"""What the clients send: the lines of a real file."""

from importlib import metadata
from pathlib import Path
from typing import Final

import attrs

__all__ = ["Text", "read_text"]

_PIECE: Final = 16 * 1024
"""A client that sends a piece and only then reads its echo needs room for it on the way."""


@attrs.frozen
class Text:
    """A file, in pieces that are to be sent one by one: its lines."""

    name: str
    lines: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return sum(map(len, self.lines))


def read_text(path: Path | None = None) -> Text:
    """The file at `path`, or else the README of this project. Raises `OSError`."""
    if path is not None:
        return Text(path.name, _lines(path.read_bytes()))
    package = Path(__file__).parent.parent
    readme = package.parent / "README.md"
    # Beside an installed package there may be anybody's README.
    if readme.is_file() and (package.parent / "pyproject.toml").is_file():
        return Text(readme.name, _lines(readme.read_bytes()))
    return _installed_text(package)


def _installed_text(package: Path) -> Text:
    try:
        # An installed package carries its README as the end of its metadata.
        text = metadata.distribution("actorsock").read_text("METADATA")
    except metadata.PackageNotFoundError:
        text = None
    if text:
        return Text("the metadata of actorsock", _lines(text.encode()))
    return Text("actorsock/__init__.py", _lines((package / "__init__.py").read_bytes()))


def _lines(data: bytes) -> list[bytes]:
    return [
        line[start : start + _PIECE]
        for line in data.splitlines(keepends=True)
        for start in range(0, len(line), _PIECE)
    ]
