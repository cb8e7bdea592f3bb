r"""FIX messages as logs print them, and back to the bytes that were on the wire.

A log shows SOH as `|`, `^A`, `;`, `<SOH>`, `\x01` or whatever its writer liked. Putting SOH back is not one
replacement: a value may hold the same characters (`58=up 2|down 1`), a data field may hold SOH, and a long message
may have been broken into lines. So there are several readings of one text, and the message itself says which is
right: the one whose BodyLength(9) and CheckSum(10) hold. Where none does, the message is taken as it most plainly
reads, and what does not hold is for `engine.fix.capture.dissection` to name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from engine.fix.wire.codec import checksum

SOH: Final = b"\x01"

# What stands for SOH: other control bytes, the spellings with letters or digits in them, then line ends, then any other
# sign but `.` and `=`, of ASCII or beyond it, with or without blanks around it.
_CONTROL: Final = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_IN_BRACKETS: Final = rb"[\[<{(](?:SOH|soh|(?:0x|\\*x|U\+|u)?0{0,3}1)[\]>})]"
_ESCAPED: Final = rb"\\+(?:x0?1|u0001|u\{0{0,5}1\}|0{0,2}1|SOH|soh)|&#(?:x0{0,3}|0*)1;|&SOH;|%01"
_NAMED: Final = _CONTROL + rb"|\^A|" + _IN_BRACKETS + rb"|" + _ESCAPED
_BEYOND: Final = rb"[\xc2-\xf4][\x80-\xbf]{1,3}|[\x80-\xff]"
_SIGNS: Final = rb" {0,2}(?:[!-\-/:;<>-@\[-`{-~]{1,2}|" + _BEYOND + rb") {0,2}| {1,4}|\t"
DELIMITER: Final = rb"(?:" + _NAMED + rb"|\r?\n|" + _SIGNS + rb")"
"""Pattern of a delimiter: what stands between BeginString(8) and the tag of the next field."""

_NUMBER_OF_BODY: Final = re.compile(rb"8=[^\x01]*\x019=([0-9]{1,9})\x01")
_TRAILER: Final = re.compile(rb"10=([0-9]{3})\x01")
_FIELDS: Final = re.compile(rb"(?:[0-9]{1,9}=[^\x01]*+\x01)+")
_LINE_BREAK: Final = re.compile(rb"[ \t]*\r?\n[ \t]*")
_TRAILER_BYTES: Final = 7

PROSE_TAGS: Final = frozenset({b"58", b"106", b"107", b"147", b"148"})
"""Fields whose values people write: Text, Issuer, SecurityDesc, Subject, Headline."""
_MISLED_MAX: Final = 20
"""Data fields that do not end where they say, after which a text is not searched for more of them."""
_IN_PROSE_MAX: Final = 8
"""Delimiters with a number and `=` after them that are looked for within one prose value."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A message with SOH in it; `note` says what had to be decided to get there, and is empty mostly."""

    frame: bytes
    note: str = ""


def restore(text: bytes, delimiter: bytes, data_lengths: Mapping[int, int]) -> Restored:
    """`text`, a message with `delimiter` for SOH, as it was on the wire.

    `data_lengths` names each data field's length field. A last delimiter that is missing is added.
    """
    text = _ended(text, delimiter)
    plain = text.replace(delimiter, SOH)
    if _FIELDS.fullmatch(plain) and holds(plain):
        return Restored(plain)  # nearly every message
    readings = list(_readings(text, delimiter, data_lengths))
    for reading in readings:
        if holds(reading.frame):
            return reading
    for reading in readings:
        prose = _with_prose(reading, delimiter)
        if prose is not None:
            return prose
    return Restored(plain) if holds(plain) else readings[0]


def holds(frame: bytes) -> bool:
    """Whether BodyLength(9) and CheckSum(10) are right."""
    declared = _NUMBER_OF_BODY.match(frame)
    stated = _TRAILER.fullmatch(frame, max(0, len(frame) - _TRAILER_BYTES))
    if declared is None or stated is None:
        return False
    body = len(frame) - _TRAILER_BYTES - declared.end()
    return int(declared[1]) == body and int(stated[1]) == checksum(frame[:-_TRAILER_BYTES])


def _ended(text: bytes, delimiter: bytes) -> bytes:
    """`text` with its last delimiter; logs strip it, or the blanks around it."""
    if text.endswith(delimiter):
        return text
    bare = delimiter.strip(b" ")
    if bare and text.rstrip(b" ").endswith(bare):
        text = text.rstrip(b" ").removesuffix(bare).rstrip(b" ")
    return text + delimiter


