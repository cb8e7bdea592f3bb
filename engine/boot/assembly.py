"""From configuration to the parts of the engine: pure but for reading the files that the configuration names."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.boot import session_settings
from engine.config import Config
from engine.config.choosing import choice_parameters
from engine.config.sessions import SessionRole
from engine.config.text_file import NotText, read_text
from engine.dealers.book import DealerBook
from engine.dealers.segments import peer_group
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.setting import AxeLimits, Desk, RfqClocks, RiskLimits, TellsOfBonds
from engine.domain.exchange import pair_of
from engine.domain.instrument import Security
from engine.errors import ConfigError
from engine.fix.flows.dialect import DEFAULT, Dialect
from engine.fix.session.certificates import TlsFile
from engine.fix.session.schedule import Schedule
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.market.appraisal import Appraisal
from engine.market.calendars import Calendars, DayEnd
from engine.market.liquidity import Groups
from engine.market.marks import MarkBook
from engine.market.rates import FiledRates
from engine.market.securities import LineProblem, parse_securities
from engine.market.tape import Tape
from engine.rules.program import Book, compile_book
from engine.rules.source import Source
from engine.selection.ranking import Rankings

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration comes to: all that the engine decides by, besides its journal."""

    desk: Desk
    settings: Mapping[str, SessionSettings]
    dictionaries: Mapping[str, Dictionary]
    dialects: Mapping[str, Dialect]
    """By dealer."""
    session_dialects: Mapping[str, Dialect]
    tls_files: Sequence[TlsFile] = ()


def parts(
    config: Config,
    book: Book,
    bonds: Mapping[str, Security],
    dictionaries: Mapping[str, Dictionary],
    pins: Mapping[str, tuple[str, ...]] | None = None,
    tls_files: Sequence[TlsFile] = (),
) -> Parts:
    """All of them, from what was read. Raises ConfigError for a dialect that cannot be."""
    named = pins or {}
    settings = {each.key: session_settings.settings(config.fix, each, named.get(each.key)) for each in config.sessions}
    hours = {key: each.schedule for key, each in settings.items() if each.schedule is not None}
    by_dealer, by_session = dialects(config)
    return Parts(
        desk(config, book, bonds, hours),
        settings,
        dictionaries,
        by_dealer,
        by_session,
        tls_files,
    )


def rule_book(config: Config) -> Book:
    """The rule book of the configured folder. Raises RuleBookError with every mistake, ConfigError without files."""
    folder = config.rules.directory
    try:
        paths = sorted(folder.glob("*.rules"))
        sources = [_source(path) for path in paths]
    except OSError as error:
        raise ConfigError(f"rules.directory: {error.filename} cannot be read: {error.strerror}") from error
    if not paths:
        raise ConfigError(f"rules.directory: {folder} has no *.rules file: a book ends in one `when true` rule")
    return compiled(config, sources)


def _source(path: Path) -> Source:
    try:
        return Source(path.name, read_text(path))
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error


def compiled(config: Config, sources: Sequence[Source]) -> Book:
    """The book of these texts, for these dealers. Raises RuleBookError."""
    return compile_book(sources, catalogue([each.id for each in config.dealers], config.engine.base_currency))


