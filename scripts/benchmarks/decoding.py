"""Wire to message: length, checksum, groups and validation of a 45-field ExecutionReport(8)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from benchmarks import peers
from benchmarks.measuring import Effort, Line, alternate
from benchmarks.messages import reports

WHAT = "decode, verify, validate 45 fields"


def measure(effort: Effort) -> list[Line]:
    candidates = {name: made for name, make in _MAKERS.items() if (made := make()) is not None}
    found = alternate(candidates, effort)
    ours = found["ours"]
    return [
        Line(WHAT, "us", ours, "QuickFIX Python, validated", found.get("quickfix"), 1.0),
        Line(WHAT, "us", ours, "fixcore, validated", found.get("fixcore"), 1 / 3),
        Line(WHAT, "us", ours, "simplefix, no checks", found.get("simplefix"), None),
    ]


def _ours() -> Callable[[], object]:
    from engine.fix.standard.dictionaries import built_in
    from engine.fix.wire.codec import decode
    from engine.fix.wire.validation import validate

    dictionary, frames = built_in("FIX.4.4"), cycle(reports())

    def call() -> None:
        problems = validate(decode(next(frames), dictionary), dictionary, "strict")
        assert not problems

    return call


def _quickfix() -> Callable[[], object] | None:
    quickfix = peers.find("quickfix")
    if quickfix is None:
        return None
    dictionary = quickfix.DataDictionary(str(peers.quickfix_dictionary()))
    frames = cycle([frame.decode() for frame in reports()])  # Its binding takes text: not counted against it.
    message = quickfix.Message

    def call() -> None:
        dictionary.validate(message(next(frames), dictionary, True))

    return call


def _fixcore() -> Callable[[], object] | None:
    if peers.find("fixcore") is None:
        return None
    from fixcore.message.data_dictionary import load_data_dictionary
    from fixcore.message.message import Message

    dictionary, frames = load_data_dictionary("FIX44.xml"), cycle(reports())

    def call() -> None:
        message = Message.decode(next(frames), dictionary)
        dictionary.validate(message, check_field_values=True, check_has_values=True)

    return call


def _simplefix() -> Callable[[], object] | None:
    if peers.find("simplefix") is None:
        return None
    from simplefix import FixParser

    parser, frames = FixParser(), cycle(reports())

    def call() -> None:
        parser.append_buffer(next(frames))
        assert parser.get_message() is not None

    return call


_MAKERS = {"ours": _ours, "quickfix": _quickfix, "fixcore": _fixcore, "simplefix": _simplefix}
