"""The programs in docs/trio.md do what stands below them, as their reader would run them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

DOCUMENT = Path(__file__).parent.parent / "docs" / "trio.md"
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.M | re.S
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the programs run: it has the certificates that one of them needs."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    return tmp_path


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_prints_what_stands_below_it(number: int, directory: Path) -> None:
    program, printed = PROGRAMS[number]
    (directory / "pasted.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "pasted.py"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
    crashes = done.stderr.count("crashed: ")
    assert crashes == ("// int(b)" in program)
    assert done.stderr.count("Traceback") == crashes


def test_every_block_is_a_program_or_what_one_prints() -> None:
    fences = re.findall(r"^```(\w+)$", DOCUMENT.read_text("utf-8"), re.M)
    assert fences == ["python", "text"] * len(PROGRAMS)
    assert len(PROGRAMS) == 4
