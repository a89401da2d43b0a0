"""`CallError`: the failure of a call, for every function that waits for another process."""

from typing import Any

from ...log_text import text_of
from ...runtime.core.process import ExitError
from .registries import ServerRef

__all__ = ["CallError"]


class CallError(ExitError):
    """There will be no answer: raised by `call` and by every function that is built on calls.

    Erlang's exit `{Reason, {gen_server, call, Args}}`. It is an `Exception`, so that
    `except Exception` of a web framework catches it. A process that does not catch it ends with
    `reason`, and without a crash report: it has not failed itself.

    The exit signal that ends the calling process during a call is another exception, `ExitSignal`
    or `trio.Cancelled`: an `except CallError` never catches the caller's own end.

    Attributes:
        reason: the exit reason of the server, if it ended before it answered; otherwise
            `"noproc"` (there is no such process), `"noconnection"` (no way to its node),
            `"timeout"`, `"overloaded"` (its mailbox has reached its `Limit`) or `"calling_self"`.
            If it is an exception (the server crashed), it is the `__cause__` too.
        server: the pid or the name that the function was given.
        request: the request, or the argument of the function.
        function: the name of the function that failed, such as `"call"` or `"sys.get_state"`.

    Example::

        try:
            price = await otp.call("till", "apple", timeout=1)
        except otp.CallError as exc:
            print(f"no price: {exc.reason!r}")
    """

    server: ServerRef
    request: Any
    function: str

    def __init__(
        self, reason: Any, server: ServerRef, request: Any, function: str = "call"
    ) -> None:
        super().__init__(reason, server, request, function)
        self.server = server
        self.request = request
        self.function = function

    def __str__(self) -> str:
        call = f"{self.function}({text_of(self.server)}, {text_of(self.request)})"
        return f"{text_of(self.reason)} in {call}"

    def __repr__(self) -> str:
        return f"CallError({', '.join(map(text_of, (self.reason, self.server, self.request)))})"
