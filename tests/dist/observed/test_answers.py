"""What the functions answer that Erlang's observer calls, without an Erlang node."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from actorsock import (
    Down,
    Pid,
    current_pid,
    dist,
    exit,
    gen_tcp,
    monitor,
    ok,
    otp,
    receive,
    send,
    set_label,
    socket,
    spawn,
    trap_exit,
)
from actorsock.dist import Atom, Observable, text
from actorsock.dist.node.distribution import distribution

OBSERVED = [
    "binary", "catchlevel", "current_function", "error_handler", "garbage_collection",
    "group_leader", "heap_size", "initial_call", "last_calls", "links", "memory",
    "message_queue_len", "monitored_by", "monitors", "priority", "reductions", "registered_name",
    "sequential_trace_token", "stack_size", "status", "suspending", "total_heap_size", "trace",
    "trap_exit",
]  # fmt: skip
"""What the window of a process asks for."""


class Till(otp.GenServer):
    """A server with a state."""

    def init(self) -> None:
        self.total = 7

    async def handle_call(self, request: Any, caller: Any) -> otp.Reply:
        await trio.sleep_forever()
        return otp.Reply(None)


class Door(otp.StateMachine):
    """A machine."""

    def init(self) -> Any:
        return otp.NextState("open")

    def open(self, event: Any) -> None:
        """Never leave this state."""


async def customer() -> None:
    set_label(("customer", 1))
    await receive(type(None))


@attrs.frozen
class Program:
    """A node that can be looked at, and some processes of it."""

    till: Pid
    customer: Pid

    async def ask(self, module: str, name: str, *args: Any) -> Any:
        """Call a function as another node does; its result is a term."""
        node = distribution()
        assert node.offered is not None
        function = node.offered(module, name, len(args))
        assert function is not None, (module, name, len(args))
        value = function(*args)
        if hasattr(value, "__await__"):
            value = await value
        node.writer.write(bytearray(), value)
        return value


Looker = Callable[..., Any]


@pytest.fixture
def program(runtime: None) -> Looker:
    """Runs a story in a node with some processes: `await program(story, control=True)`."""

    async def run(story: Callable[[Program], Any], **how: Any) -> None:
        async with dist.start(
            "py@127.0.0.1", cookie="x", register=False, observable=Observable(**how)
        ):
            till = ok(await otp.start(Till, name="till"))
            buying = spawn(customer)
            send(buying, ["a message", 2.5])
            await trio.testing.wait_all_tasks_blocked()
            await story(Program(till, buying))
            for pid in (till, buying):
                down = monitor(pid)
                exit(pid, "kill")
                await receive(down)

    return run


def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {str(name): value for name, value in pairs}


@pytest.mark.parametrize(
    ("function", "args", "answer"),
    [
        ("observer_backend:get_port_list", (), []),
        ("observer_backend:get_table_list", ("ets", []), []),
        ("code:ensure_loaded", ("observer_backend",), ("module", "observer_backend")),
        ("code:ensure_loaded", ("rb",), ("error", "nofile")),
        ("erlang:function_exported", ("observer_backend", "procs_info", 1), True),
        ("erlang:function_exported", ("observer_backend", "procs_info", 2), False),
        ("erlang:system_info", ("dirty_cpu_schedulers",), 0),
        ("erlang:system_info", ("wordsize",), 8),
        ("erlang:whereis", ("nobody",), "undefined"),
        ("net_kernel:get_net_ticktime", (), 60),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_short_answers(
    program: Looker, function: str, args: tuple[Any, ...], answer: Any
) -> None:
    async def story(program: Program) -> None:
        assert await program.ask(*function.split(":"), *args) == answer

    await program(story)


async def test_the_system(program: Looker) -> None:
    async def story(program: Program) -> None:
        facts = named(await program.ask("observer_backend", "sys_info"))
        assert text(facts["otp_release"]).startswith("actorsock ")
        assert facts["process_count"] >= 5
        assert facts["uptime"] >= 0
        assert facts["atom_limit"] == "undefined"
        assert 0 < facts["processes"] < facts["total"]
        # The observer divides by the size of the carriers.
        [(name, [(_, _, [(kind, [_, carriers]), _])])] = facts["alloc_info"]
        assert (name, kind, carriers[0]) == ("sys_alloc", "mbcs", "carriers_size")
        assert carriers[1] > 0
        assert (await program.ask("observer_backend", "vsn"))[0] == "ok"

    await program(story)


async def test_the_load_is_told_until_a_message_comes(program: Looker) -> None:
    async def story(program: Program) -> None:
        telling = spawn(program.ask, "observer_backend", "fetch_stats", current_pid(), 1)
        first, second = await receive(tuple), await receive(tuple)
        for stats in (first, second):
            assert stats[:2] == ("stats", 1)
            assert stats[3][0][0] == "input"
        [(_, worked, passed)], [(_, later, until)] = first[2], second[2]
        assert 0 <= later - worked <= until - passed
        down = monitor(telling)
        send(telling, "stop")
        assert (await receive(down)).reason == "normal"
        assert set(named(second[4])) == {"total", "processes", "code", "atom", "binary", "ets"}

    await program(story)


async def test_the_list_of_processes(program: Looker) -> None:
    async def story(program: Program) -> None:
        asking = spawn(program.ask, "observer_backend", "procs_info", current_pid())
        down = monitor(asking)
        word, sender, rows = await receive(tuple)
        assert (await receive(down)).reason == "normal"
        assert (word, sender) == ("procs_info", asking)
        found = {row[1]: row for row in rows}
        assert asking not in found
        record, _, memory, reductions, name, runtime, current, queue = found[program.customer]
        assert (record, runtime, queue) == ("etop_proc_info", 0, 1)
        assert name == current == (__name__, "customer", 0)
        assert memory > 0
        assert reductions > 0
        assert found[program.till][4] == "till"

    await program(story)


async def test_what_etop_collects(program: Looker) -> None:
    async def story(program: Program) -> None:
        asking = spawn(program.ask, "observer_backend", "etop_collect", current_pid())
        sender, info = await receive(tuple)
        assert sender is asking
        record, now, number, _, scheduler, _, areas, memory, rows = info
        assert (record, number, areas) == ("etop_info", len(rows), [])
        assert len(now) == 3
        assert all(0 <= part < 10**6 for part in now)
        assert scheduler[0][0] == 1
        assert "total" in named(memory)

    await program(story)


async def test_one_process(program: Looker) -> None:
    async def story(program: Program) -> None:
        found = await program.ask("erlang", "process_info", program.customer, OBSERVED)
        assert [name for name, _ in found] == OBSERVED
        facts = named(found)
        assert facts["initial_call"] == (__name__, "customer", 0)
        assert facts["status"] == "waiting"
        assert facts["message_queue_len"] == 1
        assert facts["registered_name"] == []
        assert [name for name, _ in facts["garbage_collection"]] == [
            "min_heap_size", "fullsweep_after"
        ]  # fmt: skip
        assert isinstance(facts["group_leader"], Pid)

        async def item(pid: Pid, item: Any) -> Any:
            return await program.ask("erlang", "process_info", pid, item)

        assert await item(program.customer, "registered_name") == []
        assert await item(program.till, "registered_name") == ("registered_name", "till")
        _, stack = await item(program.customer, "current_stacktrace")
        assert (__name__, "customer", 0) in [entry[:3] for entry in stack]
        assert [name for name, _ in stack[0][3]] == ["file", "line"]
        _, dictionary = await item(program.customer, "dictionary")
        assert named(dictionary)["$ancestors"] == [current_pid()]
        label = (("dictionary", "$process_label"), ("customer", 1))
        assert await item(program.customer, label[0]) == label
        assert await item(program.customer, "label") == ("label", label[1])
        with pytest.raises(ValueError, match="badarg"):
            await item(program.customer, "colour")

    await program(story)


async def test_a_process_that_has_ended(program: Looker) -> None:
    async def story(program: Program) -> None:
        gone = spawn(trio.lowlevel.checkpoint)
        await receive(monitor(gone))
        assert await program.ask("erlang", "process_info", gone, OBSERVED) == "undefined"
        assert await program.ask("proc_lib", "translate_initial_call", gone) == "undefined"
        answer = await program.ask("shop", "module_info", "attributes")
        assert answer == [("behaviour", ["undefined"])]

    await program(story)


async def test_messages_and_states_are_shown_if_that_is_allowed(program: Looker) -> None:
    async def story(program: Program) -> None:
        shown = await program.ask("erlang", "process_info", program.customer, "messages")
        assert shown == ("messages", [["a message", 2.5]])
        module, _, _ = await program.ask("proc_lib", "translate_initial_call", program.till)
        assert module == f"{__name__}:Till"
        attributes = await program.ask(module, "module_info", "attributes")
        assert attributes == [("behaviour", ["gen_server"])]
        status = await program.ask("sys", "get_status", program.till, 200)
        word, pid, (_, behaviour), (_, running, _, _, [_, (_, first), (_, second)]) = status
        assert (word, pid, behaviour, running) == (
            "status", program.till, "gen_server", "running"
        )  # fmt: skip
        assert text(first[0][0]) == "Status"
        assert (text(second[0][0]), second[0][1]) == ("State", {"total": 7})

    await program(story, messages=True)


async def test_without_that_there_are_none(program: Looker) -> None:
    async def story(program: Program) -> None:
        shown = await program.ask("erlang", "process_info", program.customer, "messages")
        assert shown == ("messages", [])
        call = await program.ask("proc_lib", "translate_initial_call", program.till)
        assert call == ("proc_lib", "init_p", 5)
        down = monitor(spawn(program.ask, "sys", "get_status", program.till, 200))
        assert (await receive(down)).reason[0] == "noproc"

    await program(story)


async def test_a_server_that_does_not_answer(program: Looker) -> None:
    async def story(program: Program) -> None:
        waiting = spawn(otp.call, "till", "anything")
        await trio.testing.wait_all_tasks_blocked()
        down = monitor(spawn(program.ask, "sys", "get_status", program.till, 1))
        assert (await receive(down)).reason[0] == "timeout"
        end = monitor(waiting)
        exit(waiting, "kill")
        await receive(end)

    await program(story, messages=True)


async def test_the_behaviour_of_a_state_machine(program: Looker) -> None:
    async def story(program: Program) -> None:
        door = ok(await otp.start(Door))
        module, _, _ = await program.ask("proc_lib", "translate_initial_call", door)
        attributes = await program.ask(module, "module_info", "attributes")
        assert attributes == [("behaviour", ["gen_statem"])]
        await otp.stop(door)

    await program(story, messages=True)


async def test_garbage_is_collected_with_control_alone(program: Looker) -> None:
    async def story(program: Program) -> None:
        assert await program.ask("erlang", "garbage_collect", program.till) is True

    await program(story, control=True)
    with pytest.raises(AssertionError, match="garbage_collect"):
        await program(story)


async def test_sockets(program: Looker) -> None:
    async def story(program: Program) -> None:
        sock = ok(socket.open("inet", "dgram", "udp"))
        listener = ok(gen_tcp.listen(0))
        rows = await program.ask("observer_backend", "get_socket_list")
        found = {text(row["id_str"]): row for row in rows}
        row = found[repr(sock)]
        assert (row["domain"], row["type"], row["protocol"]) == ("inet", "dgram", "udp")
        assert (row["kind"], row["owner"]) == ("plain", current_pid())
        assert dict(row["statistics"])["read_byte"] == 0
        options = dict(row["options"])
        assert options["socket", "broadcast"] is False
        assert {level for level, _ in options} == {"socket", "ip", "udp"}
        row = found[repr(listener)]
        assert row["kind"] == "compat"
        assert "listen" in row["rstates"]
        assert text(row["laddress"]).startswith("0.0.0.0:")
        numbers = named(await program.ask("observer_backend", "socket_info"))
        assert numbers["num_pudp"] == 1
        assert numbers["num_sockets"] == len(rows)
        await socket.close(sock)
        await gen_tcp.close(listener)

    await program(story)


async def test_applications_are_told_again_when_they_have_changed(
    autojump_clock: Any, program: Looker
) -> None:
    async def story(program: Program) -> None:
        trap_exit(True)
        me = current_pid()
        [name] = [each[0] for each in await program.ask("application", "which_applications")]
        server = ok(await program.ask("appmon_info", "start_link2", me, me, []))

        async def told(command: str, argument: Any) -> Any:
            message = await receive(lambda message: type(message) is tuple)
            assert message[:4] == ("delivery", server, command, argument)
            return message[4]

        otp.cast(server, (me, Atom("app_ctrl"), Atom("py"), True, []))
        [(root, found, (_, _, _))] = await told("app_ctrl", "py")
        assert (root, found) == (me, name)
        otp.cast(server, (me, Atom("app_ctrl"), Atom("py"), False, []))
        otp.cast(server, (me, Atom("app"), name, True, []))
        top, processes, edges, more = await told("app", name)
        assert (me, top) in processes
        assert (top, [*map(ord, "till")]) in edges
        assert more == []
        later = spawn(customer)
        _, processes, _, _ = await told("app", name)
        assert later in [pid for pid, _ in processes]
        down = monitor(server)
        exit(later, "kill")
        exit(server, "normal")
        assert isinstance(await receive(down), Down)

    await program(story)


async def test_it_is_off_unless_asked_for(runtime: None) -> None:
    async with dist.start("py@127.0.0.1", cookie="x", register=False):
        assert distribution().offered is None


@pytest.mark.parametrize("words", [{"control": 1}, {"messages": "yes"}], ids=str)
def test_wrong_arguments(words: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(words))}: expected"):
        Observable(**words)


async def test_a_wrong_observable(runtime: None) -> None:
    wrong: Any = True
    with pytest.raises(TypeError, match="observable: expected an Observable or None, got True"):
        async with dist.start("py@127.0.0.1", cookie="x", register=False, observable=wrong):
            pass
