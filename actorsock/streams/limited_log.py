"""Log records of events that may come thousands of times a second, reduced to a few."""

import logging
from typing import Final

import attrs
import trio

from ..runtime.bodies.crash_report import contain_logging_errors

__all__ = ["LimitedLog"]

_PERIOD: Final = 10.0
"""Seconds between two records of the same key."""


@attrs.define
class _Logged:
    at: float
    """The time of the last record, on trio's clock."""
    left_out: int = 0
    """Events since then."""


@attrs.define(eq=False)
class LimitedLog:
    """Writes the first record of each key, and then at most one every 10 seconds.

    A later record says how many were left out in the meantime. Keys must be few: they are kept.
    """

    _log: logging.Logger
    _logged: dict[object, _Logged] = attrs.field(factory=dict)

    def log(self, level: int, key: object, message: str, *args: object) -> None:
        """Write a record, or count it if another with this `key` was written a moment ago."""
        now = trio.current_time()
        last = self._logged.get(key)
        if last is not None and now < last.at + _PERIOD:
            last.left_out += 1
            return
        if last is not None and last.left_out:
            message += " (%d more since the last record of this kind)"
            args = (*args, last.left_out)
        self._logged[key] = _Logged(now)
        with contain_logging_errors():
            self._log.log(level, message, *args)
