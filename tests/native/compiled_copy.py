"""A copy of the project whose native core is compiled in another way, for tools that look at C."""

import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("actorsock", "tests", "pytest_actorsock.py", "pyproject.toml")
COMPILE = [
    *("gcc", "-shared", "-fPIC", "-g", "-O1", "-fno-strict-aliasing"),
    *("-Wall", "-Wextra", "-Wno-unused-parameter"),
]


@contextmanager
def compiled_copy(*flags: str) -> Iterator[Path]:
    """Compile the core with further flags; the value is the folder of the copy."""
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
        sources = sorted(str(path) for path in core.rglob("*.c"))
        subprocess.run([*COMPILE, *flags, include, *sources, "-o", str(library)], check=True)
        yield copy
