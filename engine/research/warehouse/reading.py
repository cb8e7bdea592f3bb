"""The rounds of a warehouse, a day at a time, to the bit as the journals tell of them.

`body` of the tables `rounds` and `marks` is what the journal has: it is folded as the journal would be. Everything that
is told of a round stands under the day on which it was sent.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.clock import NS_PER_DAY
from engine.desk.past.telling import Early, answered, tell
from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.domain.rows import changed
from engine.journal.event_codec import Codec
from engine.journal.events import events_codec
from engine.market.calendars import day_number, utc_date
from engine.research.progress import Progress, silent
from engine.research.warehouse.parts import Committed, committed_of, days_of, desks_of, files_of, journal_of
from engine.research.warehouse.tables import EVENTS, MARKS, ROUNDS, SEQ

_Told = tuple[int, int, str, int, str]
"""Event, place beside others of the same one, its type, version and body."""


def rounds_of(
    folder: Path,
    begin_ns: int | None = None,
    end_ns: int | None = None,
    desks: Sequence[str] = (),
    progress: Progress = silent,
) -> Iterator[RoundTold]:
    """The rounds that were sent from `begin_ns` on and before `end_ns`, of these desks or of all, by sent_ns.

    What a desk asked itself comes from its name, what others told of from where they said; a journal that does not go
    on from another of its desk numbers its rounds anew, and they come from `desk@journal`. Held is one day. Raises
    ConfigError where there is no such warehouse or desk.
    """
    codec = events_codec()
    committed = {desk: committed_of(folder, desk) for desk in desks_of(folder, desks)}
    days = sorted({day for desk in committed for day in days_of(folder, ROUNDS, desk)})
    days = [day for day in days if _is_within(day, begin_ns, end_ns)]
    for place, day in enumerate(days, 1):
        told: list[RoundTold] = []
        for desk, journals in committed.items():
            told += _of_day(folder, desk, journals, day, codec)
        told.sort(key=_order)
        for one in told:
            sent_ns = one.seen.sent_ns
            if (begin_ns is None or sent_ns >= begin_ns) and (end_ns is None or sent_ns < end_ns):
                yield one
        progress(place, len(days))


def events_of(folder: Path, kinds: Collection[str], progress: Progress = silent) -> Iterator[tuple[str, e.Event]]:
    """Events of these types, each with what the rounds of its desk come from; of one journal in their order.

    Held is one file. Raises ConfigError where there is no such warehouse.
    """
    codec = events_codec()
    wanted = [("type", "in", sorted(kinds))]
    files = [
        (journals[name].source or desk, path)
        for desk in desks_of(folder)
        for journals in (committed_of(folder, desk),)
        for name in sorted(journals, key=lambda each: journals[each].first_ns)
        for day in sorted(days_of(folder, EVENTS, desk))
        for path in files_of(folder, EVENTS, desk, day)
        if journal_of(path) == name
    ]
    for done, (source, path) in enumerate(files, 1):
        data = pq.read_table(path, columns=["type", "version", "body"], filters=wanted)
        for kind, version, body in zip(*(data[name].to_pylist() for name in data.column_names), strict=True):
            yield source, codec.decode(kind, version, body)
        progress(done, len(files))


def _of_day(
    folder: Path, desk: str, journals: dict[str, Committed], day: datetime.date, codec: Codec
) -> Iterator[RoundTold]:
    """Journals that go on from each other are one: what an earlier one began may end in a later one."""
    by_source: dict[str, list[str]] = {}
    for name in sorted(journals, key=lambda each: journals[each].first_ns):
        by_source.setdefault(journals[name].source or desk, []).append(name)
    for source, names in by_source.items():
        own: dict[str, RoundTold] = {}
        early: Early = {}
        for name in names:
            for _, _, kind, version, body in sorted(_told_in(folder, desk, name, day)):
                for one in tell(codec.decode(kind, version, body), own, early):
                    if (known := answered(one)) is not None:
                        yield known
        for one in own.values():
            if (known := answered(one)) is not None:
                yield changed(known, seen=changed(known.seen, source=source))


def _told_in(folder: Path, desk: str, journal: str, day: datetime.date) -> Iterator[_Told]:
    """The events of one journal that tell of rounds of a day, in no order."""
    place = 0
    for path in files_of(folder, ROUNDS, desk, day):
        if journal_of(path) == journal:
            for seq, kind, version, body in _columns(path, SEQ, "told_by", "version", "body"):
                place += 1
                yield seq, place, kind, version, body
    for path in files_of(folder, MARKS, desk, day):
        if journal_of(path) == journal:
            for seq, after, version, body in _columns(path, SEQ, "after", "version", "body"):
                if after == "round" and body is not None:
                    place += 1
                    yield seq, place, "RoundMarked", version, body


def _columns(path: Path, *names: str) -> Iterator[tuple[Any, ...]]:
    data = pq.ParquetFile(path).read(columns=list(names))
    yield from zip(*(data[name].to_pylist() for name in names), strict=True)


def _is_within(day: datetime.date, begin_ns: int | None, end_ns: int | None) -> bool:
    if begin_ns is not None and day < utc_date(begin_ns):
        return False
    return end_ns is None or day_number(day) * NS_PER_DAY < end_ns


def _order(told: RoundTold) -> tuple[int, str, str, int]:
    seen = told.seen
    return seen.sent_ns, seen.source, seen.rfq_id, seen.round
