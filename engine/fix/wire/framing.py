"""Cuts a byte stream into FIX frames, whatever the pieces it arrives in.

A frame runs from `8=FIX` to the first CheckSum(10) field at or after the length BodyLength(9)
declares: a length too long swallows the following message, one too short drops its own. Whether
length and checksum are right is for `engine.fix.wire.codec.decode` to say. What is no frame is reported
as a `GarbledMessage` value in its place in the stream, and reading goes on at the next `8=FIX`.

Nothing is allocated by a declared length, and what waits for its end is bounded: a message that is declared longer
than the bound, or goes on beyond it, ends the stream (`FrameOverflow`) and the caller closes the connection.

Reference: FIX 4.4, Volume 2, "Message Delimiter" and session test cases 2d, 2m, 2t, 3b, 3c.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from typing import Final

from engine.errors import GarbledMessage

MESSAGE_BYTES_MAX: Final = 65_536

_START: Final = b"8=FIX"
_TRAILER: Final = b"\x0110="
_BEGIN_STRING_MAX: Final = 16
"""Longest BeginString(8) field looked at, `8=` included; FIXT.1.1 takes ten."""
_LENGTH_DIGITS_MAX: Final = 9
_SOH: Final = 1
_PASSED_MAX: Final = 64
"""Trailers kept although no frame can end at them any more, before the list of them is cut."""
_DIGITS: Final = frozenset(b"0123456789")


class StreamEnded(GarbledMessage):
    """Nothing further can be read from this stream: close the connection."""


class FrameOverflow(StreamEnded):
    """A message that is longer than a message may be, by what it declares or by what has come of it."""


class FrameStalled(StreamEnded):
    """A message that has been coming for longer than one may take."""


class Framer:
    """One connection's reader. `dropped_bytes` counts what was in no frame.

    `max_message_bytes` may be raised once the peer is known: a stranger's first message is a short one.
    """

    __slots__ = (
        "_base",
        "_buffer",
        "_is_skipping",
        "_need",
        "_searched",
        "_trailers",
        "dropped_bytes",
        "is_overflowed",
        "max_message_bytes",
    )

    def __init__(self, max_message_bytes: int = MESSAGE_BYTES_MAX) -> None:
        self.max_message_bytes = max_message_bytes
        self._buffer = bytearray()
        self._need = 0  # fewer bytes than this decide nothing: spares a slow writer's every byte a scan
        self._is_skipping = False
        self._base = 0  # bytes of the stream before those at hand
        self._searched = 0  # where in the stream the search for trailers has come to
        self._trailers = array("q")  # where they begin, as far as it has come and as they may still end a frame
        self.dropped_bytes = 0
        self.is_overflowed = False

    def feed(self, data: bytes, frames_max: int = sys.maxsize) -> list[bytes | GarbledMessage]:
        """Frames completed by `data` and what was dropped, in stream order.

        At most `frames_max` of them: the rest is kept as it came, to be cut by a later call, under the bound of then.
        A `FrameOverflow` is the last thing ever returned; from then on nothing is read.
        """
        if self.is_overflowed:
            return []
        found: list[bytes | GarbledMessage] = []
        buffer = self._buffer
        if not buffer:
            rest = self._cut(data, found, frames_max)
            self._base += rest
            if rest < len(data):
                buffer += memoryview(data)[rest:]
        else:
            buffer += data
            if len(buffer) >= self._need:
                rest = self._cut(buffer, found, frames_max)
                self._base += rest
                del buffer[:rest]
        if self.is_overflowed:
            buffer.clear()
        return found

    @property
    def is_unfinished(self) -> bool:
        """Has a message begun that is not whole yet?"""
        return bool(self._buffer)

    def _cut(self, stream: bytes | bytearray, found: list[bytes | GarbledMessage], frames_max: int) -> int:
        """Appends what is complete in `stream`; returns where the rest begins."""
        position, end = 0, len(stream)
        while position < end and len(found) < frames_max:
            if not stream.startswith(_START, position):
                start = self._next_start(stream, position)
                if start == position:
                    break  # the beginning of `8=FIX`, so far
                if not self._is_skipping:
                    found.append(GarbledMessage("bytes before BeginString(8)", reason="noise"))
                    self._is_skipping = True
                self.dropped_bytes += start - position
                position = start
                continue
            cut = self._frame_end(stream, position)
            if isinstance(cut, GarbledMessage):
                found.append(cut)
                if isinstance(cut, FrameOverflow):
                    self.is_overflowed = True
                    return end
                self.dropped_bytes += len(_START)
                self._is_skipping = True  # the rest of it is part of what was just reported
                position += len(_START)
                continue
            if cut == 0:
                return position
            found.append(bytes(stream[position:cut]))
            self._is_skipping = False
            position = cut
        self._need = 0
        return position

    def _next_start(self, stream: bytes | bytearray, position: int) -> int:
        """Where the next frame may begin: at `8=FIX`, or at what may become one at the very end."""
        start = stream.find(_START, position)
        if start >= 0:
            return start
        for kept in range(min(len(_START) - 1, len(stream) - position), 0, -1):
            if stream.endswith(_START[:kept]):
                return len(stream) - kept
        return len(stream)

    def _frame_end(self, stream: bytes | bytearray, start: int) -> int | GarbledMessage:
        """End of the frame that begins at `start`; 0 while it is incomplete."""
        end = len(stream)
        self._need = 0
        soh = stream.find(_SOH, start, start + _BEGIN_STRING_MAX)
        if soh < 0:
            return _first_fields() if end - start >= _BEGIN_STRING_MAX else 0
        if not b"9=".startswith(stream[soh + 1 : soh + 3]):
            return _first_fields()
        digits = soh + 3
        soh = stream.find(_SOH, digits, digits + _LENGTH_DIGITS_MAX + 1)
        shown = stream[digits : soh if soh >= 0 else digits + _LENGTH_DIGITS_MAX + 1]
        if (shown and not (shown.isdigit() and shown.isascii())) or (soh >= 0 and not shown):
            return GarbledMessage("BodyLength(9) is no number", reason="length")
        if len(shown) > _LENGTH_DIGITS_MAX or (soh >= 0 and int(shown) > self.max_message_bytes):
            text = f"BodyLength(9)={shown.decode()} is more than the {self.max_message_bytes} bytes a message may have"
            return FrameOverflow(text, reason="overflow")
        if soh < 0:
            return 0
        declared = int(shown)
        body_end = soh + 1 + declared
        if end < body_end + 7:
            need = body_end - start + 7
            if need <= self.max_message_bytes:
                self._need = need
                return 0
        return self._trailer_end(stream, start, body_end)

    def _trailer_end(self, stream: bytes | bytearray, start: int, body_end: int) -> int | GarbledMessage:
        """End of the first `10=ddd` field that begins at or after `body_end`; 0 while there is none."""
        end, limit = len(stream), start + self.max_message_bytes
        found = body_end - 1
        if not stream.startswith(_TRAILER, found):
            found = self._next_trailer(stream, start, found)
        if found >= 0 and found + 8 <= limit:
            for offset, byte in enumerate(stream[found + 4 : found + 8]):
                if (byte not in _DIGITS) if offset < 3 else (byte != _SOH):
                    return GarbledMessage("CheckSum(10) is not three digits", reason="checksum")
            return found + 8 if found + 8 <= end else 0
        if found >= 0 or end >= limit:
            return FrameOverflow(f"no end of message within {self.max_message_bytes} bytes", reason="overflow")
        return 0

    def _next_trailer(self, stream: bytes | bytearray, start: int, wanted: int) -> int:
        """Where the first `10=` field at or after `wanted` begins, with the SOH before it; -1 while there is none.

        Only asked when a declared length is wrong. No byte is searched twice, whatever lengths are declared and
        however small the pieces are: or a peer could hold the loop for seconds with one message's worth of bytes.
        """
        trailers, base = self._trailers, self._base
        if self._searched < base + start:
            self._searched = base + start
            del trailers[:]
        elif len(trailers) > _PASSED_MAX and trailers[len(trailers) // 2] < base + start:
            del trailers[: bisect_left(trailers, base + start)]
        at = bisect_left(trailers, base + wanted)
        while at == len(trailers):
            found = stream.find(_TRAILER, self._searched - base)
            if found < 0:
                self._searched = max(self._searched, base + len(stream) - len(_TRAILER) + 1)
                return -1
            trailers.append(base + found)
            self._searched = base + found + 1
            at += found < wanted
        return trailers[at] - base


def _first_fields() -> GarbledMessage:
    return GarbledMessage("BeginString(8), BodyLength(9) and MsgType(35) must come first", reason="first_fields")
