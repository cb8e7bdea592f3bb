"""Captures decoded whole: what is counted, what is wrong, what is only a note."""

from __future__ import annotations

from functools import cache

import pytest
from capture_support import read
from wire_support import FILL, HEADER, dictionary_text, log_path, raw_frames, wire

from engine.fix.capture.decoding import DICTIONARY, READINGS, Decoded, Decoder
from engine.fix.capture.dissection import Kind
from engine.fix.standard.dictionaries import load_quickfix_xml
from engine.fix.standard.dictionary_messages import MSG_TYPE_NAMES
from engine.fix.standard.shelf import Shelf, shelf_of
from engine.fix.wire.codec import Framer
from engine.fix.wire.validation import Mode
from engine.masking import wire as printed_for_people


class TestWhatCountsAsWrong:
    def decoded(
        self, text: str, mode: Mode = "tolerant", begin_string: str = "FIX.4.4"
    ) -> tuple[list[tuple[str, str]], list[str]]:
        (found,) = read(wire(text, begin_string=begin_string), Decoder(Shelf(), mode))
        return [(each.kind, each.text) for each in found.wrong], list(found.notes)

    def test_nothing(self) -> None:
        assert self.decoded(FILL) == ([], [])

    def test_a_required_field_is_missing(self) -> None:
        wrong, notes = self.decoded(f"35=2|{HEADER}7=1|")
        assert (wrong, notes) == ([(DICTIONARY, "EndSeqNo(16) is missing")], [])

    def test_what_a_tolerant_session_would_take_is_a_note(self) -> None:
        text = f"35=0|{HEADER}5001=x|"
        assert self.decoded(text) == ([], ["tag 5001 is not defined"])
        assert self.decoded(text, "strict") == ([(DICTIONARY, "tag 5001 is not defined")], [])
        assert self.decoded(text, "off") == ([], [])

    def test_every_flaw_is_named(self) -> None:
        wrong, _ = self.decoded(f"35=0|{HEADER}5001=x|5001=y|58=|112=T|", "strict")
        assert [text for _, text in wrong] == [
            "tag 5001 is not defined",
            "tag 5001 appears more than once",
            "tag 5001 is not defined",
            "Text(58) is empty",
            "Text(58) does not belong to MsgType(35)=0",
        ]

    def test_a_version_without_a_dictionary_is_not_held_against_another(self) -> None:
        assert self.decoded(f"35=2|{HEADER}7=1|", begin_string="FIX.4.1") == ([], [])

    def test_two_readings_that_differ(self) -> None:
        wrong, _ = self.decoded(f"35=B|{HEADER}148=x|95=4|58=x|355=abc=d|", "off")
        assert [kind for kind, _ in wrong] == [READINGS]


@pytest.mark.parametrize(
    ("fields", "masked"),
    [
        pytest.param("553=me|554=secret|", "553=me|554=***|", id="a password"),
        pytest.param("95=6|96=secret|", "95=6|96=***|", id="raw data"),
    ],
)
def test_a_secret_masked_in_the_log_is_no_fault(fields: str, masked: str) -> None:
    """Our own log masks what it writes."""
    logon = wire(f"35=A|{HEADER}98=0|108=30|{fields}").decode().replace("\x01", "|")
    (found,) = read(logon.replace(fields, masked).encode() + b"\n")
    assert found.wrong == ()
    assert found.notes == ("a secret was masked where this was written: length and checksum cannot be verified",)
    (wrong,) = read(logon.replace(fields, masked).replace("|9=", "|34=7|9=").encode() + b"\n")
    assert Kind.FIRST_FIELDS in [each.kind for each in wrong.wrong]


def test_the_log_of_this_engine_is_read() -> None:
    line = f"2026-01-02T10:00:00.123456Z DEBUG engine.runtime.loop < session=alder {printed_for_people(wire(FILL))}\n"
    (found,) = read(line.encode())
    assert (found.wrong, found.before.direction) == ((), "in")
    assert found.parts.frame == wire(FILL)


def test_a_message_over_the_transport_is_read_with_the_version_that_it_or_its_logon_says() -> None:
    """ApplVerID(1128) of its own, else DefaultApplVerID(1137) of the Logon(A), whoever of the two sent it."""
    decoder = Decoder(Shelf())
    newest, older = "FIXT.1.1 with FIX.5.0 SP2", "FIXT.1.1 with FIX.4.4"
    said = [
        (f"35=0|{HEADER}", newest),
        (f"35=A|{HEADER}98=0|108=30|1137=6|", older),
        (f"35=0|{HEADER}", older),
        (f"35=0|{HEADER}1128=9|", newest),
        ("35=0|34=1|49=BUYSIDE|52=20260102-10:11:12.123|56=ALDER|", older),
        ("35=0|34=1|49=BUYSIDE|52=20260102-10:11:12.123|56=CEDAR|", newest),
        ("35=0|34=1|49=BUYSIDE|52=20260102-10:11:12.123|56=CEDAR|1128=6|", older),
    ]
    found = read(b"".join(wire(text, begin_string="FIXT.1.1") for text, _ in said), decoder)
    assert [each.choice.name for each in found] == [name for _, name in said]
    (plain,) = read(wire(f"35=0|{HEADER}1128=9|"), decoder)
    assert plain.choice.name == "FIX.4.4"


