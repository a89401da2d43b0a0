"""Stories with a real Erlang node: messages, links, monitors, exits, calls both ways, spawns."""

from typing import Any

import pytest
import trio

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Timeout,
    alias,
    current_pid,
    demonitor,
    dist,
    exit,
    link,
    make_ref,
    monitor,
    ok,
    otp,
    process_info,
    processes,
    receive,
    register,
    send,
    spawn,
    spawn_handler,
    trap_exit,
    unlink,
)
from actorsock.dist import Atom
from actorsock.otp import Reply, Stop

from ..stories import until
from .nodes import Beam

BIG = {Atom("bytes"): bytes(300_000), Atom("list"): [*range(30_000)]}


async def puppet(beam: Beam) -> Pid:
    """A process there that tells us everything it gets."""
    return await dist.spawn(beam.name, "helper", "puppet", [current_pid()])


async def does(puppet: Pid, text: str, **bindings: Any) -> Any:
    """Have the puppet evaluate an Erlang expression; return its value."""
    send(puppet, (Atom("do"), text, {name.encode(): value for name, value in bindings.items()}))
    return (await receive(lambda m: type(m) is tuple and m[0] == "done"))[2]


async def got(puppet: Pid) -> Any:
    """What the puppet has got next."""
    return (await receive(lambda m: type(m) is tuple and m[0] == "got"))[2]


@pytest.mark.parametrize(
    "message",
    [Atom("ok"), 5, b"bytes", (1, [2, 3.5], {Atom("a"): None}), BIG, [[]] * 1000],
    ids=["atom", "integer", "binary", "structure", "big", "lists"],
)
async def test_an_echo(joined: Any, beam: Beam, message: Any) -> None:
    pid = await dist.spawn(beam.name, "helper", "echo")
    send(pid, (current_pid(), message))
    assert await receive() == message


async def test_identities_come_back_as_themselves(joined: Any, beam: Beam) -> None:
    pid = await dist.spawn(beam.name, "helper", "echo")
    ref, me = make_ref(), current_pid()
    send(pid, (me, [ref, me, pid]))
    echo = await receive()
    assert all(one is other for one, other in zip(echo, [ref, me, pid], strict=True))
    assert dist.node(pid) == dist.node(await beam.eval("make_ref()")) == beam.name
    assert dist.node(me) == dist.node(ref) == dist.node()
    assert repr(pid).startswith(f"<{beam.name}.")


