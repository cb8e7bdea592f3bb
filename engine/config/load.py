"""Reads the configuration, once: files and environment in, one tree of frozen values out.

The only module that reads configuration files or the environment. All mistakes of all files come
together in one ConfigProblems; a configuration with a mistake is never used in part.
"""

from __future__ import annotations

import dataclasses
import datetime
import grp
import hashlib
import json
import os
import pwd
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.clock import NS_PER_S
from engine.config.calendars import CalendarFile, name_calendar_problems, problems_between
from engine.config.dealers import DealerConfig, DealersFile, dealers_problems
from engine.config.echo import unheeded
from engine.config.market import MarketConfig, market_problems
from engine.config.rates import parse_rates
from engine.config.reading import ConfigProblems, Reading
from engine.config.scoring import ScoringConfig, scoring_problems
from engine.config.sessions import SessionConfig, SessionRole, is_loopback, session_problems
from engine.config.tables import (
    AdminConfig,
    AdminPerson,
    AxesConfig,
    ClockConfig,
    EchoFile,
    EngineConfig,
    EngineFile,
    FixConfig,
    JournalConfig,
    MetricsConfig,
    ReferenceConfig,
    RfqConfig,
    RiskConfig,
    Role,
    RulesConfig,
    TcaConfig,
)
from engine.config.text_file import NotText, read_text
from engine.config.tls import ListenerTls
from engine.domain.exchange import Rate
from engine.market.calendars import Calendar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConfigText:
    """One configuration file as it was read, for the journal; `name` is relative to engine.toml.

    `kind` is `engine`, `dealers`, `scoring`, `rates` or `calendars` (all of them); or `limits`, `people` or `sessions`
    for tables of engine.toml.
    """

    name: str
    text: str
    kind: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that is configured. Paths are absolute, secrets resolved, texts free of secrets."""

    path: Path
    engine: EngineConfig
    clock: ClockConfig
    journal: JournalConfig
    admin: AdminConfig
    metrics: MetricsConfig
    fix: FixConfig
    sessions: tuple[SessionConfig, ...]
    risk: RiskConfig
    rfq: RfqConfig
    tca: TcaConfig
    axes: AxesConfig
    market: MarketConfig
    rules: RulesConfig
    reference: ReferenceConfig
    calendars: tuple[Calendar, ...]
    rates: tuple[Rate, ...]
    """Of the file of rates; none without one."""
    dealers: tuple[DealerConfig, ...]
    scoring: ScoringConfig
    texts: tuple[ConfigText, ...]
    """The files; engine.toml as it was at the start."""
    tables: tuple[ConfigText, ...]
    """Those tables of engine.toml that can be read again, by kind, as they were when they were last read."""
    fallen_back: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """What is wrong with files in whose place an earlier text is used, by `dealers`, `scoring` or `rates`."""

    @property
    def sha256(self) -> str:
        """One hash for all files, names included, in the order they are read."""
        digest = hashlib.sha256()
        for text in self.texts:
            digest.update(f"{text.name}\n{text.sha256}\n".encode())
        return digest.hexdigest()

    def session(self, key: str) -> SessionConfig:
        """The session of this key; KeyError if there is none."""
        for session in self.sessions:
            if session.key == key:
                return session
        raise KeyError(key)

    @property
    def told_of_bonds(self) -> tuple[bool, bool]:
        """Whether anybody is to tell of prices, and of trades of the market."""
        return told_of_bonds(self.admin, self.sessions, self.market)

    def sessions_of(self, role: SessionRole) -> tuple[SessionConfig, ...]:
        return tuple(session for session in self.sessions if session.role is role)


LastGood = Callable[[Path, str], str | None]
"""The text of `dealers`, `scoring` or `rates` that was last in force, as the journal at this path has it."""


def load(path: Path | str, environ: Mapping[str, str] | None = None, last_good: LastGood | None = None) -> Config:
    """The configuration whose main file is `path`.

    `environ` is where credentials are looked up, the process's environment by default. Raises
    ConfigProblems (a ConfigError) with every mistake found in any of the files. With `last_good`, a text that was in
    force before stands in for a file of dealers, scores or rates that is broken, and `fallen_back` says so.
    """
    path = Path(path).absolute()
    environ = os.environ if environ is None else environ
    reading = Reading(path.name, path.parent)
    texts: list[ConfigText] = []
    file = _file(EngineFile, reading, path, texts)
    problems = reading.problems
    if file is None:
        raise ConfigProblems(problems)
    sessions = _sessions(reading, file.session, environ)
    fix = _listening(reading, file.fix, sessions, environ)
    admin = dataclasses.replace(file.admin, people=_people(reading, file.admin.people))
    _limits(reading, file)
    _scaled_clock(reading, file.clock, file.fix, sessions)
    before = None if last_good is None or problems else partial(last_good, file.journal.path)
    fallen_back: dict[str, tuple[str, ...]] = {}
    dealers, dealer_problems = _dealers(file.engine, path.parent, texts, sessions)
    if dealer_problems and before is not None and (text := before("dealers")) is not None:
        fallen_back["dealers"] = tuple(dealer_problems)
        texts = [each for each in texts if each.kind != "dealers"]
        dealers, dealer_problems = _dealers(file.engine, path.parent, texts, sessions, text)
    scoring, score_problems = _scoring(file.engine, path.parent, texts)
    if score_problems and before is not None and (text := before("scoring")) is not None:
        fallen_back["scoring"] = tuple(score_problems)
        texts = [each for each in texts if each.kind != "scoring"]
        scoring, score_problems = _scoring(file.engine, path.parent, texts, text)
    rates, rate_problems = _rates(file.reference, file.engine, path.parent, texts)
    if rate_problems and before is not None and (text := before("rates")) is not None:
        fallen_back["rates"] = tuple(rate_problems)
        texts = [each for each in texts if each.kind != "rates"]
        rates, rate_problems = _rates(file.reference, file.engine, path.parent, texts, text)
    calendars, calendar_problems = _calendars(file.reference, path.parent, texts)
    problems = [*problems, *dealer_problems, *score_problems, *rate_problems, *calendar_problems]
    if problems or dealers is None or scoring is None:
        raise ConfigProblems([*problems, *(line for lines in fallen_back.values() for line in lines)])
    return Config(
        path=path,
        engine=file.engine,
        clock=file.clock,
        journal=file.journal,
        admin=admin,
        metrics=file.metrics,
        fix=fix,
        sessions=sessions,
        risk=file.risk,
        rfq=file.rfq,
        tca=file.tca,
        axes=file.axes,
        market=file.market,
        rules=file.rules,
        reference=file.reference,
        calendars=calendars,
        rates=rates,
        dealers=dealers,
        scoring=scoring,
        texts=tuple(texts),
        tables=_tables(reading, TABLES),
        fallen_back=fallen_back,
    )


TABLES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "limits": (("risk",), ("rfq",), ("tca",), ("axes",), ("market",)),
    "people": (("admin", "people"),),
    "sessions": (("session",),),
}
"""Tables of engine.toml that can be read again, by what they are called together."""
REREAD: Final = ("scoring", "dealers", "rates", *TABLES)
"""What `reread` reads."""


def reread(config: Config, kinds: Collection[str], environ: Mapping[str, str] | None = None) -> Config:
    """The same configuration with these parts of it (of `REREAD`) read again.

    What nobody asked for stays as it is, whatever its file says by now. Raises ConfigProblems.
    """
    environ = os.environ if environ is None else environ
    path, folder = config.path, config.path.parent
    reading = Reading(path.name, folder)
    texts: list[ConfigText] = []
    problems: list[str] = []
    changed: dict[str, object] = {}
    sessions = config.sessions
    tables = [kind for kind in TABLES if kind in kinds]
    if tables:
        file = _file(EngineFile, reading, path, [])
        if file is not None:
            if "limits" in kinds:
                changed |= {"risk": file.risk, "rfq": file.rfq, "tca": file.tca, "axes": file.axes}
                changed["market"] = file.market
                changed["calendars"], found = _calendars(config.reference, folder, texts)
                problems += found
                _market(reading, file.market, config.sessions, config.engine)
            if "people" in kinds:
                changed["admin"] = dataclasses.replace(config.admin, people=_people(reading, file.admin.people))
            if "sessions" in kinds:
                changed["sessions"] = sessions = _sessions(reading, file.session, environ)
                _listening(reading, config.fix, sessions, environ)
                _heartbeats(reading, config.fix, sessions)
                _scaled_clock(reading, config.clock, config.fix, sessions)
        problems += reading.problems
    if "dealers" in kinds:
        dealers, found = _dealers(config.engine, folder, texts, sessions)
        changed["dealers"] = dealers
        problems += found
    elif "sessions" in kinds and not problems:
        name = _shown(config.engine.dealers, folder)
        problems += [
            f"{name}: {where}: {text}" for where, text in dealers_problems(config.dealers, _of_dealers(sessions))
        ]
    if "scoring" in kinds:
        scoring, found = _scoring(config.engine, folder, texts)
        changed["scoring"] = scoring
        problems += found
    if "rates" in kinds:
        changed["rates"], found = _rates(config.reference, config.engine, folder, texts)
        problems += found
    if problems:
        raise ConfigProblems(problems)
    read = {text.kind: text for text in (*texts, *_tables(reading, tables))}
    changed["texts"] = tuple(read.get(text.kind, text) for text in config.texts)
    changed["tables"] = tuple(read.get(text.kind, text) for text in config.tables)
    return dataclasses.replace(config, **changed)  # type: ignore[arg-type]


def with_dealers(config: Config, text: str) -> Config:
    """The same configuration with the dealers of this text, whatever their file says. Raises ConfigProblems."""
    texts: list[ConfigText] = []
    dealers, problems = _dealers(config.engine, config.path.parent, texts, config.sessions, text)
    if problems or dealers is None:
        raise ConfigProblems(problems)
    [read] = texts
    kept = tuple(read if each.kind == read.kind else each for each in config.texts)
    return dataclasses.replace(config, dealers=dealers, texts=kept)


def recalled(path: Path, texts: Mapping[str, str]) -> Config:
    """A configuration as a journal kept its texts, by kind: no file is opened and no secret looked up.

    `path` is where engine.toml was or would be: its relative paths begin there. So it tells what a desk decided by, and
    is nothing to run by. Raises ConfigProblems where a text is missing, or says what is none of this build's.
    """
    reading, folder = Reading(path.name, path.parent), path.parent
    missing = [kind for kind in ("engine", "dealers", "scoring") if kind not in texts]
    if missing:
        raise ConfigProblems([f"{path.name}: the journal has no text of {' and '.join(missing)} of then"])
    raw = reading.parse(texts["engine"])
    for kind in ("limits", "sessions"):
        # As they were read last. What engine.toml said at the start stands where nobody has read it again.
        if kind in texts and texts[kind] != _spelled(raw, TABLES[kind]):
            raw = {**raw, **_numbers_back(json.loads(texts[kind], parse_float=Decimal))}
    file = None if reading.problems else reading.table(EngineFile, raw)
    if file is None:
        raise ConfigProblems(reading.problems)
    kept = [ConfigText(reading.name, texts["engine"], "engine")]
    dealers, problems = _dealers(file.engine, folder, kept, file.session, texts["dealers"])
    scoring, found = _scoring(file.engine, folder, kept, texts["scoring"])
    problems += found
    rates: tuple[Rate, ...] = ()
    if "rates" in texts:
        rates, found = _rates(file.reference, file.engine, folder, kept, texts["rates"])
        problems += found
    calendars: list[Calendar] = []
    for name, text in _apart(texts.get("calendars", ""), [_shown(each, folder) for each in file.reference.calendars]):
        calendar, found = _calendar(Reading(name, folder), Path(name), [], text)
        problems += found
        calendars += [] if calendar is None else [calendar]
    if problems or dealers is None or scoring is None:
        raise ConfigProblems(problems)
    return Config(
        path=path,
        engine=file.engine,
        clock=file.clock,
        journal=file.journal,
        admin=file.admin,
        metrics=file.metrics,
        fix=file.fix,
        sessions=file.session,
        risk=file.risk,
        rfq=file.rfq,
        tca=file.tca,
        axes=file.axes,
        market=file.market,
        rules=file.rules,
        reference=file.reference,
        calendars=tuple(calendars),
        rates=rates,
        dealers=dealers,
        scoring=scoring,
        texts=tuple(kept),
        tables=(),
    )


def _apart(whole: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """The files that were joined into one text, each with its name."""
    if not names:
        return []
    _, *pieces = re.split(rf"(?:\A|\n)### ({'|'.join(map(re.escape, names))})\n", whole)
    return list(zip(pieces[::2], pieces[1::2], strict=True))


_FRACTION: Final = re.compile(r"-?\d+\.\d+(?:E[-+]?\d+)?|-?\d+E[-+]?\d+")


def _numbers_back(found: Any) -> Any:
    """What `_spelled` had to write as text because JSON knows no Decimal is a number again."""
    if isinstance(found, dict):
        return {name: _numbers_back(each) for name, each in found.items()}
    if isinstance(found, list):
        return [_numbers_back(each) for each in found]
    return Decimal(found) if isinstance(found, str) and _FRACTION.fullmatch(found) else found


def dealers_in(text: str) -> tuple[DealerConfig, ...]:
    """The dealers of a text that was in force once, whatever the sessions were then; none if it cannot be read."""
    reading = Reading("dealers", Path())
    raw = reading.parse(text)
    file = reading.table(DealersFile, raw) if not reading.problems else None
    return file.dealer if file is not None else ()


def load_echo(path: Path | str, environ: Mapping[str, str] | None = None) -> EchoFile:
    """[fix] and [[session]] tables alone, sessions of role 'echo': what an echo acceptor needs."""
    path = Path(path).absolute()
    reading = Reading(path.name, path.parent)
    file = _file(EchoFile, reading, path, [])
    if file is not None:
        environ = os.environ if environ is None else environ
        sessions = _sessions(reading, file.session, environ, echo=True)
        for name, text in unheeded(file.fix, sessions):
            reading.problem(name, text)
        file = dataclasses.replace(file, fix=_listening(reading, file.fix, sessions, environ), session=sessions)
    if file is None or reading.problems:
        raise ConfigProblems(reading.problems)
    return file


@dataclass(frozen=True, slots=True)
class Places:
    """What a tool needs of a configuration whose secrets are not its own: where things are, and who the dealers are.

    `dealers` is None when the file that lists them cannot be used.
    """

    socket: Path
    journal: Path
    anchor: Path | None
    rules: Path
    base_currency: str
    dealers: tuple[str, ...] | None
    name: str
    """What the daemon is called."""
    securities: Path
    file_days: int
    """How long the security file is believed of its bonds' trading."""
    told_of_bonds: tuple[bool, bool]
    """Whether anybody is to tell of prices, and of trades of the market."""


