"""Registries of the program: names of servers that are not registered names of the runtime."""

from typing import Any, Final, Protocol

import attrs

from ...arguments import shown
from ...runtime.core.identity import Pid

__all__ = ["Registry", "ServerRef", "Via"]


class Registry(Protocol):
    """What a registry of names has to offer: a module of the program, or an object.

    The callbacks of Erlang's `{via, Module, Name}`. All are plain functions: a registry is a table
    in memory. It has to notice itself that a process ends, for example with a monitor of a process
    of its own. What a function raises, it raises in the process that uses the name.
    """

    def register_name(self, name: Any, pid: Pid) -> bool:
        """Register a name; return False if it is taken. Called by the new process itself."""
        ...

    def unregister_name(self, name: Any) -> object:
        """Remove a name. Called when the `init` of the process has failed."""
        ...

    def whereis_name(self, name: Any) -> Pid | None:
        """Return the pid that is registered as `name`, or None."""
        ...

    def send(self, name: Any, message: Any) -> object:
        """Send a message to the process; raise `ValueError` if there is none of that name."""
        ...


_FUNCTIONS: Final = ("register_name", "unregister_name", "whereis_name", "send")


def _has_functions(instance: object, attribute: Any, registry: Any) -> None:
    for name in _FUNCTIONS:
        if not callable(getattr(registry, name, None)):
            raise TypeError(
                f"registry: expected a module or object with the functions {', '.join(_FUNCTIONS)}"
                f"; {shown(registry)} has no {name}"
            )


@attrs.frozen
class Via:
    """The name of a server in a registry of the program. Erlang's `{via, Module, Name}`.

    It stands wherever a pid or a registered name does: as the `name` of `start`, and as the server
    of `call`, `cast`, `stop`, `send_request`, of the functions for supervisors and event managers,
    and of those in `sys`.

    Args:
        registry: a module or object with the functions of `Registry`.
        name: any value that the registry can handle.

    Raises:
        TypeError: `registry` lacks one of these functions.

    Example::

        room = otp.Via(rooms, ("room", 7))
        ok(await otp.start(Room, name=room))
        await otp.call(room, "enter")
    """

    registry: Registry = attrs.field(validator=_has_functions)
    name: Any

    def whereis(self) -> Pid | None:
        """Return the pid that the registry has for the name, or None."""
        return self.registry.whereis_name(self.name)

    def send(self, message: Any) -> None:
        """Send a message to the process of that name; `ValueError` if there is none."""
        self.registry.send(self.name, message)


ServerRef = Pid | str | Via | tuple[str, str]
"""What a server may be given by. Erlang's `server_ref()`.

A pid may be of another node. The pair is `(name, node)`, a registered name on a node of the cluster
that the runtime has joined (see `dist.start`).
"""
