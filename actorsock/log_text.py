"""The text of a value in log records and in the texts of exceptions.

It differs from `repr`, and from `arguments.shown` for error messages, in these points: a record of
this library reads as a program would write it, `Error('econnrefused')`; the bytes of messages are
counted and not shown, since logs are kept and read by others; an exit reason is not cut in the
middle; and it never raises.
"""

from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter, signature
from typing import Any, Final

import attrs

__all__ = ["text_of", "text_with_data"]

_LONGEST: Final = 400
"""Characters of a whole text."""

_LONGEST_STR: Final = 200
"""Characters of one string in it."""

_MOST: Final = 8
"""Elements of one container."""

_DEEPEST: Final = 5
"""Containers inside each other."""

_BYTES_SHOWN: Final = 30


def text_of(value: object) -> str:
    """Return `value` as log records show it, without the content of bytes."""
    return _limited(value, data=False)


def text_with_data(value: object) -> str:
    """Return `value` as `text_of` does, with the first bytes of bytes: for traces."""
    return _limited(value, data=True)


def _limited(value: object, *, data: bool) -> str:
    text = _text(value, data, _DEEPEST)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _text(value: Any, data: bool, depth: int) -> str:
    cls: Any = type(value)
    try:
        if cls in (bytes, bytearray, memoryview):
            return _bytes(value, data)
        if cls is str:
            text = value if len(value) <= _LONGEST_STR else value[:_LONGEST_STR]
            return repr(text) + ("..." if text is not value else "")
        if depth == 0:
            return "..."
        if cls in _BRACKETS:
            opening, closing = _BRACKETS[cls]
            inside = _joined((_text(item, data, depth - 1) for item in value), len(value))
            return f"{opening}{inside}{',' if cls is tuple and len(value) == 1 else ''}{closing}"
        if cls is dict:
            return "{" + _joined(_items(value, data, depth), len(value)) + "}"
        # Of classes whose `repr` is Python's or attrs' own, the parts are shown by these rules too.
        # Any other `__repr__` is the program's, and is used as it is.
        if issubclass(cls, BaseException) and cls.__repr__ is BaseException.__repr__:
            args = (_text(arg, data, depth - 1) for arg in value.args)
            return f"{cls.__name__}({_joined(args, len(value.args))})"
        if attrs.has(cls) and cls.__repr__.__code__.co_filename.startswith("<attrs generated"):
            return f"{cls.__qualname__}({', '.join(_fields(value, data, depth))})"
        return repr(value)
    except BaseException:  # the program's `__repr__` may raise anything
        return f"<{cls.__name__}>"


_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    tuple: ("(", ")"),
    list: ("[", "]"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


def _bytes(value: bytes | bytearray | memoryview, data: bool) -> str:
    if not data:
        return f"<{memoryview(value).nbytes} bytes>"
    shown = bytes(value[:_BYTES_SHOWN])
    return repr(shown) if len(value) <= _BYTES_SHOWN else f"{shown!r}... ({len(value)} bytes)"


def _joined(texts: Iterable[str], count: int) -> str:
    shown = [text for text, _ in zip(texts, range(_MOST), strict=False)]
    return ", ".join([*shown, "..."] if count > _MOST else shown)


def _items(value: Mapping[Any, Any], data: bool, depth: int) -> Iterator[str]:
    for key, item in value.items():
        yield f"{_text(key, data, depth - 1)}: {_text(item, data, depth - 1)}"


def _fields(value: Any, data: bool, depth: int) -> list[str]:
    cls = type(value)
    if cls.__module__.startswith("actorsock."):
        return _arguments(value, data, depth)
    fields = [field.name for field in attrs.fields(cls) if field.repr]
    return [f"{name}={_text(getattr(value, name), data, depth - 1)}" for name in fields]


def _arguments(value: Any, data: bool, depth: int) -> list[str]:
    """Return the arguments of a call that makes `value`, without those that are the defaults."""
    positional: list[str] = []
    keywords: list[str] = []
    needed = 0
    for name, parameter in signature(type(value)).parameters.items():
        argument = getattr(value, name)
        if parameter.kind is Parameter.VAR_POSITIONAL:  # NextState(state, *actions)
            positional += [_text(item, data, depth - 1) for item in argument[:_MOST]]
            needed = len(positional)
            continue
        text = _text(argument, data, depth - 1)
        default = _is_default(parameter.default, argument)
        if parameter.kind is Parameter.KEYWORD_ONLY:
            keywords += [] if default else [f"{name}={text}"]
            continue
        positional.append(text)
        if not default:
            needed = len(positional)
    return positional[:needed] + keywords


def _is_default(default: Any, value: Any) -> bool:
    # Compared only if that can't run code of the program.
    return value is default or (type(value) is type(default) in (int, float) and value == default)
