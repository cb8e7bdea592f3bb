"""Bytes: the framer against itself in pieces and against a second reading, the decoder against its careful path.

Looks behind the modules' public names, at the careful path and the full list of checks: the quick ones must never
come to another verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from engine.errors import GarbledMessage, ProtocolError
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec, validation
from engine.fix.wire.codec import Framer
from engine.fix.wire.message import FieldView, Message
from fuzzing import reference
from fuzzing.corpus import Corpus
from fuzzing.generating import SOH, sealed
from fuzzing.meter import Meter, hold
from fuzzing.mutation import Mutator

_MODES: Final[tuple[validation.Mode, ...]] = ("strict", "tolerant", "off")
_BOUNDS: Final = (300, 1024, 65_536)
_ONE_BY_ONE: Final = 0.04
"""Part of the streams that come byte by byte as well; all come in pieces."""
_CAREFULLY: Final = 0.25
"""Part of the messages that are decoded and validated in both ways; a part of those is read field by field."""
_NOISE: Final = b"\r\n"


class Framing:
    """A stream of good and mutated messages with noise between: pieces never matter, and frames are what they are."""

    name = "framing"
    inputs = 200_000

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._rng = rng
        self._mutator = Mutator(rng, corpus.samples)
        self._good = [sealed(sample.begin_string, SOH.join(sample.fields) + SOH) for sample in corpus.samples]

    def case(self, meter: Meter, reproduction: str) -> None:
        rng = self._rng
        parts = [self._part() for _ in range(1 + int(rng.random() * 3))]
        stream = b"".join(parts)
        bound = rng.choice(_BOUNDS)
        meter.begin()
        whole = Framer(bound)
        found = whole.feed(stream)
        meter.end(_outcome(found), len(stream), reproduction)
        frames = [each for each in found if isinstance(each, bytes)]
        hold(all(len(each) <= bound for each in frames), f"a frame beyond {bound} bytes: {stream!r}")
        expected = reference.frames(stream, bound)
        hold(frames == expected, f"frames {frames!r}, by the second reading {expected!r}: {stream!r}")
        self._in_pieces(stream, bound, whole, found)

    def _part(self) -> bytes:
        rng = self._rng
        kind = rng.random()
        if kind < 0.3:
            return rng.choice(self._good)
        if kind < 0.4:
            return self._mutator.bytes_of(_NOISE)
        if kind < 0.41:
            return self._mutator.message() * 8
        return self._mutator.message()

    def _in_pieces(self, stream: bytes, bound: int, whole: Framer, expected: Sequence[bytes | GarbledMessage]) -> None:
        rng = self._rng
        single = len(stream) < 400 and rng.random() < _ONE_BY_ONE
        cuts = range(len(stream)) if single else sorted(int(rng.random() * len(stream)) for _ in range(4))
        framer, found, largest, begin = Framer(bound), [], 1, 0
        for cut in (*cuts, len(stream)):
            piece = stream[begin:cut]
            found += framer.feed(piece)
            largest, begin = max(largest, len(piece)), cut
            hold(len(framer._buffer) <= bound + largest, f"{len(framer._buffer)} bytes kept of a bound of {bound}")
        hold(_comparable(found) == _comparable(expected), f"in pieces at {list(cuts)[:5]}: {stream!r}")
        hold(framer.dropped_bytes == whole.dropped_bytes, f"dropped {framer.dropped_bytes}: {stream!r}")

    def close(self) -> None:
        pass


class Decoding:
    """A mutated message: decoded or garbled, never anything else, and the same on the fast path and the careful one."""

    name = "decoding"
    inputs = 100_000
    _rightly_sealed = False

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._rng = rng
        self._mutator = Mutator(rng, corpus.samples)
        self._dictionaries = list(corpus.dictionaries.values())

    def case(self, meter: Meter, reproduction: str) -> None:
        rng = self._rng
        data = self._message()
        dictionary = rng.choice(self._dictionaries)
        meter.begin()
        message = _decoded(data, dictionary)
        verdicts = [] if isinstance(message, str) else [_verdict(message, dictionary, mode) for mode in _MODES]
        meter.end(message if isinstance(message, str) else verdicts[0][0], len(data), reproduction)
        if rng.random() >= _CAREFULLY:
            return
        try:
            self._check(data, dictionary, message, verdicts)
        except AssertionError as error:
            error.args = (f"{error}: {data!r}",)
            raise

    def _message(self) -> bytes:
        return self._mutator.right() if self._rightly_sealed else self._mutator.message()

    def _check(
        self, data: bytes, dictionary: Dictionary, message: Message | str, verdicts: list[tuple[str, object]]
    ) -> None:
        carefully = _decoded(data, dictionary, carefully=True)
        if isinstance(message, str) or isinstance(carefully, str):
            hold(message == carefully, f"decoded {message!r}, carefully {carefully!r}")
            return
        hold(
            (message.tags, list(message.texts)) == (carefully.tags, list(carefully.texts)),
            "the careful path reads other fields",
        )
        head, _, _ = data.partition(SOH)
        again = b"".join(b"%d=%b\x01" % field for field in message.fields)
        hold(again == data and message.fields[0][1] == head[2:], "the fields are not the bytes that came")
        slow = validation._flaws(message.texts, message.layout)
        hold((slow == []) == (verdicts[0][0] == "right"), f"every check finds {slow[:3]}, the quick ones {verdicts[0]}")
        if self._rng.random() < _CAREFULLY:
            _read_all(message)

    def close(self) -> None:
        pass


class Validation(Decoding):
    """The same of messages that all are sealed rightly: more of them come as far as the dictionary."""

    name = "validation"
    inputs = 100_000
    _rightly_sealed = True


def _outcome(found: Sequence[bytes | GarbledMessage]) -> str:
    complaints = [each.reason for each in found if isinstance(each, GarbledMessage)]
    return complaints[0] if complaints else "framed" if found else "incomplete"


def _comparable(found: Sequence[bytes | GarbledMessage]) -> list[bytes | tuple[str, str]]:
    return [each if isinstance(each, bytes) else (each.reason, str(each)) for each in found]


def _decoded(data: bytes, dictionary: Dictionary, *, carefully: bool = False) -> Message | str:
    """The message, or in a word why it is none."""
    try:
        return codec._decode_carefully(data, dictionary) if carefully else codec.decode(data, dictionary)
    except GarbledMessage as error:
        hold(len(str(error)) < 400, f"a reason of {len(str(error))} characters")
        return f"garbled: {error.reason}"


def _verdict(message: Message, dictionary: Dictionary, mode: validation.Mode) -> tuple[str, object]:
    try:
        warnings = validation.validate(message, dictionary, mode)
    except validation.FlawedMessage as flaw:
        hold(len(str(flaw)) < 400, f"a complaint of {len(str(flaw))} characters")
        return f"refused: {flaw.reason}", flaw.tag
    hold(mode != "strict" or not warnings, f"strict validation warns: {warnings}")
    hold(sum(map(len, warnings)) < 8_000, f"warnings of {sum(map(len, warnings))} characters")
    return ("tolerated" if warnings else "right"), None


def _read_all(view: FieldView, depth: int = 0) -> None:
    """Read every field of a message in every way there is: values, or ProtocolError."""
    for tag in list(view._index):
        view.bytes_of(tag)
        for read in (view.require, view.decimal, view.integer, view.timestamp_ns):
            try:
                read(tag)
            except ProtocolError as error:
                hold(error.tag == tag, f"tag {tag}: the error names {error.tag}")
        for entry in view.groups(tag):
            _read_all(entry, depth + 1)
    hold(depth < 8, "groups within groups without end")
