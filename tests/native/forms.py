"""Both forms of every function that has a native twin, and the comparison of what they do."""

import gc
import sys
from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from actorsock import run
from actorsock.inet.rules.statistics import Statistics
from actorsock.runtime.core.body import Account
from actorsock.runtime.core.mailbox import anything
from actorsock.runtime.core.process import Process


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


def result_of(call: Callable[[], object]) -> Any:
    """Return what a call returns, or the class and text of what it raises."""
    try:
        return call()
    except BaseException as exc:
        return type(exc), str(exc)


def stepped(awaitable: Any) -> Any:
    """Return how the first step ends: with a value, or in a wait, which is left again."""
    try:
        awaitable.send(None)
    except StopIteration as stop:
        return "value", stop.value
    awaitable.close()
    return "wait"


def drop(thing: Any) -> None:
    """Drop an object that nobody else has."""
    del thing
    gc.collect()


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
    names = {name for names in named for name in names} - {"__weakref__"}
    if isinstance(thing, Account):
        names |= {"budget", "floor"}  # the class in C has no `__slots__`
    return sorted(names)


def numbers_of(statistics: Statistics) -> list[float]:
    """Return what a socket has counted: the class in C has no `__slots__`."""
    return [*statistics.shown(0).values(), statistics.deviations]


def state_of_process(process: Process) -> list[dict[str, Any]]:
    things = (process, process.body, process.mailbox)
    state = [shown(thing, slots_of(thing)) for thing in things]
    # An idle handler is given a message without its mailbox, which so may not have a queue yet.
    state[2]["arrivals"] = [*process.mailbox.messages()]
    # The matcher of a pattern is a closure in one form, an object in the other.
    state[2]["wanted"] = process.mailbox.wanted and process.mailbox.wanted is anything
    return state
