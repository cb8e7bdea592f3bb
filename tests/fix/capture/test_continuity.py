"""Numbers of one direction that do not follow each other, and what explains those that need not."""

from __future__ import annotations

import pytest
from wire_support import wire

from engine.fix.capture.continuity import DIRECTIONS_MAX, Continuity
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire.codec import decode

FIX44 = built_in("FIX.4.4")


def looks(*texts: str) -> list[str | None]:
    """What is said of messages from A to B, each given by its fields from 35 on."""
    continuity = Continuity()
    return [continuity.look(decode(wire(text if "49=" in text else f"{text}49=A|56=B|"), FIX44)) for text in texts]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param("35=0|34=8|", None, id="the next"),
        pytest.param("35=0|34=9|", "MsgSeqNum(34) is 9, expected 8: 1 message missing", id="one is missing"),
        pytest.param("35=0|34=12|", "MsgSeqNum(34) is 12, expected 8: 4 messages missing", id="some are missing"),
        pytest.param("35=0|34=7|", "MsgSeqNum(34) is 7, expected 8", id="once more"),
        pytest.param("35=0|34=3|43=Y|", None, id="a resend"),
        pytest.param("35=A|34=1|", None, id="a logon from 1"),
        pytest.param("35=A|34=5|141=Y|", None, id="a logon with a reset"),
        pytest.param("35=4|34=1|36=20|", None, id="a reset"),
        pytest.param("35=0|34=x|", None, id="no number"),
        pytest.param("35=0|34=1|49=B|56=A|", None, id="the other direction"),
    ],
)
def test_the_message_after_number_7(second: str, said: str | None) -> None:
    assert looks("35=0|34=7|", second) == [None, said]


def test_where_it_goes_on() -> None:
    assert looks("35=0|34=7|", "35=4|34=8|123=Y|36=20|", "35=0|34=20|") == [None, None, None]
    assert looks("35=0|34=7|", "35=0|34=9|", "35=0|34=10|")[2] is None
    assert looks("35=0|34=7|", "35=4|34=2|43=Y|123=Y|36=7|", "35=0|34=8|")[2] is None


def test_directions_are_bounded() -> None:
    continuity = Continuity()
    for number in range(DIRECTIONS_MAX + 100):
        continuity.look(decode(wire(f"35=0|34=1|49=A{number}|56=B|"), FIX44))
    assert len(continuity._next) == DIRECTIONS_MAX
