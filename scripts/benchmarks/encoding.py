"""Values to wire: a 45-field ExecutionReport(8) from text, whole numbers and decimals, two Parties among them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from benchmarks import peers
from benchmarks.measuring import Effort, Line, alternate
from benchmarks.messages import HEADER_TAGS, PARTIES, PARTY_TAGS, VARIANTS, Field, report_fields, report_wire

WHAT = "encode 45 fields from values"


def measure(effort: Effort) -> list[Line]:
    candidates = {name: made for name, make in _MAKERS.items() if (made := make()) is not None}
    found = alternate(candidates, effort)
    ours = found["ours"]
    return [
        Line(WHAT, "us", ours, "fixcore", found.get("fixcore"), 1 / 3),
        Line(WHAT, "us", ours, "QuickFIX Python", found.get("quickfix"), None),
        Line(WHAT, "us", ours, "simplefix", found.get("simplefix"), None),
    ]


def _values() -> list[list[Field]]:
    return [report_fields(number) for number in range(VARIANTS)]


def _ours() -> Callable[[], object]:
    from engine.fix.wire.codec import encode_body, frame

    def written(seq_num: int, sending_time: str, body: list[Field]) -> bytes:
        return frame(
            begin_string="FIX.4.4",
            msg_type="8",
            seq_num=seq_num,
            sender="ALDER",
            target="BUYSIDE",
            sending_time=sending_time,
            body=encode_body(body),
        )

    messages = [(int(fields[1][1]), str(fields[3][1]), fields[5:]) for fields in _values()]
    assert all(written(*message) == report_wire(number) for number, message in enumerate(messages))
    turns = cycle(messages)

    def call() -> None:
        written(*next(turns))

    return call


def _quickfix() -> Callable[[], object] | None:
    quickfix = peers.find("quickfix")
    if quickfix is None:
        return None
    turns = cycle(_values())

    def call() -> None:
        message = quickfix.Message()
        header = message.getHeader()
        header.setField(8, "FIX.4.4")
        group = None
        for tag, value in next(turns):
            if tag in HEADER_TAGS:
                header.setField(tag, str(value))
            elif tag in PARTY_TAGS:
                if tag == 448:
                    group = quickfix.Group(PARTIES, 448)
                assert group is not None
                group.setField(tag, str(value))
                if tag == 452:
                    message.addGroup(group)
            elif tag != PARTIES:
                message.setField(tag, str(value))
        message.toString()

    return call


def _fixcore() -> Callable[[], object] | None:
    if peers.find("fixcore") is None:
        return None
    from fixcore.message.field import Group
    from fixcore.message.message import Message

    turns = cycle(_values())

    def call() -> None:
        message = Message()
        message.set_field(8, "FIX.4.4")
        group = None
        for tag, value in next(turns):
            if tag in PARTY_TAGS:
                if tag == 448:
                    group = Group()
                    message.add_group(PARTIES, group)
                assert group is not None
                group.set_field(tag, str(value))
            elif tag != PARTIES:
                message.set_field(tag, str(value))
        message.encode()

    return call


def _simplefix() -> Callable[[], object] | None:
    if peers.find("simplefix") is None:
        return None
    from simplefix import FixMessage

    turns = cycle(_values())

    def call() -> None:
        message = FixMessage()
        message.append_pair(8, "FIX.4.4")
        for tag, value in next(turns):
            message.append_pair(tag, value)
        message.encode()

    return call


_MAKERS = {"ours": _ours, "fixcore": _fixcore, "quickfix": _quickfix, "simplefix": _simplefix}