def _readings(text: bytes, delimiter: bytes, data_lengths: Mapping[int, int]) -> Iterator[Restored]:
    """What the text may mean, the likeliest first."""
    yield Restored(_fields_only(text, delimiter, data_lengths, as_soh=True))
    yield Restored(_fields_only(text, delimiter, data_lengths, as_soh=False))
    if b"\n" in text and b"\n" not in delimiter:
        lines = text.count(b"\n") + 1
        joined = _ended(_LINE_BREAK.sub(b"", text), delimiter)
        note = f"put together from {lines} lines"
        yield Restored(joined.replace(delimiter, SOH), note)
        yield Restored(_fields_only(joined, delimiter, data_lengths, as_soh=True), note)


def _fields_only(text: bytes, delimiter: bytes, data_lengths: Mapping[int, int], *, as_soh: bool) -> bytes:
    """SOH where a field follows, and at the end; elsewhere the delimiter belongs to a value.

    Within a data field every delimiter is SOH (`as_soh`), or none is.
    """
    if delimiter == SOH:
        return text
    before_field, before_data = _patterns(delimiter)
    pieces: list[bytes] = []
    at = misled = 0
    while misled < _MISLED_MAX and (found := before_data.search(text, at)):
        end = None
        if data_lengths.get(int(found["data"])) == int(found["length"]):
            end = _data_end(text, found.end(), int(found["size"]), delimiter, as_soh=as_soh)
            misled += end is None
        stop = found.end()
        pieces.append(before_field.sub(SOH, text[at:stop]))
        if end is not None:
            data = text[stop:end]
            pieces.append(data.replace(delimiter, SOH) if as_soh else data)
            stop = end
        at = stop
    pieces.append(before_field.sub(SOH, text[at:]))
    return b"".join(pieces)


@lru_cache(maxsize=64)
def _patterns(delimiter: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """A delimiter with a field or nothing after it; a length field with another field after it."""
    spelled = re.escape(delimiter)
    before_field = re.compile(spelled + rb"(?=[0-9]{1,9}=|\Z)")
    pair = rb"(?P<length>[0-9]{1,5})=(?P<size>[0-9]{1,9})" + spelled + rb"(?P<data>[0-9]{1,5})="
    return before_field, re.compile(rb"(?<=" + spelled + rb")" + pair)


def _data_end(text: bytes, start: int, size: int, delimiter: bytes, *, as_soh: bool) -> int | None:
    """Where `size` bytes of data end, a delimiter counted as one byte (`as_soh`) or as it stands; None if nowhere."""
    end = start + size
    extra = len(delimiter) - 1
    if as_soh and extra:
        # Long enough were every second byte a delimiter.
        window = text[start : end + extra * (size // 2 + 1)].replace(delimiter, SOH)
        end += extra * window.count(SOH, 0, size)
    return end if text.startswith(delimiter, end) else None


def _with_prose(reading: Restored, delimiter: bytes) -> Restored | None:
    """The reading in which a value that people write holds `delimiter`, a number and `=`, as in `58=was|44=99`.

    Length and checksum tell how many of the fields found are part of such a value. Only if a single value can have
    them is it known which.
    """
    frame = reading.frame
    declared, stated = _NUMBER_OF_BODY.match(frame), _TRAILER.fullmatch(frame, max(0, len(frame) - _TRAILER_BYTES))
    if declared is None or stated is None:
        return None
    missing = int(declared[1]) - (len(frame) - _TRAILER_BYTES - declared.end())
    off = int(stated[1]) - checksum(frame[:-_TRAILER_BYTES])
    extra, more = len(delimiter) - 1, sum(delimiter) - 1
    fitting = [n for n in range(1, _IN_PROSE_MAX + 1) if n * extra == missing and (n * more - off) % 256 == 0]
    if not fitting:
        return None
    count = fitting[0]
    fields = frame.split(SOH)[:-1]
    prose = [at for at, field in enumerate(fields[: -count - 1]) if field.partition(b"=")[0] in PROSE_TAGS]
    if len(prose) != 1:
        return None
    at = prose[0]
    value = delimiter.join(fields[at : at + count + 1])
    times = "" if count == 1 else f" {count} times"
    note = f"a value holds `{delimiter.decode('latin-1')}`{times}: so length and checksum hold"
    joined = SOH.join([*fields[:at], value, *fields[at + count + 1 :], b""])
    return Restored(joined, f"{reading.note}; {note}" if reading.note else note)
