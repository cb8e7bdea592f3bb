"""The choices that journals and warehouses keep: who was a candidate for each round, and what was left to chance.

Kept in a database of its own that SQLite puts into a temporary file once it outgrows its cache: a desk of fifty dealers
has a kilobyte of them a round.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.domain import events as e
from engine.domain.observation import RoundSeen
from engine.domain.recommendation import Recommendation, Selection
from engine.journal.archive import ReadOnly
from engine.journal.events import events_in
from engine.research.draws import Draws, draws_of, of_sent
from engine.research.progress import Progress, silent

_NAMES: Final = frozenset({"OrderRecommended", "RfqOpened"})
_WAITING_MAX: Final = 100_000
"""Orders whose last recommendation is kept until a round of it is opened."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for one round: of whom, at most how many, and what a draw could have made of it.

    `is_kept` is False for a round that others tell of: its candidates are not known, and of its draw at most the chance
    of its own panel.
    """

    draws: Draws
    candidates: tuple[str, ...]
    most: int
    at_most: int | None = None
    """How many may know of it."""
    is_protected: bool = False
    is_kept: bool = True


def choice_of(made: Selection, *, is_protected: bool = False) -> Choice:
    """What the journal keeps of a choice, as far as another policy is held against it."""
    most = made.wanted if made.wanted is not None else max(1, len(made.chosen))
    limited = most if made.at_most is None else min(most, made.at_most)
    return Choice(draws_of(made), made.candidates, limited, made.at_most, is_protected)


class Choices:
    """By round. Use in one thread."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Recommendation] = {}
        """By desk and order."""
        self._file = sqlite3.connect("", isolation_level=None)  # No name: temporary, on disk where it is large.
        self._file.execute("CREATE TABLE made(source TEXT, rfq_id TEXT, round INTEGER, body BLOB)")
        self._file.execute("CREATE INDEX by_round ON made(source, rfq_id, round)")

    def read(self, journal: Path, source: str, progress: Progress = silent) -> None:
        """Take in the choices of a journal, whose own rounds have this source. Raises JournalError if it is none."""
        with ReadOnly(journal) as file:
            self._begin()
            for event in events_in(file, _NAMES, file.head().event_seq, progress=progress):
                self._take(source, event)
            self._end()

    def read_warehouse(self, folder: Path, progress: Progress = silent) -> None:
        """Take in the choices of all desks of a warehouse. Raises ConfigError where there is none."""
        from engine.research.warehouse.reading import events_of  # Half a second of imports, for those who have one.

        self._begin()
        for source, event in events_of(folder, _NAMES, progress):
            self._take(source, event)
        self._end()

    def _begin(self) -> None:
        self._latest.clear()
        self._file.execute("BEGIN")

    def _end(self) -> None:
        self._latest.clear()
        self._file.execute("COMMIT")

    def _take(self, source: str, event: Any) -> None:
        latest, order = self._latest, (source, event.order_id)
        if isinstance(event, e.OrderRecommended):
            while len(latest) >= _WAITING_MAX:
                del latest[next(iter(latest))]
            latest[order] = event.recommendation
        else:
            self._opened(source, event, latest.pop(order, None))

    def put(self, source: str, rfq_id: str, round_number: int, choice: Choice) -> None:
        """Keep the choice of a round."""
        body = pickle.dumps(choice, protocol=pickle.HIGHEST_PROTOCOL)
        self._file.execute("INSERT INTO made VALUES(?, ?, ?, ?)", (source, rfq_id, round_number, body))

    def _opened(self, source: str, opened: e.RfqOpened, advice: Recommendation | None) -> None:
        made = advice.selection if advice is not None else None
        if advice is None or made is None or made.round != opened.round:
            return
        self.put(source, opened.rfq_id, opened.round, choice_of(made, is_protected=bool(advice.protections)))

    def of(self, seen: RoundSeen, tried: Sequence[str]) -> Choice:
        """The choice behind a round; of one that nobody kept, what the round itself tells, among those `tried`."""
        query = "SELECT body FROM made WHERE source = ? AND rfq_id = ? AND round = ?"
        found = self._file.execute(query, (seen.source, seen.rfq_id, seen.round)).fetchone()
        if found is not None:
            choice: Choice = pickle.loads(found[0])
            return replace(choice, draws=choice.draws.among(seen.informed, choice.at_most))
        asked = [ask.dealer for ask in seen.asks]
        p = 1.0 if seen.p_panel is None else seen.p_panel
        candidates = tuple(sorted({*tried, *asked}))
        return Choice(of_sent(frozenset(asked), p), candidates, max(1, seen.n_asked), is_kept=False)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Choices:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
