"""The same stories on Erlang's ssl and here: results and messages, step by step, have to be equal.

A story is a list of steps on a fresh connection with the ends c and s, which one process owns. All
stories are one program of Erlang. A wait after each step lets its messages arrive.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from actorsock import Error, Ok, current_pid, process_info, receive, ssl
from actorsock.inet import AbsPath, HttpHeader, HttpRequest
from actorsock.ssl import Ssl, SslClosed, SslError, SslPassive

from ...certificates import write_files
from ...inet.sockets.support import at_rest
from ...stories import in_runtime
from .support import alert, pair, tried

pytestmark = pytest.mark.xdist_group("stories on Erlang's ssl")  # which then runs them once

Step = tuple[Any, ...]

MODES: list[Any] = [True, "once", 2, 0, -2, False, 32767]

STORIES: dict[str, tuple[dict[str, Any], list[Step]]] = {
    **{
        f"mode {mode}, the peer sends and closes": (
            {"packet": 1},
            [("setopts", "s", {"active": mode}), ("send", "c", b"\1a"),
             ("getopts", "s", ["active"]), ("recv", "s", 0, 100), ("send", "c", b"\1b"),
             ("close", "c"), ("recv", "s", 0, 100), ("setopts", "s", {"active": True}),
             ("send", "s", b"x"), ("recv", "s", 0, 100),
             ("close", "s"), ("close", "s")],
        )
        for mode in MODES
    },
    **{
        f"active {first}, then {second}": (
            {},
            [("setopts", "s", {"active": first}), ("getopts", "s", ["active"]),
             ("setopts", "s", {"active": second}), ("getopts", "s", ["active"])],
        )
        for first in MODES
        for second in MODES
    },
    "a length": (
        {},
        [("send", "c", b"abcdef"), ("recv", "s", 4, 100), ("recv", "s", 0, 100),
         ("recv", "s", 3, 50), ("send", "c", b"gh"), ("recv", "s", 3, 50), ("send", "c", b"i"),
         ("recv", "s", 3, 100), ("close", "c"), ("recv", "s", 1, 100)],
    ),
    "a length that does not count": (
        {"packet": 2},
        [("send", "c", b"\0\5hello\0\2hi"), ("recv", "s", 3, 100), ("recv", "s", 9, 100)],
    ),
    "a packet that is larger than allowed": (
        {"packet": 4, "packet_size": 100},
        [("send", "c", b"\0\0\0\2ok\0\0\1\0x"), ("recv", "s", 0, 100), ("recv", "s", 0, 100),
         ("recv", "s", 0, 100), ("send", "s", b"x")],
    ),
    "lines": (
        {"packet": "line"},
        [("send", "c", b"one\r\ntwo\nthree"), ("recv", "s", 0, 100), ("recv", "s", 0, 100),
         ("recv", "s", 0, 50), ("close", "c"), ("recv", "s", 0, 100)],
    ),
    "http, then its body": (
        {"packet": "http_bin"},
        [("send", "c", b"GET /a HTTP/1.1\r\nHost: b\r\n\r\nbody"), ("recv", "s", 0, 100),
         ("setopts", "s", {"active": "once"}), ("recv", "s", 0, 100),
         ("setopts", "s", {"packet": 0}), ("recv", "s", 0, 100)],
    ),
    "types change in mid-stream": (
        {"packet": "line"},
        [("send", "c", b"to do\n\0\3rawrest"), ("recv", "s", 0, 100),
         ("setopts", "s", {"packet": 2}), ("recv", "s", 0, 100), ("setopts", "s", {"packet": 0}),
         ("recv", "s", 0, 100)],
    ),
    "a packet that is too long to send": (
        {},
        [("setopts", "s", {"packet": 1}), ("send", "s", bytes(255)), ("send", "s", bytes(256)),
         ("recv", "c", 2, 100), ("send", "s", b""), ("getopts", "s", ["packet"])],
    ),
    "options that are wrong": (
        {},
        [("setopts", "s", {"foo": 1}), ("getopts", "s", ["foo"]), ("setopts", "s", {}),
         ("getopts", "s", []), ("setopts", "s", {"nodelay": True}), ("getopts", "s", ["nodelay"])],
    ),
    "a closed socket": (
        {},
        [("close", "s"), ("send", "s", b"x"), ("recv", "s", 0, 100), ("setopts", "s", {}),
         ("getopts", "s", ["active"]), ("shutdown", "s", "write"), ("peercert", "s"),
         ("negotiated_protocol", "s"), ("connection_information", "s"), ("peername", "s"),
         ("sockname", "s"), ("recv", "c", 0, 100), ("send", "c", b"x")],
    ),
    "an open socket": (
        {}, [("peercert", "s"), ("negotiated_protocol", "s"), ("negotiated_protocol", "c")],
    ),
    "both directions are shut down": (
        {},
        [("send", "c", b"last"), ("shutdown", "c", "read_write"), ("recv", "s", 4, 100),
         ("recv", "s", 0, 100), ("send", "s", b"x"), ("recv", "c", 0, 100)],
    ),
}  # fmt: skip
"""Options of the end s, and the steps."""


DIFFERENT = {"active 2, then 0", "active 32767, then 0", "active 32767, then -2"}
"""Erlang's ssl ends a count where gen_tcp adds the number to it; here both add it."""


