"""What the runtime and the behaviours ask of a process of another node, played by a recorder."""

from collections.abc import Iterator
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Ref,
    alias,
    current_pid,
    demonitor,
    exit,
    is_alive,
    link,
    monitor,
    otp,
    process_info,
    receive,
    register,
    send,
    send_after,
    spawn,
    trap_exit,
    unlink,
)
from actorsock.otp.calls.protocol import Answer, Call, Cast
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.process import alive
from actorsock.runtime.core.remote import Remote, RemoteName, RemotePid, RemoteRef


class Recorder(Remote):
    """Keeps what it is asked; `told` is filled before the process that asked goes on."""

    __slots__ = ()
    told: list[tuple[Any, ...]] = []  # noqa: RUF012  # emptied by the fixture

    def _tell(self, *what: Any) -> None:
        self.told.append(what)


for _name in (
    *("deliver", "linked", "unlinked", "monitored", "demonitored", "signal", "partner_ended"),
    "watched_ended",
):
    setattr(Recorder, _name, lambda self, *args, _name=_name: self._tell(_name, *args))


class FarPid(Recorder, RemotePid):
    __slots__ = ()


class FarRef(Recorder, RemoteRef):
    __slots__ = ()


class FarName(Recorder, RemoteName):
    __slots__ = ()


class Cluster:
    """Knows the names of every node; ours is `"here"`."""

    def at(self, name: str, node: str) -> RemoteName | str:
        return name if node == "here" else FarName(name, node)


@pytest.fixture
def told(runtime: None) -> Iterator[list[tuple[Any, ...]]]:
    Recorder.told.clear()
    current_process().node.elsewhere = Cluster()
    yield Recorder.told
    Recorder.told.clear()


@pytest.mark.parametrize(
    "dest", [FarPid(), FarRef(), ("name", "there")], ids=["pid", "ref", "name"]
)
async def test_what_is_sent_elsewhere(told: list[Any], dest: Any) -> None:
    assert send(dest, "hello") == "hello"
    assert told == [("deliver", "hello")]


async def test_a_name_of_this_node_is_a_name(told: list[Any]) -> None:
    register("me", current_pid())
    send(("me", "here"), 1)
    assert await receive() == 1
    send(("nobody", "here"), 2)  # dropped, as in Erlang
    assert told == []


async def test_without_a_cluster_a_pair_is_no_destination(runtime: None) -> None:
    with pytest.raises(TypeError, match="dest: expected a Pid, a registered name or an alias"):
        send(("name", "node"), 1)
    with pytest.raises(TypeError, match="dest: expected a Pid or a registered name"):
        monitor(("name", "node"))
    with pytest.raises(TypeError, match="server: expected"):
        await otp.call(("name", "node"), 1)


async def test_a_link_is_made_once_and_removed_once(told: list[Any]) -> None:
    far, me = FarPid(), current_pid()
    unlink(far)
    link(far)
    link(far)
    assert process_info(me).links == [far]
    unlink(far)
    unlink(far)
    assert told == [("linked", me), ("unlinked", me)]


async def test_the_end_of_a_process_is_told(told: list[Any]) -> None:
    far, ref = FarPid(), FarRef()

    async def linked() -> None:
        link(far)
        monitor(("name", "there"))
        await receive()
        exit("done")

    pid = spawn(linked)
    mine = monitor(pid)
    await wait_all_tasks_blocked()
    alive[pid].watched_from(far, ref, pid)
    send(pid, "end")
    assert (await receive(mine)).reason == "done"
    assert [what[0] for what in told] == [
        *("linked", "monitored", "demonitored", "partner_ended", "watched_ended")
    ]
    assert told[3:] == [
        ("partner_ended", pid, "done"),
        ("watched_ended", ref, pid, pid, "done"),
    ]


async def test_signals_and_monitors_from_elsewhere(told: list[Any]) -> None:
    far, me = FarPid(), current_process()
    trap_exit(True)
    me.link_ended(far, "never linked")
    me.linked_from(far)
    me.link_ended(far, "gone")
    assert await receive() == Exit(far, "gone")
    me.linked_from(far)
    me.unlinked_from(far)
    me.link_ended(far, "too late")
    ref = monitor(far)
    me.watched_ended(ref, far, "ended")
    me.watched_ended(ref, far, "twice")
    assert await receive() == Down(ref, far, "ended")
    exit(far, "kill")
    assert told[-1] == ("signal", me.pid, "kill")
    assert len(me.mailbox) == 0


