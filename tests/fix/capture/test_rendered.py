"""SOH put back into what logs print: whatever was written is read again."""

from __future__ import annotations

import re

import pytest
from capture_support import SPELLINGS, fields_of, read
from hypothesis import assume, given
from hypothesis import strategies as st
from wire_support import FILL, HEADER, wire

from engine.fix.capture.rendered import holds, restore
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import DATA_LENGTH_TAGS
from engine.fix.wire.codec import decode, encode_body, frame

FIX44 = built_in("FIX.4.4")


def printed(message: bytes, delimiter: bytes = b"|") -> bytes:
    return message.replace(b"\x01", delimiter)


def restored(message: bytes, delimiter: bytes = b"|") -> bytes:
    return restore(printed(message, delimiter), delimiter, DATA_LENGTH_TAGS).frame


@pytest.mark.parametrize("delimiter", SPELLINGS.values(), ids=SPELLINGS)
class TestEverySpelling:
    def test_plain_values(self, delimiter: bytes) -> None:
        assert restored(wire(FILL), delimiter) == wire(FILL)

    def test_the_last_delimiter_is_missing(self, delimiter: bytes) -> None:
        text = printed(wire(FILL), delimiter).removesuffix(delimiter)
        assert restore(text, delimiter, DATA_LENGTH_TAGS).frame == wire(FILL)

    def test_a_value_holds_the_delimiter(self, delimiter: bytes) -> None:
        if delimiter == b"\x01":
            pytest.skip("a value cannot hold SOH")
        message = wire(f"35=0|{HEADER}112=a?b??c|58=up 2?down 1|").replace(b"?", delimiter)
        message = wire_again(message)
        assert restored(message, delimiter) == message

    def test_a_text_holds_what_looks_like_a_field(self, delimiter: bytes) -> None:
        if delimiter == b"\x01":
            pytest.skip("a value cannot hold SOH")
        message = wire_again(wire(f"35=8|{HEADER}58=was?44=99?now 100|44=100|").replace(b"?", delimiter))
        answer = restore(printed(message, delimiter), delimiter, DATA_LENGTH_TAGS)
        assert answer.frame == message
        assert "a value holds" in answer.note

    def test_a_data_field_holds_soh(self, delimiter: bytes) -> None:
        message = wire(f"35=B|{HEADER}148=x|95=12|96=a|b=c|44=1||58=z|")
        assert restored(message, delimiter) == message

    def test_a_data_field_holds_the_delimiter(self, delimiter: bytes) -> None:
        data = b"1" + delimiter + b"44=2" + delimiter
        if delimiter == b"\x01":
            pytest.skip("that is the test above")
        message = wire_again(wire(f"35=B|{HEADER}148=x|95={len(data)}|96=?|58=z|").replace(b"?", data))
        assert restored(message, delimiter) == message


def wire_again(message: bytes) -> bytes:
    """`message` with its length and checksum made right."""
    return _sealed(message[message.index(b"\x0135=") + 1 : message.rindex(b"10=")])


def _sealed(body: bytes) -> bytes:
    head = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
    return head + b"10=%03d\x01" % (sum(head) % 256)


class TestLines:
    @pytest.mark.parametrize("line_break", [b"\n", b"\r\n", b"\n    "])
    def test_a_message_broken_into_lines(self, line_break: bytes) -> None:
        text = printed(wire(FILL))
        broken = text[:70] + line_break + text[70:200] + line_break + text[200:]
        answer = restore(broken, b"|", DATA_LENGTH_TAGS)
        assert answer.frame == wire(FILL)
        assert answer.note == "put together from 3 lines"

    def test_a_line_end_within_a_value_is_kept(self) -> None:
        message = _sealed(b"35=B\x0134=7\x01148=two\nlines\x01")
        assert restored(message) == message


class TestNothingHolds:
    def test_it_is_taken_as_it_most_plainly_reads(self) -> None:
        wrong = wire(f"35=0|{HEADER}58=up?down|", checksum_off_by=3).replace(b"?", b"|")
        assert not holds(restored(wrong))
        assert restored(wrong) == wrong

    def test_of_two_values_that_may_hold_it_none_is_chosen(self) -> None:
        message = wire_again(wire(f"35=B|{HEADER}148=a?44=1|58=b|60=x|").replace(b"?", b"|"))
        answer = restore(printed(message), b"|", DATA_LENGTH_TAGS)
        assert not holds(answer.frame)
        assert answer.note == ""


# --- whatever we write ---------------------------------------------------------------------------

_VALUES = st.text(st.sampled_from("ab=|;^A<>SOH\\x01~# é9."), min_size=1, max_size=12)
_TAGS = (1, 11, 37, 48, 55, 112, 448, 5000)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, str | bytes]]]:
    """A message of ours and what it was made of."""
    fields: list[tuple[int, str | bytes]] = [(tag, draw(_VALUES)) for tag in draw(st.lists(st.sampled_from(_TAGS)))]
    if draw(st.booleans()):
        data = draw(
            st.binary(max_size=20).map(lambda data: bytes(byte for byte in data if byte not in b"|;^<[\\&~# \t\r\n"))
        )
        if data:
            fields += [(95, str(len(data))), (96, data)]
    if draw(st.booleans()):
        fields.append((58, draw(_VALUES)))
    body = encode_body(fields)
    message = frame(
        begin_string="FIX.4.4",
        msg_type=draw(st.sampled_from(["D", "8", "B", "0"])),
        seq_num=draw(st.integers(1, 10**9)),
        sender="ALDER",
        target="BUYSIDE",
        sending_time="20260102-10:11:12.123",
        body=body,
    )
    return message, fields


def is_told_apart(fields: list[tuple[int, str | bytes]], delimiter: bytes) -> bool:
    """Whether the text alone tells what was written.

    Only Text(58) may hold the delimiter before what looks like a field: nothing tells which of several values does. And
    nothing tells where a message ends by a length that counts each delimiter once if a value holds one before `10=`.
    """
    field, end = re.escape(delimiter) + rb"[0-9]+=", re.escape(delimiter) + rb"10="
    for tag, value in fields:
        data = value.encode() if isinstance(value, str) else value
        if re.search(end if tag == 58 else field, data) is not None:
            return False
    return True


@given(
    messages(),
    st.sampled_from([*SPELLINGS.values()]),
    st.sampled_from([b"", b"10:00:00.123 < ", b"2026-01-02T10:00:00Z INFO fix.session - msg=", b"(", "→ é ".encode()]),
    st.sampled_from([b"\n", b"\r\n", b" (sent)\n", b""]),
)
def test_whatever_we_write_is_read_again(
    written: tuple[bytes, list[tuple[int, str | bytes]]], delimiter: bytes, before: bytes, after: bytes
) -> None:
    """In any spelling, behind any prefix, the delimiter within values included."""
    message, fields = written
    assume(is_told_apart(fields, delimiter))
    ours = decode(message, FIX44)
    expected = list(zip(ours.tags, ours.texts, strict=True))
    found = read((before + printed(message, delimiter) + after) * 2)
    assert [fields_of(each) for each in found] == [expected, expected]
    assert not [fault for each in found for fault in each.parts.faults]