def term(value: Any) -> str:
    """Return a value as Erlang writes it without blanks."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return value if value.isidentifier() and value[0].islower() else f"'{value}'"
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case dict():
            return f"[{','.join(f'{{{name},{term(each)}}}' for name, each in value.items())}]"
        case list():
            return f"[{','.join(map(term, value))}]"
        case tuple():
            return f"{{{','.join(map(term, value))}}}"
        case Ok(None):
            return "ok"
        case Ok(each):
            return f"{{ok,{term(each)}}}"
        case Error(("tls_alert", (name, _))):
            return f"{{error,{name}}}"
        case Error(("options", ("socket_options", ((("foo", 1),)), "einval"))):
            return "{error,{options,{socket_options,[{foo,1}],einval}}}"
        case Error(reason):
            return f"{{error,{term(reason)}}}"
        case HttpRequest(method, AbsPath(path), version):
            return f"{{http_request,'{method}',{{abs_path,{term(path)}}},{term(version)}}}"
        case HttpHeader(number, name, original, said):
            return f"{{http_header,{number},'{name}',{term(original)},{term(said)}}}"
    raise TypeError(value)


def message(found: Any, names: dict[Any, str]) -> str:
    match found:
        case Ssl(sock, data):
            return f"{{ssl,{names[sock]},{term(data)}}}"
        case SslClosed(sock):
            return f"{{ssl_closed,{names[sock]}}}"
        case SslPassive(sock):
            return f"{{ssl_passive,{names[sock]}}}"
        case SslError(sock, reason):
            return f"{{ssl_error,{names[sock]},{term(Error(reason))}}}"
    raise TypeError(found)


PROGRAM = """
-module(stories).
-compile([export_all, nowarn_export_all]).
brief({error, {tls_alert, {Name, _}}}) -> {error, Name};
brief({ok, Values, sorted}) -> {ok, lists:sort(Values)};
brief(Other) -> Other.
mail(C, S) ->
    receive
        {ssl, X, D} -> [{ssl, who(X, C), D} | mail(C, S)];
        {Tag, X} -> [{Tag, who(X, C)} | mail(C, S)];
        {ssl_error, X, R} -> [{ssl_error, who(X, C), brief({error, R})} | mail(C, S)]
    after PATIENCE -> [] end.
who({sslsocket, _, Pids}, {sslsocket, _, Pids}) -> c;
who(_, _) -> s.
run(Client, Server, Steps) ->
    {ok, L} = ssl:listen(0, Server), {ok, {_, P}} = ssl:sockname(L), Me = self(),
    Pid = spawn(fun() -> {ok, T} = ssl:transport_accept(L), R = ssl:handshake(T, 9000),
                       case R of {ok, X} -> ssl:controlling_process(X, Me); _ -> ok end,
                       Me ! {here, R}, receive stop -> ok end end),
    CR = ssl:connect("localhost", P, Client, 9000), SR = receive {here, Y} -> Y end,
    Got = case {CR, SR} of
        {{ok, C}, {ok, S}} -> [{brief(F(C, S)), mail(C, S)} || F <- Steps];
        _ -> {who_failed(CR), who_failed(SR)} end,
    [ssl:close(Z) || {ok, Z} <- [CR, SR]], ssl:close(L), Pid ! stop, mail(c, s),
    io:format("~w~n", [Got]).
who_failed({error, {tls_alert, {Name, _}}}) -> Name; who_failed({ok, _}) -> ok.
main() -> logger:set_primary_config(level, none), ok = ssl:start(),
"""


def erlangs(step: Step) -> str:
    function, sock, *rest = step
    arguments = ",".join([sock.upper(), *map(term, rest)])
    return f"fun(C, S) -> _ = {{C, S}}, ssl:{function}({arguments}) end"


def options(files: dict[str, str], more: dict[str, Any]) -> tuple[str, str]:
    """Return the options of both ends for Erlang."""
    common = "binary, {active, false}, {nodelay, true}, {log_level, none}"
    client = f'{common}, {{verify, verify_peer}}, {{cacertfile, "{files["cacertfile"]}"}}'
    server = f'{common}, {{certfile, "{files["certfile"]}"}}, {{keyfile, "{files["keyfile"]}"}}'
    return f"[{client}]", f"[{server}] ++ {term(more)}"


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str] | None]] = {
    "another host": (
        {"server_name_indication": "other.example"}, {}, ("handshake_failure", "bad_certificate"),
    ),
    "no common version": ({"versions": ["tlsv1.2"]}, {"versions": ["tlsv1.3"]}, None),
    "no common suite": (
        {"versions": ["tlsv1.2"], "ciphers": ["ECDHE-ECDSA-AES128-GCM-SHA256"]},
        {"versions": ["tlsv1.2"], "ciphers": ["ECDHE-ECDSA-AES256-GCM-SHA384"]},
        ("handshake_failure", "insufficient_security"),
    ),
    "no protocol": (
        {"alpn_advertised_protocols": ["x"]}, {"alpn_preferred_protocols": ["y"]}, ("ok", "ok"),
    ),
}  # fmt: skip
"""Options that do not suit each other; and the alerts here, if they differ from Erlang's."""

