"""What both ends of every connection say of its bytes, and whether that agrees.

A server takes bytes and answers with a receipt: how many it has taken in all, and their checksum.
The client holds against that what it has sent. So a byte that is lost, comes twice or out of
order is found with the next receipt.
"""

import struct
import zlib
from itertools import count
from typing import Final

import attrs

__all__ = ["RECEIPT_SIZE", "Account", "Ledger", "Mismatch"]

_RECEIPT: Final = struct.Struct(">QI")
RECEIPT_SIZE: Final = _RECEIPT.size


class Mismatch(Exception):
    """The two ends do not agree."""


@attrs.define
class Account:
    """One connection."""

    number: int
    offered: bytearray = attrs.field(factory=bytearray)
    """What the client has given to send, as far as there is no receipt for it."""
    acknowledged: int = 0
    """Bytes with a receipt that the client has seen."""
    taken: int = 0
    """Bytes that the server has seen."""
    finished_by_client: bool = False
    """It sent all, said so, and read receipts until the server closed."""
    finished_by_server: bool = False
    """It read until the client had finished."""
    _acknowledged_sum: int = 0
    _taken_sum: int = 0

    def take(self, data: bytes) -> None:
        """The server has received `data`."""
        self.taken += len(data)
        self._taken_sum = zlib.crc32(data, self._taken_sum)

    def receipt(self) -> bytes:
        """What the server says of it."""
        return _RECEIPT.pack(self.taken, self._taken_sum)

    def acknowledge(self, receipt: bytes) -> None:
        """The client has received a receipt."""
        taken, checksum = _RECEIPT.unpack(receipt)
        new = taken - self.acknowledged
        if not 0 <= new <= len(self.offered):
            raise Mismatch(f"a receipt for {taken} bytes, of which {new} are new")
        self._acknowledged_sum = zlib.crc32(self.offered[:new], self._acknowledged_sum)
        if checksum != self._acknowledged_sum:
            raise Mismatch(f"other bytes have come than were sent, among the first {taken}")
        self.acknowledged = taken
        del self.offered[:new]

    def check(self) -> None:
        """The connection is over on both sides: raise `Mismatch` if they do not agree."""
        if self.acknowledged > self.taken:
            raise Mismatch(f"{self.acknowledged} bytes acknowledged, {self.taken} taken")
        if self.finished_by_client and self.finished_by_server and self.offered:
            raise Mismatch(f"{len(self.offered)} bytes lost, although both ends were content")


@attrs.define
class Ledger:
    """All connections of a while, and the sums of those before."""

    accounts: dict[int, Account] = attrs.field(factory=dict)
    connections: int = 0
    finished: int = 0
    """Connections that both ends have brought to an end in good order."""
    acknowledged: int = 0
    taken: int = 0
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1))

    def open(self) -> Account:
        """A new connection."""
        account = Account(next(self._numbers))
        self.accounts[account.number] = account
        return account

    def settle(self) -> list[str]:
        """All connections are over: add them up; what does not agree, in words."""
        complaints = []
        for account in self.accounts.values():
            try:
                account.check()
            except Mismatch as what:
                complaints.append(f"connection {account.number}: {what}")
            self.connections += 1
            self.finished += account.finished_by_client and account.finished_by_server
            self.acknowledged += account.acknowledged
            self.taken += account.taken
        self.accounts.clear()
        return complaints
