"""Messages and data for the send functions: what is accepted, and what is left to send."""

import array
import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.values.control import ControlMessage
from actorsock.socket.values.messages import Msg, as_bytes, parse_msg, remaining, to_bytes_list

BIG = 1 << 20


class TestMsg:
    def test_fields_go_by_position_or_by_name_in_the_documented_order(self):
        ttl = ControlMessage("ip", "ttl", value=3)
        by_name = Msg(flags=["trunc"], ctrl=[ttl], iov=[b"hello"], addr="here")
        assert by_name == Msg("here", (b"hello",), (ttl,), ("trunc",))
        assert Msg() == Msg(None, (), (), ())

    def test_the_lists_of_a_message_become_tuples(self):
        pieces = [b"one", b"two"]
        msg = Msg(iov=pieces)
        pieces.append(b"three")
        assert msg.iov == (b"one", b"two")
        assert {msg} == {Msg(iov=(b"one", b"two"))}


class TestParseMsg:
    def test_the_documented_map_is_taken_as_a_dict_and_other_keys_are_ignored(self):
        ctrl = [{"level": "ip", "type": "ttl", "value": 3}]
        given_map = {"iov": [b"a"], "addr": ("::1", 9), "ctrl": ctrl, "flags": ["oob"], "x": 1}
        assert parse_msg(given_map) == Msg(("::1", 9), (b"a",), tuple(ctrl), ())
        assert parse_msg({"iov": []}) == Msg()

    def test_flags_in_a_message_to_be_sent_are_ignored(self):
        assert parse_msg(Msg(iov=[b"a"], flags=["oob"])) == Msg(iov=[b"a"])

    def test_data_is_not_copied(self):
        data, buffer = bytes(BIG), bytearray(BIG)
        sent = parse_msg(Msg(iov=[data, buffer])).iov
        assert sent[0] is data
        assert sent[1].obj is buffer

    def test_every_bytes_like_piece_becomes_flat_bytes(self):
        words = array.array("H", [1, 2])
        every_other = memoryview(b"a-b-c-")[::2]
        iov = parse_msg({"iov": (bytearray(b"x"), words, every_other, bytearray())}).iov
        assert [bytes(piece) for piece in iov] == [b"x", words.tobytes(), b"abc", b""]
        assert [len(piece) for piece in iov] == [1, 4, 3, 0]

    @pytest.mark.parametrize(
        ("wrong", "error", "says"),
        [
            (None, TypeError, "None is not a message"),
            (b"hello", TypeError, "b'hello' is not a message"),
            ([b"hello"], TypeError, r"\[b'hello'\] is not a message"),
            ({}, ValueError, r'\{\} has no "iov"'),
            ({"addr": None, "data": b"x"}, ValueError, 'has no "iov"'),
            ({"iov": b"hello"}, TypeError, "its iov is b'hello'; it must be a list"),
            ({"iov": "hello"}, TypeError, "its iov is 'hello'"),
            ({"iov": None}, TypeError, "its iov is None"),
            (Msg(iov=b"hello"), TypeError, "its iov is b'hello'"),
            ({"iov": [b"a", "b"]}, TypeError, "msg: its iov: element 2 is 'b'"),
            ({"iov": [1]}, TypeError, "its iov: element 1 is 1"),
            ({"iov": [b"a", b"b", [b"c"]]}, TypeError, r"its iov: element 3 is \[b'c'\]"),
        ],
    )
    def test_a_wrong_message_is_named_with_its_offending_part(self, wrong, error, says):
        with pytest.raises(error, match=says) as raised:
            parse_msg(wrong)
        assert str(raised.value).startswith("msg: ")

    def test_a_long_wrong_piece_does_not_fill_the_error_message(self):
        with pytest.raises(TypeError) as raised:
            parse_msg({"iov": ["x" * BIG]})
        assert len(str(raised.value)) < 200


