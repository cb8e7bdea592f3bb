from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st
from wire_support import FILL, HEADER, log_path, raw_frames, wire

from engine.errors import GarbledMessage
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import KEPT_WEIGHT_MAX, LAYOUT_WEIGHT, Dictionary
from engine.fix.standard.tags import MsgType, OrdStatus, Tag
from engine.fix.wire.codec import FrameOverflow, Framer, as_resend, body_of, checksum, decode, encode_body, frame

DICTIONARY = built_in("FIX.4.4")
ONE, TWO, THREE = (wire(f"35=0|34={n}|49=A|52=20260102-10:11:12|56=B|112=T{n}|") for n in (1, 2, 3))

Seen = bytes | tuple[str, str]


def seen(found: list[bytes | GarbledMessage]) -> list[Seen]:
    """What a framer found, comparable."""
    return [(item.reason, str(item)) if isinstance(item, GarbledMessage) else item for item in found]


def feed(pieces: list[bytes], max_message_bytes: int = 65_536) -> list[Seen]:
    framer = Framer(max_message_bytes)
    return [item for piece in pieces for item in seen(framer.feed(piece))]


def reasons(found: list[Seen]) -> list[Seen]:
    return [item[0] if isinstance(item, tuple) else item for item in found]


def bad_length(text: str, length: int) -> bytes:
    body = text.replace("|", "\x01").encode()
    data = f"8=FIX.4.4\x019={length}\x01".encode() + body
    return data + f"10={sum(data) % 256:03d}\x01".encode()


class CountingBuffer(bytearray):
    """Counts the bytes that searches for a trailer go through."""

    searched = 0

    def find(self, sub: Any, start: int = 0, *end: int) -> int:  # type: ignore[override]
        found = super().find(sub, start, *end)
        if sub == b"\x0110=":
            self.searched += (len(self) if found < 0 else found + 4) - start
        return found


