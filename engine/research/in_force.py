"""What a desk decided by at a time of the past: made again from the texts that its journal keeps.

Every start and every reload names the texts in force by their hashes, and each text stands in the journal once. So the
desk of then has the dealers, limits, scores, bonds, calendars and rates of then, whatever the files say by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from engine.boot import assembly, session_settings
from engine.clock import NS_PER_S
from engine.config import Config, ConfigProblems, dealers_in, recalled
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.setting import Desk
from engine.domain.events import EngineStarted, Reloaded
from engine.domain.instrument import Security
from engine.errors import ConfigError, RuleError
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec
from engine.research.facts import FactsThen
from engine.rules import Book, Source, compile_book
from engine.rules.source import apart
from engine.selection.ranking import Rankings

_NO_CONFIGURATION: Final = ("rules", "securities", "people", "tls")
"""Kinds of texts that `recalled` has no use for."""
_STARTS: Final = "SELECT type, version, body FROM events WHERE type IN ('EngineStarted', 'Reloaded') ORDER BY seq"
_LAST: Final = f"{_STARTS} DESC LIMIT 1"
_NO_BOOK: Final = Source("none.rules", 'rule "none"\n  when true\n  ask top 1\n')
"""Stands where a book of then makes no book any more: nobody is told what it says."""


class TextsThen:
    """The desks of a journal. `path` is where its engine.toml is, or was."""

    def __init__(self, file: ReadOnly, path: Path, facts: FactsThen) -> None:
        self._file = file
        self._path = path
        self._facts = facts
        self._windows: frozenset[int] = frozenset()
        self._configs: dict[tuple[tuple[str, str], ...], Config] = {}
        self._bonds: dict[str, dict[str, Security]] = {}
        self._books: dict[str, Book | None] = {}
        self._in_force: dict[str, str] = {}
        self._base_currency = "USD"
        self._usable: Config | None = None
        self._last_in_force: dict[str, str] | None = None
        self.stand_ins: list[str] = []
        """Texts of then that this build cannot read, and what stands in for them."""

    @property
    def base_currency(self) -> str:
        """Of the journal's last start or reload. Raises ConfigError where it says nothing of it."""
        return recalled(self._path, self._texts(self._last())).engine.base_currency

    def running(self) -> Book:
        """The book that was in force last. Raises ConfigError where it makes no book any more."""
        self._base_currency = self.base_currency
        found = self.book(self._last().get("rules", ""))
        if found is None:
            raise ConfigError(f"{self._file.path}: the rule book in force last makes no book any more")
        return found

    def want(self, windows: Iterable[int]) -> None:
        """Desks from now on keep dealers' records over these days, too: books that are to decide look at them."""
        self._windows |= frozenset(windows)

    def _last(self) -> dict[str, str]:
        if self._last_in_force is None:
            for row in self._file.query(_LAST):
                self._last_in_force = _hashes(row)
        if self._last_in_force is None:
            raise ConfigError(f"{self._file.path}: no engine has ever started on it")
        return self._last_in_force

    def desk_of(self, event: EngineStarted | Reloaded) -> Desk:
        """What was decided by from this event on, nothing learnt and no price heard yet.

        Where this build can read a configuration no more, the one before it stands in, of the first ones the next that
        can be read. Raises ConfigError where there is none.
        """
        self._in_force |= {each.kind: each.hash for each in event.in_force}
        config = self._config(event.at_ns)
        self._base_currency = config.engine.base_currency
        book = self.book(self._in_force.get("rules", ""))
        if book is None:
            book = compile_book([_NO_BOOK], catalogue(None, self._base_currency))
        settings = {each.key: session_settings.schedule(each.schedule) for each in config.sessions if each.schedule}
        desk = assembly.desk(config, book, self._securities(event.at_ns), settings)
        desk.learning = Learning(config.scoring.estimate_parameters)
        windows = frozenset(desk.stats.parameters.windows_days) | self._windows
        if windows != frozenset(desk.stats.parameters.windows_days):
            half_life = desk.stats.parameters.half_life_days
            desk.stats = DealerStats(StatsParameters(windows_days=tuple(sorted(windows)), half_life_days=half_life))
            desk.rankings = Rankings(desk.stats, desk.dealers.ids)
        return desk

    def book(self, book_hash: str) -> Book | None:
        """A book that was in force, by its hash; None where its text makes no book any more, or is not there."""
        if book_hash not in self._books:
            found = None
            for (text,) in self._file.query("SELECT text FROM rule_books WHERE hash = ?", (book_hash,)):
                try:
                    # Dealers that it names may have left since.
                    found = compile_book(apart(text), self._facts.over(catalogue(None, self._base_currency)))
                except RuleError:
                    continue
            self._books[book_hash] = found
        return self._books[book_hash]

    def _config(self, at_ns: int) -> Config:
        key = tuple(sorted((kind, found) for kind, found in self._in_force.items() if kind not in _NO_CONFIGURATION))
        if key not in self._configs:
            try:
                self._usable = recalled(self._path, self._texts(dict(key)))
            except ConfigProblems as error:
                which = "the one before" if self._usable is not None else "the next that can be read"
                self._usable = self._usable or self._first_usable(error)
                self.stand_ins.append(
                    f"this build cannot read the configuration of {_day(at_ns)}, {which} stands in: {error.problems[0]}"
                )
            self._configs = {key: self._usable}
        return self._configs[key]

    def _first_usable(self, error: ConfigProblems) -> Config:
        for row in self._file.query(_STARTS):
            with suppress(ConfigProblems):
                return recalled(self._path, self._texts(_hashes(row)))
        raise error

    def _texts(self, hashes: Mapping[str, str]) -> dict[str, str]:
        found = {kind: self._text(each) for kind, each in hashes.items() if kind not in _NO_CONFIGURATION}
        return {kind: text for kind, text in found.items() if text is not None}

    def _securities(self, at_ns: int) -> dict[str, Security]:
        """What its file says of trading is of the day on which it was first read: the journal knows no better."""
        text_hash = self._in_force.get("securities", "")
        if text_hash not in self._bonds:
            day = datetime.fromtimestamp(at_ns // NS_PER_S, UTC).date()
            text = self._text(text_hash) or ""
            self._bonds = {text_hash: dict(assembly.security_master(text, day, kept=True).bonds)}
        return self._bonds[text_hash]

    def _text(self, text_hash: str) -> str | None:
        rows = self._file.query("SELECT text FROM configs WHERE hash = ? LIMIT 1", (text_hash,))
        return str(rows[0][0]) if rows else None


def _hashes(row: tuple[Any, ...]) -> dict[str, str]:
    event = events_codec().decode(*row)
    assert isinstance(event, EngineStarted | Reloaded)
    return {each.kind: each.hash for each in event.in_force}


def dealers_ever(file: ReadOnly) -> frozenset[str]:
    """Everybody whom a text of the journal has as a dealer."""
    found: set[str] = set()
    for (text,) in file.query("SELECT text FROM configs WHERE text LIKE '%[[dealer]]%'"):
        found |= {each.id for each in dealers_in(text)}
    return frozenset(found)


def _day(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
