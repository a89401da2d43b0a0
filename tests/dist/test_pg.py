"""`pg`: groups that nodes of this library and real Erlang nodes have in common."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actorsock import (
    CallError,
    Error,
    Ok,
    Pid,
    current_pid,
    dist,
    exit,
    monitor,
    ok,
    otp,
    receive,
    send,
    sleep,
    spawn,
    spawn_link,
)
from actorsock.dist import Atom, pg
from actorsock.dist.groups.membership import Membership
from actorsock.dist.groups.names import Group
from actorsock.dist.node.distribution import distribution

from ..stories import in_runtime, until
from .conftest import Join
from .nodes import Beam


async def stay() -> None:
    await sleep(float("inf"))


# --- on one node ----------------------------------------------------------------------------------


async def test_joining_and_leaving(joined: Any) -> None:
    scope = ok(await pg.start_link())
    me, other = current_pid(), spawn(stay)
    await pg.join("group", me)
    await pg.join("group", [me, other])
    assert Counter(pg.get_members("group")) == Counter({me: 2, other: 1})
    assert pg.get_members("group") == pg.get_local_members(Atom("group"))
    assert pg.which_groups() == pg.which_local_groups() == ["group"]
    assert await pg.leave("group", [me, me]) == Ok()
    assert await pg.leave("group", me) == Error("not_joined")
    assert await pg.leave("nobody", me) == Error("not_joined")
    assert pg.get_members("group") == [other]
    exit(other, "kill")
    await until(lambda: not pg.get_members("group"))
    assert pg.which_groups() == []
    await otp.stop(scope)


async def test_names_of_groups(joined: Any) -> None:
    scope = ok(await pg.start_link("scope"))
    names = ["atom", b"binary", 1, 1.0, True, None, ("text", 1), [1, [2]], {"a": 1}, {b"b": ["x"]}]
    for name in names:
        await pg.join(name, current_pid(), scope="scope")
        assert pg.get_members(name, scope="scope") == [current_pid()]
    assert len(pg.which_groups(scope="scope")) == len(names)
    # Inside of a term a str is a binary, which it is for another node.
    assert pg.get_members((b"text", 1), scope="scope") == [current_pid()]
    assert pg.get_members(b"atom", scope="scope") == []
    with pytest.raises(TypeError, match="stands for no Erlang term"):
        pg.get_members(object())
    await otp.stop(scope)


async def test_news(joined: Any) -> None:
    scope = ok(await pg.start_link())
    one, two = spawn(stay), spawn(stay)
    await pg.join("group", one)
    ref, members = await pg.monitor("group")
    every, groups = await pg.monitor_scope()
    assert (members, groups) == ([one], [("group", [one])])
    await pg.join("group", two)
    await pg.join(("other", 1), two)
    assert await receive(ref) == pg.Joined(ref, "group", [two])
    assert await receive(every) == pg.Joined(every, "group", [two])
    assert await receive(every) == pg.Joined(every, (b"other", 1), [two])
    exit(two, "kill")
    assert await receive(ref) == pg.Left(ref, "group", [two])
    assert {(await receive(every)).group for _ in range(2)} == {"group", (b"other", 1)}
    await pg.leave("group", one)
    assert await pg.demonitor(ref)  # what has come and was not received goes too
    assert not await pg.demonitor(ref)
    assert await receive(every) == pg.Left(every, "group", [one])
    await pg.join("group", one)
    assert await receive() == pg.Joined(every, "group", [one])

    async def ends() -> None:
        await pg.monitor("group")

    await receive(monitor(spawn(ends)))
    server = distribution().node.services["actorsock pg", "pg"][1]
    await until(lambda: len(server._subscribers) == 1)
    await otp.stop(scope)


async def test_what_is_refused(joined: Any) -> None:
    assert pg.get_members("group") == pg.get_local_members("group") == pg.which_groups() == []
    assert pg.which_local_groups() == []
    with pytest.raises(CallError, match="noproc"):
        await pg.join("group", current_pid())
    scope = ok(await pg.start())
    assert await pg.start_link() == Error("already_started", scope)
    for wrong in (5, [5]):
        with pytest.raises(TypeError, match="pids: expected a Pid or several"):
            await pg.join("group", wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="scope: expected a str"):
        await pg.join("group", current_pid(), scope=5)  # type: ignore[arg-type]
    far = distribution().identities.pid("a@b", 1, 2, 3)
    with pytest.raises(ValueError, match="is of another node"):
        await pg.join("group", far)
    assert await otp.call(scope, "anything") == Error("badarg")
    otp.cast(scope, "anything")
    send(scope, "anything")
    await otp.stop(scope)


@in_runtime
async def test_without_a_cluster() -> None:
    with pytest.raises(RuntimeError, match="no node of a cluster"):
        await pg.start_link()


# --- with other nodes -----------------------------------------------------------------------------


class There:
    """`pg` on an Erlang node."""

    def __init__(self, beam: Beam) -> None:
        self._beam = beam

    async def members(self, group: str) -> list[Pid]:
        found: list[Pid] = await self._beam.eval(f"pg:get_members(s, {group})")
        return found

    async def eventually(self, group: str, pids: list[Pid]) -> None:
        """Wait until the group has these members there."""
        with trio.fail_after(60):
            while Counter(await self.members(group)) != Counter(pids):  # noqa: ASYNC110
                await trio.sleep(0.02)


START = "case whereis(s) of undefined -> {ok, P} = pg:start(s), P; P -> P end"
MEMBER = "spawn(fun() -> receive stop -> ok end end)"


async def here_eventually(group: Any, pids: list[Pid]) -> None:
    """Wait until the group has these members here."""
    await until(lambda: Counter(pg.get_members(group, scope="s")) == Counter(pids))


@pytest.mark.parametrize("hidden", [True, False], ids=["hidden", "visible"])
@pytest.mark.parametrize("first", ["here", "there"])
async def test_with_an_erlang_node(
    runtime: None, join: Join, beams: Callable[..., Beam], hidden: bool, first: str
) -> None:
    beam = beams()
    there = There(beam)
    async with join(hidden=hidden):
        if first == "here":
            scope = ok(await pg.start_link("s"))
            await pg.join("group", current_pid(), scope="s")
            await beam.eval(START)
        else:
            await beam.eval(START)
            scope = ok(await pg.start_link("s"))
            await pg.join("group", current_pid(), scope="s")
        far = await beam.eval(f"P = {MEMBER}, pg:join(s, group, [P, P]), P")
        await there.eventually("group", [far, far, current_pid()])
        await here_eventually("group", [far, far, current_pid()])
        assert pg.get_local_members("group", scope="s") == [current_pid()]

        ref, _ = await pg.monitor("group", scope="s")
        await pg.join("group", current_pid(), scope="s")
        assert await receive(ref) == pg.Joined(ref, "group", [current_pid()])
        await there.eventually("group", [far, far, current_pid(), current_pid()])
        await beam.eval("pg:leave(s, group, P)", P=far)
        assert await receive(ref) == pg.Left(ref, "group", [far])
        send(far, Atom("stop"))
        assert await receive(ref) == pg.Left(ref, "group", [far])
        await here_eventually("group", [current_pid(), current_pid()])

        for name, text in [
            (b"binary", '<<"binary">>'),
            (("text", 5), '{<<"text">>, 5}'),
            ([1, 2], "[1, 2]"),
            ({Atom("key"): 1}, "#{key => 1}"),
        ]:
            other = await beam.eval(f"P = {MEMBER}, pg:join(s, {text}, P), P")
            await here_eventually(name, [other])
            mine = spawn_link(stay)
            await pg.join(name, mine, scope="s")
            await there.eventually(text, [other, mine])
        await pg.leave("group", [current_pid(), current_pid()], scope="s")
        await there.eventually("group", [])
        ended = spawn(stay)
        await pg.join("ended", [ended, ended], scope="s")
        await there.eventually("ended", [ended, ended])
        exit(ended, "kill")
        await there.eventually("ended", [])
        await otp.stop(scope)
        await there.eventually(text, [other])
    beam.stop()


async def test_nodes_come_and_go(runtime: None, join: Join, beams: Callable[..., Beam]) -> None:
    beam = beams()
    there = There(beam)
    async with join() as node:
        scope = ok(await pg.start_link("s"))
        me = current_pid()
        await pg.join("group", me, scope="s")
        for _ in range(2):
            await beam.eval(START)
            far = await beam.eval(f"P = {MEMBER}, pg:join(s, group, P), P")
            await here_eventually("group", [far, me])
            await there.eventually("group", [far, me])
            dist.disconnect_node(beam.name)
            await here_eventually("group", [me])
            assert await dist.ping(beam.name) == "pong"
            await here_eventually("group", [far, me])
            await there.eventually("group", [far, me])
            # The server there ends and starts again: its members have to join again.
            await beam.eval("exit(whereis(s), kill), timer:sleep(50)")
            await here_eventually("group", [me])
            await beam.eval(START)
            await beam.eval("{s, N} ! {discover, whereis(s)}", N=Atom(node.name))
            await there.eventually("group", [me])
            ref, _ = await pg.monitor("group", scope="s")
            far = await beam.eval(f"P = {MEMBER}, pg:join(s, group, P), P")
            assert await receive(ref) == pg.Joined(ref, "group", [far])
            beam.stop()
            assert await receive(ref) == pg.Left(ref, "group", [far])
            assert await pg.demonitor(ref, scope="s")
            beam.start()
        await otp.stop(scope)
    beam.stop()


async def test_an_erlang_process_monitors_a_group_here(joined: Any, beam: Beam) -> None:
    scope = ok(await pg.start_link("t"))
    await pg.join("group", current_pid(), scope="t")
    text = """
        Me = self(),
        {Ref, [{group, [P]}]} = gen_server:call({t, N}, monitor),
        P ! {watching, Me},
        receive {Ref, Verb, Group, Pids} -> {Verb, Group, Pids} end"""
    news: list[Any] = []

    async def watch() -> None:
        news.append(await beam.eval(text, N=Atom(joined.name)))

    watcher = spawn(watch)
    await receive(lambda message: type(message) is tuple and message[0] == "watching")
    await pg.join("other", current_pid(), scope="t")
    await receive(monitor(watcher))
    assert news == [("join", "other", [current_pid()])]
    await otp.stop(scope)


async def test_two_of_ours(joined: Any, second: Any) -> None:
    await second.start()
    scope = ok(await pg.start_link("s"))

    async def begin() -> Pid:
        ok(await pg.start("s"))
        pid = spawn(stay)
        await pg.join(("text", 1), pid, scope="s")
        return pid

    await second.ask(begin)
    assert await dist.connect_node(second.name)
    await until(lambda: len(pg.get_members(("text", 1), scope="s")) == 1)
    assert pg.which_groups(scope="s") == [(b"text", 1)]
    assert pg.get_local_members(("text", 1), scope="s") == []
    await otp.stop(scope)


# --- the rules, without processes -----------------------------------------------------------------


class Walk(RuleBasedStateMachine):
    """Any order of news: the groups are what a plain count of every join and leave gives."""

    def __init__(self) -> None:
        super().__init__()
        self.membership = Membership()
        self.pids = [Pid() for _ in range(3)]
        self.servers = [Pid() for _ in range(2)]
        self.far = {server: [Pid() for _ in range(2)] for server in self.servers}
        self.groups = [Group(bytes([n]), n) for n in range(2)]
        self.here: Counter[tuple[Group, Pid]] = Counter()
        self.there: dict[Pid, Counter[tuple[Group, Pid]]] = {}
        self.seen: Counter[tuple[Group, Pid]] = Counter()

    def note(self, changes: list[Any]) -> None:
        for change in changes:
            for pid in change.pids:
                self.seen[change.group, pid] += 1 if change.what == "join" else -1

    @rule(group=st.integers(0, 1), pids=st.lists(st.integers(0, 2), min_size=1, max_size=3))
    def join(self, group: int, pids: list[int]) -> None:
        self.note(self.membership.join(self.groups[group], [self.pids[p] for p in pids]))
        self.here.update((self.groups[group], self.pids[p]) for p in pids)

    @rule(group=st.integers(0, 1), pids=st.lists(st.integers(0, 2), min_size=1, max_size=3))
    def leave(self, group: int, pids: list[int]) -> None:
        self.note(self.membership.leave([self.groups[group]], [self.pids[p] for p in pids]))
        self.here -= Counter((self.groups[group], self.pids[p]) for p in pids)

    @rule(pid=st.integers(0, 2))
    def end(self, pid: int) -> None:
        groups, changes = self.membership.ended(self.pids[pid])
        mine = {key: n for key, n in self.here.items() if key[1] is self.pids[pid]}
        assert Counter(groups) == Counter({group: n for (group, _), n in mine.items()})
        self.note(changes)
        for key in mine:
            del self.here[key]

    @rule(server=st.integers(0, 1), group=st.integers(0, 1), pids=st.lists(st.integers(0, 1)))
    def told_join(self, server: int, group: int, pids: list[int]) -> None:
        pid = self.servers[server]
        far = [self.far[pid][p] for p in pids]
        self.note(self.membership.told_join(pid, self.groups[group], far))
        if pid in self.there:
            self.there[pid].update((self.groups[group], p) for p in far)

    @rule(server=st.integers(0, 1), groups=st.sets(st.integers(0, 1)), p=st.integers(0, 1))
    def told_leave(self, server: int, groups: set[int], p: int) -> None:
        pid = self.servers[server]
        names = [self.groups[group] for group in groups]
        self.note(self.membership.told_leave(pid, names, [self.far[pid][p]]))
        if pid in self.there:
            self.there[pid] -= Counter((group, self.far[pid][p]) for group in names)

    @rule(server=st.integers(0, 1), told=st.dictionaries(st.integers(0, 1), st.lists(
        st.integers(0, 1), max_size=3)))  # fmt: skip
    def sync(self, server: int, told: dict[int, list[int]]) -> None:
        pid = self.servers[server]
        groups = {self.groups[g]: [self.far[pid][p] for p in pids] for g, pids in told.items()}
        self.note(self.membership.told_all(pid, groups))
        self.there[pid] = Counter((g, p) for g, pids in groups.items() for p in pids)

    @rule(server=st.integers(0, 1))
    def met(self, server: int) -> None:
        self.membership.met(self.servers[server])
        self.there.setdefault(self.servers[server], Counter())

    @rule(server=st.integers(0, 1))
    def lost(self, server: int) -> None:
        self.note(self.membership.lost(self.servers[server]))
        self.there.pop(self.servers[server], None)

    @invariant()
    def agrees(self) -> None:
        every = sum(self.there.values(), self.here.copy())
        membership = self.membership
        for group in self.groups:
            for read, wanted in (
                (membership.members, every),
                (membership.local_members, self.here),
            ):
                assert Counter(read(group)) == Counter(
                    {pid: n for (g, pid), n in wanted.items() if g == group and n}
                )
        assert set(membership.groups()) == {group for (group, _), n in every.items() if n}
        assert +self.seen == +every
        assert set(membership.servers()) == set(self.there)


TestWalk = Walk.TestCase
