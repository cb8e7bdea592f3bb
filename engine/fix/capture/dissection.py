"""One captured frame taken apart: every field of it, and everything that is wrong with the frame.

`engine.fix.wire.codec.decode` stops at the first thing that is wrong, as a session must. Whoever reads a log wants the
rest as well: the fields of a message with a wrong checksum, and both its length and its checksum if both are wrong.
A frame has no fault here exactly when `decode` takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from engine.errors import GarbledMessage
from engine.fix.standard.dictionary import Dictionary, Entry, Layout, read_tags
from engine.fix.wire.codec import checksum, decode
from engine.fix.wire.message import Message
from engine.masking import SECRET_TAGS

_SOH: Final = b"\x01"
_FIRST_FIELDS: Final = ("8", "9", "35")
_NAMES: Final = {"8": "BeginString(8)", "9": "BodyLength(9)", "35": "MsgType(35)"}
_SHOWN_MAX: Final = 20
_FAULTS_MAX: Final = 20
"""Pieces of one frame that are no fields and are named as such."""


class Kind(StrEnum):
    """What may be wrong with a frame."""

    LENGTH = "length"
    CHECKSUM = "checksum"
    FIRST_FIELDS = "first_fields"
    FIELD = "field"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a frame: for a length or a checksum, what it says and what was found."""

    kind: Kind
    text: str
    stated: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field as written: `tag` is -1 and `token` the text where there is no tag. Secret ones are not to be shown."""

    token: str
    tag: int
    value: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Dissection:
    """A frame taken apart; `message` is there if it has no fault."""

    frame: bytes
    fields: tuple[Field, ...]
    layout: Layout = field(compare=False)
    faults: tuple[Fault, ...]
    message: Message | None

    @property
    def msg_type(self) -> str:
        """MsgType(35), wherever it stands; empty when absent."""
        return self.get(35) or ""

    @property
    def is_masked(self) -> bool:
        """Whether a secret was masked where this was written, so that length and checksum are of another message."""
        return any(each.is_secret and each.tag >= 0 and _is_mask(each.value) for each in self.fields)

    def get(self, tag: int) -> str | None:
        """The first value of `tag`; None when it is absent."""
        return next((each.value for each in self.fields if each.tag == tag), None)


def dissect(frame: bytes, dictionary: Dictionary, *, is_whole: bool = True) -> Dissection:
    """The fields of `frame` and its faults. `is_whole` is False for what has no CheckSum(10) at its end."""
    try:
        message = decode(frame, dictionary)
    except GarbledMessage as error:
        return _dissect_garbled(frame, dictionary, is_whole=is_whole, first=error)
    fields = tuple(
        Field(str(tag), tag, value, tag in SECRET_TAGS) for tag, value in zip(message.tags, message.texts, strict=True)
    )
    return Dissection(frame, fields, message.layout, (), message)


def _dissect_garbled(frame: bytes, dictionary: Dictionary, *, is_whole: bool, first: GarbledMessage) -> Dissection:
    faults: list[Fault] = []
    found = tuple(_fields(frame, dictionary, faults))
    tokens = [each.token for each in found]
    if len(faults) > _FAULTS_MAX:
        faults[_FAULTS_MAX:] = [Fault(Kind.FIELD, f"and {len(faults) - _FAULTS_MAX} more such")]
    faults = [*_first_fields(tokens), *faults]
    if not is_whole or tokens[-1:] != ["10"]:
        faults.append(Fault(Kind.CUT_OFF, "cut off: no CheckSum(10) at its end"))
    else:
        faults += _sums(frame, found)
    if not faults:
        faults.append(Fault(Kind(first.reason), str(first)))
    # Groups are told apart by tags: fields without one end a group, as any other would.
    msg_type = next((each.value for each in found if each.tag == 35), "")
    layout = Layout(dictionary, msg_type, tuple(each.tag for each in found))
    return Dissection(frame, found, layout, tuple(faults), None)


def _fields(frame: bytes, dictionary: Dictionary, faults: list[Fault]) -> Iterator[Field]:
    """Every field, whatever it looks like; what is none goes to `faults` as well."""
    try:
        frame.decode()
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    position, end = 0, len(frame)
    last_tag, last_value = -1, ""
    is_secret, is_all_secret = False, False
    while position < end:
        soh = frame.find(_SOH, position)
        soh = end if soh < 0 else soh
        token_bytes, equals, value_bytes = frame[position:soh].partition(b"=")
        token, tag = token_bytes.decode(encoding, "replace"), -1
        try:
            (tag,) = read_tags((token,)) if equals else (-1,)
        except ValueError:
            equals = b""
        if not equals:
            faults.append(Fault(Kind.FIELD, f"no tag=value at byte {position}"))
        length_tag = dictionary.data_lengths.get(tag)
        if length_tag is not None and length_tag == last_tag:
            start = position + len(token_bytes) + 1
            data_end = start + int(last_value) if last_value.isdigit() and len(last_value) < 10 else -1
            if frame[data_end : data_end + 1] == _SOH and data_end >= start:
                soh, value_bytes = data_end, frame[start:data_end]
            elif not (tag in SECRET_TAGS and _is_mask(value_bytes.decode(encoding, "replace"))):
                faults.append(Fault(Kind.FIELD, f"data field {tag} does not end after its length, {last_value[:12]}"))
                # Where it ends is not known, so nothing behind it can be shown.
                is_all_secret = is_all_secret or tag in SECRET_TAGS
        value = value_bytes.decode(encoding, "replace")
        # A piece without a tag behind a secret may be more of it.
        is_secret = tag in SECRET_TAGS or (is_secret and not equals) or (is_all_secret and tag != 10)
        yield Field(token if equals else "", tag, value if equals else frame[position:soh].decode(encoding), is_secret)
        last_tag, last_value = tag, value
        position = soh + 1


def _is_mask(value: str) -> bool:
    return value != "" and not value.strip("*")


def _first_fields(tokens: Sequence[str]) -> Iterator[Fault]:
    """BeginString(8), BodyLength(9) and MsgType(35): the first three, in that order."""
    if tuple(tokens[:3]) == _FIRST_FIELDS:
        return
    missing = [_NAMES[token] for token in _FIRST_FIELDS if token not in tokens]
    if missing:
        yield Fault(Kind.FIRST_FIELDS, f"{' and '.join(missing)} missing: a message begins with 8, 9 and 35")
    else:
        found = ", ".join(token[:9] for token in tokens[:3])
        yield Fault(Kind.FIRST_FIELDS, f"begins with {found}: expected 8, 9 and 35")


def _sums(frame: bytes, fields: Sequence[Field]) -> Iterator[Fault]:
    """BodyLength(9) and CheckSum(10), each against what is there; the frame ends with a 10."""
    trailer = frame.rindex(b"10=")
    declared = next((each.value for each in fields[:2] if each.tag == 9), None)
    if declared is not None:
        body = frame.index(_SOH, frame.index(b"9=", 0 if frame.startswith(b"9=") else frame.find(_SOH))) + 1
        actual = str(trailer - body)
        if declared != actual and declared.lstrip("0") != actual:
            shown = declared[:_SHOWN_MAX]
            yield Fault(Kind.LENGTH, f"BodyLength(9) is {shown}, found {actual}", shown, actual)
    stated, computed = fields[-1].value, f"{checksum(frame[:trailer]):03d}"
    # Of a message that lost its beginning the sum cannot be known.
    if stated != computed and fields[0].tag == 8:
        shown = stated[:_SHOWN_MAX]
        yield Fault(Kind.CHECKSUM, f"CheckSum(10) is {shown}, computed {computed}", shown, computed)


@dataclass(frozen=True, slots=True)
class Nesting:
    """Where one field stands: how many groups deep, and the number of the entry that it begins, or 0."""

    depth: int
    entry: int


_TOP: Final = Nesting(0, 0)


def nesting(layout: Layout) -> list[Nesting]:
    """The place of every field among the groups of its message, in wire order."""
    places = [_TOP] * len(layout.tags)

    def enter(groups: Sequence[tuple[Entry, ...]], depth: int) -> None:
        for entries in groups:
            for number, entry in enumerate(entries, 1):
                first = min(entry.index.values())
                for position in entry.index.values():
                    places[position] = Nesting(depth, number if position == first else 0)
                enter(tuple(entry.groups.values()), depth + 1)

    enter(tuple(layout.groups.values()), 1)
    return places
