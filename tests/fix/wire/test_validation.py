from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import FILL, HEADER, dictionary_text, log_path, raw_frames, wire

from engine.errors import GarbledMessage, ProtocolError
from engine.fix.standard.dictionaries import built_in, load_quickfix_xml
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.codec import decode
from engine.fix.wire.validation import TEXTS, FlawedMessage, Mode, every_flaw, validate

DICTIONARY = built_in("FIX.4.4")
SP2 = built_in("FIXT.1.1")

ORDER = f"35=D|{HEADER}11=C-1|55=[N/A]|48=US0378331005|22=4|54=1|60=20260102-10:11:12|38=1000000|40=1|"
BEAT = f"35=0|{HEADER}"
BOOK = f"35=W|{HEADER}55=[N/A]|48=X|22=4|268=2|269=0|270=99|271=5|269=1|270=100|"
REQUEST = f"35=R|{HEADER}131=R|146=1|55=[N/A]|48=X|22=4|54=1|38=5|453=1|448=A|447=D|452=1|"
REPORT = f"35=AE|{HEADER}571=T|570=N|55=[N/A]|32=5|31=99|75=20260102|60=20260102-10:11:12|552=1|54=1|37=O|"


def verdict(text: str, mode: Mode, dictionary: Dictionary = DICTIONARY) -> tuple[int, int | None] | list[str]:
    """Reason and tag of the refusal, or the warnings."""
    begin_string = "FIXT.1.1" if dictionary is SP2 else "FIX.4.4"
    try:
        return validate(decode(wire(text, begin_string=begin_string), dictionary), dictionary, mode)
    except FlawedMessage as flaw:
        return flaw.reason, flaw.tag


def swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


SOUND = [
    pytest.param(ORDER, id="an order"),
    pytest.param(FILL, id="a fill"),
    pytest.param(BOOK, id="market data"),
    pytest.param(REQUEST, id="a quote request with Parties in its group"),
    pytest.param(REPORT, id="a trade report"),
    pytest.param(BEAT, id="a heartbeat"),
    pytest.param(f"35=A|{HEADER}98=0|108=30|", id="a logon"),
    pytest.param(f"35=A|{HEADER}95=3|96=a\x01b|98=0|108=30|", id="data before the required fields"),
    pytest.param(f"35=3|{HEADER}45=0|371=-1|372=D|373=0|", id="a reject that names a negative tag"),
    pytest.param(f"35=D|{HEADER}40=1|60=20260102-10:11:12|54=1|11=C|22=4|48=X|55=Y|", id="body fields in any order"),
    pytest.param("35=0|52=20260102-10:11:12|34=7|56=B|49=A|115=HUB|", id="header fields in any order"),
    pytest.param(f"35=d|{HEADER}320=A|322=B|323=6|55=TBS|454=0|", id="a group of none"),
    pytest.param(swap(ORDER, "38=1000000|", "386=02|336=1|336=2|38=.5|"), id="a count with a leading zero"),
    pytest.param(swap(ORDER, "40=1|", "18=1 G a|40=1|"), id="several values in one field"),
    pytest.param(swap(BEAT, "49=", "627=1|628=HUB|629=20260102-10:11:12|49="), id="a group in the header"),
    pytest.param(swap(ORDER, "60=20260102-10:11:12", "60=20161231-23:59:60.123456"), id="a leap second, microseconds"),
]

