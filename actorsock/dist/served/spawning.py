"""Requests of other nodes to start a process here.

What `erpc` and `rpc` of Erlang ask for is a process that runs `erpc:execute_call`, and whose exit
reason is the result. So calls need nothing but spawn and monitor.
"""

import inspect
import logging
from collections.abc import Sequence
from typing import Any, Final

from ...log_text import text_of
from ...runtime.api.linking import exit
from ...runtime.api.spawning import spawn
from ...runtime.core.identity import Pid
from ...runtime.core.process import ExitError, ProcessExit, alive
from ..node.distribution import Distribution
from ..node.identities import FarPid, FarRef
from ..node.peer import Peer
from ..terms.values import Atom
from ..terms.writing import Encoded
from .exports import Exported, offered
from .leader import leader_there

__all__ = ["run_exported", "serve_spawn"]

_log: Final = logging.getLogger("actorsock.dist")

_A: Final = Atom


def serve_spawn(node: Distribution, peer: Peer, request: dict[str, Any]) -> None:
    """Start the process that another node asks for, and answer."""
    ref, parent = request["ref"], request["sender"]
    match request["function"], request["options"], request["arguments"]:
        case (str(module), str(name), int()), list(options), list(arguments):
            token = leader_there.set(request["leader"])
            try:
                pid = _start(node, peer, module, name, arguments)
            finally:
                leader_there.reset(token)
            process = alive[pid]
            flags = [_is_asked(options, "link"), _is_asked(options, "monitor")]
            assert isinstance(parent, FarPid)
            assert isinstance(ref, FarRef)
            # The answer goes out before any signal of the process, which has not run yet.
            peer.ties.spawned(parent, ref, flags[0] | flags[1] << 1, pid)
            peer.ties.adopt(process, parent, ref, *flags)
        case _:
            peer.ties.spawned(parent, ref, 0, _A("badarg"))


def _is_asked(options: list[Any], word: str) -> bool:
    return any(option == word or _is_pair(option, word) for option in options)


def _is_pair(option: Any, word: str) -> bool:
    return type(option) is tuple and len(option) == 2 and option[0] == word


def _start(node: Distribution, peer: Peer, module: str, name: str, arguments: list[Any]) -> Pid:
    match module, name, arguments:
        case "erpc", "execute_call", [ref, str(of), str(function), list(args)]:
            return spawn(_call, node, peer, ref, of, function, args)
        case "erpc", "execute_cast", [str(of), str(function), list(args)]:
            module, name, arguments = of, function, args
    found = offered(node, module, name, len(arguments))
    if found is None:
        _log.warning("another node asks for %s:%s, which is not exported", module, name)
        return spawn(_undefined, module, name, arguments, light=True)
    return spawn(_run, found, arguments, light=found.light)


async def run_exported(found: Exported, args: Sequence[Any]) -> Any:
    """Call an exported function, plain or async."""
    value = found.function(*args)
    return await value if inspect.isawaitable(value) else value


async def _run(found: Exported, args: Sequence[Any]) -> None:
    await run_exported(found, args)


async def _undefined(module: str, name: str, args: list[Any]) -> None:
    exit(_undef(module, name, args))


def _undef(module: str, name: str, args: list[Any]) -> Any:
    return _A("undef"), [(_A(module), _A(name), args, [])]


async def _call(
    node: Distribution, peer: Peer, ref: Any, module: str, name: str, args: list[Any]
) -> None:
    """Do what `erpc:execute_call/4` does: end with the result as the reason."""
    found = offered(node, module, name, len(args))
    if found is None:
        _log.warning("another node calls %s:%s, which is not exported", module, name)
        exit((ref, _A("error"), *_undef(module, name, args)))
    try:
        value = await run_exported(found, args)
        body = bytearray()
        peer.writer.write(body, value)  # a result that is no term is an error of the call
    except (ProcessExit, ExitError) as exc:
        exit((ref, _A("exit"), _term_of(exc.reason)))
    except Exception as exc:
        _log.info("%s:%s, called from another node, raised %s", module, name, text_of(exc))
        exit((ref, _A("error"), _error(exc), []))
    exit((ref, _A("return"), Encoded(bytes(body))))


def _error(exc: Exception) -> Any:
    return _A(type(exc).__name__[:255]), str(exc).encode(errors="replace").decode()


def _term_of(reason: Any) -> Any:
    return _A(reason) if type(reason) is str else reason
