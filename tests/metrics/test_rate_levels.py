"""How old rates are, as Prometheus has it, and how many orders wait for one; fills are summed in the base currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from desk_past import EURO
from desk_scene import MM, scene
from prometheus_client.parser import text_string_to_metric_families

from engine.domain.exchange import Rate
from engine.market.rates import FiledRates
from engine.metrics.collector import Metrics
from engine.turn.trading import Trading

pytestmark = pytest.mark.starts("noon")
HOUR_NS = 3600 * 10**9


def levels(metrics: Metrics) -> dict[tuple[str, str], float]:
    pieces, _ = metrics.exposition("text/plain")
    families = text_string_to_metric_families(b"".join(pieces).decode())
    found: list[Any] = [each for family in families for each in family.samples]
    return {(each.name, each.labels["currency"]): each.value for each in found if each.name.startswith("exchange_")}


def test_each_currency_has_the_age_of_the_rate_that_counts() -> None:
    world, metrics = scene(), Metrics("1")
    trading = Trading(world.desk, state=world.state)
    metrics.rates(trading, world.now.utc_ns)
    assert levels(metrics) == {}
    old = Rate("GBP/USD", Decimal("1.26"), world.now.utc_ns - 30 * HOUR_NS, "rates.csv")
    world.desk.filed_rates = FiledRates([old, Rate("EUR/GBP", Decimal(1), world.now.utc_ns, "rates.csv")])
    world.command("rates.put", actor="fx", role="feed", rows=[{"pair": "EUR/USD", "price": "1.085"}])
    metrics.rates(trading, world.now.utc_ns + HOUR_NS)
    assert levels(metrics) == {
        ("exchange_rate_age_max_seconds", "EUR"): 86_400,
        ("exchange_rate_age_max_seconds", "GBP"): 86_400,
        ("exchange_rate_age_seconds", "EUR"): 3600,
        ("exchange_rate_age_seconds", "GBP"): 31 * 3600,
    }


def test_orders_that_wait_for_a_rate_are_counted() -> None:
    world, metrics = scene(), Metrics("1")
    trading = Trading(world.desk, state=world.state)

    def waiting() -> float:
        metrics.rates(trading, world.now.utc_ns)
        pieces, _ = metrics.exposition("text/plain")
        text = b"".join(pieces).decode()
        return float(next(line for line in text.splitlines() if line.startswith("orders_without_rate ")).split()[1])

    assert waiting() == 0
    world.order(EURO, "buy", MM, account="PARALLEL")
    world.order(EURO, "sell", MM, account="HAND")
    assert waiting() == 2
    world.command("rates.put", actor="fx", role="feed", rows=[{"pair": "EUR/USD", "price": "1.085"}])
    assert waiting() == 0