class TestFraming:
    @pytest.mark.parametrize(
        ("stream", "expected"),
        [
            pytest.param(ONE + TWO, [ONE, TWO], id="two messages"),
            pytest.param(b"", [], id="nothing"),
            pytest.param(ONE[:-1], [], id="a message without its last byte waits"),
            pytest.param(b"hello" + ONE, ["noise", ONE], id="noise before a message is reported once"),
            pytest.param(ONE + b"\r\n" + TWO, [ONE, "noise", TWO], id="a line end between messages is noise"),
            pytest.param(b"8=FI" + ONE, ["noise", ONE], id="half a beginning is noise"),
            pytest.param(b"8=FIX.4.4\x0135=0\x01" + ONE, ["first_fields", ONE], id="no BodyLength after BeginString"),
            pytest.param(b"8=FIX.4.4.and.so.on.and.on" + ONE, ["first_fields", ONE], id="BeginString without end"),
            pytest.param(b"8=FIX.4.4\x019=12x\x01" + ONE, ["length", ONE], id="BodyLength with a letter"),
            pytest.param(b"8=FIX.4.4\x019=-5\x01" + ONE, ["length", ONE], id="BodyLength below zero"),
            pytest.param(b"8=FIX.4.4\x019=\x01" + ONE, ["length", ONE], id="BodyLength empty"),
            pytest.param(b"8=FIX.4.4\x019=1234567890\x01" + ONE, ["overflow"], id="BodyLength of ten digits"),
            pytest.param(b"8=FIX.4.4\x019=65537\x01" + ONE, ["overflow"], id="BodyLength beyond the bound"),
            pytest.param(wire("35=0|")[:-2] + ONE, ["checksum", ONE], id="a checksum cut short does not eat the next"),
            pytest.param(b"\x0110=000\x01" + ONE, ["noise", ONE], id="a lone trailer"),
            pytest.param(
                bad_length(f"35=0|{HEADER}", 5) + ONE,
                [bad_length(f"35=0|{HEADER}", 5), ONE],
                id="a length too short drops its own message",
            ),
            pytest.param(
                bad_length(f"35=0|{HEADER}", 80) + ONE + TWO,
                [bad_length(f"35=0|{HEADER}", 80) + ONE, TWO],
                id="a length too long swallows the following message",
            ),
            pytest.param(
                wire("35=C|95=12|96=a\x0110=123\x01bcd|"),
                [wire("35=C|95=12|96=a\x0110=123\x01bcd|")],
                id="a CheckSum within data does not end the message",
            ),
        ],
    )
    def test_cuts(self, stream: bytes, expected: list[Seen]) -> None:
        whole = feed([stream])
        assert reasons(whole) == expected
        assert feed([stream[at : at + 1] for at in range(len(stream))]) == whole

    def test_a_stream_without_end_is_given_up_at_the_bound(self) -> None:
        framer = Framer(max_message_bytes=200)
        head = b"8=FIX.4.4\x019=5\x0135=0\x01"
        assert framer.feed(head + b"x" * (199 - len(head))) == []
        (overflow,) = framer.feed(b"x")
        assert isinstance(overflow, FrameOverflow)
        assert framer.is_overflowed
        assert framer.feed(ONE) == []

    def test_many_messages_in_one_piece_are_no_overflow(self) -> None:
        assert feed([ONE * 100], max_message_bytes=len(ONE)) == [ONE] * 100

    def test_a_message_one_byte_beyond_the_bound_is(self) -> None:
        assert reasons(feed([ONE], max_message_bytes=len(ONE) - 1)) == ["overflow"]

    def test_what_is_left_behind_the_frames_wanted_is_cut_under_the_bound_of_later(self) -> None:
        long = wire(FILL)
        framer = Framer(max_message_bytes=len(ONE))
        assert framer.feed(ONE + long + TWO, frames_max=1) == [ONE]
        framer.max_message_bytes = 65_536
        assert framer.feed(b"") == [long, TWO]

    def test_noise_without_end_is_not_kept(self) -> None:
        framer = Framer(max_message_bytes=100)
        found = [item for _ in range(1_000) for item in framer.feed(b"x" * 1_000)]
        assert len(found) == 1
        assert framer.dropped_bytes == 1_000_000
        assert framer.feed(ONE) == [ONE]

    @pytest.mark.parametrize(
        "stream",
        [
            pytest.param(b"8=FIX.4.4\x019=5\x01" + b"x" * 4_000, id="a message without end"),
            pytest.param(b"8=FIX.4.4\x019=5\x01" + b"\x0110" * 1_300, id="what nearly is its end, again and again"),
            pytest.param(b"8=FIX\x019=1\x01" * 300 + b"\x0110=x", id="many messages without an end of their own"),
            pytest.param(
                b"".join(b"8=FIX\x019=%d\x01" % (1 if at % 2 else 4_000 - 14 * at) for at in range(100))
                + b"\x0110=x" * 600,
                id="lengths far and near in turn",
            ),
        ],
    )
    @pytest.mark.parametrize("size", [1, 50, 5_000])
    def test_no_byte_is_searched_for_a_trailer_twice(self, stream: bytes, size: int) -> None:
        framer, buffer = Framer(), CountingBuffer()
        framer._buffer = buffer
        framer.feed(stream[:1])
        for at in range(1, len(stream), size):
            framer.feed(stream[at : at + size])
        assert buffer.searched < 2 * len(stream) + 8 * len(stream) / size

    def test_a_trailer_is_judged_once_all_of_it_is_there(self) -> None:
        """Or the same bytes would be garbled at once when they come whole, and waited for when they come singly."""
        message = wire("35=0|34=1|").replace(b"10=", b"10=\x01")
        for stream in (message[:-3], message[:-4]):
            assert feed([stream]) == feed([stream[at : at + 1] for at in range(len(stream))])

    @given(data=st.data())
    def test_pieces_never_matter(self, data: st.DataObject) -> None:
        """Whole, one byte at a time and split anywhere give the same frames and the same complaints."""
        good = wire(FILL)
        part = st.one_of(
            st.sampled_from([ONE, TWO, good, wire(FILL, checksum_off_by=1), wire(FILL, length_off_by=3)]),
            st.sampled_from([b"8=FIX", b"\x0110=", b"10=000\x01", b"9=12\x01", b"8=", b"\x01"]),
            st.binary(max_size=12),
            st.builds(lambda keep: good[:keep], st.integers(0, len(good))),
        )
        stream = b"".join(data.draw(st.lists(part, max_size=8)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        bound = data.draw(st.sampled_from([120, 600, 65_536]))
        whole = feed([stream], bound)
        assert feed(pieces, bound) == whole
        assert feed([stream[at : at + 1] for at in range(len(stream))], bound) == whole

    @given(st.binary(max_size=60))
    def test_a_good_message_after_any_noise_is_found(self, noise: bytes) -> None:
        """Unless the noise itself begins a message, which may then swallow what follows."""
        if b"8=FIX" not in noise:
            assert feed([noise + ONE])[-1] == ONE


class TestDecode:
    def test_a_fill(self) -> None:
        message = decode(wire(FILL), DICTIONARY)
        assert (message.msg_type, message.begin_string, message.seq_num) == ("8", "FIX.4.4", 7)
        assert (message.sender_comp_id, message.target_comp_id) == ("ALDER", "BUYSIDE")
        assert len(message.fields) == 46
        assert message.fields[0] == (8, b"FIX.4.4")
        assert [party.get(448) for party in message.groups(453)] == ["AAA", "CCC"]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            pytest.param(wire(FILL, checksum_off_by=1), "checksum", id="checksum one off"),
            pytest.param(wire(FILL, length_off_by=1), "length", id="length one too long"),
            pytest.param(wire(FILL, length_off_by=-1), "length", id="length one too short"),
            pytest.param(bad_length(f"35=0|{HEADER}", 80) + ONE, "length", id="two messages in one frame"),
            pytest.param(wire("34=1|35=0|49=A|"), "first_fields", id="MsgType not third"),
            pytest.param(wire(f"35=0|{HEADER}nonsense|"), "field", id="a field without ="),
            pytest.param(wire(f"35=0|{HEADER}x=1|"), "field", id="a tag that is no number"),
            pytest.param(wire(f"35=0|{HEADER}=1|"), "field", id="no tag"),
            pytest.param(wire(f"35=0|{HEADER}0112=1|"), "field", id="a tag with a leading zero"),
            pytest.param(wire(f"35=0|{HEADER}+112=1|"), "field", id="a tag with a plus"),
            pytest.param(wire(f"35=0|{HEADER}1_2=1|"), "field", id="a tag with an underscore"),
            pytest.param(wire(f"35=0|{HEADER}58=a=b|nonsense|"), "field", id="= in a text cannot hide a missing one"),
            pytest.param(wire(f"35=0|{HEADER}95=5|96=a|"), "field", id="data shorter than its length"),
            pytest.param(wire(f"35=0|{HEADER}95=x|96=a|"), "field", id="data after a length that is no number"),
            pytest.param(wire(f"35=0|{HEADER}95=999999|96=a|"), "field", id="data longer than the message"),
            pytest.param(b"8=FIX.4.4\x019=5\x0135=0\x01", "first_fields", id="no CheckSum"),
            pytest.param(b"\x01", "field", id="a lone SOH"),
            pytest.param(b"", "first_fields", id="nothing"),
        ],
    )
    def test_garbled(self, data: bytes, reason: str) -> None:
        for _ in range(2):  # a layout must not be kept for a message that was refused
            with pytest.raises(GarbledMessage) as caught:
                decode(data, DICTIONARY)
            assert caught.value.reason == reason

    @pytest.mark.parametrize(
        ("field", "tag", "value"),
        [
            pytest.param("58=a=b=|", 58, b"a=b=", id="= in a text"),
            pytest.param("95=5|96=a\x01b=c|", 96, b"a\x01b=c", id="SOH and = in data"),
            pytest.param("95=7|96=1=2\x013=4|", 96, b"1=2\x013=4", id="data that looks like fields"),
            pytest.param("96=abc|", 96, b"abc", id="data without its length"),
            pytest.param("354=2|355=é|", 355, "é".encode(), id="data length counts bytes"),
            pytest.param("58=|", 58, b"", id="an empty value"),
            pytest.param("-1=x|", -1, b"x", id="a tag below zero is for validation to refuse"),
            pytest.param("0=x|", 0, b"x", id="tag zero as well"),
        ],
    )
    def test_values(self, field: str, tag: int, value: bytes) -> None:
        for _ in range(2):  # the second time its layout is known
            message = decode(wire(f"35=C|{HEADER}{field}"), DICTIONARY)
            assert message.bytes_of(tag) == value
            assert message.fields[-2] == (tag, value)

    def test_text_is_utf_8_or_else_latin_1_and_never_lost(self) -> None:
        head = wire(f"35=B|{HEADER}148=naïve|")
        assert decode(head, DICTIONARY).get(148) == "naïve"
        body = f"35=B|{HEADER}148=".replace("|", "\x01").encode() + b"na\xefve\x01"
        data = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
        latin = decode(data + b"10=%03d\x01" % (sum(data) % 256), DICTIONARY)
        assert latin.get(148) == "naïve"
        assert latin.bytes_of(148) == b"na\xefve"

    def test_a_length_may_have_leading_zeros(self) -> None:
        body = f"35=0|{HEADER}".replace("|", "\x01").encode()
        data = b"8=FIX.4.4\x019=%06d\x01%b" % (len(body), body)
        assert decode(data + b"10=%03d\x01" % (sum(data) % 256), DICTIONARY).seq_num == 7

    def test_layouts_are_shared_and_bounded(self) -> None:
        dictionary = _fresh()
        assert decode(wire(FILL), dictionary).layout is decode(wire(FILL), dictionary).layout
        for n in range(1, 3_000):
            decode(wire(f"35=0|{HEADER}" + "".join(f"{5000 + n + k}=x|" for k in range(40))), dictionary)
        kept = sum(len(tags) for layouts in dictionary.layouts.values() for tags in layouts)
        assert 0 < kept <= KEPT_WEIGHT_MAX

    def test_a_short_layout_weighs_what_it_costs(self) -> None:
        """It takes some kilobytes however few its tags are."""
        dictionary = _fresh()
        for n in range(9_000):
            decode(wire(f"35=0|{5_000 + n}=x|"), dictionary)
        assert 0 < sum(map(len, dictionary.layouts.values())) <= KEPT_WEIGHT_MAX / (LAYOUT_WEIGHT + 5)

    def test_layouts_are_kept_up_to_the_very_bound_and_then_dropped_together(self) -> None:
        """What came after that is kept again: a bound that was once reached must not leave every message unknown."""
        dictionary = _fresh()
        first = decode(wire(FILL), dictionary).layout
        dictionary.weigh(KEPT_WEIGHT_MAX - LAYOUT_WEIGHT - len(first.tags))
        assert decode(wire(FILL), dictionary).layout is first
        dictionary.weigh(1)
        assert not dictionary.layouts
        second, beat = decode(wire(FILL), dictionary).layout, decode(wire(f"35=0|{HEADER}"), dictionary).layout
        assert second is not first
        assert decode(wire(FILL), dictionary).layout is second
        assert decode(wire(f"35=0|{HEADER}"), dictionary).layout is beat

    @pytest.mark.parametrize("text", ["35=0|", "35=0|34=1|"])
    def test_a_frame_of_hardly_a_field_is_read_the_second_time_as_the_first(self, text: str) -> None:
        dictionary = _fresh()
        assert [decode(wire(text), dictionary).seq_num for _ in range(2)] == [text.count("34=")] * 2

    def test_a_msg_type_as_long_as_a_message_is_not_kept(self) -> None:
        dictionary = _fresh()
        message = decode(wire(f"35={'x' * 60_000}|34=1|"), dictionary)
        assert message.msg_type == "x" * 60_000
        assert not dictionary.layouts
        assert all(len(flaw.detail) < 100 for flaw in message.layout.flaws)

    def test_combinations_of_values_count_among_what_is_kept(self) -> None:
        """Hundreds of layouts, each with combinations of its own: dropped together when it is too much."""
        dictionary, most = _fresh(), 0
        for n in range(400):
            for side in "12345678":
                text = f"35=D|{HEADER}{5_000 + n}=x|" + f"54={side}|" * 200
                message = decode(wire(text), dictionary)
                message.layout.are_enumerated(message.texts)
            kept = [layout for layouts in dictionary.layouts.values() for layout in layouts.values()]
            most = max(most, sum(len(each.tags) + each.remembered * 200 // 4 for each in kept))
        assert KEPT_WEIGHT_MAX / 2 < most <= KEPT_WEIGHT_MAX

    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_message_or_garbled(self, content: bytes) -> None:
        body = b"35=D\x01" + content
        data = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
        try:
            message = decode(data + b"10=%03d\x01" % (sum(data) % 256), DICTIONARY)
        except GarbledMessage:
            return
        assert b"".join(b"%d=%b\x01" % field for field in message.fields) == message.raw

    @given(st.binary(max_size=2_000))
    def test_checksum(self, data: bytes) -> None:
        assert checksum(data) == sum(data) % 256

    @pytest.mark.parametrize("data", [b"\x7f" * 516, b"\xff" * 257, b"~" * 100_000, b"\xff" * 70_000])
    def test_checksum_past_what_one_piece_can_sum(self, data: bytes) -> None:
        assert checksum(data) == sum(data) % 256


def _fresh() -> Dictionary:
    return Dictionary(
        "FIX.4.4",
        fields=DICTIONARY.fields,
        header=DICTIONARY.header,
        trailer=DICTIONARY.trailer,
        messages=DICTIONARY.messages,
    )


class TestEncode:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            pytest.param("text", b"text", id="text"),
            pytest.param("é", "é".encode(), id="text beyond ASCII"),
            pytest.param("a=b=", b"a=b=", id="text with ="),
            pytest.param("E-Trade NaN", b"E-Trade NaN", id="text like a number FIX does not know"),
            pytest.param(12, b"12", id="int"),
            pytest.param(True, b"Y", id="true"),
            pytest.param(False, b"N", id="false"),
            pytest.param(OrdStatus.Filled, b"2", id="a wire value"),
            pytest.param(Decimal("99.8750"), b"99.8750", id="decimal as it is"),
            pytest.param(Decimal("1E+6"), b"1000000", id="decimal with a positive exponent"),
            pytest.param(Decimal("1E-9"), b"0.000000001", id="decimal with a negative exponent"),
            pytest.param(b"\xff", b"\xff", id="bytes"),
        ],
    )
    def test_values(self, value: str | int | Decimal | bytes, written: bytes) -> None:
        assert encode_body([(Tag.Text, value)]) == b"58=" + written + b"\x01"
        assert encode_body([(1, Decimal(1)), (58, value)]) == b"1=1\x0158=" + written + b"\x01"

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            pytest.param([(58, "a\x01b")], "tag 58: SOH", id="SOH in text"),
            pytest.param([(11, "x"), (58, "")], "tag 58: an empty", id="empty text"),
            pytest.param([(96, b"a\x01b")], "tag 96: SOH", id="data without its length"),
            pytest.param([(95, 4), (96, b"a\x01b")], "tag 96: SOH", id="data with another length"),
            pytest.param([(57, 3), (58, b"a\x01b")], "tag 58: SOH", id="bytes that are no data field"),
            pytest.param([(44, Decimal("NaN"))], "tag 44: FIX has no", id="not a number"),
            pytest.param([(44, Decimal("-Infinity"))], "tag 44: FIX has no", id="infinity"),
            pytest.param([(44, 1.5)], "tag 44: FIX has no", id="a float"),
            pytest.param([(44, None)], "tag 44: FIX has no", id="None"),
        ],
    )
    def test_refused(self, fields: list[tuple[int, str | int | Decimal | bytes]], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            encode_body(fields)

    def test_data_after_its_length(self) -> None:
        assert encode_body([(95, 3), (96, b"a\x01b")]) == b"95=3\x0196=a\x01b\x01"

    def test_nothing(self) -> None:
        assert encode_body(iter([])) == b""

    def test_golden_frame(self) -> None:
        data = frame(
            begin_string="FIX.4.4",
            msg_type=MsgType.TestRequest,
            seq_num=3,
            sender="BUYSIDE",
            target="ALDER",
            sending_time="20260102-10:11:12.123",
            body=encode_body([(112, "T")]),
        )
        assert data == (
            b"8=FIX.4.4\x019=61\x0135=1\x0134=3\x0149=BUYSIDE\x0152=20260102-10:11:12.123\x0156=ALDER\x01112=T\x0110=098\x01"
        )

    def test_header_fields_ascend(self) -> None:
        data = frame(
            begin_string="FIX.4.4",
            msg_type="0",
            seq_num=3,
            sender="A",
            target="B",
            sending_time="t",
            body=b"",
            poss_dup=True,
            poss_resend=True,
            orig_sending_time="o",
            extra=((128, "HUB"), (50, "DESK")),
        )
        tags = [tag for tag, _ in decode(data, DICTIONARY).fields]
        assert tags == [8, 9, 35, 34, 43, 49, 50, 52, 56, 97, 122, 128, 10]

    def test_soh_in_a_header_field(self) -> None:
        with pytest.raises(ValueError, match="tag 49"):
            frame(
                begin_string="FIX.4.4", msg_type="0", seq_num=1, sender="A\x01", target="B", sending_time="t", body=b""
            )

    @given(
        st.lists(
            st.tuples(
                st.integers(1, 9_999).filter(lambda tag: tag not in DICTIONARY.data_lengths),
                st.one_of(
                    st.text(st.characters(blacklist_characters="\x01", blacklist_categories=["Cs"]), min_size=1),
                    st.integers(-(10**12), 10**12),
                    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1_000_000),
                ),
            ),
            min_size=1,
        )
    )
    def test_what_is_written_is_read(self, fields: list[tuple[int, str | int | Decimal]]) -> None:
        data = frame(
            begin_string="FIX.4.4",
            msg_type="D",
            seq_num=1,
            sender="A",
            target="B",
            sending_time="20260102-10:11:12",
            body=encode_body(fields),
        )
        message = decode(data, DICTIONARY)
        read = list(zip(message.tags, message.texts, strict=True))[7:-1]
        assert read == [(tag, format(v, "f") if isinstance(v, Decimal) else str(v)) for tag, v in fields]


