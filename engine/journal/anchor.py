"""Anchors: heads of the chain kept outside the database, one JSON line each, in `<journal>.anchor`.

The chain alone cannot tell a journal from one whose last turns were cut off. An anchor can, for everything up to it;
whoever ships the lines elsewhere (a log collector, say) can hold the file's owner to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson


class Anchor(NamedTuple):
    """At `utc_ns` the last committed turn was `turn_seq` and its chain hash `hash`."""

    utc_ns: int
    turn_seq: int
    hash: bytes
    journal_id: str


def to_line(anchor: Anchor) -> bytes:
    record = anchor._asdict() | {"hash": anchor.hash.hex()}
    # A newline on both sides: a line torn by a power loss does not spoil the next one. Empty lines mean nothing.
    return b"\n" + orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def from_lines(lines: Iterable[bytes]) -> tuple[list[Anchor], list[int]]:
    """Anchors in file order, and the numbers (from 1) of lines that are none: torn by a crash, or tampered with."""
    anchors: list[Anchor] = []
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
            anchors.append(
                Anchor(
                    int(record["utc_ns"]),
                    int(record["turn_seq"]),
                    bytes.fromhex(record["hash"]),
                    str(record["journal_id"]),
                )
            )
        except (ValueError, KeyError, TypeError):
            unreadable.append(number)
    return anchors, unreadable
