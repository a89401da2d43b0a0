"""The handshake of two nodes: two machines without I/O, for the side that connects or accepts.

A machine is given each message, without its length, and returns the messages to send. It raises
`HandshakeError` when the other side says something that is not allowed; the connection is closed
then. After its last message `agreed` says who is on the other side.
"""

import hashlib
import hmac
from collections.abc import Callable
from struct import Struct, error
from typing import Final, Literal

import attrs

from .flags import Flag, missing

__all__ = [
    "HANDSHAKE_SECONDS",
    "KIN",
    "LONGEST_MESSAGE",
    "Accepting",
    "Agreed",
    "Connecting",
    "HandshakeError",
    "Self",
    "Status",
    "digest",
]

_NAME: Final = Struct(">QIH")
_CHALLENGE: Final = Struct(">QIIH")
_U32: Final = Struct(">I")

HANDSHAKE_SECONDS: Final = 7.0
"""Seconds for a handshake, and for an attempt of the other side to arrive."""

LONGEST_MESSAGE: Final = 600
"""Bytes of a message, at most: the longest one is a name of 255 characters with what is around."""

KIN: Final = b"actorsock 1"
"""What a node of this library says after its name, where every other node reads no further.

Two such nodes send each other text as text. The number is that of the form, not of a release.
"""

Status = Literal["ok", "ok_simultaneous", "nok", "alive", "not_allowed"]


class HandshakeError(Exception):
    """The other node is refused, or refuses: `str` says why.

    Attributes:
        status: the word that one side has refused with, or None.
        answers: messages to send before the connection is closed.
    """

    def __init__(self, text: str, status: str | None = None, *answers: bytes) -> None:
        super().__init__(text)
        self.status = status
        self.answers = answers


@attrs.frozen
class Self:
    """What this node says of itself."""

    name: str
    creation: int
    flags: Flag
    cookie: str = attrs.field(repr=False)
    challenge: Callable[[], int] = attrs.field(repr=False)
    """Returns a number of 32 bits that nobody can know before."""


@attrs.frozen
class Agreed:
    """The other node, whose knowledge of the cookie is proven."""

    name: str
    creation: int
    flags: int
    kin: bool = False
    """True for a node of this library."""

    @property
    def hidden(self) -> bool:
        """True if it does not want to be in the list of the visible nodes."""
        return not self.flags & Flag.PUBLISHED


def digest(cookie: str, challenge: int) -> bytes:
    """Return the proof of the knowledge of `cookie`, for one challenge."""
    # The protocol's choice. Not for secrecy: see the limits in the documentation.
    return hashlib.md5(f"{cookie}{challenge}".encode(), usedforsecurity=False).digest()


class _Machine:
    agreed: Agreed | None = None
    """The other node, once the handshake is complete."""

    def __init__(self, myself: Self) -> None:
        self._myself = myself
        self._challenge = myself.challenge()
        self._their_challenge = 0
        self._other: Agreed | None = None

    def _meet(self, rest: bytes, length: int, creation: int, flags: int) -> None:
        try:
            text = rest[:length].decode()
        except UnicodeDecodeError:
            raise HandshakeError("its name is not UTF-8") from None
        if not text.isprintable():  # a line break would forge a line of the log
            raise HandshakeError("its name has characters that can not be shown")
        lacking = missing(flags)
        if lacking:
            raise HandshakeError(f"{text} lacks {', '.join(lacking)}: it is older than OTP 25")
        self._other = Agreed(text, creation, flags, rest[length:] == KIN)

    def _proof(self) -> bytes:
        return digest(self._myself.cookie, self._their_challenge)

    def _check_proof(self, proof: bytes) -> None:
        expected = digest(self._myself.cookie, self._challenge)
        if not hmac.compare_digest(proof, expected):
            assert self._other is not None
            raise HandshakeError(f"{self._other.name} has another cookie")


