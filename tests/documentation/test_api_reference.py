"""The API reference has an entry for every public name, and no link in a document is broken.

Sphinx is not needed: the sources of the reference in docs/reference are compared with `__all__`,
and links are looked up in the files themselves. `make docs` builds the pages.
"""

import importlib
import re
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import actorsock

from .documents import ROOT

DOCS = ROOT / "docs"
PACKAGES = [
    "actorsock",
    "actorsock.socket",
    "actorsock.gen_tcp",
    "actorsock.gen_udp",
    "actorsock.inet",
    "actorsock.ssl",
    "actorsock.otp",
    "actorsock.otp.sys",
    "actorsock.otp.proc_lib",
    "actorsock.streams",
    "actorsock.observer",
    "actorsock.otel",
    "actorsock.trace",
    "actorsock.dist",
    "actorsock.dist.erpc",
    "actorsock.dist.peer",
    "actorsock.dist.pg",
    "actorsock.dist.terms",
    "actorsock.testing",
]
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("newsfragments/README.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)


# ---- the reference ---------------------------------------------------------------------------

_ENTRY = re.compile(r"^\.\. auto(?P<what>\w+):: (?P<name>[\w.]+)", re.M)
_MODULE = re.compile(r"^\.\. (?:automodule|py:currentmodule):: (?P<name>[\w.]+)", re.M)


def entries() -> dict[str, Any]:
    """The things that the reference describes, by full name."""
    found = {}
    for page in (DOCS / "reference").glob("*.rst"):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := _MODULE.match(line):
                module = match["name"]
                found[module] = importlib.import_module(module)
            elif match := _ENTRY.match(line):
                name = f"{module}.{match['name']}"
                assert name not in found, f"{name} has two entries"
                found[name] = getattr(importlib.import_module(module), match["name"])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_an_entry(package: str) -> None:
    described = entries()
    objects = {id(thing) for thing in described.values()}
    module = importlib.import_module(package)
    # A name that another package exports too (a stream) is described in one of them.
    missing = [name for name in module.__all__ if id(getattr(module, name)) not in objects]
    assert missing == []


def test_every_entry_is_a_public_name() -> None:
    public = {name: importlib.import_module(name).__all__ for name in PACKAGES}
    public["pytest_actorsock"] = ["mailbox", "runtime"]
    for name, thing in entries().items():
        if not isinstance(thing, ModuleType):
            package, _, last = name.rpartition(".")
            assert last in public[package], name


def test_every_page_is_in_a_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    reference = (DOCS / "reference" / "index.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^[\w/]+$", index, re.M))
    assert listed >= {page.stem for page in DOCS.glob("*.md")} - {"index"}
    listed = set(re.findall(r"^   (\w+)$", reference, re.M))
    assert listed == {page.stem for page in DOCS.glob("reference/*.rst")} - {"index"}


# ---- links -----------------------------------------------------------------------------------

_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$", re.M | re.S)


def links(page: Path) -> list[str]:
    """The targets of the links of a page that lead to files of the project."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not link.startswith(("https:", "http:"))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MyST give to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_broken(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_links_of_the_reference_lead_somewhere() -> None:
    described = entries()
    for page in (DOCS / "reference").glob("*.rst"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r":doc:`([^`]+)`", text):
            path = page.parent / target
            assert path.with_suffix(".md").exists() or path.with_suffix(".rst").exists(), target
        for target in re.findall(r":(?:obj|py:mod):`~?([^`]+)`", text):
            assert target in described


# ---- what a package index shows --------------------------------------------------------------


def configuration() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_readme_on_a_package_index_has_no_relative_link() -> None:
    """The index has no other files: a link to one is replaced by its text."""
    hook = configuration()["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    (fragment,) = hook["fragments"]
    text = (ROOT / fragment["path"]).read_text(encoding="utf-8")
    for substitution in hook["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    targets = _LINK.findall(text)
    assert targets
    assert all(target.startswith("https://") for target in targets), targets
    assert "docs/tutorial.md" in text


def test_the_version_stands_in_one_place() -> None:
    assert "version" in configuration()["project"]["dynamic"]
    assert actorsock.__version__ == metadata.version("actorsock")


def test_news_fragments_have_a_type_that_exists() -> None:
    types = [entry["directory"] for entry in configuration()["tool"]["towncrier"]["type"]]
    for fragment in (ROOT / "newsfragments").iterdir():
        if fragment.name != "README.md":
            _, kind, suffix = fragment.name.rsplit(".", 2)
            assert (kind in types, suffix) == (True, "md"), fragment.name


def test_the_types_of_news_fragments_are_described() -> None:
    types = [entry["directory"] for entry in configuration()["tool"]["towncrier"]["type"]]
    text = (ROOT / "newsfragments" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == types
