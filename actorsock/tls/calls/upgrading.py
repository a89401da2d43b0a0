"""The change from a connection of gen_tcp to one of TLS, on the same descriptor."""

from collections.abc import Sequence
from typing import Any

import attrs

from ...arguments import shown
from ...inet.driver.stream_actor import StreamActor
from ...inet.options.lists import options_to_set
from ...inet.rules.active_mode import Active
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ..driver.ssl_socket import SslSocket
from ..driver.tls_actor import TlsActor
from ..engine.engine import Engine
from ..options.lists import TlsOptions

__all__ = ["Upgrade", "upgraded"]


@attrs.frozen
class Upgrade:
    """What a connection is to become.

    Attributes:
        engine: the state of TLS, before its handshake.
        options: the options of TLS.
        active: the mode after the handshake.
        others: options of the socket that are set before.
        owner: the process that is to own the connection; None for the caller.
    """

    engine: Engine
    options: TlsOptions
    active: Active
    others: Sequence[Any] = ()
    owner: Process | None = None


async def upgraded(
    tcp: StreamActor, upgrade: Upgrade, deadline: float
) -> Ok[SslSocket] | Error[Any]:
    """Take a connection over from its socket of gen_tcp, and carry out the handshake.

    Bytes that the socket has read and nobody has taken are the first ones of the handshake; bytes
    that it has queued leave before it. A packet is no bytes any more: while there is one for a
    reader that may have ended, nothing is taken over, `Error("ealready")`.
    """
    if tcp.woken is not None or tcp.unseen:
        return Error("ealready")
    settings = options_to_set(list(upgrade.others))
    if isinstance(settings, Error):
        wrong = [item for item in upgrade.others if isinstance(options_to_set([item]), Error)]
        name = wrong[0][0] if isinstance(wrong[0], tuple | list) and wrong[0] else wrong[0]
        raise ValueError(f"option {shown(name)}: an open socket has none, or not with this value")
    values, raised_buffer = dict(tcp.values), tcp.raised_buffer
    received, queued = tcp.buffer.take_all(), tcp.queue.take_all()
    sock = tcp.surrender()
    actor = TlsActor(
        tcp.service,
        sock,
        tcp.kind,
        upgrade.owner or current_process(),
        tcp.family,
        engine=upgrade.engine,
        options=upgrade.options,
    )
    actor.values.update(values)
    actor.raised_buffer = raised_buffer
    for name in values:
        actor.value_changed(name)
    for option, value in settings:
        result = actor.set_option(option, value)
        if isinstance(result, Error):
            actor.close_now()
            return result
    for piece in queued:
        actor.queue.append_sealed(piece)
    if received:
        upgrade.engine.feed(received)
    done = await actor.shake_hands(deadline)
    if isinstance(done, Error):
        return done
    handle: SslSocket = actor.socket_object
    actor.set_active(upgrade.active)
    actor.options_set()
    return Ok(handle)
