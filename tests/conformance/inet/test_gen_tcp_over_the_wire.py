"""Erlang's gen_tcp and gen_udp as peers of ours: clients of a server here, and servers of a client.

The same data goes to one side, which echoes it packet by packet, and back.
"""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
import trio

from actorsock import gen_tcp, gen_udp, inet, ok, open_runtime, receive
from actorsock.inet import Tcp, TcpClosed, Udp

_CLIENT: Final = """
    Options = [binary, {packet, %(packet)s}, {active, false}, {buffer, 70000}],
    {ok, S} = gen_tcp:connect({127,0,0,1}, %(port)s, Options),
    Sent = %(packets)s,
    [ok = gen_tcp:send(S, Data) || Data <- Sent],
    Size = iolist_size(Sent),
    Read = fun Read(Got) when byte_size(Got) >= Size -> Got;
               Read(Got) -> {ok, Data} = gen_tcp:recv(S, 0, 10000),
                            Read(<<Got/binary, Data/binary>>) end,
    Got = Read(<<>>),
    Got = iolist_to_binary(Sent),
    io:put_chars("same\\n"),
    halt().
"""

_SERVER: Final = """
    Options = [binary, {ip, loopback}, {packet, %(packet)s}, {active, %(active)s},
               {buffer, 70000}],
    {ok, L} = gen_tcp:listen(0, Options),
    {ok, Port} = inet:port(L),
    io:format("~w~n", [Port]),
    {ok, S} = gen_tcp:accept(L),
    Echo = fun Echo() -> receive
        {tcp, S, Data} -> ok = gen_tcp:send(S, Data),
                          %(active)s =:= once andalso inet:setopts(S, [{active, once}]),
                          Echo();
        {tcp_passive, S} -> inet:setopts(S, [{active, %(active)s}]), Echo();
        {tcp_closed, S} -> io:format("closed~n"), halt()
    end end,
    Echo().
"""

# In Erlang's words, and what they are here. Of the last four types the header is in the data.
_PACKETS: Final[dict[str, list[bytes]]] = {
    "raw": [b"one", b"x" * 50_000, b"\n"],
    "1": [b"one", b"", b"x" * 255],
    "2": [b"one", b"", b"x" * 50_000],
    "4": [b"one", b"", b"x" * 500_000],
    "line": [b"one\n", b"\n", b"x" * 50_000 + b"\n"],
    "asn1": [b"\x30\x03abc", b"\x30\x82\x27\x10" + b"x" * 10_000],
    "sunrm": [b"\x80\0\0\x03abc", b"\0\0\x27\x10" + b"x" * 10_000],
    "tpkt": [b"\x03\0\0\x07abc", b"\x03\0\x27\x14" + b"x" * 10_000],
    "fcgi": [b"\x01\x01\0\x01\0\x03\0\0abc", b"\x01\x05\0\x01\x27\x10\0\0" + b"x" * 10_000],
}


def _kind(packet: str) -> Any:
    return int(packet) if packet.isdigit() else packet


def _program(form: str, **values: object) -> str:
    return " ".join((form % values).split())


def _binaries(packets: list[bytes]) -> str:
    # A long one is the repetition of its last byte but for the head and the tail.
    def one(data: bytes) -> str:
        count = data.count(b"x")
        if count < 100:
            return f"<<{','.join(map(str, data))}>>"
        head, _, tail = data.partition(b"x" * count)
        middle = f'binary:copy(<<"x">>, {count})'
        return f"iolist_to_binary([{one(head)}, {middle}, {one(tail)}])"

    return f"[{', '.join(map(one, packets))}]"


@asynccontextmanager
async def _running(erlang: str, program: str) -> AsyncIterator[trio.Process]:
    with trio.fail_after(60):
        command = [erlang, "-noshell", "-eval", program]
        async with trio.open_nursery() as nursery:
            run = partial(trio.run_process, command, stdout=subprocess.PIPE)
            process = await nursery.start(run)
            yield process


async def _line(process: trio.Process) -> bytes:
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n") and (piece := await process.stdout.receive_some(1)):
        line += piece
    return line.strip()


