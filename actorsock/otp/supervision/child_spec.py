"""The description of a child, and of a supervisor's restart strategy, with their checks."""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Literal, TypeVar

import attrs

from ...arguments import check_bool, check_int, check_seconds, check_word, exact_str, shown

__all__ = [
    "ChildSpec",
    "SupervisorFlags",
    "as_flags",
    "as_spec",
    "check_significance",
    "checked_spec",
]

T = TypeVar("T")

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]


def _keep(instance: object, attribute: Any, plain: object) -> None:
    """Keep the plain value that has been checked, not an instance of a class of the program's.

    Such a class defines what a comparison answers, and the supervisor compares it again and again.
    """
    object.__setattr__(instance, attribute.name, plain)  # a frozen class has no other way


def _one_of(*words: str) -> Callable[[Any, Any, object], None]:
    def check(instance: object, attribute: Any, value: object) -> None:
        _keep(instance, attribute, check_word(attribute.name, value, words))

    return check


def _callable(instance: object, attribute: Any, value: Any) -> None:
    if not callable(value):
        raise TypeError(
            f"start: expected a function that starts the child, such as start_link, "
            f"got {shown(value)}"
        )


def _hashable(instance: object, attribute: Any, value: Any) -> None:
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"id: expected something hashable, got {shown(value)}") from None


def _arguments(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"args: expected a tuple of arguments, got {shown(value)}")
    return tuple(value)


def _shutdown(instance: object, attribute: Any, value: Any) -> None:
    if issubclass(type(value), str) and exact_str(value) == "brutal_kill":
        _keep(instance, attribute, "brutal_kill")
    else:
        _keep(instance, attribute, check_seconds("shutdown (or 'brutal_kill')", value))


