"""What may be done to a program from the page, where `control=True` allows it."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ..otp import CallError, sys
from ..runtime.api.linking import exit
from ..runtime.core.identity import Pid
from .questions.texts import pid_of
from .web.parameters import WrongParameter
from .web.site import Action, Json

__all__ = ["ACTIONS"]

_SECONDS: Final = 2.0
"""How long a behaviour may take to answer."""


async def _kill(wanted: Any) -> Json:
    exit(_pid(wanted), "kill")
    return {"done": True}


async def _suspend(wanted: Any) -> Json:
    return await _by_sys(sys.suspend, wanted)


async def _resume(wanted: Any) -> Json:
    return await _by_sys(sys.resume, wanted)


async def _collect(wanted: Any) -> Json:
    return {"done": True, "found": gc.collect()}


async def _by_sys(function: Callable[[Pid, float], Awaitable[None]], wanted: Any) -> Json:
    try:
        await function(_pid(wanted), _SECONDS)
    except CallError as exc:
        raise WrongParameter(f"pid: the process has not answered: {exc}") from None
    return {"done": True}


def _pid(wanted: Any) -> Pid:
    text = wanted.get("pid") if isinstance(wanted, dict) else None
    pid = pid_of(text) if isinstance(text, str) else None
    if pid is None:
        raise WrongParameter("pid: there is no such process")
    return pid


ACTIONS: Final[dict[str, Action]] = {
    "kill": _kill,
    "suspend": _suspend,
    "resume": _resume,
    "gc": _collect,
}
