"""Configuration of Sphinx; `make docs` builds the pages into build/docs.

The pages are the Markdown files of this directory. The reference is made from the docstrings, in
Google style, of the public packages. The build needs no network: the names of Python, trio and
OpenTelemetry that are linked to are listed in inventories/, not downloaded.
"""

import importlib
import re
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.roles import XRefRole

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import actorsock  # noqa: E402

project = "actorsock"
author = "The actorsock authors"
copyright = "2026, The actorsock authors"
version = release = actorsock.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinxcontrib_trio",
]

html_theme = "furo"
html_title = f"actorsock {version}"
pygments_style = "sphinx"

# Headings have the anchors that GitHub gives them, so that `otp.md#rpc-and-tasks` works in both.
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# `Args:` of a class describes its fields; they are listed once, there.
napoleon_use_ivar = True

# A name that is linked to must exist. Type variables and private aliases in signatures have no
# page of their own.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(.*\.)?([A-Z][A-Za-z]?\d?(_co)?|_\w+)"),  # T, T2, Ts, T_co, private aliases
    (
        "py:class",
        r"(.*\.)?(AllowedCrash|Behaviour|BytesLike|Crash|Data|HasFileno|Messages|RequestRef"
        r"|UnheardExit)",
    ),  # spelt out in the text
    ("py:obj", r".*"),  # single backticks, which are code where they name nothing
]


# ---- names of other projects, without the network --------------------------------------------


def inventory(name: str) -> str:
    """Write the inventory that intersphinx reads, from the list of names in inventories/."""
    lines = (HERE / "inventories" / f"{name}.txt").read_text(encoding="utf-8")
    into = HERE.parent / "build" / "inventories"
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path = into / f"{name}.inv"
    into.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + zlib.compress(lines.encode()))
    return str(path)


intersphinx_mapping = {
    "Python": ("https://docs.python.org/3", inventory("Python")),
    "trio": ("https://trio.readthedocs.io/en/stable", inventory("trio")),
    "OpenTelemetry": (
        "https://opentelemetry-python.readthedocs.io/en/stable",
        inventory("OpenTelemetry"),
    ),
}


# ---- names of this project -------------------------------------------------------------------

PUBLIC = [
    "actorsock.testing",
    "actorsock.streams",
    "actorsock.otp.sys",
    "actorsock.otp",
    "actorsock.socket",
    "actorsock",
]


def public_names() -> dict[str, str]:
    """The public name of each class and function, by the module that defines it."""
    found: dict[str, str] = {}
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if not isinstance(thing, ModuleType):
                where = getattr(thing, "__module__", package)
                # A name that two packages export is described where it is at home.
                found.setdefault(f"{where}.{name}", f"{package}.{name}")
    return found


_PUBLIC_NAMES = public_names()


def resolve(app: Sphinx, env: Any, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Link an internal name in a signature to the entry of its public name."""
    target = _PUBLIC_NAMES.get(node.get("reftarget", ""))
    if target is None or node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


class Code(XRefRole):
    """Single backticks: code, and a link where it is the name of something in the reference."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name = self.text.removesuffix("()")
        if re.fullmatch(r"[a-zA-Z_][\w.]*", name):
            self.target = name
            self.title = self.text
            self.has_explicit_title = False
            return super().run()
        return [nodes.literal(self.rawtext, self.text, classes=["code"])], []

    def process_link(
        self,
        env: Any,
        refnode: nodes.Element,
        has_explicit_title: bool,
        title: str,
        target: str,
    ) -> tuple[str, str]:
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        refnode["py:module"] = env.ref_context.get("py:module")
        refnode["py:class"] = env.ref_context.get("py:class")
        return title, target.removesuffix("()")


default_role = "shown"


def keep_as_text(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Keep napoleon from looking for a type where the docstrings have none.

    It takes "The handle" for a type where the text of a field is "The handle: it names ...", and
    the same in the first line of `Returns:`. In front of an empty word it finds none.
    """
    if what in ("attribute", "data", "property"):
        lines.insert(0, _EMPTY)
    for number in range(len(lines) - 1, -1, -1):
        if lines[number] in ("Returns:", "Yields:"):
            is_list = number + 1 < len(lines) and lines[number + 1].lstrip().startswith("- ")
            lines[number + 1 : number + 1] = [f"    {_EMPTY}", *([""] if is_list else [])]


_EMPTY = "\\ "  # in reStructuredText an escaped space is nothing


def hide_overloads() -> None:
    """Show one signature, the one in reference/, of functions that have ten for type checkers."""
    for function in (actorsock.receive, actorsock.mailbox):
        analyzer = ModuleAnalyzer.for_module(function.__module__)
        analyzer.analyze()
        analyzer.overloads.pop(function.__name__, None)


def setup(app: Sphinx) -> None:
    hide_overloads()
    app.connect("autodoc-process-docstring", keep_as_text, priority=400)  # napoleon has 500
    app.add_role("shown", Code(innernodeclass=nodes.literal))
    app.connect("missing-reference", resolve)
