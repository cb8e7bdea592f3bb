"""FIX on the wire as these tests see it: frames read and made without the engine's own codec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

SOH = "\x01"
Group = Sequence[tuple[int, str]]
Body = Sequence[tuple[int, str | Sequence[Group]]]
"""Fields in order; a repeating group is its count tag with the entries."""

_END_OF_FRAME = re.compile(rb"\x0110=\d{3}\x01")


@dataclass(frozen=True, slots=True)
class Said:
    """One message, field by field in the order it had on the wire."""

    fields: tuple[tuple[int, str], ...]

    def get(self, tag: int) -> str | None:
        """The first value of a tag, None if it is not there."""
        return next((value for found, value in self.fields if found == tag), None)

    def __getitem__(self, tag: int) -> str:
        value = self.get(tag)
        assert value is not None, f"no tag {tag} in {self}"
        return value

    def all(self, tag: int) -> list[str]:
        return [value for found, value in self.fields if found == tag]

    @property
    def kind(self) -> str:
        return self[35]

    @property
    def seq_num(self) -> int:
        return int(self[34])

    def has(self, **wanted: str | None) -> bool:
        """Are these its values? `has(t35="8", t43=None)`; None: the tag is absent."""
        return all(self.get(int(name[1:])) == value for name, value in wanted.items())

    def without(self, *tags: int) -> tuple[tuple[int, str], ...]:
        return tuple(field for field in self.fields if field[0] not in tags)

    def __str__(self) -> str:
        return "|".join(f"{tag}={value}" for tag, value in self.fields)


def read(frame: bytes | str) -> Said:
    """Take a whole frame apart; no data fields are used here, so SOH always ends a field."""
    text = frame.decode("latin-1") if isinstance(frame, bytes) else frame
    pairs = (field.partition("=") for field in text.split(SOH) if field)
    return Said(tuple((int(tag), value) for tag, _, value in pairs))


def frames(buffer: bytearray) -> list[bytes]:
    """The whole frames at the front of the buffer; they are taken out of it."""
    found: list[bytes] = []
    while match := _END_OF_FRAME.search(buffer):
        found.append(bytes(buffer[: match.end()]))
        del buffer[: match.end()]
    return found


def make(fields: Iterable[tuple[int, str]], begin_string: str = "FIX.4.4") -> bytes:
    """A frame of these fields, MsgType(35) first, with its length and checksum."""
    body = "".join(f"{tag}={value}{SOH}" for tag, value in fields).encode("latin-1")
    head = f"8={begin_string}{SOH}9={len(body)}{SOH}".encode() + body
    return head + f"10={sum(head) % 256:03d}{SOH}".encode()


def utc_now() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3]


def utc_in(seconds: float) -> str:
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return f"{at:%Y%m%d-%H:%M:%S.%f}"[:-3]
