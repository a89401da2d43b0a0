"""What the instruments tell of a node, and that they tell nothing when they are not asked."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import trio

from actorsock import (
    Down,
    Limit,
    current_pid,
    exit,
    gen_tcp,
    inet,
    monitor,
    ok,
    otel,
    otp,
    receive,
    run,
    send,
    send_after,
    socket,
    spawn,
)
from actorsock.otel.metrics import INSTRUMENTS
from actorsock.otp import ChildSpec, SupervisorFlags
from actorsock.runtime.bodies.crash_report import crash_observers
from actorsock.runtime.bodies.current import current_process
from actorsock.socket.core.registry import Registry
from actorsock.socket.core.service import registry_of

from .conftest import Meters


async def forever() -> None:
    await trio.sleep_forever()


async def light_forever() -> None:
    await receive(int)


async def crash() -> None:
    raise ValueError("as you wish")


async def ended(pid: Any) -> None:
    monitor(pid)
    await receive(Down)


async def test_processes_and_mailboxes(instrumented: None, meters: Meters) -> None:
    me = current_pid()
    before = meters.read()
    pids = [spawn(forever), spawn(forever), spawn(light_forever, light=True)]
    for pid, count in zip(pids, (2, 3, 1), strict=True):
        for _ in range(count):
            send(pid, "waits")
    send_after(1000, me, "late")
    now = meters.read()
    changes = {
        "actorsock.process.count task": 2,
        "actorsock.process.count light": 1,
        "actorsock.process.count handler": 0,
        "actorsock.mailbox.messages": 6,
        "actorsock.timer.count": 1,
    }
    assert {name: now[name] - before[name] for name in changes} == changes
    assert now["actorsock.mailbox.longest"] == 3


async def test_crashes_and_restarts(instrumented: None, meters: Meters) -> None:
    class Child(otp.GenServer):
        pass

    class Family(otp.Supervisor):
        def init(self, strategy: Any) -> Any:
            child = ChildSpec("child", otp.start_link, (Child,))
            return SupervisorFlags(strategy, intensity=5), [child]

    for strategy in ("one_for_one", "simple_one_for_one"):
        family = ok(await otp.start(Family, strategy))
        if strategy == "simple_one_for_one":
            ok(await otp.start_child(family, []))
        (child,) = await otp.which_children(family)
        exit(child.pid, "kill")
        await ended(child.pid)
        # It is restarted before the supervisor answers.
        assert (await otp.which_children(family))[0].pid not in (child.pid, "restarting")
    await ended(spawn(crash))
    now = meters.read()
    assert now["actorsock.supervisor.restarts"] == 2
    assert now["actorsock.process.crashes"] == 1


async def test_messages_that_limits_have_dropped(instrumented: None, meters: Meters) -> None:
    lasting, ending = (spawn(forever, max_mailbox=Limit(1, "drop_new")) for _ in range(2))
    for pid in (lasting, lasting, lasting, ending, ending):
        send(pid, "full")
    assert meters.read()["actorsock.mailbox.dropped"] == 3
    exit(ending, "kill")
    await ended(ending)
    assert meters.read()["actorsock.mailbox.dropped"] == 3


async def connected() -> tuple[socket.Socket, socket.Socket]:
    async with ok(socket.open("inet", "stream", "tcp")) as listener:
        ok(socket.bind(listener, {"family": "inet", "addr": "loopback", "port": 0}))
        ok(socket.listen(listener))
        client = ok(socket.open("inet", "stream", "tcp"))
        ok(await socket.connect(client, ok(socket.sockname(listener))))
        return client, ok(await socket.accept(listener))


async def test_sockets_also_closed_ones(instrumented: None, meters: Meters) -> None:
    client, accepted = await connected()
    ok(await socket.send(client, b"hello"))
    assert ok(await socket.recv(accepted, 5)) == b"hello"
    ok(await socket.send(accepted, b"bye"))
    assert ok(await socket.recv(client, 3)) == b"bye"
    traffic = ("actorsock.socket.io receive", "actorsock.socket.io transmit")
    now = meters.read()
    assert now["actorsock.socket.count"] == 2
    assert [now[name] for name in traffic] == [8, 8]
    for sock in (client, accepted):
        ok(await socket.close(sock))
    now = meters.read()
    assert now["actorsock.socket.count"] == 0
    assert [now[name] for name in traffic] == [8, 8]


async def test_bytes_of_gen_tcp_and_of_sendfile(
    instrumented: None, meters: Meters, tmp_path: Path
) -> None:
    listener = ok(gen_tcp.listen(0, {"active": False, "ip": "127.0.0.1"}))
    client = ok(await gen_tcp.connect("127.0.0.1", ok(inet.port(listener)), {"active": False}))
    accepted = ok(await gen_tcp.accept(listener))
    ok(await gen_tcp.send(client, b"hello"))
    assert ok(await gen_tcp.recv(accepted, 5)) == b"hello"
    for sock in (client, accepted, listener):
        ok(await gen_tcp.close(sock))
    now = meters.read()
    assert now["actorsock.socket.io receive"] == now["actorsock.socket.io transmit"] == 5
    (tmp_path / "file").write_bytes(b"goodbye")
    left, right = await connected()
    with (tmp_path / "file").open("rb") as file:
        ok(await socket.sendfile(left, file))
    assert ok(await socket.recv(right, 7)) == b"goodbye"
    now = meters.read()
    assert now["actorsock.socket.io receive"] == now["actorsock.socket.io transmit"] == 12
    for sock in (left, right):
        ok(await socket.close(sock))


async def test_the_delay_of_the_runtime(instrumented: None, meters: Meters) -> None:
    assert "actorsock.run_queue.delay" not in meters.read()  # it was asked just now
    waiting = meters.read()["actorsock.run_queue.delay"]
    await trio.testing.wait_all_tasks_blocked()
    answered = meters.read()["actorsock.run_queue.delay"]
    assert 0 < waiting <= answered


async def test_a_reader_in_another_thread(instrumented: None, meters: Meters) -> None:
    pid = spawn(forever)
    now = await trio.to_thread.run_sync(meters.read)
    assert now["actorsock.process.count task"] >= 2
    exit(pid, "kill")


async def test_instruments_say_what_they_are(instrumented: None, meters: Meters) -> None:
    meters.read()
    await trio.testing.wait_all_tasks_blocked()
    told = {metric.name: (metric.unit, metric.description) for metric, _ in meters.points()}
    assert told == {each.name: (each.unit, each.description) for each in INSTRUMENTS}
    texts = [str(point.attributes) for _, point in meters.points()]
    assert not any("<0." in text for text in texts)


async def test_a_node_is_reported_only_in_the_block(runtime: None, meters: Meters) -> None:
    registry = registry_of(current_process().node)
    for _ in range(2):  # the instruments of a provider are made once
        with otel.instrument(meter_provider=meters.provider):
            assert meters.read()["actorsock.socket.count"] == 0
            assert type(registry) is not Registry
        assert meters.read() == {}
    assert type(registry) is Registry
    assert not any(type(each).__name__ == "Readings" for each in crash_observers)


async def test_two_nodes_are_one_sum(instrumented: None, meters: Meters) -> None:
    async def main() -> int:
        with otel.instrument(meter_provider=meters.provider):
            spawn(forever)
            return int(meters.read()["actorsock.process.count task"])

    alone = meters.read()["actorsock.process.count task"]
    assert await trio.to_thread.run_sync(run, main) == alone + 2
    assert meters.read()["actorsock.process.count task"] == alone


def test_the_library_does_not_import_opentelemetry() -> None:
    program = "import sys, actorsock; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