class TestAsBytes:
    def test_bytes_come_back_as_they_are(self):
        data = bytes(BIG)
        assert as_bytes(data) is data
        assert as_bytes([data]) is data
        assert as_bytes([[], [(data,)], []]) is data

    def test_other_bytes_like_data_is_not_copied_either(self):
        buffer = bytearray(BIG)
        view = as_bytes(buffer)
        assert view.obj is buffer
        buffer[0] = 7
        assert view[0] == 7

    def test_nested_pieces_are_joined_in_order(self):
        data = [b"a", [bytearray(b"b"), (memoryview(b"c"),), []], (), b"d"]
        assert as_bytes(data) == b"abcd"
        assert as_bytes([]) == b""

    def test_nesting_may_be_very_deep(self):
        data = []
        for _ in range(50_000):
            data = [data, b"x"]
        assert as_bytes(data) == b"x" * 50_000

    def test_the_same_list_may_occur_twice_but_not_within_itself(self):
        part = [b"ab"]
        assert as_bytes([part, part, [part]]) == b"ababab"
        part.append([part])
        with pytest.raises(ValueError, match="data: a list in it contains itself"):
            as_bytes(part)

    @pytest.mark.parametrize(
        "wrong", ["text", None, 5, {"iov": b""}, {b"x"}, object(), iter([b""])]
    )
    def test_an_object_that_is_no_data_is_named(self, wrong):
        with pytest.raises(TypeError, match=r"data: .* is not sendable; accepted are bytes, "):
            as_bytes(wrong)

    @pytest.mark.parametrize("wrong", [65, "A", None, {b"A"}])
    def test_an_object_that_is_no_data_in_a_list_is_named(self, wrong):
        # An integer in a list is iodata in Erlang; here it is far more often a mistake.
        with pytest.raises(TypeError, match=r"data: .* in it is not sendable; .* bytes.*65"):
            as_bytes([b"a", [b"b", wrong]])

    def test_a_released_view_is_not_data(self):
        view = memoryview(b"x")
        view.release()
        with pytest.raises(TypeError, match=r"data: .* is not sendable"):
            as_bytes(view)


class TestRemaining:
    def test_the_first_piece_left_is_cut_and_the_others_are_untouched(self):
        iov = (b"hello", b"big", b"world")
        rest = remaining(iov, 6)
        assert to_bytes_list(rest) == [b"ig", b"world"]
        assert rest[1] is iov[2]

    def test_at_the_border_of_a_piece_nothing_is_cut(self):
        iov = (b"hello", b"world")
        assert remaining(iov, 5) == (b"world",)
        assert remaining(iov, 5)[0] is iov[1]

    def test_nothing_left_is_the_empty_tuple_also_with_empty_pieces(self):
        assert remaining((b"ab", b"", b""), 2) == ()
        assert remaining((b"",), 0) == ()
        assert remaining((), 0) == ()

    def test_cutting_does_not_copy(self):
        data = bytes(BIG)
        (rest,) = remaining((data,), 1)
        assert rest.obj is data

    def test_a_rest_for_callers_is_bytes(self):
        left = to_bytes_list(remaining([memoryview(b"hello"), b"x"], 2))
        assert [(type(piece), piece) for piece in left] == [(bytes, b"llo"), (bytes, b"x")]

    @pytest.mark.parametrize("sent", [-1, 4])
    def test_an_impossible_count_is_a_bug_in_the_caller(self, sent):
        with pytest.raises(ValueError, match=f"sent: {sent}"):
            remaining((b"abc",), sent)

    @given(st.lists(st.binary(max_size=5)), st.data())
    def test_sent_and_remaining_are_the_whole(self, iov, data):
        whole = b"".join(iov)
        sent = data.draw(st.integers(0, len(whole)))
        rest = remaining(iov, sent)
        assert b"".join(rest) == whole[sent:]
        assert (rest == ()) == (sent == len(whole))
        again = data.draw(st.integers(0, len(whole) - sent))
        assert b"".join(remaining(rest, again)) == whole[sent + again :]


def test_a_stream_that_takes_a_message_in_parts_gets_all_of_it_in_order():
    ours, peer = socket.socketpair()
    with ours, peer:
        ours.setblocking(False)
        left = parse_msg({"iov": [bytes([n]) * 100_000 for n in range(20)]}).iov
        whole = b"".join(left)
        parts, received = 0, bytearray()
        while left:
            with suppress(BlockingIOError):
                left = remaining(left, ours.sendmsg(left))
                parts += 1
            received += peer.recv(BIG)
        while len(received) < len(whole):
            received += peer.recv(BIG)
        assert parts > 1
        assert received == whole


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["iov", "addr", "ctrl", "x"]), inner)
    ),
    max_leaves=8,
)


def refusal(function, argument):
    """The refusal of a wrong argument; `None` if it is accepted."""
    try:
        function(argument)
    except (TypeError, ValueError) as problem:
        return str(problem)
    return None


@given(JUNK)
def test_junk_is_accepted_or_refused_by_name(junk):
    assert (refusal(parse_msg, junk) or "msg: ").startswith("msg: ")
    assert (refusal(as_bytes, junk) or "data: ").startswith("data: ")


@given(st.recursive(st.binary(), st.lists))
def test_nested_data_is_its_pieces_from_left_to_right(data):
    def flat(part):
        return part if isinstance(part, bytes) else b"".join(map(flat, part))

    assert as_bytes(data) == flat(data)