def test_the_tally() -> None:
    decoder = Decoder(Shelf())
    beat, fill = wire(f"35=0|{HEADER}"), wire(FILL)
    both = wire(f"35=0|{HEADER}", length_off_by=1, checksum_off_by=1)
    later = wire(f"35=0|{HEADER}".replace("34=7", "34=9"))
    read(beat + b"\x00\x02" + both + fill + later + wire("35=k|49=A|56=B|", begin_string="FIX.4.1"), decoder)
    tally = decoder.tally
    assert (tally.messages, tally.wrong, tally.compared) == (5, 1, 4)
    assert tally.kinds == {Kind.LENGTH: 1, Kind.CHECKSUM: 1}
    assert tally.types == {("0", "Heartbeat"): 3, ("8", "ExecutionReport"): 1, ("k", "BidRequest"): 1}
    assert tally.stand_ins == {("FIX.4.1", "FIX.4.2"): 1}
    assert tally.gaps == 3  # twice 7 again, and 9 after 7
    assert (decoder.capture.outside, decoder.capture.noise) == (2, 2)


def test_without_the_second_reading() -> None:
    decoder = Decoder(Shelf(), reads_twice=False)
    (found,) = read(wire(f"35=B|{HEADER}148=x|33=1|58=y|95=4|89=x|355=abc=d|"), decoder)
    assert not [each for each in found.wrong if each.kind == READINGS]
    assert decoder.tally.compared == 0


def test_what_is_counted_apart_is_bounded() -> None:
    decoder = Decoder(Shelf())
    read(b"".join(wire(f"35=U{number}|49=A|56=B|", begin_string=f"FIX.{number}") for number in range(700)), decoder)
    assert len(decoder.tally.types) == 501
    assert len(decoder.tally.stand_ins) == 501
    assert decoder.tally.types["(others)", ""] == 200


# --- captured logs -------------------------------------------------------------------------------

LOGS = {
    "fix42_kod_bon_futures_2018.log": (2_486, 0),
    "fixt11_fix50sp2_banzai_exec_2019.log": (94, 2),
    "fixt11_atp_cme_bursa_2013.log": (65, 0),
    "fix41_banzai_exec_2012.log": (16, 0),
}
"""Messages, and those of them with a wrong length or checksum."""


@cache
def whole(name: str) -> tuple[bytes, list[Decoded], Decoder]:
    """One log, decoded once for all tests."""
    data = log_path(name).read_bytes()
    decoder = Decoder(Shelf(), "off")
    return data, read(data, decoder), decoder


@pytest.mark.parametrize("name", LOGS)
class TestCapturedLogs:
    def test_every_message_is_decoded_and_read_alike_by_simplefix(self, name: str) -> None:
        messages, wrong = LOGS[name]
        _, found, decoder = whole(name)
        assert len(found) == decoder.tally.messages == messages
        assert decoder.tally.wrong == wrong
        assert decoder.tally.kinds == ({Kind.LENGTH: wrong, Kind.CHECKSUM: wrong} if wrong else {})
        assert decoder.tally.compared == messages - wrong
        assert decoder.capture.noise == 0

    def test_what_is_found_is_what_stands_there(self, name: str) -> None:
        data, found, _ = whole(name)
        assert [each.parts.frame for each in found] == raw_frames(data)

    @pytest.mark.parametrize("delimiter", [b"|", b"^A", b";", b"<SOH>", b"\\x01", b" ", b"\n"])
    def test_in_any_spelling_it_reads_the_same(self, name: str, delimiter: bytes) -> None:
        data = log_path(name).read_bytes()[:50_000]
        printed = data.replace(b"\x01", delimiter)
        for ours, theirs in zip(read(data), read(printed), strict=True):
            if ours.captured.is_whole:  # one is cut off by ending in the middle of it, here or there
                assert theirs.parts.frame == ours.parts.frame
            assert theirs.wrong == ours.wrong
            assert theirs.before == ours.before

    @pytest.mark.parametrize("size", [1, 13, 1_000])
    def test_in_pieces_it_reads_the_same(self, name: str, size: int) -> None:
        data = log_path(name).read_bytes()[:20_000]
        at_once = read(data)
        decoder = Decoder(Shelf())
        split = [each for at in range(0, len(data), size) for each in decoder.feed(data[at : at + size])]
        assert [*split, *decoder.finish()] == at_once

    def test_the_wires_own_framer_finds_the_same_good_ones(self, name: str) -> None:
        if LOGS[name][1]:
            pytest.skip("its wrong lengths would swallow what follows on a wire")
        data, found, _ = whole(name)
        frames = [each for each in Framer().feed(data) if isinstance(each, bytes)]
        assert [each.parts.frame for each in found] == frames


def test_the_two_wrong_ones_are_named() -> None:
    _, found, _ = whole("fixt11_fix50sp2_banzai_exec_2019.log")
    assert [(each.captured.line, [wrong.text for wrong in each.wrong]) for each in found if each.wrong] == [
        (3, ["BodyLength(9) is 123, found 241", "CheckSum(10) is 057, computed 034"]),
        (18, ["BodyLength(9) is 143, found 158", "CheckSum(10) is 253, computed 104"]),
    ]


def test_with_the_full_dictionaries_every_field_has_a_name() -> None:
    files = [load_quickfix_xml(dictionary_text(f"{name}.xml")) for name in ("FIX42", "FIX44", "FIX50SP2", "FIXT11")]
    for name in LOGS:
        for each in read(log_path(name).read_bytes(), Decoder(shelf_of(files, None, None), "off")):
            known = each.choice.dictionary.fields
            # 5001 is of those the standard leaves to its users.
            assert not [field.tag for field in each.parts.fields if field.tag not in known and field.tag != 5001]


def test_the_names_of_types_are_the_standards() -> None:
    application = load_quickfix_xml(dictionary_text("FIX50SP2.xml"))
    meant = {kind: message.name for kind, message in application.messages.items()}
    assert {kind: meant[kind] for kind in MSG_TYPE_NAMES if kind in meant} == {
        kind: name for kind, name in MSG_TYPE_NAMES.items() if kind in meant
    }
