"""What a node serves to others besides its processes: rex, net_kernel, the group leader."""

import sys
from typing import Any

import pytest

from actorsock import (
    Down,
    Error,
    Exit,
    TimerExpired,
    current_pid,
    dist,
    exit,
    is_alive,
    make_ref,
    monitor,
    otp,
    receive,
    register,
    send,
    unregister,
)
from actorsock.dist import Atom
from actorsock.dist.node import outgoing
from actorsock.dist.node.distribution import distribution
from actorsock.dist.terms import ImproperList

from .nodes import Beam


def _half(number: int) -> Any:
    if number < 0:
        exit("negative" if number == -1 else ("odd", "x" * 300, object()))
    return {1, 2} if number == 1 else number // 2


async def _tell(name: str) -> None:
    send(name, "told")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("gen_server:call({rex, Node}, {call, shop, half, [8], self()})", 4),
        ("gen_server:call({rex, Node}, {call, shop, half, [-1], self()})",
         ("badrpc", ("EXIT", "negative"))),
        ("gen_server:call({rex, Node}, {features_request, []})",
         ("features_reply", "{node}", [])),
        ("gen_server:call({rex, Node}, {unknown})", ("badrpc", "notsup")),
        ("gen_server:call({net_kernel, Node}, {unknown})", ("error", "notsup")),
        ("gen_server:call({net_kernel, Node}, {is_auth, node()})", "yes"),
        ("catch erpc:call(Node, shop, half, notalist)", ("EXIT", ("erpc", "badarg"))),
    ],
    ids=range(7),
)  # fmt: skip
async def test_requests(joined: Any, beam: Beam, text: str, answer: Any) -> None:
    dist.export(_half, "shop", "half")
    found = await beam.eval(text, Node=Atom(joined.name))
    if text.startswith("catch"):
        assert found[0] == answer[0]
    else:
        assert repr(found).replace(joined.name, "{node}") == repr(_atoms(answer))


def _atoms(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_atoms, value))
    return Atom(value) if isinstance(value, str) else value


async def test_a_result_that_is_no_term(joined: Any, beam: Beam) -> None:
    dist.export(_half, "shop", "half")
    call = "gen_server:call({rex, Node}, {call, shop, half, [1], self()})"
    word, (kind, ((error, _), _)) = await beam.eval(call, Node=Atom(joined.name))
    assert (word, kind, error) == ("badrpc", "EXIT", "TypeError")
    exits = "gen_server:call({rex, Node}, {call, shop, half, [-2], self()})"
    word, (kind, text) = await beam.eval(exits, Node=Atom(joined.name))
    assert (word, kind, text[:7]) == ("badrpc", "EXIT", b"('odd',")


async def test_casts(joined: Any, beam: Beam) -> None:
    dist.export(_tell, "shop", "tell")
    register("test", current_pid())
    for text in (
        "rpc:cast(Node, shop, tell, [test])",
        "gen_server:cast({rex, Node}, {cast, shop, tell, [test], self()})",
        "erpc:cast(Node, shop, tell, [test])",
    ):
        await beam.eval(
            f"gen_server:cast({{rex, Node}}, x), {{rex, Node}} ! x, {{net_kernel, Node}} ! x, "
            f"gen_server:cast({{net_kernel, Node}}, x), {text}",
            Node=Atom(joined.name),
        )
        assert await receive() == "told"
    unregister("test")
    assert (await otp.sys.get_status("rex")).state == {"node": joined.name}
    assert (await otp.sys.get_status("net_kernel")).state["connected"] == [beam.name]


@pytest.mark.parametrize(
    ("request_", "answer", "printed"),
    [
        ("{put_chars, latin1, <<\"a\">>}", "ok", "a"),
        ("{put_chars, [\"b\", [<<\"c\">> | [100]]]}", "ok", "bcd"),
        ("{requests, [{put_chars, unicode, \"e\"}, {put_chars, unicode, \"f\"}]}", "ok", "ef"),
        ("{requests, []}", "ok", ""),
        ("{get_line, unicode, prompt}", ("error", "enotsup"), ""),
        ("{put_chars, unicode, nothing, at_all, []}", ("error", "enotsup"), ""),
    ],
    ids=range(6),
)  # fmt: skip
async def test_the_group_leader(
    joined: Any,
    beam: Beam,
    capfd: pytest.CaptureFixture[str],
    request_: str,
    answer: Any,
    printed: str,
) -> None:
    asking = (
        f"R = make_ref(), group_leader() ! {{io_request, self(), R, {request_}}}, "
        "group_leader() ! nonsense, receive {io_reply, R, A} -> A end"
    )
    assert await beam.eval(asking) == answer
    assert capfd.readouterr().out == printed


