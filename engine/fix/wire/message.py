"""One FIX message as a value: its bytes, and its fields by tag.

Values are kept as text, tokenised once; where each tag stands is a `Layout`, shared by all messages
that list the same tags (`engine.fix.standard.dictionary`), so reading a field is one look-up and building a
message copies no index. Messages are never written to after `engine.fix.wire.codec.decode` made them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.errors import ProtocolError
from engine.fix.standard.forms import Form, is_well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.fix.standard.dictionary import Entry, Layout

_TIMESTAMP: Final = re.compile(r"([0-9]{8})-([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?")

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
TIME_NS_MAX: Final = (date(2200, 1, 1).toordinal() - _EPOCH_ORDINAL) * NS_PER_DAY - 1
"""The last instant that is told from later ones: 64 bits of nanoseconds end in 2262, and sums are made of times."""
SEQ_NUM_MAX: Final = 999_999_999_999_999_999
"""Largest sequence number there is: what comes after it still fits the 64 bits that a journal has for it."""
_DIGITS_MAX: Final = 40
"""Longest number read: arithmetic on attacker-sized numbers would hold the event loop."""


class FieldView:
    """Fields by tag, within a message or within one entry of a repeating group."""

    __slots__ = ("_encoding", "_groups", "_index", "_values")

    def __init__(
        self, values: Sequence[str], index: Mapping[int, int], groups: Mapping[int, tuple[Entry, ...]], encoding: str
    ) -> None:
        self._values = values
        self._index = index
        self._groups = groups
        self._encoding = encoding

    def get(self, tag: int) -> str | None:
        """The value of `tag`, None when it is absent: one outside repeating groups before one within."""
        position = self._index.get(tag)
        return None if position is None else self._values[position]

    def bytes_of(self, tag: int) -> bytes | None:
        """The bytes of `tag` as they came, None when it is absent."""
        position = self._index.get(tag)
        return None if position is None else self._values[position].encode(self._encoding)

    def require(self, tag: int) -> str:
        """The value of `tag`; ProtocolError 373=1 when it is absent, 4 when it is empty."""
        value = self.get(tag)
        if value is None:
            raise ProtocolError("Required tag missing", reason=1, tag=tag)
        if not value:
            raise ProtocolError("Tag specified without a value", reason=4, tag=tag)
        return value

    def decimal(self, tag: int) -> Decimal | None:
        """A price, quantity or amount; None when absent or empty, ProtocolError 373=6 when it is no number."""
        value = self.get(tag)
        if not value:
            return None
        number = _number(value) if len(value) <= _DIGITS_MAX else None
        if number is None:
            raise ProtocolError("Incorrect data format for value", reason=6, tag=tag)
        return number

    def integer(self, tag: int) -> int | None:
        """A whole number; None when absent or empty, ProtocolError 373=6 when it is none."""
        value = self.get(tag)
        if not value:
            return None
        if len(value) > _DIGITS_MAX or not is_well_formed(Form.INTEGER, value):
            raise ProtocolError("Incorrect data format for value", reason=6, tag=tag)
        return int(value)

    def timestamp_ns(self, tag: int) -> int | None:
        """A UTCTimestamp as UTC nanoseconds; None when absent or empty, ProtocolError 373=6 when it is none."""
        value = self.get(tag)
        if not value:
            return None
        try:
            return timestamp_ns(value)
        except ValueError:
            raise ProtocolError("Incorrect data format for value", reason=6, tag=tag) from None

    @property
    def members(self) -> tuple[int, ...]:
        """Tags in wire order, those within repeating groups left out: see `groups`."""
        return tuple(self._index)

    def groups(self, count_tag: int) -> tuple[Group, ...]:
        """The entries of the repeating group that `count_tag` counts, as found; empty when there are none.

        Where entries begin and end is the dictionary's word. Whether their number is the number that
        `count_tag` states is for `engine.fix.wire.validation` to check.
        """
        return tuple(
            Group(self._values, entry.index, entry.groups, self._encoding) for entry in self._groups.get(count_tag, ())
        )


class Group(FieldView):
    """One entry of a repeating group."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Group({sorted(self._index)})"


