"""Compiling the native core when a wheel of actorsock is built, or the project is installed.

Called by hatchling; it is not part of the running library. Without a compiler, or the headers of
Python, the wheel is the pure one, and a line says so.
"""

import os
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

# Only the build has hatchling.
from hatchling.builders.hooks.plugin.interface import (  # pyright: ignore[reportMissingImports]
    BuildHookInterface,
)
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

_MODULE = "actorsock._native._core"
# Hidden: the files call each other directly, not through the table of exported symbols. Without a
# PLT: a call of Python's costs one jump, and one line of the CPU's cache, less.
_OPTIMISE = ["-O3", "-g0", "-fno-strict-aliasing", "-fvisibility=hidden", "-fno-plt"]
_FLAGS = [*_OPTIMISE, "-Wall", "-Wextra", "-Wno-unused-parameter"]


class NativeCore(BuildHookInterface[Any]):
    """Adds the extension module to wheels, and puts it beside its source for editable installs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling's `BuildHookInterface`."""
        if self.target_name != "wheel" or os.environ.get("ACTORSOCK_PURE") == "1":
            return
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            return  # such builds use the pure Python: see `_native`
        root = Path(self.root)
        target = root if version == "editable" else Path(tempfile.mkdtemp(prefix="actorsock"))
        try:
            library = compile_core(root, target)
        except BaseException as exc:  # setuptools raises what distutils did, SystemExit included
            reason = str(exc).strip() or type(exc).__name__
            self.app.display_warning(f"actorsock is installed without its native core: {reason}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version != "editable":
            build_data["force_include"][str(library)] = str(library.relative_to(target))


def compile_core(root: Path, target: Path) -> Path:
    """Compile the sources below `root`; return the library, in its package below `target`."""
    sources = sorted(str(path) for path in (root / "actorsock/_native").rglob("*.c"))
    extension = Extension(_MODULE, sources, extra_compile_args=_FLAGS if os.name == "posix" else [])
    command = build_ext(Distribution({"name": "actorsock", "ext_modules": [extension]}))
    with tempfile.TemporaryDirectory() as objects:
        command.build_lib, command.build_temp = str(target), objects
        command.ensure_finalized()
        command.run()
    return target / str(command.get_ext_filename(_MODULE))
