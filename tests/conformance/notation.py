"""Scenarios as text: one step a line, in which an actor performs one operation.

    == recv: a second reader is queued, although there is data
    A: c, s = tcp_pair()
    A: ha = recv_nowait(s)
    B: hb = recv_nowait(s, 2)
    C: send(c, b"abc")
    A: cancel(s, ha)
    B: await recv(s, 1, timeout=0.3)
    wait(B)
    pause(0.1)

Actors are processes, named by one capital letter; each starts with the scenario or is made in
it (`X = spawn_link()`). Names in lower case stand for what an operation has given: the value
of its `Ok`, the info and the data of its `Select`. Words are strings, data is bytes. After each
step the director waits until all is quiet, so there is nothing else to say about time, except: a
step with `await` also waits until its operation has returned, `wait(B)` waits for B's, and `pause`
lets time pass. An operation with a time-out is best awaited: then its end belongs to its own step,
however slow the machine is.

Lines that differ in one word are written as a loop, around steps or around whole scenarios. The
values of a loop are separated by blanks, outside of brackets and quotes. `let` names a text:

    let tcp = "inet", "stream", "tcp"
    let tcp-options = keepcnt keepidle
    for kind in tcp udp:
        == defaults of $kind
        A: s = open($$kind)
        for name in $tcp-options:
            A: getopt(s, "tcp", "$name")

Loops are unrolled in the text, before the steps are read: $$kind becomes $tcp, and that the text
named by `let`.

A title that ends with `(from 28)` or `(until 25)` names the first or the last Erlang/OTP release
with which the scenario is compared.

This module reads the text and writes it. The interpreters know the meaning of a step.
"""

import ast
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

__all__ = [
    "Act",
    "Form",
    "Name",
    "Pause",
    "Scenario",
    "Step",
    "Wait",
    "actors_of",
    "read_file",
    "read_steps",
    "show",
    "unrolled",
]


@attrs.frozen
class Name:
    """Stands for what an earlier operation gave, or for an actor's pid."""

    name: str


@attrs.frozen
class Form:
    """A value that each side makes for itself: `fill(n)`, `inet(port)`, `name("x")`, ..."""

    word: str
    argument: Any


@attrs.frozen
class Act:
    """`actor: targets = op(args, options)`."""

    actor: str
    op: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = attrs.field(factory=dict)
    targets: tuple[str, ...] = ()
    awaited: bool = False
    """The step lasts until the operation has returned."""

    @property
    def is_quick(self) -> bool:
        """Whether nothing can follow from it: it asks or sets what no process hears of."""
        return self.op in _QUICK and self.args[1:2] != ("otp",)


_QUICK: Final = {"getopt", "setopt", "supports", "is_supported", "make_ref", "write_file"}


@attrs.frozen
class Wait:
    """Until the actor's operation has returned."""

    actor: str


@attrs.frozen
class Pause:
    """Some time."""

    seconds: float


Step: TypeAlias = Act | Wait | Pause


@attrs.frozen
class Scenario:
    """Steps, and what they are to show."""

    title: str
    steps: tuple[Step, ...]
    since: int = 0
    """The first Erlang/OTP release that has what it uses."""
    until: int = 10**6
    """The last Erlang/OTP release that can perform it."""

    def is_for(self, release: int) -> bool:
        """Return True if this Erlang/OTP release can perform the scenario."""
        return self.since <= release <= self.until

    @property
    def uses_ssl(self) -> bool:
        """Whether a step is about TLS, which some Erlangs are without."""
        return any(isinstance(step, Act) and step.op.startswith("ssl_") for step in self.steps)


FORMS: Final = {"fill", "inet", "inet6", "path", "tmp", "name", "text", "ip"}


def read_file(path: Path) -> list[Scenario]:
    """The scenarios of one file."""
    scenarios = []
    for part in re.split(r"^== ", unrolled(path.read_text()), flags=re.M)[1:]:
        title, _, text = part.partition("\n")
        since = re.search(r" \(from (\d+)\)$", title)
        until = re.search(r" \(until (\d+)\)$", title)
        mark = since or until
        scenarios.append(
            Scenario(
                (title[: mark.start()] if mark else title).strip(),
                read_steps(text),
                since=int(since[1]) if since else 0,
                until=int(until[1]) if until else 10**6,
            )
        )
    return scenarios


