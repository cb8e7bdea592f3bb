from __future__ import annotations

from decimal import Decimal

import pytest
from wire_support import FILL, HEADER, wire

from engine.errors import ProtocolError
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.tags import SessionRejectReason, Tag
from engine.fix.wire.codec import decode
from engine.fix.wire.message import TIME_NS_MAX, Message, timestamp_ns

DICTIONARY = built_in("FIX.4.4")

REQUEST = (
    f"35=R|{HEADER}131=R-1|146=2|55=[N/A]|48=US0378331005|22=4|54=1|38=5000000|"
    "453=2|448=AAA|447=D|452=1|802=2|523=S1|803=1|523=S2|803=2|448=BBB|447=D|452=12|"
    "55=[N/A]|48=US5949181045|22=4|38=1000000|453=1|448=CCC|58=please|"
)


def message_of(text: str) -> Message:
    return decode(wire(text), DICTIONARY)


class TestGetters:
    def test_text(self) -> None:
        fill = message_of(FILL)
        assert fill.get(Tag.OrderID) == "O-12"
        assert fill.get(Tag.Price2) is None
        assert fill.bytes_of(Tag.OrderID) == b"O-12"
        assert fill.bytes_of(Tag.Price2) is None
        assert fill.require(37) == "O-12"

    def test_the_first_of_two(self) -> None:
        assert message_of(f"35=B|{HEADER}58=one|58=two|").get(58) == "one"

    def test_a_field_outside_groups_before_one_within(self) -> None:
        assert message_of(f"35=AE|{HEADER}552=1|54=1|37=O|6=1|58=side|").get(58) == "side"
        assert message_of(f"35=S|{HEADER}453=1|448=A|447=D|452=1|58=x|").get(448) == "A"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("99.875", Decimal("99.875")),
            ("-1.50", Decimal("-1.50")),
            ("100.", Decimal(100)),
            (".5", Decimal("0.5")),
            ("00023.23", Decimal("23.23")),
            ("", None),
        ],
    )
    def test_decimal(self, value: str, expected: Decimal | None) -> None:
        assert message_of(f"35=S|{HEADER}132={value}|").decimal(132) == expected

    @pytest.mark.parametrize(
        "value", ["+1", "1e5", "1,000", "NaN", "Infinity", ".", "-", "1.2.3", " 1", "1_0", "٣", "9" * 41]
    )
    def test_no_decimal(self, value: str) -> None:
        with pytest.raises(ProtocolError) as caught:
            message_of(f"35=S|{HEADER}132={value}|").decimal(132)
        assert (caught.value.reason, caught.value.tag) == (SessionRejectReason.IncorrectDataFormat, 132)

    @pytest.mark.parametrize(("value", "expected"), [("5", 5), ("-5", -5), ("007", 7), ("", None)])
    def test_integer(self, value: str, expected: int | None) -> None:
        assert message_of(f"35=2|{HEADER}7={value}|").integer(7) == expected

    @pytest.mark.parametrize("value", ["+5", "5.0", "x", "1_0", "٣", "9" * 5_000])
    def test_no_integer(self, value: str) -> None:
        with pytest.raises(ProtocolError) as caught:
            message_of(f"35=2|{HEADER}7={value}|").integer(7)
        assert (caught.value.reason, caught.value.tag) == (6, 7)

    def test_absent_is_none(self) -> None:
        fill = message_of(FILL)
        assert (fill.decimal(640), fill.integer(640), fill.timestamp_ns(126)) == (None, None, None)

    @pytest.mark.parametrize(("field", "reason"), [("", 1), ("58=|", 4)])
    def test_require(self, field: str, reason: int) -> None:
        with pytest.raises(ProtocolError) as caught:
            message_of(f"35=5|{HEADER}{field}").require(58)
        assert (caught.value.reason, caught.value.tag) == (reason, 58)


class TestTimestamp:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("19700101-00:00:00", 0),
            ("19700102-00:00:01.5", 86_401_500_000_000),
            ("20260102-10:11:12.123", 1_767_348_672_123_000_000),
            ("20260102-10:11:12.123456", 1_767_348_672_123_456_000),
            ("20260102-10:11:12.123456789", 1_767_348_672_123_456_789),
            ("20260102-10:11:12.123456789999", 1_767_348_672_123_456_789),
            pytest.param("20161231-23:59:60", 1_483_228_800_000_000_000, id="leap second"),
            pytest.param("20240229-00:00:00", 1_709_164_800_000_000_000, id="leap day"),
            pytest.param("21991231-23:59:59.999999999", TIME_NS_MAX, id="the last instant"),
            pytest.param("22000101-00:00:00", TIME_NS_MAX, id="one after the last"),
            pytest.param("99991231-23:59:60", TIME_NS_MAX, id="for ever: it fits 64 bits"),
            pytest.param("00010101-00:00:00", 0, id="never: it fits 64 bits"),
            pytest.param("19691231-23:59:59", 0, id="before 1970"),
        ],
    )
    def test_read(self, text: str, expected: int) -> None:
        assert timestamp_ns(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "20260102",
            "20260102-10:11",
            "20260102-24:00:00",
            "20260102-10:60:00",
            "20260102-10:11:61",
            "20261302-10:11:12",
            "20250229-10:11:12",
            "00000101-10:11:12",
            "20260102-10:11:12.",
            "20260102-10:11:12.1234567890123",
            "2026-01-02T10:11:12",
            "2026010٣-10:11:12",
        ],
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            timestamp_ns(text)
        with pytest.raises(ProtocolError) as caught:
            message_of(f"35=0|34=1|52={text}|").timestamp_ns(52)
        assert (caught.value.reason, caught.value.tag) == (6, 52)