async def test_messages_keep_their_order(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    for number in range(500):
        send(pid, number)
    assert [await got(pid) for _ in range(500)] == list(range(500))


async def test_names_both_ways(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    await does(pid, "register(puppet, self())")
    send(("puppet", beam.name), "to you")
    assert await got(pid) == b"to you"
    register("me", current_pid())
    await does(pid, "{me, Node} ! to_me", Node=Atom(dist.node()))
    assert await receive() == "to_me"
    send(("nobody", beam.name), "dropped")
    assert await does(pid, "unregister(puppet)") is True


async def test_aliases_both_ways(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    ref = alias("reply")
    await does(pid, "Ref ! one, Ref ! two, ok", Ref=ref)
    assert await receive() == "one"
    theirs = await does(pid, "alias([reply])")
    send(theirs, 1)
    send(theirs, 2)
    send(pid, 3)
    assert [await got(pid), await got(pid)] == [1, 3]


async def test_answers_are_received_by_their_ref(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    ref, theirs = make_ref(), await does(pid, "make_ref()")
    answers = "[To ! M || M <- [noise, {Ref, 1}, {'DOWN', Ref, process, self(), why}, {Own, 5}]]"
    send(pid, (Atom("do"), answers, {b"To": current_pid(), b"Ref": ref, b"Own": theirs}))
    assert await receive(theirs) == (theirs, 5)
    assert await receive(ref) == (ref, 1)
    assert await receive(ref) == ("DOWN", ref, "process", pid, "why")
    assert await receive() == "noise"


@pytest.mark.parametrize("side", ["ours", "theirs"])
async def test_a_link_made_here_ends_both(joined: Any, beam: Beam, side: str) -> None:
    trap_exit(True)
    pid = await puppet(beam)
    await does(pid, "process_flag(trap_exit, true)")

    async def linked(test: Pid) -> None:
        link(pid)
        send(test, "linked")
        await receive()
        exit("bye")

    ours = spawn(linked, current_pid())
    mine = monitor(ours)
    assert await receive() == "linked"
    await does(pid, "[_] = [P || P <- element(2, process_info(self(), links)), node(P) =/= node()]")
    if side == "ours":
        send(ours, "end")
        assert await got(pid) == ("EXIT", ours, "bye")
        assert (await receive(mine)).reason == "bye"
    else:
        send(pid, (Atom("exit"), (Atom("done"), 5)))
        assert (await receive(mine)).reason == ("done", 5)


async def test_an_unlink_lets_the_other_side_live(joined: Any, beam: Beam) -> None:
    trap_exit(True)
    pid = await puppet(beam)
    for _ in range(5):
        link(pid)
        unlink(pid)
    assert await does(pid, "process_info(self(), links)") == ("links", [])
    await does(pid, "link(Pid)", Pid=current_pid())
    await does(pid, "unlink(Pid)", Pid=current_pid())
    ref = monitor(pid)
    send(pid, (Atom("exit"), Atom("quietly")))
    assert (await receive(ref)).reason == "quietly"
    link(pid)
    assert await receive() == Exit(pid, "noproc")


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("normal", "normal"),
        ("shutdown", "shutdown"),
        (("shutdown", "why"), ("shutdown", "why")),
        (5, 5),
        (ValueError("wrong"), ((Atom("ValueError"), b"wrong"), [])),
        (object, b"<class 'object'>"),
    ],
    ids=str,
)
async def test_exit_reasons_there(joined: Any, beam: Beam, said: Any, seen: Any) -> None:
    pid = await puppet(beam)

    async def ends() -> None:
        await receive()
        exit(said)

    ours = spawn(ends)
    ref = await does(pid, "monitor(process, Pid)", Pid=ours)
    send(ours, "now")
    assert await got(pid) == (Atom("DOWN"), ref, Atom("process"), ours, seen)


async def test_monitors_of_pids_and_names_there(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    await does(pid, "register(watched, self())")
    refs = [monitor(pid), monitor(("watched", beam.name)), monitor(("nobody", beam.name))]
    gone = monitor(pid)
    demonitor(gone)
    assert await receive(refs[2]) == Down(refs[2], ("nobody", beam.name), "noproc")
    send(pid, (Atom("exit"), Atom("over")))
    assert await receive(refs[0]) == Down(refs[0], pid, "over")
    assert await receive(refs[1]) == Down(refs[1], ("watched", beam.name), "over")


async def test_monitors_of_names_here(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)

    async def named() -> None:
        await receive()

    ours = spawn(named, name="named")
    node = Atom(dist.node())
    ref = await does(pid, "monitor(process, {named, Node})", Node=node)
    other = await does(pid, "monitor(process, {nobody, Node})", Node=node)
    assert await got(pid) == ("DOWN", other, "process", ("nobody", node), "noproc")
    dropped = await does(pid, "monitor(process, {named, Node})", Node=node)
    assert await does(pid, "demonitor(Ref)", Ref=dropped) is True
    send(ours, "end")
    assert await got(pid) == ("DOWN", ref, "process", ("named", node), "normal")


async def test_exit_signals_both_ways(joined: Any, beam: Beam) -> None:
    trap_exit(True)
    pid = await puppet(beam)
    await does(pid, "process_flag(trap_exit, true)")
    exit(pid, "please")
    assert await got(pid) == ("EXIT", current_pid(), "please")
    await does(pid, "exit(Pid, softly)", Pid=current_pid())
    assert await receive() == Exit(pid, "softly")
    victim = spawn(receive)
    ref = monitor(victim)
    await does(pid, "exit(Pid, kill)", Pid=victim)
    assert (await receive(ref)).reason == "killed"
    ref = monitor(pid)
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"


async def test_calls_of_a_server_there(joined: Any, beam: Beam) -> None:
    server = (await beam.eval("helper:start(server1)"))[1]
    name = ("server1", beam.name)
    assert await otp.call(server, (1, "two")) == ("echo", (1, b"two"))
    assert await otp.call(name, Atom("later")) == "later"
    otp.cast(name, 7)
    assert await otp.call(name, Atom("state")) == 7
    ref = otp.send_request(name, 8)
    assert await otp.receive_response(ref) == Ok(("echo", 8))
    assert await dist.multi_call([beam.name, "nobody@127.0.0.1"] * 2, "server1", 9) == (
        {beam.name: ("echo", 9)}, ["nobody@127.0.0.1"],
    )  # fmt: skip
    assert isinstance(await receive(after=0.05), Timeout)  # there is no second answer
    dist.abcast([beam.name], "server1", 8)
    assert await otp.call(name, Atom("state")) == 8
    with pytest.raises(CallError, match="crashed"):
        await otp.call(server, Atom("crash"))
    with pytest.raises(CallError, match="noproc"):
        await otp.call(server, 1)
    with pytest.raises(CallError, match="noproc"):
        await otp.call(name, 1)


async def test_a_call_that_times_out_leaves_nothing(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    with pytest.raises(CallError, match="timeout"):
        await otp.call(pid, "never answered", timeout=0.05)
    assert (await got(pid))[0] == "$gen_call"
    assert await does(pid, "process_info(self(), monitored_by)") == ("monitored_by", [])


async def test_a_server_there_is_stopped(joined: Any, beam: Beam) -> None:
    server = (await beam.eval("helper:start(server2)"))[1]
    await otp.stop(server, "shutdown")
    assert await beam.eval("whereis(server2)") is None


class Counter(otp.GenServer):
    def init(self, value: int) -> None:
        self.value = value

    def handle_call(self, request: Any, caller: otp.Caller) -> Any:
        match request:
            case "crash":
                raise ValueError("as told")
            case "later":
                spawn(self.answer, caller)
                return otp.NoReply()
            case "stop":
                return Stop("normal", Atom("stopped"))
            case (str("add"), int(more)):
                self.value += more
        return Reply(self.value)

    async def answer(self, caller: otp.Caller) -> None:
        otp.reply(caller, Ok([self.value]))

    def handle_cast(self, request: Any) -> None:
        self.value = request


CALL = "catch gen_server:call({counter, Node}, Request)"


async def test_erlang_calls_a_server_here(joined: Any, beam: Beam) -> None:
    counter = ok(await otp.start(Counter, 1, name="counter"))
    here = Atom(dist.node())

    async def ask(request: Any, text: str = CALL) -> Any:
        return await beam.eval(text, Request=request, Node=here)

    assert await ask((Atom("add"), 4)) == 5
    assert await ask(Atom("later")) == ("ok", [5])
    assert await ask(9, "gen_server:cast({counter, Node}, Request)") == "ok"
    assert await ask(Atom("value")) == 9
    assert await ask(Atom("x"), "gen_server:multi_call([Node], counter, Request)") == (
        [(here, 9)], []
    )  # fmt: skip
    assert await ask(
        Atom("x"),
        "gen_server:wait_response(gen_server:send_request({counter, Node}, Request), 5000)",
    ) == ("reply", 9)
    reason, (module, *_) = (await ask(Atom("crash")))[1]
    assert reason == ((Atom("ValueError"), b"as told"), [])
    assert module == "gen_server"
    ref = monitor(counter)
    assert (await receive(ref)).reason == "noproc"
    assert (await ask(Atom("x")))[1][0] == "noproc"


async def test_erlang_stops_a_server_here(joined: Any, beam: Beam) -> None:
    for stopping in (CALL, "gen_server:stop({counter, Node}), stopped"):
        counter = ok(await otp.start(Counter, 1, name="counter"))
        ref = monitor(counter)
        answer = await beam.eval(stopping, Request=Atom("stop"), Node=Atom(dist.node()))
        assert answer == "stopped"
        assert (await receive(ref)).reason == "normal"


async def test_sys_of_erlang_asks_our_behaviours(joined: Any, beam: Beam) -> None:
    counter = ok(await otp.start(Counter, 1, name="counter"))

    async def sys(text: str) -> Any:
        return await beam.eval(f"sys:{text}", Pid=counter)

    assert await sys("get_state(Pid)") == {Atom("value"): 1}
    status = await sys("get_status(Pid)")
    assert status[:2] == ("status", counter)
    assert status[3][1] == "running"
    assert await sys("suspend(Pid)") == "ok"
    assert (await sys("get_status(Pid)"))[3][1] == "suspended"
    assert await sys("resume(Pid)") == "ok"
    assert await sys("trace(Pid, true)") == "ok"
    assert await sys("trace(Pid, false)") == "ok"
    assert await sys("log(Pid, true)") == "ok"
    assert await sys("statistics(Pid, true)") == "ok"
    assert await otp.call(counter, "value") == 1
    events = (await sys("log(Pid, get)"))[1]
    assert [event[0] for event in events] == [b"in", b"out"]
    counts = dict((await sys("statistics(Pid, get)"))[1])
    assert (counts["messages_in"], counts["messages_out"]) == (1, 1)
    assert await sys("no_debug(Pid)") == "ok"
    with pytest.raises(dist.ErpcError, match="unknown_system_msg"):
        await sys("replace_state(Pid, fun(S) -> S end)")
    assert await otp.call(counter, "value") == 1


async def test_erpc_there(joined: Any, beam: Beam) -> None:
    call = dist.erpc.call
    assert await call(beam.name, "lists", "seq", [1, 3]) == [1, 2, 3]
    for text, kind, reason in (
        ("exit(gone)", "exit", "gone"),
        ("throw(ball)", "throw", "ball"),
        ("error(wrong)", "error", "wrong"),
    ):
        with pytest.raises(dist.ErpcError) as failed:
            await beam.eval(text)
        assert (failed.value.kind, failed.value.reason) == (kind, reason)
    with pytest.raises(dist.ErpcError, match="undef"):
        await call(beam.name, "nothing", "at_all")
    with pytest.raises(dist.ErpcError, match="timeout"):
        await call(beam.name, "timer", "sleep", [60_000], timeout=0.05)
    assert await dist.erpc.multicall([beam.name, "no@127.0.0.1"], "erlang", "node") == [
        Ok(beam.name), Error("noconnection"),
    ]  # fmt: skip
    before = len(processes())
    with trio.move_on_after(0.05):
        await dist.erpc.multicall([beam.name] * 3, "timer", "sleep", [60_000])
    await until(lambda: len(processes()) == before)
    for wrong, error in (([beam.name, "x"], ValueError), ([5], TypeError)):
        with pytest.raises(error, match="nodes: expected"):
            await dist.erpc.multicall(wrong, "erlang", "node")
    dist.erpc.cast(beam.name, "erlang", "send", [current_pid(), Atom("cast")])
    assert await receive() == "cast"


async def _twice(number: int) -> int:
    if number < 0:
        raise ValueError("negative")
    if number == 0:
        exit("zero")
    return number * 2


def _odd() -> Any:
    return object()


async def test_erpc_and_rpc_here(joined: Any, beam: Beam) -> None:
    dist.export(_twice, "shop", "twice")
    dist.export(_odd, "shop", "odd")
    here = Atom(dist.node())

    async def ask(text: str) -> Any:
        return await beam.eval(text, Node=here)

    assert await ask("erpc:call(Node, shop, twice, [4])") == 8
    assert await ask("rpc:call(Node, shop, twice, [4])") == 8
    assert await ask("rpc:block_call(Node, shop, twice, [4])") == 8
    assert await ask("erpc:multicall([Node, Node], shop, twice, [4])") == [("ok", 8)] * 2
    assert await ask("catch erpc:call(Node, shop, twice, [0])") == (
        "EXIT", ("exception", "zero"),
    )  # fmt: skip
    failed = await ask("rpc:call(Node, shop, twice, [-1])")
    assert failed == ("badrpc", ("EXIT", ((Atom("ValueError"), b"negative"), [])))
    for text in ("rpc:call(Node, os, system, [x])", "rpc:block_call(Node, os, system, [x])"):
        assert (await ask(text))[1][1][0] == "undef"
    assert (await ask("rpc:call(Node, shop, odd, [])"))[1][1][0][0] == "TypeError"
    assert await ask("net_adm:ping(Node)") == "pong"


async def test_processes_there(joined: Any, beam: Beam) -> None:
    trap_exit(True)
    pid = await dist.spawn_link(beam.name, "helper", "puppet", [current_pid()])
    assert await does(pid, "process_info(self(), links)") == ("links", [current_pid()])
    send(pid, (Atom("exit"), Atom("over")))
    assert await receive() == Exit(pid, "over")
    pid, ref = await dist.spawn_monitor(beam.name, "nothing", "at_all")
    assert (await receive(ref)).reason[0] == "undef"
    with pytest.raises(dist.SpawnError, match="noconnection"):
        await dist.spawn("nobody@127.0.0.1", "a", "b")


async def test_who_waits_no_longer_hears_nothing(joined: Any, beam: Beam) -> None:
    with trio.move_on_after(0):
        await dist.spawn_link(beam.name, "helper", "puppet", [current_pid()])
    with trio.move_on_after(0):
        await dist.erpc.call(beam.name, "erlang", "node")
    assert await dist.ping(beam.name) == "pong"
    assert isinstance(await receive(after=0), Timeout)
    assert process_info(current_pid()).links == []
    assert process_info(current_pid()).monitors == []
    linked = "[P || P <- processes(), {links, L} <- [process_info(P, links)], lists:member(Me, L)]"
    assert await beam.eval(linked, Me=current_pid()) == []


async def test_what_is_printed_there_is_seen_here(
    joined: Any, beam: Beam, capfd: pytest.CaptureFixture[str]
) -> None:
    for function, args in (("format", ["~p and ~s~n", [1, "two"]]), ("put_chars", ["grün"])):
        _, ref = await dist.spawn_monitor(beam.name, "io", function, args)
        assert (await receive(ref)).reason == "normal"
    assert capfd.readouterr().out == "1 and two\ngrün"


async def _worker(owner: Pid, reason: str) -> None:
    send(owner, (Atom("here"), current_pid()))
    await receive()
    exit(reason)


async def test_processes_here(joined: Any, beam: Beam) -> None:
    dist.export(_worker, "work", "er")
    pid = await puppet(beam)
    await does(pid, "process_flag(trap_exit, true)")
    here = Atom(dist.node())
    ours = await does(pid, "spawn_link(Node, work, er, [self(), done])", Node=here)
    assert (await got(pid))[1] is ours
    send(ours, "end")
    assert await got(pid) == ("EXIT", ours, "done")
    ours, ref = await does(pid, "spawn_monitor(Node, work, er, [self(), done])", Node=here)
    await got(pid)
    send(ours, "end")
    assert (await got(pid))[:4] == ("DOWN", ref, "process", ours)
    ours = await does(pid, "spawn_link(Node, nothing, at_all, [])", Node=here)
    assert await got(pid) == ("EXIT", ours, ("undef", [("nothing", "at_all", [], [])]))


async def test_a_supervisor_with_a_child_there(joined: Any, beam: Beam) -> None:
    spec = otp.ChildSpec(
        "worker", dist.spawn_link, (beam.name, "helper", "puppet", [current_pid()])
    )
    supervisor = ok(await otp.start(otp.Supervisor, [spec]))
    (child,) = await otp.which_children(supervisor)
    assert (await otp.count_children(supervisor)).active == 1
    assert dist.node(child.pid) == beam.name
    send(child.pid, (Atom("exit"), Atom("crash")))
    ref = monitor(child.pid)
    await receive(ref)
    (again,) = await otp.which_children(supervisor)
    assert again.pid is not child.pid
    ref = monitor(again.pid)
    await otp.stop(supervisor, "shutdown")
    assert (await receive(ref)).reason == "shutdown"


async def test_erlang_supervises_a_process_here(joined: Any, beam: Beam) -> None:
    dist.export(_start_counter, "counter", "start_link")
    started = await beam.eval(
        "erpc:call(Node, counter, start_link, [5])",
        Node=Atom(dist.node()),
    )  # fmt: skip
    assert started[0] == "ok"
    assert await beam.eval("gen_server:call(Pid, x)", Pid=started[1]) == 5


async def _start_counter(value: int) -> Any:
    return await otp.start(Counter, value)


async def test_what_is_no_term_is_the_senders_mistake(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    with pytest.raises(TypeError, match="stands for no Erlang term"):
        send(pid, object())
    send(pid, 1)
    assert await got(pid) == 1


async def test_a_handler_sends_elsewhere(joined: Any, beam: Beam) -> None:
    pid = await puppet(beam)
    handler = spawn_handler(lambda message: send(pid, message))
    send(handler, 3)
    assert await got(pid) == 3
