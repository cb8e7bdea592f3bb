"""Frames, checks, and the bytes of a resend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import wire
from paper.wire import FrameOverflow, Framer, Garbled, Message, MissingField

TIME = "20300102-10:00:00.000"


def frame(seq: int = 1, msg_type: str = "D", body: list[tuple[int, wire.Value]] | None = None) -> bytes:
    return wire.encode(msg_type, seq, "OMS", "BUYSIDE", TIME, body or [(11, "A1"), (58, "text = with equals")])


def broken(good: bytes, old: bytes, new: bytes) -> bytes:
    assert old in good
    return good.replace(old, new, 1)


def test_the_header_comes_first_and_length_and_checksum_are_right() -> None:
    raw = frame()
    assert raw.startswith(b"8=FIX.4.4\x019=")
    assert [tag for tag, _ in wire.parse(raw).fields] == [8, 9, 35, 34, 49, 52, 56, 11, 58, 10]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(broken(frame(), b"A1", b"A2"), "checksum", id="a changed byte"),
        pytest.param(broken(frame(), b"A1", b"A12"), "body length", id="a byte more than declared"),
        pytest.param(
            broken(frame(), b"35=D\x0134=1\x01", b"34=1\x0135=D\x01"), "first three fields", id="35 not third"
        ),
        pytest.param(b"8=FIX.4.4\x019=9\x0135=0\x01x=y\x0110=", "body length", id="no trailer"),
    ],
)
def test_what_is_no_message_is_garbled(raw: bytes, reason: str) -> None:
    parsed = wire.parse(raw)
    assert isinstance(parsed, Garbled)
    assert parsed.reason == reason


def test_an_empty_value_is_garbled_and_the_next_message_is_read() -> None:
    bad = frame(1, body=[(11, "A1"), (58, "")])
    found = Framer().feed(bad + frame(2))
    assert isinstance(found[0], Garbled)
    assert isinstance(found[1], Message)
    assert found[1].seq_num == 2


@given(st.lists(st.integers(1, 60), max_size=40))
def test_the_same_bytes_split_anywhere_give_the_same_messages(cuts: list[int]) -> None:
    stream = b"junk" + frame(1) + broken(frame(2), b"A1", b"A9") + frame(3) + frame(4)[:-5]
    whole = Framer().feed(stream)
    framer, pieces, position = Framer(), [], 0
    for cut in cuts:
        pieces += framer.feed(stream[position : position + cut])
        position += cut
    pieces += framer.feed(stream[position:])
    assert [item for item in pieces if isinstance(item, Message)] == [i for i in whole if isinstance(i, Message)]
    assert [item.seq_num for item in whole if isinstance(item, Message)] == [1, 3]


def test_a_length_too_long_swallows_the_next_message_and_no_more() -> None:
    long = broken(frame(1), b"9=", b"9=1")
    found = Framer(10_000).feed(long + b"".join(frame(n) for n in range(2, 40)))
    assert isinstance(found[0], Garbled)
    numbers = [item.seq_num for item in found if isinstance(item, Message)]
    assert numbers == list(range(numbers[0], 40))


def test_past_its_bound_a_message_closes_the_connection() -> None:
    with pytest.raises(FrameOverflow):
        Framer(1_000).feed(b"8=FIX.4.4\x019=2000\x0135=D\x01")
    with pytest.raises(FrameOverflow):
        Framer(1_000).feed(b"8=FIX.4.4\x01" + b"x" * 2_000)


def test_a_resend_says_the_same_as_a_possible_duplicate() -> None:
    raw = frame(7)
    first, again = wire.parse(raw), wire.parse(wire.resend(raw, "20300102-11:00:00.000"))
    assert isinstance(first, Message)
    assert isinstance(again, Message)
    assert wire.essence(first.fields) == wire.essence(again.fields)
    assert (again.seq_num, again.get(43), again.get(122), again.get(52)) == (7, "Y", TIME, "20300102-11:00:00.000")


def test_a_group_is_read_entry_by_entry() -> None:
    body: list[tuple[int, wire.Value]] = [(262, "r"), (146, 2), (55, "x"), (48, "A"), (55, "y"), (48, "B"), (58, "t")]
    message = wire.parse(frame(body=body))
    assert isinstance(message, Message)
    assert message.group(146, frozenset({55, 48})) == [{55: "x", 48: "A"}, {55: "y", 48: "B"}]


@pytest.mark.parametrize("text", ["abc", "NaN", "Infinity"])
def test_what_is_no_number_is_refused(text: str) -> None:
    message = wire.parse(frame(body=[(44, text)]))
    assert isinstance(message, Message)
    with pytest.raises(MissingField) as caught:
        message.decimal(44)
    assert (caught.value.tag, caught.value.reason) == (44, 6)
