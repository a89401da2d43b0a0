"""The deliberate differences between actorsock and Erlang, in one table, with the reasons.

Each entry describes as narrowly as possible the events that it explains: the operation that has
returned (or `mailbox` or `ended`), the event in Erlang, the event in actorsock, the scenarios and
the releases. An entry that explains nothing in a whole run fails the run, except when only the
other of our pollers shows the difference in every run.
"""

import os
import re
import select
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from .normal import Called, Shape
from .notation import Act, Name, Scenario, show

if TYPE_CHECKING:
    from .comparing import Event

__all__ = ["DIFFERENCES", "Difference"]

Condition: TypeAlias = "Callable[[Scenario, list[list[Event]], Event | None], bool]"


@attrs.frozen
class Difference:
    """One deliberate difference."""

    reason: str
    what: str
    """The operations that return differently, or `mailbox` or `ended`: a regular expression."""
    theirs: str
    """The event in Erlang, as a regular expression; empty for no event."""
    ours: str
    """The event in actorsock, likewise; it may refer to groups of `theirs`."""
    step: str = ".*"
    """The line of the operation that has returned, as a regular expression."""
    scenarios: str = ".*"
    """The titles of the scenarios, as a regular expression."""
    after: str = ""
    """A regular expression that an earlier line of the scenario must match; empty for none. Its
    group `sock`, if it has one, must be the socket of the operation or of a message."""
    when: "Condition | None" = None
    """A further condition on all events in Erlang so far, and on the one that differs: that in
    Erlang, or ours if there is none."""
    until: int = 10**6
    """The last Erlang/OTP release that shows it."""
    since: int = 0
    """The first Erlang/OTP release that shows it."""
    surely_on: str = ""
    """The only poller, `epoll` or `trio`, that shows it in every run; empty for both."""
    of_ssl: bool = False
    """Only an Erlang with ssl shows it."""
    parts_ways: bool = False
    """The two sides behave differently afterwards, so the rest is not compared."""

    def is_due(self, release: int) -> bool:
        """Return True if a whole run with this release and this poller must show it."""
        return self._is_of(release) and self.surely_on in ("", _poller())

    def explains(
        self,
        scenario: Scenario,
        step: int,
        theirs: "Event | None",
        ours: "Event | None",
        release: int,
        history: "list[list[Event]]",
    ) -> bool:
        """Return True if this entry explains why the two events of a step differ."""
        event = theirs or ours
        assert event is not None
        what = event.act.op if event.act is not None else event.what
        line = show(event.act) if event.act is not None else ""
        return (
            self._is_of(release)
            and re.fullmatch(self.what, what) is not None
            and re.fullmatch(self.scenarios, scenario.title) is not None
            and re.fullmatch(self.step, line) is not None
            and (not self.after or self._comes_after(scenario, step, event))
            and re.fullmatch(
                f"(?:{self.theirs}) // (?:{self.ours})", f"{_text(theirs)} // {_text(ours)}"
            )
            is not None
            and (self.when is None or self.when(scenario, history, event))
        )

    def _is_of(self, release: int) -> bool:
        return self.since <= release <= self.until

    def _comes_after(self, scenario: Scenario, number: int, event: "Event") -> bool:
        lines = map(show, scenario.steps[: number + 1])
        found = [match for line in lines if (match := re.fullmatch(self.after, line))]
        if "sock" not in re.compile(self.after).groupindex:
            return bool(found)
        return _is_of_one(event, [match["sock"] for match in found])


def _poller() -> str:
    wanted = os.environ.get("ACTORSOCK_POLLER")
    return "epoll" if hasattr(select, "epoll") and wanted != "trio" else "trio"


def _text(event: "Event | None") -> str:
    return "" if event is None else repr(event.value)


def _is_over(scenario: Scenario, history: "list[list[Event]]", last: "Event | None") -> bool:
    """Return True if a select in the mailbox belongs to an operation that has returned since."""
    assert last is not None
    handles = [each.parts[1] for each in last.value if _is_select(each)]
    selected: dict[int, Act] = {}
    for event in (event for step in history for event in step):
        act = event.act
        if event.actor != last.actor or act is None or not isinstance(event.value, Shape):
            continue
        if event.value.word == "Select":
            selected |= {n: act for n, each in enumerate(handles) if each == event.value.parts[1]}
        elif event.value != Shape("Error", ("state",)) and any(
            (act.args[:1], _kind(act.op)) == (each.args[:1], _kind(each.op))
            for each in selected.values()
        ):
            return True
    return False


def _is_select(message: object) -> bool:
    return isinstance(message, Shape) and message.word == "SelectMessage"


