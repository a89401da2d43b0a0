"""The active mode of a socket: how many messages it may still send to its owner unasked.

Pure rules, common to TCP, UDP and TLS. A socket reads only while its mode is not False, so the
kernel's buffers, and in the end the peer, wait for the owner.
"""

from typing import Literal, TypeAlias

import attrs

from ...results import Error

__all__ = ["HIGHEST_COUNT", "LOWEST_COUNT", "Active", "ActiveMode", "is_active_value"]

Active: TypeAlias = bool | Literal["once"] | int
"""True: always; False ("passive"): never; `"once"`: one message; a count of messages."""

LOWEST_COUNT = -(2**15)
HIGHEST_COUNT = 2**15 - 1


def is_active_value(value: object) -> bool:
    """Tell if `value` may be given as the option `active`."""
    if isinstance(value, int):  # of which True and False are two
        return LOWEST_COUNT <= value <= HIGHEST_COUNT
    return isinstance(value, str) and value == "once"


@attrs.define
class ActiveMode:
    """The mode of one socket.

    Attributes:
        value: True, False, `"once"`, or how many messages are left, 1 to 32767.

    Example::

        mode = ActiveMode(False)
        mode.change(2)  # False: no passive message is due
        mode.delivered()  # False: one is left
        mode.delivered()  # True: the count came to 0, the mode is False again
    """

    value: Active = True

    def change(self, value: Active) -> bool | Error:
        """Apply the option `active`: a count is added to a count, anything else replaces the mode.

        Args:
            value: a value that passes `is_active_value`.

        Returns:
            True if a passive message is due: a count came to 0 or below, and the mode to False;
            False if not; `Error("einval")` if the sum is above 32767, and nothing has changed.
        """
        if isinstance(value, (bool, str)):  # a tuple, which is tested faster than a union
            self.value = value
            return False
        left = 0 if isinstance(self.value, bool | str) else self.value
        # 0 and a negative number end any other mode as they end a count, with a passive message.
        count = left + value
        if count > HIGHEST_COUNT:
            return Error("einval")
        self.value = count if count > 0 else False
        return count <= 0

    def delivered(self) -> bool:
        """Count one message; return True if a passive message is due after it."""
        value = self.value
        if value is True:
            return False
        if isinstance(value, str):
            self.value = False
            return False
        self.value = value - 1 if value > 1 else False
        return self.value is False
