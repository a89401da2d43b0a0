"""Use every twin a few times under valgrind: `make valgrind`.

Valgrind takes much in CPython itself for an error. So those count alone whose stack passes through
the native core.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

from .compiled_copy import ROOT, compiled_copy

USE = """
from actorsock import native, run
from tests.native.test_memory import play

async def main():
    for _ in range(5):
        await play()

assert native
run(main)
"""
SOURCES = [path.name for path in (ROOT / "actorsock" / "_native").rglob("*.[ch]")]
OURS = re.compile(rf"\((?:{'|'.join(map(re.escape, SOURCES))}):\d+\)")


def main() -> int:
    """Print the errors that concern the native core; return 1 if there are any."""
    with compiled_copy() as copy:
        log = copy / "valgrind.log"
        command = ["valgrind", "--num-callers=40", f"--log-file={log}", sys.executable, "-c", USE]
        environment = {**os.environ, "PYTHONMALLOC": "malloc", "PYTHONPATH": str(copy)}
        subprocess.run(command, cwd=copy, env=environment, check=True)
        errors = list(_errors(log.read_text(encoding="utf-8")))
    ours = [error for error in errors if OURS.search(error)]
    print("\n\n".join([*ours, f"valgrind: {len(ours)} errors in the native core"]))
    return 1 if ours else 0


def _errors(log: str) -> Iterator[str]:
    """Generate the parts of a log that have a stack: the paragraphs."""
    text = re.sub(r"(?m)^==\d+== ?", "", log)
    yield from (part for part in text.split("\n\n") if " at 0x" in part)


if __name__ == "__main__":
    sys.exit(main())
