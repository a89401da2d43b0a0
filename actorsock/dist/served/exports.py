"""The functions that may be called from other nodes: those that the program has exported."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

import attrs

from ...arguments import shown
from ..node.distribution import Distribution

__all__ = ["Exported", "export", "exported", "offered"]

F = TypeVar("F", bound=Callable[..., Any])


@attrs.frozen
class Exported:
    """A function that may be called."""

    function: Callable[..., Any]
    light: bool


_exported: Final[dict[tuple[str, str], Exported]] = {}


@overload
def export(function: F, /) -> F: ...
@overload
def export(function: F, /, module: str, name: str | None = None, *, light: bool = False) -> F: ...
def export(
    function: F, /, module: str | None = None, name: str | None = None, *, light: bool = False
) -> F:
    """Let other nodes call a function: `rpc:call('py@host', shop, price, [Article])`.

    Nothing else of the program can be called, or started as a process, from another node. What it
    returns, or raises, goes back: a result of no form that can be sent is an error of the call.

    Args:
        function: a plain or an async function. It runs in a process of its own.
        module: the module that callers name; by default the function's own, as it is imported.
        name: the function that callers name; by default its own name.
        light: True runs it as a light process: see `spawn`.

    Returns:
        `function`, so that `@dist.export` can stand in front of it.

    Raises:
        TypeError: `function` can't be called.

    Example::

        @dist.export
        async def price(article):
            return await otp.call("till", article)

        dist.export(price, "shop", "price")
    """
    if not callable(function):
        raise TypeError(f"function: expected a function, got {shown(function)}")
    key = module or function.__module__, name or function.__name__
    _exported[key] = Exported(function, light)
    return function


def exported(module: Any, name: Any) -> Exported | None:
    """Return what was exported under these names."""
    return _exported.get((module, name)) if isinstance(module, str) else None


def offered(node: Distribution, module: Any, name: Any, arity: int) -> Exported | None:
    """Return what another node may call by these names: of the program, or of the library itself.

    What the program has exported comes first, also in place of a function of the library.
    """
    found = exported(module, name)
    if found is None and node.offered is not None:
        function = node.offered(module, name, arity)
        found = None if function is None else Exported(function, light=False)
    return found
