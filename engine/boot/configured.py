"""Everything that was read and found good together: configuration, rule book, securities, certificates.

`read` is for a start, where a text that was in force before may stand in for a file that is broken: open orders must
not be left without an engine. `read_again` is for a reload, which takes all of what it was asked for, or nothing.

A new kind of file has its dataclass in a module of `engine.config`, is read and named in `engine.config.load`, and is
put to use in `boot.assembly`, as a field of what the desk decides by (`desk.setting`), at a start and a reload alike.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.boot import assembly, securing, session_settings
from engine.boot.assembly import Parts, SecurityFile
from engine.boot.securing import Secured
from engine.config import REREAD, Config, ConfigProblems, load, reread, with_dealers, with_passphrases
from engine.config.calendars import running_out
from engine.desk.known_here import KnownHere
from engine.desk.setting import Desk
from engine.domain.events import EngineStarted, Reloaded, TextInForce
from engine.domain.instrument import Security
from engine.errors import ConfigError, EngineError, RuleError
from engine.fix.standard.dictionary import Dictionary
from engine.journal.archive import ReadOnly
from engine.journal.batch import RULE_BOOK, TextRow
from engine.journal.events import events_codec
from engine.market.bonds import interest_problem
from engine.market.calendars import utc_date
from engine.market.rates import NoRate, doubt, rate_used
from engine.rules.program import Book
from engine.rules.source import apart, joined
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

KINDS: Final = ("rules", *REREAD, "securities", "tls")
"""What can be read again while the engine runs."""
SECURITIES: Final = "securities"
PROBLEMS_SHOWN_MAX: Final = 20
"""Problems of one file that are named; behind them stands how many more there are."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The texts that decisions are made by, for the record; `rows` are the texts themselves, kept once per hash."""

    config_hash: str
    texts: tuple[TextInForce, ...]
    rows: tuple[TextRow, ...] = ()

    def hash(self, kind: str) -> str:
        return next((text.hash for text in self.texts if text.kind == kind), "")


@dataclass(frozen=True, slots=True)
class Configured:
    """What is in force, as it was read."""

    config: Config
    book: Book
    securities: SecurityFile
    secured: Secured
    dictionaries: Mapping[str, Dictionary]
    """By session."""

    def parts(self) -> Parts:
        """What it comes to; no file is looked at. Raises ConfigError for a dialect that cannot be."""
        bonds, secured = self.securities.bonds, self.secured
        return assembly.parts(self.config, self.book, bonds, self.dictionaries, secured.pins, secured.files)

    def in_force(self) -> InForce:
        """The texts by their hashes, and themselves."""
        texts_of_config = (*self.config.texts, *self.config.tables)
        texts = (
            TextInForce("rules", self.book.hash),
            *(TextInForce(text.kind, text.sha256) for text in texts_of_config),
            TextInForce(SECURITIES, self.securities.hash),
        )
        rows = (
            TextRow(RULE_BOOK, self.book.hash, 0, joined(self.book.texts)),
            *(TextRow(text.name, text.sha256, 0, text.text) for text in texts_of_config),
            TextRow(SECURITIES, self.securities.hash, 0, self.securities.text),
        )
        return InForce(self.config.sha256, texts, rows)


# --- at a start ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """What a start begins with; `fallen_back` says what is wrong with files in whose place an earlier text is used."""

    configured: Configured
    fallen_back: Mapping[str, tuple[str, ...]]


def read_config(path: Path) -> Config:
    """The configuration, where need be with dealers or scores as the journal has them. Raises ConfigProblems."""
    return load(path, last_good=last_good)


def read(config: Config) -> Start:
    """All else that is in force. Raises ConfigError or RuleError where nothing can stand in for what is broken."""
    secured = securing.secure(config)
    fallen_back = dict(config.fallen_back)
    config, book = _book(config, fallen_back)
    bonds = _securities(config, fallen_back)
    return Start(Configured(config, book, bonds, secured, session_settings.dictionaries(config)), fallen_back)


def _book(config: Config, fallen_back: dict[str, tuple[str, ...]]) -> tuple[Config, Book]:
    """The rule book, with the configuration that it fits: a book of before names dealers of before."""
    try:
        return config, assembly.rule_book(config)
    except (RuleError, ConfigError) as error:
        text, dealers = (last_good(config.journal.path, kind) for kind in ("rules", "dealers"))
        if text is None:
            raise
        fallen_back["rules"] = (str(error),)
        try:
            return config, assembly.compiled(config, apart(text))
        except RuleError:
            if dealers is None:
                raise error from None
        fallen_back.setdefault("dealers", ("the rule book that was last in force does not fit them",))
        config = with_dealers(config, dealers)
        return config, assembly.compiled(config, apart(text))


