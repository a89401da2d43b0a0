"""What is said to epmd, as bytes."""

import pytest

from actorsock.dist.wire.epmd_messages import (
    Registration,
    ask_names,
    ask_port,
    read_names,
    read_port,
    read_registered,
    register,
)

NODE = Registration("py", 9000, hidden=True)


def test_requests() -> None:
    assert register(NODE) == b"\x00\x0fx\x23\x28H\x00\x00\x06\x00\x06\x00\x02py\x00\x00"
    assert register(Registration("py", 9000))[5:6] == b"M"
    assert ask_port("py") == b"\x00\x03zpy"
    assert ask_names() == b"\x00\x01n"


def test_answers() -> None:
    assert read_registered(b"v\x00\x00\x00\x00\x07") == 7
    assert read_registered(b"y\x00\x00\x03") == 3
    assert read_registered(b"v\x01\x00\x00\x00\x00") is None
    assert read_port(b"w\x00\x23\x28H\x00\x00\x06\x00\x06\x00\x02py\x00\x00") == NODE
    assert read_port(b"w\x01") is None
    listed = b"\x00\x00\x11\x11name a at port 5\nname b at port 6\nnonsense\n"
    assert read_names(listed) == {"a": 5, "b": 6}


@pytest.mark.parametrize("data", [b"", b"v", b"v\x00\x00"])
def test_an_answer_that_is_not_whole(data: bytes) -> None:
    with pytest.raises(IndexError):
        read_registered(data)


@pytest.mark.parametrize("data", [b"", b"w", b"w\x00\x23", b"x\x00"])
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(ValueError, match="epmd"):
        read_port(data)
    with pytest.raises(ValueError, match="epmd answers"):
        read_registered(b"zz")
