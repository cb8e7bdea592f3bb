"""The bounds of what may be configured: each pinned, each tried at its edge and one step beyond.

The settings are those of the tables: one that is added with a bound has to be named here with it.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import MISSING
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from engine.boot import assembly
from engine.config import load
from engine.config.dealers import DealersFile
from engine.config.reading import BOUNDS, Bounds, Reading
from engine.config.scoring import ScoringConfig
from engine.config.tables import EchoFile, EngineFile
from engine.fix.session.settings import SessionSettings
from engine.rules.source import Source

Number = int | float
Span = tuple[str, Number | None, Number | None]
"""`>=` or `>` the lowest, then the lowest and the highest; None: there is none."""

SPANS: Final[dict[str, Span]] = {
    "clock.speed": (">", 0, 10_000),
    "journal.batch_turns_max": (">=", 1, 65_536),
    "journal.staged_bytes_max": (">=", 65_536, None),
    "journal.commit_slow_s": (">", 0, 60),
    "journal.commit_stall_max_s": (">", 0, 600),
    "journal.reserve_bytes": (">=", 0, None),
    "journal.anchor_interval_s": (">", 0, 3600),
    "admin.connections_max": (">=", 1, 4096),
    "admin.people.uid": (">=", 0, None),
    "metrics.port": (">=", 0, 65_535),
    "fix.listen_port": (">=", 0, 65_535),
    "fix.tls.listen_port": (">=", 0, 65_535),
    "fix.connections_max": (">=", 1, 4096),
    "fix.connections_per_address_max": (">=", 1, 4096),
    "fix.logon_attempts_per_minute_max": (">=", 1, 1_000_000),
    "fix.logon_failures_max": (">=", 1, 1_000_000),
    "fix.logon_pause_s_max": (">=", 1, 3600),
    "fix.logon_bytes_max": (">=", 512, 65_536),
    "fix.max_message_bytes": (">=", 1024, 16_777_216),
    "fix.outgoing_bytes_max": (">=", 65_536, None),
    "fix.held_messages_max": (">=", 1, 1_000_000),
    "fix.frame_timeout_s": (">", 0, 3600),
    "fix.write_timeout_s": (">", 0, 3600),
    "fix.logon_timeout_s": (">", 0, 600),
    "fix.logout_timeout_s": (">", 0, 600),
    "fix.gap_timeout_s": (">", 0, 3600),
    "fix.sending_time_tolerance_s": (">", 0, 86_400),
    "fix.heart_bt_int_s_min": (">=", 1, 3600),
    "fix.heart_bt_int_s_max": (">=", 1, 3600),
    "session.port": (">=", 1, 65_535),
    "session.heart_bt_int_s": (">=", 1, 3600),
    "session.reconnect_min_s": (">", 0, 3600),
    "session.reconnect_max_s": (">", 0, 3600),
    "risk.notional_max": (">", 0, None),
    "risk.open_rfqs_max": (">=", 1, 100_000),
    "risk.price_collar_bps": (">", 0, 10_000),
    "risk.fill_better_bps_max": (">", 0, 10_000),
    "risk.duplicate_window_s": (">=", 0, 86_400),
    "rfq.wait_s": (">", 0, 86_400),
    "rfq.decide_s": (">", 0, 86_400),
    "rfq.quotes_per_rfq_max": (">=", 1, 10_000),
    "rfq.expiry_guard_ms": (">=", 0, 60_000),
    "rfq.stale_order_s": (">", 0, 86_400),
    "rfq.unasked_s": (">", 0, 86_400),
    "rfq.session_due_s": (">=", 0, 600),
    "rfq.mark_age_max_s": (">", 0, 604_800),
    "rfq.undelivered_ask_s": (">", 0, 3600),
    "rfq.cool_down_days": (">=", 0, 30),
    "tca.reversion_s": (">", 0, 604_800),
    "reference.calendar_months_min": (">=", 0, 120),
    "axes.life_s": (">", 0, 604_800),
    "axes.life_max_s": (">", 0, 604_800),
    "axes.per_dealer_max": (">=", 1, 100_000),
    "axes.per_bond_max": (">=", 1, 100),
    "market.file_days": (">=", 0, 3650),
    "market.price_jump_max": (">", 0, 100),
    "market.ahead_max_s": (">=", 0, 3600),
    "market.similar_radius": (">=", 0, 100),
    "market.tape.days": (">=", 1, 3650),
    "market.tape.marks_max": (">=", 1_000, None),
    "market.tape.trades_max": (">=", 1_000, None),
    "market.tape.quiet_days_max": (">=", 1, 60),
    "market.source.mark_age_max_s": (">", 0, 604_800),
    "market.impact.y": (">", 0, 10),
    "market.impact.y_ln_sd": (">=", 0, 5),
    "market.impact.cap_bps": (">", 0, 10_000),
    "market.impact.power": (">=", 0, 2),
    "market.impact.size_power": (">=", -2, 2),
    "market.impact.volatility_power": (">=", 0, 3),
    "market.impact.age_power": (">=", -2, 2),
    "market.impact.high_yield": (">=", -5, 5),
    "market.impact.sell": (">=", -5, 5),
    "market.rates.age_max_h": (">", 0, 8_784),
    "market.rates.jump_max": (">", 0, 100),
    "market.rates.every_s": (">=", 0, 3600),
    "market.errors.composite_bps": (">", 0, 10_000),
    "market.errors.evaluated_bps": (">", 0, 10_000),
    "market.errors.own_rfq_bps": (">", 0, 10_000),
    "market.errors.last_print_bps": (">", 0, 10_000),
    "market.errors.volatility_bps": (">", 0, 10_000),
    "dealer.notional_max": (">", 0, None),
    "dealer.firm_time_s": (">", 0, 86_400),
    "half_life_days": (">", 0, 3650),
    "window_days": (">=", 1, 3650),
    "leak.half_life_days": (">", 0, 3650),
    "leak.window_days": (">=", 1, 3650),
    "leak.in_bps": (">=", 0, 1_000),
    "leak.in_sd_bps": (">", 0, 1_000),
    "leak.in_own_bps": (">", 0, 1_000),
    "leak.post_bps": (">=", 0, 1_000),
    "leak.post_sd_bps": (">", 0, 1_000),
    "leak.post_own_bps": (">", 0, 1_000),
    "leak.time_limit_s": (">=", 1, 86_400),
    "model.c_fail_bps": (">=", 0, 1_000),
    "model.leak_weight": (">=", 0, 100),
    "model.rho": (">=", 0, 10),
    "model.unfilled": (">=", 0, 1),
    "model.wait_bps_per_s": (">=", 0, 10),
    "model.trade_share_min": (">=", 0, 1),
    "model.trade_share_bps": (">=", 0, 100),
    "model.two_way_share": (">=", 0, 1),
    "model.two_way_bps": (">=", 0, 100),
    "model.axe_logit": (">=", 0, 10),
    "model.axe_edge_bps": (">=", 0, 100),
    "estimates.half_life_days": (">", 0, 3650),
    "estimates.window_days": (">=", 1, 3650),
    "estimates.strength": (">", 0, 100),
    "estimates.panel_slope": (">=", -5, 5),
    "estimates.size_slope": (">=", -5, 5),
    "estimates.answers": (">", 0, 1),
    "estimates.firm": (">", 0, 1),
    "estimates.cost_bps": (">=", 0, 1_000),
    "estimates.edge_noise_bps": (">", 0, 1_000),
    "estimates.mark_sd_bps": (">", 0, 1_000),
    "estimates.drift_alarms": (">", 0, 20),
    "explore.epsilon": (">=", 0, 0.5),
    "explore.epsilon_untried": (">=", 0, 1),
    "explore.epsilon_drop": (">=", 0, 0.5),
    "explore.quantity_max": (">=", 0, None),
    "classic.fill_rate": (">=", 0, 1),
    "classic.price_improvement": (">=", 0, 1),
    "classic.leakage": (">=", 0, 1),
    "classic.speed": (">=", 0, 1),
}
TINY: Final = Decimal("0.000000001")
"""A step beyond a bound of what need not be whole; above 0 it is still something."""


@dataclasses.dataclass(frozen=True)
class Setting:
    table: type
    name: str
    kind: Any
    bounds: Bounds
    default: Any


def settings_of(table: type, path: str = "") -> Iterator[tuple[str, Setting]]:
    """Every number that a file may say, by its path."""
    hints = typing.get_type_hints(table)
    for field in dataclasses.fields(table):
        kinds = [each for each in typing.get_args(hints[field.name]) or (hints[field.name],) if each is not type(None)]
        for kind in kinds:
            if dataclasses.is_dataclass(kind):
                yield from settings_of(kind, f"{path}{field.name}.")  # type: ignore[arg-type]
            elif kind in (int, float, Decimal) and BOUNDS in field.metadata:
                yield (
                    f"{path}{field.name}",
                    Setting(table, field.name, kind, field.metadata[BOUNDS], field.default),
                )


FOUND: Final[dict[str, Setting]] = {
    path: setting for file in (EngineFile, DealersFile, ScoringConfig) for path, setting in settings_of(file)
}


def test_every_number_has_the_bounds_that_are_written_here() -> None:
    declared = {
        path: (
            ">" if setting.bounds.above is not None else ">=",
            setting.bounds.above if setting.bounds.above is not None else setting.bounds.at_least,
            setting.bounds.at_most,
        )
        for path, setting in FOUND.items()
    }
    assert declared == SPANS
    assert {path for path, _ in settings_of(EchoFile)} <= set(SPANS)


def problems(path: str, value: Any) -> list[str]:
    """What a file is told of this one key."""
    setting, reading = FOUND[path], Reading("some.toml", Path())
    reading.table(setting.table, {setting.name: value}, "here")
    return [line for line in reading.problems if line.startswith(f"some.toml: here.{setting.name}: ")]


def edges(path: str) -> Iterator[tuple[Any, bool]]:
    """Values at the bounds and one step beyond them, as a TOML file has them: may it be?"""
    comparison, low, high = SPANS[path]
    whole = FOUND[path].kind is int
    step: Number | Decimal = 1 if whole else TINY
    if low is not None:
        lowest = low if whole else Decimal(low)
        yield lowest, comparison == ">="
        yield lowest - step, False
        yield lowest + step, True
    if high is not None:
        highest = high if whole else Decimal(high)
        yield highest, True
        yield highest + step, False
        yield highest - step, True


@pytest.mark.parametrize("path", SPANS)
def test_at_its_bound_a_number_is_taken_and_one_step_beyond_it_is_not(path: str) -> None:
    for value, may_be in edges(path):
        found = problems(path, value)
        if may_be:
            assert not found, value
        else:
            assert len(found) == 1, value
            assert found[0].endswith(f", found {value}")


@pytest.mark.parametrize("path", SPANS)
def test_what_is_said_of_a_number_beyond_its_bounds_names_them(path: str) -> None:
    comparison, low, high = SPANS[path]
    for value, may_be in edges(path):
        if may_be:
            continue
        words = problems(path, value)[0].partition(": expected ")[2].partition(", found ")[0]
        numbers = [word for word in words.split() if word.replace(".", "").removeprefix("-").isdigit()]
        assert numbers == [str(bound) for bound in (low, high) if bound is not None]
        assert ("above" in words) is (comparison == ">")


@pytest.mark.parametrize("path", SPANS)
def test_a_default_lies_within_the_bounds(path: str) -> None:
    setting = FOUND[path]
    if setting.default is not MISSING and setting.default is not None:
        assert setting.bounds.hold(setting.default)
        assert not problems(path, setting.default if setting.kind is int else Decimal(str(setting.default)))


# --- texts ---------------------------------------------------------------------------------------

NAME: Final = (("a", "a" * 32, "a0_-"), ("", "a" * 33, "A", "0a", "_a", "a b", "a.b", "ä"))
COMP_ID: Final = (("!", "~" * 64), ("", "A" * 65, "A B", "é"))
NETWORK: Final = (("10.1.0.0/16", "192.0.2.7", "2001:db8::/32"), ("", "10.1.0.1/16", "10.0.0.0/33", "2001:db8::/129"))
ENVIRONMENT: Final = (("A", "_a0"), ("", "0A", "A-B", "A B"))
TIME: Final = (("00:00", "23:59", "00:00:00", "23:59:59"), ("", "24:00", "23:60", "23:59:60", "0:00", "08:00:"))
ISIN: Final = "US0378331005"
TEXTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "tca.day_end": (("00:00", "23:59"), ("24:00", "7:00", "17:60", "17:00:30")),
    "tca.day_end_zone": (("UTC", "America/New_York"), ("New York", "")),
    "leak.solve_at": (("00:00", "23:59"), ("24:00", "5:30", "05:60", "05:30:00")),
    "engine.name": NAME,
    "engine.base_currency": (("USD",), ("", "US", "USDD", "usd")),
    "market.rates.pairs": (("EURUSD", "USD/JPY"), ("EUR", "eurusd", "GBX/USD", "EUR/EUR", "")),
    "fix.allow": NETWORK,
    "fix.tls.key_password_env": ENVIRONMENT,
    "session.key": NAME,
    "session.sender_comp_id": COMP_ID,
    "session.target_comp_id": COMP_ID,
    "session.sender_sub_id": COMP_ID,
    "session.sender_location_id": COMP_ID,
    "session.target_sub_id": COMP_ID,
    "session.target_location_id": COMP_ID,
    "session.backup": (("a:1", "a:65535", "::1:65535"), ("", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:x")),
    "session.appl_ver_id": (("6", "9"), ("", "5", "10", "a")),
    "session.username_env": ENVIRONMENT,
    "session.password_env": ENVIRONMENT,
    "session.tls_key_password_env": ENVIRONMENT,
    "session.allow": NETWORK,
    "session.tls_pin_sha256": (("a" * 64, ":".join(["AB"] * 32)), ("", "a" * 63, "a" * 65, "g" * 64)),
    "session.schedule.time_zone": (("Europe/London",), ("", "Europe", "Europe/Nowhere", "../UTC")),
    "session.schedule.start": TIME,
    "session.schedule.end": TIME,
    "risk.restricted_isins": ((ISIN,), ("", ISIN[:-1], ISIN[:-1] + "6", ISIN + "0")),
    "dealer.id": NAME,
    "dealer.lei": (("0000DEMOALDER0000026",), ("", "0000DEMOALDER0000027", "0000DEMOALDER000026", "0" * 21)),
    "dealer.contact.email": (("a@b", "desk.1@example.com"), ("", "a@", "@b", "a b@c", "a@b@c", "ab")),
    "dealer.contact.phone": (("+1 555 0100", "0441/2.3-4", "123"), ("", "12", "+", "call me", "1" * 33)),
}
"""By path: what may be, and what may not, of every text that is looked at more closely than whether it is there."""
LISTS: Final = {
    "fix.allow",
    "session.backup",
    "market.rates.pairs",
    "session.allow",
    "session.tls_pin_sha256",
    "risk.restricted_isins",
}


def texts_of(table: type, path: str = "") -> Iterator[tuple[str, Setting]]:
    hints = typing.get_type_hints(table)
    for field in dataclasses.fields(table):
        kinds = [each for each in typing.get_args(hints[field.name]) or (hints[field.name],) if each is not type(None)]
        bounds = field.metadata.get(BOUNDS, Bounds())
        for kind in kinds:
            if dataclasses.is_dataclass(kind):
                yield from texts_of(kind, f"{path}{field.name}.")  # type: ignore[arg-type]
        if bounds.check is not None:
            yield f"{path}{field.name}", Setting(table, field.name, str, bounds, field.default)


FOUND_TEXTS: Final = {path: each for file in (EngineFile, DealersFile, ScoringConfig) for path, each in texts_of(file)}


def test_every_text_that_is_looked_at_is_named() -> None:
    assert set(FOUND_TEXTS) == set(TEXTS)


@pytest.mark.parametrize("path", TEXTS)
def test_a_text_is_taken_to_its_edge_and_not_beyond(path: str) -> None:
    setting = FOUND_TEXTS[path]
    for texts, may_be in zip(TEXTS[path], (True, False), strict=True):
        for text in texts:
            reading = Reading("some.toml", Path())
            reading.table(setting.table, {setting.name: [text] if path in LISTS else text}, "here")
            found = [line for line in reading.problems if line.startswith(f"some.toml: here.{setting.name}")]
            assert len(found) == (0 if may_be else 1), (text, found)


# --- all of them at once -------------------------------------------------------------------------

TOGETHER: Final = {"clock.speed", "classic.fill_rate", "classic.price_improvement", "classic.leakage", "classic.speed"}
"""What has to fit with other keys: a clock of another speed has an origin, weights add to 1."""


def extreme(path: str, end: str) -> Any:
    allowed = [value for value, may_be in edges(path) if may_be]
    return min(allowed) if end == "lowest" else max(allowed)


def table(names: str, end: str, *more: str) -> str:
    """The keys of one table that have bounds, each at its lowest or highest."""
    prefix = f"{names}." if names else ""
    keys = [path for path in SPANS if path.startswith(prefix) and path.count(".") == prefix.count(".")]
    lines = [f"{path.removeprefix(prefix)} = {extreme(path, end)}" for path in keys if path not in TOGETHER]
    return "\n".join([*more, *lines, ""])


@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_with_every_number_at_its_bound_an_engine_can_be_made(tmp_path: Path, end: str) -> None:
    """What the file may say, the session layer and the desk take as well."""
    engine = [
        '[engine]\ndealers = "dealers.toml"\nscoring = "scoring.toml"',
        table("journal", end, "[journal]", 'path = "journal.db"'),
        table("admin", end, "[admin]", 'socket = "rfqd.sock"'),
        table("metrics", end, "[metrics]"),
        table("fix", end, "[fix]"),
        table("risk", end, "[risk]"),
        table("rfq", end, "[rfq]"),
        table("tca", end, "[tca]"),
        table("market", end, "[market]"),
        table("market.tape", end, "[market.tape]"),
        table("market.source", end, '[[market.source]]\nkey = "feed"'),
        table("market.impact", end, "[market.impact]"),
        table("market.errors", end, "[market.errors]"),
        '[rules]\ndirectory = "rules"',
        table("reference", end, '[reference]\nsecurities = "securities.csv"'),
    ]
    for number, (key, role, how) in enumerate((("oms", "oms", "acceptor"), ("alder", "dealer", "initiator"))):
        of_session = table("session", end).splitlines()
        keys = [line for line in of_session if how == "initiator" or line.startswith("heart_bt_int_s")]
        if how == "initiator":
            keys.append('host = "127.0.0.1"')
        names = f'key = "{key}"\nrole = "{role}"\nsender_comp_id = "BUYSIDE"\ntarget_comp_id = "PEER{number}"'
        engine.append("\n".join(["[[session]]", names, f'connection_type = "{how}"', *keys]))
    (tmp_path / "engine.toml").write_text("\n".join(engine))
    dealer = '[[dealer]]\nid = "alder"\nname = "Alder"\nlei = "0000DEMOALDER0000026"\nsession = "alder"\n'
    (tmp_path / "dealers.toml").write_text(dealer + 'asset_classes = ["corporate"]\n' + table("dealer", end))
    (tmp_path / "scoring.toml").write_text(table("", end))

    config = load(tmp_path / "engine.toml", {})
    book = assembly.compiled(config, [Source("all.rules", 'rule "all" when true\n  ask top 1  wait 60s\n')])
    parts = assembly.parts(config, book, {}, {})
    assert {type(each) for each in parts.settings.values()} == {SessionSettings}
    assert [each.id for each in parts.desk.dealers] == ["alder"]