# Each first by its strict verdict, then by the tolerant one; None: taken with a warning.
Refusal = tuple[int, int | None]
FLAWED = [
    pytest.param(f"35=D|11=C|{HEADER}55=X|54=1|60=20260102-10:11:12|40=1|", (14, 34), None, id="header after body"),
    pytest.param(swap(ORDER, "55=", "89=x|55="), (14, 55), None, id="body after trailer"),
    pytest.param(f"35=*|{HEADER}", (11, None), (11, None), id="a type there is none of"),
    pytest.param(f"35=U9|{HEADER}11=x|", (11, None), (11, None), id="a custom type"),
    pytest.param("35=0|34=7|49=A|52=20260102-10:11:12|", (1, 56), (1, 56), id="no TargetCompID"),
    pytest.param(swap(ORDER, "54=1|", ""), (1, 54), (1, 54), id="a required field missing"),
    pytest.param(swap(BOOK, "269=0|", ""), (1, 269), (1, 269), id="a required field of a group missing"),
    pytest.param(swap(FILL, "151=0|", ""), (1, 151), (1, 151), id="a required field of a fill missing"),
    pytest.param(swap(ORDER, "40=1|", "40=1|40=1|"), (13, 40), (13, 40), id="a field twice"),
    pytest.param(swap(FILL, "44=99.875|", "44=99.875|44=98|"), (13, 44), None, id="an optional field of a fill twice"),
    pytest.param(swap(FILL, "14=1000000|", "14=1|14=2|"), (13, 14), (13, 14), id="a required field of a fill twice"),
    pytest.param("35=0|34=7|49=A|52=20260102-10:11:12|56=|", (4, 56), (4, 56), id="a required field empty"),
    pytest.param(swap(ORDER, "38=1000000|", "38=|"), (4, 38), None, id="an optional field empty"),
    pytest.param(swap(ORDER, "38=1000000", "38=+200.00"), (6, 38), (6, 38), id="a plus before a number"),
    pytest.param(swap(ORDER, "38=1000000", "38=1e6"), (6, 38), (6, 38), id="an exponent"),
    pytest.param(swap(ORDER, "60=20260102-10:11:12", "60=20260102"), (6, 60), (6, 60), id="a date for a timestamp"),
    pytest.param(swap(ORDER, "60=20260102-1", "60=20260230-1"), (6, 60), (6, 60), id="30 February"),
    pytest.param(swap(ORDER, "34=7", "34=x"), (6, 34), (6, 34), id="no sequence number"),
    pytest.param(swap(ORDER, "34=7|", "34=7|43=X|"), (6, 43), (6, 43), id="a flag that is neither"),
    pytest.param(swap(ORDER, "54=1|", "54=12|"), (6, 54), (6, 54), id="two characters for one"),
    pytest.param(swap(FILL, "64=20260105", "64=tomorrow"), (6, 64), None, id="a bad optional date of a fill"),
    pytest.param(swap(FILL, "14=1000000", "14=lots"), (6, 14), (6, 14), id="a bad required quantity of a fill"),
    pytest.param(swap(REPORT, "32=5|", "32=5|194=x|"), (6, 194), None, id="a bad optional number of a trade report"),
    pytest.param(swap(ORDER, "54=1|", "54=Z|"), (5, 54), (5, 54), id="a required value out of range"),
    pytest.param(swap(BOOK, "269=1", "269=H"), (5, 269), None, id="a kind of entry of another version"),
    pytest.param(f"35=Z|{HEADER}117=Q|298=5|", (5, 298), None, id="a kind of withdrawal of another version"),
    pytest.param(swap(FILL, "150=F", "150=2"), (5, 150), None, id="a required value of a fill out of range"),
    pytest.param(swap(ORDER, "40=1|", "40=1|21=4|"), (5, 21), None, id="an optional value out of range"),
    pytest.param(swap(ORDER, "40=1|", "18=1 ?|40=1|"), (5, 18), None, id="one of several values out of range"),
    pytest.param(swap(FILL, "460=3", "460=99"), (5, 460), None, id="an optional value of a fill out of range"),
    pytest.param(f"{BEAT}999=HI|", (0, 999), None, id="an undefined tag"),
    pytest.param(f"{BEAT}0=HI|", (0, 0), None, id="tag zero"),
    pytest.param(f"{BEAT}-1=HI|", (0, -1), None, id="a tag below zero"),
    pytest.param(f"{BEAT}5000=HI|", (0, 5000), None, id="a custom tag"),
    pytest.param(f"{FILL}10001=x|", (0, 10001), None, id="a custom tag in a fill"),
    pytest.param(swap(ORDER, "40=1|", "40=1|41=HI|"), (2, 41), None, id="a tag of other messages"),
    pytest.param(swap(ORDER, "40=1|", "40=1|448=A|"), (2, 448), None, id="a member of a group outside it"),
    pytest.param(swap(FILL, "17=EX100|", "17=EX100|447=D|"), (2, 447), None, id="a member of a group behind it"),
    pytest.param(swap(BEAT, "49=", "628=HUB|49="), (2, 628), None, id="a member of a group of the header outside it"),
    pytest.param(swap(BOOK, "269=1", "20001=x|269=1"), (16, 268), None, id="a custom tag behind an entry"),
    pytest.param(swap(BOOK, "270=99", "270=99|278=E1"), (16, 268), None, id="a tag of other messages in an entry"),
    pytest.param(swap(BOOK, "269=0", "5001=x|269=0"), (16, 268), None, id="a custom tag before all entries"),
    pytest.param(swap(BOOK, "269=1", "9001=y|269=1|9001=x"), (16, 268), None, id="a custom tag in every entry"),
    pytest.param(swap(REQUEST, "447=D", "20001=x|447=D"), (0, 20001), None, id="a custom tag in the only entry"),
    pytest.param(
        swap(FILL, "447=D|452=1", "20001=x|447=D|452=1"), (16, 453), None, id="a custom tag in a fill's Parties"
    ),
    pytest.param(f"{BEAT}5000=HI|5000=HO|", (0, 5000), None, id="a custom tag twice"),
    pytest.param(
        swap(BOOK, "268=2|269=0", "268=3|269=0|5001=x"), (16, 268), (16, 268), id="a custom tag, and too few entries"
    ),
    pytest.param(swap(BOOK, "268=2", "268=3"), (16, 268), (16, 268), id="fewer entries than counted"),
    pytest.param(swap(BOOK, "268=2", "268=1"), (16, 268), (16, 268), id="more entries than counted"),
    pytest.param(swap(FILL, "453=2", "453=3"), (16, 453), None, id="Parties of a fill miscounted"),
    pytest.param(swap(BOOK, "268=2", "268=x"), (6, 268), (6, 268), id="a count that is no number"),
    pytest.param(swap(BOOK, "269=0|270=99|271=5", "269=0|271=5|270=99"), (15, 270), None, id="a group out of order"),
    pytest.param(
        swap(BOOK, "269=0|270=99|271=5|269=1|270=100", "270=99|269=0|270=100|269=1"),
        (15, 270),
        None,
        id="a group that does not begin with its delimiter",
    ),
]