class _Unable:
    """A stdout that knows no character."""

    def write(self, text: str) -> int:
        raise UnicodeEncodeError("ascii", text, 0, 1, "ordinal not in range(128)")


@pytest.mark.parametrize("stdout", [None, _Unable()], ids=["missing", "unable"])
async def test_output_that_cannot_be_shown_ends_nothing(
    joined: Any, beam: Beam, monkeypatch: pytest.MonkeyPatch, stdout: Any
) -> None:
    leader = distribution().leader
    monkeypatch.setattr(sys, "stdout", stdout)
    asking = (
        "R = make_ref(), group_leader() ! {io_request, self(), R, {put_chars, unicode, Text}}, "
        "receive {io_reply, R, A} -> A end"
    )
    for _ in range(7):  # more often than the supervisor of the node restarts
        assert await beam.eval(asking, Text=b"text") == ("error", "enotsup")
    assert is_alive(leader)


async def test_records_of_the_library_are_erlangs_tuples(joined: Any, beam: Beam) -> None:
    echo = await dist.spawn(beam.name, "helper", "echo")
    me, ref = current_pid(), make_ref()
    for record, term in [
        (Exit(me, "over"), ("EXIT", me, "over")),
        (Down(ref, me, "over"), ("DOWN", ref, "process", me, "over")),
        (Down(ref, ("a", "b@c"), KeyError(1)),
         ("DOWN", ref, "process", ("a", "b@c"), (("KeyError", b"1"), []))),
        (TimerExpired(ref, 5), ("timeout", ref, 5)),
        ([Error("enoent")], [("error", "enoent")]),
        ([Error("timeout", b"part")], [("error", ("timeout", b"part"))]),
    ]:  # fmt: skip
        # The echo answers with what is inside; a record has its form at the top alone.
        wrapped = record if isinstance(record, list) else None
        if wrapped is None:
            send(echo, (me, 0))
            assert await receive() == 0
            puppet = await dist.spawn(beam.name, "helper", "puppet", [me])
            send(puppet, record)
            assert (await receive())[2] == term
        else:
            send(echo, (me, wrapped))
            assert await receive() == term


async def test_an_answer_by_the_tag_of_many_calls(joined: Any, beam: Beam) -> None:
    asking = "R = make_ref(), Ref = alias(), Pid ! {'$gen_call', {self(), [[alias|Ref]|R]}, x}, ok"
    puppet = await dist.spawn(beam.name, "helper", "puppet", [current_pid()])
    send(puppet, (Atom("do"), asking, {b"Pid": current_pid()}))
    call = await receive(otp.Call)
    assert (await receive())[0] == "done"
    otp.reply(call.caller, 7)
    tag, value = (await receive())[2]
    assert value == 7
    assert isinstance(tag.items[0], ImproperList)


async def test_sys_of_another_node_is_asked_by_erpc(joined: Any, beam: Beam) -> None:
    server = (await beam.eval("helper:start(asked)"))[1]
    with pytest.raises(TypeError, match=r"dist\.erpc\.call"):
        await otp.sys.get_state(server)
    assert await dist.erpc.call(beam.name, "sys", "get_state", [server]) == 0
    await otp.stop(server)


async def test_too_much_waits_for_a_connection(
    joined: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outgoing, "MOST_QUEUED", 1000)
    dist.monitor_node("nobody@127.0.0.1")
    send(("x", "nobody@127.0.0.1"), bytes(2000))
    assert (await receive()).reason == "noconnection"
    assert "bytes wait for nobody@127.0.0.1" in caplog.text


async def test_a_pid_of_a_former_life_leads_nowhere(joined: Any) -> None:
    old = distribution().identities.pid(joined.name, 5, 0, 1)
    ref = make_ref()
    assert dist.node(old) == joined.name
    send(old, "lost")
    ref = monitor(old)
    assert (await receive(ref)).reason == "noconnection"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: dist.node(5), TypeError),
        (lambda: dist.nodes("all"), ValueError),
        (lambda: dist.monitor_node("x"), ValueError),
        (lambda: dist.erpc.cast("a@b", 5, "f"), TypeError),
        (lambda: dist.erpc.cast("a@b", "", "f"), ValueError),
        (lambda: dist.erpc.cast("a@b", "m", "f", 5), TypeError),
        (lambda: dist.abcast(["a@b"], "", 1), ValueError),
        (lambda: dist.export(5), TypeError),
    ],
    ids=range(8),
)
async def test_wrong_arguments(joined: Any, call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
