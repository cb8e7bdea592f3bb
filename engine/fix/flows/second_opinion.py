"""Another library's reading of what we write and read: simplefix, field by field.

simplefix verifies neither length nor checksum, so for what we write both are looked at here by arithmetic of our own.
What we read is compared once `engine.fix.wire.codec` has found both right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import simplefix
from simplefix.errors import ParsingError

from engine.fix.flows.dialect import Dialect
from engine.fix.flows.samples import render_samples
from engine.fix.wire.message import Message

SOH = b"\x01"
DISAGREEMENTS_MAX: Final = 20
"""Lines about one message: where one reading is a field ahead, all that follow differ."""


def verify_samples(dialect: Dialect) -> list[str]:
    """What is wrong with the messages of a dialect, as lines; empty if both readings agree."""
    problems: list[str] = []
    for name, _, data in render_samples(dialect):
        problems.extend(f"sample {name}: {line}" for line in differences(data))
    return problems


def differences(data: bytes) -> list[str]:
    """Where simplefix reads other fields than stand in the bytes, or length and checksum do not fit."""
    written: list[tuple[bytes, bytes]] = []
    for piece in data.split(SOH)[:-1]:
        tag, _, value = piece.partition(b"=")
        written.append((tag, value))
    declared = dict(written)
    parser = simplefix.FixParser()
    parser.append_buffer(data)
    message = parser.get_message()
    if message is None:
        return ["simplefix finds no message in it"]
    read = [(str(tag).encode() if isinstance(tag, int) else tag, value) for tag, value in message.pairs]
    problems = []
    if read != written:
        problems.append(f"simplefix reads {len(read)} fields, written were {len(written)}")
    body = data[data.index(SOH, data.index(b"9=")) + 1 : data.rindex(b"10=")]
    if int(declared[b"9"]) != len(body):
        problems.append(f"BodyLength(9) is {declared[b'9'].decode()}, counted {len(body)}")
    total = sum(data[: data.rindex(b"10=")]) % 256
    if int(declared[b"10"]) != total:
        problems.append(f"CheckSum(10) is {declared[b'10'].decode()}, counted {total:03d}")
    return problems


@dataclass(slots=True)
class SecondReader:
    """Reads messages with simplefix and compares.

    It is told of data fields it does not know (its own `add_raw`), and allowed the empty values it otherwise refuses:
    that a value is empty is for validation to say. What it had to be told is in `told`, data field by length field.
    """

    told: dict[int, int] = field(default_factory=dict)
    _parser: simplefix.FixParser = field(default_factory=lambda: simplefix.FixParser(allow_empty_values=True))

    def disagreements(self, message: Message, data_lengths: Mapping[int, int]) -> list[str]:
        """Where simplefix reads other fields than we did, as lines; empty if both readings agree."""
        for tag in message.tags if message.layout.has_data else ():
            length = data_lengths.get(tag)
            if length is not None and tag not in self._parser.raw_data_tags:
                self._parser.add_raw(length, tag)
                self.told[tag] = length
        self._parser.reset()
        self._parser.append_buffer(message.raw)
        try:
            parsed = self._parser.get_message()
        except ParsingError as error:
            # Without its words: they quote the bytes it stumbled over, which may be of a password.
            return [f"simplefix refuses it: {type(error).__name__}"]
        if parsed is None:
            return ["simplefix finds no message in it"]
        theirs = [(int(tag), bytes(value)) for tag, value in parsed.pairs]
        ours = message.fields
        lines = [
            f"field {at}: tag {tag} of {len(value)} bytes, simplefix reads tag {other} of {len(other_value)} bytes"
            for at, ((tag, value), (other, other_value)) in enumerate(zip(ours, theirs, strict=False), 1)
            if (tag, value) != (other, other_value)
        ]
        if len(theirs) != len(ours):
            lines.append(f"{len(ours)} fields, simplefix reads {len(theirs)}")
        return lines[:DISAGREEMENTS_MAX]
