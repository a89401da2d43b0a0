"""The program of a peer: a node that runs what its parent asks for, until the parent ends."""

import json
import logging
import signal
import sys
from contextlib import suppress
from functools import partial
from io import FileIO
from typing import Any

import attrs

from ...runtime.api.messaging import current_pid, receive, send
from ...runtime.api.opening import run
from ..api.starting import LocalNode, start
from ..node.asking import ErpcError, ask_for_call
from ..node.channel import Tls
from ..node.distribution import distribution
from ..node.epmd import NotRegistered
from ..served.applying import MODULE, take_functions
from ..served.importable import import_main
from .parent_watch import ParentWatch
from .plan import Plan

__all__ = ["main"]

_PATIENCE = 5.0
"""Seconds for the parent to tell where a node is."""


@attrs.frozen
class _Stop:
    """The parent has ended, or has told this program to end."""


def main(line: FileIO, told: dict[str, Any]) -> None:
    """Be a peer, as its parent has told."""
    # A terminal sends Ctrl-C to every program that it has started. The parent ends in good order
    # and its peers with it. Not `SIG_IGN`: programs that this one starts would inherit that.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    plan = Plan.from_told(told)
    sys.argv = plan.argv
    form = f"%(asctime)s {plan.name} %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=plan.level, format=form)
    if plan.main is not None:
        import_main(plan.main)
    watch = ParentWatch(line.fileno(), plan.pid, plan.shutdown)
    watch.start()
    with line:
        run(_serve, line, plan, watch)


async def _serve(line: FileIO, plan: Plan, watch: ParentWatch) -> None:
    watch.stop = partial(send, current_pid(), _Stop())
    take_functions(bytes.fromhex(plan.key))
    try:
        await _as_node(line, plan, plan.register)
    except NotRegistered as refusal:
        logging.getLogger("actorsock.dist").warning("%s is not registered: %s", plan.name, refusal)
        await _as_node(line, plan, False)


async def _as_node(line: FileIO, plan: Plan, register: bool) -> None:
    parent = plan.parent
    known = {} if plan.parent_address is None else {parent: plan.parent_address}
    node: LocalNode
    async with start(
        plan.name,
        cookie=plan.cookie,
        hidden=plan.hidden,
        listen=plan.listen,
        tls=None if plan.tls is None else Tls.from_files(*plan.tls),
        insecure=True,  # as the parent, which was asked
        epmd_port=plan.epmd_port,
        register=register,
        known=known,
        net_ticktime=plan.net_ticktime,
        none="nil" if plan.none == "nil" else "undefined",
    ) as node:
        distribution().find = partial(_find, parent)
        with suppress(BrokenPipeError):  # the parent has ended already: see `ParentWatch`
            line.write(json.dumps({"port": node.port}).encode() + b"\n")
        await receive(_Stop)


async def _find(parent: str, name: str) -> tuple[str, int] | None:
    """Ask the parent for the address of a node, which may be another peer of it."""
    if name == parent:
        return None
    try:
        found = await ask_for_call(parent, (MODULE, "where"), [name], _PATIENCE)
    except ErpcError:
        return None
    return found and (str(found[0]), int(found[1]))