def _securities(config: Config, fallen_back: dict[str, tuple[str, ...]]) -> SecurityFile:
    """The file with the lines that can be used, unless it is another one than before and was whole then."""
    path = config.reference.securities
    try:
        file = assembly.security_file(path)
        problems = _lines(path, file)
    except ConfigError as error:
        file, problems = None, [str(error)]
    if problems:
        text = last_good(config.journal.path, SECURITIES)
        before = None if text is None else assembly.security_master(text, kept=True)
        if before is not None and (file is None or file.hash != before.hash):
            fallen_back[SECURITIES] = tuple(problems)
            return before
    if file is None:
        raise ConfigError(problems[0])
    for problem in file.problems:
        log.warning("securities line not used: %s", problem)
    return file


def with_open_bonds(start: Start, file: ReadOnly, trading: Trading) -> Start:
    """The same with every bond that something is open in, as the journal has it where the file has it no more.

    What its dealer fills could not be booked otherwise, and its order could be neither sent nor ended.
    """
    configured, desk, state = start.configured, trading.desk, trading.state
    wanted = [order.terms.security_id for order in state.open_orders()]
    wanted += [placement.security_id for placement in state.unanswered()]
    missing = {each for each in wanted if each not in desk.securities}
    found: dict[str, Security] = {}
    for (text,) in file.query(_SECURITIES, ()) if missing else ():
        bonds = assembly.security_master(text, kept=True).bonds
        found.update({each: bonds[each] for each in sorted(missing - found.keys()) if each in bonds})
    for each in sorted(missing):
        what = "goes on as the journal has it" if each in found else "is not in the journal either: fills fail"
        log.error("bond %s is open and no more in %s: it %s", each, configured.config.reference.securities.name, what)
    if not found:
        return start
    securities = dataclasses.replace(configured.securities, bonds={**configured.securities.bonds, **found})
    desk.filed = securities.bonds
    for each in found:
        desk.know(each, None)
    return dataclasses.replace(start, configured=dataclasses.replace(configured, securities=securities))


_SECURITIES: Final = "SELECT text FROM configs WHERE kind = 'securities' ORDER BY turn_seq DESC"


def last_good(journal: Path, kind: str) -> str | None:
    """The text of this kind that was last in force, from the journal; None if there is none."""
    if not journal.exists() or journal.stat().st_size == 0:
        return None
    with ReadOnly(journal) as file:
        for found, version, body in file.query(_LAST_IN_FORCE, ()):
            event = events_codec().decode(found, version, body)
            assert isinstance(event, EngineStarted | Reloaded)
            in_force = {each.kind: each.hash for each in event.in_force}
            if not in_force and isinstance(event, EngineStarted):
                in_force = {"rules": event.book_hash, "dealers": event.dealers_hash, "scoring": event.scoring_hash}
            table = "rule_books" if kind == "rules" else "configs"
            rows = file.query(f"SELECT text FROM {table} WHERE hash = ?", (in_force.get(kind, ""),))
            return rows[0][0] if rows else None
    return None


_LAST_IN_FORCE: Final = (
    "SELECT type, version, body FROM events WHERE type IN ('EngineStarted', 'Reloaded') ORDER BY seq DESC LIMIT 1"
)


# --- again, while it runs --------------------------------------------------------------------------


def read_again(current: Configured, kinds: Collection[str]) -> Configured:
    """The same with these kinds as their files have them now. Raises ConfigProblems with all that is wrong."""
    problems: list[str] = []

    def attempt(read_it: Callable[[], object]) -> None:
        try:
            read_it()
        except ConfigProblems as error:
            problems.extend(error.problems)
        except EngineError as error:
            problems.append(str(error))

    found = current
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ConfigProblems([f"no such thing as '{kind}': known are {', '.join(KINDS)}" for kind in unknown])

    def read_files() -> None:
        nonlocal found
        found = dataclasses.replace(found, config=reread(found.config, kinds))

    def read_rules() -> None:
        nonlocal found
        config = found.config
        # A book names dealers: another list of them is another book, whether its texts changed or not.
        book = assembly.rule_book(config) if "rules" in kinds else assembly.compiled(config, found.book.texts)
        found = dataclasses.replace(found, book=book)

    def read_securities() -> None:
        nonlocal found
        path = found.config.reference.securities
        file = assembly.security_file(path)
        wrong = _lines(path, file)
        if wrong:
            raise ConfigProblems(wrong)
        found = dataclasses.replace(found, securities=file)

    def read_tls() -> None:
        nonlocal found
        config = with_passphrases(found.config)
        found = dataclasses.replace(found, config=config, secured=securing.secure(config))

    def read_dictionaries() -> None:
        nonlocal found
        wrong = session_settings.problems(found.config)
        if wrong:
            raise ConfigProblems(wrong)
        found = dataclasses.replace(found, dictionaries=session_settings.dictionaries(found.config))

    attempt(read_files)
    if not {"rules", "dealers"}.isdisjoint(kinds):
        attempt(read_rules)
    if SECURITIES in kinds:
        attempt(read_securities)
    if not {"tls", "sessions"}.isdisjoint(kinds):
        attempt(read_tls)
    if "sessions" in kinds:
        attempt(read_dictionaries)
    if "dealers" in kinds:
        attempt(lambda: assembly.dialects(found.config))
    if problems:
        raise ConfigProblems(problems)
    return found


