"""FIX on the wire: frames cut out and verified here, fields read and written by `simplefix`.

`simplefix` accepts a wrong BodyLength(9) and a wrong CheckSum(10), and a malformed field stays in its
buffer for ever. So bytes are framed and verified first, and each verified frame is parsed on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import simplefix

SOH = b"\x01"
MESSAGE_BYTES_MAX = 65_536
HEADER_TAGS = frozenset({8, 9, 35, 34, 43, 49, 50, 52, 56, 57, 90, 91, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145})
SESSION_TYPES = frozenset("012345A")

_HEAD = re.compile(rb"8=(FIXT?\.\d\.\d)\x019=(\d{1,6})\x0135=")
_TRAILER = re.compile(rb"\x0110=[^\x01]*\x01")

Value = str | int | Decimal
Fields = Iterable[tuple[int, Value]]


class MissingField(Exception):
    """A message lacks a tag it must have (373=1), or its value cannot be read (373=6)."""

    def __init__(self, tag: int, reason: int, text: str) -> None:
        super().__init__(text)
        self.tag = tag
        self.reason = reason


class FrameOverflow(Exception):
    """The peer sent more than a message may hold: close the connection."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes that were no message: they use up no sequence number."""

    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """A verified message; `fields` are in wire order, 8, 9 and 10 included."""

    raw: bytes
    fields: tuple[tuple[int, str], ...]

    def get(self, tag: int) -> str | None:
        """The first value of `tag`, or None."""
        return next((value for number, value in self.fields if number == tag), None)

    def need(self, tag: int) -> str:
        """The first value of `tag`; MissingField if there is none."""
        value = self.get(tag)
        if value is None:
            raise MissingField(tag, 1, f"required tag {tag} missing")
        return value

    def integer(self, tag: int) -> int:
        try:
            return int(self.need(tag))
        except ValueError:
            raise MissingField(tag, 6, f"tag {tag} is no integer") from None

    def decimal(self, tag: int) -> Decimal | None:
        """The value of `tag` as a finite Decimal, or None if absent; MissingField if it is no number."""
        text = self.get(tag)
        if text is None:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise MissingField(tag, 6, f"tag {tag} is no number") from None
        if not value.is_finite():
            raise MissingField(tag, 6, f"tag {tag} is no number")
        return value

    def group(self, count_tag: int, members: frozenset[int]) -> list[dict[int, str]]:
        """The entries of a repeating group: a new one wherever its first tag comes again."""
        entries: list[dict[int, str]] = []
        inside = False
        first: int | None = None
        for tag, value in self.fields:
            if not inside:
                inside = tag == count_tag
                continue
            if tag not in members:
                break
            if first is None:
                first = tag
            if tag == first:
                entries.append({})
            entries[-1].setdefault(tag, value)
        return entries

    @property
    def msg_type(self) -> str:
        return self.get(35) or ""

    @property
    def seq_num(self) -> int:
        return self.integer(34)

    @property
    def poss_dup(self) -> bool:
        return self.get(43) == "Y"

    @property
    def poss_resend(self) -> bool:
        return self.get(97) == "Y"


def checksum(data: bytes) -> int:
    """Sum of all bytes modulo 256."""
    return sum(data) % 256


def parse(frame: bytes) -> Message | Garbled:
    """Verify one whole frame (length, checksum, first three fields) and read its fields."""
    head = _HEAD.match(frame)
    if head is None:
        return Garbled(frame, "first three fields")
    body_start = head.end() - len(b"35=")
    body_end = body_start + int(head[2])
    trailer = frame[body_end:]
    if frame[body_end - 1 : body_end] != SOH or not re.fullmatch(rb"10=\d{3}\x01", trailer):
        return Garbled(frame, "body length")
    if int(trailer[3:6]) != checksum(frame[:body_end]):
        return Garbled(frame, "checksum")
    parser = simplefix.FixParser()
    parser.append_buffer(frame)
    try:
        parsed = parser.get_message()
    except (simplefix.errors.ParsingError, ValueError) as error:
        return Garbled(frame, f"field: {type(error).__name__}")
    if parsed is None or parser.get_buffer():
        return Garbled(frame, "field: incomplete")
    return Message(frame, tuple((int(tag), value.decode("latin-1")) for tag, value in parsed.pairs))


