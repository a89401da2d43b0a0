"""The programs of the tutorial, in both languages, print the text below them.

The files are written into one directory, as a reader would save them, and run one by one.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from .documents import Block, blocks, run, text_of

# pytest-asyncio, if it is installed, warns where it is not configured.
PLUGINS = ["-p", "no:cacheprovider", "-p", "no:asyncio"]
BLOCKS = blocks("docs/tutorial.md")
FILES = {block.file: block for block in BLOCKS if block.file is not None}
NO_ERLANG = shutil.which("erl") is None or shutil.which("erlc") is None


def printed() -> Mapping[tuple[str, str], str]:
    """Return the output of each program, by language and name: the text that follows it."""
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
    done = run(["erlc", "-Werror", *sources], directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return directory


def test_every_block_is_a_file_or_its_output() -> None:
    """So the tests below cover the whole document."""
    shown = [block for block in BLOCKS if block.language == "text" and block.note != "pytest"]
    assert len(FILES) + len(shown) + 1 == len(BLOCKS)
    assert {block.language for block in FILES.values()} == {"erlang", "python", "ini"}
    both = ["tally", "watched", "words", "goodbye", "lines", "service"]
    assert [name for name in programs("python") if name != "patient.py"] == [
        f"{name}.py" for name in both
    ]
    assert programs("erlang") == [f"{name}.erl" for name in both]


@pytest.mark.parametrize("name", programs("python"))
def test_a_python_program(directory: Path, name: str) -> None:
    done = run([sys.executable, "-W", "error", name], directory)
    assert (done.returncode, done.stdout) == (0, PRINTED["python", name])
    # The log of a crash goes to stderr.
    crash = "crashed" in done.stderr
    assert crash == (name in ("watched.py", "service.py")), done.stderr
    assert crash or done.stderr == ""


@pytest.mark.skipif(NO_ERLANG, reason="there is no Erlang here (erl, erlc)")
@pytest.mark.parametrize("name", programs("erlang"))
def test_an_erlang_program(compiled: Path, name: str) -> None:
    module = name.removesuffix(".erl")
    done = run(["erl", "-noshell", "-s", module, "main", "-s", "erlang", "halt"], compiled)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED["erlang", name], "")


def test_the_tests_of_the_tutorial_pass(directory: Path) -> None:
    (shown,) = [block.text for block in BLOCKS if block.note == "pytest"]
    done = run([sys.executable, "-m", "pytest", "-W", "error", *PLUGINS], directory)
    assert done.returncode == 0, done.stdout
    assert f" {shown.strip()} in " in done.stdout


def test_the_commands_that_run_the_programs_are_named() -> None:
    text = text_of("docs/tutorial.md")
    assert "`erlc *.erl && erl -noshell -s tally main -s erlang halt`" in text
    assert "`python tally.py`" in text


def test_the_file_name_of_a_block() -> None:
    assert Block("python", "", "# tally.py\nimport attrs\n").file == "tally.py"
    assert Block("python", "", "import attrs\n# tally.py\n").file is None