def places(path: Path | str) -> Places:
    """The places in the engine.toml at `path`; credentials are not looked up. Raises ConfigProblems."""
    path = Path(path).absolute()
    reading = Reading(path.name, path.parent)
    file = _file(EngineFile, reading, path, [])
    if file is None or reading.problems:
        raise ConfigProblems(reading.problems)
    listed = Reading(_shown(file.engine.dealers, path.parent), file.engine.dealers.parent)
    dealers = _file(DealersFile, listed, file.engine.dealers, [])
    known = dealers is not None and not listed.problems
    return Places(
        name=file.engine.name,
        socket=file.admin.socket,
        journal=file.journal.path,
        anchor=file.journal.anchor,
        rules=file.rules.directory,
        base_currency=file.engine.base_currency,
        securities=file.reference.securities,
        file_days=file.market.file_days,
        told_of_bonds=told_of_bonds(file.admin, file.session, file.market),
        dealers=tuple(each.id for each in dealers.dealer) if dealers is not None and known else None,
    )


@dataclass(frozen=True, slots=True)
class Numbers:
    """What estimates and costs are made with, and what completes rows of history files; `currency` is the base."""

    scoring: ScoringConfig
    market: MarketConfig
    mark_age_ns_max: int
    securities: Path
    currency: str


