"""Asking an observed program of the same user, over its local socket."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..web.local_sockets import Found, listed

__all__ = ["NoAnswer", "Program", "choose"]

_SECONDS = 5.0


class NoAnswer(Exception):
    """The program has ended, or does not answer; the text says so."""


class Program:
    """One observed program.

    Example::

        with_most_messages = Program(choose(None)).ask("processes", sort="queue", count=5)
    """

    def __init__(self, found: Found) -> None:
        self.pid = found.pid
        self._path = found.path

    def ask(self, question: str, **parameters: object) -> Any:
        """Return the answer to a question of the observer, as its JSON says.

        Raises:
            NoAnswer: there is none.
        """
        with self._answer(question, parameters) as response:
            return json.loads(response.read())

    def lines(self, question: str, **parameters: object) -> Iterator[Any]:
        """Yield the lines of an answer as they come, each as its JSON says.

        Raises:
            NoAnswer: there is none, or the program has ended.
        """
        with self._answer(question, parameters) as response:
            for line in response:
                yield json.loads(line)

    @contextmanager
    def _answer(self, question: str, parameters: dict[str, object]) -> Iterator[HTTPResponse]:
        connection = _Connection(self._path)
        try:
            connection.request("GET", f"/api/{question}?{urlencode(parameters)}")
            response = connection.getresponse()
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise NoAnswer(json.loads(response.read())["error"])
            yield response
        except (OSError, HTTPException, ValueError) as exc:
            raise NoAnswer(f"the program {self.pid} does not answer: {exc}{_why(exc)}") from None
        finally:
            connection.close()


def _why(exc: Exception) -> str:
    return "; perhaps a process does not give way" if isinstance(exc, TimeoutError) else ""


class _Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def choose(pid: int | None) -> Found:
    """Return the observed program with this process id; or the only one, if it is None.

    Raises:
        NoAnswer: there is none, or there are several; the text lists them.
    """
    found = listed()
    if pid is not None:
        found = [one for one in found if one.pid == pid]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoAnswer(
            "no program is observed" if pid is None else f"the program {pid} is not observed"
        )
    pids = ", ".join(str(one.pid) for one in found)
    raise NoAnswer(f"there are several; choose one of {pids}")
