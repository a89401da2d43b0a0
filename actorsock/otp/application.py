"""`Application`: a supervision tree that is started and stopped as a whole.

An application is a server like any other (its process is Erlang's application master), so
`start`, `start_link` and `stop` are its too. `run_application` makes a program of it. The tree,
and the process that has it, are in `application_tree`.
"""

import signal
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from ..arguments import shown
from ..results import Error, Ok
from ..runtime.api.linking import exit, monitor, trap_exit
from ..runtime.api.messaging import receive, send
from ..runtime.api.opening import run
from ..runtime.core.identity import Pid
from ..runtime.core.messages import Exit
from ..runtime.core.process import ProcessExit
from ..runtime.core.signals import is_word
from .application_tree import start_tree, stop_tree
from .behaviour.base import Behaviour
from .behaviour.engine import Looping
from .behaviour.exit_reasons import is_orderly
from .behaviour.outcomes import Stop
from .behaviour.starting import start
from .calls.protocol import StopRequest
from .server import rules as server_rules
from .server.gen_server import GenServer

__all__ = ["Application", "run_application"]


class Application(Behaviour):
    """Derive from it and write `start`, and `stop` if there is something to clean up."""

    def start(self, *args: Any, **kwargs: Any) -> Any:
        """Start the tree, plain or async: what `start_link` of its top supervisor returns."""
        raise NotImplementedError(f"{type(self).__qualname__} has no start")

    def prep_stop(self) -> Any:
        """Called, plain or async, when it is told to stop, and its tree still runs."""

    def stop(self) -> Any:
        """Called, plain or async, when the tree has ended."""

    @classmethod
    def _engine(cls) -> Looping:
        application = cls()
        master = _Master(application)
        return Looping(cls, master, server_rules.step, server_rules.Fresh())


def run_application(
    application: type[Application] | Callable[..., Awaitable[Ok[Pid] | Error]],
    *args: Any,
    clock: trio.abc.Clock | None = None,
) -> None:
    """Run a program that is one application, until SIGTERM or SIGINT, or until its tree ends.

    `application` is a class, or an async function that does what its `start` would. A signal
    stops the tree in order, children before those that were started before them, and returns; a
    second signal does not wait for them. If the tree can't be started or ends by itself, with
    any reason but `"normal"`, `ProcessExit` with the reason is raised.
    """
    run(_main, _as_class(application), args, clock=clock)


def _as_class(application: Any) -> type[Application]:
    if isinstance(application, type) and issubclass(application, Application):
        return application
    if isinstance(application, type) or not callable(application):
        raise TypeError(
            "application: expected a class derived from Application or an async function, "
            f"got {shown(application)}"
        )
    name = getattr(application, "__qualname__", "Application")
    return type(name, (Application,), {"start": staticmethod(application)})


async def _main(application: type[Application], args: tuple[Any, ...]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            starting = trio.CancelScope()
            asked_to_stop = trio.Event()
            master: list[Pid] = []

            def ask_to_stop() -> None:
                asked_to_stop.set()
                send(master[0], StopRequest("shutdown"))

            async def obey() -> None:
                async for _ in signals:
                    if not master:
                        starting.cancel()
                    elif not asked_to_stop.is_set():
                        ask_to_stop()
                    else:
                        exit(master[0], "kill")

            nursery.start_soon(obey)
            with starting:
                match await start(application, *args):
                    case Ok(pid):
                        master.append(pid)
                    case Error(reason):
                        raise ProcessExit(reason)
            if master:
                if starting.cancel_called:
                    ask_to_stop()  # the signal came when it had just started
                down = await receive(monitor(master[0]))
                if not asked_to_stop.is_set() and not is_word(down.reason, "normal"):
                    raise ProcessExit(down.reason)
            nursery.cancel_scope.cancel()


class _Master(GenServer):
    """Has the tree started, and ends with it or has it stopped."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def init(self, *args: Any) -> Any:
        trap_exit(True)
        match await start_tree(self._application, args):
            case Ok(pid):
                self._tree: Pid | None = pid
                return None
            case error:
                return error

    async def handle_info(self, message: Any) -> Any:
        match message:
            case Exit(pid, reason) if pid is self._tree:
                self._tree = None
                return Stop(reason)
        return None

    async def terminate(self, reason: Any) -> None:
        if self._tree is not None:
            end = await stop_tree(self._tree)
            if not is_orderly(end):
                exit(end)
