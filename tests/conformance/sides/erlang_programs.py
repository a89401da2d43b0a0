"""Random programs, given as data: they are written as Erlang terms and run by Erlang."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .erlang_side import compile_module

__all__ = ["run_in_erlang", "term"]


def term(value: Any) -> str:
    """Return a value as the text of an Erlang term; a str is an atom."""
    match value:
        case tuple():
            return f"{{{','.join(map(term, value))}}}"
        case list():
            return f"[{','.join(map(term, value))}]"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def run_in_erlang(erlang: str, module: str, programs: Sequence[Any], scratch: Path) -> list[str]:
    """Run `main` of an Erlang module of these rooms; return its line for each program."""
    (source,) = Path(__file__).parents[1].glob(f"*/{module}.erl")
    compile_module(erlang, source, scratch)
    script = scratch / "programs"
    script.write_text("".join(f"{term(program)}.\n" for program in programs))
    done = subprocess.run(
        [erlang, "-noshell", "-pa", str(scratch), "-run", module, "main", str(script)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(programs), done.stdout[-1000:] + done.stderr
    return lines