def _has_failed(scenario: Scenario, history: "list[list[Event]]", last: "Event | None") -> bool:
    """Return True if a receive on the socket of this connect has returned why it failed."""
    assert last is not None
    assert last.act is not None
    return any(
        event.act is not None
        and event.act.op.startswith("recv")
        and event.act.args[:1] == last.act.args[:1]
        and event.value in (Shape("Error", ("econnrefused",)), Shape("Error", ("econnreset",)))
        for step in history
        for event in step
    )


def _ended_in_part(scenario: Scenario, history: "list[list[Event]]", last: "Event | None") -> bool:
    """Return True if a receive has returned a part and the end, or the error, behind it."""
    return any(
        event.act is not None
        and event.act.op.startswith("recv")
        and isinstance(event.value, Shape)
        and event.value.word == "Error"
        and len(event.value.parts) == 2
        and event.value.parts[0] != "timeout"
        for step in history
        for event in step
    )


def _fails_now(ops: tuple[str, ...], reason: str) -> "Condition":
    """Return the condition that in this step one of these operations has failed with `reason`."""

    def fails(scenario: Scenario, history: "list[list[Event]]", last: "Event | None") -> bool:
        return any(
            event.act is not None
            and event.act.op in ops
            and event.value == Shape("Error", (reason,))
            for event in history[-1]
        )

    return fails


def _is_shut(scenario: Scenario, history: "list[list[Event]]", last: "Event | None") -> bool:
    """Return True if the reading of a datagram socket has been shut down."""
    acts = [event.act for step in history for event in step if event.act is not None]
    dgram = any(act.op in ("udp_pair", "udp") or "dgram" in act.args for act in acts)
    return dgram and any(act.op == "shutdown" and act.args[1] != "write" for act in acts)


def _reader_was_killed(
    scenario: Scenario, history: "list[list[Event]]", last: "Event | None"
) -> bool:
    """Return True if the event is of a socket in which a reader of several bytes has ended."""
    return _is_of_one(last, _ended_readers(scenario, history, ("recv",), least=2))


def _of_ended_reader(
    scenario: Scenario, history: "list[list[Event]]", last: "Event | None"
) -> bool:
    """Return True if the event is of a port in whose recv a process has ended while it waited."""
    return _is_of_one(last, _ended_readers(scenario, history, _PORT_RECVS))


def _after_ended_reader(
    scenario: Scenario, history: "list[list[Event]]", last: "Event | None"
) -> bool:
    """Return True if a process has ended while it waited in a recv of gen_tcp or gen_udp."""
    return bool(_ended_readers(scenario, history, _PORT_RECVS))


_PORT_RECVS: Final = ("tcp_recv", "udp_recv")


def _ended_readers(
    scenario: Scenario, history: "list[list[Event]]", ops: tuple[str, ...], least: int = 0
) -> list[str]:
    """Return the sockets at which processes have ended while they waited for so many bytes."""
    waiting: dict[str, Act] = {}
    socks = []
    for step, events in zip(scenario.steps, history, strict=False):
        if isinstance(step, Act) and all(event.what != "skipped" for event in events):
            waiting[step.actor] = step
        for event in events:
            if event.what == "returned":
                waiting.pop(event.actor, None)
            act = waiting.get(event.actor)
            if event.what != "ended" or act is None or act.op not in ops:
                continue
            if (*act.args, 0)[1] >= least:
                socks.append(act.args[0].name)
    return socks


def _is_of_one(event: "Event | None", socks: list[str]) -> bool:
    """Return True if an operation on one of these sockets, or a message of one, is the event."""
    assert event is not None
    if event.act is not None:
        return event.act.args[0] in map(Name, socks)
    return any(_socket_of(message) in map(Called, socks) for message in event.value)


def _socket_of(message: object) -> object:
    match message:
        case [str(), sock, *_]:
            return sock
        case Shape("SelectMessage", (sock, _)):
            return sock
    return None


def _kind(op: str) -> str:
    return next((kind for kind in ("recv", "send", "accept", "connect") if kind in op), op)


def _available(reason: str, names: str, **releases: int) -> Difference:
    """Return the difference that options which Erlang refuses are available; `names` with `|`."""
    refused, step = r"OptionRefused\(\)", rf".*'({names})'.*"
    return Difference(reason, "setopt|getopt", refused, r"(Ok|Error)\(.*\)", step, **releases)


def _with(message: str) -> str:
    """Return the expression of a mailbox with `message` in some place."""
    return rf"\[(?P<a>.*?)(, )?{message}(, )?(?P<b>.*)\]"