@dataclass(frozen=True, slots=True)
class SecurityFile:
    """The security master: its text, the bonds by identifier, and each line that cannot be used."""

    text: str
    bonds: Mapping[str, Security]
    problems: tuple[LineProblem, ...] = ()
    warnings: tuple[LineProblem, ...] = ()
    """Lines that are used, and that a person should look at."""

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def security_file(path: Path) -> SecurityFile:
    """Raises ConfigError if it cannot be read at all."""
    try:
        return security_master(read_text(path), _day_of(path))
    except OSError as error:
        raise ConfigError(f"reference.securities: cannot read {path}: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"reference.securities: {path}: {error}") from error


def _day_of(path: Path) -> date:
    """The day a file was last written: what it says of trading is of that day, where it names none itself."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()


def security_master(text: str, as_of: date | None = None, *, kept: bool = False) -> SecurityFile:
    """`kept` is for a text of the journal: what is implausible in it was dealt on, and holds."""
    parsed = parse_securities(text, as_of, kept=kept)
    return SecurityFile(text, {each.security_id: each for each in parsed.securities}, parsed.problems, parsed.warnings)


def securities(path: Path) -> tuple[Mapping[str, Security], tuple[LineProblem, ...]]:
    """The bonds of the file, and each line that cannot be used. Raises ConfigError if it cannot be read at all."""
    file = security_file(path)
    return file.bonds, file.problems


def desk(
    config: Config, book: Book, bonds: Mapping[str, Security], hours: Mapping[str, Schedule] | None = None
) -> Desk:
    """The desk with empty stats and no marks yet."""
    known = dict(bonds)
    dealers = DealerBook(each.profile() for each in config.dealers)
    windows = tuple(sorted({*book.windows(), 90, 180, config.scoring.window_days}))
    stats = DealerStats(
        StatsParameters(windows_days=windows, half_life_days=max(1, round(config.scoring.half_life_days)))
    )
    return Desk(
        base_currency=config.engine.base_currency,
        risk=RiskLimits(
            notional_max=Decimal(config.risk.notional_max),
            open_rfqs_max=config.risk.open_rfqs_max,
            price_collar_bps=config.risk.price_collar_bps,
            fill_better_bps_max=config.risk.fill_better_bps_max,
            duplicate_window_ns=_ns(config.risk.duplicate_window_s),
            restricted=frozenset({*config.risk.restricted_isins, *config.risk.restricted_issuers}),
        ),
        clocks=RfqClocks(
            wait_ns=_ns(config.rfq.wait_s),
            decide_ns=_ns(config.rfq.decide_s),
            guard_ns=config.rfq.expiry_guard_ms * 1_000_000,
            stale_order_ns=_ns(config.rfq.stale_order_s),
            unasked_ns=_ns(config.rfq.unasked_s),
            session_due_ns=_ns(config.rfq.session_due_s),
            mark_age_ns_max=_ns(config.rfq.mark_age_max_s),
            undelivered_ask_ns=_ns(config.rfq.undelivered_ask_s),
            reversion_ns=_ns(config.tca.reversion_s),
            day_end=DayEnd(config.tca.day_end_time, ZoneInfo(config.tca.day_end_zone)),
            quotes_per_rfq_max=config.rfq.quotes_per_rfq_max,
            cool_down_days=config.rfq.cool_down_days,
        ),
        dealers=dealers,
        securities=known,
        filed=bonds,
        calendars=Calendars(config.calendars),
        filed_rates=FiledRates(config.rates),
        rate_limits=config.market.rates.limits(config.market.ahead_max_s),
        rate_pairs=_rate_pairs(config),
        marks=MarkBook(),
        appraisal=appraisal(config, known),
        stats=stats,
        rankings=Rankings(stats, dealers.ids),
        learning=Learning(config.scoring.estimate_parameters, is_replaying=True),
        outside_tca=config.tca.prefer_outside,
        parameters=choice_parameters(config.scoring),
        book=book,
        scoring_hash=text_hash(config, "scoring"),
        drop_copies=tuple(each.key for each in config.sessions_of(SessionRole.DROPCOPY)),
        market_sessions=tuple(each.key for each in config.sessions_of(SessionRole.MARKET)),
        told_of_bonds=TellsOfBonds(*config.told_of_bonds),
        hours=dict(hours or {}),
        axes=AxeLimits(
            life_ns=_ns(config.axes.life_s),
            life_ns_max=_ns(config.axes.life_max_s),
            per_dealer_max=config.axes.per_dealer_max,
            per_bond_max=config.axes.per_bond_max,
        ),
    )


def _rate_pairs(config: Config) -> dict[str, tuple[str, ...]]:
    rates = config.market.rates
    return {rates.session: tuple(map(pair_of, rates.pairs))} if rates.session is not None and rates.pairs else {}


def appraisal(config: Config, bonds: Mapping[str, Security]) -> Appraisal:
    """What bonds are appraised by, with nothing heard of them yet."""
    tape, calendars = config.market.tape, Calendars(config.calendars)
    trades = Tape(tape.days, tape.trades_max, tape.quiet_days_max)
    trades.business_days = calendars.of_currency(config.engine.base_currency).trading
    return Appraisal(
        bonds,
        config.market.parameters(),
        Groups({security_id: peer_group(bond) for security_id, bond in bonds.items()}),
        trades,
        calendars=calendars,
    )


def dialects(config: Config) -> tuple[dict[str, Dialect], dict[str, Dialect]]:
    """By dealer, and by session. Raises ConfigError for a dialect the wire does not speak."""
    by_dealer: dict[str, Dialect] = {}
    by_session: dict[str, Dialect] = {}
    for dealer in config.dealers:
        for key, expected, found, what in (
            ("accept", "order", dealer.accept.value, "accepting by QuoteResponse(AJ)"),
            ("loser_notice", "none", dealer.loser_notice.value, "telling losers by QuoteResponse(AJ)"),
            ("route", "", dealer.route, "reaching a dealer behind a hub"),
        ):
            if found != expected:
                text = f"expected {expected!r}, found {found!r}: {what} is not available yet"
                raise ConfigError(f"dealers: {dealer.id}.{key}: {text}")
        dialect = dataclasses.replace(DEFAULT, quantity_unit=dealer.quantity_unit.value, firm_time_s=dealer.firm_time_s)
        by_dealer[dealer.id] = dialect
        by_session.setdefault(dealer.session, dialect)
    return by_dealer, by_session


def text_hash(config: Config, kind: str) -> str:
    """The hash of the configuration's text of this kind; empty if there is none."""
    return next((text.sha256 for text in config.texts if text.kind == kind), "")


def _ns(seconds: float) -> int:
    return int(seconds * _NS_PER_S)
