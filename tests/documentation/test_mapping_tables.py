"""The documents that map Erlang and trio to this library name existing things, and all of them.

The tables of `docs/erlang.md`, `docs/processes.md`, `docs/otp.md` and `docs/trio.md` are read. The
columns called "actorsock" contain Python: functions are called with parameters that they have, by
their names, and records have the fields that are shown. The tables of options, flags, requests
and counters must be exactly those of the code.
"""

import ast
import builtins
import inspect
import re
import sys
from pathlib import Path
from typing import get_args

import attrs
import pytest

import actorsock
from actorsock import gen_tcp, gen_udp, inet, otp, socket, trace
from actorsock.socket.api.ioctl import supported_flags, supported_requests
from actorsock.socket.api.support import supports
from actorsock.socket.core.counters import COUNTERS
from actorsock.socket.options import LEVELS, OTP_OPTIONS, find, find_otp, options
from actorsock.socket.values import control_types
from actorsock.socket.values.flags import Flag

DOCS = Path(__file__).parent.parent.parent / "docs"
DOCUMENTS = {
    "erlang.md": socket,
    "processes.md": actorsock,
    "otp.md": otp,
    "trio.md": actorsock,
}
SPAN = re.compile(r"`([^`]+)`")


@attrs.frozen
class Table:
    document: str
    heading: str
    columns: tuple
    rows: tuple

    def column(self, name):
        number = self.columns.index(name)
        return [row[number] for row in self.rows]


def cells(line):
    return tuple(cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])