async def test_a_monitor_by_name_shows_the_pair(told: list[Any]) -> None:
    ref = monitor(("name", "there"))
    assert process_info(current_pid()).monitors == [("name", "there")]
    demonitor(ref)
    assert told == [("monitored", current_pid(), ref), ("demonitored", current_pid(), ref)]


async def test_a_call_monitors_first_and_takes_its_monitor_away(told: list[Any]) -> None:
    server, me = FarPid(), current_process()

    async def answer(kind: str) -> None:
        await wait_all_tasks_blocked()
        (_, request) = told[1]
        ref = request.caller.ref
        if kind == "alias":
            send(ref, Answer(ref, "yes"))
        elif kind == "past the alias":
            send(me.pid, Answer(ref, "yes"))
        else:
            me.watched_ended(ref, server, "noconnection")

    for kind in ("alias", "past the alias", "down"):
        told.clear()
        spawn(answer, kind)
        if kind == "down":
            with pytest.raises(CallError, match="noconnection"):
                await otp.call(server, "question")
        else:
            assert await otp.call(server, "question") == "yes"
        assert [what[0] for what in told[:2]] == ["monitored", "deliver"]
        assert type(told[1][1]) is Call
        assert not me.monitors
        assert not me.aliases
    otp.cast(("name", "there"), 3)
    assert told[-1] == ("deliver", Cast(3))


async def test_a_request_elsewhere(told: list[Any]) -> None:
    ref = otp.send_request(("name", "there"), 1)
    send(ref, Answer(ref, 2))
    assert (await otp.receive_response(ref)).unwrap() == 2
    assert [what[0] for what in told] == ["monitored", "deliver", "demonitored"]


class Registry:
    """A registry in which every name is that of one process."""

    def __init__(self, pid: Pid) -> None:
        self._pid = pid

    def whereis_name(self, name: Any) -> Pid:
        return self._pid

    def send(self, name: Any, message: Any) -> None:
        send(self._pid, message)

    def register_name(self, name: Any, pid: Pid) -> bool:
        return False

    def unregister_name(self, name: Any) -> None:
        pass


async def test_a_collection_of_requests_elsewhere(told: list[Any]) -> None:
    requests = otp.reqids_new()
    servers = (FarPid(), ("name", "there"), otp.Via(Registry(FarPid()), "name"))
    for number, server in enumerate(servers):
        otp.send_request(server, "question", number, requests)
    for number, (ref, _) in enumerate(otp.reqids_to_list(requests)):
        if number:
            send(ref, Answer(ref, number))
        else:
            current_process().watched_ended(ref, servers[0], "noconnection")
        response = await otp.receive_response(requests)
        result = Ok(number) if number else Error("noconnection", servers[0])
        assert response == otp.Response(result, number)
    assert [what[0] for what in told[:2]] == ["monitored", "deliver"]
    assert not current_process().monitors
    otp.cast(servers[2], 3)
    assert told[-1] == ("deliver", Cast(3))


async def test_a_request_that_can_not_be_sent_leaves_nothing(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Remote, message: Any) -> None:
        raise TypeError("no term")

    monkeypatch.setattr(FarName, "deliver", refuse)
    with pytest.raises(TypeError, match="no term"):
        otp.send_request(("name", "there"), object())
    assert [what[0] for what in told] == ["monitored", "demonitored"]
    assert not current_process().aliases


@pytest.mark.parametrize(
    "ask",
    [is_alive, process_info, lambda pid: register("x", pid), lambda pid: send_after(1, pid, 1)],
    ids=["is_alive", "process_info", "register", "send_after"],
)
async def test_what_only_a_node_itself_can_do(told: list[Any], ask: Any) -> None:
    with pytest.raises(ValueError, match="of another node"):
        ask(FarPid())


async def test_a_remote_pid_and_ref_are_pids_and_refs(runtime: None) -> None:
    assert isinstance(FarPid(), Pid)
    assert isinstance(FarRef(), Ref)
    assert alias() not in {FarRef()}
