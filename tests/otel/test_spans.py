"""Spans of requests: who makes them, how they hang together, and what they say of a failure."""

from typing import Any

import pytest
import trio
from opentelemetry import baggage, trace
from opentelemetry import context as contexts
from opentelemetry.trace import SpanKind, StatusCode

from actorsock import CallError, Ok, ok, otel, otp, receive, run, send, spawn
from actorsock.otp import Caller, NoReply, Reply, Stop
from actorsock.otp.calls.travelling import travellers

from .conftest import Meters, Tracers


class Till(otp.GenServer):
    def handle_call(self, request: Any, caller: Caller) -> Any:
        match request:
            case "crash":
                raise ValueError("as you wish")
            case "stop":
                return Stop("broken")
            case "end":
                return Stop("normal", "ended")
            case "wait":
                return Reply(None, timeout=0)
            case "silent":
                return NoReply()
            case ("ask", other):
                otp.cast(other, "told")
        return Reply(baggage.get_baggage("who"))

    def handle_cast(self, request: Any) -> None:
        trace.get_current_span().set_attribute("here", True)

    def handle_info(self, message: Any) -> None:
        self.timed_out_in = trace.get_current_span().get_span_context().span_id


class AsyncTill(Till):
    async def handle_call(self, request: Any, caller: Caller) -> Any:
        await trio.lowlevel.checkpoint()
        return super().handle_call(request, caller)


async def start(cls: type[Till] = Till, **keywords: Any) -> Any:
    return ok(await otp.start(cls, **keywords))


@pytest.mark.parametrize("cls", [Till, AsyncTill])
async def test_a_call_is_two_spans(instrumented: None, tracers: Tracers, cls: type[Till]) -> None:
    till = await start(cls)
    token = contexts.attach(baggage.set_baggage("who", "Ann"))
    outer = tracers.provider.get_tracer("test").start_span("outer")
    with trace.use_span(outer, end_on_exit=True):
        assert await otp.call(till, ("sell", 5)) == "Ann"
        assert trace.get_current_span() is outer
    contexts.detach(token)
    name = f"{cls.__name__}/sell"
    spans = tracers.spans()
    client, server = spans[f"client {name}"], spans[f"server {name}"]
    for span in (client, server):
        assert dict(span.attributes or {}) == {
            "rpc.system": "actorsock",
            "rpc.system.name": "actorsock",
            "rpc.service": cls.__name__,
            "rpc.method": "sell",
        }
        assert span.status.status_code is StatusCode.UNSET
    assert server.parent is not None
    assert client.parent is not None
    assert server.parent.span_id == client.get_span_context().span_id
    assert client.parent.span_id == outer.get_span_context().span_id


@pytest.mark.parametrize("how", ["cast", "send_request"])
async def test_a_request_without_a_wait(instrumented: None, tracers: Tracers, how: str) -> None:
    till = await start(name="till")
    await otp.call(till, "ready")
    made = getattr(otp, how)("till", "told")
    if how == "send_request":
        assert await otp.receive_response(made) == Ok(None)
    spans = tracers.spans()
    producer, consumer = spans[f"producer {how} till"], spans["consumer process till"]
    assert consumer.parent is not None
    assert consumer.parent.span_id == producer.get_span_context().span_id
    attributes = dict(consumer.attributes or {})
    assert attributes.pop("here", how == "cast") is (how == "cast") or how == "send_request"
    assert attributes == {
        "messaging.system": "actorsock",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "till",
        "actorsock.request.name": "told",
    }


async def test_events_and_requests_of_servers(instrumented: None, tracers: Tracers) -> None:
    manager = ok(await otp.start(otp.EventManager))
    otp.notify(manager, "told")
    await otp.sync_notify(manager, "asked")
    first, second = await start(name="first"), await start(name="second")
    await otp.call(first, ("ask", second))
    spans = tracers.spans()
    assert {"producer notify EventManager", "consumer process EventManager"} <= set(spans)
    assert "server EventManager/SyncNotify" in spans
    told = spans["producer cast second"].parent
    assert told is not None
    assert told.span_id == spans["server first/ask"].get_span_context().span_id


@pytest.mark.parametrize(
    ("request_", "error", "has_exception"),
    [("crash", "ValueError", True), ("stop", "broken", False), ("end", None, False)],
)
async def test_the_end_of_a_server(
    instrumented: None, tracers: Tracers, request_: str, error: str | None, has_exception: bool
) -> None:
    till = await start(name="till")
    if error is None:
        assert await otp.call(till, request_) == "ended"
    else:
        with pytest.raises(CallError):
            await otp.call(till, request_)
    for kind in ("client", "server"):
        span = tracers.spans()[f"{kind} till/{request_}"]
        assert (span.attributes or {}).get("error.type") == error
        assert span.status.is_ok is (error is None)
        # The caller has an exception in either case: `CallError`.
        recorded = [event.name for event in span.events]
        expected = has_exception or (kind == "client" and error is not None)
        assert recorded == ["exception"] * expected


