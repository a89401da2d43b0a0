"""News for one lane is no news for the other: only the lane that is ready gets a select message."""

import pytest

from actorsock import ok, receive, socket
from actorsock.socket import SelectMessage

from ...stories import in_runtime
from ..support import NOWHERE_NEAR, at_rest, connected, info_of

every_poller = pytest.mark.parametrize("poller", ["epoll", "trio"])


@pytest.fixture(autouse=True)
def chosen(poller: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)


@every_poller
@in_runtime
async def test_room_for_the_writer_is_nothing_for_the_reader(poller: str) -> None:
    sock, peer = await connected()
    info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
    reading = info_of(socket.recv_nowait(sock))
    peer.read()
    assert (await receive(SelectMessage)).tag == "send"
    await at_rest()
    assert not isinstance(await receive(SelectMessage, after=0), SelectMessage)
    peer.sendall(b"x")
    assert (await receive(SelectMessage)).ref is reading.ref
    assert ok(socket.recv_nowait(sock)) == b"x"
    peer.close()


@every_poller
@in_runtime
async def test_data_for_the_reader_is_nothing_for_the_writer(poller: str) -> None:
    sock, peer = await connected()
    writing = info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
    info_of(socket.recv_nowait(sock))
    peer.sendall(b"x")
    assert (await receive(SelectMessage)).tag == "recv"
    await at_rest()
    assert not isinstance(await receive(SelectMessage, after=0), SelectMessage)
    peer.read()
    assert (await receive(SelectMessage)).ref is writing.ref
    peer.close()
