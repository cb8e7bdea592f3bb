"""FIX as the counterparties of the simulation speak it: a codec of their own that knows nothing of the engine's.

It is strict with what the engine writes: a frame whose length or checksum does not fit fails the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

SESSION_TYPES = frozenset("012345A")
_NS_PER_MS = 1_000_000

Fields = Iterable[tuple[int, object]]


class WireError(AssertionError):
    """The engine wrote something that is no FIX message."""


class Msg:
    """One message: fields in wire order, the first value of a tag by index."""

    __slots__ = ("fields", "first", "kind", "raw", "seq")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.fields: list[tuple[int, str]] = []
        self.first: dict[int, str] = {}
        for part in raw[:-1].split(b"\x01"):
            tag, _, value = part.partition(b"=")
            number, text = int(tag), value.decode("latin-1")
            self.fields.append((number, text))
            self.first.setdefault(number, text)
        self.kind = self.first[35]
        self.seq = int(self.first[34])

    def get(self, tag: int, default: str = "") -> str:
        return self.first.get(tag, default)

    @property
    def dup(self) -> bool:
        return self.first.get(43) == "Y"

    @property
    def poss_resend(self) -> bool:
        return self.first.get(97) == "Y"

    def content(self) -> tuple[tuple[int, str], ...]:
        """What it says, without what a resend or a new number may change."""
        return tuple(field for field in self.fields if field[0] not in (8, 9, 10, 34, 43, 52, 97, 122))


@lru_cache(maxsize=512)
def read(raw: bytes) -> Msg:
    """The message in these bytes: looked at when it leaves, and again when it arrives."""
    return Msg(raw)


def timestamp(utc_ns: int) -> str:
    ms = utc_ns // _NS_PER_MS
    return f"{_second(ms // 1000)}.{ms % 1000:03d}"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}"


def encode(
    kind: str,
    seq: int,
    sender: str,
    target: str,
    time: str,
    fields: Fields,
    *,
    original_time: str = "",
    poss_resend: bool = False,
) -> bytes:
    parts = [f"35={kind}", f"34={seq}"]
    if original_time:
        parts.append("43=Y")
    parts += [f"49={sender}", f"52={time}", f"56={target}"]
    if poss_resend:
        parts.append("97=Y")
    if original_time:
        parts.append(f"122={original_time}")
    parts += [f"{tag}={value}" for tag, value in fields]
    body = "\x01".join(parts).encode("latin-1") + b"\x01"
    head = b"8=FIX.4.4\x019=%d\x01" % len(body)
    return head + body + b"10=%03d\x01" % (sum(head + body) % 256)


class Splitter:
    """Messages out of a stream in pieces."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Msg]:
        self._buffer += data
        found = []
        while (end := self._frame_end()) > 0:
            found.append(read(self._buffer[:end]))
            self._buffer = self._buffer[end:]
        return found

    def _frame_end(self) -> int:
        buffer = self._buffer
        if len(buffer) < 20:
            return 0
        if not buffer.startswith(b"8=FIX.4.4\x019="):
            raise WireError(f"no FIX.4.4 message: {buffer[:60]!r}")
        soh = buffer.index(b"\x01", 12)
        body_end = soh + 1 + int(buffer[12:soh])
        if len(buffer) < body_end + 7:
            return 0
        frame = buffer[: body_end + 7]
        if frame[body_end:] != b"10=%03d\x01" % (sum(frame[:body_end]) % 256):
            raise WireError(f"length or checksum is wrong: {frame!r}")
        return len(frame)
