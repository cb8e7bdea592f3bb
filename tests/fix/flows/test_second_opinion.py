"""What simplefix reads beside us, and where it has to be helped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from wire_support import FILL, HEADER, wire

from engine.fix.flows.second_opinion import DISAGREEMENTS_MAX, SecondReader
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import DATA_LENGTH_TAGS, Dictionary
from engine.fix.wire.codec import decode

FIX44 = built_in("FIX.4.4")


def disagreements(text: str, reader: SecondReader | None = None) -> list[str]:
    message = decode(wire(text), FIX44)
    return (reader or SecondReader()).disagreements(message, FIX44.data_lengths)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FILL, id="a fill with groups"),
        pytest.param(f"35=0|{HEADER}58=a=b|", id="a value with an equals sign"),
        pytest.param(f"35=0|{HEADER}58=é|", id="text that is not ASCII"),
        pytest.param(f"35=0|{HEADER}58=|", id="an empty value"),
        pytest.param(f"35=B|{HEADER}148=x|95=7|96=a|b=c|d|58=z|", id="data with SOH"),
        pytest.param(f"35=B|{HEADER}148=x|95=0|96=|58=z|", id="data of no bytes"),
        pytest.param(f"35=B|{HEADER}148=x|58=a|58=b|", id="a field twice"),
    ],
)
def test_both_readings_agree(text: str) -> None:
    assert disagreements(text) == []


def test_it_is_told_of_data_fields_it_does_not_know() -> None:
    own = Dictionary(
        "FIX.4.4",
        fields={
            **FIX44.fields,
            9001: replace(FIX44.fields[95], tag=9001, name="NoteLen"),
            9002: replace(FIX44.fields[96], tag=9002, name="Note"),
        },
        header=FIX44.header,
        trailer=FIX44.trailer,
        messages=FIX44.messages,
    )
    reader = SecondReader()
    message = decode(wire(f"35=B|{HEADER}9001=5|9002=a|b=c|58=z|"), own)
    assert reader.disagreements(message, own.data_lengths) == []
    assert reader.told == {9002: 9001}


def test_it_holds_a_length_for_any_data_field_that_follows() -> None:
    """A length field without its data: the standard's own pairs are ours, simplefix waits for the next data field."""
    assert disagreements(f"35=B|{HEADER}95=4|58=x|355=abc=d|148=z|") == ["simplefix refuses it: TagNotNumberError"]
    assert disagreements(f"35=B|{HEADER}95=3|58=x|355=abc12=d|148=z|") == [
        "field 10: tag 355 of 7 bytes, simplefix reads tag 355 of 3 bytes",
        "field 11: tag 148 of 1 bytes, simplefix reads tag 2 of 1 bytes",
        "field 12: tag 10 of 3 bytes, simplefix reads tag 148 of 1 bytes",
        "12 fields, simplefix reads 13",
    ]


def test_one_disagreement_does_not_reach_the_next_message() -> None:
    reader = SecondReader()
    assert disagreements(f"35=B|{HEADER}95=3|58=x|355=abcdef|", reader)
    assert disagreements(FILL, reader) == []


def test_lines_are_bounded() -> None:
    many = "".join(f"{tag}=x|" for tag in range(5000, 5100))
    assert len(disagreements(f"35=B|{HEADER}95=3|58=x|355=ab|{many}")) <= DISAGREEMENTS_MAX


def test_the_standards_data_fields_are_known_to_both() -> None:
    reader = SecondReader()
    for data, length in DATA_LENGTH_TAGS.items():
        assert disagreements(f"35=B|{HEADER}{length}=3|{data}=a|b|58=z|", reader) == []
    assert set(reader.told) <= set(DATA_LENGTH_TAGS)
