"""A reader of the observer's page: it asks what the script of the page asks, once a second.

Run as `python -m benchmarks.watching URL`. For each line "look" it connects and begins to look; for
each line "rest" it stops and disconnects. It answers each with a line.
"""

import http.client
import json
import select
import sys
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

__all__ = ["QUESTIONS"]

QUESTIONS: Final = (
    "/api/system?history=1",
    "/api/processes?sort=reductions&down=1&first=0&count=40&sockets=0&own=0",
)
"""What the view of the processes asks at once, each on a connection of its own, as browsers do."""

_EVERY: Final = 1.0
"""Seconds between an answer and the next question."""

_PATIENCE: Final = 60.0


def main() -> None:
    url = urlsplit(sys.argv[1])
    address, token = url.netloc, url.fragment
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        assert line == "look\n", line
        with (
            closing(http.client.HTTPConnection(address, timeout=_PATIENCE)) as one,
            closing(http.client.HTTPConnection(address, timeout=_PATIENCE)) as other,
        ):
            connections = (one, other)
            for connection in connections:
                connection.connect()
            print("looking", flush=True)
            looks = 1
            _look(connections, token)
            while not select.select([sys.stdin], [], [], _EVERY)[0]:
                _look(connections, token)
                looks += 1
            assert sys.stdin.readline() in ("rest\n", "")
            print(looks, flush=True)


def _look(connections: tuple[http.client.HTTPConnection, ...], token: str) -> None:
    for connection, question in zip(connections, QUESTIONS, strict=True):
        connection.request("GET", question, headers={"Authorization": f"Bearer {token}"})
    for connection, question in zip(connections, QUESTIONS, strict=True):
        response = connection.getresponse()
        answer = json.load(response)
        if response.status != http.HTTPStatus.OK:
            raise SystemExit(f"{question}: {response.status}, {answer}")


if __name__ == "__main__":
    main()