class TestStrict:
    @pytest.mark.parametrize("text", SOUND)
    def test_sound(self, text: str) -> None:
        assert verdict(text, "strict") == []

    @pytest.mark.parametrize(("text", "refusal", "tolerated"), FLAWED)
    def test_flawed(self, text: str, refusal: Refusal, tolerated: Refusal | None) -> None:
        assert verdict(text, "strict") == refusal

    @pytest.mark.parametrize(
        ("text", "refusal"),
        [
            pytest.param(f"35=*|11=x|{HEADER}", (14, 34), id="order before type"),
            pytest.param("35=*|34=7|49=A|52=20260102-10:11:12|", (11, None), id="type before required"),
            pytest.param(
                "35=D|34=x|49=A|52=20260102-10:11:12|11=|", (1, 56), id="required before fields, header first"
            ),
            pytest.param(f"{BEAT}999=|112=|", (4, 999), id="empty before undefined, in the order written"),
            pytest.param(f"{BEAT}112=|112=|", (4, 112), id="the first of two is empty"),
            pytest.param(f"{BEAT}112=x|112=|", (13, 112), id="repeated before empty"),
            pytest.param(swap(ORDER, "54=1|", "54=ZZ|41=x|"), (6, 54), id="format before value before foreign"),
            pytest.param(f"{BEAT}41=x|999=x|", (2, 41), id="fields in the order written"),
            pytest.param(
                swap(BOOK, "268=2|269=0|270=99|271=5", "268=1|269=0|271=5|270=99"), (16, 268), id="count before order"
            ),
        ],
    )
    def test_the_first_flaw_in_the_order_of_the_checks(self, text: str, refusal: Refusal) -> None:
        assert verdict(text, "strict") == refusal