def numbers(path: Path | str) -> Numbers:
    """Those of the engine.toml at `path`; credentials are not looked up. Raises ConfigProblems."""
    path = Path(path).absolute()
    reading = Reading(path.name, path.parent)
    file = _file(EngineFile, reading, path, [])
    if file is None or reading.problems:
        raise ConfigProblems(reading.problems)
    scoring, problems = _scoring(file.engine, path.parent, [])
    if scoring is None or problems:
        raise ConfigProblems(problems)
    mark_age_ns_max = int(file.rfq.mark_age_max_s * NS_PER_S)
    return Numbers(scoring, file.market, mark_age_ns_max, file.reference.securities, file.engine.base_currency)


def told_of_bonds(admin: AdminConfig, sessions: Sequence[SessionConfig], market: MarketConfig) -> tuple[bool, bool]:
    """Whether anybody is to tell of prices, and of trades of the market: market sessions, and people of role feed."""
    feeds = Role.FEED in (admin.own_role, *(person.role for person in admin.people))
    markets = [session.key for session in sessions if session.role is SessionRole.MARKET]
    with_trades = {source.key for source in market.source if source.trades}
    return feeds or bool(markets), feeds or not with_trades.isdisjoint(markets)


def loopback_only(config: Config) -> bool:
    """True when no session can reach, or be reached from, another machine."""
    return not _beyond_loopback(config.fix, config.sessions)


