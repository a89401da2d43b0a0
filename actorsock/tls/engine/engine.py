"""One TLS connection as a state machine: bytes of the peer in, bytes for the peer out, no I/O.

The protocol is the standard library's, working on two buffers in memory. What this adds is the
form that a socket actor needs: results in place of exceptions, all that a piece of input gives in
one call, and an end that says whether the peer has announced it.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

from .alerts import Alert, alert_of

__all__ = ["CLOSE_NOTIFY", "TRUNCATED", "End", "Engine"]

CLOSE_NOTIFY: Final = "close_notify"
"""The peer has announced that it sends no more."""
TRUNCATED: Final = "truncated"
"""The connection has ended without that: what came may not be all that was sent."""

End: TypeAlias = Literal["close_notify", "truncated"] | Alert

_RECORD: Final = 16384
"""The most bytes of a record, and so of one read."""
_NOTHING: Final = b""


class Engine:
    """The state of one connection.

    Attributes:
        end: how the input has ended: `CLOSE_NOTIFY`, `TRUNCATED`, or the alert that ended the
            connection; None as long as it goes on.
        established: the handshake is complete.
        at_eof: `feed_eof` was called.
        blocked: a `seal` waits for bytes of the peer, which has begun another handshake.

    Example::

        engine = Engine(context, server_side=False, server_hostname="example.org")
        while not engine.handshake() and engine.end is None:
            sock.sendall(engine.outgoing())
            engine.feed(sock.recv(65536))
        engine.seal(b"hello")
        sock.sendall(engine.outgoing())
        engine.open(sock.recv(65536))  # what the peer has sent, decrypted
    """

    __slots__ = (
        "_announced", "_held", "_incoming", "_object", "_outgoing", "_read", "_role", "_write",
        "at_eof", "blocked", "end", "established",
    )  # fmt: skip

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._read: Callable[[int], bytes] = self._object.read
        self._write = self._object.write
        self._role = "server" if server_side else "client"
        self.at_eof = False
        self._announced = False
        self._held: list[bytes] = []
        self.end: End | None = None
        self.established = False
        self.blocked = False

    # --- bytes of the peer ----------------------------------------------------------------------

    def feed(self, piece: bytes) -> None:
        """Take bytes of the peer; nothing is decrypted before `handshake` or `open`."""
        self._incoming.write(piece)
        self.blocked = False

    def feed_eof(self) -> None:
        """Note that the connection has ended: no more bytes of the peer follow."""
        self.at_eof = True

    @property
    def holds_input(self) -> bool:
        """True if bytes of the peer wait for `open`: those behind a handshake, say."""
        return bool(self._held) or self._incoming.pending > 0 or self._object.pending() > 0

    def rest(self) -> bytes:
        """Return what the peer has sent behind its `CLOSE_NOTIFY`, in clear."""
        return self._incoming.read()

    # --- the handshake --------------------------------------------------------------------------

    def handshake(self) -> bool:
        """Go on with the handshake; return True when it is complete, False if bytes are missing.

        Look at `end` after False: the handshake may have failed. In any case there may be bytes
        for the peer.
        """
        if self.end is not None:
            return False
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            if self.at_eof:
                self.end = TRUNCATED
            return False
        except ssl.SSLError as exc:
            self._failed(exc)
            return False
        self.established = True
        return True

    # --- data -----------------------------------------------------------------------------------

    def open(self, piece: bytes = _NOTHING) -> bytes:
        """Take bytes of the peer, and return all data that they complete.

        Look at `end` when there is no data: the input may have ended. Data before the end comes
        first. A change of keys or a ticket for a later session gives no data, but may give bytes
        for the peer.
        """
        incoming = self._incoming
        if piece:
            incoming.write(piece)
            self.blocked = False
        if self._held:
            data, self._held = self._held, []
        else:
            data = []
        if self.end is None:
            pending = self._object.pending
            try:
                while True:
                    part = self._read(_RECORD)
                    if not part:
                        self.end = CLOSE_NOTIFY
                        break
                    data.append(part)
                    if not incoming.pending and not pending() and not self.at_eof:
                        break
            except ssl.SSLWantReadError:
                if self.at_eof:
                    self.end = TRUNCATED
            except ssl.SSLZeroReturnError:
                self.end = CLOSE_NOTIFY
            except ssl.SSLError as exc:
                self._failed(exc)
        if len(data) == 1:
            return data[0]
        return _NOTHING.join(data)

    def seal(self, data: bytes | memoryview) -> int:
        """Encrypt data for the peer; return how many bytes of it, to be followed by the rest.

        Fewer than all, or none, are taken while the peer has another handshake under way: `blocked`
        tells, and more input ends it. After an error none are taken, and `end` tells it.
        """
        if isinstance(self.end, Alert):
            return 0
        try:
            return self._write(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.blocked = True
        except ssl.SSLError as exc:
            self._failed(exc)
        return 0

    def outgoing(self) -> bytes:
        """Return the bytes that are to be sent to the peer now; each is returned once."""
        return self._outgoing.read()

    @property
    def has_outgoing(self) -> bool:
        """True if `outgoing` would return any bytes."""
        return self._outgoing.pending > 0

    def announce_end(self) -> None:
        """Make the announcement that no more data follows; what the peer sends can still be read.

        Nothing is made a second time, in a handshake, or after an error.
        """
        if self._announced or not self.established:
            return
        self._announced = True
        # OpenSSL would look for the peer's announcement too, and take any data for an error: it
        # must find none. What it has decrypted is kept here, what it has not is put back.
        try:
            while self._object.pending():
                self._held.append(self._read(_RECORD))
        except ssl.SSLError:  # found again, and reported, by the next `open`
            return
        rest = self._incoming.read()
        with suppress(ssl.SSLError):  # it is made, or can no longer be; the peer's is not there
            self._object.unwrap()
        if rest:
            self._incoming.write(rest)

    def _failed(self, exc: ssl.SSLError) -> None:
        if isinstance(exc, ssl.SSLEOFError):
            self.end = TRUNCATED
        else:
            # In a handshake the suite, if it is agreed, tells the version.
            suite = self._object.cipher()
            self.end = alert_of(exc, self._role, None if suite is None else suite[1])

    # --- facts ----------------------------------------------------------------------------------

    @property
    def tls(self) -> ssl.SSLObject:
        """The standard library's object, for what it tells: version, cipher, certificates."""
        return self._object

    def chain_length(self) -> int:
        """Return how many certificates of the peer were checked, its own and the root included."""
        chain: Any = getattr(self._object, "get_verified_chain", None)
        if chain is None:  # before Python 3.13 the method is only on the object behind this one
            chain = self._object._sslobj.get_verified_chain  # type: ignore[attr-defined]
        return len(chain() or ())