class TestTolerant:
    @pytest.mark.parametrize("text", SOUND)
    def test_sound(self, text: str) -> None:
        assert verdict(text, "tolerant") == []

    @pytest.mark.parametrize(("text", "refusal", "tolerated"), FLAWED)
    def test_flawed(self, text: str, refusal: Refusal, tolerated: Refusal | None) -> None:
        found = verdict(text, "tolerant")
        if tolerated is not None:
            assert found == tolerated
        else:
            assert isinstance(found, list)
            assert found
            assert refusal[1] is None or str(refusal[1]) in " ".join(found)

    def test_every_oddity_is_named(self) -> None:
        found = verdict(f"{FILL}9001=x|9002=|".replace("460=3", "460=99"), "tolerant")
        assert found == [
            "Product(460)=99 is not one of its values",
            "tag 9001 is not defined",
            "tag 9002 is empty",
            "tag 9002 is not defined",
        ]

    def test_warnings_are_bounded(self) -> None:
        found = verdict(FILL + "".join(f"{9000 + n}=x|" for n in range(100)), "tolerant")
        assert isinstance(found, list)
        assert len(found) == 21
        assert found[-1] == "and 80 more"

    @given(
        st.lists(
            st.tuples(
                st.one_of(st.integers(1, 12_000), st.sampled_from(sorted(DICTIONARY.messages["8"].section.tags))),
                st.text(st.characters(blacklist_characters="\x01=|", blacklist_categories=["Cs"]), max_size=8),
            ),
            max_size=6,
        )
    )
    def test_a_fill_is_never_refused_over_tags_it_does_not_require(self, more: list[tuple[int, str]]) -> None:
        message = DICTIONARY.messages["8"]
        needed = message.required_anywhere | set(DICTIONARY.header.required) | set(DICTIONARY.trailer.required)
        added = "".join(
            f"{tag}={value}|" for tag, value in more if tag not in needed and tag not in DICTIONARY.data_lengths
        )
        assert isinstance(verdict(FILL + added, "tolerant"), list)


class TestModes:
    @pytest.mark.parametrize(("text", "refusal", "tolerated"), FLAWED)
    def test_off(self, text: str, refusal: Refusal, tolerated: Refusal | None) -> None:
        assert verdict(text, "off") == []

    @pytest.mark.parametrize("mode", ["strict", "tolerant"])
    def test_a_known_type_that_is_not_described_passes(self, mode: Mode) -> None:
        """It is refused by BusinessMessageReject(j), which is for the application to say."""
        assert verdict(f"35=AB|{HEADER}11=x|555=2|687=5|687=6|", mode) == []
        # Nor is it held against a group of another message: 146 counts other entries elsewhere.
        assert verdict(f"35=f|{HEADER}324=x|146=1|311=A|", mode) == []

    def test_a_message_read_under_another_dictionary(self) -> None:
        message = decode(wire(f"35=S|{HEADER}117=Q|55=X|1166=M|", begin_string="FIXT.1.1"), SP2)
        assert validate(message, SP2, "strict") == []
        with pytest.raises(ProtocolError) as caught:
            validate(message, DICTIONARY, "strict")
        assert (caught.value.reason, caught.value.tag) == (0, 1166)

    def test_every_flaw_and_whether_it_is_tolerable(self) -> None:
        message = decode(wire(f"{ORDER}54=1|5001=x|"), DICTIONARY)
        found = every_flaw(message, DICTIONARY)
        assert [(flaw.reason, flaw.tag, is_tolerable) for flaw, is_tolerable in found] == [
            (13, 54, False),
            (0, 5001, True),
        ]
        assert every_flaw(decode(wire(ORDER), DICTIONARY), DICTIONARY) == []
        assert [flaw.tag for flaw, _ in every_flaw(message, SP2)] == [54, 5001]

    def test_an_error_says_what_was_found(self) -> None:
        with pytest.raises(FlawedMessage) as caught:
            validate(decode(wire(swap(ORDER, "54=1", "54=Z")), DICTIONARY), DICTIONARY, "strict")
        assert caught.value.text == TEXTS[5]
        assert (
            str(caught.value) == "Value is incorrect (out of range) for this tag: Side(54)=Z is not one of its values"
        )

    def test_transport_and_application_versions(self) -> None:
        logon = f"35=A|{HEADER}98=0|108=30|"
        assert verdict(logon, "strict", SP2) == (1, 1137)
        assert verdict(f"{logon}1137=9|", "strict", SP2) == []
        assert verdict(f"{logon}1137=9|", "strict") == (0, 1137)