def with_clock(config: Config, speed: float, origin: datetime.datetime | None) -> Config:
    """The same configuration on another clock, held against the same rule. Raises ConfigProblems."""
    reading = Reading("clock", config.path.parent)
    clock = ClockConfig(speed=speed, origin=origin)
    if speed <= 0:
        reading.problem("speed", f"expected a number above 0, found {speed:g}")
    _scaled_clock(reading, clock, config.fix, config.sessions)
    if reading.problems:
        raise ConfigProblems(reading.problems)
    return dataclasses.replace(config, clock=clock)


def with_passphrases(config: Config, environ: Mapping[str, str] | None = None) -> Config:
    """The same configuration with the passphrases of its keys as they are now. Raises ConfigProblems.

    Whoever renews a key may seal it anew. Passwords of sessions stay as they were.
    """
    environ = os.environ if environ is None else environ
    reading = Reading(config.path.name, config.path.parent)
    fix, sessions = config.fix, []
    if fix.tls is not None:
        fix = dataclasses.replace(fix, tls=_with_passphrase(reading, fix.tls, environ))
    for session in config.sessions:
        secret = _Secrets(reading, f"session[{session.key}]", environ)
        password = secret.of("tls_key_password", session.tls_key_password_env, session.tls_key_password_file)
        sessions.append(dataclasses.replace(session, tls_key_password=password))
    if reading.problems:
        raise ConfigProblems(reading.problems)
    return dataclasses.replace(config, fix=fix, sessions=tuple(sessions))