class Framer:
    """Cuts a byte stream into messages; the same bytes give the same messages however they are split."""

    __slots__ = ("_buffer", "_bytes_max")

    def __init__(self, bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        self._buffer = b""
        self._bytes_max = bytes_max

    def feed(self, data: bytes) -> list[Message | Garbled]:
        """What became whole, in order. FrameOverflow if a message outgrows its bound."""
        self._buffer += data
        found: list[Message | Garbled] = []
        while (end := self._frame_end()) > 0:
            frame, self._buffer = self._buffer[:end], self._buffer[end:]
            found.append(parse(frame) if frame.startswith(b"8=FIX") else Garbled(frame, "no begin string"))
        if len(self._buffer) > self._bytes_max:
            raise FrameOverflow(f"message longer than {self._bytes_max} bytes")
        return found

    def _frame_end(self) -> int:
        """Bytes to take off the buffer: one message, or the junk before one; 0: wait for more."""
        buffer = self._buffer
        start = buffer.find(b"8=FIX")
        if start > 0:
            return start
        if start < 0:
            # Keep what may be the beginning of a begin string that was split.
            keep = next((n for n in range(4, 0, -1) if buffer.endswith(b"8=FIX"[:n])), 0)
            return len(buffer) - keep
        head = _HEAD.match(buffer)
        search_from = 0
        if head is not None:
            declared = head.end() - len(b"35=") + int(head[2])
            if declared > self._bytes_max:
                raise FrameOverflow(f"message longer than {self._bytes_max} bytes")
            # A frame ends at the first 10= at or after the declared length.
            search_from = declared - 1
        trailer = _TRAILER.search(buffer, search_from)
        return trailer.end() if trailer else 0


def encode(
    msg_type: str,
    seq_num: int,
    sender: str,
    target: str,
    sending_time: str,
    body: Fields,
    *,
    begin_string: str = "FIX.4.4",
    poss_dup: bool = False,
    poss_resend: bool = False,
    orig_sending_time: str | None = None,
) -> bytes:
    """A whole message: 8, 9, 35, then the header in ascending tag order, the body as given, 10."""
    message = simplefix.FixMessage()
    message.append_pair(8, begin_string)
    message.append_pair(35, msg_type)
    message.append_pair(34, seq_num)
    if poss_dup:
        message.append_pair(43, "Y")
    message.append_pair(49, sender)
    message.append_pair(52, sending_time)
    message.append_pair(56, target)
    if poss_resend:
        message.append_pair(97, "Y")
    if orig_sending_time is not None:
        message.append_pair(122, orig_sending_time)
    for tag, value in body:
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        message.append_pair(tag, text.encode("latin-1", "replace"))
    return bytes(message.encode())


def resend(raw: bytes, sending_time: str) -> bytes:
    """The same message again: 43=Y, OrigSendingTime(122) = the original SendingTime(52), a new 52."""
    message = parse(raw)
    if isinstance(message, Garbled):
        raise ValueError(f"a stored message cannot be read: {message.reason}")
    kept = dict(message.fields[:2]) | {tag: value for tag, value in message.fields if tag in HEADER_TAGS}
    body = [(tag, value) for tag, value in message.fields if tag not in HEADER_TAGS and tag != 10]
    return encode(
        message.msg_type,
        message.seq_num,
        kept[49],
        kept[56],
        sending_time,
        body,
        begin_string=kept[8],
        poss_dup=True,
        poss_resend=message.poss_resend,
        orig_sending_time=kept.get(122, kept[52]),
    )


def essence(fields: Sequence[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    """What a message says, without what a resend may change (8, 9, 10, 34, 43, 52, 97, 122)."""
    return tuple((tag, value) for tag, value in fields if tag not in (8, 9, 10, 34, 43, 52, 97, 122))
