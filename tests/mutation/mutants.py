"""Mutants of a module: copies of its syntax tree with one small mistake each.

A mutant says where it is (the function), the line before and the line after, so that a list of
mutants stays valid when lines move. Left alone are parts whose change no test can see or need
see: docstrings, annotations, imports, asserts (they state types here), messages in f-strings,
`__all__`, protocols.
"""

import ast
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import attrs

__all__ = ["Mutant", "mutants_of"]


@attrs.frozen
class Mutant:
    """One mistake in one module."""

    module: str
    """The path of the file, from the top of the repository."""
    place: str
    """The qualified name of the function or class around it; empty outside of all."""
    before: str
    after: str
    lines: frozenset[int]
    """The lines that have to run for it to matter."""
    number: int
    """Which of the changes of the module it is, in the order of the syntax tree."""

    def __str__(self) -> str:
        return f"{self.module} | {self.place} | {self.before} => {self.after}"

    def rank(self, seed: int) -> bytes:
        """The mutant's place in a random order that does not change when the module does."""
        return sha256(f"{seed} {self}".encode()).digest()

    def code(self, source: str) -> Any:
        """Compile the module whose text is `source` with this mistake."""
        tree = ast.parse(source)
        change = list(_changes(tree))[self.number]
        change.apply()
        return compile(ast.fix_missing_locations(tree), self.module, "exec")


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return all mutants of the module with this path and this text."""
    found: dict[object, Mutant] = {}
    tree = ast.parse(source)
    for number, change in enumerate(_changes(tree)):
        before, lines = change.line(), change.lines()
        change.apply()
        after = change.note or change.line()
        try:
            compile(ast.fix_missing_locations(tree), module, "exec")
        except SyntaxError:  # a `continue` that has left its loop, for one
            pass
        else:
            if before != after:
                node, *where = change.line_of
                shown = _narrowed(before, after)
                mutant = Mutant(module, change.place, *shown, lines, number)
                found.setdefault((id(node), *where, before, after), mutant)
        change.undo()
    return list(found.values())


@attrs.define
class _Change:
    """One field of one node, or one element of it, that gets another value."""

    node: ast.AST
    field: str
    index: int | None
    new: Any
    line_of: tuple[ast.AST, str, int | None]
    """Where the smallest statement around it is held: it may itself be what changes."""
    place: str
    note: str | None = None
    """What to show in the place of the line after, where that is the line before."""
    _old: Any = None

    def apply(self) -> None:
        self._old = _get(self.node, self.field, self.index)
        _put(self.node, self.field, self.index, self.new)

    def undo(self) -> None:
        _put(self.node, self.field, self.index, self._old)

    def line(self) -> str:
        return _line(_get(*self.line_of))

    def lines(self) -> frozenset[int]:
        node = _get(*self.line_of)
        if isinstance(node, ast.match_case):
            return frozenset(range(node.pattern.lineno, node.body[0].lineno))
        body = getattr(node, "body", None)
        # A header at least: its body may begin in the same line.
        end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno
        return frozenset(range(node.lineno, end + 1))


def _get(node: ast.AST, field: str, index: int | None) -> Any:
    value = getattr(node, field)
    return value if index is None else value[index]


def _put(node: ast.AST, field: str, index: int | None, new: Any) -> None:
    if index is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[index] = new


def _line(node: ast.AST) -> str:
    """The source of a statement; of a compound one, its first line."""
    blocks = {"body": [ast.Pass()], "orelse": [], "finalbody": [], "decorator_list": []}
    if isinstance(node, (ast.stmt, ast.match_case, ast.ExceptHandler)):
        node = _with(node, **{name: new for name, new in blocks.items() if name in node._fields})
    return ast.unparse(node).strip().splitlines()[0]


def _narrowed(before: str, after: str) -> tuple[str, str]:
    """Long lines, as the rows of a table are, without what lies far from the difference."""
    start = _agreeing(before, after)
    end = _agreeing(before[start:][::-1], after[start:][::-1])
    head, tail = before[:start], before[len(before) - end :]
    if len(before) <= _LONG:
        return before, after
    near_head = "..." + head[-_NEAR:] if len(head) > _NEAR else head
    near_tail = tail[:_NEAR] + "..." if len(tail) > _NEAR else tail
    middles = before[start : len(before) - end], after[start : len(after) - end]
    return f"{near_head}{middles[0]}{near_tail}", f"{near_head}{middles[1]}{near_tail}"


def _agreeing(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


_LONG: Final = 160
_NEAR: Final = 60


def _with(node: ast.AST, **fields: Any) -> Any:
    """A copy of `node` with other fields; the children are shared."""
    kept = {name: getattr(node, name) for name in node._fields}
    return ast.copy_location(type(node)(**{**kept, **fields}), node)


# --- where -----------------------------------------------------------------------------------

_LEFT_ALONE: Final = (ast.Import, ast.ImportFrom, ast.Assert, ast.JoinedStr)
_LINES: Final = (ast.stmt, ast.match_case, ast.ExceptHandler)
_NO_CODE: Final = {"annotation", "returns", "decorator_list", "bases", "type_params"}


def _changes(tree: ast.Module) -> Iterator[_Change]:
    # A list first: the tree is changed while its changes are gone through.
    return iter(list(_inside(tree, (tree, "body", 0), (), False)))


def _inside(
    node: ast.AST,
    line_of: tuple[ast.AST, str, int | None],
    place: tuple[str, ...],
    in_function: bool,
) -> Iterator[_Change]:
    for field, value in ast.iter_fields(node):
        if field in _NO_CODE:
            continue
        several = isinstance(value, list)
        for index, child in enumerate(value) if several else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_left_alone(child, in_function):
                continue
            where = (node, field, index)
            line = where if isinstance(child, _LINES) else line_of
            for new, note in _replacements(child, in_function):
                yield _Change(*where, new, line, ".".join(place), note)
            named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            yield from _inside(
                child,
                line,
                (*place, child.name) if named else place,  # type: ignore[attr-defined]
                in_function or (named and not isinstance(child, ast.ClassDef)),
            )


def _is_left_alone(node: ast.AST, in_function: bool) -> bool:
    match node:
        case ast.Expr(ast.Constant()):  # a docstring
            return True
        case ast.Assign() if not in_function:  # __all__, __slots__, names of types
            return True
        case ast.AnnAssign(annotation=ast.Name("TypeAlias")):
            return True
        case ast.ClassDef(bases=[ast.Name("Protocol") | ast.Subscript(ast.Name("Protocol"))]):
            return True
    return isinstance(node, _LEFT_ALONE)


# --- what ------------------------------------------------------------------------------------

_COMPARISONS: Final[dict[type, type]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: Final[dict[type, type]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


def _replacements(node: ast.AST, in_function: bool) -> Iterator[tuple[ast.AST, str | None]]:
    """What may stand in the place of `node`, each with a note if its line looks the same."""
    for field in ("test", "guard"):
        if getattr(node, field, None) is not None and not isinstance(node, ast.Assert):
            for verdict in (False,) if isinstance(node, ast.While) else (True, False):
                yield _with(node, **{field: ast.Constant(verdict)}), None
    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                other = _COMPARISONS[type(op)]()
                yield _with(node, ops=[*ops[:n], other, *ops[n + 1 :]]), None
        case ast.BoolOp(op, values):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And()), None
            for n in range(len(values)):
                rest = [*values[:n], *values[n + 1 :]]
                yield rest[0] if len(rest) == 1 else _with(node, values=rest), None
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(op)]()), None
        case ast.UnaryOp(ast.Not(), operand):
            yield operand, None
        case ast.Constant(bool() as value):
            yield ast.Constant(not value), None
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1), None
        case ast.Constant(str() as value):
            yield ast.Constant("" if value else "!"), None
        case ast.Constant(bytes() as value):
            yield ast.Constant(b"" if value else b"!"), None
        case ast.comprehension(ifs=ifs):
            for n in range(len(ifs)):
                yield _with(node, ifs=[*ifs[:n], *ifs[n + 1 :]]), None
        case ast.Call(args=args, keywords=keywords):
            for n, argument in enumerate(args):
                if not isinstance(argument, (ast.Constant, ast.Starred)):
                    yield _with(node, args=[*args[:n], ast.Constant(None), *args[n + 1 :]]), None
            for n in range(len(keywords)):
                yield _with(node, keywords=[*keywords[:n], *keywords[n + 1 :]]), None
        case ast.Match(cases=cases) if len(cases) > 1:
            for n, case in enumerate(cases):
                note = f"{_line(node)} without {_line(case)}"
                yield _with(node, cases=[*cases[:n], *cases[n + 1 :]]), note
        case ast.ExceptHandler(body=body) if not isinstance(body[0], ast.Raise):
            yield _with(node, body=[ast.Raise()]), f"{_line(node)} raise"
        case ast.Break():
            yield ast.Continue(), None
        case ast.Continue():
            yield ast.Break(), None
        case ast.Return(value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None)), None
    if in_function and _may_be_left_out(node):
        yield ast.Pass(), None


def _may_be_left_out(node: ast.AST) -> bool:
    match node:
        case ast.Return(value):  # an early return; another value has been put there above
            return value is None or isinstance(value, ast.Constant)
        case ast.AnnAssign(value=value):
            return value is not None
    return isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise))