def _file(
    cls: type[T],
    reading: Reading,
    path: Path,
    texts: list[ConfigText],
    instead: str | None = None,
    *,
    kind: str = "engine",
) -> T | None:
    try:
        text = read_text(path) if instead is None else instead
    except OSError as error:
        reading.problem("", f"cannot be read: {error.strerror} ({path})")
        return None
    except NotText as error:
        reading.problem("", str(error))
        return None
    texts.append(ConfigText(reading.name, text, kind))
    raw = reading.parse(text)
    # After a syntax error every table would be missing: one problem is enough.
    return None if reading.problems else reading.table(cls, raw)


def _calendars(
    reference: ReferenceConfig, folder: Path, texts: list[ConfigText]
) -> tuple[tuple[Calendar, ...], list[str]]:
    """The calendars of their files, each by the file's name without its ending, and everything wrong with them.

    Together they are one text, of kind `calendars`.
    """
    found: list[Calendar] = []
    problems: list[str] = []
    read: list[ConfigText] = []
    for path in reference.calendars:
        calendar, wrong = _calendar(Reading(_shown(path, folder), path.parent), path, read)
        found += [] if calendar is None else [calendar]
        problems += wrong
    if read:
        whole = "\n".join(f"### {each.name}\n{each.text}" for each in read)
        texts.append(ConfigText("calendars", whole, "calendars"))
    return tuple(found), [*problems, *problems_between(found)]


