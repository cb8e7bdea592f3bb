"""Which words of a rule book can only be unknown: by what the security file holds and who tells of bonds."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from desk_builder import make_desk
from desk_past import NOW_NS
from desk_scene import BOND

from engine.clock import NS_PER_DAY
from engine.desk.known_here import EVERYTHING, KnownHere
from engine.desk.setting import TellsOfBonds
from engine.domain.instrument import Security

TODAY: Final = datetime.datetime.fromtimestamp(NOW_NS / 1e9, datetime.UTC).date()
FULL: Final = replace(
    BOND,
    sector="energy",
    rating="BBB",
    amount_outstanding=Decimal(500_000_000),
    liquidity_as_of=TODAY,
    adv_30d=Decimal(1_000_000),
    last_trade_date=TODAY,
    liquidity_score=5,
)
NOBODY: Final = TellsOfBonds(prices=False, trades=False)
PRICES: Final = TellsOfBonds(prices=True, trades=False)


def here(*bonds: Security, told: TellsOfBonds = NOBODY, days_later: int = 0) -> KnownHere:
    desk = make_desk()
    desk.securities, desk.told_of_bonds = {each.security_id: each for each in bonds}, told
    return KnownHere.of(desk, NOW_NS + days_later * NS_PER_DAY)


def because(known: KnownHere, name: str, window_days: int | None = None) -> str:
    found = known.never(name, window_days)
    return found.because if found is not None else ""


@pytest.mark.parametrize("field", ["sector", "rating", "coupon", "maturity", "years_to_maturity", "amount_outstanding"])
def test_a_column_that_no_bond_has(field: str) -> None:
    columns = ("sector", "rating", "coupon_pct", "maturity", "amount_outstanding")
    empty: dict[str, Any] = dict.fromkeys(columns)
    bare, other = replace(FULL, **empty), replace(FULL, security_id="US0000000000", **empty)
    column = {"years_to_maturity": "maturity", "coupon": "coupon_pct"}.get(field, field)
    assert because(here(bare, other), field) == f"no bond of the security file has its {column}"
    assert because(here(bare, FULL), field) == "", "one bond is enough"


@pytest.mark.parametrize(
    ("field", "window", "column"),
    [
        ("adv", 30, "adv_30d"),
        ("days_since_trade", None, "last_trade_date"),
        ("liquidity_score", None, "liquidity_score"),
    ],
)
def test_what_is_known_of_trading_comes_of_trades_or_of_a_file_that_is_believed(
    field: str, window: int | None, column: str
) -> None:
    bare = replace(FULL, **{column: None})  # type: ignore[arg-type]
    assert because(here(FULL), field, window) == ""
    assert column in because(here(bare), field, window)
    assert because(here(bare, told=TellsOfBonds(prices=False, trades=True)), field, window) == ""
    assert because(here(FULL, days_later=10), field, window) == ""
    assert because(here(FULL, days_later=12), field, window).endswith("too old to be believed")
    assert because(here(FULL, days_later=12, told=TellsOfBonds()), field, window) == ""


def test_a_file_knows_the_volume_over_its_own_window_alone() -> None:
    assert "over 30d only" in because(here(FULL), "adv", 60)
    assert because(here(FULL, told=TellsOfBonds()), "adv", 60) == ""


@pytest.mark.parametrize(
    ("field", "window"),
    [
        ("fair", None),
        ("market_value", None),
        ("volatility", None),
        ("expected_impact", None),
        ("expected_cost", None),
        ("leakage", 90),
        ("price_improvement", 90),
        ("edge", 90),
    ],
)
def test_what_is_made_of_prices_wants_somebody_who_sends_them(field: str, window: int | None) -> None:
    assert because(here(FULL), field, window) == "nobody delivers prices"
    assert because(here(FULL, told=PRICES), field, window) == ""


def test_an_impact_wants_a_volume_too() -> None:
    assert "adv_30d" in because(here(replace(FULL, adv_30d=None), told=PRICES), "expected_impact")


@pytest.mark.parametrize("field", ["notional", "side", "p_quote", "edge", "leak_cost", "has_axe", "connected", "asks"])
def test_other_fields_are_always_known_somewhere(field: str) -> None:
    assert because(here(FULL), field) == ""


def test_where_nothing_is_known_of_the_installation_nothing_is_said() -> None:
    assert because(here(), "rating") == because(EVERYTHING, "adv", 60) == because(EVERYTHING, "leakage", 90) == ""


def test_the_catalogue_says_it_beside_the_field() -> None:
    known = here(replace(FULL, rating=None)).catalogue(["ash"], "USD")
    reasons = {
        each.name: each.unknown_because for each in (*known.order_fields.values(), *known.dealer_fields.values())
    }
    assert reasons["rating"] == "no bond of the security file has its rating; add the column, and reload"
    assert reasons["leakage"].startswith("nobody delivers prices; add a session of role market")
    assert reasons["edge"] == reasons["adv"] == reasons["sector"] == ""
    assert known.dealers == {"ash"}


def test_a_file_is_judged_as_the_daemon_would() -> None:
    text = f"isin,name,issuer,asset_class,rating,adv_30d\n{BOND.security_id},X,X Inc,corporate,,1000\n"
    day = NS_PER_DAY
    fresh, old = (KnownHere.by_files(text, TODAY, 10, NOBODY, NOW_NS + days * day) for days in (0, 12))
    assert because(fresh, "rating") == "no bond of the security file has its rating"
    assert because(fresh, "adv", 30) == ""
    assert because(old, "adv", 30).endswith("too old to be believed")