VALUE = st.sampled_from(
    ["", "0", "1", "7", "Y", "-1", "+1", "1.5", ".", "x", "20260102", "20260102-10:11:12", "10:11:12", "202601", "A B"]
)
FIELDS = [pair.split("=", 1) for pair in FILL.split("|")[5:-1]]


@given(st.lists(st.tuples(st.integers(0, len(FIELDS) - 1), VALUE), max_size=3), st.booleans())
def test_the_quick_check_and_the_walk_agree(changes: list[tuple[int, str]], drop: bool) -> None:
    """Strict finds nothing exactly when field by field there is nothing to find."""
    fields = [list(field) for field in FIELDS]
    for at, value in changes:
        fields[at][1] = value
    if drop and changes:
        del fields[changes[0][0]]
    message = decode(wire(f"35=8|{HEADER}" + "".join(f"{tag}={value}|" for tag, value in fields)), DICTIONARY)
    is_flawed = bool(message.layout.flaws)
    stated = dict(fields)
    is_flawed |= any(flawed(tag, value) for tag, value in fields)
    if "453" in stated:
        is_flawed |= len(message.groups(453)) != (int(stated["453"]) if stated["453"].isdigit() else -1)
    if is_flawed:
        with pytest.raises(FlawedMessage):
            validate(message, DICTIONARY, "strict")
    else:
        assert validate(message, DICTIONARY, "strict") == []


def flawed(tag: str, value: str) -> bool:
    """What a reader of the field's definition would say, written without the engine's patterns."""
    definition = DICTIONARY.fields[int(tag)]
    if not value:
        return True
    if definition.values:
        return value not in definition.values
    shapes = {
        "decimal": r"-?(\d+(\.\d*)?|\.\d+)",
        "length": r"\d+",
        "integer": r"-?\d+",
        "date": r"20260102",
        "UTC timestamp": r"20260102-10:11:12(\.\d+)?",
        "Y or N": "[YN]",
        "character": ".",
    }
    if definition.form == "date" and value == "20260105":
        return False
    shape = shapes.get(definition.form)
    return shape is not None and re.fullmatch(shape, value) is None


def test_remembered_combinations_are_bounded_and_never_wrong() -> None:
    layout = decode(wire(FILL), DICTIONARY).layout
    for product in range(1, 14):
        for side in "12345678":
            text = swap(swap(FILL, "460=3", f"460={product}"), "|54=1|", f"|54={side}|")
            assert verdict(text, "strict") == []
            assert verdict(swap(text, "150=F", "150=Z"), "strict") == (5, 150)
    assert 0 < layout.remembered <= 64


