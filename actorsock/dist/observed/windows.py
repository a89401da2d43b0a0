"""The windows of observers: processes of other nodes with which people could end processes here.

A window is known because it has asked for something before: the window of applications itself, and
that of processes through a helper process that is linked with it. Exit signals from all other
processes of other nodes are taken.
"""

import logging
from typing import Any, Final

from ..node.asking import ErpcError, ask_for_call
from ..node.distribution import Distribution
from ..node.identities import FarPid
from ..terms.values import Atom

__all__ = ["Windows"]

_log: Final = logging.getLogger("actorsock.dist")

_PATIENCE: Final = 5.0
"""Seconds to wait for the links of a helper."""


class Windows:
    """The windows that have looked at one node."""

    def __init__(self, node: Distribution) -> None:
        self._node = node
        self._helpers: set[FarPid] = set()
        self._windows: set[FarPid] = set()

    def keeps_out(self, sender: FarPid, reason: Any) -> bool:
        """Return True, and log it, if `sender` is a window: its exit signal is dropped.

        A signal with the reason `normal` is let through: it ends no process of the program, and
        with it the window of applications ends the server that was started for it.
        """
        if sender not in self._windows or reason == "normal":
            return False
        _log.warning("dropped an exit signal from the observer %r: no control=True", sender)
        return True

    def note(self, window: object) -> None:
        """Note that the process `window` is a window of an observer."""
        self._forget()
        if isinstance(window, FarPid):
            self._windows.add(window)

    async def note_those_of(self, helper: object) -> None:
        """Note the windows that are linked with `helper`, unless that was done before."""
        if not isinstance(helper, FarPid) or helper in self._helpers:
            return
        peer = helper.peer.name
        asked = [helper, Atom("links")]
        try:
            answer = await ask_for_call(peer, ("erlang", "process_info"), asked, _PATIENCE)
        except ErpcError:
            return  # the node is down, or the helper has ended
        self._helpers.add(helper)
        for window in answer[1] if isinstance(answer, tuple) else []:
            self.note(window)

    def _forget(self) -> None:
        """Forget the processes of nodes that are not connected any more."""
        for known in (self._helpers, self._windows):
            known -= {pid for pid in known if pid.peer.name not in self._node.connected}
