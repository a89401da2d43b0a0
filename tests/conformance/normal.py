"""The common form of results and messages of both sides, in which they are compared.

Erlang's terms are converted to the shapes of actorsock; sockets, references, pids and ports become
names; data stays data. Values that differ from run to run (the part of a long send that the kernel
took, the number of a descriptor) are masked, for both sides.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

import attrs

from actorsock import (
    Down,
    Error,
    Exit,
    NoProcessError,
    Ok,
    Pid,
    Ref,
    Select,
    Timeout,
    TimerExpired,
    inet,
    socket,
)
from actorsock.otp import Call, Cast
from actorsock.otp.calls.protocol import Answer

from .notation import Act
from .sides import terms
from .sides.terms import Atom

__all__ = ["Namer", "Shape", "Thing", "erlang_answer", "erlang_value", "our_answer", "our_value"]


@attrs.frozen
class Shape:
    """A word with parts: `Ok(...)`, `SelectMessage(...)`."""

    word: str
    parts: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"{self.word}({', '.join(map(repr, self.parts))})"


@attrs.frozen
class Thing:
    """A socket, reference, pid or port, before it has a name."""

    kind: str
    key: Any


@attrs.frozen
class Called:
    """A socket, reference, pid or port by its name."""

    name: str

    def __repr__(self) -> str:
        return self.name


RAISED: Final = Shape("Raised")
REFUSED: Final = Shape("OptionRefused")
"""Erlang has one error for unknown options and for options that cannot be set or read."""

# --- Erlang ----------------------------------------------------------------------------------

# Operations on processes that return true in Erlang, and None here.
_SAYS_TRUE: Final = {
    "cast",
    "demonitor",
    "exit",
    "link",
    "register",
    "unlink",
    "unregister",
}
_GIVES_PORT: Final = {"port", "unused_port"}
_GIVES_PORT_SECOND: Final = {
    "listener",
    "udp",
    "tcp_listener",
    "ssl_listener",
    "udp_open",
    "inet_sockname",
    "inet_peername",
}


def erlang_answer(act: Act, result: tuple[Any, ...]) -> Any:
    """Convert the result of an operation in Erlang."""
    match result:
        case ("raised", ("error", ("invalid", "state"))):
            return Shape("Error", ("state",))
        case ("raised", ("error", ("undef", _) | "undef")):
            return Shape("Unknown")
        case ("raised", _):
            return RAISED
        case ("value", answer):
            shaped = _erlang_answer(answer)
            if act.op in _SAYS_TRUE and shaped is True:
                shaped = None
            return _masked(act, shaped)
    raise AssertionError(result)


def _erlang_answer(answer: Any) -> Any:
    """Convert a returned term."""
    match answer:
        case "nothing":
            return None
        case "ok":
            return Shape("Ok")
        case ("ok", value):
            return Shape("Ok", _present(erlang_value(value)))
        case ("error", ("tls_alert", (name, _))):
            return Shape("Error", ("tls_alert", str(name)))
        case ("error", ("invalid", "state" | "not_owner" as reason)):
            return Shape("Error", (str(reason),))
        case ("error", ("invalid", ("select_info", _, _))) | ("error", "not_found"):
            return Shape("Error", ("select_info",))
        case ("error", ("invalid", ("socket_option", _))):
            return REFUSED
        case ("error", ("invalid", _)) | ("invalid", _):
            return RAISED
        case ("error", (Atom() as reason, data)):
            return Shape("Error", (str(reason), erlang_value(data)))
        case ("error", Atom() as reason):
            return Shape("Error", (str(reason),))
        case ("select", (("select_info", tag, ref), data)):
            return Shape("Select", (_tag(tag), erlang_value(ref), erlang_value(data)))
        case ("select", ("select_info", tag, ref)):
            return Shape("Select", (_tag(tag), erlang_value(ref)))
        case ("select_read", (("select_info", tag, ref), data)):
            return Shape("SelectRead", (_tag(tag), erlang_value(ref), erlang_value(data)))
    return erlang_value(answer)


def _tag(tag: Any) -> str:
    return str(tag[0] if isinstance(tag, tuple) else tag)


def erlang_value(term: Any) -> Any:
    """Convert a term, which may be a message."""
    match term:
        case Atom():
            return {"true": True, "false": False, "undefined": None}.get(term, str(term))
        case terms.Reference(data):
            return Thing("ref", data)
        case terms.Pid(data):
            return Thing("pid", data)
        case terms.Port(data):
            return Thing("socket", data)
        case ("$gen_call", (pid, _), request):
            return Shape("Call", (erlang_value(pid), erlang_value(request)))
        case ("$gen_cast", request):
            return Shape("Cast", (erlang_value(request),))
        case (["alias", terms.Reference() as ref], value):
            return Shape("Answer", (erlang_value(ref), erlang_value(value)))
        case ("udp", sock, address, int(port), *rest):
            parts = [erlang_value(each) for each in (sock, address)]
            return ["udp", *parts, _port(port), *(erlang_value(each) for each in rest)]
        case ("DOWN", ref, "port", sock, reason):
            return Shape("PortDown", (erlang_value(ref), erlang_value(sock), str(reason)))
        case ("sslsocket", terms.Pid(data) | terms.Port(data)):
            return Thing("socket", data)
        case ("tls_alert", (name, _)):
            return ["tls_alert", str(name)]
        case ("$socket", terms.Reference(data)):
            return Thing("socket", data)
        case ("$socket", sock, "select", ref):
            return Shape("SelectMessage", (erlang_value(sock), erlang_value(ref)))
        case ("$socket", sock, "abort", (ref, reason)):
            return Shape("AbortMessage", (erlang_value(sock), erlang_value(ref), str(reason)))
        case ("DOWN", ref, "process", (name, _node), reason):
            return Shape("Down", (erlang_value(ref), str(name), _reason(reason)))
        case ("DOWN", ref, "process", pid, reason):
            return Shape("Down", (erlang_value(ref), erlang_value(pid), _reason(reason)))
        case ("DOWN", ref, "socket", sock, reason):
            return Shape("SocketDown", (erlang_value(ref), erlang_value(sock), str(reason)))
        case ("EXIT", pid, reason):
            return Shape("Exit", (erlang_value(pid), _reason(reason)))
        case ("timeout", ref, message):
            return Shape("TimerExpired", (erlang_value(ref), erlang_value(message)))
        case ("select_info", tag, ref):
            return Shape("SelectInfo", (_tag(tag), erlang_value(ref)))
        case tuple() if len(term) in (4, 8) and all(isinstance(n, int) for n in term):
            return _erlang_ip(term)
        case tuple():
            return [erlang_value(part) for part in term]
        case dict() if "family" in term:
            return _erlang_address(term)
        case dict():
            return _record({str(erlang_value(k)): erlang_value(v) for k, v in term.items()})
        case list() if term and all(isinstance(n, int) and 0 <= n < 256 for n in term):
            return bytes(term).decode("latin-1").rstrip("\0")
        case list() if term and all(_is_setting(each) for each in term):
            return _record({_key(key): erlang_value(value) for key, value in term})
        case list():
            return [erlang_value(each) for each in term]
    return term


def _is_setting(each: Any) -> bool:
    return isinstance(each, tuple) and len(each) == 2 and each[1] in ("true", "false")


def _key(key: Any) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _reason(reason: Any) -> Any:
    match reason:
        case (_, [(_, _, _, _), *_]):
            return "crash"
    return erlang_value(reason)


def _erlang_ip(term: tuple[int, ...]) -> Any:
    if len(term) == 4 and max(term) < 256:
        return str(ipaddress.IPv4Address(bytes(term)))
    if len(term) == 8 and max(term) < 65536:
        return str(ipaddress.IPv6Address(b"".join(n.to_bytes(2, "big") for n in term)))
    return list(term)


def _erlang_address(term: dict[Any, Any]) -> Shape:
    family = term["family"]
    parts: tuple[Any, ...]
    if family in ("inet", "inet6"):
        parts = (erlang_value(term["addr"]), _port(term["port"]))
        if family == "inet6":
            parts += (term["flowinfo"], term["scope_id"])
    elif family == "local":
        parts = (term["path"],)
    else:
        parts = (term["addr"],)
    return Shape(f"Address {family}", parts)


# --- ours ------------------------------------------------------------------------------------


def our_answer(act: Act, result: Any) -> Any:
    """Convert the result of an operation here: a value, or the exception that it raised."""
    if isinstance(result, (TypeError, ValueError, NoProcessError, FileNotFoundError)):
        return RAISED
    if isinstance(result, BaseException):
        return Shape("Defect", (repr(result),))
    match act.op, result:
        case (("tcp_recv" | "ssl_recv"), Ok(data)):
            return Shape("Ok", (_our_data(data),))
        case "udp_recv", Ok((*source, data)):
            return _masked(act, Shape("Ok", ([*map(our_value, source), _our_data(data)],)))
    return _masked(act, our_value(result))


def _our_data(data: Any) -> Any:
    # A header as long as the data gives a list of bytes, which is a string in Erlang.
    if isinstance(data, tuple) and data and all(isinstance(each, int) for each in data):
        return bytes(data).decode("latin-1")
    if isinstance(data, str) and data:
        return data.rstrip("\0")  # as on the other side, where it is no data
    return our_value(data)


def our_value(value: Any) -> Any:
    """Convert a value of actorsock, which may be a message."""
    match value:
        case "":
            return []  # a string is a list in Erlang
        case None | bool() | int() | str() | bytes():
            return value
        case Ok(inner):
            return Shape("Ok", _present(our_value(inner)))
        case Error(("tls_alert", (name, _))):
            return Shape("Error", ("tls_alert", name))
        case Error((reason, data), None):
            return Shape("Error", (reason, our_value(data)))
        case Error(reason, data):
            return Shape("Error", (reason, *_present(our_value(data))))
        case Select(info, data):
            return Shape("Select", (info.tag, our_value(info.ref), *_present(our_value(data))))
        case socket.SelectRead(info, data):
            return Shape("SelectRead", (info.tag, our_value(info.ref), our_value(data)))
        case Ref():
            return Thing("ref", value)
        case Pid():
            return Thing("pid", value)
        case Call(caller, request):
            return Shape("Call", (our_value(caller.pid), our_value(request)))
        case Cast(request):
            return Shape("Cast", (our_value(request),))
        case Answer(ref, answer):
            return Shape("Answer", (our_value(ref), our_value(answer)))
        case socket.Socket():
            return Thing("socket", value)
        case inet.Tcp(sock, data):
            return ["tcp", our_value(sock), _our_data(data)]
        case inet.Ssl(sock, data):
            return ["ssl", our_value(sock), _our_data(data)]
        case inet.SslClosed(sock):
            return ["ssl_closed", our_value(sock)]
        case ("tls_alert", (name, _)):
            return ["tls_alert", name]
        case inet.Udp(sock, address, port, data, ancillary):
            more = [] if ancillary is None else [our_value(ancillary)]
            return ["udp", our_value(sock), our_value(address), _port(port), *more, _our_data(data)]
        case inet.PortDown(ref, sock, reason):
            return Shape("PortDown", (our_value(ref), our_value(sock), reason))
        case socket.SelectMessage(sock, _, ref):
            return Shape("SelectMessage", (our_value(sock), our_value(ref)))
        case socket.AbortMessage(sock, _, ref, reason):
            return Shape("AbortMessage", (our_value(sock), our_value(ref), reason))
        case Down(ref, pid, reason):
            return Shape("Down", (our_value(ref), our_value(pid), our_value(reason)))
        case socket.SocketDown(ref, sock, reason):
            return Shape("SocketDown", (our_value(ref), our_value(sock), reason))
        case Exit(pid, reason):
            return Shape("Exit", (our_value(pid), our_value(reason)))
        case TimerExpired(ref, message):
            return Shape("TimerExpired", (our_value(ref), our_value(message)))
        case Timeout():
            return "timeout"
        case socket.SelectInfo():
            return Shape("SelectInfo", (value.tag, our_value(value.ref)))
        case BaseException():
            return "crash"
        case ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return str(value)
        case socket.SockAddrIn():
            return Shape("Address inet", (_our_ip(value.addr), _port(value.port)))
        case socket.SockAddrIn6():
            parts = (_our_ip(value.addr), _port(value.port), value.flowinfo, value.scope_id)
            return Shape("Address inet6", parts)
        case socket.SockAddrUn():
            path = value.path if isinstance(value.path, bytes) else value.path.encode()
            return Shape("Address local", (path,))
        case socket.SockAddrUnspec():
            return Shape("Address unspec", (value.addr,))
        case socket.SockAddrNative():
            return Shape(f"Address {value.family}", (value.addr,))
        case dict():
            return _record({str(key): our_value(inner) for key, inner in value.items()})
        case inet.PortData(sock, data):
            return [our_value(sock), ["data", data.decode("latin-1")]]
        case list() | tuple():
            return [our_value(each) for each in value]
        case set() | frozenset():
            return sorted(our_value(each) for each in value)
    if type(value) in _MESSAGES:
        parts = attrs.asdict(value, recurse=False).values()
        return [_MESSAGES[type(value)], *map(our_value, parts)]
    if attrs.has(type(value)):
        inner = attrs.asdict(value, recurse=False)
        return _record({name: our_value(each) for name, each in inner.items()})
    return Shape("Odd", (repr(value),))


_MESSAGES: Final[dict[type, str]] = {
    inet.AbsPath: "abs_path",
    inet.HttpHeader: "http_header",
    inet.HttpRequest: "http_request",
    inet.SslError: "ssl_error",
    inet.SslPassive: "ssl_passive",
    inet.TcpClosed: "tcp_closed",
    inet.TcpError: "tcp_error",
    inet.TcpPassive: "tcp_passive",
    inet.UdpError: "udp_error",
    inet.UdpPassive: "udp_passive",
}


def _our_ip(addr: Any) -> str:
    try:
        return str(ipaddress.ip_address(addr))
    except ValueError:
        return str(addr)


# --- both ------------------------------------------------------------------------------------


def _present(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,)


def _record(fields: dict[str, Any]) -> Any:
    if fields.get("ctype", "normal") not in ("normal", "fromfd"):
        fields["ctype"] = ["fromfd", "<fd>"]
    # A key that is absent in Erlang is None here. An empty map and an empty list become the same.
    return {name: fields[name] for name in sorted(fields) if fields[name] is not None} or []


def _port(number: int) -> Any:
    return Thing("port", number) if number > 1023 else number


_SENDS: Final = ("send", "sendto", "sendmsg", "sendv", "sendfile")


def _masked(act: Act, answer: Any) -> Any:
    """Replace the parts of `answer` that differ from run to run."""
    op = act.op
    if act.args[1:] == ("otp", "fd"):
        return Shape("Ok", ("<fd>",)) if answer.word == "Ok" else answer
    if op in _GIVES_PORT and isinstance(answer, int):
        return _port(answer)
    match answer:
        case Shape("Ok", ([first, int(port)],)) if op in _GIVES_PORT_SECOND:
            return Shape("Ok", ([first, _port(port)],))
        case Shape("Ok", (int(port),)) if op == "inet_port":
            return Shape("Ok", (_port(port),))
        case Shape("Ok", ([address, int(port), *rest],)) if op == "udp_recv":
            return Shape("Ok", ([address, _port(port), *rest],))
        case Shape("Ok", (int(),)) if op == "bind":
            return Shape("Ok", ("<port>",))
        case Shape("Select", (tag, ref, _)) if tag in _SENDS:
            return Shape("Select", (tag, ref, "<rest>"))
        case Shape("Error", (reason, _)) if op.removesuffix("_nowait") in _SENDS:
            return Shape("Error", (reason, "<rest>"))
    return answer


class Namer:
    """Names the things of one side, in the order in which they appear."""

    def __init__(self, tmp: str) -> None:
        self._names: dict[Thing, str] = {}
        self._counts: dict[str, int] = {}
        self._tmp = tmp

    def bind(self, targets: Iterable[str], answer: Any) -> None:
        """Bind the values of `answer` to names; a thing that has a name keeps it."""
        match answer:
            case Shape("Select", (_, ref, *_)):
                found = [ref]
            case Shape("Ok", ([*several],)):
                found = several if len(tuple(targets)) > 1 else [several]
            case Shape("Ok", (value,)):
                found = [value]
            case [*several] if len(tuple(targets)) > 1:
                found = several
            case _:
                found = [answer]
        for target, thing in zip(targets, found, strict=False):
            if isinstance(thing, Thing):
                self._names.setdefault(thing, target)

    def knows(self, thing: Any) -> bool:
        """Return True if a thing has a name already."""
        return thing in self._names

    def name(self, value: Any) -> Any:
        """Replace every thing in `value` by its name."""
        match value:
            case Thing():
                return Called(self._called(value))
            case Shape(word, parts):
                return Shape(word, tuple(self.name(part) for part in parts))
            case list():
                return [self.name(each) for each in value]
            case dict():
                return {key: self.name(each) for key, each in value.items()}
            case bytes():
                return self._data(value)
            case str():
                return value.replace(self._tmp, "$TMP")
        return value

    def _called(self, thing: Thing) -> str:
        if thing not in self._names:
            letter = {"socket": "s", "ref": "r", "pid": "p", "port": "port"}[thing.kind]
            self._counts[letter] = self._counts.get(letter, 0) + 1
            self._names[thing] = f"{letter}#{self._counts[letter]}"
        return self._names[thing]

    def _data(self, data: bytes) -> bytes:
        data = data.replace(self._tmp.encode(), b"$TMP")
        if len(data) > 60:
            return b"%s..%s (%d bytes)" % (data[:10], data[-10:], len(data))
        return data