def read_steps(text: str) -> tuple[Step, ...]:
    """The steps that `text` has, one a line; lines that begin with # are comments."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(_step(line) for line in lines if line and not line.startswith("#"))


def unrolled(text: str) -> str:
    """The text without `for` and `let`: each loop is replaced by its lines, once a value."""
    return "\n".join(_unroll(text.splitlines(), {}))


# A value of a loop: no blanks but inside of quotes and brackets (which hold none of their kind).
_LOOP_VALUE: Final = re.compile(r'(?:[^\s"({\[]|"[^"]*"|\([^)]*\)|\{[^}]*\}|\[[^]]*\])+')


def _unroll(lines: list[str], lets: dict[str, str]) -> Iterator[str]:
    def resolved(text: str) -> str:
        return re.sub(r"\$([\w-]+)", lambda found: lets[found[1]], text)

    rest = deque(lines)
    while rest:
        line = rest.popleft()
        if line.startswith(("let ", "for ")):
            block = []
            while rest and (rest[0].startswith("    ") or not rest[0]):
                block.append(rest.popleft()[4:])
        if let := re.fullmatch(r"let ([\w-]+) =(.*)", line):
            lets[let[1]] = resolved(" ".join([let[2], *block]).strip())
        elif loop := re.fullmatch(r"for (\w+) in (.*):", line):
            variable = re.compile(rf"\${loop[1]}\b")
            for value in _LOOP_VALUE.findall(resolved(loop[2])):
                given = [variable.sub(lambda _, value=value: value, each) for each in block]
                yield from _unroll(given, lets)
        else:
            yield resolved(line)


def actors_of(steps: tuple[Step, ...]) -> list[str]:
    """The actors who are there from the beginning: named, and not made by another."""
    made = {name for step in steps if isinstance(step, Act) for name in step.targets}
    named = {step.actor for step in steps if isinstance(step, Act)}
    for step in steps:
        if isinstance(step, Act):
            named |= set(re.findall(r"Name\(name='([A-Z])'\)", repr(step)))
    return sorted(named - made)


def show(step: Step) -> str:
    """A step as its line."""
    match step:
        case Wait(actor):
            return f"wait({actor})"
        case Pause(seconds):
            return f"pause({seconds})"
        case Act(actor, op, args, options, targets, awaited):
            given = [_shown(arg) for arg in args]
            given += [f"{key}={_shown(value)}" for key, value in options.items()]
            left = f"{', '.join(targets)} = " if targets else ""
            return f"{actor}: {left}{'await ' * awaited}{op}({', '.join(given)})"


def _step(line: str) -> Step:
    actor, colon, rest = line.partition(":")
    if colon and re.fullmatch("[A-Z]", actor):
        targets: tuple[str, ...] = ()
        node = ast.parse(rest.strip()).body[0]
        if isinstance(node, ast.Assign):
            [target] = node.targets
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            targets = tuple(name.id for name in names if isinstance(name, ast.Name))
        assert isinstance(node, (ast.Assign, ast.Expr)), line
        awaited = isinstance(node.value, ast.Await)
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        assert isinstance(call, ast.Call), line
        assert isinstance(call.func, ast.Name), line
        options = {str(word.arg): _value(word.value) for word in call.keywords}
        return Act(actor, call.func.id, tuple(map(_value, call.args)), options, targets, awaited)
    word, _, argument = line.removesuffix(")").partition("(")
    return Wait(argument) if word == "wait" else Pause(float(argument))


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            return Name(name)
        case ast.Call(func=ast.Name(id=word), args=[argument]) if word in FORMS:
            return Form(word, _value(argument))
        case ast.List(elts=elts):
            return [_value(each) for each in elts]
        case ast.Tuple(elts=elts):
            return tuple(_value(each) for each in elts)
        case ast.Dict(keys=keys, values=values):
            return {ast.literal_eval(k): _value(v) for k, v in zip(keys, values, strict=True) if k}
        case _:
            return ast.literal_eval(node)


def _shown(value: Any) -> str:
    match value:
        case Name(name):
            return name
        case Form(word, argument):
            return f"{word}({_shown(argument)})"
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case tuple():
            return f"({', '.join(map(_shown, value))}{',' * (len(value) == 1)})"
        case dict():
            return "{" + ", ".join(f"{k!r}: {_shown(v)}" for k, v in value.items()) + "}"
        case _:
            return repr(value)