class Message(FieldView):
    """A whole message: FIX framing verified, content not yet validated."""

    __slots__ = ("_seq_num", "layout", "msg_type", "raw", "texts")

    raw: Final[bytes]
    layout: Final[Layout]
    msg_type: Final[str]
    texts: Final[Sequence[str]]
    """Values in wire order, beside `tags`."""

    def __init__(self, raw: bytes, values: Sequence[str], layout: Layout, encoding: str) -> None:
        self.raw = raw
        self.texts = self._values = values
        self._index = layout.index
        self._groups = layout.groups
        self._encoding = encoding
        self.layout = layout
        self.msg_type = values[2]
        self._seq_num = -1

    @property
    def begin_string(self) -> str:
        return self._values[0]

    @property
    def seq_num(self) -> int:
        """MsgSeqNum(34), or 0 when it is absent, no number or too large: no session counts a message as 0."""
        number = self._seq_num
        if number < 0:
            value = self.get(34) or ""
            is_number = len(value) <= _DIGITS_MAX and value.isascii() and value.isdigit()
            number = int(value) if is_number else 0
            self._seq_num = number = number if number <= SEQ_NUM_MAX else 0
        return number

    @property
    def poss_dup(self) -> bool:
        """PossDupFlag(43)=Y."""
        return self.get(43) == "Y"

    @property
    def poss_resend(self) -> bool:
        """PossResend(97)=Y."""
        return self.get(97) == "Y"

    @property
    def sender_comp_id(self) -> str:
        """SenderCompID(49), empty when absent."""
        return self.get(49) or ""

    @property
    def target_comp_id(self) -> str:
        """TargetCompID(56), empty when absent."""
        return self.get(56) or ""

    @property
    def tags(self) -> tuple[int, ...]:
        """Tags in wire order."""
        return self.layout.tags

    @property
    def members(self) -> tuple[int, ...]:
        """Tags in wire order, each once, those within repeating groups left out: see `groups`."""
        return self.layout.members

    @property
    def fields(self) -> tuple[tuple[int, bytes], ...]:
        """Every field in wire order, header and trailer included."""
        encoding = self._encoding
        return tuple((tag, value.encode(encoding)) for tag, value in zip(self.tags, self._values, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Message(35={self.msg_type}, 34={self.get(34)}, {len(self.raw)} bytes)"


def timestamp_ns(text: str) -> int:
    """`YYYYMMDD-HH:MM:SS[.fraction]` as UTC nanoseconds; ValueError when it is no UTCTimestamp.

    A leap second (:60) is the first of the next minute; digits beyond nanoseconds are cut. What lies before 1970 or
    after 2199 is read as the first or last instant between them: counterparties write the year 1 for "never" and 9999
    for "for ever", and nanoseconds of those fit no journal.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"expected YYYYMMDD-HH:MM:SS[.sss], found {text[:40]!r}")
    day, hours, minutes, seconds, fraction = match.groups()
    hour, minute, second = int(hours), int(minutes), int(seconds)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"expected a time of day, found {text!r}")
    nanoseconds = int(f"{fraction:0<9.9}") if fraction else 0
    time_ns = _day_ns(day) + (hour * 3600 + minute * 60 + second) * NS_PER_S + nanoseconds
    return 0 if time_ns < 0 else time_ns if time_ns < TIME_NS_MAX else TIME_NS_MAX


@lru_cache(maxsize=4096)
def _number(text: str) -> Decimal | None:
    """The number that a text spells, None if it spells none.

    One object for one spelling: a size comes back in every quote, acceptance and fill of an order, and stays with it.
    """
    return Decimal(text) if is_well_formed(Form.DECIMAL, text) else None


@lru_cache(maxsize=512)
def _day_ns(day: str) -> int:
    """Start of a `YYYYMMDD` day; ValueError when the calendar has no such day."""
    return (date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal() - _EPOCH_ORDINAL) * NS_PER_DAY
