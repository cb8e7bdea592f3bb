"""What a log writes before a message on its line: when, and whether it came or went."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CLOCK: Final = r"[0-2][0-9]:[0-5][0-9]:[0-6][0-9](?:[.,:][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_DAY: Final = r"[0-9]{4}([-/.]?)[0-9]{2}\1[0-9]{2}|[0-9]{1,2}[-/. ](?:[0-9]{2}|[A-Z][a-z]{2})[-/. ][0-9]{4}"
_TIME: Final = re.compile(rf"(?<![0-9])(?:(?:{_DAY})[T _-] ?)?{_CLOCK}(?![0-9])")
_EPOCH: Final = re.compile(r"(?<![0-9.])1[0-9]{9}(?:\.[0-9]{1,9}|[0-9]{3}|[0-9]{6}|[0-9]{9})?(?![0-9.])")

# Words before arrows: `<time, FIX.4.4:OURS->THEIRS, incoming>` has both. Short ones only as they stand in a column.
_IN: Final = r"(?i:incoming|inbound|received|receive|recv|rcvd|fromApp|fromAdmin)|IN|RX"
_OUT: Final = r"(?i:outgoing|outbound|sending|sent|send|toApp|toAdmin)|OUT|TX"
_WORD: Final = re.compile(rf"(?<![A-Za-z])(?:(?P<came>{_IN})|(?P<went>{_OUT}))(?![A-Za-z])")
_ARROW: Final = re.compile(r"(?<![\w<>-])(?:(?P<came><-+|<{1,3}|←|<=+)|(?P<went>-+>|>{1,3}|→|=+>))(?![\w<>-])")


@dataclass(frozen=True, slots=True)
class LogPrefix:
    """`time` as the log wrote it, empty if it did not; `direction` is `in`, `out` or empty."""

    time: str = ""
    direction: str = ""


def read_prefix(prefix: bytes) -> LogPrefix:
    """The first time and the first direction in what stands before a message."""
    if len(prefix) < 2:
        return LogPrefix(direction={b"<": "in", b">": "out"}.get(prefix, ""))
    text = prefix.decode("utf-8", "replace")
    time = _TIME.search(text) or _EPOCH.search(text)
    told = _WORD.search(text) or _ARROW.search(text)
    direction = "" if told is None else "in" if told["came"] else "out"
    return LogPrefix(time[0] if time else "", direction)
