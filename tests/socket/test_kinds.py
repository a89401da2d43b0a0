"""What kind of socket: the numbers of the standard library, which are enums, are numbers too."""

import socket as stdlib
from typing import get_args

import pytest

from actorsock import Ok, ok, socket
from actorsock.socket.values.families import DOMAINS, TYPES, Domain, Type
from actorsock.socket.values.protocols import ProtocolName, protocol_names


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
