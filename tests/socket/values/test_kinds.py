"""Domains, types and protocols: words and numbers, which may be enums of the standard library."""

import socket as stdlib
from typing import get_args

import pytest

from actorsock import Ok, ok, socket
from actorsock.socket.values.families import DOMAINS, TYPES, Domain, Type
from actorsock.socket.values.protocols import (
    ProtocolName,
    protocol_name,
    protocol_names,
    protocol_number,
)


async def test_a_socket_of_the_kind_that_getaddrinfo_tells(runtime: None) -> None:
    family, type, protocol, _, _ = stdlib.getaddrinfo("127.0.0.1", 80, type=stdlib.SOCK_STREAM)[0]
    async with ok(socket.open(family, type, protocol)) as sock:
        assert socket.getopt(sock, "otp", "domain") == Ok("inet")
        assert socket.getopt(sock, "otp", "type") == Ok("stream")


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
async def test_a_number_that_the_system_can_not_have(number: int, runtime: None) -> None:
    with pytest.raises(ValueError, match="domain"):
        socket.open(number, "stream")


def test_the_words_that_a_type_checker_knows_are_those_of_the_tables() -> None:
    assert set(get_args(Domain)) == set(DOMAINS)
    assert set(get_args(Type)) == set(TYPES)
    assert sorted(get_args(ProtocolName)) == sorted(protocol_names())


def test_protocols_have_the_names_of_the_system() -> None:
    for name, number in (("tcp", 6), ("udp", 17), ("icmp", 1), ("ip", 0), ("sctp", 132)):
        assert protocol_number(name) == number
        assert protocol_name(number) == name
    assert protocol_number("MPLS-in-IP") == 137
    assert protocol_number("ipsec-esp") == 50
    assert protocol_name(50) == "esp"
    assert protocol_name(255) == 255
    assert protocol_number("default") is None
