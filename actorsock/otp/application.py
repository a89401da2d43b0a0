"""`Application`: a supervision tree that is started and stopped as a whole.

The process of an application is a `GenServer`, Erlang's application master, so `start`,
`start_link` and `stop` work as for any behaviour. `run_application` makes a program of it. The
tree, and the process that owns it, are in `application_tree`.
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
from .behaviour.lifecycle import Stop
from .behaviour.starting import start
from .calls.protocol import StopRequest
from .server import rules as server_rules
from .server.gen_server import GenServer

__all__ = ["Application", "run_application"]


class Application(Behaviour):
    """An application: derive from it and write `start`. Erlang's `application` behaviour.

    `otp.start(Shop)` and `otp.stop(pid)` start and stop it inside a program; `run_application`
    runs it as the whole program. The process ends when its tree ends, with the same reason.

    Example::

        class Shop(otp.Application):
            async def start(self, sum):
                return await otp.start_link(ShopSupervisor, sum)

            def stop(self):
                print("closed")

        otp.run_application(Shop, 100)
    """

    def start(self, *args: Any, **kwargs: Any) -> Any:
        """Start the tree. Erlang's `Module:start/2`. May be async. Every class has to define it.

        Args:
            *args: the arguments of `otp.start` or `run_application`.
            **kwargs: none are passed; for subclasses that call each other's `start`.

        Returns:
            The result of `start_link` of the top supervisor: `Ok(pid)` or `Error(reason)`. A pid
            is accepted too.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no start")

    def prep_stop(self) -> Any:
        """Prepare to stop. Erlang's `Module:prep_stop/1`. May be async. The default does nothing.

        It is called when the application is stopped, while its tree still runs; not when the tree
        has ended by itself.
        """

    def stop(self) -> Any:
        """Clean up. Erlang's `Module:stop/1`. May be async. The default does nothing.

        It is called when the tree has ended, after a stop or by itself.
        """

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
    """Run an application as a program, until SIGTERM, SIGINT, or the end of its tree.

    The first signal stops the tree in order: children are stopped in the reverse order of their
    start. A second signal kills it. Corresponds to an Erlang release that runs until SIGTERM.

    Args:
        application: a class derived from `Application`, or an async function that does what
            `Application.start` does.
        *args: the arguments of its `start`.
        clock: the clock of the trio run, for tests; None (the default): trio's own.

    Raises:
        TypeError: `application` is neither of these.
        ProcessExit: the tree could not be started, or ended by itself with a reason other than
            `"normal"`; with that reason.
    """
    run(_main, _as_class(application), args, clock=clock)


def _as_class(application: Any) -> type[Application]:
    """Return the class, or make one of a function. Its name is shown in logs."""
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
            # A signal during the start cancels it; later the first one stops the application and
            # the second kills it. Each needs to know how far the program is: see `handle_signals`.
            starting = trio.CancelScope()
            asked_to_stop = trio.Event()
            master: list[Pid] = []

            def ask_to_stop() -> None:
                asked_to_stop.set()
                send(master[0], StopRequest("shutdown"))

            async def handle_signals() -> None:
                async for _ in signals:
                    if not master:
                        starting.cancel()
                    elif not asked_to_stop.is_set():
                        ask_to_stop()
                    else:
                        exit(master[0], "kill")

            nursery.start_soon(handle_signals)
            with starting:
                match await start(application, *args):
                    case Ok(pid):
                        master.append(pid)
                    case Error(reason):
                        raise ProcessExit(reason)
            if master:
                if starting.cancel_called:
                    ask_to_stop()  # the signal came between the start and its result
                down = await receive(monitor(master[0]))
                if not asked_to_stop.is_set() and not is_word(down.reason, "normal"):
                    raise ProcessExit(down.reason)
            nursery.cancel_scope.cancel()


class _Master(GenServer):
    """The application master: it starts the tree, ends with it, and stops it when it is stopped."""

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
                # A callback of the application has crashed: `otp.stop` reports that.
                exit(end)
