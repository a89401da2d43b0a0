"""Compare actorsock with Erlang: `python -m tests.conformance`, or `make conformance`.

With words as arguments, only the scenarios whose titles contain one of them are compared, and no
walks. Environment variables: ERL (the path of Erlang), WALKS (the number of random walks) and SEED.
"""

import os
import sys
import time

from .erlang_side import HOW_TO_INSTALL, NoErlang, find_erlang
from .running import bench, run_all, unused, written
from .walks import walk

WALKS = 300


def main() -> int:
    """Compare, print the result, and return the exit status."""
    erl = find_erlang()
    if erl is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    words = sys.argv[1:]
    walks = 0 if words else int(os.environ.get("WALKS") or WALKS)
    seed = os.environ.get("SEED") or None
    chosen = [each for each in written() if not words or any(w in each.title for w in words)]
    with bench(erl) as one:
        release = one.erlang.release
        started = time.monotonic()
        found = run_all(one, chosen)
        for mismatch in found:
            print(mismatch, end="\n\n")
        print(
            f"{sum(each.since <= release for each in chosen)} scenarios compared with "
            f"Erlang/OTP {release} in {time.monotonic() - started:.0f} seconds: "
            f"{len(found)} differ"
        )
        left = [] if words else unused(one)
        for entry in left:
            print(f"the table explains a difference that does not occur: {entry.reason}")
        if walks:
            started = time.monotonic()
            differs = walk(one, walks, None if seed is None else int(seed))
            found += [] if differs is None else [differs]
            print(
                f"{walks} random walks in {time.monotonic() - started:.0f} seconds: none differs"
                if differs is None
                else f"a random walk differs; at its shortest:\n{differs}"
            )
    return 1 if found or left else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoErlang as problem:
        sys.exit(str(problem))
