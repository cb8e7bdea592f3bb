"""Finds FIX messages in captured text or bytes: logs with prefixes, streams without line ends, either with noise.

A message begins at `8=FIX...`, its delimiter and a tag, or, where BeginString(8) was lost, at BodyLength(9) and
MsgType(35). What stands between the first two fields is its delimiter, so one file may hold several spellings of SOH.
It ends with the CheckSum(10) that its BodyLength(9) leads to. Where that leads nowhere, the first CheckSum(10) before
the next message ends it: other than on a wire (`fix.wire.framing`), a wrong length costs a reader of logs only the
message that has it. Without any, the message was cut off and ends with its line.

Works on pieces of any size and decides alike whatever the pieces; keeps no more than one message and one piece.
`engine.fix.capture.rendered` turns what is found into the bytes that were on the wire.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from engine.fix.capture.rendered import DELIMITER

CAPTURE_BYTES_MAX: Final = 1_048_576
"""Longest message looked for, as text; what is longer counts as cut off."""
PREFIX_BYTES_MAX: Final = 512
"""What is kept of the text before a message on its line."""


def _behind(token: bytes, *places: bytes) -> bytes:
    """Pattern of `token` behind one of `places`.

    The token comes first and is then looked back over: so what is no message is skipped ten times as fast.
    """
    return token + rb"(?:" + rb"|".join(rb"(?<" + place + token + rb")" for place in places) + rb")"


_NO_VALUE: Final = (rb"!=", rb"=[A-Za-z_]=", rb"=10=")
"""Not as a value, where a data field may hold a message; but behind `msg=` and a CheckSum(10) without a value."""
_NO_NUMBER: Final = (
    rb"![0-9=]", rb"=[A-Za-z_]=", rb"=\\x01", rb"=\\x1", rb"=\\u0001", rb"=\\001", rb"=\\01", rb"=\\1", rb"=%01",
    rb"=10=[0-9]{3}",
)  # fmt: skip
"""Nor within a number, unless that is a delimiter or a CheckSum(10) that lost its own."""
_VERSION: Final = rb"[A-Z0-9.]{0,12}?"
_SURE: Final = _VERSION + rb"(?P<sure>" + DELIMITER + rb")(?=9=[0-9]{1,9}(?P=sure)35=)"
_OTHERS: Final = (
    rb"|" + _behind(rb"8=FIX", *_NO_NUMBER) + _VERSION + rb"(?P<likely>" + DELIMITER + rb")(?=[0-9]{1,9}=)"
    rb"|" + _behind(rb"9=", *_NO_NUMBER) + rb"[0-9]{1,9}(?P<bare>" + DELIMITER + rb")(?=35=)"
)
_START: Final = re.compile(rb"8=FIX" + _SURE + _OTHERS)
"""Outside of messages: wherever BeginString(8), BodyLength(9) and MsgType(35) follow each other."""
_FOLLOWING: Final = re.compile(_behind(rb"8=FIX", *_NO_VALUE) + _SURE + _OTHERS)
"""Behind the beginning of a message whose length leads nowhere."""
_START_BYTES_MAX: Final = 64
"""No start of a message takes more."""
_LENGTH: Final = re.compile(rb"9=([0-9]{1,9})")
_CHECKSUM: Final = rb"10=(?:(?!8=FIX)[0-9A-Za-z]){0,8}"
_CHECKSUM_BYTES_MAX: Final = 16
"""`10=`, a value and what tells that it ends there."""
_TRAILERS_MAX: Final = 8
_LIKE_FIX: Final = re.compile(rb"\n|8=FIX|35=")
_LIKE_FIX_EDGE: Final = 4
"""Bytes of a piece that may begin what the next one ends."""
_BRACKETS: Final = frozenset({b"(", b"[", b"{"})
_TEXT: Final = bytes([*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\n\r\x1b"])


@dataclass(frozen=True, slots=True)
class Captured:
    """One message as it stands in the capture.

    `offset` counts bytes from 0, `line` lines from 1. `prefix` is what stands before it on its line, with the line
    before where that is a mere bracket. `skipped` bytes lie between the message before and the prefix, and of those and
    the prefix `noise` bytes are no text.
    """

    offset: int
    line: int
    prefix: bytes
    text: bytes
    delimiter: bytes
    is_whole: bool
    skipped: int
    noise: int


class Capture:
    """Reads one capture. `outside` counts the bytes in no message so far, `noise` those of them that are no text.

    `unread` counts lines among them that look like FIX, with a BeginString(8) and a MsgType(35), and `unread_line` is
    the first of those: what divides their fields is no sign for SOH that is known here.
    """

    __slots__ = (
        "_begun",
        "_buffer",
        "_counted",
        "_edge",
        "_gap",
        "_gap_noise",
        "_line",
        "_max",
        "_offset",
        "_passed",
        "noise",
        "outside",
        "unread",
        "unread_line",
    )

    def __init__(self, max_message_bytes: int = CAPTURE_BYTES_MAX) -> None:
        self._max = max_message_bytes
        self._buffer = b""
        self._offset = 0  # of the buffer's first byte
        self._line = 1
        self._counted = 0  # how far into the buffer lines are counted
        self._gap = 0  # bytes since the last message that have left the buffer
        self._gap_noise = 0
        self._passed = 1  # the line up to which it was looked for what looks like FIX
        self._begun = 0  # the line of a BeginString(8) in no message, 0 where its line is over
        self._edge = b""
        self.outside = 0
        self.noise = 0
        self.unread = 0
        self.unread_line = 0

    def feed(self, data: bytes) -> list[Captured]:
        """The messages that `data` completes."""
        self._buffer += data
        return self._cut(is_end=False)

    def finish(self) -> list[Captured]:
        """The messages that only the end of the capture completes."""
        found = self._cut(is_end=True)
        self._leave(len(self._buffer))
        return found

    def _cut(self, *, is_end: bool) -> list[Captured]:
        found: list[Captured] = []
        after = 0  # the end of the last message
        while start := _START.search(self._buffer, after):
            end = self._end(start, is_end=is_end)
            if end is None:
                self._drop(after, start.start())
                return found
            found.append(self._captured(after, start, *end))
            after = end[0]
        self._drop(after, max(after, len(self._buffer) - _START_BYTES_MAX))
        return found

    # --- where a message ends ------------------------------------------------------------------------

    def _end(self, start: re.Match[bytes], *, is_end: bool) -> tuple[int, bool] | None:
        """Where the message ends and whether with a CheckSum(10); None while that cannot be told."""
        buffer, limit = self._buffer, start.start() + self._max
        is_end = is_end or len(buffer) >= limit
        delimiter = _delimiter(start)
        body = start.start() if start["bare"] else start.end()
        declared = _LENGTH.match(buffer, body)
        if declared is not None and declared.end() + len(delimiter) > len(buffer) and not is_end:
            return None
        if declared is not None and buffer.startswith(delimiter, declared.end()):
            body = declared.end() + len(delimiter)
            if body + int(declared[1]) < limit:
                end, is_known = self._led_to(body, int(declared[1]), delimiter)
                if end is not None:
                    return _settled(end, buffer, delimiter, is_end=is_end)
                if not (is_known or is_end):
                    return None
        # The length leads nowhere.
        following = _following(buffer, body, delimiter)
        stop = following.start() if following else min(limit, len(buffer))
        is_end = is_end or following is not None
        end = _trailer(delimiter).search(buffer, start.end() - len(delimiter), stop)
        if end is not None:
            return _settled(end, buffer, delimiter, is_end=is_end)
        if not is_end:
            return None
        line_end = buffer.find(b"\n", start.end(), stop) if b"\n" not in delimiter else -1
        if line_end >= 0:
            stop = line_end - buffer.startswith(b"\r", line_end - 1)
        return stop, False

    def _led_to(self, body: int, declared: int, delimiter: bytes) -> tuple[re.Match[bytes] | None, bool]:
        """The trailer that a length leads to from `body` on, and whether it is known that there is one or none.

        A delimiter counts as the one byte it was. Longer ones have to be counted, so of them a length is followed past
        a few trailers within data and not into the next message.
        """
        buffer, trailer, width = self._buffer, _trailer(delimiter), len(delimiter)
        if width == 1:
            at = body + declared
            found = trailer.match(buffer, at - 1) if at <= len(buffer) else None
            return found, found is not None or at + _CHECKSUM_BYTES_MAX <= len(buffer)
        counted, size = body, 0
        for number, found in enumerate(trailer.finditer(buffer, body - width)):
            if _following(buffer, counted, delimiter, found.start()):
                return None, True
            at = found.start() + width
            size += at - counted - (width - 1) * buffer.count(delimiter, counted, at)
            counted = at
            if size == declared:
                return found, True
            if size > declared or number == _TRAILERS_MAX:
                return None, True
        return None, _following(buffer, counted, delimiter) is not None

    # --- bookkeeping ---------------------------------------------------------------------------------

    def _captured(self, after: int, start: re.Match[bytes], end: int, is_whole: bool) -> Captured:
        buffer, at = self._buffer, start.start()
        line_start = buffer.rfind(b"\n", after, at) + 1 or after
        if buffer[line_start:at].strip() in _BRACKETS:  # `<time, session, incoming>` and the message on the next line
            line_start = buffer.rfind(b"\n", after, max(after, line_start - 1)) + 1 or after
        prefix_start = max(line_start, at - PREFIX_BYTES_MAX)
        before = self._gap + at - after
        noise = self._gap_noise + _noise(buffer[after:at])
        self._look(buffer[after:at])
        self._passed += buffer.count(b"\n", at, end)
        self._begun, self._edge = 0, b""
        self.outside += at - after
        self.noise += noise - self._gap_noise
        self._gap = self._gap_noise = 0
        return Captured(
            self._offset + at,
            self._line_at(at),
            buffer[prefix_start:at],
            buffer[at:end],
            _delimiter(start),
            is_whole,
            before - (at - prefix_start),
            noise,
        )

    def _drop(self, after: int, upto: int) -> None:
        """Gives up what is before `upto`, but for the two lines that may lead to a message."""
        line_start = self._buffer.rfind(b"\n", after, upto) + 1 or after
        line_start = self._buffer.rfind(b"\n", after, max(after, line_start - 1)) + 1 or after
        self._leave(max(line_start, upto - PREFIX_BYTES_MAX), after)

    def _leave(self, upto: int, after: int = 0) -> None:
        """Takes what is before `upto` out of the buffer; from `after` on it was no message."""
        left = self._buffer[after:upto]
        self._look(left)
        noise = _noise(left)
        self.outside += len(left)
        self.noise += noise
        self._gap += len(left)
        self._gap_noise += noise
        self._line_at(max(upto, self._counted))
        self._counted -= upto
        self._offset += upto
        self._buffer = self._buffer[upto:]

    def _look(self, data: bytes) -> None:
        """Count what looks like FIX in `data`, which is in no message."""
        text = self._edge + data
        if self._begun or b"8=FIX" in text:
            line = self._passed - self._edge.count(b"\n")
            for found in _LIKE_FIX.finditer(text):
                if found[0] == b"\n":
                    line += 1
                    self._begun = 0
                elif found[0] == b"8=FIX":
                    self._begun = line
                elif self._begun:
                    self.unread += 1
                    self.unread_line = self.unread_line or self._begun
                    self._begun = 0
        self._passed += data.count(b"\n")
        self._edge = text[-_LIKE_FIX_EDGE:]

    def _line_at(self, position: int) -> int:
        """The line of a position in the buffer that is not before any asked for so far."""
        self._line += self._buffer.count(b"\n", self._counted, position)
        self._counted = position
        return self._line


def _following(buffer: bytes, at: int, delimiter: bytes, end: int = sys.maxsize) -> re.Match[bytes] | None:
    """Where the next message begins; a BodyLength(9) behind `delimiter` is one of this message, out of its place."""
    while (
        (found := _FOLLOWING.search(buffer, at, end)) and found["bare"] and buffer.endswith(delimiter, 0, found.start())
    ):
        at = found.end()
    return found


def _delimiter(start: re.Match[bytes]) -> bytes:
    assert start.lastgroup is not None
    delimiter: bytes = start[start.lastgroup]
    return delimiter


def _settled(end: re.Match[bytes], buffer: bytes, delimiter: bytes, *, is_end: bool) -> tuple[int, bool] | None:
    """The end of the trailer that was found; None if bytes to come may lengthen it."""
    if is_end or end["last"] or end.end() + _CHECKSUM_BYTES_MAX <= len(buffer):
        return end.end(), True
    is_end_of_line = b"\n" not in delimiter and buffer.startswith((b"\r", b"\n"), end.end())
    return (end.end(), True) if is_end_of_line else None


@lru_cache(maxsize=64)
def _trailer(delimiter: bytes) -> re.Pattern[bytes]:
    """A delimiter, CheckSum(10) and the delimiter after it, if it was not stripped."""
    bare = delimiter.strip(b" ") or delimiter
    last = re.escape(delimiter) if bare == delimiter else rb" {0,2}" + re.escape(bare)
    return re.compile(re.escape(delimiter) + rb"[ \t\r\n]*" + _CHECKSUM + rb"(?P<last>" + last + rb")?")


def _noise(data: bytes) -> int:
    return len(data.translate(None, _TEXT))
