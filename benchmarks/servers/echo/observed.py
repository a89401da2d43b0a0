"""The echo of `actorsock`, observed. Arguments: `task` or `light`, and `served` or `traced`
with flags.

`served`: by the observer, whose address is printed behind the port. `traced`: the process of the
first connection, and its socket.
"""

import sys

from actorsock import Pid, observer, receive, run, spawn, trace
from actorsock.trace.sessions.events import FLAGS, Flag

from .actorsock import LIGHT, listener

OBSERVED = sys.argv[2]
CHOSEN: list[Flag] = [flag for flag in FLAGS if flag in sys.argv[3:]]


async def main() -> None:
    if OBSERVED == "served":
        async with observer.serve(0) as observed:
            spawn(listener, f" {observed.url}", light=LIGHT)
            await receive()
    else:
        with trace.session() as session:

            def traced(pid: Pid) -> None:
                trace.process(session, pid, CHOSEN)

            spawn(listener, "", traced, light=LIGHT)
            await receive()


if __name__ == "__main__":
    run(main)