class TestResend:
    ORIGINAL = frame(
        begin_string="FIX.4.4",
        msg_type="8",
        seq_num=12,
        sender="A",
        target="B",
        sending_time="20260102-10:00:00.000",
        body=encode_body([(37, "x"), (95, 3), (96, b"a\x01b"), (58, "=")]),
        poss_resend=True,
        extra=((57, "SUB"),),
    )

    def test_a_resend_differs_in_43_52_122_9_and_10_alone(self) -> None:
        resent = decode(as_resend(self.ORIGINAL, "20260102-11:00:00.000"), DICTIONARY)
        original = decode(self.ORIGINAL, DICTIONARY)
        changed = {8, 9, 10, 43, 52, 122}
        assert [f for f in resent.fields if f[0] not in changed] == [f for f in original.fields if f[0] not in changed]
        assert (resent.poss_dup, resent.poss_resend) == (True, True)
        assert resent.get(122) == "20260102-10:00:00.000"
        assert resent.get(52) == "20260102-11:00:00.000"
        assert list(resent.tags[:11]) == [8, 9, 35, 34, 43, 49, 52, 56, 57, 97, 122]

    def test_a_second_resend_names_the_message_it_repeats(self) -> None:
        twice = decode(as_resend(as_resend(self.ORIGINAL, "t1"), "t2"), DICTIONARY)
        assert (twice.get(52), twice.get(122)) == ("t2", "t1")

    def test_body(self) -> None:
        assert body_of(self.ORIGINAL) == b"37=x\x0195=3\x0196=a\x01b\x0158==\x01"
        assert body_of(ONE) == b"112=T1\x01"
        assert body_of(wire(f"35=5|{HEADER}")) == b""

    def test_data_in_the_header(self) -> None:
        body = "58=x|"
        data = wire(f"35=C|{HEADER}90=3|91=a\x01b|{body}")
        assert body_of(data) == b"58=x\x01"
        assert decode(as_resend(data, "t"), DICTIONARY).bytes_of(91) == b"a\x01b"

    @pytest.mark.parametrize("raw", [b"", b"hello", b"9=5\x0135=0\x01"])
    def test_no_message(self, raw: bytes) -> None:
        with pytest.raises(ValueError, match="expected a FIX message"):
            body_of(raw)


