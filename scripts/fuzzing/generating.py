"""Invents messages from a dictionary: everything it requires, some of what it allows, groups within groups.

What comes out is right by the dictionary, in strict validation too, unless the text asked for is not.
"""

from __future__ import annotations

from random import Random
from typing import Final

from engine.fix.standard.definitions import Section
from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.forms import Form

Fields = list[tuple[int, bytes]]

SOH: Final = b"\x01"
ENTRIES_MAX: Final = 3
"""Entries of one group; groups lie three deep."""

_TEXTS: Final = (
    b"ACME",
    b"a=b",
    b"=",
    b"10=123",
    b"8=FIX.4.4",
    "na\u00efve".encode(),
    "\u00fcber".encode("latin-1"),
    "\u5b98".encode(),
    b"x" * 70,
    b"two words",
    b"-1",
    b" ",
)
_DATA: Final = (b"abc", b"a\x01b", b"\x0110=000\x01", b"8=FIX.4.4\x019=5\x01", b"=\x01=", b"\xff\x00\xfe", b"\x01")
_DATA_ALONE: Final = tuple(value for value in _DATA if SOH not in value)
"""For a data field whose length field is not beside it: nothing says where it ends but SOH."""
_NUMBERS: Final = (b"0", b"1", b"7", b"100", b"1000000", b"007")
_DECIMALS: Final = (b"0", b"1", b"-1", b"99.875", b".5", b"5.", b"-0.0", b"1000000", b"00.10")
_SECONDS: Final = (b"20260102-10:11:12", b"20240229-23:59:60.123", b"19700101-00:00:00.000001", b"99991231-23:59:59")
_DATES: Final = (b"20260102", b"20240229", b"19991231")
_PLAIN: Final = {
    Form.INTEGER: (*_NUMBERS, b"-7"),
    Form.LENGTH: _NUMBERS,
    Form.DECIMAL: _DECIMALS,
    Form.CHAR: (b"A", b"1", b"=", b" "),
    Form.BOOLEAN: (b"Y", b"N"),
    Form.TIMESTAMP: _SECONDS,
    Form.TIME: (b"10:11:12", b"23:59:60.123456"),
    Form.DATE: _DATES,
    Form.MONTH: (b"202601", b"20260102", b"202601w3"),
    Form.TEXT: _TEXTS,
}
_HEADER_BEGIN: Final = (8, 9, 35)
_WRITTEN_ELSEWHERE: Final = frozenset({8, 9, 35, 10})


class Generator:
    """Messages of one dictionary. `fullness` is how likely a field that is not required is there."""

    def __init__(self, dictionary: Dictionary, rng: Random) -> None:
        self._dictionary = dictionary
        self._rng = rng
        self._lengths = dictionary.data_lengths
        self._length_tags = frozenset(self._lengths.values())
        self._values = {
            tag: tuple(value.encode() for value in sorted(field.values)) for tag, field in dictionary.fields.items()
        }

    def fields(self, msg_type: str, fullness: float) -> Fields:
        """A message from MsgType(35) to before CheckSum(10), header fields first."""
        message = self._dictionary.messages[msg_type]
        return [
            (35, msg_type.encode()),
            *self._section(self._dictionary.header, fullness / 4),
            *self._section(message.section, fullness),
            *self._section(self._dictionary.trailer, fullness / 4),
        ]

    def _section(self, section: Section, fullness: float, first: int = 0) -> Fields:
        rng, found = self._rng, []
        members = frozenset(section.members)
        lengths = {tag: self._lengths[tag] for tag in section.members if self._lengths.get(tag) in members}
        paired = frozenset(lengths.values())
        for tag in section.members:
            if tag in _WRITTEN_ELSEWHERE or tag in paired:
                continue
            length = lengths.get(tag, tag)
            is_needed = tag in section.required or length in section.required or first in (tag, length)
            if not is_needed and rng.random() >= fullness:
                continue
            group = section.groups.get(tag)
            if group is not None:
                count = self._count(tag, tag in section.required)
                entries = [self._section(group.section, fullness / 2, group.delimiter) for _ in range(count)]
                found.append((tag, b"%d" % count))
                found += [field for entry in entries for field in entry]
            elif tag in lengths:
                value = rng.choice(_DATA)
                found += [(lengths[tag], b"%d" % len(value)), (tag, value)]
            elif tag not in self._length_tags:  # a length without its data would take the next field for it
                found.append((tag, self._value(tag)))
        return found

    def _count(self, tag: int, is_required: bool) -> int:
        values = self._values[tag]  # NoSides(552) is 1 or 2
        return int(self._rng.choice(values)) if values else self._rng.randint(int(is_required), ENTRIES_MAX)

    def _value(self, tag: int) -> bytes:
        field = self._dictionary.fields[tag]
        values = self._values[tag]
        if values and field.is_multiple:
            return b" ".join(self._rng.choice(values) for _ in range(self._rng.randint(1, 3)))
        if values:
            return self._rng.choice(values)
        return self._rng.choice(_DATA_ALONE if field.form is Form.DATA else _PLAIN[field.form])


def sealed(begin_string: bytes, content: bytes) -> bytes:
    """A whole message around `content`, which begins at MsgType(35) and ends in SOH. Not the engine's own writing."""
    data = b"8=%b\x019=%d\x01%b" % (begin_string, len(content), content)
    return b"%b10=%03d\x01" % (data, sum(data) & 0xFF)


def joined(fields: Fields) -> bytes:
    return b"".join(b"%d=%b\x01" % field for field in fields)
