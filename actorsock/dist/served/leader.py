"""The group leader of processes that this node starts elsewhere: it shows what they print.

A process of an Erlang node prints by a request to its group leader, and waits for the answer: so
there must be one, or the process would hang.
"""

import logging
import sys
from contextvars import ContextVar
from typing import Any, Final

from ...arguments import shown
from ...log_text import text_of
from ...runtime.api.messaging import send
from ...runtime.api.spawning import spawn, spawn_handler
from ...runtime.core.identity import Pid
from ..node.asking import ErpcError, ask_for_call
from ..node.distribution import Distribution
from ..node.identities import FarPid
from ..terms.values import Atom

__all__ = ["leader_there", "start_leader"]

_log: Final = logging.getLogger("actorsock.dist")

leader_there: Final[ContextVar[Pid | None]] = ContextVar("actorsock leader", default=None)
"""The group leader on the other node, in a process that the other node has started here."""

_A: Final = Atom
_OK: Final = Atom("ok")
_UNABLE: Final = (Atom("error"), Atom("enotsup"))


def start_leader(node: Distribution) -> Pid:
    """Start the process, whose output goes to stdout."""
    node.leader = spawn_handler(_serve)
    return node.leader


def _serve(message: Any) -> None:
    match message:
        case (str("io_request"), FarPid() as asking, reply_as, request):
            match request:
                case (str("put_chars"), str(), str() as module, str() as name, list(args)):
                    # `io:format` leaves the formatting to the leader. Its node can do it.
                    spawn(_formatted, asking, reply_as, (module, name, args), light=True)
                case _:
                    _reply(asking, reply_as, _answer_to(request))
        case _:
            _log.debug("the group leader drops %s", shown(message))


def _reply(asking: Pid, reply_as: Any, answer: Any) -> None:
    send(asking, (_A("io_reply"), reply_as, answer))


def _answer_to(request: Any) -> Any:
    # stdout may be missing, a pipe that nobody reads any more, or unable to show a character. If
    # that ended this process, the node would end too, and with it the program.
    try:
        return _printed(request)
    except Exception as exc:
        _log.warning("what another node prints can't be shown: %s", text_of(exc))
        return _UNABLE


def _printed(request: Any) -> Any:
    match request:
        case (str("put_chars"), str(), chars) | (str("put_chars"), chars):
            sys.stdout.write(_characters(chars))
            sys.stdout.flush()
            return _OK
        case (str("requests"), list(requests)):
            answers = [_printed(one) for one in requests]
            return answers[-1] if answers else _OK
    return _UNABLE


async def _formatted(asking: FarPid, reply_as: Any, function: tuple[str, str, list[Any]]) -> None:
    module, name, args = function
    try:
        chars = await ask_for_call(asking.peer.name, (module, name), args, 5)
    except ErpcError:
        _reply(asking, reply_as, _UNABLE)
    else:
        _reply(asking, reply_as, _answer_to((_A("put_chars"), _A("unicode"), chars)))


def _characters(chars: Any) -> str:
    """Return the text of Erlang's `chardata`: code points and binaries, in lists at any depth."""
    text: list[str] = []
    left = [chars]
    while left:
        match left.pop():
            case bytes() as part:
                text.append(part.decode(errors="replace"))
            case int(point) if 0 <= point < 0x110000:
                text.append(chr(point))
            case list() as parts:
                left.extend(reversed(parts))
    return "".join(text)
