"""What the worst message of its size costs: twice the bytes, twice the work, never four times.

Work is counted in calls, of Python's and of C's functions, so that it is the same on every machine. How the framer
searches is counted in bytes in `test_codec`; forms of values are written without any choice to go back on.
"""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from wire_support import HEADER, wire

from engine.errors import GarbledMessage, ProtocolError
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.codec import Framer, decode
from engine.fix.wire.validation import Mode, validate

FEW_AND_MANY = (200, 800)
"""Of these both are read on the same path: beyond 4,096 fields it is the careful one."""
MODES: tuple[Mode, ...] = ("strict", "tolerant")


def fresh() -> Dictionary:
    """Without the layouts of other tests."""
    known = built_in("FIX.4.4")
    return Dictionary(
        known.begin_string,
        fields=known.fields,
        header=known.header,
        trailer=known.trailer,
        messages=known.messages,
        known_types=known.known_types,
    )


def work(data: bytes, mode: Mode) -> int:
    """Calls that framing, decoding and validating take."""
    dictionary, calls = fresh(), 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for frame in Framer().feed(data):
            if isinstance(frame, bytes):
                validate(decode(frame, dictionary), dictionary, mode)
    except (GarbledMessage, ProtocolError):
        pass
    finally:
        sys.setprofile(None)
    return calls


HOSTILE = [
    pytest.param("1=1|", id="a field again and again"),
    pytest.param("58==|", id="text that needs the careful path"),
    pytest.param("18=1 2 3 4 5 6|", id="several values in a field"),
    pytest.param("453=0|", id="counts of groups of none"),
    pytest.param("453=1|448=A|", id="groups of one"),
    pytest.param("448=A|", id="entries of a group that was never counted"),
    pytest.param("627=1|628=A|", id="groups of the header in the body"),
    pytest.param("95=1|96=x|", id="data fields"),
    pytest.param("10=000|", id="trailers"),
    pytest.param("8=FIX.4.4|9=5|35=0|", id="beginnings of messages"),
    pytest.param("55=A|453=1|448=B|802=1|523=C|", id="groups in groups in groups"),
    pytest.param("99999=|", id="undefined and empty"),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("field", HOSTILE)
def test_work_grows_with_the_message_and_no_faster(field: str, mode: Mode) -> None:
    few, many = (work(wire(f"35=R|{HEADER}131=R|146={count}|{field * count}"), mode) for count in FEW_AND_MANY)
    assert many <= 4.2 * few + 200


@pytest.mark.parametrize("mode", MODES)
def test_many_tags_that_are_all_different(mode: Mode) -> None:
    few, many = (
        work(wire(f"35=D|{HEADER}" + "".join(f"{10_000 + at}=x|" for at in range(count))), mode)
        for count in FEW_AND_MANY
    )
    assert many <= 4.2 * few + 200


@pytest.mark.parametrize("form", ["1", "1.", "-", "Y", "20260102-10:11:12.", "FIX|", " ", "1 "])
@pytest.mark.parametrize("tag", [38, 44, 60, 64, 18, 34, 43, 108, 200])
def test_a_long_value_is_looked_at_once(tag: int, form: str) -> None:
    """As many calls for sixty thousand characters as for six hundred: what remains is one pass in C."""
    few, many = (
        work(wire(f"35=D|{HEADER}{tag}={form.replace('|', '') * count}|"), "tolerant") for count in (300, 30_000)
    )
    assert many <= few + 2 * 60_000 / 515 + 20  # a checksum is summed in pieces
