"""The optional native core: twins, in C, of the functions in which programs spend their time.

The Python is the specification, and runs wherever there is no twin: no compiler at installation,
`ACTORSOCK_NATIVE=0`, another interpreter than CPython, a build without the global lock. A function
that has a twin says so with `@twin` where it is defined, and nothing else of the package knows.

A twin serves the plain case: the exact types, the thread of the runtime, room in the tables. For
anything else it calls the Python function, with the same arguments and before it has changed
anything.
"""

import os
import platform
import sysconfig
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

__all__ = ["class_of_values", "native", "twin"]

F = TypeVar("F", bound=Callable[..., Any])


def _load() -> Callable[[str, Callable[..., Any]], Any] | None:
    """Return the function of the extension module that makes a twin; None without that module."""
    if os.environ.get("ACTORSOCK_NATIVE") == "0":
        return None
    # The twins rely on the global lock, as the Python relies on single operations being whole.
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    try:
        from ._core import twin
    except ImportError:
        return None
    return twin


_make_twin: Final = _load()

native: Final = _make_twin is not None
"""True if the native core is in use; public as `actorsock.native`."""


def twin(function: F) -> F:
    """Return the native twin of `function`, or `function` itself where there is no native core.

    A twin is found by the name of the function, with that of its module where several modules have
    such a function. It calls the function outside of the plain case, and has its signature and
    documentation. The twin of a class stands for it everywhere.
    """
    if _make_twin is None:
        return function
    return cast("F", _make_twin(function.__qualname__, function))


# To checkers it is `type`, as it is without the native core.
if TYPE_CHECKING:
    class_of_values = type
else:
    class_of_values = twin(type)
"""The metaclass of results and messages.

Instances of its classes are the same as others; with the native core they cost less, most of all in
`match`.
"""
