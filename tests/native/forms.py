"""Both forms of every function that has a native twin."""

import sys
from abc import ABCMeta
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from actorsock import run


def python_form(function: Any) -> Any:
    """Return the Python function behind a twin."""
    return function.__wrapped__


def twins() -> Iterator[tuple[Any, str, Any]]:
    """Yield each place in which there is a twin: a module or class, the name in it, the twin."""
    modules = [
        module
        for name, module in [*sys.modules.items()]
        if name.split(".")[0] in ("actorsock", "tests")
    ]
    classes = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if type(value) in (type, ABCMeta)
    }
    for place in (*modules, *classes.values()):
        for name, value in [*vars(place).items()]:
            if type(value).__name__ == "Twin":
                yield place, name, value


@contextmanager
def in_python() -> Iterator[None]:
    """Put the Python function into every place of a twin meanwhile."""
    replaced = [*twins()]
    for place, name, twin in replaced:
        setattr(place, name, python_form(twin))
    try:
        yield
    finally:
        for place, name, twin in replaced:
            setattr(place, name, twin)


def both_ways(story: Any, *args: Any) -> None:
    """Run `story` natively and in Python; what it returns must be equal."""
    native = run(story, *args)
    with in_python():
        python = run(story, *args)
    assert native == python


def shown(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the attributes: the value where it is plain, otherwise the type."""
    plain = (bool, int, str, tuple, type(None))
    values = {name: getattr(thing, name, "unset") for name in names}
    return {
        name: value if isinstance(value, plain) else type(value).__name__
        for name, value in values.items()
    }


def slots_of(thing: Any) -> list[str]:
    named = [vars(cls).get("__slots__", ()) for cls in type(thing).__mro__]
    return sorted(name for names in named for name in names if name != "__weakref__")
