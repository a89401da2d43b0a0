"""The socket service of one runtime: the poller and the registry that its sockets share."""

from typing import Final

import attrs

from ...runtime.core.node import Node
from ..options.settings import DEFAULTS, UNREGISTERED, Settings
from .poller import Poller, new_poller
from .registry import Registry

__all__ = ["Service", "existing_service", "service_of"]

_KEY: Final = "socket"


@attrs.define(eq=False)
class Service:
    """The poller and the registry of one runtime."""

    node: Node
    poller: Poller
    registry: Registry

    def settings(self, debug: bool, use_registry: bool | None) -> Settings:
        """Return the settings of a new socket; `use_registry` None stands for the default."""
        registered = self.registry.use_registry if use_registry is None else use_registry
        settings = DEFAULTS if registered else UNREGISTERED
        return attrs.evolve(settings, debug=True) if debug else settings


def existing_service(node: Node) -> Service | None:
    """Return the socket service of `node`, or None if it has had no socket yet."""
    service: Service | None = node.services.get(_KEY)
    return service


def service_of(node: Node) -> Service:
    """Return the socket service of `node`; make it for the first socket."""
    service = existing_service(node)
    if service is None:
        service = node.services[_KEY] = Service(node, new_poller(node.passes), Registry())
        node.at_close.append(service.poller.close)
    return service