def tables_of(document):
    heading, table = "", []
    for line in [*(DOCS / document).read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("|"):
            table.append(cells(line))
        elif table:
            columns, ruler, *rows = table
            assert all(re.fullmatch(":?-+:?", cell) for cell in ruler), (heading, ruler)
            assert all(len(row) == len(columns) for row in rows), (heading, rows)
            yield Table(document, heading, columns, tuple(rows))
            table = []


TABLES = [table for document in DOCUMENTS for table in tables_of(document)]


def table_of(heading):
    (table,) = [table for table in TABLES if table.heading == heading]
    return table


def words(heading, column="actorsock"):
    """Return the words of a column, which are written as Python strings."""
    return [
        ast.literal_eval(span)
        for cell in table_of(heading).column(column)
        for span in SPAN.findall(cell)
    ]


# --- every name in the tables exists --------------------------------------------------------------


MODULES = {"`sys`": otp.sys, "Special processes": otp.sys, "`proc_lib`": otp.proc_lib}
"""The modules that the tables below some headings are about."""


def module_of(table):
    return MODULES.get(table.heading, DOCUMENTS[table.document])


NAMED = [
    pytest.param(module_of(table), span, id=f"{table.document} {span}")
    for table in TABLES
    if "actorsock" in table.columns
    for cell in table.column("actorsock")
    for span in SPAN.findall(cell)
]


@pytest.mark.parametrize(("module", "span"), NAMED)
def test_a_name_in_a_table_exists(module, span):
    """Names are public, and calls have the parameters that they are shown with."""
    tree = ast.parse(span, mode="exec")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        assert isinstance(call.func, ast.Name), "a function is shown without its module"
        thing = resolve(module, call.func.id)
        if thing in vars(builtins).values():
            continue
        signature = inspect.signature(thing)
        given = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
        signature.bind(*given, **{keyword.arg: keyword.value for keyword in call.keywords})
        for parameter, arg in zip(signature.parameters.values(), given, strict=False):
            if isinstance(arg, ast.Name) and parameter.kind is not parameter.POSITIONAL_ONLY:
                if arg.id[:1].isupper():
                    continue  # a class, given as an argument
                assert arg.id == parameter.name, f"it is called {parameter.name}"
    called = {call.func for call in calls}
    if (
        not calls
        and isinstance(tree.body[0], ast.Expr)
        and isinstance(tree.body[0].value, ast.Name)
    ):
        resolve(module, tree.body[0].value.id)
    for name in (node for node in ast.walk(tree) if isinstance(node, ast.Name)):
        if name in called or name.id[:1].isupper():
            resolve(module, name.id)


def resolve(module, name):
    for where in (module, actorsock):
        if name in where.__all__:
            return getattr(where, name)
    thing = getattr(builtins, name, None)
    assert thing is not None, f"there is no {name}"
    return thing


def test_options_named_in_the_tables_are_found():
    for level in LEVELS:
        for given, name in pairs(table_of(f"Level `{level}`")):
            assert find(given, name).level == level
    for given, name in pairs(table_of("Level `otp`")):
        assert given == "otp"
        assert find_otp(name).name == name


def pairs(table):
    return [
        ast.literal_eval(span) for cell in table.column("actorsock") for span in SPAN.findall(cell)
    ]


# --- everything that exists is in the tables ------------------------------------------------------


def identifiers(documents):
    for document in documents:
        for line in text(document).splitlines():
            for span in SPAN.findall(line):
                yield from re.findall(r"\w+", span)


@pytest.mark.parametrize(
    ("module", "documents"),
    [
        *[(actorsock, [*DOCUMENTS, "gen_tcp.md"]), (socket, DOCUMENTS)],
        *[(module, ["gen_tcp.md"]) for module in (inet, gen_tcp, gen_udp)],
        (trace, ["observer.md"]),
        *[(module, ["otp.md"]) for module in (otp, otp.sys, otp.proc_lib)],
    ],
)
def test_every_public_name_is_mentioned(module, documents):
    named = set(identifiers(documents))
    assert [name for name in module.__all__ if name not in named] == []


def access(to_set, to_get):
    return ", ".join(word for word, can in (("set", to_set), ("get", to_get)) if can) or "-"


def option_rows(level):
    """Return the rows that the table of a level must have."""
    if level == "otp":
        return [
            (
                f"`{{otp, {option.name}}}`",
                f'`"otp", "{option.name}"`',
                "set, get" if option.check else "get",
                option.value,
                default_of(option),
            )
            for option in OTP_OPTIONS.values()
        ]
    return [
        (
            f"`{{{level}, {option.name}}}`",
            f'`"{level}", "{option.name}"`',
            access(option.encode, option.decode),
            option.value,
        )
        for option in options(level)
    ]


def default_of(option):
    return "" if option.default is None and option.name != "meta" else f"`{option.default}`"


@pytest.mark.parametrize("level", ["otp", *LEVELS])
def test_the_tables_of_options(level):
    expected = option_rows(level)
    lines = "\n".join(f"| {' | '.join(row)} |" for row in expected)
    assert list(table_of(f"Level `{level}`").rows) == expected, f"it must be:\n{lines}"


@pytest.mark.skipif(sys.platform != "linux", reason="the list is about Linux")
def test_the_list_of_options_not_on_linux():
    (line,) = re.findall("Not on Linux: (.*?)\n\n", text("erlang.md"), re.DOTALL)
    lacking = [
        f"{level}/{option.name}"
        for level in LEVELS
        for option in options(level)
        if option.number is None
    ]
    assert SPAN.findall(line) == lacking


def text(document):
    return (DOCS / document).read_text(encoding="utf-8")


def test_flags():
    assert words("Message flags") == list(get_args(Flag))


def test_interface_requests_and_flags():
    assert [word for word in words("ioctl requests") if word in supported_requests()] == list(
        supported_requests()
    )
    line = re.search("Interface flags: (.*?)\n\n", text("erlang.md"), re.DOTALL)
    assert [ast.literal_eval(span) for span in SPAN.findall(line[1])] == list(supported_flags())


def by_value(codec):
    return "-" if codec is None else access(codec.encode, codec.decode)


def test_control_messages():
    rows = [
        (type_.level, type_.word, by_value(type_.codec).replace("set", "sent"))
        for type_ in control_types.BY_WORD.values()
    ]
    table = table_of("Control messages")
    assert [
        (*ast.literal_eval(SPAN.fullmatch(ours)[1]), way)
        for ours, way in zip(table.column("actorsock"), table.column("by value"), strict=True)
    ] == [(level, word, way.replace("get", "received")) for level, word, way in rows]


def test_fields_of_info_and_counters():
    fields = [field.name for field in attrs.fields(socket.SocketInfo)]
    assert words("Fields of `info(sock)`") == fields
    assert words("Counters") == list(COUNTERS)


def test_what_can_be_asked_of_supports():
    assert words("Support") == list(supports())


def test_fields_of_process_info():
    fields = [field.name for field in attrs.fields(actorsock.ProcessInfo)]
    assert words("Fields of `process_info(pid)`") == fields


@pytest.mark.parametrize(
    "behaviour",
    [otp.GenServer, otp.StateMachine, otp.EventHandler, otp.Supervisor, otp.Application],
)
def test_callbacks_are_the_methods_of_their_class(behaviour):
    table = table_of(f"Callbacks of `{behaviour.__name__}`")
    named = []
    for span in (span for cell in table.column("method") for span in SPAN.findall(cell)):
        call = ast.parse(span, mode="eval").body
        names = [
            f"*{arg.value.id}" if isinstance(arg, ast.Starred) else arg.id for arg in call.args
        ]
        signature = inspect.signature(getattr(behaviour, call.func.id))
        _, *parameters = [
            str(parameter).split(":")[0] for parameter in signature.parameters.values()
        ]
        assert names == [name for name in parameters if not name.startswith("**")]
        named.append(call.func.id)
    assert named == [
        name
        for name in vars(behaviour)
        if inspect.isfunction(getattr(behaviour, name)) and not name.startswith("_")
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_is_not_cut_by_line_breaks(document):
    lines = [line for line in text(document).splitlines() if not line.startswith("```")]
    assert [line for line in lines if line.count("`") % 2] == []
