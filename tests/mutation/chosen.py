"""Which tests are to find the mutants of which module: those of the rules first, then wider ones.

A module without a line here has no mutants made.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

__all__ = ["CHOSEN", "Suite"]


@attrs.frozen
class Suite:
    """Modules of tests that run in one process, in this order."""

    names: tuple[str, ...]
    """`socket/test_cancel`: the folder in `tests`, and the file, in whatever folder under it."""
    environment: Mapping[str, str] = attrs.field(factory=dict)

    def paths(self, top: Path) -> list[Path]:
        """The files, in the repository at `top`; `LookupError` if there is none of a name."""
        found = []
        for name in self.names:
            folder, _, module = name.partition("/")
            of_that_name = sorted((top / "tests" / folder).rglob(f"{module}.py"))
            if not of_that_name:
                raise LookupError(f"chosen.py: no file of tests is named {name}")
            found += of_that_name
        return found


def _tests(*names: str, **environment: str) -> Suite:
    return Suite(names, environment)


_PACKETS: Final = (_tests("inet/test_decode_packet"), _tests("inet/test_receive_buffer"))
_MACHINE: Final = (
    _tests("otp/machine/test_machine_steps", "otp/machine/test_machine_rules"),
    _tests("otp/machine/test_state_machine"),
)
_EVENTS: Final = (_tests("otp/test_events", "otp/calls/test_registries"),)
_SUPERVISION: Final = (
    _tests("otp/supervision/test_supervision_rules"),
    _tests("otp/supervision/test_supervisor"),
)
_SCENARIOS: Final = _tests("conformance/test_recorded")
_TURNS: Final = (
    _tests("socket/test_turns"),
    _tests("socket/test_cancel", "socket/test_queues"),
    _SCENARIOS,
)
_POLLERS: Final = (
    _tests(
        "socket/test_pollers",
        "socket/test_spurious_wakeup",
        "socket/test_both_lanes_ready",
        "socket/test_open_fd",
        "socket/test_queues",
        "socket/test_exhausted",
        "socket/test_many_connections",
        "socket/test_failing_calls",
    ),
    _tests(
        "socket/test_spurious_wakeup",
        "socket/test_both_lanes_ready",
        "socket/test_open_fd",
        "socket/test_queues",
        "socket/test_exhausted",
        "socket/test_failing_calls",
        ACTORSOCK_POLLER="trio",
    ),
)

_RECEIVING: Final = (
    _tests(
        "socket/test_stream",
        "socket/test_nothing_lost",
        "socket/test_recv",
        "socket/test_slices",
        "socket/test_info_counters",
        "socket/test_answered_while_waiting",
        "socket/test_both_lanes_ready",
        "socket/test_readiness",
        "socket/test_nowait_gives_way",
        "streams/test_socket_stream",
    ),
    _tests("socket/test_transports", "socket/test_messages_control", "socket/test_local"),
    _SCENARIOS,
)
_SENDING: Final = (
    _tests(
        "socket/test_stream",
        "socket/test_send",
        "socket/test_slices",
        "socket/test_sendfile",
        "socket/test_sendmsg_sendv",
        "socket/test_info_counters",
        "socket/test_fairness",
        "socket/test_nowait_gives_way",
        "socket/test_failing_calls",
        "streams/test_socket_stream",
    ),
    _tests("socket/test_transports", "socket/test_messages_control"),
    _SCENARIOS,
)

CHOSEN: Final[dict[str, tuple[Suite, ...]]] = {
    "actorsock/runtime/core/mailbox.py": (
        _tests(
            "runtime/test_passed_messages",
            "runtime/test_mailbox",
            "runtime/test_failed_wake",
            "runtime/test_arguments",
            "runtime/test_receive",
            "runtime/test_timers",
        ),
    ),
    "actorsock/runtime/core/signals.py": (
        _tests("runtime/test_signals", "runtime/test_exit_signals", "runtime/test_linking"),
    ),
    "actorsock/runtime/core/timers.py": (
        _tests("runtime/test_timer_heap", "runtime/test_timers", "runtime/test_receive"),
    ),
    "actorsock/runtime/core/process.py": (
        _tests(
            "runtime/test_failed_wake",
            "runtime/test_linking",
            "runtime/test_opening",
            "runtime/test_exit_signals",
            "runtime/test_other_threads",
            "runtime/test_end_of_the_stack",
            "runtime/test_naming",
            "runtime/test_timers",
            "runtime/test_leaks",
            "runtime/test_crashes",
            "runtime/test_aliases",
        ),
    ),
    "actorsock/tls/engine/engine.py": (_tests("tls/test_engine"), _tests("tls/test_data")),
    "actorsock/tls/engine/rules.py": (_tests("tls/test_rules"),),
    "actorsock/tls/engine/sealed_queue.py": (_tests("tls/test_sealed_queue"),),
    "actorsock/tls/options/lists.py": (_tests("tls/test_options"),),
    "actorsock/socket/core/turns.py": _TURNS,
    "actorsock/socket/core/actor.py": (
        _tests(
            "socket/test_lanes_apart",
            "socket/test_cancel",
            "socket/test_closing",
            "socket/test_queues",
            "socket/test_ownership",
            "socket/test_select_read_iow_debug",
            "socket/test_registry_monitors",
            "socket/test_answered_while_waiting",
            "socket/test_both_lanes_ready",
            "socket/test_info_counters",
        ),
        _tests(
            "socket/test_nothing_lost",
            "socket/test_spurious_wakeup",
            "socket/test_stream",
            "socket/test_nowait_gives_way",
            "socket/test_failing_calls",
            "socket/test_readiness",
            "runtime/test_no_memory",
        ),
        _SCENARIOS,
    ),
    "actorsock/socket/core/readiness.py": (
        _tests(
            "socket/test_readiness",
            "socket/test_spurious_wakeup",
            "socket/test_lanes_apart",
            "socket/test_both_lanes_ready",
            "socket/test_answered_while_waiting",
            "socket/test_nothing_lost",
        ),
        _tests(
            "socket/test_stream",
            "socket/test_open_fd",
            "socket/test_unspec_native_addresses",
            "socket/test_info_counters",
            "socket/test_nowait_gives_way",
            "socket/test_failing_calls",
        ),
        _SCENARIOS,
    ),
    "actorsock/socket/core/lifetime.py": (
        _tests(
            "socket/test_closing",
            "socket/test_ownership",
            "socket/test_registry_monitors",
            "socket/test_select_read_iow_debug",
            "socket/test_nothing_lost",
        ),
        _SCENARIOS,
    ),
    "actorsock/socket/core/poller.py": _POLLERS,
    "actorsock/socket/core/epoll_poller.py": _POLLERS,
    "actorsock/socket/core/trio_poller.py": _POLLERS,
    "actorsock/socket/operations/accept_connect.py": (
        _tests("socket/test_accept_connect", "socket/test_queues", "socket/test_info_counters"),
        _tests("socket/test_closing", "socket/test_stream", "socket/test_nothing_lost"),
        _SCENARIOS,
    ),
    "actorsock/socket/operations/recv.py": _RECEIVING,
    "actorsock/socket/operations/send.py": _SENDING,
    "actorsock/inet/packets/http.py": (
        _tests("inet/test_decode_packet"),
        _tests("conformance/inet/test_packets"),
    ),
    "actorsock/inet/packets/rules.py": _PACKETS,
    "actorsock/inet/packets/receive_buffer.py": (_tests("inet/test_receive_buffer"),),
    "actorsock/inet/rules/active_mode.py": (_tests("inet/test_stream_rules"),),
    "actorsock/inet/rules/output_queue.py": (_tests("inet/test_output_queue"),),
    "actorsock/inet/rules/stream_rules.py": (_tests("inet/test_stream_rules"),),
    "actorsock/otp/behaviour/lifecycle.py": (
        _tests(
            "otp/server/test_server_rules",
            "otp/machine/test_machine_steps",
            "otp/behaviour/test_lifecycle",
        ),
    ),
    "actorsock/otp/behaviour/special_process.py": (
        _tests("otp/behaviour/test_special_process", "otp/test_proc_lib", "otp/test_sys"),
    ),
    "actorsock/otp/events/event_manager.py": _EVENTS,
    "actorsock/otp/events/requests.py": _EVENTS,
    "actorsock/otp/events/rules.py": _EVENTS,
    "actorsock/otp/machine/rules.py": _MACHINE,
    "actorsock/otp/server/rules.py": (
        _tests("otp/server/test_server_rules"),
        _tests("otp/server/test_gen_server", "otp/test_sys"),
    ),
    "actorsock/otp/supervision/rules.py": _SUPERVISION,
    "actorsock/dist/wire/attempts.py": (_tests("dist/test_attempts"),),
    "actorsock/dist/wire/handshake.py": (_tests("dist/test_handshake", "dist/test_attempts"),),
    "actorsock/dist/wire/frames.py": (_tests("dist/test_frames"),),
    "actorsock/dist/wire/control.py": (_tests("dist/test_control"),),
    "actorsock/dist/wire/epmd_messages.py": (_tests("dist/test_epmd_messages"),),
    "actorsock/dist/terms/reading.py": (_tests("dist/test_codec"),),
    "actorsock/dist/terms/writing.py": (_tests("dist/test_codec"),),
    "actorsock/dist/node/ties.py": (_tests("dist/test_ties"), _tests("dist/test_with_beam")),
}