class Connecting(_Machine):
    """The side that has made the connection, to the node `name`.

    `answer_alive` is asked when the other side believes that it is connected with us already: True
    replaces that connection, False gives this attempt up.
    """

    def __init__(self, myself: Self, name: str, answer_alive: Callable[[], bool]) -> None:
        super().__init__(myself)
        self._name = name
        self._answer_alive = answer_alive
        self._expects: Callable[[bytes], list[bytes]] = self._status

    def begin(self) -> list[bytes]:
        """Return the first message."""
        me = self._myself
        name = me.name.encode()
        return [b"N" + _NAME.pack(me.flags, me.creation, len(name)) + name + KIN]

    def receive(self, message: bytes) -> list[bytes]:
        """Return the answer to a message."""
        try:
            return self._expects(message)
        except error:
            raise HandshakeError("a message is too short") from None

    def _status(self, message: bytes) -> list[bytes]:
        status = _tagged(message, b"s").decode("latin-1")
        self._expects = self._challenged
        if status in ("ok", "ok_simultaneous"):
            return []
        if status == "alive":
            if self._answer_alive():
                return [b"strue"]
            raise HandshakeError("it has a connection with us already", status, b"sfalse")
        raise HandshakeError(f"{self._name} says {status}", status)

    def _challenged(self, message: bytes) -> list[bytes]:
        body = _tagged(message, b"N")
        flags, self._their_challenge, creation, length = _CHALLENGE.unpack_from(body)
        self._meet(body[_CHALLENGE.size :], length, creation, flags)
        assert self._other is not None
        if self._other.name != self._name:
            raise HandshakeError(f"the node there is {self._other.name}, not {self._name}")
        self._expects = self._acknowledged
        return [b"r" + _U32.pack(self._challenge) + self._proof()]

    def _acknowledged(self, message: bytes) -> list[bytes]:
        self._check_proof(_tagged(message, b"a"))
        self.agreed = self._other
        self._expects = _nothing_more
        return []


class Accepting(_Machine):
    """The side that was connected to.

    `decide` is called with the name of the other node, and says how this node stands to it.
    """

    def __init__(self, myself: Self, decide: Callable[[str], Status]) -> None:
        super().__init__(myself)
        self._decide = decide
        self._expects: Callable[[bytes], list[bytes]] = self._named

    def receive(self, message: bytes) -> list[bytes]:
        """Return the answers to a message."""
        try:
            return self._expects(message)
        except error:
            raise HandshakeError("a message is too short") from None

    @property
    def other(self) -> str | None:
        """The name that the other side has given; it is not proven before `agreed`."""
        return None if self._other is None else self._other.name

    def _named(self, message: bytes) -> list[bytes]:
        if message[:1] == b"n":
            raise HandshakeError("it speaks the handshake of releases before OTP 23")
        body = _tagged(message, b"N")
        flags, creation, length = _NAME.unpack_from(body)
        self._meet(body[_NAME.size :], length, creation, flags)
        assert self._other is not None
        if not _is_full(self._other.name):
            raise HandshakeError(
                f"{self._other.name!r} is no name@host", "not_allowed", b"snot_allowed"
            )
        status = self._decide(self._other.name)
        if status in ("nok", "not_allowed"):
            raise HandshakeError(f"{status} for {self._other.name}", status, b"s" + status.encode())
        answers = [b"s" + status.encode()]
        if status == "alive":
            self._expects = self._insisted
            return answers
        return [*answers, self._challenge_them()]

    def _insisted(self, message: bytes) -> list[bytes]:
        if _tagged(message, b"s") != b"true":
            raise HandshakeError("it keeps the connection that there is", "alive")
        return [self._challenge_them()]

    def _challenge_them(self) -> bytes:
        me = self._myself
        name = me.name.encode()
        self._expects = self._replied
        head = _CHALLENGE.pack(me.flags, self._challenge, me.creation, len(name))
        return b"N" + head + name + KIN

    def _replied(self, message: bytes) -> list[bytes]:
        body = _tagged(message, b"r")
        (self._their_challenge,) = _U32.unpack_from(body)
        self._check_proof(body[4:])
        self.agreed = self._other
        self._expects = _nothing_more
        return [b"a" + self._proof()]


def _nothing_more(message: bytes) -> list[bytes]:
    raise HandshakeError("a message follows the handshake's last one")


def _tagged(message: bytes, tag: bytes) -> bytes:
    if message[:1] != tag:
        raise HandshakeError(f"expected a message {tag!r}, got {message[:1]!r}")
    return message[1:]


def _is_full(name: str) -> bool:
    before, at, after = name.partition("@")
    return bool(before and at and after) and "@" not in after and len(name) <= 255
