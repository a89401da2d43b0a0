"""The direction of imports: from the wings at the end of `LAYERS` to those at its beginning.

The imports are read from the syntax tree of every module, also those inside functions and under
`TYPE_CHECKING`. So a wrong import fails here even where it would work.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import attrs
import pytest

from .documentation.documents import PRODUCT

LAYERS: list[tuple[str, ...]] = [
    ("actorsock._native",),
    ("actorsock.arguments", "actorsock.log_text"),
    ("actorsock.runtime.core",),
    ("actorsock.runtime.bodies",),
    ("actorsock.runtime.api",),
    ("actorsock.runtime",),
    ("actorsock.results",),
    ("actorsock.socket.values",),
    ("actorsock.socket.kernel",),
    ("actorsock.socket.options",),
    ("actorsock.socket.core",),
    ("actorsock.socket.operations",),
    ("actorsock.socket.api",),
    ("actorsock.socket",),
    ("actorsock.inet.packets",),
    ("actorsock.inet.rules",),
    ("actorsock.inet.options",),
    ("actorsock.inet.names",),
    ("actorsock.inet.driver",),
    ("actorsock.inet.calls",),
    ("actorsock.tls",),
    ("actorsock.tls.engine",),
    ("actorsock.tls.options",),
    ("actorsock.tls.driver",),
    ("actorsock.tls.calls",),
    ("actorsock.inet", "actorsock.gen_tcp", "actorsock.gen_udp", "actorsock.ssl"),
    ("actorsock.otp.calls",),
    ("actorsock.otp.behaviour",),
    ("actorsock.otp.server", "actorsock.otp.machine"),
    ("actorsock.otp.events", "actorsock.otp.supervision"),
    ("actorsock.otp",),
    ("actorsock.observing",),
    ("actorsock.trace.sessions",),
    ("actorsock.trace.charts",),
    ("actorsock.trace",),
    ("actorsock.dist.terms",),
    ("actorsock.dist.wire",),
    ("actorsock.dist.node",),
    ("actorsock.dist.served",),
    ("actorsock.dist.observed",),
    ("actorsock.dist.api",),
    ("actorsock.dist.peers", "actorsock.dist.groups"),
    ("actorsock.dist",),
    ("actorsock.streams",),
    ("actorsock.testing", "actorsock"),
    ("actorsock.observer.web",),
    ("actorsock.observer.questions", "actorsock.observer.terminal", "actorsock.otel"),
    ("actorsock.observer",),
    ("actorsock.demo", "pytest_actorsock"),
    ("actorsock.commands",),
    ("actorsock.__main__",),
]
"""From the lowest layer to the highest; wings in one layer do not import each other.

A module belongs to the longest name here that it begins with: `actorsock.socket` stands for what
is in no wing of that package. Each wing may import itself and all lower layers.
"""

LEVELS = {wing: level for level, wings in enumerate(LAYERS) for wing in wings}


@attrs.frozen
class Import:
    """One module names another one in an import."""

    importer: str
    imported: str
    line: int
    for_types_only: bool

    def __str__(self) -> str:
        return f"line {self.line} of {self.importer} imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """The product's modules by their full names."""
    paths = [*PRODUCT.glob("actorsock/**/*.py"), PRODUCT / "pytest_actorsock.py"]
    return {_name(path.relative_to(PRODUCT)): path for path in paths}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def wing(module: str) -> str:
    """The name in `LAYERS` that a module belongs to."""
    while module not in LEVELS:
        module, _, _ = module.rpartition(".")
        assert module, "a module outside of the product"
    return module


@cache
def imports_of(module: str) -> list[Import]:
    """The imports in a module of the product's own modules."""
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    return [
        Import(module, name, node.lineno, node in typing_only)
        for node in ast.walk(tree)
        for name in _imported(node, package)
        if name in modules()
    ]


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(base, names, level):
            above = package.split(".")[: 1 - level or None] if level else []
            source = ".".join([*above, *([base] if base else [])])
            for alias in names:
                name = f"{source}.{alias.name}"
                yield name if name in modules() else source


def wrong_directions(found: list[Import]) -> list[str]:
    """The imports that do not point to the same wing or to a lower layer."""
    return [
        f"{one}: {wing(one.importer)} may not import {wing(one.imported)}"
        for one in found
        if wing(one.importer) != wing(one.imported)
        and LEVELS[wing(one.importer)] <= LEVELS[wing(one.imported)]
    ]


def test_every_import_points_to_a_lower_layer() -> None:
    wrong = [text for module in modules() for text in wrong_directions(imports_of(module))]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {one.imported for one in imports_of(module) if not one.for_types_only}
        for module in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(" imports ".join(reversed(exc.args[1])))


def test_every_package_and_every_name_of_the_table_exist() -> None:
    packages = {name for name, path in modules().items() if path.name == "__init__.py"}
    assert packages - set(LEVELS) == set()
    assert set(LEVELS) - set(modules()) == set()


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("actorsock.socket.core.turns", "actorsock.socket.core.actor", True),
        ("actorsock.socket.core.actor", "actorsock.socket.values.kinds", True),
        ("actorsock.socket.core.actor", "actorsock.socket.api.sending", False),
        ("actorsock.socket.api.sending", "actorsock.socket", False),
        ("actorsock.otp.machine.rules", "actorsock.otp.server.rules", False),
        ("actorsock.runtime.core.process", "actorsock.results", False),
        ("actorsock.demo.tour", "actorsock", True),
    ],
)
def test_the_direction_of_an_import(importer: str, imported: str, allowed: bool) -> None:
    wrong = wrong_directions([Import(importer, imported, 7, for_types_only=False)])
    assert wrong == (
        []
        if allowed
        else [
            f"line 7 of {importer} imports {imported}: "
            f"{wing(importer)} may not import {wing(imported)}"
        ]
    )


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import actorsock.results", ["actorsock.results"]),
        ("from actorsock import run, socket", ["actorsock", "actorsock.socket"]),
        ("from . import actor", ["actorsock.socket.core.actor"]),
        ("from ..kernel.errors import error_of", ["actorsock.socket.kernel.errors"]),
        ("from ... import results", ["actorsock.results"]),
        ("from ...results import Ok", ["actorsock.results"]),
    ],
)
def test_the_names_in_an_import(source: str, names: list[str]) -> None:
    assert list(_imported(ast.parse(source).body[0], "actorsock.socket.core")) == names
