"""A frame taken apart: every field, every fault, nothing secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import FILL, HEADER, wire

from engine.errors import GarbledMessage
from engine.fix.capture.dissection import Dissection, Kind, Nesting, dissect, nesting
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire.codec import decode

FIX44 = built_in("FIX.4.4")


def faults(frame: bytes, *, is_whole: bool = True) -> list[tuple[Kind, str]]:
    return [(fault.kind, fault.text) for fault in dissect(frame, FIX44, is_whole=is_whole).faults]


def shown(parts: Dissection) -> list[tuple[str, str]]:
    return [(field.token, "***" if field.is_secret else field.value) for field in parts.fields]


class TestFaults:
    def test_a_good_frame_has_none_and_is_the_codecs(self) -> None:
        parts = dissect(wire(FILL), FIX44)
        assert parts.faults == ()
        assert parts.message == decode(wire(FILL), FIX44)
        assert parts.get(55) == "[N/A]"
        assert parts.msg_type == "8"

    def test_length_and_checksum_are_both_named(self) -> None:
        frame = wire(f"35=0|{HEADER}", length_off_by=9, checksum_off_by=1)
        (length, checksum) = dissect(frame, FIX44).faults
        assert (length.kind, length.stated, length.found) == (Kind.LENGTH, "64", "55")
        assert (checksum.kind, checksum.stated, checksum.found) == (Kind.CHECKSUM, "067", "066")
        assert length.text == "BodyLength(9) is 64, found 55"

    def test_the_fields_are_there_all_the_same(self) -> None:
        parts = dissect(wire(f"35=0|{HEADER}112=T|", checksum_off_by=1), FIX44)
        assert parts.message is None
        assert (parts.msg_type, parts.get(112)) == ("0", "T")

    @pytest.mark.parametrize(
        ("frame", "expected"),
        [
            pytest.param(b"9=5\x0135=0\x0110=1\x01", "BeginString(8) missing", id="no BeginString"),
            pytest.param(b"8=FIX.4.4\x0135=0\x0110=1\x01", "BodyLength(9) missing", id="no BodyLength"),
            pytest.param(b"8=FIX.4.4\x019=5\x0134=1\x0110=1\x01", "MsgType(35) missing", id="no MsgType"),
            pytest.param(b"8=FIX.4.4\x0110=1\x01", "BodyLength(9) and MsgType(35) missing", id="neither"),
            pytest.param(b"8=FIX.4.4\x0135=0\x019=5\x0110=1\x01", "begins with 8, 35, 9: expected", id="another order"),
        ],
    )
    def test_the_first_three(self, frame: bytes, expected: str) -> None:
        kind, text = faults(frame)[0]
        assert kind is Kind.FIRST_FIELDS
        assert text.startswith(expected)

    @pytest.mark.parametrize("piece", ["no field|", "=x|", "abc=1|", "1.5=1|", "|"])
    def test_a_piece_that_is_no_field(self, piece: str) -> None:
        frame = wire(f"35=0|{HEADER}{piece}112=T|")
        parts = dissect(frame, FIX44)
        assert [fault.kind for fault in parts.faults] == [Kind.FIELD]
        assert ("", piece[:-1]) in shown(parts)
        assert [each.tag for each in parts.fields if not each.token] == [-1], "a tag that no dictionary has"
        assert parts.get(112) == "T"

    def test_data_that_does_not_end_where_it_says(self) -> None:
        assert faults(wire(f"35=B|{HEADER}354=9|355=abc|")) == [
            (Kind.FIELD, "data field 355 does not end after its length, 9")
        ]

    def test_of_many_pieces_only_some_are_named(self) -> None:
        named = faults(wire(f"35=0|{HEADER}{'x|' * 500}"))
        assert len(named) == 21
        assert named[-1] == (Kind.FIELD, "and 480 more such")

    def test_cut_off(self) -> None:
        assert faults(wire(f"35=0|{HEADER}")[:-7], is_whole=False) == [
            (Kind.CUT_OFF, "cut off: no CheckSum(10) at its end")
        ]

    @given(st.data())
    def test_a_frame_has_a_fault_exactly_when_the_codec_refuses_it(self, data: st.DataObject) -> None:
        frame = bytearray(data.draw(st.sampled_from([wire(FILL), wire(f"35=A|{HEADER}95=3|96=a|b|554=x|")])))
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(frame) - 1))
            piece = data.draw(st.sampled_from([b"", b"\x01", b"=", b"9=", b"10=", b"95=2\x01", b"\xff", b"8", b"x"]))
            frame[at : at + data.draw(st.integers(0, 3))] = piece
        parts = dissect(bytes(frame), FIX44)
        try:
            message = decode(bytes(frame), FIX44)
        except GarbledMessage:
            assert parts.faults
            assert parts.message is None
        else:
            assert not parts.faults
            assert parts.message == message
        assert len(nesting(parts.layout)) == len(parts.fields)

    @given(st.binary(max_size=60))
    def test_any_bytes_can_be_taken_apart(self, frame: bytes) -> None:
        assert dissect(frame, FIX44, is_whole=False).faults


class TestSecrets:
    LOGON = f"35=A|{HEADER}98=0|108=30|95=5|96=ab|cd|553=me|554=secret|925=newer|1401=3|1402=abc|"

    def test_are_marked(self) -> None:
        hidden = {token for token, value in shown(dissect(wire(self.LOGON), FIX44)) if value == "***"}
        assert hidden == {"96", "554", "925", "1402"}

    def test_also_in_a_garbled_message(self) -> None:
        parts = dissect(wire(self.LOGON, checksum_off_by=1), FIX44)
        assert {token for token, value in shown(parts) if value == "***"} == {"96", "554", "925", "1402"}

    def test_what_may_be_the_rest_of_one(self) -> None:
        parts = dissect(wire(f"35=A|{HEADER}554=sec|ret|108=30|"), FIX44)
        assert ("", "***") in shown(parts)
        assert ("108", "30") in shown(parts)

    def test_all_behind_raw_data_whose_end_is_not_known(self) -> None:
        parts = dissect(wire(f"35=A|{HEADER}95=99|96=sec|12=ret|more|"), FIX44)
        assert "ret" not in str(shown(parts))
        assert "more" not in str(shown(parts))
        assert shown(parts)[-1][0] == "10"
        assert shown(parts)[-1][1] != "***"


class TestNesting:
    def test_groups_in_groups(self) -> None:
        frame = wire(f"35=8|{HEADER}453=2|448=A|447=D|452=1|802=1|523=S|803=1|448=B|447=D|452=4|37=O|")
        parts = dissect(frame, FIX44)
        places = dict(enumerate(nesting(parts.layout)))
        first = [field.tag for field in parts.fields].index(453)
        assert [places[first + at] for at in range(11)] == [
            Nesting(0, 0),
            Nesting(1, 1),
            Nesting(1, 0),
            Nesting(1, 0),
            Nesting(1, 0),
            Nesting(2, 1),
            Nesting(2, 0),
            Nesting(1, 2),
            Nesting(1, 0),
            Nesting(1, 0),
            Nesting(0, 0),
        ]

    def test_a_message_type_nobody_knows(self) -> None:
        assert {place.depth for place in nesting(dissect(wire(f"35=U9|{HEADER}453=1|448=A|"), FIX44).layout)} == {0, 1}
