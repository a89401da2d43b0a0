"""Each term, in both directions, in the opinion of Erlang itself: one virtual machine for all."""

import random
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

from actorsock.dist.terms import decode, encode

from .samples import A_FUN, SAMPLES

PROGRAM = """
-module(opinions).
-export([main/1]).

% A line is an expression and the bytes of a term in base 64. The answer: whether they are the same,
% the bytes as this release writes them, and compressed.
main([File]) ->
    {ok, Lines} = file:consult(File),
    [io:format("~s ~s ~s~n", [opinion(Text, Data), again(Data, []), again(Data, [compressed])])
     || {Text, Data} <- Lines],
    halt().

opinion("", _) -> same;
opinion(Text, Data) ->
    {ok, Tokens, _} = erl_scan:string(Text ++ "."),
    {ok, Parsed} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Parsed, []),
    case binary_to_term(base64:decode(Data)) =:= Value of
        true -> same;
        false -> different
    end.

again(Data, Options) ->
    base64:encode(term_to_binary(binary_to_term(base64:decode(Data)), Options)).
"""


def test_erlang_reads_what_is_written_and_the_other_way(erl: str, tmp_path: Path) -> None:
    chance = random.Random(2)
    rows = [(text, value) for text, value, _ in SAMPLES]
    whole = [value for _, value in rows]
    rows += [("", A_FUN), ("", whole), ("", dict.fromkeys(range(40), whole))]
    rows += [("", [chance.randbytes(size), "ä" * size]) for size in (0, 100, 70_000)]
    rows += [("", chance.randrange(-(10**size), 10**size)) for size in range(1, 1000, 37)]
    (tmp_path / "opinions.erl").write_text(PROGRAM)
    (tmp_path / "rows").write_text(
        "".join(
            f"{{{_string(text)},<<{_string(b64encode(encode(value)).decode())}>>}}.\n"
            for text, value in rows
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [erl, "-noshell", "-eval", '{ok, _} = compile:file("opinions"), opinions:main(["rows"]).'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(rows), done.stdout[-1000:] + done.stderr
    for (text, value), answer in zip(rows, answers, strict=True):
        verdict, *forms = answer.split()
        assert verdict == "same", text
        for form in forms:
            again = decode(b64decode(form))
            assert again == decode(encode(value)), text
            assert len(encode(again)) == len(encode(value)), text


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