class TestHeader:
    @pytest.mark.parametrize(
        ("field", "number"),
        [("34=12|", 12), ("34=0012|", 12), ("", 0), ("34=|", 0), ("34=x|", 0), ("34=-1|", 0), (f"34={'9' * 50}|", 0)],
    )
    def test_seq_num(self, field: str, number: int) -> None:
        assert message_of(f"35=0|{field}49=A|").seq_num == number

    def test_flags_and_names(self) -> None:
        plain, marked = message_of("35=0|34=1|"), message_of("35=0|34=1|43=Y|49=A|56=B|97=Y|")
        assert (plain.poss_dup, plain.poss_resend, plain.sender_comp_id, plain.target_comp_id) == (False, False, "", "")
        assert (marked.poss_dup, marked.poss_resend, marked.sender_comp_id, marked.target_comp_id) == (
            True,
            True,
            "A",
            "B",
        )


class TestGroups:
    def test_nested(self) -> None:
        first, second = message_of(REQUEST).groups(146)
        assert (first.get(48), first.decimal(38), first.get(54)) == ("US0378331005", Decimal(5_000_000), "1")
        assert (second.get(48), second.decimal(38), second.get(54)) == ("US5949181045", Decimal(1_000_000), None)
        assert [party.get(448) for party in first.groups(453)] == ["AAA", "BBB"]
        assert [party.get(448) for party in second.groups(453)] == ["CCC"]
        assert [sub.get(523) for sub in first.groups(453)[0].groups(802)] == ["S1", "S2"]
        assert first.groups(453)[1].groups(802) == ()

    def test_what_follows_a_group_is_not_in_it(self) -> None:
        message = message_of(REQUEST)
        assert message.get(58) == "please"
        assert message.groups(146)[1].get(58) is None

    def test_a_group_that_is_not_there(self) -> None:
        assert message_of(f"35=0|{HEADER}").groups(453) == ()
        assert message_of(REQUEST).groups(48) == ()

    def test_a_count_without_entries(self) -> None:
        assert message_of(f"35=R|{HEADER}131=R|146=0|").groups(146) == ()

    def test_entries_are_as_found_whatever_the_count_states(self) -> None:
        message = message_of(f"35=W|{HEADER}55=[N/A]|268=7|269=0|270=99|269=1|270=100|")
        assert [entry.get(270) for entry in message.groups(268)] == ["99", "100"]

    def test_entries_in_another_order_are_told_apart(self) -> None:
        message = message_of(f"35=W|{HEADER}55=[N/A]|268=2|270=99|269=0|270=100|269=1|")
        assert [(entry.get(269), entry.get(270)) for entry in message.groups(268)] == [("0", "99"), ("1", "100")]

    @pytest.mark.parametrize(
        ("entries", "expected"),
        [
            pytest.param("448=A|447=D|448=B|447=N|", ["A D", "B N"], id="the first one's tag comes again"),
            pytest.param("448=A|447=D|447=N|448=B|", ["A D", "- N", "B -"], id="also behind one that began otherwise"),
            pytest.param("447=D|448=A|447=N|452=1|", ["A D", "- N"], id="a first one that is not the dictionary's"),
            pytest.param("447=D|448=A|448=B|447=N|", ["A D", "B -", "- N"], id="the same behind one that began right"),
            pytest.param("448=A|448=B|447=N|", ["A -", "B N"], id="an entry of one field"),
            pytest.param("448=A|452=1|447=D|452=3|", ["A D", "- -"], id="any tag that the open entry has"),
        ],
    )
    def test_an_entry_begins_where_the_first_ones_tag_comes_again_or_one_it_has(
        self, entries: str, expected: list[str]
    ) -> None:
        parties = message_of(f"35=AB|{HEADER}453=2|{entries}").groups(453)
        assert [f"{party.get(448) or '-'} {party.get(447) or '-'}" for party in parties] == expected

    def test_a_group_of_an_undescribed_message(self) -> None:
        message = message_of(f"35=AB|{HEADER}453=2|448=A|448=B|")
        assert [party.get(448) for party in message.groups(453)] == ["A", "B"]

    def test_market_data_and_sides(self) -> None:
        request = message_of(
            f"35=V|{HEADER}262=M|263=1|264=1|267=2|269=0|269=1|146=2|55=[N/A]|48=A|22=4|55=[N/A]|48=B|22=4|"
        )
        assert [entry.get(269) for entry in request.groups(267)] == ["0", "1"]
        assert [entry.get(48) for entry in request.groups(146)] == ["A", "B"]
        report = message_of(f"35=AE|{HEADER}571=T|552=2|54=1|37=A|453=1|448=X|54=2|37=B|")
        assert [(side.get(54), len(side.groups(453))) for side in report.groups(552)] == [("1", 1), ("2", 0)]


def test_a_message_is_its_bytes() -> None:
    one, same, other = message_of(FILL), message_of(FILL), message_of(f"35=0|{HEADER}")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != one.raw
    assert "O-12" not in repr(one)
