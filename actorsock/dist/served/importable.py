"""Functions and classes by their names: of a module, and in it.

Only what another program of the same code can import has such a name. That is checked here before
anything is sent.
"""

import importlib
import sys
from functools import reduce
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from ...arguments import shown
from ..node.records import MAIN, MAIN_COPY, module_of

__all__ = ["NotImportable", "import_main", "importable_name", "imported", "main_file"]

_ADVICE: Final = "define it with `def` or `class` at the top of a module"


class NotImportable(ImportError):
    """A function that another program has named can't be had here."""


def importable_name(value: Any) -> tuple[str, str]:
    """Return the names of a function or class; raise `TypeError` if it can't be imported by them.

    The text of the exception begins with what `value` is, and says what to do.
    """
    name = getattr(value, "__qualname__", None)
    if type(name) is not str or type(getattr(value, "__module__", None)) is not str:
        raise TypeError(f"{shown(value)} has no name by which another node could import it")
    if isinstance(value, MethodType) and not isinstance(value.__self__, type):
        raise TypeError(
            f"{shown(value)} is a method of an object, which stays here: send a function, and what "
            "it needs as arguments"
        )
    if isinstance(value, FunctionType) and value.__name__ == "<lambda>":
        raise TypeError(f"{shown(value)} is a lambda, which has no name: {_ADVICE}")
    if "<locals>" in name:
        raise TypeError(f"{shown(value)} is local to a function: {_ADVICE}")
    module = module_of(value)
    if module == MAIN and main_file() is None:
        raise TypeError(f"{shown(value)} is of an interactive session: write it to a module")
    try:
        found = _inside(sys.modules[value.__module__], name)
    except (AttributeError, KeyError):
        found = None
    if found != value:
        raise TypeError(
            f"{shown(value)} is not what `{module}.{name}` is: another node would import that; "
            f"{_ADVICE}"
        )
    return module, name


def imported(module: str, name: str) -> Any:
    """Return the function or class with these names; raise `NotImportable`."""
    try:
        return _inside(importlib.import_module(MAIN_COPY if module == MAIN else module), name)
    except AttributeError:
        raise NotImportable(f"{module} has no {name}") from None
    except BaseException as exc:
        if isinstance(exc, (KeyboardInterrupt, GeneratorExit)):
            raise
        # Also what a script does that has no `if __name__ == "__main__":`.
        raise NotImportable(f"importing {module} failed: {type(exc).__name__}: {exc}") from exc


def _inside(module: ModuleType, name: str) -> Any:
    return reduce(getattr, name.split("."), module)


def main_file() -> str | None:
    """Return the script that the program was started with; None without one."""
    main = sys.modules.get(MAIN_COPY) or sys.modules[MAIN]
    file = getattr(main, "__file__", None)
    return None if file is None else str(Path(file).absolute())


def import_main(file: str) -> None:
    """Make the script of the parent importable as `MAIN_COPY`, once somebody asks for it."""
    sys.meta_path.append(_Script(file))


class _Script(MetaPathFinder):
    """Finds the script of the parent under another name: so its `__name__` is not `__main__`."""

    def __init__(self, file: str) -> None:
        self._file = file

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != MAIN_COPY:
            return None
        # A script may have any suffix.
        loader = SourceFileLoader(MAIN_COPY, self._file)
        return spec_from_file_location(MAIN_COPY, self._file, loader=loader)