class TestAgainstCaptures:
    def test_a_real_42_session_is_sound_under_its_own_dictionary(self) -> None:
        full = load_quickfix_xml(dictionary_text("FIX42.xml"))
        frames = raw_frames(log_path("fix42_kod_bon_futures_2018.log").read_bytes())
        for dictionary in (full, built_in("FIX.4.2")):
            refused: dict[tuple[int, int | None], int] = {}
            for data in frames:
                try:
                    validate(decode(data, dictionary), dictionary, "strict")
                except FlawedMessage as flaw:
                    key = (flaw.reason, flaw.tag)
                    refused[key] = refused.get(key, 0) + 1
            assert refused == {}

    def test_a_hand_edited_sp2_stream_is_never_a_crash(self) -> None:
        full = load_quickfix_xml(dictionary_text("FIX50SP2.xml")).with_transport(
            load_quickfix_xml(dictionary_text("FIXT11.xml"))
        )
        outcomes: set[str] = set()
        for dictionary in (full, SP2):
            for data in raw_frames(log_path("fixt11_fix50sp2_banzai_exec_2019.log").read_bytes()):
                try:
                    validate(decode(data, dictionary), dictionary, "strict")
                    outcomes.add("sound")
                except FlawedMessage:
                    outcomes.add("refused")
                except GarbledMessage:
                    outcomes.add("garbled")
        assert outcomes == {"sound", "refused", "garbled"}


QUOTE = f"35=S|{HEADER}131=R|117=Q|55=[N/A]|48=X|22=4|453=2|448=A|447=D|452=1|448=B|447=D|452=4|132=99|133=101|537=1|"


class TestTagsThatNoEntryHas:
    """User-defined ones, or those of another version: they stay with the entry, and cost no other one."""

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(QUOTE.replace("447=D|452=1", "20001=x|447=D|452=1"), id="between two tags"),
            pytest.param(QUOTE.replace("447=D", "20001=x|447=D"), id="in every entry"),
            pytest.param(QUOTE.replace("448=B", "20001=x|448=B"), id="behind an entry"),
            pytest.param(QUOTE.replace("448=A", "20001=x|448=A"), id="before the first"),
            pytest.param(QUOTE.replace("452=4", "452=4|20001=x"), id="behind the last"),
            pytest.param(QUOTE.replace("448=", "20001=x|448="), id="before every entry"),
            pytest.param(QUOTE.replace("452=1", "20001=x|20002=y|452=1|2376=24"), id="several, one of another version"),
        ],
    )
    def test_a_group_is_read_over_them(self, text: str) -> None:
        message = decode(wire(text), DICTIONARY)
        entries = message.groups(453)
        assert [(entry.get(448), entry.get(447), entry.get(452)) for entry in entries] == [
            ("A", "D", "1"),
            ("B", "D", "4"),
        ]
        assert (message.get(132), message.get(133), message.get(20001)) == ("99", "101", "x")
        warnings = validate(message, DICTIONARY, "tolerant")
        assert any("20001" in warning for warning in warnings)

    def test_they_are_the_entrys_own(self) -> None:
        text = QUOTE.replace("448=A", "448=A|20001=x").replace("448=B", "448=B|20001=y")
        assert [entry.get(20001) for entry in decode(wire(text), DICTIONARY).groups(453)] == ["x", "y"]

    def test_within_a_group_within_a_group(self) -> None:
        text = f"35=R|{HEADER}131=R|146=2|55=[N/A]|48=X|22=4|453=2|448=A|20001=x|447=D|452=1|448=B|447=D|452=4|"
        text += "20002=y|55=[N/A]|48=Y|22=4|"
        first, second = decode(wire(text), DICTIONARY).groups(146)
        assert [party.get(448) for party in first.groups(453)] == ["A", "B"]
        assert (first.get(20002), second.get(48)) == ("y", "Y")
        assert len(verdict(text, "tolerant")) == 4

    def test_a_tag_that_the_message_has_elsewhere_ends_the_group(self) -> None:
        assert verdict(QUOTE.replace("448=B", "58=hello|448=B"), "tolerant") == (16, 453)
