"""A small shop to look into: a supervisor, servers, connections, and two servers that are stuck.

It is observed until Ctrl-C: open the address that it prints, or run `actorsock observe` in another
terminal. Its arguments are the seconds after which it ends, and a port.

It needs h11: pip install 'actorsock[observer]'
"""

import sys
from functools import partial
from math import inf
from typing import Any

import trio

from actorsock import (
    Ok,
    SocketStream,
    observer,
    ok,
    otp,
    run,
    send_after,
    serve_tcp,
    set_label,
    sleep,
    socket,
    spawn,
)
from actorsock.otp import ChildSpec


class Counter(otp.GenServer):
    """Counts what is sold."""

    def init(self) -> None:
        self.sold = 0

    def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        self.sold += 1
        return otp.Reply(self.sold)


class Clerk(otp.GenServer):
    """Asks another clerk before it answers: two of them may wait for each other."""

    async def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call(request, "a question", inf))


class Shop(otp.Supervisor):
    """Keeps the counter and the clerks running."""

    def init(self) -> Any:
        return otp.SupervisorFlags(), [
            ChildSpec("counter", partial(otp.start_link, name="counter"), (Counter,)),
            ChildSpec("orders", partial(otp.start_link, name="orders"), (Clerk,)),
            ChildSpec("billing", partial(otp.start_link, name="billing"), (Clerk,)),
        ]


async def customer(number: int) -> None:
    """Buy something, again and again."""
    set_label(f"customer {number}")
    while True:
        await otp.call("counter", "one more")
        await sleep(0.02 * (1 + number % 7))


async def window_shopper() -> None:
    """Look for a long time."""
    await sleep(inf)


async def till(stream: SocketStream) -> None:
    """Serve one connection."""
    set_label("till")
    async for data in stream:
        await stream.send_all(data)


async def card_reader(port: int) -> None:
    """Pay over a connection, now and then."""
    async with ok(socket.open("inet", "stream", "tcp")) as sock:
        ok(await socket.connect(sock, ("127.0.0.1", port)))
        while True:
            ok(await socket.send(sock, b"5.00"))
            match await socket.recv(sock):
                case Ok():
                    await sleep(0.5)


async def main(*words: str) -> None:
    """Open the shop."""
    seconds, port = (*words, *("inf", "9911")[len(words) :])
    async with observer.serve(int(port), messages=True) as observed, trio.open_nursery() as nursery:
        print(observed.url, flush=True)
        ok(await otp.start_link(Shop, name="shop"))
        (listener,) = await nursery.start(partial(serve_tcp, host="127.0.0.1"), till, 0)
        for number in range(30):
            spawn(customer, number)
        for _ in range(1000):
            spawn(window_shopper, light=True)
        for _ in range(5):
            spawn(card_reader, listener.port)
        send_after(3600, "counter", "close")
        # The two ask each other, and neither can answer.
        otp.send_request("orders", "billing")
        otp.send_request("billing", "orders")
        await sleep(float(seconds))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    run(main, *sys.argv[1:])
