"""When both lanes become ready at once, the reader is woken first, as in Erlang.

It matters most after a reset, of which the kernel tells once: a reader has to know a broken
connection from one that its peer has ended in good order.
"""

from collections.abc import Callable

import pytest

from actorsock import Error, ok, receive, socket
from actorsock.socket import SelectMessage, Socket

from ...stories import in_runtime
from ..support import (
    NOWHERE_NEAR,
    Peer,
    connected,
    every_body,
    host,
    info_of,
    readers,
    reset,
    tcp,
    workers,
    writers,
)


def _ends(sock: Socket, peer: Peer) -> None:
    peer.close()


def _resets(sock: Socket, peer: Peer) -> None:
    reset(peer)


def _is_shut_down(sock: Socket, peer: Peer) -> None:
    ok(socket.shutdown(sock, "read_write"))


def _answers_and_makes_room(sock: Socket, peer: Peer) -> None:
    peer.sendall(b"x")
    peer.read()


@pytest.mark.parametrize("happens", [_ends, _resets, _is_shut_down, _answers_and_makes_room])
@in_runtime
async def test_the_select_message_of_the_reader_comes_first(
    happens: Callable[[Socket, Peer], None],
) -> None:
    sock, peer = await connected()
    info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
    info_of(socket.recv_nowait(sock))
    happens(sock, peer)
    told = [await receive(SelectMessage), await receive(SelectMessage)]
    assert [message.tag for message in told] == ["recv", "send"]
    peer.close()


@every_body
@pytest.mark.parametrize("writes_first", [True, False])
@in_runtime
async def test_the_reader_gets_a_reset(body: str, writes_first: bool) -> None:
    sock, peer = await connected()
    reader, writer = workers(2, body)
    for writes in (writes_first, not writes_first):
        if writes:
            sending = writer.tell(socket.send, sock, bytes(NOWHERE_NEAR))
            await writers(sock)
        else:
            receiving = reader.tell(socket.recv, sock)
            await readers(sock)
    reset(peer)
    assert await receiving.answer() == Error("econnreset")
    assert (await sending.answer()).reason == "epipe"


def refusing() -> tuple[str, int]:
    """Return an address at which nothing listens."""
    gone = host()
    address = gone.getsockname()
    gone.close()
    return address


@in_runtime
async def test_the_connecting_process_gets_the_refusal_also_after_a_receive_got_it() -> None:
    """The kernel tells it once, to whoever asks first."""
    sock = tcp()
    info_of(socket.connect_nowait(sock, refusing()))
    assert socket.recv_nowait(sock) == Error("econnrefused")
    assert (await receive(SelectMessage)).tag == "connect"
    assert socket.connect_nowait(sock) == Error("econnrefused")
    assert socket.info(sock).num_writers == 0


@every_body
@in_runtime
async def test_the_connecting_process_gets_the_error_also_when_both_wait(body: str) -> None:
    sock = tcp()
    connector, reader = workers(2, body)
    connecting = connector.tell(socket.connect, sock, refusing())
    receiving = reader.tell(socket.recv, sock)
    assert await connecting.answer() == Error("econnrefused")
    assert (await receiving.answer()).reason in ("econnrefused", "closed", "enotconn")
