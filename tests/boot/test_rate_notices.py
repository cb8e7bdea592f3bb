"""What a person is told of a file of rates that is in force: at a start, by a reload, and by `rfqd check`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from engine.boot import assembly
from engine.boot.configured import PROBLEMS_SHOWN_MAX, notices
from engine.config import load
from engine.domain.currencies import CURRENCIES
from engine.domain.exchange import Rate
from engine.market.rates import FiledRates
from engine.rules.source import Source

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT / "engine.toml")
FILE = assembly.security_file(CONFIG.reference.securities)
RULES = Source("all.rules", 'rule "all" when true\n  ask top 3\n')
HOUR_NS = 3600 * 10**9
NOW_NS = 1_795_449_600 * 10**9


def told(*rates: Rate) -> list[str]:
    desk = assembly.desk(CONFIG, assembly.compiled(CONFIG, [RULES]), FILE.bonds)
    desk.filed_rates = FiledRates(rates)
    return [line for line in notices(CONFIG, FILE, desk, NOW_NS) if line.startswith(("rates.csv", "and "))]


def rate(pair: str = "EUR/USD", age_h: int = 1) -> Rate:
    return Rate(pair, Decimal("1.085"), NOW_NS - age_h * HOUR_NS, "rates.csv")


def test_a_rate_that_can_be_used_is_nothing_to_tell_of() -> None:
    assert told(rate()) == []


def test_one_that_is_too_old_from_the_future_or_likely_turned_round_is_told() -> None:
    assert told(rate(age_h=26)) == ["rates.csv: rate EUR/USD is 26 h old, at most 24 h"]
    (ahead,) = told(rate(age_h=-3))
    assert ahead.startswith("rates.csv: rate EUR/USD is of 2026-")
    assert ahead.endswith("which lies ahead")
    assert told(rate("JPY/USD")) == ["rates.csv: JPY/USD 1.085: the market tells USD/JPY, is it the rate of that?"]


def test_of_many_the_first_are_named() -> None:
    codes = sorted(CURRENCIES - {CONFIG.engine.base_currency})[: PROBLEMS_SHOWN_MAX + 2]
    lines = told(*(rate(f"USD/{code}", 30) for code in codes))
    assert len(lines) == PROBLEMS_SHOWN_MAX + 1
    assert lines[-1] == "and 2 more lines of rates"
