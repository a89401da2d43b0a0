"""A Python worker in an Erlang cluster, which the supervisor of another node starts and calls.

    epmd -daemon
    export ACTORSOCK_COOKIE=change-me
    actorsock run --name worker@127.0.0.1 worker:main

Then start the other node: shop.erl says how.
"""

from typing import Any

import trio

from actorsock import dist, otp
from actorsock.dist import Atom
from actorsock.otp import Reply


class Prices(otp.GenServer):
    """Keeps the prices of a shop. An unknown article crashes it, as in Erlang."""

    def init(self) -> None:
        self.prices = {b"apple": 50, b"pear": 70}

    def handle_call(self, request: Any, caller: otp.Caller) -> Reply:
        match request:
            case ("price", bytes(article)):
                return Reply(self.prices[article])
            case ("set", bytes(article), int(price)):
                self.prices[article] = price
                return Reply(Atom("ok"))
        return Reply((Atom("error"), Atom("unknown")))


@dist.export
async def start() -> Any:
    """Start a server, to which the supervisor of the other node then links itself."""
    return await otp.start(Prices)  # {ok, Pid}, or {error, Reason}


@dist.export
def total(articles: list[tuple[bytes, int]]) -> int:
    """What Python may be wanted for: any function, called by rpc."""
    return sum(price for _, price in articles)


async def main() -> None:
    print("the worker is", dist.node(), flush=True)
    await trio.sleep_forever()
