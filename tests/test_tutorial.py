"""The tutorial's programs, in both languages, do what it says below them.

The files are written as a reader would save them, all into one directory, and run one by one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from .documents import Block, blocks

BLOCKS = blocks("docs/tutorial.md")
FILES = {block.file: block for block in BLOCKS if block.file is not None}
NO_ERLANG = shutil.which("erl") is None or shutil.which("erlc") is None


def printed() -> Mapping[tuple[str, str], str]:
    """What each program prints, by its language and name: the text that follows it."""
    found = {}
    programs: dict[str, str] = {}
    for block in BLOCKS:
        if block.language == "text":
            for language, name in programs.items():
                if block.note in ("", language):
                    found[language, name] = block.text
        elif block.file is not None:
            if any((language, name) in found for language, name in programs.items()):
                programs = {}
            programs[block.language] = block.file
    return found


PRINTED = printed()


def programs(language: str) -> list[str]:
    return [name for tongue, name in PRINTED if tongue == language]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tutorial")
    for name, block in FILES.items():
        (directory / name).write_text(block.text)
    return directory


@pytest.fixture(scope="module")
def compiled(directory: Path) -> Path:
    sources = [name for name in FILES if name.endswith(".erl")]
    # The module that another one behaves as must be there before it is compiled.
    done = run(["erlc", "-Werror", *sources], directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return directory


def run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    # A reader has no variables of this test run; those of the configuration stay.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=directory, env=environ, capture_output=True, text=True, timeout=60
    )


def test_every_block_is_a_file_or_what_one_prints() -> None:
    """Nothing in the document escapes the tests below."""
    shown = [block for block in BLOCKS if block.language == "text" and block.note != "pytest"]
    assert len(FILES) + len(shown) + 1 == len(BLOCKS)
    assert {block.language for block in FILES.values()} == {"erlang", "python", "ini"}
    both = ["tally", "watched", "words", "goodbye", "service"]
    assert [name for name in programs("python") if name != "patient.py"] == [
        f"{name}.py" for name in both
    ]
    assert programs("erlang") == [f"{name}.erl" for name in both]


@pytest.mark.parametrize("name", programs("python"))
def test_python_prints_what_is_shown(directory: Path, name: str) -> None:
    done = run([sys.executable, "-W", "error", name], directory)
    assert (done.returncode, done.stdout) == (0, PRINTED["python", name])
    # What is shown of crashes is the log's.
    crash = "crashed" in done.stderr
    assert crash == (name in ("watched.py", "service.py")), done.stderr
    assert crash or done.stderr == ""


@pytest.mark.skipif(NO_ERLANG, reason="there is no Erlang here (erl, erlc)")
@pytest.mark.parametrize("name", programs("erlang"))
def test_erlang_prints_what_is_shown(compiled: Path, name: str) -> None:
    module = name.removesuffix(".erl")
    done = run(["erl", "-noshell", "-s", module, "main", "-s", "erlang", "halt"], compiled)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED["erlang", name], "")


def test_the_tests_pass_as_shown(directory: Path) -> None:
    (shown,) = [block.text for block in BLOCKS if block.note == "pytest"]
    done = run([sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider"], directory)
    assert done.returncode == 0, done.stdout
    assert f" {shown.strip()} in " in done.stdout


def test_a_reader_is_told_how_to_run_them() -> None:
    text = (Path(__file__).parent.parent / "docs" / "tutorial.md").read_text()
    assert "`erlc *.erl && erl -noshell -s tally main -s erlang halt`" in text
    assert "`python tally.py`" in text


def test_a_block_knows_its_file() -> None:
    assert Block("python", "", "# tally.py\nimport attrs\n").file == "tally.py"
    assert Block("python", "", "import attrs\n# tally.py\n").file is None
