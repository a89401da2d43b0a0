"""The programs of the newer pages run; their lists of reasons, loggers and terms are complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .documents import PRODUCT, ROOT, blocks

PAGES = [
    "docs/processes.md",
    "docs/gen_tcp.md",
    "docs/ssl.md",
    "docs/modules.md",
    "docs/light.md",
    "docs/cancellation.md",
    "docs/logging.md",
    "docs/finding_faults.md",
    "docs/observer.md",
    "docs/otel.md",
    "docs/reasons.md",
]

RUN_BY_OTHER_TESTS = [
    "README.md",
    "docs/distribution.md",
    "docs/otp.md",
    "docs/testing.md",
    "docs/trio.md",
    "docs/tutorial.md",
]

PROGRAMS = [
    pytest.param(program.text, printed.text, id=f"{page} {number}")
    for page in PAGES
    for number, (program, printed) in enumerate(
        zip(blocks(page)[::2], blocks(page)[1::2], strict=True), 1
    )
]


@pytest.mark.parametrize("page", PAGES)
def test_each_program_is_followed_by_its_output(page: str) -> None:
    languages = [block.language for block in blocks(page)]
    assert languages == ["python", "text"] * (len(languages) // 2)
    assert languages


def test_the_programs_of_every_page_are_run() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("newsfragments/*.md")]
    with_programs = [
        page.relative_to(ROOT).as_posix()
        for page in pages
        if "```python" in page.read_text(encoding="utf-8")
    ]
    assert sorted(with_programs) == sorted([*PAGES, *RUN_BY_OTHER_TESTS])


@pytest.mark.parametrize(("program", "printed"), PROGRAMS)
def test_a_program_prints_what_is_shown(program: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "pasted.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "pasted.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")


def sources() -> str:
    paths = PRODUCT.glob("actorsock/**/*.py")
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_every_reason_in_the_code_is_explained() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    reasons = set(re.findall(r'\b(?:Error|ProcessExit)\("(\w+)"', sources()))
    assert reasons
    assert sorted(reason for reason in reasons if f'"{reason}"' not in page) == []


def test_every_logger_is_listed() -> None:
    page = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
    loggers = set(re.findall(r'getLogger\("([\w.]+)"\)', sources()))
    assert loggers == set(re.findall(r"^\| `(actorsock[\w.]*)` \|", page, re.M))


def test_the_glossary_is_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| (.+?) \|", page, re.M)[2:]
    assert terms == sorted(terms, key=lambda term: term.strip("`").lower())


def test_the_files_of_the_map_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:actorsock|tests|docs)/[\w./]+)`", text)
    assert len(paths) > 30
    assert [
        path for path in paths if not any((top / path).exists() for top in (ROOT, PRODUCT))
    ] == []
