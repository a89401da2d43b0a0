"""Addresses: what callers may give, what comes back, and the bytes in between.

Nothing here needs a runtime. Where the operating system is the authority, a plain socket of
the standard library is bound and asked.
"""

import ctypes
import importlib.util
import ipaddress
import os
import pathlib
import socket
import string
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.values import address, families
from actorsock.socket.values.address import (
    SockAddr,
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    SockAddrUnspec,
    family_of,
    from_bytes,
    from_python,
    parse,
    to_bytes,
    to_python,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux's struct sockaddr")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


# What is given and what it becomes


@pytest.mark.parametrize(
    ("given_addr", "text"),
    [
        ("any", "0.0.0.0"),
        ("loopback", "127.0.0.1"),
        ("broadcast", "255.255.255.255"),
        ("192.0.2.7", "192.0.2.7"),
        ((192, 0, 2, 7), "192.0.2.7"),
        (ipaddress.ip_address("192.0.2.7"), "192.0.2.7"),
    ],
)
def test_ipv4_address_has_one_spelling(given_addr, text):
    assert SockAddrIn(given_addr, 5).addr == text
    assert SockAddrIn(given_addr, 5) == SockAddrIn(text, 5)
    assert len({SockAddrIn(given_addr, 5), SockAddrIn(text, 5)}) == 1


@pytest.mark.parametrize(
    ("given_addr", "text"),
    [
        ("any", "::"),
        ("loopback", "::1"),
        ("2001:DB8:0:0::0001", "2001:db8::1"),
        ((0x2001, 0xDB8, 0, 0, 0, 0, 0, 1), "2001:db8::1"),
        (ipaddress.ip_address("2001:db8::1"), "2001:db8::1"),
        ((0, 0, 0, 0, 0, 65535, 32512, 1), "::ffff:127.0.0.1"),
        (ipaddress.ip_address("::ffff:127.0.0.1"), "::ffff:127.0.0.1"),
    ],
)
def test_ipv6_address_has_one_spelling(given_addr, text):
    assert SockAddrIn6(given_addr, 5) == SockAddrIn6(text, 5)
    assert SockAddrIn6(given_addr).addr == text


def test_defaults_are_the_documented_ones():
    assert SockAddrIn() == SockAddrIn("any", 0)
    assert SockAddrIn6() == SockAddrIn6("any", 0, 0, 0)
    assert SockAddrUnspec().addr == b""
    assert SockAddrNative(17).addr == b""
    assert parse("inet", {"family": "inet"}) == SockAddrIn()


def test_path_is_text_for_a_file_and_bytes_for_an_abstract_name():
    paths = ["/tmp/s", b"/tmp/s", pathlib.Path("/tmp/s")]
    assert {SockAddrUn(path).path for path in paths} == {"/tmp/s"}
    assert SockAddrUn("\0name") == SockAddrUn(b"\0name")
    assert SockAddrUn("\0name").path == b"\0name"
    assert SockAddrUn(b"").path == SockAddrUn("").path == ""
    assert SockAddrUn(b"/tmp/\xff").path == os.fsdecode(b"/tmp/\xff")


@pytest.mark.skipif(address._SUN_PATH_SIZE != 108, reason="other size of sun_path")
def test_path_length_ends_at_107_bytes_and_108_for_an_abstract_name():
    assert to_python(SockAddrUn("p" * 107)) == "p" * 107
    assert to_python(SockAddrUn(b"\0" + b"p" * 107)) == b"\0" + b"p" * 107
    with pytest.raises(ValueError, match="at most 107"):
        SockAddrUn("p" * 108)
    with pytest.raises(ValueError, match="at most 107"):
        SockAddrUn("é" * 54)
    with pytest.raises(ValueError, match="at most 108"):
        SockAddrUn(b"\0" + b"p" * 108)


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_out_of_range_is_refused_and_not_taken_modulo(port):
    with pytest.raises(ValueError, match=r"port must be 0\.\.65535"):
        SockAddrIn("any", port)
    with pytest.raises(ValueError, match=r"addr .*port"):
        parse("inet", ("127.0.0.1", port))


def test_port_is_an_integer_and_not_a_truth():
    for port in (True, "80", 80.0, None):
        with pytest.raises(TypeError, match="port"):
            SockAddrIn("any", port)


@pytest.mark.parametrize(
    "text", ["127.1", "1.2.3.04", " 1.2.3.4", "::1", "1.2.3.4\0", "", "\ud800", "2130706433"]
)
def test_ipv4_text_is_strict(text):
    with pytest.raises(ValueError, match="addr must be an IPv4 address"):
        SockAddrIn(text)


@pytest.mark.parametrize("parts", [(), (1, 2, 3), (1, 2, 3, 256), (1, 2, 3, -1), (1, 2, 3, 4, 5)])
def test_ipv4_tuple_is_four_integers_in_range(parts):
    with pytest.raises(ValueError, match="addr"):
        SockAddrIn(parts)
    with pytest.raises(TypeError, match="addr"):
        SockAddrIn((True, 2, 3, 4))


@pytest.mark.parametrize("parts", [(0,) * 7, (0,) * 9, (65536,) + (0,) * 7, (-1,) + (0,) * 7])
def test_ipv6_tuple_is_eight_integers_in_range(parts):
    with pytest.raises(ValueError, match="addr"):
        SockAddrIn6(parts)


def test_a_zone_in_the_text_points_to_scope_id():
    with pytest.raises(ValueError, match="scope_id"):
        SockAddrIn6("fe80::1%eth0")
    with pytest.raises(ValueError, match="scope_id"):
        parse("inet6", {"family": "inet6", "addr": ipaddress.ip_address("fe80::1%2")})


def test_a_name_is_not_looked_up_and_the_message_gives_the_remedy():
    for call in (lambda: SockAddrIn("localhost"), lambda: parse("inet", ("localhost", 80))):
        with pytest.raises(ValueError, match=r"addr.*'localhost'.*not looked up.*getaddrinfo"):
            call()


# The forms that calls take


def test_a_record_passes_through_whatever_the_domain():
    for record in (SockAddrIn(), SockAddrIn6(), SockAddrUn("x"), SockAddrUnspec()):
        assert parse("inet", record) is record


def test_documented_maps():
    assert parse("inet", {"family": "inet", "addr": (127, 0, 0, 1), "port": 7}) == SockAddrIn(
        "loopback", 7
    )
    assert parse(
        "inet6", {"family": "inet6", "addr": "loopback", "flowinfo": 1, "scope_id": 2}
    ) == SockAddrIn6("::1", 0, 1, 2)
    assert parse("local", {"family": "local", "path": b"/tmp/s"}) == SockAddrUn("/tmp/s")
    assert parse("inet", {"family": "unspec"}) == SockAddrUnspec()
    assert parse("inet", {"family": "unspec", "addr": bytes(14)}) == SockAddrUnspec(bytes(14))
    assert parse("local", {"family": 1, "addr": bytearray(b"x")}) == SockAddrNative(1, b"x")
    assert parse(17, {"family": 17}) == SockAddrNative(17, b"")


def test_family_mismatch_is_for_the_operating_system_to_judge():
    addr = parse("inet", {"family": "inet6", "addr": "loopback"})
    assert addr == SockAddrIn6("loopback")
    assert family_of(addr) == socket.AF_INET6 != socket.AF_INET
    assert family_of(parse("inet", {"family": "local", "path": "x"})) == socket.AF_UNIX
    assert family_of(SockAddrUnspec()) == socket.AF_UNSPEC
    assert family_of(SockAddrNative(17)) == 17


def test_python_tuples():
    assert parse("inet", ("127.0.0.1", 80)) == SockAddrIn("loopback", 80)
    assert parse("inet", ("", 80)) == parse("inet", ("any", 80)) == SockAddrIn("any", 80)
    assert parse(socket.AF_INET, ("loopback", 80)) == SockAddrIn("loopback", 80)
    assert parse("inet6", ("::1", 80)) == SockAddrIn6("::1", 80)
    assert parse("inet6", ("", 80, 1, 2)) == SockAddrIn6("any", 80, 1, 2)


def test_bare_paths_on_a_local_socket():
    for path in ("/tmp/s", b"/tmp/s", pathlib.Path("/tmp/s")):
        assert parse("local", path) == SockAddrUn("/tmp/s")
    assert parse("local", "") == SockAddrUn("")


def test_words_are_for_bind():
    assert parse("inet", "broadcast", words=True) == SockAddrIn("broadcast")
    assert parse("inet6", "loopback", words=True) == SockAddrIn6("loopback")
    with pytest.raises(ValueError, match=r"addr 'broadcast'.*IPv6"):
        parse("inet6", "broadcast", words=True)
    with pytest.raises(ValueError, match=r"addr '127\.0\.0\.1'.*'loopback'"):
        parse("inet", "127.0.0.1", words=True)
    with pytest.raises(TypeError, match="addr 'any'"):
        parse("inet", "any")


def test_a_word_on_a_local_socket_is_an_address_of_another_family():
    addr = parse("local", "any", words=True)
    assert family_of(addr) != family_of(SockAddrUn(""))
    assert parse("local", "./any", words=True) == SockAddrUn("./any")
    assert parse("local", "any") == SockAddrUn("any")


@pytest.mark.parametrize(
    ("domain", "addr", "said"),
    [
        ("inet", {}, "'family' is missing"),
        ("inet", {"family": "ipv4"}, "one of inet, inet6, local, unspec"),
        ("inet", {"family": None}, "one of inet"),
        ("inet", {"family": True}, "family must be"),
        ("inet", {"family": 70000}, "family must be"),
        ("inet", {"family": "inet", "prot": 1, "x": 2}, r"unknown keys 'prot', 'x'.*addr, port"),
        ("inet", {"family": "inet", 1: 2}, "unknown keys 1"),
        ("inet", {"family": "unspec", "port": 1}, "unknown keys 'port'"),
        ("inet", {"family": 2, "port": 1}, "unknown keys 'port'"),
        ("inet", {"family": "inet", "addr": None}, "IPv4"),
        ("inet", {"family": "inet", "addr": b"\x7f\0\0\1"}, "IPv4"),
        ("inet6", {"family": "inet6", "addr": "broadcast"}, "one of any, loopback"),
        ("inet6", {"family": "inet6", "flowinfo": 1 << 20}, "flowinfo"),
        ("inet6", {"family": "inet6", "scope_id": -1}, "scope_id"),
        ("inet", {"family": 2, "addr": "127.0.0.1"}, "bytes"),
        ("inet", {"family": "unspec", "addr": bytes(127)}, "126"),
        ("local", {"family": "local"}, "'path' is missing"),
        ("local", {"family": "local", "path": 5}, "path"),
        ("local", {"family": "local", "path": "p" * 300}, "path"),
        ("local", {"family": "local", "path": "a\0b"}, "NUL"),
        ("local", {"family": "local", "path": "\ud800"}, "path"),
        ("local", ("127.0.0.1", 80), "path for local"),
        ("inet", ("127.0.0.1",), r"\(host, port\)"),
        ("inet", ("127.0.0.1", 80, 0, 0), r"\(host, port\)"),
        ("inet6", ("::1", 80, 0), "flowinfo, scope_id"),
        ("inet", (127, 0), "IPv4"),
        ("inet", ["127.0.0.1", 80], r"\(host, port\)"),
        ("inet", None, "record"),
        (17, ("lo", 0), "record"),
    ],
)
def test_a_malformed_address_is_named_with_what_is_accepted(domain, addr, said):
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        parse(domain, addr)
    assert str(caught.value).startswith(f"addr {addr!r}: ")


# What the standard library reports


def test_unnamed_and_missing_addresses():
    assert from_python(socket.AF_INET, None) == SockAddrUnspec()
    assert from_python(socket.AF_UNIX, None) == SockAddrUnspec()
    assert from_python(socket.AF_UNIX, "") == SockAddrUn("")


def test_an_ipv6_scope_spelt_out_is_split_off():
    raw = ("fe80::1%eth0", 80, 0x1234567, 3)
    assert from_python(socket.AF_INET6, raw) == SockAddrIn6("fe80::1", 80, 0x34567, 3)


def test_families_without_a_record():
    assert from_python(99, (99, b"payload")) == SockAddrNative(99, b"payload")
    assert from_python(17, ("lo", 3, 0, 772, b"\0\0")) == SockAddrNative(17, b"")
    assert from_python(16, (0, 0)) == SockAddrNative(16, b"")


def test_reported_addresses_equal_the_ones_given(tmp_path):
    path = tmp_path / "s"
    for family, addr in [
        (socket.AF_INET, SockAddrIn("loopback")),
        (socket.AF_UNIX, SockAddrUn(path)),
    ]:
        with socket.socket(family) as sock:
            sock.bind(to_python(addr))
            name = from_python(family, sock.getsockname())
            assert type(name) is type(addr)
            assert to_python(name) == sock.getsockname()
    assert name == SockAddrUn(path)


def test_a_datagram_from_an_unnamed_local_socket_has_no_source():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.send(b"x")
        _, source = right.recvfrom(1)
        assert from_python(socket.AF_UNIX, right.getsockname()) == SockAddrUn("")
        assert from_python(socket.AF_UNIX, source) in (SockAddrUnspec(), SockAddrUn(""))


def test_unspec_and_native_have_no_form_in_the_standard_library():
    for addr in (SockAddrUnspec(), SockAddrNative(17, b"x")):
        with pytest.raises(TypeError, match="addr must be"):
            to_python(addr)


# struct sockaddr


def kernel_sockname(sock: socket.socket) -> bytes:
    buffer = ctypes.create_string_buffer(128)
    size = ctypes.c_uint32(128)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.getsockname(sock.fileno(), buffer, ctypes.byref(size)) == 0
    return buffer.raw[: size.value]


@linux_only
@pytest.mark.parametrize(
    "addr",
    [
        SockAddrIn("loopback"),
        SockAddrIn("any"),
        pytest.param(SockAddrIn6("loopback"), marks=needs_ipv6),
        pytest.param(SockAddrIn6("::ffff:127.0.0.1"), marks=needs_ipv6),
        SockAddrUn("s"),
        SockAddrUn("é" * 50),
        SockAddrUn("p" * 107),
        SockAddrUn(b"\0actorsock address test"),
        SockAddrUn(b"\0actorsock\0address\0"),
        SockAddrUn(b"\0actorsock address test".ljust(108, b"p")),
        SockAddrUn(""),
    ],
    ids=repr,
)
def test_bytes_are_those_of_the_kernel(addr, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    family = family_of(addr)
    with socket.socket(family) as sock:
        before = from_bytes(kernel_sockname(sock))
        assert before == from_python(family, sock.getsockname())
        libc = ctypes.CDLL(None, use_errno=True)
        raw = to_bytes(addr)
        assert libc.bind(sock.fileno(), raw, len(raw)) == 0, os.strerror(ctypes.get_errno())
        name = from_bytes(kernel_sockname(sock))
        assert name == from_python(family, sock.getsockname())
        assert to_bytes(name) == kernel_sockname(sock)
        if isinstance(addr, SockAddrUn) and addr.path:
            assert name == addr


@linux_only
def test_a_path_that_leaves_no_room_for_its_nul_is_native(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        raw = to_bytes(SockAddrNative(socket.AF_UNIX, b"p" * 108))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.bind(sock.fileno(), raw, len(raw)) == 0
        name = SockAddrNative(socket.AF_UNIX, b"p" * 108)
        assert from_bytes(kernel_sockname(sock)) == name
        assert from_python(socket.AF_UNIX, sock.getsockname()) == name


@linux_only
def test_unspec_dissolves_an_association():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        peer.bind(("127.0.0.1", 0))
        sock.connect(peer.getsockname())
        raw = to_bytes(SockAddrUnspec())
        assert ctypes.CDLL(None).connect(sock.fileno(), raw, len(raw)) == 0
        with pytest.raises(OSError, match="not connected"):
            sock.getpeername()


def test_bsd_puts_a_length_before_the_family(monkeypatch):
    monkeypatch.setattr(address, "_BSD", True)
    raw = to_bytes(SockAddrIn("192.0.2.7", 258))
    assert raw == bytes((16, socket.AF_INET, 1, 2, 192, 0, 2, 7)) + bytes(8)
    assert from_bytes(raw) == SockAddrIn("192.0.2.7", 258)
    unnamed = bytes((16, socket.AF_UNIX)) + bytes(14)
    assert from_bytes(unnamed) == SockAddrUn("")


def test_short_and_unknown_bytes():
    assert from_bytes(b"") == from_bytes(b"\2") == SockAddrUnspec()
    assert from_bytes(to_bytes(SockAddrUnspec())) == SockAddrUnspec()
    assert from_bytes(to_bytes(SockAddrIn())[:5]) == SockAddrNative(socket.AF_INET, b"\0\0\0")
    assert from_bytes(to_bytes(SockAddrNative(17, b"abc"))) == SockAddrNative(17, b"abc")
    with pytest.raises(ValueError, match="128"):
        from_bytes(bytes(129))


def test_native_bytes_of_a_known_family_are_read_as_its_record():
    native = SockAddrNative(socket.AF_INET, b"\0\x07\x7f\0\0\1" + bytes(8))
    assert to_bytes(native) == to_bytes(SockAddrIn("loopback", 7))
    assert from_bytes(to_bytes(native)) == SockAddrIn("loopback", 7)


def test_without_local_sockets_the_word_and_its_record_remain(monkeypatch):
    monkeypatch.delattr(socket, "AF_UNIX")
    for module in (families, address):
        spec = importlib.util.spec_from_file_location(module.__name__, module.__file__)
        alone = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, alone)
        spec.loader.exec_module(alone)
    assert alone.parse("local", "x") == alone.SockAddrUn("x")
    assert alone.family_of(alone.SockAddrUn("x")) == 1


# Properties

ports = st.integers(0, 65535)
inet = st.builds(SockAddrIn, st.ip_addresses(v=4), ports)
inet6 = st.builds(
    SockAddrIn6,
    st.ip_addresses(v=6),
    ports,
    st.integers(0, 0xFFFFF),
    st.integers(0, 0xFFFFFFFF),
)
names = st.binary(max_size=103)
files = names.map(lambda name: name.replace(b"\0", b""))
abstract = names.map(b"\0".__add__)
local = st.builds(SockAddrUn, files | abstract if sys.platform == "linux" else files)
unspec = st.builds(SockAddrUnspec, st.binary(max_size=126))
native = st.builds(SockAddrNative, st.integers(30, 255), st.binary(max_size=126))
records = inet | inet6 | local | unspec | native


@given(inet | inet6 | local)
def test_parse_to_python_and_back(addr: SockAddr):
    family = family_of(addr)
    assert parse(family, to_python(addr)) == addr
    assert from_python(family, to_python(addr)) == addr


@given(records)
def test_to_bytes_and_back(addr: SockAddr):
    assert from_bytes(to_bytes(addr)) == addr


@given(st.ip_addresses())
def test_the_tuple_of_integers_is_the_same_address(host):
    if host.version == 4:
        assert SockAddrIn(tuple(host.packed)) == SockAddrIn(host) == SockAddrIn(str(host))
    else:
        groups = struct.unpack("!8H", host.packed)
        assert SockAddrIn6(groups) == SockAddrIn6(host) == SockAddrIn6(str(host))


@given(st.binary(max_size=128))
def test_any_bytes_of_the_kernel_have_a_record(raw: bytes):
    addr = from_bytes(raw)
    assert from_bytes(to_bytes(addr)) == addr


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary()
    | st.text()
    | st.sampled_from(["inet", "inet6", "local", "unspec", "any", "127.0.0.1", "::1"])
)
keys = st.sampled_from(["family", "addr", "port", "path", "flowinfo", "scope_id"])
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(keys | st.text(string.ascii_letters) | st.integers(), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(st.sampled_from(["inet", "inet6", "local", 17]), junk, st.booleans())
def test_junk_is_refused_by_name_or_is_an_address(domain, addr, words):
    said = ""
    try:
        record = parse(domain, addr, words=words)
    except (TypeError, ValueError) as refused:
        said = str(refused)
    else:
        assert isinstance(record, SockAddr)
    assert not said or said.startswith("addr ")