def _nodes(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (exact_str(value),)
    if not isinstance(value, Iterable):
        raise TypeError(f"node: expected the name of a node, or several, got {shown(value)}")
    return tuple(value)


def _named_nodes(instance: object, attribute: Any, value: tuple[Any, ...]) -> None:
    for node in value:
        if not issubclass(type(node), str):
            raise TypeError(f"node: expected the name of a node, got {shown(node)}")
        if not all(exact_str(node).partition("@")):
            raise ValueError(f"node: expected name@host, got {shown(node)}")


def _intensity(instance: object, attribute: Any, value: Any) -> None:
    _keep(instance, attribute, check_int("intensity", value, "a number of restarts >= 0", 0))


def _bool(instance: object, attribute: Any, value: Any) -> None:
    check_bool(attribute.name, value)


def _period(instance: object, attribute: Any, value: Any) -> None:
    seconds = check_seconds("period", value)
    if seconds == 0:
        raise ValueError("period: expected seconds > 0, got 0")
    _keep(instance, attribute, seconds)


@attrs.frozen
class ChildSpec:
    """The description of one child. Erlang's `child_spec()`.

    A dict of the same keys is accepted wherever a `ChildSpec` is.

    Args:
        id: any hashable value, unique among the children of a supervisor.
        start: the function that starts the child, plain or async: `start_link`, `spawn_link`, or
            a function that returns what they return (`Ok(pid)`, a pid, or `Error(reason)`). It is
            not the code of the child. The supervisor calls it in its own process and does nothing
            else until it returns; after 5 seconds it logs a warning.
        args: the arguments of `start`.
        restart: when the child is restarted after it has ended by itself: `"permanent"` (the
            default): always; `"transient"`: unless its exit reason is `"normal"`, `"shutdown"` or
            `("shutdown", term)`; `"temporary"`: never.
        type: `"worker"` (the default) or `"supervisor"`.
        shutdown: seconds that the child has to end after the exit signal `"shutdown"`, before it
            is killed. Default: 5 for a worker, `math.inf` for a supervisor. `"brutal_kill"`: it is
            killed at once.
        node: the name of the node that the child runs on, one that this program has started with
            `dist.peer`; or several, of which the first that can be reached is taken. `start` is
            called there, and is a function that can be imported by its name. If the node goes
            down, the child is started again as soon as one of the nodes can be reached, and its
            end does not count as one of `SupervisorFlags.intensity`.
        significant: True: the end of the child, if it is not restarted, may end the supervisor;
            see `SupervisorFlags.auto_shutdown`. Not for permanent children.

    Raises:
        TypeError: an argument has a wrong type.
        ValueError: an argument has a wrong value, or a permanent child is significant.

    Example::

        ChildSpec("cache", otp.start_link, (Cache, 1000), restart="transient")
        ChildSpec("poller", spawn_link, (poll, sock))  # an async function `poll`
    """

    id: Any = attrs.field(validator=_hashable)
    start: Callable[..., Any] = attrs.field(validator=_callable)
    args: tuple[Any, ...] = attrs.field(default=(), converter=_arguments)
    restart: Restart = attrs.field(
        default="permanent", validator=_one_of("permanent", "transient", "temporary")
    )
    type: Literal["worker", "supervisor"] = attrs.field(
        default="worker", validator=_one_of("worker", "supervisor"), kw_only=True
    )
    shutdown: float | Literal["brutal_kill"] = attrs.field(
        default=attrs.Factory(lambda self: 5.0 if self.type == "worker" else inf, takes_self=True),
        validator=_shutdown,
        kw_only=True,
    )
    significant: bool = attrs.field(default=False, validator=_bool, kw_only=True)
    node: tuple[str, ...] = attrs.field(
        default=(), converter=_nodes, validator=_named_nodes, kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        if self.significant and self.restart == "permanent":
            raise ValueError(
                "significant: a permanent child can't be, it is always started again; "
                "expected restart='transient' or 'temporary'"
            )


@attrs.frozen
class SupervisorFlags:
    """The restart strategy of a supervisor. Erlang's `sup_flags()`.

    A dict of the same keys is accepted wherever a `SupervisorFlags` is.

    Args:
        strategy: the children that are restarted when one has to be: `"one_for_one"` (the
            default): that one; `"one_for_all"`: all; `"rest_for_one"`: that one and those that
            come after it in the order of their start. `"simple_one_for_one"`: the supervisor has
            one child spec, and `start_child` adds any number of children of it, each restarted
            alone.
        intensity: the number of restarts within `period` that the supervisor accepts (default:
            1). At the next one it gives up: it stops all children and ends with `"shutdown"`.
        period: seconds, more than 0 (default: 5).
        auto_shutdown: the significant children whose end ends the supervisor: `"never"` (the
            default), `"any_significant"`: the first of them that is not restarted;
            `"all_significant"`: the last. Only `"never"` with simple_one_for_one.

    Raises:
        TypeError: an argument has a wrong type.
        ValueError: an argument has a wrong value.
    """

    strategy: Strategy = attrs.field(
        default="one_for_one",
        validator=_one_of("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"),
    )
    intensity: int = attrs.field(default=1, validator=_intensity)
    period: float = attrs.field(default=5.0, validator=_period)
    auto_shutdown: AutoShutdown = attrs.field(
        default="never",
        validator=_one_of("never", "any_significant", "all_significant"),
        kw_only=True,
    )

    def __attrs_post_init__(self) -> None:
        if self.strategy == "simple_one_for_one" and self.auto_shutdown != "never":
            raise ValueError(
                f"auto_shutdown: expected 'never' with simple_one_for_one, "
                f"got {self.auto_shutdown!r}"
            )


def as_spec(value: Any) -> ChildSpec:
    """Return `value` if it is a `ChildSpec`; convert it if it is a dict."""
    return _as_record(ChildSpec, value, "child spec", "start")


def as_flags(value: Any) -> SupervisorFlags:
    """Return `value` if it is a `SupervisorFlags`; convert it if it is a dict."""
    return _as_record(SupervisorFlags, value, "supervisor flags")


def check_significance(flags: SupervisorFlags, spec: ChildSpec) -> None:
    """Raise `ValueError` if the child is significant and the supervisor ignores that."""
    if spec.significant and flags.auto_shutdown == "never":
        raise ValueError(
            f"significant: the child {shown(spec.id)} can't be under auto_shutdown='never'; "
            "expected 'any_significant' or 'all_significant'"
        )


def checked_spec(flags: SupervisorFlags, value: Any) -> ChildSpec:
    """Return a `ChildSpec` for a child of a supervisor that runs.

    Raise `TypeError` or `ValueError` if `value` is none, also if it raises something else when it
    is looked at: it comes from another process.
    """
    try:
        spec = as_spec(value)
        check_significance(flags, spec)
    except (TypeError, ValueError):
        raise
    except BaseException as exc:
        raise TypeError(f"child spec: {shown(value)} raises {shown(exc)}") from exc
    return spec


def _as_record(cls: type[T], value: Any, what: str, *required: str) -> T:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{what}: expected a {cls.__name__} or a dict, got {shown(value)}")
    fields = [field.name for field in attrs.fields(cls)]  # type: ignore[arg-type]  # a record
    for key in value:
        if key not in fields:
            raise ValueError(f"{what}: expected the keys {', '.join(fields)}, got {shown(key)}")
    for key in ("id", *required) if required else ():
        if key not in value:
            raise ValueError(f"{what}: {key!r} is missing in {shown(value)}")
    return cls(**value)