@pytest.mark.parametrize("packet", _PACKETS)
@pytest.mark.parametrize("active", ["once", 2], ids=str)
async def test_what_a_client_in_erlang_sends_comes_back(
    erlang: str, packet: str, active: Any
) -> None:
    async with open_runtime():
        options = {"ip": "loopback", "packet": _kind(packet), "active": active, "buffer": 70_000}
        listener = ok(gen_tcp.listen(0, options))
        packets = _binaries(_PACKETS[packet])
        program = _program(_CLIENT, port=ok(inet.port(listener)), packet=packet, packets=packets)
        async with _running(erlang, program) as process:
            sock = ok(await gen_tcp.accept(listener))
            while not isinstance(message := await receive(), TcpClosed):
                if isinstance(message, Tcp):
                    ok(await gen_tcp.send(sock, message.data))
                if active == "once" or not isinstance(message, Tcp):
                    inet.setopts(sock, {"active": active})
            assert await _line(process) == b"same"


@pytest.mark.parametrize("packet", _PACKETS)
@pytest.mark.parametrize("active", ["once", "2"])
async def test_what_is_sent_to_a_server_in_erlang_comes_back(
    erlang: str, packet: str, active: str
) -> None:
    program = _program(_SERVER, packet=packet, active=active)
    async with open_runtime(), _running(erlang, program) as process:
        port = int(await _line(process))
        options = {"packet": _kind(packet), "active": False, "buffer": 70_000}
        sock = ok(await gen_tcp.connect("127.0.0.1", port, options))
        for data in _PACKETS[packet]:
            ok(await gen_tcp.send(sock, data))
        for data in _PACKETS[packet]:
            length = len(data) if packet == "raw" else 0
            assert ok(await gen_tcp.recv(sock, length, 10)) == data
        ok(await gen_tcp.close(sock))
        assert await _line(process) == b"closed"


async def test_the_lines_of_http_that_erlang_sends(erlang: str) -> None:
    program = """
        {ok, L} = gen_tcp:listen(0, [{ip, loopback}, {packet, http}, {active, false}]),
        {ok, Port} = inet:port(L),
        io:format("~w~n", [Port]),
        {ok, S} = gen_tcp:accept(L),
        {ok, Request} = gen_tcp:recv(S, 0),
        {ok, Header} = gen_tcp:recv(S, 0),
        {ok, http_eoh} = gen_tcp:recv(S, 0),
        ok = gen_tcp:send(S, "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi"),
        io:format("~w~n", [element(2, Request)]),
        io:format("~w~n", [element(3, Header)]),
        halt().
    """
    async with open_runtime(), _running(erlang, " ".join(program.split())) as process:
        port = int(await _line(process))
        options = {"packet": "http_bin", "active": "once"}
        sock = ok(await gen_tcp.connect("127.0.0.1", port, options))
        ok(await gen_tcp.send(sock, b"GET /a HTTP/1.1\r\nHost: here\r\n\r\n"))
        assert [await _line(process), await _line(process)] == [b"'GET'", b"'Host'"]
        got = []
        while len(got) < 3:
            got.append((await receive(inet.Http)).packet)
            ok(inet.setopts(sock, {"active": False if len(got) == 3 else "once"}))
        response, header, end = got
        assert (response.status, header.value, end) == (200, b"2", "http_eoh")
        ok(inet.setopts(sock, {"packet": "raw"}))
        assert ok(await gen_tcp.recv(sock, 2, 10)) == b"hi"


async def test_datagrams_go_to_erlang_and_back(erlang: str) -> None:
    program = """
        {ok, U} = gen_udp:open(0, [binary, {ip, loopback}, {active, true}]),
        {ok, Port} = inet:port(U),
        io:format("~w~n", [Port]),
        Echo = fun Echo() -> receive
            {udp, U, _, _, <<"stop">>} -> halt();
            {udp, U, Address, From, Data} -> ok = gen_udp:send(U, Address, From, Data), Echo()
        end end,
        Echo().
    """
    async with open_runtime(), _running(erlang, " ".join(program.split())) as process:
        port = int(await _line(process))
        sock = ok(gen_udp.open(0, {"ip": "loopback", "active": 3}))
        for data in (b"one", b"", b"x" * 8000):
            ok(await gen_udp.send(sock, "localhost", port, data))
            assert await receive(Udp) == Udp(sock, "127.0.0.1", port, data)
        ok(await gen_udp.send(sock, "localhost", port, b"stop"))