def _lines(path: Path, file: SecurityFile) -> list[str]:
    """What is wrong with a security file."""
    lines = [f"{path.name}:{problem}" for problem in file.problems[:PROBLEMS_SHOWN_MAX]]
    if (hidden := len(file.problems) - PROBLEMS_SHOWN_MAX) > 0:
        lines.append(f"{path.name}: and {hidden} more lines that cannot be used")
    if not file.bonds:
        lines.append(f"{path.name}: there is no security in it")
    return lines


# --- in force, and to be looked at -------------------------------------------------------------------


def notices(config: Config, file: SecurityFile, desk: Desk, now_ns: int) -> list[str]:
    """What is no mistake and a person should know, a line each: for the log, and for who has put it in force."""
    return [
        *_doubts(file, config.reference.securities),
        *_unknown_interest(desk.securities.values()),
        *running_out(config.calendars, config.reference.calendar_months_min, utc_date(now_ns)),
        *_without_calendar(desk),
        *_rates(desk, now_ns),
        *_never_known(desk, now_ns),
    ]


def _doubts(file: SecurityFile, path: Path) -> list[str]:
    """Lines of the securities file that are used and hardly can be right; the first so many."""
    lines = [f"{path.name}:{warning}" for warning in file.warnings[:PROBLEMS_SHOWN_MAX]]
    if (hidden := len(file.warnings) - PROBLEMS_SHOWN_MAX) > 0:
        lines.append(f"{path.name}: and {hidden} more warnings")
    return lines


def _unknown_interest(bonds: Iterable[Security]) -> list[str]:
    """Of which bonds no fill will have its accrued interest by us: a line for every reason."""
    lines = _by_reason(bonds, interest_problem)
    return [f"securities: accrued interest cannot be computed, {line}" for line in lines]


def _without_calendar(desk: Desk) -> list[str]:
    """Of which bonds nobody knows the holidays, so that their orders are the trader's: a line for every reason."""
    lines = _by_reason(desk.securities.values(), lambda bond: desk.calendars.of(bond).unknown)
    return [f"securities: the holidays of bonds are not known, their orders are the trader's: {line}" for line in lines]


def _rates(desk: Desk, now_ns: int) -> list[str]:
    """Lines of the file of rates that hardly can be right, or cannot be used now; none where there is no file."""
    lines = []
    for rate in desk.filed_rates.rates:
        found = rate_used(rate.pair, desk.base_currency, [rate], now_ns, desk.rate_limits)
        wrong = doubt(rate) or (found.reason if isinstance(found, NoRate) else "")
        if wrong:
            lines.append(f"{rate.source}: {wrong}")
    hidden = len(lines) - PROBLEMS_SHOWN_MAX
    return [*lines[:PROBLEMS_SHOWN_MAX], f"and {hidden} more lines of rates"] if hidden > 0 else lines


def _by_reason(bonds: Iterable[Security], reason_of: Callable[[Security], str]) -> list[str]:
    """Bonds of which something is to be said: a line for every reason; of each the first so many."""
    by_reason: dict[str, list[str]] = {}
    for bond in bonds:
        if reason := reason_of(bond):
            by_reason.setdefault(reason, []).append(bond.security_id)
    lines = []
    for reason, found in by_reason.items():
        shown = ", ".join(found[:PROBLEMS_SHOWN_MAX])
        more = f" and {hidden:,} more" if (hidden := len(found) - PROBLEMS_SHOWN_MAX) > 0 else ""
        lines.append(f"{reason}: {shown}{more}")
    return lines


def _never_known(desk: Desk, now_ns: int) -> list[str]:
    """Every place of the rule book that reads what can only be unknown here, a line each; the first so many."""
    found = desk.book.never_known(KnownHere.of(desk, now_ns).never)
    lines = [f"rules: {each.source.name}:{each.line}: {each.text}" for each in found[:PROBLEMS_SHOWN_MAX]]
    if (hidden := len(found) - PROBLEMS_SHOWN_MAX) > 0:
        lines.append(f"rules: {hidden} more places read what is never known here")
    return lines
