"""The bytes of every connection, as counted by both ends, and their comparison.

A server takes bytes and sends a receipt: their total number and checksum. The client compares the
receipt with the bytes that it has sent. So a byte that is lost, duplicated or out of order is found
with the next receipt.
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
    """The two ends of a connection do not agree."""


@attrs.define
class Account:
    """One connection."""

    number: int
    offered: bytearray = attrs.field(factory=bytearray)
    """The bytes that the client has sent or is sending, without a receipt yet."""
    acknowledged: int = 0
    """The number of bytes for which the client has received a receipt."""
    taken: int = 0
    """The number of bytes that the server has received."""
    finished_by_client: bool = False
    """The client has sent all and its end, and read receipts until the server closed."""
    finished_by_server: bool = False
    """The server has read until the end."""
    _acknowledged_sum: int = 0
    _taken_sum: int = 0

    def take(self, data: bytes) -> None:
        """Record that the server has received `data`."""
        self.taken += len(data)
        self._taken_sum = zlib.crc32(data, self._taken_sum)

    def receipt(self) -> bytes:
        """Return the receipt of the server."""
        return _RECEIPT.pack(self.taken, self._taken_sum)

    def acknowledge(self, receipt: bytes) -> None:
        """Record that the client has received a receipt."""
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
        """Raise `Mismatch` if the two ends, which have both ended, do not agree."""
        if self.acknowledged > self.taken:
            raise Mismatch(f"{self.acknowledged} bytes acknowledged, {self.taken} taken")
        if self.finished_by_client and self.finished_by_server and self.offered:
            raise Mismatch(f"{len(self.offered)} bytes lost, although both ends were content")


@attrs.define
class Ledger:
    """All open connections, and the sums of the earlier ones."""

    accounts: dict[int, Account] = attrs.field(factory=dict)
    connections: int = 0
    finished: int = 0
    """The number of connections that both ends have finished in order."""
    acknowledged: int = 0
    taken: int = 0
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1))

    def open(self) -> Account:
        """Open the account of a new connection."""
        account = Account(next(self._numbers))
        self.accounts[account.number] = account
        return account

    def settle(self) -> list[str]:
        """Add up the connections, which have all ended; return the mismatches as texts."""
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
