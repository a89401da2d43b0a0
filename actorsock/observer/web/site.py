"""What stands at each address: the files of the page, the questions, and the actions."""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib import resources
from typing import Any, Final, TypeAlias

import attrs

from .connection import Answer, Ask
from .gate import Gate, Head, Refusal
from .parameters import Parameters, WrongParameter

__all__ = ["PAGES", "Action", "Json", "Lines", "Question", "Site"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

Question: TypeAlias = Callable[[Parameters], Awaitable[Json]]
"""Answers a GET. Raises `WrongParameter`."""

Lines: TypeAlias = Callable[[Parameters], AsyncGenerator[bytes, None]]
"""Answers a GET by lines of JSON, as they come. Raises `WrongParameter` at once."""

Action: TypeAlias = Callable[[Any], Awaitable[Json]]
"""Does what a POST asks for, and is given its JSON. Raises `WrongParameter`."""

_log: Final = logging.getLogger("actorsock.observer")

_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def _pages() -> dict[str, Answer]:
    """Read the files of the page: each by its path under `page`, and `index.html` as `/`."""
    pages = {}
    folders = [("/", resources.files(__name__.rsplit(".", 2)[0]) / "page")]
    for path, folder in folders:
        for entry in folder.iterdir():
            kind = _KINDS.get(entry.name.rpartition(".")[2])
            if entry.is_dir():
                folders.append((f"{path}{entry.name}/", entry))
            elif kind is not None:
                address = path if entry.name == "index.html" else path + entry.name
                pages[address] = Answer(HTTPStatus.OK, kind, entry.read_bytes())
    return pages


PAGES: Final[Mapping[str, Answer]] = _pages()


@attrs.frozen
class Site:
    """The addresses of one observer."""

    gate: Gate
    questions: Mapping[str, Question]
    """By the word behind `/api/`."""
    lines: Mapping[str, Lines]
    actions: Mapping[str, Action]

    def refusal(self, head: Head) -> Refusal | None:
        """See `Answering`."""
        return self.gate.refusal(head)

    async def answer(self, ask: Ask) -> Answer:
        """See `Answering`."""
        head = ask.head
        page = PAGES.get(head.path)
        if page is not None and head.method == "GET":
            return page
        word = head.path.removeprefix("/api/") if head.path.startswith("/api/") else ""
        try:
            if head.method == "GET" and word in self.questions:
                return _json(HTTPStatus.OK, await self.questions[word](Parameters(ask.query)))
            if head.method == "GET" and word in self.lines:
                lines = self.lines[word](Parameters(ask.query))
                return Answer(HTTPStatus.OK, "application/x-ndjson", lines)
            if head.method == "POST" and word in self.actions:
                wanted = _read(ask.body)
                _log.warning("%s: %s", word, wanted)
                return _json(HTTPStatus.OK, await self.actions[word](wanted))
        except WrongParameter as exc:
            return _json(HTTPStatus.BAD_REQUEST, {"error": str(exc)})
        return _json(HTTPStatus.NOT_FOUND, {"error": "there is nothing at this address"})


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WrongParameter("the body: expected JSON") from None


def _json(status: int, value: Json) -> Answer:
    return Answer(status, "application/json", json.dumps(value, separators=(",", ":")).encode())