@pytest.mark.parametrize(
    ("name", "dictionary", "messages", "garbled"),
    [
        pytest.param("fix42_kod_bon_futures_2018.log", built_in("FIX.4.2"), 2_486, 0, id="4.2"),
        pytest.param("fixt11_fix50sp2_banzai_exec_2019.log", built_in("FIXT.1.1"), 94, 2, id="5.0 SP2"),
        pytest.param("fixt11_atp_cme_bursa_2013.log", built_in("FIXT.1.1"), None, 0, id="FIXT stream"),
        pytest.param("fix41_banzai_exec_2012.log", built_in("FIX.4.2"), None, 0, id="4.1 stream"),
    ],
)
class TestCapturedStreams:
    def test_every_message_reads_as_simplefix_reads_it(
        self, name: str, dictionary: Dictionary, messages: int | None, garbled: int
    ) -> None:
        frames = raw_frames(log_path(name).read_bytes())
        assert messages is None or len(frames) == messages
        assert len(frames) > 10
        bad = 0
        for data in frames:
            try:
                message = decode(data, dictionary)
            except GarbledMessage:
                bad += 1
                continue
            parser = simplefix.FixParser()
            parser.append_buffer(data)
            other = parser.get_message()
            assert list(message.fields) == [(int(tag), value) for tag, value in other.pairs]
        assert bad == garbled

    def test_pieces_of_any_size_give_the_same_frames(
        self, name: str, dictionary: Dictionary, messages: int | None, garbled: int
    ) -> None:
        stream = b"".join(raw_frames(log_path(name).read_bytes())[:300])
        whole = feed([stream])
        for size in (1, 7, 64, 1_000):
            assert feed([stream[at : at + size] for at in range(0, len(stream), size)]) == whole
        if not garbled:
            assert b"".join(item for item in whole if isinstance(item, bytes)) == stream
