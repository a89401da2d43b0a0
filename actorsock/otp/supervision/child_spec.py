"""What a supervisor is told of its children, and of itself."""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Literal, TypeVar

import attrs

from ...arguments import check_bool, check_int, check_seconds, check_word, shown

__all__ = ["ChildSpec", "SupervisorFlags", "as_flags", "as_spec", "check_significance"]

T = TypeVar("T")

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]


def _one_of(*words: str) -> Callable[[Any, Any, Any], None]:
    def check(instance: object, attribute: Any, value: Any) -> None:
        check_word(attribute.name, value, words)

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
    if value != "brutal_kill":
        check_seconds("shutdown (or 'brutal_kill')", value)


def _intensity(instance: object, attribute: Any, value: Any) -> None:
    check_int("intensity", value, "a number of restarts >= 0", 0)


def _bool(instance: object, attribute: Any, value: Any) -> None:
    check_bool(attribute.name, value)


def _period(instance: object, attribute: Any, value: Any) -> None:
    if check_seconds("period", value) == 0:
        raise ValueError("period: expected seconds > 0, got 0")


@attrs.frozen
class ChildSpec:
    """One child; Erlang's `child_spec()`. The dict of the same keys is accepted as well.

    `start(*args)` starts it and returns; it is not what the child is to run. Of an async function
    `work` that would be `ChildSpec("a", spawn_link, (work,))`.

    `restart`: it is started again `"permanent"` (always), `"transient"` (unless it has ended in
    order: `"normal"`, `"shutdown"`, `("shutdown", term)`), `"temporary"` (never). `shutdown`: how
    many seconds it has to end when it is told to, before it is killed; 5 for a worker and
    `math.inf` for a supervisor unless it says otherwise; `"brutal_kill"` for none.
    """

    id: Any = attrs.field(validator=_hashable)
    """What the supervisor calls it: anything hashable, once in a supervisor."""
    start: Callable[..., Any] = attrs.field(validator=_callable)
    """Called in the supervisor, plain or async, with `args`: `start_link`, `spawn_link`, or a
    function of yours that returns what they return. The supervisor waits for it and does nothing
    else until it returns; after 5 seconds the log is told."""
    args: tuple[Any, ...] = attrs.field(default=(), converter=_arguments)
    restart: Restart = attrs.field(
        default="permanent", validator=_one_of("permanent", "transient", "temporary")
    )
    """When it is started again: always, when it ends in disorder, never."""
    type: Literal["worker", "supervisor"] = attrs.field(
        default="worker", validator=_one_of("worker", "supervisor"), kw_only=True
    )
    shutdown: float | Literal["brutal_kill"] = attrs.field(
        default=attrs.Factory(lambda self: 5.0 if self.type == "worker" else inf, takes_self=True),
        validator=_shutdown,
        kw_only=True,
    )
    """The seconds that it has to end in when it is told to, before it is killed."""
    significant: bool = attrs.field(default=False, validator=_bool, kw_only=True)
    """Its end, if it is not restarted, may end the supervisor: see `auto_shutdown`."""

    def __attrs_post_init__(self) -> None:
        if self.significant and self.restart == "permanent":
            raise ValueError(
                "significant: a permanent child can't be, it is always started again; "
                "expected restart='transient' or 'temporary'"
            )


@attrs.frozen
class SupervisorFlags:
    """How a supervisor restarts; Erlang's `sup_flags()`. The dict is accepted as well.

    When a child ends that is to be started again, `strategy` says which are: `"one_for_one"` that
    one, `"one_for_all"` all, `"rest_for_one"` that one and those that were started after it.
    `"simple_one_for_one"` is for any number of children of one spec, which `start_child` adds. If
    that happens more than `intensity` times within `period` seconds, the supervisor gives up and
    ends. `auto_shutdown`: whether the end of one significant child (`"any_significant"`), or of the
    last of them (`"all_significant"`), ends the supervisor.
    """

    strategy: Strategy = attrs.field(
        default="one_for_one",
        validator=_one_of("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"),
    )
    intensity: int = attrs.field(default=1, validator=_intensity)
    """So many restarts within `period` are put up with; at the next it gives up."""
    period: float = attrs.field(default=5.0, validator=_period)
    auto_shutdown: AutoShutdown = attrs.field(
        default="never",
        validator=_one_of("never", "any_significant", "all_significant"),
        kw_only=True,
    )
    """When significant children that end by themselves, not to be restarted, end the supervisor."""

    def __attrs_post_init__(self) -> None:
        if self.strategy == "simple_one_for_one" and self.auto_shutdown != "never":
            raise ValueError(
                f"auto_shutdown: expected 'never' with simple_one_for_one, "
                f"got {self.auto_shutdown!r}"
            )


def as_spec(value: Any) -> ChildSpec:
    """`value`, or the spec that the dict `value` describes."""
    return _as_record(ChildSpec, value, "child spec", "start")


def as_flags(value: Any) -> SupervisorFlags:
    """`value`, or the flags that the dict `value` describes."""
    return _as_record(SupervisorFlags, value, "supervisor flags")


def check_significance(flags: SupervisorFlags, spec: ChildSpec) -> None:
    """Raise `ValueError` if the child is significant, and the supervisor asks for none."""
    if spec.significant and flags.auto_shutdown == "never":
        raise ValueError(
            f"significant: the child {spec.id!r} can't be under auto_shutdown='never'; "
            "expected 'any_significant' or 'all_significant'"
        )


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