@pytest.mark.parametrize(
    ("server", "timeout", "error"), [("nobody", 5, "noproc"), ("till", 0, "timeout")]
)
async def test_a_failed_call(
    instrumented: None, tracers: Tracers, server: str, timeout: float, error: str
) -> None:
    await start(name="till")
    with pytest.raises(CallError):
        await otp.call(server, "silent", timeout)
    attributes = tracers.spans()[f"client {server}/silent"].attributes
    assert (attributes or {})["error.type"] == error


async def test_a_cancelled_call_has_not_failed(instrumented: None, tracers: Tracers) -> None:
    till = await start(name="till")
    with trio.move_on_after(0.01):
        await otp.call(till, "silent")
    assert tracers.spans()["client till/silent"].status.is_ok


async def test_a_time_out_has_the_context_and_no_span(instrumented: None, tracers: Tracers) -> None:
    till = await start(name="till")
    await otp.call(till, "wait")
    state = await otp.sys.get_state(till)
    spans = tracers.spans()
    assert state.timed_out_in == spans["client till/wait"].get_span_context().span_id
    assert len([name for name in spans if "wait" in name]) == 2


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ("word", "word"),
        (("word", 1), "word"),
        ("Jane Doe", "str"),
        ("x" * 65, "str"),
        ((), "tuple"),
        (5, "int"),
        (otp.Stop(), "Stop"),
    ],
)
async def test_only_words_get_into_a_trace(
    instrumented: None, tracers: Tracers, request_: Any, word: str
) -> None:
    otp.cast(await start(name="till"), request_)
    span = tracers.spans()["producer cast till"]
    assert (span.attributes or {})["actorsock.request.name"] == word


async def test_a_process_without_a_behaviour_is_named_by_its_function(
    instrumented: None, tracers: Tracers
) -> None:
    async def serve() -> None:
        message = await receive(otp.Call)
        with otp.in_context_of(message):
            otp.reply(message.caller, 1)

    assert await otp.call(spawn(serve), "one") == 1
    assert {"client serve/one", "server serve/one"} <= set(tracers.spans())


async def test_nothing_goes_along_without_a_provider_or_after_the_block(
    runtime: None, meters: Meters, tracers: Tracers
) -> None:
    till = await start()
    with otel.instrument():
        assert travellers == []
        await otp.call(till, "sell")
    with otel.instrument(tracer_provider=tracers.provider):
        assert len(travellers) == 1
    assert travellers == []
    await otp.call(till, "sell")
    assert tracers.spans() == {}


async def test_a_runtime_is_instrumented_once(instrumented: None) -> None:
    with pytest.raises(RuntimeError, match="instrumented already"), otel.instrument():
        pass


@pytest.mark.parametrize("name", ["tracer_provider", "meter_provider"])
async def test_wrong_providers(runtime: None, name: str) -> None:
    block = otel.instrument(**{name: "sdk"})  # type: ignore[arg-type]  # the mistake is the test
    text = f"^{name}: expected a .*Provider or None, got 'sdk'$"
    with pytest.raises(TypeError, match=text), block:
        pass


async def test_a_failing_sdk_harms_no_request(
    runtime: None, tracers: Tracers, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            return Reply("served")

    fails_at: list[SpanKind] = []

    class Fails:
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if span.kind in fails_at:
                raise OSError("no room")

        def on_end(self, span: Any) -> None:
            if not fails_at:
                raise OSError("no room")

        _on_ending = shutdown = force_flush = lambda *args: None

    tracers.provider.add_span_processor(Fails())  # type: ignore[arg-type]  # the methods suffice
    server = ok(await otp.start(Broken))
    with otel.instrument(tracer_provider=tracers.provider):
        for kinds in ([SpanKind.CLIENT], [SpanKind.SERVER], []):
            fails_at[:] = kinds
            assert await otp.call(server, "serve") == "served"
    failures = [record for record in caplog.records if record.name == "actorsock.otel"]
    assert len(failures) == 4  # the last call: of both spans


async def test_the_spans_of_another_runtime_are_not_made(
    instrumented: None, tracers: Tracers
) -> None:
    def other() -> None:
        async def main() -> None:
            assert await otp.call(await start(), "sell") is None

        run(main)

    await trio.to_thread.run_sync(other)
    assert tracers.spans() == {}
    send(await start(), "plain")
