"""Checking the arguments of the public functions."""

from typing import Any

from ...arguments import exact_str, shown

__all__ = ["check_node", "check_word_of", "list_of"]


def check_node(node: Any, argument: str = "node") -> str:
    """Return the name of a node, `name@host`, as a plain str."""
    if not issubclass(type(node), str):
        raise TypeError(f"{argument}: expected the name of a node, got {shown(node)}")
    text = exact_str(node)
    name, at, host = text.partition("@")
    if not (name and at and host) or "@" in host or len(text) > 255:
        raise ValueError(f"{argument}: expected name@host, got {shown(node)}")
    return text


def check_word_of(argument: str, value: Any) -> str:
    """Return the name of a module, a function or a process as a plain str."""
    if not issubclass(type(value), str):
        raise TypeError(f"{argument}: expected a str, got {shown(value)}")
    text = exact_str(value)
    if not 0 < len(text) <= 255:
        raise ValueError(f"{argument}: expected 1 to 255 characters, got {shown(value)}")
    return text


def list_of(argument: str, value: Any) -> list[Any]:
    """Return arguments as a list."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{argument}: expected a list or a tuple of arguments, got {shown(value)}")
    return list(value)
