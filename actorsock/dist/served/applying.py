"""Running functions that the program has sent which has started this one, and nobody else.

Such a function is any that can be imported here, so the right to send one is a key that only the
two programs know. The key goes with each of them, as the cookie's proof goes with a connection.
"""

import hmac
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from ...arguments import shown
from ...runtime.api.messaging import current_pid
from ...runtime.api.naming import register
from ..node.distribution import Distribution, distribution
from .exports import export
from .parcels import opened, packed

__all__ = ["MODULE", "as_request", "take_functions"]

MODULE: Final = "actorsock"
"""The module under which the functions below are asked for."""


def as_request(
    node: Distribution,
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *more: Any,
) -> list[Any]:
    """Return the arguments of a request to run `function` on the node `name`.

    Raises `ValueError` if that does not take functions of this program, `TypeError` if `function`
    or an argument can't be sent.
    """
    key = node.keys.get(name)
    if key is None:
        raise ValueError(
            f"node: {shown(name)} was not started by this program (dist.peer), and runs no "
            "function but what it exports: name its module and function"
        )
    return [key, packed(node, function, args, kwargs), *more]


def take_functions(key: bytes) -> None:
    """Serve such requests from who knows the key."""

    async def apply(their_key: Any, data: Any, name: Any = None) -> Any:
        if not (type(their_key) is bytes and hmac.compare_digest(their_key, key)):
            raise PermissionError("only the program that has started this one may send functions")
        function, args, kwargs = opened(distribution(), data)
        if name is not None:
            register(name, current_pid())
        value = function(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value

    export(apply, MODULE, "apply")
    export(apply, MODULE, "apply_light", light=True)
