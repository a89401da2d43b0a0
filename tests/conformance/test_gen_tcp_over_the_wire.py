"""Erlang's gen_tcp as a client of a server here: packets of each type, both ways."""

import pytest
import trio

from actorsock import gen_tcp, inet, ok, open_runtime, receive
from actorsock.inet import Tcp, TcpClosed

_CLIENT = """
    Options = [binary, {{packet, {packet}}}, {{active, false}}],
    {{ok, S}} = gen_tcp:connect({{127,0,0,1}}, {port}, Options),
    Sent = [<<"one\\n">>, <<"two\\n">>, binary:copy(<<"x">>, 50000), <<"\\n">>],
    [ok = gen_tcp:send(S, Data) || Data <- Sent],
    Read = fun Read(Got) when byte_size(Got) >= 50009 -> Got;
               Read(Got) -> {{ok, Data}} = gen_tcp:recv(S, 0, 10000),
                            Read(<<Got/binary, Data/binary>>) end,
    Got = Read(<<>>),
    Got = iolist_to_binary(Sent),
    io:put_chars("same"),
    halt().
"""


@pytest.mark.parametrize("packet", ["2", "4", "line", "raw"])
async def test_what_erlang_sends_comes_back(erlang: str, packet: str) -> None:
    async with open_runtime():
        kind = int(packet) if packet.isdigit() else packet
        options = {"ip": "127.0.0.1", "packet": kind, "active": "once", "buffer": 60000}
        listener = ok(gen_tcp.listen(0, options))
        program = _CLIENT.format(port=ok(inet.port(listener)), packet=packet)
        done: list[bytes] = []

        async def client() -> None:
            command = [erlang, "-noshell", "-eval", " ".join(program.split())]
            done.append((await trio.run_process(command, capture_stdout=True)).stdout)

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client)
                sock = ok(await gen_tcp.accept(listener))
                while isinstance(message := await receive((Tcp, TcpClosed)), Tcp):
                    ok(await gen_tcp.send(sock, message.data))
                    inet.setopts(sock, {"active": "once"})
        assert done == [b"same"]
