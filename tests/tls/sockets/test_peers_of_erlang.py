"""Erlang's ssl as client and as server of `ssl` here: data, refusals, upgrades, ways back."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, current_pid, gen_tcp, ok, open_runtime, receive, ssl
from actorsock.ssl import Ssl, SslClosed

from ...certificates import write_files
from .support import HERE, port_of

every_version = pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])

Files = dict[str, str]


@pytest.fixture(scope="module")
def erlangs_ssl() -> str:
    """The command that starts an Erlang that has ssl; tests are skipped without one."""
    erlang = shutil.which("erl")
    asks = "halt(case application:load(ssl) of ok -> 0; _ -> 1 end)."
    if erlang is None:
        pytest.skip("there is no Erlang: apt-get install erlang-base erlang-ssl")
    if subprocess.run([erlang, "-noshell", "-eval", asks], timeout=60).returncode:
        pytest.skip("this Erlang is without ssl: apt-get install erlang-ssl")
    return erlang


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


def program(files: Files, body: str) -> str:
    """Return an Erlang program with the options Client and Server; `body` gives its last value."""
    return f"""
        logger:set_primary_config(level, none), ok = ssl:start(),
        Common = [binary, {{active, false}}],
        Client = [{{verify, verify_peer}}, {{cacertfile, "{files["cacertfile"]}"}},
                  {{server_name_indication, "localhost"}} | Common],
        Server = [{{certfile, "{files["certfile"]}"}}, {{keyfile, "{files["keyfile"]}"}} | Common],
        Brief = fun({{error, {{tls_alert, {{Name, _}}}}}}) -> Name; (Other) -> Other end,
        Value = begin {body} end,
        io:format("~p", [Brief(Value)]), halt().
    """


async def run(command: str, text: str) -> str:
    done = await trio.run_process(
        [command, "-noshell", "-eval", " ".join(text.split())], capture_stdout=True
    )
    return done.stdout.decode()


@every_version
@pytest.mark.parametrize("packet", ["0", "2", "4", "line"])
async def test_an_echo_for_a_client_of_erlang(
    erlangs_ssl: str, files: Files, packet: str, version: str
) -> None:
    async with open_runtime():
        options = {
            "certfile": files["certfile"], "keyfile": files["keyfile"], "ip": HERE,
            "packet": int(packet) if packet.isdigit() else packet, "active": "once",
            "versions": [version],
        }  # fmt: skip
        listener = ok(ssl.listen(0, options))
        body = f"""
            {{ok, S}} = ssl:connect("localhost", {port_of(listener)},
                                  [{{packet, {packet}}} | Client]),
            Sent = [<<"one\\n">>, <<"two\\n">>, binary:copy(<<"x">>, 50000), <<"\\n">>],
            [ok = ssl:send(S, Data) || Data <- Sent],
            Read = fun Read(Got) when byte_size(Got) >= 50009 -> Got;
                       Read(Got) -> {{ok, Data}} = ssl:recv(S, 0, 10000),
                                    Read(<<Got/binary, Data/binary>>) end,
            Same = Read(<<>>) =:= iolist_to_binary(Sent), ok = ssl:close(S), Same
        """

        async def serve() -> None:
            sock = ok(await ssl.handshake(ok(await ssl.transport_accept(listener)), 20))
            while isinstance(message := await receive((Ssl, SslClosed)), Ssl):
                ok(await ssl.send(sock, message.data))
                ssl.setopts(sock, {"active": "once"})
            assert message.announced

        printed: list[str] = []

        async def client() -> None:
            printed.append(await run(erlangs_ssl, program(files, body)))

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client)
                await serve()
        assert printed == ["true"]


async def ports(stream: trio.abc.ReceiveStream) -> int:
    """Return the number that a program of Erlang prints first."""
    line = b""
    while not line.endswith(b"\n"):
        line += await stream.receive_some(1)
    return int(line)


ENDS = {
    "close": ("ssl:close(S)", Error("closed"), True),
    "shutdown": ("ssl:shutdown(S, write), timer:sleep(500)", Error("closed"), False),
    "halt": ("halt()", Error("closed"), False),
}  # fmt: skip


@every_version
@pytest.mark.parametrize(("how", "result", "announced"), ENDS.values(), ids=ENDS)
async def test_a_server_of_erlang_sends_and_ends(
    erlangs_ssl: str, files: Files, version: str, how: str, result: Any, announced: bool
) -> None:
    body = f"""
        {{ok, L}} = ssl:listen(0, [{{versions, ['{version}']}} | Server]),
        {{ok, {{_, P}}}} = ssl:sockname(L), io:format("~w~n", [P]),
        [begin {{ok, T}} = ssl:transport_accept(L), {{ok, S}} = ssl:handshake(T, 20000),
               {{ok, <<"hello">>}} = ssl:recv(S, 5), ok = ssl:send(S, binary:copy(<<"y">>, 100000)),
               {how} end || _ <- [1, 2]]
    """
    command = [erlangs_ssl, "-noshell", "-eval", " ".join(program(files, body).split())]
    rounds = 1 if how == "halt()" else 2
    with trio.fail_after(60):
        async with open_runtime(), trio.open_nursery() as nursery:
            process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            port = await ports(process.stdout)
            for number in range(rounds):
                options = {"cacertfile": files["cacertfile"], "active": False}
                sock = ok(await ssl.connect("localhost", port, options, 20))
                ok(await ssl.send(sock, b"hello"))
                assert await ssl.recv(sock, 100_000) == Ok(b"y" * 100_000)
                if number:
                    assert await ssl.recv(sock) == result
                else:
                    ok(ssl.setopts(sock, {"active": True}))
                    closed = await receive(SslClosed)
                    assert closed.announced == announced
                ok(await ssl.close(sock))
            await process.wait()
            nursery.cancel_scope.cancel()


async def test_a_client_of_erlang_that_does_not_trust_us(erlangs_ssl: str, files: Files) -> None:
    async with open_runtime():
        options = {"certfile": files["certfile"], "keyfile": files["keyfile"], "ip": HERE}
        listener = ok(ssl.listen(0, options))
        connect = f"""ssl:connect("localhost", {port_of(listener)},
            Client ++ [{{server_name_indication, "elsewhere"}}])"""
        results: list[Any] = []

        async def serve() -> None:
            results.append(await ssl.handshake(ok(await ssl.transport_accept(listener)), 20))

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve)
                printed = await run(erlangs_ssl, program(files, connect))
        (result,) = results
        assert printed == result.reason[1][0] == "handshake_failure"


@every_version
async def test_an_upgrade_and_a_way_back_with_a_client_of_erlang(
    erlangs_ssl: str, files: Files, version: str
) -> None:
    async with open_runtime():
        listener = ok(gen_tcp.listen(0, {"ip": HERE, "packet": "line", "active": False}))
        body = f"""
            {{ok, T}} = gen_tcp:connect("localhost", {port_of(listener)},
                                      [{{packet, line}} | Common]),
            ok = gen_tcp:send(T, <<"STARTTLS\\n">>), {{ok, <<"ready\\n">>}} = gen_tcp:recv(T, 0),
            {{ok, S}} = ssl:connect(T, [{{versions, ['{version}']}} | Client], 20000),
            ok = ssl:send(S, <<"private\\n">>), {{ok, <<"seen\\n">>}} = ssl:recv(S, 0),
            {{ok, Plain}} = ssl:close(S, {{self(), 20000}}),
            ok = gen_tcp:send(Plain, <<"in clear">>), gen_tcp:recv(Plain, 4)
        """
        printed: list[str] = []

        async def client() -> None:
            printed.append(await run(erlangs_ssl, program(files, body)))

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client)
                plain = ok(await gen_tcp.accept(listener))
                assert await gen_tcp.recv(plain) == Ok(b"STARTTLS\n")
                ok(await gen_tcp.send(plain, b"ready\n"))
                own = {"certfile": files["certfile"], "keyfile": files["keyfile"]}
                sock = ok(await ssl.handshake(plain, own, 20))
                assert await ssl.recv(sock) == Ok(b"private\n")
                ok(await ssl.send(sock, b"seen\n"))
                back = ok(await ssl.close(sock, (current_pid(), 20)))
                assert isinstance(back, gen_tcp.TcpSocket)
                assert await gen_tcp.recv(back, 8) == Ok(b"in clear")
                ok(await gen_tcp.send(back, b"okay"))
        assert printed == ['{ok,<<"okay">>}']