def _calendar(
    reading: Reading, path: Path, read: list[ConfigText], instead: str | None = None
) -> tuple[Calendar | None, list[str]]:
    """One calendar and everything wrong with its file; `instead` is a text in place of the file's."""
    file = _file(CalendarFile, reading, path, read, instead)
    if file is None:
        return None, reading.problems
    name_calendar_problems(reading, file)
    return file.calendar(path.stem), reading.problems


def _tables(reading: Reading, kinds: Iterable[str]) -> tuple[ConfigText, ...]:
    """These parts of engine.toml, spelled alike whatever stands around them: as JSON, keys in order."""
    return tuple(ConfigText(f"{reading.name}: {kind}", _spelled(reading.tables, TABLES[kind]), kind) for kind in kinds)


def _spelled(tables: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> str:
    found = {}
    for path in paths:
        table: Any = tables
        for name in path:
            table = table.get(name, {})
        if table:
            found[".".join(path)] = table
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _sessions(
    reading: Reading, sessions: tuple[SessionConfig, ...], environ: Mapping[str, str], *, echo: bool = False
) -> tuple[SessionConfig, ...]:
    """The sessions with their secrets; problems of each, and between them."""
    keys: set[str] = set()
    identities: dict[tuple[str | None, ...], str] = {}
    complete = []
    for session in sessions:
        where = f"session[{session.key}]"
        for name, text in session_problems(session):
            reading.problem(f"{where}.{name}", text)
        if (session.role is SessionRole.ECHO) is not echo:
            wanted = "'echo'" if echo else "one of 'oms', 'dropcopy', 'dealer', 'market'"
            reading.problem(f"{where}.role", f"expected {wanted} in this file, found '{session.role}'")
        if session.key in keys:
            reading.problem(f"{where}.key", "a second session of this key")
        keys.add(session.key)
        other = identities.setdefault(session.identity, session.key)
        if other != session.key:
            reading.problem(
                f"{where}.target_comp_id",
                f"the same names as session '{other}': BeginString, CompIDs, SubIDs; messages could not be told apart",
            )
        complete.append(_with_secrets(reading, where, session, environ))
    return tuple(complete)


def _with_secrets(reading: Reading, where: str, session: SessionConfig, environ: Mapping[str, str]) -> SessionConfig:
    secret = _Secrets(reading, where, environ)
    return dataclasses.replace(
        session,
        username=secret.variable("username_env", session.username_env),
        password=secret.of("password", session.password_env, session.password_file),
        tls_key_password=secret.of("tls_key_password", session.tls_key_password_env, session.tls_key_password_file),
    )


def _listening(
    reading: Reading, fix: FixConfig, sessions: tuple[SessionConfig, ...], environ: Mapping[str, str]
) -> FixConfig:
    """[fix] with the secrets of its TLS port; whether there is a port for every session that needs one."""
    acceptors = [session for session in sessions if not session.initiator]
    if not fix.listen_plain:
        if fix.tls is None and acceptors:
            reading.problem("fix.listen_plain", "expected true without a table [fix.tls]: acceptors need a port")
        for session in acceptors:
            if fix.tls is not None and not session.tls:
                text = "expected true: there is no plain port, fix.listen_plain is false"
                reading.problem(f"session[{session.key}].tls", text)
    for session in acceptors:
        if session.tls and fix.tls is None:
            reading.problem(f"session[{session.key}].tls", "there is no port for TLS: a table [fix.tls] is missing")
        elif session.pinned_by is not None and fix.tls is not None and fix.tls.client_ca is None:
            text = "no certificate of a client is ever asked for: fix.tls.client_ca is missing"
            reading.problem(f"session[{session.key}].{session.pinned_by}", text)
    if fix.tls is None:
        return fix
    tls = fix.tls
    if tls.client_crl is not None and tls.client_ca is None:
        text = "of no use without client_ca: a list is of one of the authorities named there"
        reading.problem("fix.tls.client_crl", text)
    if tls.key_password_env is not None and tls.key_password_file is not None:
        text = "the passphrase is named twice: keep one of key_password_env and key_password_file"
        reading.problem("fix.tls.key_password_file", text)
    return dataclasses.replace(fix, tls=_with_passphrase(reading, tls, environ))


def _with_passphrase(reading: Reading, tls: ListenerTls, environ: Mapping[str, str]) -> ListenerTls:
    secret = _Secrets(reading, "fix.tls", environ)
    password = secret.of("key_password", tls.key_password_env, tls.key_password_file)
    return dataclasses.replace(tls, key_password=password)


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Looks up what a table names by an environment variable or a file; a name that leads nowhere is a problem."""

    reading: Reading
    where: str
    environ: Mapping[str, str]

    def of(self, name: str, variable: str | None, file: Path | None) -> str | None:
        if file is not None:
            return _secret_file(self.reading, f"{self.where}.{name}_file", file)
        return self.variable(f"{name}_env", variable)

    def variable(self, name: str, variable: str | None) -> str | None:
        if variable is None:
            return None
        value = self.environ.get(variable)
        if not value:
            self.reading.problem(f"{self.where}.{name}", f"the environment variable {variable} is not set, or empty")
        return value


def _secret_file(reading: Reading, where: str, path: Path) -> str | None:
    """The first line of a file that nobody but its owner can read."""
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            reading.problem(where, f"others can read {path} (mode {mode:03o}): chmod 600 it")
            return None
        secret = read_text(path).partition("\n")[0].strip()
    except (OSError, NotText) as error:
        reason = error.strerror if isinstance(error, OSError) else error.without_words
        reading.problem(where, f"{path} cannot be read: {reason}")
        return None
    if not secret:
        reading.problem(where, f"{path} has no password in its first line")
        return None
    return secret


def _people(reading: Reading, people: tuple[AdminPerson, ...]) -> tuple[AdminPerson, ...]:
    """The people with their uids, each uid once."""
    uids: dict[int, str] = {}
    complete = []
    for person in people:
        where = f"admin.people[{person.actor}]"
        if (person.uid is None) is (person.user is None):
            reading.problem(
                where, "expected either uid or user, found " + ("neither" if person.uid is None else "both")
            )
            continue
        uid = person.uid
        if person.user is not None:
            try:
                uid = pwd.getpwnam(person.user).pw_uid
            except KeyError:
                reading.problem(f"{where}.user", f"there is no user '{person.user}' on this machine")
                continue
        assert uid is not None
        other = uids.setdefault(uid, person.actor)
        if other != person.actor:
            reading.problem(where, f"uid {uid} is '{other}' already: one user is one person")
        complete.append(dataclasses.replace(person, uid=uid))
    return tuple(complete)


def _limits(reading: Reading, file: EngineFile) -> None:
    """What holds between keys of different names."""
    fix = file.fix
    if fix.heart_bt_int_s_max < fix.heart_bt_int_s_min:
        reading.problem(
            "fix.heart_bt_int_s_max",
            f"expected at least heart_bt_int_s_min ({fix.heart_bt_int_s_min}), found {fix.heart_bt_int_s_max}",
        )
    else:
        _heartbeats(reading, fix, file.session)
    journal = file.journal
    if journal.commit_stall_max_s < journal.commit_slow_s:
        reading.problem(
            "journal.commit_stall_max_s",
            f"expected at least commit_slow_s ({journal.commit_slow_s:g}), found {journal.commit_stall_max_s:g}",
        )
    if file.axes.life_max_s < file.axes.life_s:
        text = f"expected at least life_s ({file.axes.life_s:g}), found {file.axes.life_max_s:g}"
        reading.problem("axes.life_max_s", text)
    _market(reading, file.market, file.session, file.engine)
    if file.admin.group is not None:
        try:
            grp.getgrnam(file.admin.group)
        except KeyError:
            reading.problem("admin.group", f"there is no group '{file.admin.group}' on this machine")


def _market(reading: Reading, market: MarketConfig, sessions: Sequence[SessionConfig], engine: EngineConfig) -> None:
    markets = [session.key for session in sessions if session.role is SessionRole.MARKET]
    for where, text in market_problems(market, markets, engine.base_currency):
        reading.problem(f"market.{where}", text)


def _heartbeats(reading: Reading, fix: FixConfig, sessions: tuple[SessionConfig, ...]) -> None:
    """Ours keep to the bounds that peers are held to."""
    for session in sessions:
        if not fix.heart_bt_int_s_min <= session.heart_bt_int_s <= fix.heart_bt_int_s_max:
            reading.problem(
                f"session[{session.key}].heart_bt_int_s",
                f"expected {fix.heart_bt_int_s_min} to {fix.heart_bt_int_s_max} (fix.heart_bt_int_s_min and _max),"
                f" found {session.heart_bt_int_s}",
            )


def _scaled_clock(reading: Reading, clock: ClockConfig, fix: FixConfig, sessions: tuple[SessionConfig, ...]) -> None:
    """A clock that runs faster than the wall must never talk to a counterparty."""
    if clock.speed == 1:
        return
    if clock.origin is None:
        reading.problem("clock.origin", f"missing: a clock of speed {clock.speed:g} needs the instant it started from")
    if beyond := _beyond_loopback(fix, sessions):
        reading.problem(
            "clock.speed",
            f"expected 1, found {clock.speed:g}: a scaled clock is for demonstrations, where every session is on"
            f" loopback; not so {', '.join(beyond)}",
        )


def _beyond_loopback(fix: FixConfig, sessions: tuple[SessionConfig, ...]) -> list[str]:
    beyond = [
        f"session[{session.key}] ({host}:{port})"
        for session in sessions
        for host, port in session.addresses
        if not is_loopback(host)
    ]
    if all(session.initiator for session in sessions):
        return beyond
    if fix.listen_plain and not is_loopback(fix.listen_host):
        beyond.append(f"fix.listen_host ({fix.listen_host})")
    if fix.tls is not None and not is_loopback(fix.tls_host):
        beyond.append(f"fix.tls.listen_host ({fix.tls_host})")
    return beyond


def _dealers(
    engine: EngineConfig,
    folder: Path,
    texts: list[ConfigText],
    sessions: tuple[SessionConfig, ...],
    instead: str | None = None,
) -> tuple[tuple[DealerConfig, ...] | None, list[str]]:
    """`instead` is a text that stands in for the file's."""
    reading = Reading(_shown(engine.dealers, folder), engine.dealers.parent)
    dealers = _file(DealersFile, reading, engine.dealers, texts, instead, kind="dealers")
    if dealers is None:
        return None, reading.problems
    for where, text in dealers_problems(dealers.dealer, _of_dealers(sessions)):
        reading.problem(where, text)
    return dealers.dealer, reading.problems


def _of_dealers(sessions: tuple[SessionConfig, ...]) -> tuple[str, ...]:
    return tuple(session.key for session in sessions if session.role is SessionRole.DEALER)


def _scoring(
    engine: EngineConfig, folder: Path, texts: list[ConfigText], instead: str | None = None
) -> tuple[ScoringConfig | None, list[str]]:
    """`instead` is a text that stands in for the file's."""
    reading = Reading(_shown(engine.scoring, folder), engine.scoring.parent)
    scoring = _file(ScoringConfig, reading, engine.scoring, texts, instead, kind="scoring")
    if scoring is not None:
        for where, text in scoring_problems(scoring):
            reading.problem(where, text)
    return scoring, reading.problems


def _rates(
    reference: ReferenceConfig,
    engine: EngineConfig,
    folder: Path,
    texts: list[ConfigText],
    instead: str | None = None,
) -> tuple[tuple[Rate, ...], list[str]]:
    """The rates of the file, if there is one, and everything wrong with it; `instead` is a text in place of its own."""
    path = reference.rates
    if path is None:
        return (), []
    name = _shown(path, folder)
    try:
        text = read_text(path) if instead is None else instead
    except OSError as error:
        return (), [f"{name}: cannot be read: {error.strerror} ({path})"]
    except NotText as error:
        return (), [f"{name}: {error}"]
    texts.append(ConfigText(name, text, "rates"))
    return parse_rates(text, path.name, engine.base_currency)


def _shown(path: Path, folder: Path) -> str:
    """A path as its reader knows it: relative to engine.toml where it is below."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
