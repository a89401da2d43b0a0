"""What a call answers: `Ok`, `Error` or `Select`, made for `match`.

The three are Erlang's `{ok, V}`, `{error, R}` and `{select, SI}`. They are values, not
exceptions: a wrong argument raises, what the operating system or another process did is
answered. `ok()` is the bridge for code that expects success, and `unwrap()` the same at the end of
an expression.
"""

from typing import Any, Final, Generic, Literal, NoReturn, TypeVar, final

import attrs

from .arguments import shown
from .runtime.core.identity import Ref

__all__ = ["BadMatch", "Error", "Ok", "Select", "SelectInfo", "SelectRead", "Tag", "ok"]


Tag = Literal[
    "accept",
    "connect",
    "recv",
    "recvfrom",
    "recvmsg",
    "send",
    "sendfile",
    "sendmsg",
    "sendto",
    "sendv",
]
"""The operation that waits."""


@attrs.frozen
class SelectInfo:
    """Names a waiting operation: what `cancel` takes. Erlang's `{select_info, Tag, Handle}`."""

    tag: Tag
    ref: Ref
    """The handle: the select or abort message will carry it."""
    continuation: Any = attrs.field(default=None, eq=False, repr=False)
    """What a send that is continued with this info goes on with (flags, destination)."""


T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@final
@attrs.frozen(init=False)
class Ok(Generic[T_co]):
    """Success, with the value that the call promises; Erlang's `ok` and `{ok, Value}`."""

    value: T_co = None  # type: ignore[assignment, misc]  # a bare Ok() is an Ok[None]

    # The answer of nearly every call: a third less time than what attrs writes for frozen classes.
    def __init__(self, value: T_co = None) -> None:  # type: ignore[assignment]
        _set_value(self, value)

    def unwrap(self) -> T_co:
        """The value; what is no `Ok` raises `BadMatch` instead."""
        return self.value


# On the class this is the descriptor of its slot, which the type checker does not know.
_set_value: Final = Ok.value.__set__  # type: ignore[misc]


@final
@attrs.frozen
class Error:
    """Failure that the program may meet in good order; Erlang's `{error, Reason}`.

    `reason` is a POSIX name in lower case (`"econnrefused"`), or one of `"closed"`,
    `"timeout"`, `"state"`, `"not_owner"`, `"already"`, `"select_info"`. `data` carries what
    was already received, or not yet sent, when an operation fails part-way; else `None`.
    """

    reason: str
    data: Any = None

    def unwrap(self) -> NoReturn:
        """Raises `BadMatch`: there is no value."""
        raise BadMatch(self)


@final
@attrs.frozen
class Select:
    """The call must wait: a select (or abort) message follows; `{select, SelectInfo}`.

    `info` names the waiting operation and is what `cancel` takes. `data` is what was
    received so far, or what is left to send; `None` when nothing has moved.
    """

    info: SelectInfo
    data: Any = None

    def unwrap(self) -> NoReturn:
        """Raises `BadMatch`: the value is still to come."""
        raise BadMatch(self)


@final
@attrs.frozen
class SelectRead:
    """A receive is complete, and the next one waits already; `{select_read, {SI, Result}}`.

    The answer of a nowait receive on a socket with the otp option `select_read`. `data` is what
    `Ok` would have carried; the select message for what comes next follows by itself.
    """

    info: SelectInfo
    data: Any

    def unwrap(self) -> NoReturn:
        """Raises `BadMatch`: this is more than a value, another receive is waiting."""
        raise BadMatch(self)


class BadMatch(Exception):
    """`ok()` or `unwrap()` met something other than an `Ok`; Erlang's `badmatch`.

    `result` is what it was given.
    """

    result: Final[object]

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return f"expected Ok, got {_briefly(self.result)}"

    def __repr__(self) -> str:
        return f"BadMatch({_briefly(self.result)})"


def ok(result: Ok[T] | Error | Select | SelectRead) -> T:
    """The value of an `Ok`; anything else raises `BadMatch`. Erlang's `{ok, X} = ...`."""
    if isinstance(result, Ok):
        return result.value
    raise BadMatch(result)


def _briefly(result: object) -> str:
    # An error carries what was not sent, which may be megabytes, and this is going to be logged.
    if isinstance(result, Error | Select | SelectRead):
        values = attrs.asdict(result, recurse=False).items()
        return f"{type(result).__name__}({', '.join(f'{k}={shown(v)}' for k, v in values)})"
    return shown(result)
