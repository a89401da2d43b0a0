"""Run tests with a native core that is compiled for the sanitizers of gcc: `make sanitize`."""

import os
import subprocess
import sys

from .compiled_copy import compiled_copy

SANITIZED = ("-fno-omit-frame-pointer", "-fsanitize=address,undefined")


def main(tests: list[str]) -> int:
    """Compile the core in a copy of the project, run `tests` there; return their exit status."""
    with compiled_copy(*SANITIZED) as copy:
        environment = {
            **os.environ,
            "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')}",
            # CPython itself leaves memory at its end.
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": str(copy),
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", *tests]
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def _library(name: str) -> str:
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
