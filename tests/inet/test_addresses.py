"""Addresses as text, and errors in words."""

from ipaddress import ip_address
from typing import Any

import pytest

from actorsock import Error, Ok, inet


@pytest.mark.parametrize(
    ("text", "any_form", "strict", "ipv4", "strict_ipv4", "ipv6", "strict_ipv6"),
    [
        ("127.0.0.1", *["127.0.0.1"] * 4, "::ffff:127.0.0.1", None),
        ("0x7f.1", "127.0.0.1", None, "127.0.0.1", None, "::ffff:127.0.0.1", None),
        ("1.2.65535", "1.2.255.255", None, "1.2.255.255", None, "::ffff:1.2.255.255", None),
        ("017.1", "15.0.0.1", None, "15.0.0.1", None, "::ffff:15.0.0.1", None),
        ("+1.2.3.4", *["1.2.3.4"] * 4, "::ffff:1.2.3.4", None),
        ("FFFF::A", "ffff::a", "ffff::a", None, None, "ffff::a", "ffff::a"),
        ("fe80::1%eth0", "fe80::1", "fe80::1", None, None, "fe80::1", "fe80::1"),
        *[(text, *[None] * 6) for text in ("", "1.", "256.1.1.1", "08.1", "::1%lo", "localhost")],
        ("9" * 5000, *[None] * 6),
        ("::1\0", *[None] * 6),
    ],
)
def test_texts_are_read(text: str, any_form: Any, strict: Any, ipv4: Any, strict_ipv4: Any,
                        ipv6: Any, strict_ipv6: Any) -> None:  # fmt: skip
    read = {
        inet.parse_address: any_form,
        inet.parse_strict_address: strict,
        inet.parse_ipv4_address: ipv4,
        inet.parse_ipv4strict_address: strict_ipv4,
        inet.parse_ipv6_address: ipv6,
        inet.parse_ipv6strict_address: strict_ipv6,
    }
    for function, address in read.items():
        assert function(text) == (Ok(address) if address else Error("einval")), function


def test_only_text_is_read() -> None:
    with pytest.raises(TypeError, match="expected a str"):
        inet.parse_address(b"127.0.0.1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ((1, 2, 3, 4), "1.2.3.4"),
        ("1.2.3.4", "1.2.3.4"),
        (ip_address("::1"), "::1"),
        ((1, 0, 0, 2, 0, 0, 3, 4), "1::2:0:0:3:4"),
        ("::2", "::0.0.0.2"),
        ((0,) * 8, "::"),
    ],
)
def test_addresses_are_written(address: object, text: str) -> None:
    assert inet.ntoa(address) == Ok(text)
    assert inet.is_ip_address(address)
    assert inet.is_ipv6_address(address) is (":" in text)
    assert inet.is_ipv4_address(address) is (":" not in text)


@pytest.mark.parametrize(
    "other", ["any", "1.2", (1, 2, 3), (256, 0, 0, 0), (1, 2, 3, "4"), None, 5]
)
def test_other_things_are_no_addresses(other: object) -> None:
    assert inet.ntoa(other) == Error("einval")
    tests = (inet.is_ip_address, inet.is_ipv4_address, inet.is_ipv6_address)
    assert not any(is_one(other) for is_one in tests)
    with pytest.raises(ValueError, match="expected an IP address"):
        inet.ipv4_mapped_ipv6_address(other)


def test_addresses_of_ipv4_are_mapped_and_back() -> None:
    mapped = inet.ipv4_mapped_ipv6_address((127, 0, 0, 1))
    assert mapped == "::ffff:127.0.0.1"
    assert inet.ipv4_mapped_ipv6_address(mapped) == "127.0.0.1"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("econnrefused", "connection refused"),
        ("eaddrinuse", "address already in use"),
        ("enotconn", "socket is not connected"),
        ("emsgsize", "message too long"),
        ("emfile", "too many open files"),
        ("einval", "invalid argument"),
        ("ebadf", "bad file number"),
        ("nxdomain", "non-existing domain"),
        ("exbadport", "invalid port state"),
        ("closed", "unknown POSIX error: closed"),
        ("errorcode", "unknown POSIX error: errorcode"),
        ("EINVAL", "unknown POSIX error: EINVAL"),
    ],
)
def test_errors_in_words(reason: str, text: str) -> None:
    assert inet.format_error(reason) == text


def test_only_words_are_errors() -> None:
    with pytest.raises(TypeError, match="expected a str"):
        inet.format_error(None)  # type: ignore[arg-type]
