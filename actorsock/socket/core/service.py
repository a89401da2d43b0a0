"""What the sockets of one runtime share: a poller and the registry."""

from typing import Final

import attrs

from ...runtime.core.node import Node
from ..options.settings import DEFAULTS, UNREGISTERED, Settings
from .poller import EpollPoller, Poller, new_poller
from .registry import Registry

__all__ = ["Service", "opened", "service_of"]

_KEY: Final = "socket"


@attrs.define(eq=False)
class Service:
    """The socket side of one runtime."""

    node: Node
    poller: Poller
    registry: Registry

    def settings(self, debug: bool, use_registry: bool | None) -> Settings:
        """What a new socket starts with; None: it is registered if others are by default."""
        registered = self.registry.use_registry if use_registry is None else use_registry
        settings = DEFAULTS if registered else UNREGISTERED
        return attrs.evolve(settings, debug=True) if debug else settings


def opened(node: Node) -> Service | None:
    """The service of `node`, if a socket has ever asked for it."""
    service: Service | None = node.services.get(_KEY)
    return service


def service_of(node: Node) -> Service:
    """The service of `node`; made when the first socket asks for it."""
    service = opened(node)
    if service is None:
        poller = new_poller(node.passes)
        if isinstance(poller, EpollPoller):
            node.epolls.add(poller.fileno())
        service = node.services[_KEY] = Service(node, poller, Registry())
        node.at_close.append(service.poller.close)
    return service
