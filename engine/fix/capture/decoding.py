"""Captured messages read: found, put back to bytes, taken apart, validated, and read a second time by simplefix.

Pure: bytes in, values out. How they are shown is for `engine.admin.fix_messages`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from engine.fix.capture.continuity import Continuity
from engine.fix.capture.dissection import Dissection, Kind, dissect
from engine.fix.capture.finding import Capture, Captured
from engine.fix.capture.log_prefix import LogPrefix, read_prefix
from engine.fix.capture.recoding import Recoder
from engine.fix.capture.rendered import restore
from engine.fix.capture.value_names import meanings
from engine.fix.flows.second_opinion import SecondReader
from engine.fix.standard.dictionary_messages import MSG_TYPE_NAMES
from engine.fix.standard.shelf import FIXT, Choice, Shelf
from engine.fix.wire.validation import Mode, every_flaw

DICTIONARY: Final = "dictionary"
READINGS: Final = "readings"
"""Kinds of what is wrong beside those of `dissection.Kind`: against the dictionary, and two readings that differ."""

_OF_A_MASK: Final = frozenset({Kind.LENGTH, Kind.CHECKSUM})
_KINDS_MAX: Final = 500
_OTHERS: Final = "(others)"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing wrong with a message; `stated` and `found` for a length or a checksum."""

    kind: str
    text: str
    stated: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """One message of a capture. `notes` are worth a look and no fault of the message."""

    number: int
    captured: Captured
    before: LogPrefix
    parts: Dissection
    choice: Choice
    wrong: tuple[Wrong, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What a capture held. A message counts once in `wrong`, and once for each of its kinds in `kinds`."""

    messages: int = 0
    wrong: int = 0
    compared: int = 0
    gaps: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    types: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By MsgType(35) and its name."""
    stand_ins: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the version that has no dictionary and the one that stood in."""


class Decoder:
    """Decodes one capture; `tally` and the counts of `capture` are complete after `finish`.

    simplefix's reading costs more than all the rest, some 150 us a message of 25 fields; without it `second` is None.
    """

    def __init__(self, shelf: Shelf, mode: Mode = "tolerant", *, reads_twice: bool = True) -> None:
        self.capture = Capture()
        self._recoder = Recoder()
        self.tally = Tally()
        self.second = SecondReader() if reads_twice else None
        self._shelf = shelf
        self._mode: Mode = mode
        self._continuity = Continuity()

    def feed(self, data: bytes) -> Iterator[Decoded]:
        """The messages that `data` completes. Raises CommandError for gzip that is broken."""
        for piece in self._recoder.feed(data):
            yield from map(self._decode, self.capture.feed(piece))

    def finish(self) -> Iterator[Decoded]:
        """The messages that only the end completes. Raises CommandError for gzip that ends too soon."""
        for piece in self._recoder.finish():
            yield from map(self._decode, self.capture.feed(piece))
        yield from map(self._decode, self.capture.finish())

    def unread(self) -> str:
        """What could not be read, in words; empty where nothing is known to be missing."""
        count, line = self.capture.unread, self.capture.unread_line
        if self._recoder.packed:
            return f"this is {self._recoder.packed}: unpack it first; gzip is read as it is"
        if count:
            lines = "1 line looks" if count == 1 else f"{count:,} lines look"
            return f"{lines} like FIX and could not be read, first line {line}: fields without a known SOH"
        if self._recoder.size and not self.tally.messages:
            return (
                f"no FIX message in {self._recoder.size:,} bytes: expected 8=FIX... with SOH between the fields, "
                "or a sign for it such as | or ^A"
            )
        return ""

    def _decode(self, captured: Captured) -> Decoded:
        text, delimiter = captured.text, captured.delimiter
        begin_string = text[2 : text.index(delimiter)].decode("latin-1") if text.startswith(b"8=") else ""
        choice = self._shelf.choose(begin_string)
        restored = restore(text, delimiter, choice.dictionary.data_lengths)
        if begin_string == FIXT:
            choice = self._shelf.choose(begin_string, self._appl_ver_id(restored.frame))
        parts = dissect(restored.frame, choice.dictionary, is_whole=captured.is_whole)
        wrong = [Wrong(fault.kind, fault.text, fault.stated, fault.found) for fault in parts.faults]
        notes = [restored.note] if restored.note else []
        if parts.is_masked and parts.faults and all(fault.kind in _OF_A_MASK for fault in parts.faults):
            wrong = []
            notes.append("a secret was masked where this was written: length and checksum cannot be verified")
        if captured.noise:
            notes.insert(0, f"{captured.skipped} bytes before it are in no message, {captured.noise} of them no text")
        if parts.message is not None:
            more, remarks = self._judge(parts, choice)
            wrong += more
            notes += remarks
        gap = self._continuity.look(parts.message or parts)
        if gap is not None:
            self.tally.gaps += 1
            notes.append(gap)
        self._count(parts, choice, wrong)
        before = read_prefix(captured.prefix)
        return Decoded(self.tally.messages, captured, before, parts, choice, tuple(wrong), tuple(notes))

    def _appl_ver_id(self, frame: bytes) -> str | None:
        sender, target = _value(frame, b"49") or "", _value(frame, b"56") or ""
        return self._shelf.appl_ver_id(_value(frame, b"1128"), _value(frame, b"1137"), sender, target)

    def _judge(self, parts: Dissection, choice: Choice) -> tuple[list[Wrong], list[str]]:
        """What is wrong with the content of a good frame, and what is worth a note."""
        message = parts.message
        assert message is not None
        wrong: list[Wrong] = []
        notes: list[str] = []
        if self._mode != "off" and not choice.instead_of:
            for flaw, is_tolerable in every_flaw(message, choice.dictionary):
                if is_tolerable and self._mode == "tolerant":
                    notes.append(flaw.detail)
                else:
                    wrong.append(Wrong(DICTIONARY, flaw.detail))
        if self.second is not None:
            disagreements = self.second.disagreements(message, choice.dictionary.data_lengths)
            self.tally.compared += 1
            wrong += [Wrong(READINGS, line) for line in disagreements]
        return wrong, notes

    def _count(self, parts: Dissection, choice: Choice, wrong: Iterable[Wrong]) -> None:
        tally = self.tally
        tally.messages += 1
        kinds = {each.kind for each in wrong}
        tally.wrong += bool(kinds)
        tally.kinds.update(kinds)
        kind = (parts.msg_type, type_name(parts.msg_type, choice))
        tally.types[kind if kind in tally.types or len(tally.types) < _KINDS_MAX else (_OTHERS, "")] += 1
        if choice.instead_of:
            pair = (choice.instead_of, choice.name)
            tally.stand_ins[
                pair if pair in tally.stand_ins or len(tally.stand_ins) < _KINDS_MAX else (_OTHERS, "")
            ] += 1


def type_name(msg_type: str, choice: Choice) -> str:
    """The name of a MsgType(35), empty where none is known."""
    definition = choice.dictionary.messages.get(msg_type)
    if definition is not None:
        return definition.name
    types = choice.dictionary.fields.get(35)
    return (meanings(types).get(msg_type) if types else None) or MSG_TYPE_NAMES.get(msg_type, "")


def _value(frame: bytes, tag: bytes) -> str | None:
    """The value of a field whose dictionary is not chosen yet."""
    found = re.search(rb"\x01" + tag + rb"=([^\x01]*)\x01", frame)
    return found[1].decode("latin-1") if found else None
