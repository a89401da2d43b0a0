"""Between two nodes of this library text stays text, and objects of known classes stay objects."""

import dataclasses
from contextvars import ContextVar
from typing import Any, cast

import attrs
import pytest

from actorsock import (
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Timeout,
    TimerExpired,
    current_pid,
    dist,
    exit,
    make_ref,
    monitor,
    otp,
    receive,
    send,
    spawn,
)
from actorsock.dist import Atom, terms
from actorsock.dist.node.messages import to_term
from actorsock.dist.node.records import _by_name, _by_type, registered_struct
from actorsock.otp import Call, Cast
from actorsock.otp.calls.travelling import TravellingCall, TravellingCast, Values

from .nodes import Beam


@dist.register_type
@attrs.frozen
class Order:
    """A class of a program."""

    article: str = attrs.field(validator=attrs.validators.instance_of(str))
    _count: int
    total: int = attrs.field(init=False, default=0)


@dataclasses.dataclass(frozen=True)
class Line:
    """Another one, with Elixir's name."""

    order: Order


dist.register_type(Line, "Elixir.Shop.Line")


async def echo() -> None:
    while True:
        match await receive():
            case Call(caller, ("pass on", Pid() as dest)):
                send(dest, caller)
            case Call(caller, request):
                otp.reply(caller, request)
            case (Pid() as sender, message) | Cast((Pid() as sender, message)):
                send(sender, message)
            case ("end", reason):
                exit(reason)


async def start_echo() -> Pid:
    return spawn(echo, name="echo")


VALUES = [
    "text",
    "",
    "ü\0",
    {"key": ["text", b"bytes", Atom("atom")]},
    Order("apple", 2),
    (1, Line(Order("pear", 3))),
    Ok(5),
    Ok(),
    Ok("text"),
    Error("reason"),
    Error("timeout", b"partial"),
    Error(("reason", 5)),
    Timeout(),
    [Ok(None), {"inside": Error("closed")}],
]


async def test_what_comes_back(joined: Any, second: Any) -> None:
    await second.start()
    await second.ask(start_echo)
    server = ("echo", second.name)
    for value in VALUES:  # the first of them waits for the connection
        send(server, (current_pid(), value))
        assert await receive() == value
        assert await otp.call(server, value) == value
    back = await otp.call(server, Atom("atom"))
    assert type(back) is Atom


async def test_values_that_travel_stay_in_this_program(joined: Any, second: Any) -> None:
    await second.start()
    await second.ask(start_echo)
    server = ("echo", second.name)
    variable = otp.travels(ContextVar[object]("variable"))
    variable.set(object())  # which stands for no term
    try:
        assert await otp.call(server, "called") == "called"
        assert await otp.receive_response(otp.send_request(server, "sent")) == Ok("sent")
        otp.cast(server, (current_pid(), "cast"))
        assert await receive() == "cast"
    finally:
        otp.stays(variable)


@pytest.mark.parametrize("kin", [True, False])
def test_a_message_that_is_passed_on_loses_its_values(kin: bool) -> None:
    caller, values = otp.Caller(Pid(), make_ref()), cast(Values, ((None, "value"),))
    for travelling, plain in (
        (TravellingCall(caller, "request", values), Call(caller, "request")),
        (TravellingCast("request", values), Cast("request")),
    ):
        told, expected = to_term(travelling, kin), to_term(plain, kin)
        assert [str(part) for part in told[::2]] == [str(part) for part in expected[::2]]


async def test_records_with_pids_and_refs(joined: Any, second: Any) -> None:
    await second.start()
    there = await second.ask(start_echo)
    far = await otp.call(("echo", second.name), there)
    ref = monitor(far)
    for record in (
        Exit(far, "normal"),
        Exit(far, ("shutdown", "text")),
        Down(ref, far, ("crash", "text")),
        Down(ref, ("echo", second.name), "noproc"),
        TimerExpired(ref, "text"),
    ):
        send(far, (current_pid(), record))
        back = await receive(type(record))
        assert back == record


async def test_a_reason_keeps_its_text(joined: Any, second: Any) -> None:
    await second.start()
    for reason, seen in [
        ("text", "text"),
        (("pair", "text"), ("pair", "text")),
        (Order("apple", 1), Order("apple", 1)),
        (ValueError("wrong"), (("ValueError", "wrong"), [])),
        (("shutdown", ValueError("wrong")), ("shutdown", (("ValueError", "wrong"), []))),
        (("no term", object), f"('no term', {object!r})"),
    ]:
        far = await second.ask(start_echo)
        ref = monitor(("echo", second.name))
        await otp.call(("echo", second.name), "is monitored")
        send(far, ("end", reason))
        assert (await receive(ref)).reason == seen


async def test_a_caller_is_passed_on(joined: Any, second: Any) -> None:
    await second.start()
    await second.ask(start_echo)
    request = otp.send_request(("echo", second.name), ("pass on", current_pid()))
    caller = await receive(otp.Caller)
    otp.reply(caller, "from another process")
    assert await otp.receive_response(request) == Ok("from another process")


async def test_an_erlang_node_gets_a_struct(joined: Any, beam: Beam) -> None:
    text = 'io_lib:format("~tp", [lists:sort(maps:to_list(X))])'
    shown = dist.text(await beam.eval(f"lists:flatten({text})", X=Line(Order("apple", 2))))
    assert "{'__struct__','Elixir.Shop.Line'}" in shown
    assert 'article => <<"apple">>' in shown
    assert await beam.eval("X", X=Ok("text")) == ("ok", b"text")


async def test_an_erlang_node_sends_a_struct(
    joined: Any, beam: Beam, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"'{__name__}.Order'"
    struct = f"#{{'__struct__' => {name}, article => X, count => 7}}"
    # This library writes text as a binary, which stays one: the validator refuses it.
    assert (await beam.eval(struct, X=b"apple"))["article"] == b"apple"
    assert "it stays a dict" in caplog.text
    unknown = await beam.eval("#{'__struct__' => 'actorsock.Ok', value => 1}")
    assert unknown == {"__struct__": "actorsock.Ok", "value": 1}
    assert await beam.eval("#{'__struct__' => 'Elixir.Shop.Line', order => 1}") == Line(1)  # type: ignore[arg-type]


def test_a_struct_with_a_key_that_has_no_text_stays_a_dict() -> None:
    found = {Atom("__struct__"): Atom(f"{__name__}.Order"), 10**5000: 1}
    assert registered_struct(found) is found


def test_text_of_kin_is_no_term_for_others() -> None:
    with pytest.raises(terms.BadTerm, match="no term begins with the byte 84"):
        terms.decode(b"\x83T\0\0\0\1a")


@pytest.mark.parametrize(
    ("cls", "name", "error", "says"),
    [
        (int, None, TypeError, "a class of attrs or a dataclass"),
        (Order(" ", 1), None, TypeError, "cls: expected a class"),
        (Order, 5, TypeError, "name: expected a str"),
        (Order, "", ValueError, "name: expected 1 to 255"),
        (Order, "Elixir.Shop.Line", ValueError, "stands for"),
    ],
    ids=range(5),
)
def test_what_cannot_be_registered(cls: Any, name: Any, error: Any, says: str) -> None:
    before = dict(_by_type), dict(_by_name)
    with pytest.raises(error, match=says):
        dist.register_type(cls, name)
    assert (_by_type, _by_name) == before
