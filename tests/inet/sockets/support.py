"""Connected sockets for the tests of gen_tcp, and processes that wait."""

from collections.abc import Mapping
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import gen_tcp, inet, ok, process_info
from actorsock.gen_tcp import TcpSocket

__all__ = ["at_rest", "every_body", "mail_of", "pair"]

LOOPBACK = "127.0.0.1"

every_body = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


async def pair(
    mine: Mapping[str, Any] | None = None, theirs: Mapping[str, Any] | None = None
) -> tuple[TcpSocket, TcpSocket]:
    """Connect two sockets, passive unless the options say otherwise; the caller owns both."""
    listener = ok(gen_tcp.listen(0, {"ip": LOOPBACK, "active": False, **(theirs or {})}))
    port = ok(inet.port(listener))
    one = ok(await gen_tcp.connect(LOOPBACK, port, {"active": False, **(mine or {})}))
    other = ok(await gen_tcp.accept(listener))
    ok(await gen_tcp.close(listener))
    return one, other


async def at_rest() -> None:
    """Wait until every process waits, and the events of the kernel have been handled."""
    await wait_all_tasks_blocked(0.005)


def mail_of(pid: Any) -> list[Any]:
    """Return the messages in a mailbox."""
    info = process_info(pid, ["messages"])
    return [] if info is None else list(info["messages"])
