"""Which requests are let through: by the head alone."""

import pytest

from actorsock.observer.web.gate import Gate, Head, names_of

TOKEN = b"a token of more than thirty-two characters"

HOST = (b"host", b"127.0.0.1:9911")
BEARER = (b"authorization", b"Bearer " + TOKEN)
JSON = (b"content-type", b"application/json")

LOOKING = Gate(names_of(9911), TOKEN, False, frozenset({"/", "/main.js"}))
ACTING = Gate(names_of(9911), TOKEN, True, frozenset({"/"}))
ANYWHERE = Gate(None, TOKEN, False, frozenset({"/"}))
NEAR = Gate(None, None, False, frozenset({"/"}))


def status(gate: Gate, method: str, path: str, *headers: tuple[bytes, bytes]) -> int:
    refusal = gate.refusal(Head(method, path, headers))
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("expected", "gate", "method", "path", "headers"),
    [
        (200, LOOKING, "GET", "/", [HOST]),
        (200, LOOKING, "GET", "/main.js", [HOST]),
        (200, LOOKING, "GET", "/api/system", [HOST, BEARER]),
        (200, LOOKING, "GET", "/api/system", [(b"host", b"LocalHost:9911"), BEARER]),
        (200, LOOKING, "GET", "/api/system", [(b"host", b"[::1]:9911"), BEARER]),
        (200, LOOKING, "GET", "/", [HOST, (b"origin", b"http://127.0.0.1:9911")]),
        (200, LOOKING, "GET", "/", [HOST, (b"sec-fetch-site", b"same-origin")]),
        (200, LOOKING, "GET", "/", [HOST, (b"sec-fetch-site", b"none")]),
        (200, ACTING, "POST", "/api/kill", [HOST, BEARER, JSON]),
        (
            200,
            ACTING,
            "POST",
            "/api/kill",
            [HOST, BEARER, (b"content-type", b"Application/JSON; charset=utf-8")],
        ),
        (200, ANYWHERE, "GET", "/api/system", [(b"host", b"build.example:80"), BEARER]),
        (200, NEAR, "GET", "/api/system", [(b"host", b"localhost")]),
        # Another name of this machine, as a rebound name has, or none, or two.
        (421, LOOKING, "GET", "/", []),
        (421, LOOKING, "GET", "/", [(b"host", b"evil.example:9911")]),
        (421, LOOKING, "GET", "/", [(b"host", b"127.0.0.1")]),
        (421, LOOKING, "GET", "/", [(b"host", b"127.0.0.1:80")]),
        (421, LOOKING, "GET", "/", [HOST, HOST]),
        (421, ANYWHERE, "GET", "/", []),
        (421, ACTING, "POST", "/api/kill", [(b"host", b"evil.example:9911"), BEARER, JSON]),
        # Sent by a page of another site.
        (403, LOOKING, "GET", "/", [HOST, (b"origin", b"http://evil.example")]),
        (403, LOOKING, "GET", "/", [HOST, (b"origin", b"null")]),
        (403, LOOKING, "GET", "/", [HOST, (b"origin", b"http://localhost:9911")]),
        (403, LOOKING, "GET", "/api/system", [HOST, BEARER, (b"sec-fetch-site", b"cross-site")]),
        (403, LOOKING, "GET", "/", [HOST, (b"sec-fetch-site", b"same-site")]),
        # No other method, however it is written.
        (405, LOOKING, "HEAD", "/", [HOST]),
        (405, ACTING, "DELETE", "/api/kill", [HOST, BEARER, JSON]),
        (405, ACTING, "OPTIONS", "/api/kill", [HOST, BEARER]),
        (405, ACTING, "post", "/api/kill", [HOST, BEARER, JSON]),
        # Acting has to be allowed, and no form can do it.
        (403, LOOKING, "POST", "/api/kill", [HOST, BEARER, JSON]),
        (415, ACTING, "POST", "/api/kill", [HOST, BEARER]),
        (415, ACTING, "POST", "/api/kill", [HOST, BEARER, (b"content-type", b"text/plain")]),
        (415, ACTING, "POST", "/api/kill", [HOST, BEARER, JSON, JSON]),
        # The token, once and whole; also for what is not there, and for pages that are posted to.
        (401, LOOKING, "GET", "/api/system", [HOST]),
        (401, LOOKING, "GET", "/nothing", [HOST]),
        (401, LOOKING, "GET", "/api/system", [HOST, (b"authorization", b"Bearer ")]),
        (401, LOOKING, "GET", "/api/system", [HOST, (b"authorization", TOKEN)]),
        (401, LOOKING, "GET", "/api/system", [HOST, (b"authorization", b"Bearer " + TOKEN[:-1])]),
        (401, LOOKING, "GET", "/api/system", [HOST, BEARER, BEARER]),
        (401, LOOKING, "GET", "/api/system", [HOST, (b"authorization", b"Bearer \xff")]),
        (401, ACTING, "POST", "/", [HOST, JSON]),
    ],
)
def test_who_is_let_through(
    expected: int, gate: Gate, method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert status(gate, method, path, *headers) == expected


def test_the_token_is_not_shown() -> None:
    assert "token of" not in repr(LOOKING)
