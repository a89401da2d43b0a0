"""docs/modules.md names things of Python that exist, and says of Erlang what Erlang does."""

import builtins
import importlib
import re
import subprocess
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from ..conformance.sides.erlang_side import HOW_TO_INSTALL, compile_module, find_erlang
from .documents import ROOT

PAGE = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
CELLS = [
    re.split(r"(?<!\\)\|", line)[2]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("| Erlang |", "|---"))
]
NAMES = sorted(
    {name for cell in CELLS for name in re.findall(r"`([a-z_]\w*(?:\.\w+)*)[`(]", cell)}
    - {"try", "except", "finally"}
)
VARIABLES: dict[str, Any] = {
    "data": bytes,
    "text": str,
    "items": list,
    "table": dict,
    "deque": deque,
}
"""The types of the variables that the examples use."""

_SIZE = "fun(T) -> ets:insert(T, [{1, a}, {1.0, b}]), ets:info(T, size) end"
FACTS = {
    "{-7 div 2, -7 rem 2, round(2.5), trunc(-2.7)}": "{-3,-1,3,-2}",
    "maps:size(#{1 => a, 1.0 => b})": "2",
    "lists:usort([1, 1.0])": "[1]",
    f"({_SIZE})(ets:new(t, [ordered_set]))": "1",
    f"({_SIZE})(ets:new(t, [set]))": "2",
    "lists:foldl(fun(X, Acc) -> X - Acc end, 0, [1, 2, 3])": "2",
    'string:split("a,b,c", ",")': '["a","b,c"]',
    "string:length([$e, 16#301])": "1",
    'binary:match(<<"abc">>, <<"x">>)': "nomatch",
    're:replace("abcb", "b", "x", [{return, list}])': '"axcb"',
    'erlang:crc32("abc")': "891568578",
    'try list_to_integer(" 12") catch error:R -> R end': "badarg",
    "try lists:zip([1], []) catch error:Z -> Z end": "function_clause",
}
"""Erlang's expressions, and their values, on which what the page says is built."""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_exists(name: str) -> None:
    root, *rest = name.split(".")
    found = VARIABLES.get(root) or getattr(builtins, root, None) or importlib.import_module(root)
    for attribute in rest:
        try:
            found = getattr(found, attribute)
        except AttributeError:  # a module that its package does not import
            found = importlib.import_module(f"{root}.{attribute}")


def test_the_facts_about_erlang(tmp_path: Path) -> None:
    erlang = find_erlang()
    if erlang is None:
        pytest.skip(HOW_TO_INSTALL)
    lines = "".join(f'    io:format("~0p~n", [{expression}]),\n' for expression in FACTS)
    source = tmp_path / "facts.erl"
    source.write_text(f"-module(facts).\n-export([main/0]).\nmain() ->\n{lines}    halt().\n")
    compile_module(erlang, source, tmp_path)
    done = subprocess.run(
        [erlang, "-noshell", "-pa", str(tmp_path), "-s", "facts", "main"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert dict(zip(FACTS, done.stdout.splitlines(), strict=True)) == FACTS
