"""The data that the clients send: the lines of a file."""

from importlib import metadata
from pathlib import Path
from typing import Final

import attrs

__all__ = ["Text", "read_text"]

_PIECE: Final = 16 * 1024
"""The largest number of bytes sent at once. A client sends a piece before it reads the echo, so the
buffers of the kernel must have room for the piece and its echo."""


@attrs.frozen
class Text:
    """The lines of a file; a line that is too long for one piece is split."""

    name: str
    lines: list[bytes]

    @property
    def size(self) -> int:
        """The number of bytes of all lines."""
        return sum(map(len, self.lines))


def read_text(path: Path | None = None) -> Text:
    """Read the file at `path`, or the README of this project. Raises `OSError`."""
    if path is not None:
        return Text(path.name, _lines(path.read_bytes()))
    package = Path(__file__).parent.parent
    readme = package.parent / "README.md"
    # Without a pyproject.toml the package is installed, and a README there is another project's.
    if readme.is_file() and (package.parent / "pyproject.toml").is_file():
        return Text(readme.name, _lines(readme.read_bytes()))
    return _installed_text(package)


def _installed_text(package: Path) -> Text:
    try:
        # The metadata of an installed package ends with its README.
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
