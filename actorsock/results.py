"""The result of a call: `Ok`, `Error` or `Select`, made for `match`.

The three are Erlang's `{ok, V}`, `{error, R}` and `{select, SI}`. They are values, not exceptions:
outcomes that depend on the system or on another process are returned, a wrong argument raises.
`ok()` and `unwrap()` serve code that expects success: they raise `BadMatch` for anything else.
"""

from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, TypeVar, final

import attrs

from ._native import class_of_values, twin
from .log_text import text_of
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
"""The name of an operation that can wait."""


@attrs.frozen
class SelectInfo(metaclass=class_of_values):
    """Names a waiting operation, for `socket.cancel`. Erlang's `{select_info, Tag, Handle}`."""

    tag: Tag
    ref: Ref
    """The select handle: the select or abort message will carry it."""
    continuation: Any = attrs.field(default=None, eq=False, repr=False)
    """The flags and destination of a send that a later call continues with this info."""


T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

# `Error` without a parameter is an `Error[str]`. Python knows defaults of parameters since 3.13;
# type checkers know them in all versions, from `typing_extensions`, which they contain.
if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    R_co = TypeVarWithDefault("R_co", covariant=True, default=str)
else:
    R_co = TypeVar("R_co", covariant=True)


@final
@attrs.frozen(init=False, weakref_slot=False)
class Ok(Generic[T_co], metaclass=class_of_values):
    """Success. Erlang's `ok` and `{ok, Value}`.

    Attributes:
        value: the result of the call; None if it has none.

    Example::

        match await socket.recv(sock, timeout=5):
            case Ok(data): ...
            case Error("timeout"): ...
            case Error(reason): ...
    """

    value: T_co = None  # type: ignore[assignment, misc]  # a bare Ok() is an Ok[None]

    # Nearly every call returns one. This takes a third less time than the `__init__` that attrs
    # writes for a frozen class, which goes through `object.__setattr__`.
    def __init__(self, value: T_co = None) -> None:  # type: ignore[assignment]
        _set_value(self, value)

    def unwrap(self) -> T_co:
        """Return the value. The same method of the other results raises `BadMatch`."""
        return self.value


# `Ok.value` is the descriptor of the slot here, which mypy takes for an instance's value.
_set_value: Final = Ok.value.__set__  # type: ignore[misc]


@final
@attrs.frozen
class Error(Generic[R_co]):
    """An expected failure, returned and not raised. Erlang's `{error, Reason}`.

    Attributes:
        reason: a POSIX name in lower case (`"econnrefused"`), or a word that the function names,
            such as `"closed"` or `"timeout"`. Functions whose errors carry the exit reason of a
            process, such as `otp.start`, return an `Error[Any]`: it may be any object.
        data: the bytes already received, or not yet sent, when an operation fails part-way; None
            if nothing was moved.

    Example::

        match await socket.connect(sock, ("127.0.0.1", 80), timeout=5):
            case Error("econnrefused"): ...
            case Error(reason): ...
    """

    reason: R_co
    data: Any = None

    def unwrap(self) -> NoReturn:
        """Raise `BadMatch`: there is no value."""
        raise BadMatch(self)


@final
@attrs.frozen
class Select(metaclass=class_of_values):
    """The operation must wait: a select or abort message follows. Erlang's `{select, SelectInfo}`.

    The result of a `nowait` function.

    Attributes:
        info: names the waiting operation, for `socket.cancel`; `info.ref` is the ref of the
            message that follows.
        data: the bytes received so far, or left to send; None if nothing has moved.

    Example::

        match socket.recv_nowait(sock):
            case Ok(data): ...
            case Select(info):
                await receive(info.ref)  # a SelectMessage: now call recv_nowait again
    """

    info: SelectInfo
    data: Any = None

    def unwrap(self) -> NoReturn:
        """Raise `BadMatch`: the value is still to come."""
        raise BadMatch(self)


@final
@attrs.frozen
class SelectRead:
    """A receive is complete and the next one waits. Erlang's `{select_read, {SelectInfo, Data}}`.

    The result of a `nowait` receive on a socket with the otp option `select_read`.

    Attributes:
        info: names the next receive, whose select message will follow.
        data: the value that `Ok` would have.
    """

    info: SelectInfo
    data: Any

    def unwrap(self) -> NoReturn:
        """Raise `BadMatch`: this is more than a value, since another receive waits."""
        raise BadMatch(self)


class BadMatch(Exception):
    """Raised by `ok()` and `unwrap()` for a result that is not an `Ok`. Erlang's `badmatch`.

    Attributes:
        result: the result, such as `Error("econnrefused")`.

    Example::

        try:
            ok(await socket.connect(sock, ("127.0.0.1", 80)))
        except BadMatch as exc:
            print(exc)  # expected Ok, got Error(reason='econnrefused', data=None)
    """

    result: Final[object]

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return f"expected Ok, got {text_of(self.result)}"

    def __repr__(self) -> str:
        return f"BadMatch({text_of(self.result)})"


@twin
def ok(result: Ok[T] | Error[Any] | Select | SelectRead) -> T:
    """Return the value of an `Ok`. Erlang's `{ok, Value} = ...`.

    Args:
        result: the result of a call.

    Raises:
        BadMatch: `result` is an `Error`, or anything else that is not an `Ok`.

    Example::

        sock = ok(socket.open("inet", "stream", "tcp"))
    """
    if isinstance(result, Ok):
        return result.value
    raise BadMatch(result)
