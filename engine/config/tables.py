"""The tables of engine.toml but [[session]], one frozen dataclass each.

Each is documented where its user looks for it: in `engine.toml` itself, line by line. Units end the names.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from engine.config.market import MarketConfig
from engine.config.reading import matches, setting
from engine.config.schedules import minute_of_day, zone_problem
from engine.config.sessions import SessionConfig
from engine.config.tls import ListenerTls, network_problem
from engine.domain.currencies import currency_problem
from engine.domain.instrument import is_isin


def _currency(text: str) -> str | None:
    return currency_problem(text) or None


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _isin_problem(text: str) -> str | None:
    return None if is_isin(text) else "an ISIN with the right check digit"


class Durability(StrEnum):
    """What a commit survives: `full` the loss of power, `normal` the death of the process."""

    FULL = "full"
    NORMAL = "normal"


class Role(StrEnum):
    """What a person at the admin socket may do; a feed only delivers data."""

    VIEWER = "viewer"
    TRADER = "trader"
    OPERATOR = "operator"
    FEED = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """[engine]: who this daemon is and where its other files are."""

    name: str = setting("rfq", check=matches(r"[a-z][a-z0-9_-]{0,31}", "lower-case letters, digits, '-' and '_'"))
    base_currency: str = setting("USD", check=_currency)
    dealers: Path = setting()
    scoring: Path = setting()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockConfig:
    """[clock]: `utc = origin + (real utc - origin) * speed`."""

    speed: float = setting(1.0, above=0, at_most=10_000)
    origin: datetime.datetime | None = setting(None)

    @property
    def origin_utc_ns(self) -> int:
        """The origin in nanoseconds since 1970; 0 without one, where it does not matter."""
        if self.origin is None:
            return 0
        since = self.origin - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalConfig:
    """[journal]: where the record is kept, how safely, and the bounds of what waits for the disk."""

    path: Path = setting()
    durability: Durability = setting(Durability.FULL)
    batch_turns_max: int = setting(512, at_least=1, at_most=65_536)
    staged_bytes_max: int = setting(67_108_864, at_least=65_536)
    commit_slow_s: float = setting(1.0, above=0, at_most=60)
    commit_stall_max_s: float = setting(30.0, above=0, at_most=600)
    reserve_bytes: int = setting(8_388_608, at_least=0)
    anchor: Path | None = setting(None)
    anchor_interval_s: float = setting(5.0, above=0, at_most=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPerson:
    """[[admin.people]]: a user of this machine, and who that is to the desk."""

    uid: int | None = setting(None, at_least=0)
    user: str | None = setting(None)
    actor: str = setting()
    role: Role = setting()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminConfig:
    """[admin]: the unix socket of people and feeds."""

    socket: Path = setting()
    group: str | None = setting(None)
    own_role: Role = setting(Role.OPERATOR)
    connections_max: int = setting(64, at_least=1, at_most=4096)
    people: tuple[AdminPerson, ...] = setting(())

    def person(self, uid: int, own_uid: int) -> AdminPerson | None:
        """Who a peer with this uid is; None is nobody we know. The daemon's own user needs no entry."""
        for person in self.people:
            if person.uid == uid:
                return person
        if uid == own_uid:
            return AdminPerson(uid=uid, actor="local", role=self.own_role)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """[metrics]: the HTTP endpoint of Prometheus and of health checks."""

    host: str = setting("127.0.0.1")
    port: int = setting(9464, at_least=0, at_most=65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixConfig:
    """[fix]: what all sessions share."""

    listen_host: str = setting("127.0.0.1")
    listen_port: int = setting(9880, at_least=0, at_most=65_535)
    listen_plain: bool = setting(True)
    tls: ListenerTls | None = setting(None)
    allow: tuple[str, ...] = setting((), check=network_problem)
    connections_max: int = setting(64, at_least=1, at_most=4096)
    connections_per_address_max: int = setting(32, at_least=1, at_most=4096)
    logon_attempts_per_minute_max: int = setting(600, at_least=1, at_most=1_000_000)
    logon_failures_max: int = setting(20, at_least=1, at_most=1_000_000)
    logon_pause_s_max: float = setting(60.0, at_least=1, at_most=3600)
    logon_bytes_max: int = setting(4096, at_least=512, at_most=65_536)
    max_message_bytes: int = setting(65_536, at_least=1024, at_most=16_777_216)
    outgoing_bytes_max: int = setting(8_388_608, at_least=65_536)
    held_messages_max: int = setting(1000, at_least=1, at_most=1_000_000)
    frame_timeout_s: float = setting(60.0, above=0, at_most=3600)
    write_timeout_s: float = setting(30.0, above=0, at_most=3600)
    logon_timeout_s: float = setting(10.0, above=0, at_most=600)
    logout_timeout_s: float = setting(2.0, above=0, at_most=600)
    gap_timeout_s: float = setting(60.0, above=0, at_most=3600)
    sending_time_tolerance_s: float = setting(120.0, above=0, at_most=86_400)
    heart_bt_int_s_min: int = setting(1, at_least=1, at_most=3600)
    heart_bt_int_s_max: int = setting(300, at_least=1, at_most=3600)

    @property
    def tls_host(self) -> str:
        """Where the TLS port is: at the address of the plain one unless it has its own."""
        return (self.tls.listen_host if self.tls is not None else None) or self.listen_host


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskConfig:
    """[risk]: what every R, D and AJ is held against before it may leave."""

    notional_max: Decimal = setting(above=0)
    open_rfqs_max: int = setting(200, at_least=1, at_most=100_000)
    price_collar_bps: float = setting(200.0, above=0, at_most=10_000)
    fill_better_bps_max: float = setting(100.0, above=0, at_most=10_000)
    duplicate_window_s: float = setting(60.0, at_least=0, at_most=86_400)
    restricted_isins: tuple[str, ...] = setting((), check=_isin_problem)
    restricted_issuers: tuple[str, ...] = setting(())


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqConfig:
    """[rfq]: the clocks and bounds of a request for quote."""

    wait_s: float = setting(120.0, above=0, at_most=86_400)
    decide_s: float = setting(30.0, above=0, at_most=86_400)
    quotes_per_rfq_max: int = setting(64, at_least=1, at_most=10_000)
    expiry_guard_ms: int = setting(250, at_least=0, at_most=60_000)
    stale_order_s: float = setting(60.0, above=0, at_most=86_400)
    unasked_s: float = setting(60.0, above=0, at_most=86_400)
    session_due_s: float = setting(10.0, at_least=0, at_most=600)
    mark_age_max_s: float = setting(900.0, above=0, at_most=604_800)
    undelivered_ask_s: float = setting(5.0, above=0, at_most=3600)
    cool_down_days: int = setting(1, at_least=0, at_most=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesConfig:
    """[axes]: how long what dealers advertise lives, and how much of it is kept."""

    life_s: float = setting(28_800.0, above=0, at_most=604_800)
    life_max_s: float = setting(432_000.0, above=0, at_most=604_800)
    per_dealer_max: int = setting(2_000, at_least=1, at_most=100_000)
    per_bond_max: int = setting(4, at_least=1, at_most=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcaConfig:
    """[tca]: when the market is looked at again after a round and an execution."""

    reversion_s: float = setting(1800.0, above=0, at_most=604_800)
    day_end: str = setting("17:00", check=minute_of_day)
    day_end_zone: str = setting("America/New_York", check=zone_problem)
    prefer_outside: bool = setting(False)

    @property
    def day_end_time(self) -> datetime.time:
        return datetime.time.fromisoformat(self.day_end)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesConfig:
    """[rules]: the folder whose *.rules files, in name order, are the rule book."""

    directory: Path = setting()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceConfig:
    """[reference]: the security master, and the calendars of markets, of which bonds have that of their currency."""

    securities: Path = setting()
    calendars: tuple[Path, ...] = setting(())
    rates: Path | None = setting(None)
    calendar_months_min: int = setting(6, at_least=0, at_most=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFile:
    """engine.toml as a whole. A table whose keys all have defaults may be left out."""

    engine: EngineConfig = setting()
    clock: ClockConfig = setting(ClockConfig())
    journal: JournalConfig = setting()
    admin: AdminConfig = setting()
    metrics: MetricsConfig = setting(MetricsConfig())
    fix: FixConfig = setting(FixConfig())
    session: tuple[SessionConfig, ...] = setting(())
    risk: RiskConfig = setting()
    rfq: RfqConfig = setting(RfqConfig())
    tca: TcaConfig = setting(TcaConfig())
    axes: AxesConfig = setting(AxesConfig())
    market: MarketConfig = setting(MarketConfig())
    rules: RulesConfig = setting()
    reference: ReferenceConfig = setting()


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoFile:
    """The configuration of an echo acceptor: [fix] and [[session]] tables alone."""

    fix: FixConfig = setting(FixConfig())
    session: tuple[SessionConfig, ...] = setting(())
