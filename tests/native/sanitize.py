"""Run tests with a native core that is compiled for the sanitizers of gcc: `make sanitize`."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("actorsock", "tests", "pytest_actorsock.py", "pyproject.toml")
COMPILE = [
    *("gcc", "-shared", "-fPIC", "-g", "-O1", "-fno-strict-aliasing", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-Wall", "-Wextra", "-Wno-unused-parameter"),
]


def main(tests: list[str]) -> int:
    """Compile the core in a copy of the project, run `tests` there; return their exit status."""
    with tempfile.TemporaryDirectory(prefix="actorsock") as name:
        copy = Path(name)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.so")
                shutil.copytree(source, copy / part, ignore=ignored)
            else:
                shutil.copy(source, copy / part)
        core = copy / "actorsock" / "_native"
        library = core / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
        include = f"-I{sysconfig.get_path('include')}"
        sources = sorted(str(path) for path in core.glob("*.c"))
        subprocess.run([*COMPILE, include, *sources, "-o", str(library)], check=True)
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