_WITHOUT: Final = r"(\[(?P=a)(, )?(?P=b)\])?"
"""The same mailbox, but without the message."""


DIFFERENCES: Final = (
    Difference(
        reason="`bind` returns the port, as it was first documented",
        what="bind",
        theirs=r"Ok\(\)",
        ours=r"Ok\(.+\)",
    ),
    Difference(
        reason="an accepted socket is connected (as 28 does)",
        what="info",
        theirs=r"\{'wstates': \[(?P<rest>.*)\]\}",
        ours=r"\{'wstates': \['connected'(, )?(?P=rest)\]\}",
        until=27,
    ),
    Difference(
        reason="a listener is not connected because it has accepted (as 28 does)",
        what="info",
        theirs=r"\{'wstates': \['connected'(, )?(?P<rest>.*)\]\}",
        ours=r"\{'wstates': \[(?P=rest)\]\}",
        until=27,
    ),
    Difference(
        reason="a later accept of the same process aborts the earlier one (as 28 does)",
        what="mailbox",
        theirs="",
        ours=r"\[(.*, )?AbortMessage\([\w#]+, [\w#]+, 'cancelled'\)\]",
        until=27,
        parts_ways=True,
    ),
    Difference(
        reason="a connect that was refused or reset returns so, also when a receive has returned "
        "it before",
        what="connect|connect_nowait",
        theirs=r"Ok\(\)",
        ours=r"Error\('econn(refused|reset)'\)",
        when=_has_failed,
        parts_ways=True,
    ),
    Difference(
        reason="every byte of a send is counted; a send that must wait has made one more try",
        what="counters",
        theirs=r"\{('write_byte': \w+|'write_tries': \w+|, )+\}",
        ours=r"\{('write_byte': \d+|'write_tries': \d+|, )+\}",
    ),
    Difference(
        reason="a receive in pieces is one package of all its bytes; one that must wait has made "
        "one more try",
        what="counters",
        theirs=r"\{('read_(pkg_max|tries)': \w+(, )?)+\}",
        ours=r"\{('read_(pkg_max|tries)': \w+(, )?)+\}",
    ),
    Difference(
        reason="a port outside of 0..65535 is a wrong argument",
        what="bind",
        theirs=r"Ok\(\)",
        ours=r"Raised\(\)",
        step=r".*'port': 65536.*",
    ),
    Difference(
        reason="a sendfile is counted as one operation, and each system call as one try",
        what="counters",
        theirs=r"\{('sendfile(_tries|_pkg)?': \d+(, )?)+\}",
        ours=r"\{('sendfile(_tries|_pkg)?': \d+(, )?)+\}",
    ),
    _available(
        "options of which Erlang knows only the name have a value here",
        "busy_poll|error|mark|peercred|rcvbufforce|rcvtimeo|rxq_ovfl|sndbufforce|"
        "sndtimeo|peek_off|info|join_group|leave_group|checksum|pktoptions|syncnt",
    ),
    _available(
        "options that are new in 28 are available",
        "keepcnt|keepidle|keepintvl|user_timeout|select_read",
        until=27,
    ),
    Difference(
        reason="type and protocol can be read at level otp, as domain can",
        what="getopt",
        theirs=r"OptionRefused\(\)",
        ours=r"Ok\('(stream|tcp)'\)",
        step=r".*'otp', '(type|protocol)'.*",
    ),
    Difference(
        reason="after cancel on a closed socket no message of the handle is left (as 28 does)",
        what="mailbox",
        theirs="",
        ours=r"\[.*\]",
        when=_fails_now(("cancel",), "closed"),
        until=27,
        parts_ways=True,
    ),
    Difference(
        reason="a select message of a connect that is over stays after cancel, as of all other "
        "operations (as 25 does)",
        what="mailbox",
        theirs=r"\[.*\]",
        ours="",
        after=r"\w: \w+ = connect_nowait\(.*\)",
        when=_fails_now(("cancel",), "select_info"),
        since=28,
        parts_ways=True,
    ),
    Difference(
        reason="an accept with a handle that waits already goes on waiting: it is not aborted",
        what="mailbox",
        theirs=_with(r"AbortMessage\(l, \w+, 'cancelled'\)"),
        ours=_WITHOUT,
        after=r"\w: .*accept_nowait\(l, ref=\w+\)",
        since=28,
        parts_ways=True,
    ),
    _available("the option flowinfo is available (as 25 has it)", "flowinfo", since=28),
    Difference(
        reason="`info` shows a receive with time-out 0 as one that has waited, as it shows an "
        "accept",
        what="info",
        theirs=r"\{'rstates': \[(?P<a>.*?)(?P<b>.*?)\]\}",
        ours=r"\{'rstates': \[(?P=a)(, )?'selected'(, )?(?P=b)\]\}",
        after=r"\w: recv\(\w+, \d+(, flags=\['peek'\])?, timeout=0\)",
        since=28,
    ),
    Difference(
        reason="a receive for more than there is before the end finds the end at once: for `info` "
        "it has not waited",
        what="info",
        theirs=r"\{'rstates': \[(?P<a>.*?)(, )?'selected'(, )?(?P<b>.*?)\]\}",
        ours=r"\{'rstates': \[(?P=a)(, )?(?P=b)\]\}",
        when=_ended_in_part,
    ),
    Difference(
        reason="an operation that has returned a result, also an error or a time-out, is over: no "
        "select message of it follows",
        what="mailbox",
        theirs=_with(r"SelectMessage\([\w#]+, [\w#]+\)"),
        ours=_WITHOUT,
        when=_is_over,
        parts_ways=True,
    ),
    Difference(
        reason="bytes that a reader had received when it was killed go to the next reader, and are "
        "not lost",
        what=r"mailbox|recv.*",
        theirs=r".*",
        ours=r".*",
        when=_reader_was_killed,
        parts_ways=True,
    ),
    Difference(
        reason="a datagram socket whose reading is shut down reports that once: it is always "
        "ready, but never has a datagram",
        what="mailbox",
        # The portable poller reports it repeatedly, as Erlang does. Either side may be later.
        theirs=r"(\[(?P<a>.*?)(, )?SelectMessage\([\w#]+, [\w#]+\)(, )?(?P<b>.*)\])?",
        ours=r"(?(a)(\[(?P=a)(, )?(?P=b)\])?|\[.*SelectMessage\([\w#]+, [\w#]+\)\])",
        when=_is_shut,
        surely_on="epoll",
        parts_ways=True,
    ),
    Difference(
        reason="`info` does not show an accept or connect for which no process waits any more, for "
        "whatever reason",
        what="info",
        theirs=r"\{'[rw]states': \[(?P<a>.*?)'(accepting|connecting)', (?P<b>.*)\]\}",
        ours=r"\{'[rw]states': \[(?P=a)(?P=b)\]\}",
    ),
    Difference(
        reason="a connect that fails leaves no message about a socket that the program never had",
        what="mailbox",
        theirs=r"\[\['tcp_passive', s#\d+\]\]",
        ours="",
        scenarios="gen_tcp: connect to a port without a listener",
        parts_ways=True,
    ),
    Difference(
        reason="a UDP socket that is connected once more keeps its port; Erlang disconnects it "
        "first, which makes Linux take away a port that it has chosen",
        what="udp_recv",
        theirs="",
        ours=r"Ok\(\['127.0.0.1', p, b'two'\]\)",
        scenarios="gen_udp: a connected socket, connected again",
        parts_ways=True,
    ),
    Difference(
        reason="handing over a closed UDP socket is an error, and no crash",
        what="udp_give",
        theirs=r"Raised\(\)",
        ours=r"Error\('einval'\)",
    ),
    Difference(
        reason="bytes that came before the end of the stream and are no whole packet, or fewer "
        "than were asked for, are in the error",
        what="tcp_recv|ssl_recv",
        theirs=r"Error\('closed'\)",
        ours=r"Error\('closed', .*\)",
    ),
    Difference(
        reason="a recv that waits when the socket becomes active gets the next data once the "
        "socket is passive again, or is told its end; in Erlang it waits for ever, and so does "
        "every later one",
        what="udp_recv|tcp_recv|ssl_recv",
        theirs="",
        ours=r"Ok\(.*\)|Error\('(closed|econnrefused)'.*\)",
        after=r"\w: (ssl_)?setopts\((?P<sock>\w), \{'active': (?!False).*",
        parts_ways=True,
    ),
    Difference(
        reason="the request of a reader that has ended does not stay: other readers are not "
        "refused",
        what="tcp_recv|udp_recv",
        theirs=r"Error\('ealready'\)",
        ours=r".*",
        when=_of_ended_reader,
        parts_ways=True,
    ),
    Difference(
        reason="what comes for a reader that has ended goes to the next one, or to the owner of "
        "the active socket, and is not lost",
        what=r"tcp_recv|udp_recv|mailbox",
        theirs=r"((Ok|Error)\(.*\)|\[.*\])?",
        ours=r"Ok\(.*\)|Error\('(closed|econn\w+|emsgsize)'.*\)|"
        r"\[.*\['(tcp|udp)(_error)?', \w, .*\]",
        when=_of_ended_reader,
        parts_ways=True,
    ),
    Difference(
        reason="a change of the packet type or size in the middle of a packet holds at once; "
        "Erlang first waits for the end of the old packet (28: in passive mode)",
        what="tcp_recv|mailbox",
        theirs=r"(Error\('(closed|timeout)'\))?",
        ours=r"Ok\(.*\)|Error\('emsgsize'\)|\[.*\['tcp(_error)?', \w, .*\]",
        after=r"\w: setopts\((?P<sock>\w), .*'packet(_size)?'.*",
        parts_ways=True,
    ),
    Difference(
        reason="the end of the stream that comes for a reader that has ended closes nothing",
        what=r"tcp_\w+|inet_\w+|mailbox",
        theirs=r"\[.*\['tcp_closed', \w\].*\]|Error\('(closed|enotconn|econnreset)'\)",
        ours=r"(Error\('timeout'\)|Ok\(.*\))?",
        when=_after_ended_reader,
        parts_ways=True,
    ),
    Difference(
        reason="what is lost in Erlang with a reader that has ended is unread here when the socket "
        "is closed, which resets the connection",
        what="tcp_send|tcp_recv|mailbox",
        theirs=r"Ok\(.*\)|Error\('closed'\)|\[.*\]",
        ours=r"Error\('(closed|econnreset|enotconn)'\)|\[.*\['tcp_error', \w, 'econnreset'\].*\]",
        when=_after_ended_reader,
        parts_ways=True,
    ),
    Difference(
        reason="data that has arrived comes at once also if an option after the active mode fails",
        what="mailbox",
        theirs="",
        ours=r"\[\['tcp', s, b'hi'\]\]",
        scenarios="gen_tcp: an active mode before an option that the system refuses",
        parts_ways=True,
    ),
    Difference(
        reason="a recv with time-out 0 looks behind an incomplete packet for the end of the stream",
        what="tcp_recv",
        theirs=r"Error\('timeout'\)",
        ours=r"Error\('closed'.*\)",
        step=r".*timeout=0\)",
        until=27,
        parts_ways=True,
    ),
    Difference(
        reason="a bad packet behind a good one in the same read is reported at once, and not when "
        "more data comes",
        what="mailbox",
        theirs=r"\[(?P<a>.*)\]",
        ours=r"\[.*(?P=a), \['tcp_error', \w, 'emsgsize'\], \['tcp_closed', \w\].*\]",
        parts_ways=True,
    ),
    Difference(
        reason="datagrams and data in the mailbox stay there if the new owner has ended; Erlang "
        "sends them to it first",
        what="mailbox",
        theirs=r"\[.*\]",
        ours="",
        when=_fails_now(("tcp_give", "udp_give"), "badarg"),
        parts_ways=True,
    ),
    Difference(
        reason="a number that follows a count of messages is added to it, as with gen_tcp; in "
        "Erlang's ssl it ends the count",
        what="mailbox",
        theirs=r"\[\['ssl_passive', s\]\]",
        ours="",
        scenarios=r"ssl: active (2|32767), then (0|-2)",
        of_ssl=True,
        parts_ways=True,
    ),
    Difference(
        reason="several processes in a recv of ssl are served in the order of their calls",
        what="ssl_recv",
        theirs=r"Ok\(b'a'\)",
        ours=r"Ok\(b'b'\)",
        scenarios="ssl: two processes in recv",
        of_ssl=True,
        parts_ways=True,
    ),
    Difference(
        reason="a listener of ssl without a certificate says so at once, and not in each handshake",
        what="ssl_listener",
        theirs=r"Ok\(.*\)",
        ours=r"Error\('nooptions'\)",
        of_ssl=True,
    ),
    Difference(
        reason="an alert has the name that OpenSSL gives it",
        what="ssl_(connect|handshake)",
        theirs=r"Error\('tls_alert', '(handshake_failure|insufficient_security)'\)",
        ours=r"Error\('tls_alert', '(bad_certificate|handshake_failure)'\)",
        scenarios=r"ssl: the certificate is of another host|ssl: no suite in common",
        of_ssl=True,
    ),
    Difference(
        reason="an alert that came while nobody read is told by the next recv",
        what="ssl_recv",
        theirs=r"Error\('closed'\)",
        ours=r"Error\('tls_alert', 'certificate_required'\)",
        of_ssl=True,
    ),
    Difference(
        reason="without a common protocol of ALPN none is negotiated, and there is no alert",
        what="ssl_(connect|handshake)",
        theirs=r"Error\('tls_alert', 'no_application_protocol'\)",
        ours=r"Ok\(.*\)",
        of_ssl=True,
        parts_ways=True,
    ),
)
