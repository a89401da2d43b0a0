"""Compare actorsock with Erlang: `python -m tests.conformance`, or `make conformance`.

With words as arguments, only the scenarios whose titles contain one of them are compared, and no
walks. Environment variables: ERL (the path of Erlang), WALKS (the number of random walks over
each kind of sockets) and SEED.
"""

import os
import random
import sys
import time
from typing import Final

from .running import bench, run_all, unused, written
from .sides.erlang_side import HOW_TO_INSTALL, NoErlang, find_erlang
from .walks.walking import walk
from .walks.walks_of_ports import WORLDS_OF_PORTS
from .walks.walks_of_sockets import WORLDS_OF_SOCKETS

WALKS = 300

WORLDS: Final = {"socket": WORLDS_OF_SOCKETS, "gen_tcp and gen_udp": WORLDS_OF_PORTS}


def main() -> int:
    """Compare, print the result, and return the exit status."""
    erl = find_erlang()
    if erl is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    words = sys.argv[1:]
    walks = 0 if words else int(os.environ.get("WALKS") or WALKS)
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    chosen = [each for each in written() if not words or any(w in each.title for w in words)]
    with bench(erl) as one:
        release = one.erlang.release
        started = time.monotonic()
        found = run_all(one, chosen)
        for mismatch in found:
            print(mismatch, end="\n\n")
        print(
            f"{sum(map(one.erlang.performs, chosen))} scenarios compared with "
            f"Erlang/OTP {release} in {time.monotonic() - started:.0f} seconds: "
            f"{len(found)} differ"
        )
        left = [] if words else unused(one)
        for entry in left:
            print(f"the table explains a difference that does not occur: {entry.reason}")
        for name, worlds in WORLDS.items() if walks else ():
            started = time.monotonic()
            differs = walk(one, worlds, walks, seed)
            found += [] if differs is None else [differs]
            print(
                f"{walks} random walks over {name} in {time.monotonic() - started:.0f} seconds: "
                "none differs"
                if differs is None
                else f"a walk over {name} of SEED={seed} WALKS={walks} differs; at its shortest:\n"
                f"{differs}"
            )
    return 1 if found or left else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoErlang as problem:
        sys.exit(str(problem))
