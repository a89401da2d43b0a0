"""The socket service of one runtime: the poller and the registry that its sockets share."""

import logging
import os
import select
from typing import Final

import attrs

from ...runtime.core.node import Node
from ...runtime.core.passes import Passes
from ...runtime.core.process import Process
from ..options.settings import DEFAULTS, UNREGISTERED, Settings
from .epoll_poller import EpollPoller
from .poller import Poller
from .registry import Registry
from .trio_poller import TrioPoller

__all__ = ["Service", "existing_service", "log_opening", "new_poller", "registry_of", "service_of"]

_log: Final = logging.getLogger("actorsock.socket")

_KEY: Final = "socket"
_REGISTRY_KEY: Final = "socket registry"


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


def new_poller(passes: Passes) -> Poller:
    """Return the best poller for this platform; an `EpollPoller` collects its events in `passes`.

    The environment variable `ACTORSOCK_POLLER` set to `trio` selects the portable one.
    """
    if hasattr(select, "epoll") and os.environ.get("ACTORSOCK_POLLER") != "trio":
        return EpollPoller(passes)
    return TrioPoller()


def existing_service(node: Node) -> Service | None:
    """Return the socket service of `node`, or None if it has had no socket yet."""
    service: Service | None = node.services.get(_KEY)
    return service


def service_of(node: Node) -> Service:
    """Return the socket service of `node`; make it for the first socket.

    Raises `OSError` if the operating system refuses the poller a descriptor.
    """
    service = existing_service(node)
    if service is None:
        poller = new_poller(node.passes)
        if isinstance(poller, EpollPoller):
            node.epolls.add(poller.fileno())
        service = node.services[_KEY] = Service(node, poller, registry_of(node))
        node.at_close.append(poller.close)
    return service


def log_opening(by: Process, name: str, kind: tuple[object, ...], outcome: object) -> None:
    """Log the call `name` by which `by` has opened a socket or has failed to, if that is asked."""
    if registry_of(by.node).debug:
        _log.debug("%s%r by %r: %r", name, kind, by.pid, outcome)


def registry_of(node: Node) -> Registry:
    """Return the registry of the sockets of `node`, also before the first socket; never fails."""
    registry: Registry | None = node.services.get(_REGISTRY_KEY)
    if registry is None:
        registry = node.services[_REGISTRY_KEY] = Registry()
    return registry