_TEXTS = ("server_name_indication", "ciphers")


def as_erlang(given: dict[str, Any]) -> str:
    parts = []
    for name, value in given.items():
        text = term(value)
        if name in _TEXTS:
            text = text.replace("'", '"')
        elif name.startswith("alpn"):
            text = "[" + ",".join(f'<<"{each}">>' for each in value) + "]"
        parts.append(f"{{{name},{text}}}")
    return f"[{','.join(parts)}]"


class Erlang:
    """What Erlang says about each story, as one line of text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = write_files(folder)
        self.lines = dict(zip(names := [*STORIES, *REFUSALS], self.run(names, 40), strict=True))

    def run(self, names: list[str], patience: int) -> list[str]:
        """Run stories; wait so many milliseconds for the messages of each step."""
        source = PROGRAM.replace("PATIENCE", str(patience))
        (self.folder / "stories.erl").write_text(
            source + ",\n".join(map(self._call, names)) + ", halt().\n"
        )
        subprocess.run(
            ["erlc", "stories.erl"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL
        )
        done = subprocess.run(
            ["erl", "-noshell", "-s", "stories", "main"],
            cwd=self.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if "undef" in done.stdout + done.stderr:
            pytest.skip("this Erlang is without ssl: apt-get install erlang-ssl")
        lines = done.stdout.splitlines()
        assert len(lines) == len(names), done.stdout[-2000:] + done.stderr[-2000:]
        return lines

    def agrees(self, name: str, ours: str) -> bool:
        """Tell if Erlang says the same; on a busy machine its messages may have come late."""
        return ours == self.lines[name] or ours == self.run([name], 500)[0]

    def _call(self, name: str) -> str:
        if name in STORIES:
            theirs, steps = STORIES[name]
            client, server = options(self.files, theirs)
            return f"run({client}, {server}, [{', '.join(map(erlangs, steps))}])"
        mine, other, _ = REFUSALS[name]
        client, server = options(self.files, {})
        return f"run({client} ++ {as_erlang(mine)}, {server} ++ {as_erlang(other)}, [])"


@pytest.fixture(scope="module")
def erlang(tmp_path_factory: pytest.TempPathFactory) -> Erlang:
    """Run all stories on Erlang; tests are skipped without one."""
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        pytest.skip("there is no Erlang: apt-get install erlang-base erlang-ssl")
    return Erlang(tmp_path_factory.mktemp("erlang"))


async def perform(step: Step, ends: dict[str, Any]) -> Any:
    function, end, *rest = step
    if function == "recv":
        rest[1] /= 1000
    result = getattr(ssl, function)(ends[end], *rest)
    return result if isinstance(result, Ok | Error) else await result


@pytest.mark.parametrize("name", STORIES)
@in_runtime
async def test_a_story(erlang: Erlang, name: str) -> None:
    theirs, steps = STORIES[name]
    # Without nodelay a message may take the time of a delayed acknowledgement, 40 ms.
    client, server = await pair({"nodelay": True}, {"nodelay": True, **theirs})
    ends, names = {"c": client, "s": server}, {client: "c", server: "s"}
    seen = []
    for step in steps:
        result = term(await perform(step, ends))
        await at_rest()
        info = process_info(current_pid())
        assert info is not None
        mail = [message(await receive(), names) for _ in range(info.message_queue_len)]
        seen.append(f"{{{result},[{','.join(mail)}]}}")
    ours = f"[{','.join(seen)}]"
    same = erlang.agrees(name, ours)
    assert same == (name not in DIFFERENT), (ours, erlang.lines[name])


@pytest.mark.parametrize("name", REFUSALS)
@in_runtime
async def test_a_refusal(erlang: Erlang, name: str) -> None:
    mine, theirs, here = REFUSALS[name]
    results = ["ok" if isinstance(end, Ok) else alert(end) for end in await tried(mine, theirs)]
    assert tuple(results) == (here or tuple(erlang.lines[name].strip("{}").split(",")))
    if here is not None:  # a difference, which would have to go if there were none
        assert term(here) != erlang.lines[name]
