"""Message flags by name: the table of the documentation against the operating system's."""

import socket
import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.values import flags as flags_module
from actorsock.socket.values.flags import Flag, decode_flags, encode_flags, supported_flags

WORDS = get_args(Flag)
DOCUMENTED_ORDER = [
    "cmsg_cloexec",
    "confirm",
    "ctrunc",
    "dontroute",
    "eor",
    "errqueue",
    "more",
    "oob",
    "peek",
    "trunc",
    "nosignal",
]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")


@on_linux
@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("oob", 1),
        ("peek", 2),
        ("dontroute", 4),
        ("ctrunc", 8),
        ("trunc", 0x20),
        ("eor", 0x80),
        ("confirm", 0x800),
        ("errqueue", 0x2000),
        ("nosignal", 0x4000),
        ("more", 0x8000),
        ("cmsg_cloexec", 0x40000000),
    ],
)
def test_a_word_has_its_documented_number(word, number):
    assert encode_flags([word]) == number
    assert decode_flags(number) == (word,)


def test_no_flags_are_no_bits():
    assert encode_flags(()) == 0
    assert encode_flags([]) == 0
    assert decode_flags(0) == ()


def test_words_and_integers_are_or_ed():
    assert encode_flags(("peek", "peek")) == socket.MSG_PEEK
    assert encode_flags(["oob", socket.MSG_PEEK, 0]) == socket.MSG_OOB | socket.MSG_PEEK
    assert encode_flags({"oob", "peek"}) == socket.MSG_OOB | socket.MSG_PEEK


def test_received_flags_come_in_the_documented_order_left_over_bits_last():
    assert list(WORDS) == DOCUMENTED_ORDER
    everything = encode_flags(WORDS)
    assert decode_flags(everything) == WORDS
    spare = 0x0100_0000
    assert decode_flags(everything | spare) == (*WORDS, spare)
    assert decode_flags(socket.MSG_TRUNC | socket.MSG_CTRUNC) == ("ctrunc", "trunc")


def test_a_negative_c_int_is_read_as_its_bits():
    assert decode_flags(-(2**31)) == (2**31,)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("peek", TypeError, "'peek' is not a list"),
        (b"peek", TypeError, "is not a list"),
        (2, TypeError, "2 is not a list"),
        (None, TypeError, "None is not a list"),
        ({"peek": True}, TypeError, "is not a list"),
        (["foo"], ValueError, "'foo' is not a flag"),
        (["PEEK"], ValueError, "'PEEK' is not a flag"),
        ([-1], ValueError, "not in 0"),
        ([2**31], ValueError, "not in 0"),
        ([True], TypeError, "True is not a word"),
        ([b"peek"], TypeError, "b'peek' is not a word"),
        ([["peek"]], TypeError, r"\['peek'\] is not a word"),
        ([1.0], TypeError, "1.0 is not a word"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_accepted(wrong, error, says):
    with pytest.raises(error, match=says) as raised:
        encode_flags(wrong)
    assert str(raised.value).startswith("flags: ")
    assert "peek, trunc, nosignal and non-negative integers" in str(raised.value)


def test_a_word_that_the_platform_lacks_is_told_from_an_unknown_one(monkeypatch):
    monkeypatch.setitem(flags_module._BITS, "confirm", None)
    assert supported_flags()["confirm"] is False
    with pytest.raises(ValueError, match="flags: this platform lacks 'confirm'; it has cmsg_"):
        encode_flags(["confirm"])


@on_linux
def test_linux_has_every_flag():
    assert supported_flags() == dict.fromkeys(DOCUMENTED_ORDER, True)


def test_the_kernel_reports_a_cut_datagram_as_trunc():
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, peer:
        peer.send(b"hello", encode_flags(["nosignal"]))
        data, _, bits, _ = ours.recvmsg(2, 0, encode_flags(["peek"]))
        assert (data, decode_flags(bits)) == (b"he", ("trunc",))
        assert ours.recv(10) == b"hello"


@given(st.sets(st.sampled_from(WORDS)), st.integers(0, 2**31 - 1))
def test_flags_survive_encoding_and_decoding(words, number):
    bits = encode_flags([*words, number])
    decoded = decode_flags(bits)
    assert words <= set(decoded)
    assert encode_flags(decoded) == bits
    assert all(isinstance(flag, str) for flag in decoded[:-1])


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=5,
)


@given(JUNK)
def test_junk_is_a_wrong_argument_or_a_number(junk):
    refusal = None
    try:
        bits = encode_flags(junk)
    except (TypeError, ValueError) as error:
        refusal = str(error)
    assert bits >= 0 if refusal is None else refusal.startswith("flags: ")
