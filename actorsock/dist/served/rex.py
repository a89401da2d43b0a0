"""`rex`, the server of the older forms of Erlang's `rpc`, such as `rpc:block_call`."""

import logging
from typing import Any, Final

from ...log_text import text_of
from ...otp.calls.calling import reply
from ...otp.calls.protocol import Caller
from ...otp.server.gen_server import GenServer
from ...otp.server.outcomes import NoReply, Reply
from ...runtime.api.spawning import spawn
from ...runtime.core.process import ExitError, ProcessExit
from ..node.distribution import Distribution
from ..node.reasons import write_reason
from ..terms.values import Atom
from ..terms.writing import Encoded
from .exports import offered
from .spawning import run_exported

__all__ = ["Rex"]

_log: Final = logging.getLogger("actorsock.dist")

_A: Final = Atom


class Rex(GenServer):
    """Calls exported functions for other nodes."""

    def init(self, node: Distribution) -> None:
        self.node = node

    def handle_call(self, request: Any, caller: Caller) -> Reply | NoReply:
        match request:
            case (str("call" | "block_call"), str(module), str(name), list(args), _):
                spawn(_answer, self.node, caller, module, name, args)
                return NoReply()
            case (str("features_request"), _):
                return Reply((_A("features_reply"), _A(self.node.name), []))
        return Reply((_A("badrpc"), _A("notsup")))

    def handle_cast(self, request: Any) -> None:
        match request:
            case (str("cast"), str(module), str(name), list(args), _):
                spawn(_answer, self.node, None, module, name, args)
            case _:
                _log.debug("rex drops %s", text_of(request))

    def handle_info(self, message: Any) -> None:
        _log.debug("rex drops %s", text_of(message))

    def format_status(self) -> Any:
        return {"node": self.node.name}


async def _answer(
    node: Distribution, caller: Caller | None, module: str, name: str, args: list[Any]
) -> None:
    value = await _value(node, module, name, args)
    if caller is not None:
        reply(caller, value)


async def _value(node: Distribution, module: str, name: str, args: list[Any]) -> Any:
    found = offered(node, module, name, len(args))
    if found is None:
        _log.warning("another node calls %s:%s, which is not exported", module, name)
        return _bad((_A("undef"), [(_A(module), _A(name), args, [])]))
    try:
        value = await run_exported(found, args)
        node.writer.write(bytearray(), value)
    except (ProcessExit, ExitError) as exc:
        return _bad(_encoded(node, exc.reason))
    except Exception as exc:
        return _bad(_encoded(node, exc))
    return value


def _encoded(node: Distribution, reason: Any) -> Encoded:
    # Whatever the reason is: the caller monitors `rex`, and would wait for an answer for ever.
    body = bytearray()
    write_reason(node.writer, body, reason)
    return Encoded(bytes(body))


def _bad(reason: Any) -> Any:
    return _A("badrpc"), (_A("EXIT"), reason)
