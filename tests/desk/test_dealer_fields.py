"""What rules may ask of dealers about one order: the model's numbers, axes; every field that the language promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from desk_past import HIGH_YIELD, past_events
from desk_scene import MM, Scene, scene

from engine.dealers.estimates import Asking, Estimates
from engine.dealers.outlook import Measure, Outlook
from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.explaining import tell
from engine.desk.fields import catalogue
from engine.domain import events as e
from engine.domain.axe import Axe
from engine.domain.order import Side

pytestmark = pytest.mark.starts("noon")

ORDER_FIELDS: Final = """side quantity notional market_value currency asset_class sector issuer rating coupon maturity
    years_to_maturity amount_outstanding days_since_trade adv liquidity_score expected_impact expected_cost volatility
    fair time account trader"""
DEALER_FIELDS: Final = """name specialty tier rank connected score asks quotes trades has_axe quoted_issuer
    quoted_similar last_asked agreement leak_cost p_quote edge firmness fill_rate hit_rate quote_rate price_improvement
    leakage reversion speed response_time"""


def measure(value: float) -> Measure:
    return Measure(value, 0.1, value - 0.2, value + 0.2, 20.0)


class Told:
    """Estimates that say something else of some dealers, and remember what they were asked for."""

    def __init__(self, estimates: Estimates, of: Mapping[str, Mapping[str, Measure]]) -> None:
        self._estimates, self._of = estimates, of
        self.asked: list[tuple[str, Asking]] = []

    def outlook(self, dealer: str, asking: Asking) -> Outlook:
        self.asked.append((dealer, asking))
        changes: Mapping[str, Any] = self._of.get(dealer, {})
        return replace(self._estimates.outlook(dealer, asking), **changes)


def past(condition: str, clauses: str = "ask all") -> Scene:
    world = scene(f'rule "r" when true\n  consider dealers where {condition}\n  {clauses}\n')
    for event in past_events():
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def telling(world: Scene, **of: Mapping[str, Measure]) -> Told:
    told = Told(world.desk.learning.estimates, of)
    world.desk.learning.estimates = told  # type: ignore[assignment]
    return told


def asked(world: Scene, quantity: int = 6 * MM) -> set[str]:
    plan = world.state.recommendations[world.order(HIGH_YIELD, "buy", quantity)].plan
    return set(plan.dealers) if plan is not None else set()


@pytest.mark.parametrize(
    ("condition", "of"),
    [
        pytest.param("p_quote > 90%", {"q": measure(0.95)}, id="p_quote"),
        pytest.param("edge > 20bp", {"e": measure(25.0)}, id="edge"),
        pytest.param("firmness < 10%", {"f": measure(0.05)}, id="firmness"),
        pytest.param("leak_cost > 20bp", {"leak_in": measure(15.0), "leak_post": measure(10.0)}, id="leak_cost"),
    ],
)
def test_a_rule_reads_what_the_model_expects(condition: str, of: dict[str, Measure]) -> None:
    world = past(condition)
    telling(world, cedar=of, fir=of)
    assert asked(world) == {"cedar", "fir"}


def test_the_model_is_asked_for_this_request_and_once_a_dealer() -> None:
    world = past("p_quote > 0% and edge > -1000bp and leak_cost < 1000bp", "ask all wait 20s")
    told = telling(world)
    asked(world)
    assert len({dealer for dealer, _ in told.asked}) == len(told.asked) > 1
    for _, asking in told.asked:
        assert (asking.quantity, asking.wait_s, asking.segment.side) == (6 * MM, 20.0, "buy")


def test_a_word_with_a_window_is_what_was_seen_in_it() -> None:
    """hazel's own prices were bad; what is expected of it is another number."""
    seen, expected = past("edge(90d) > 100bp"), past("edge > 100bp")
    for world in (seen, expected):
        telling(world, hazel={"e": measure(150.0)})
    assert asked(seen) == set()
    assert asked(expected) == {"hazel"}


def test_who_is_left_out_is_told_by_the_models_number() -> None:
    world = past("leak_cost < 3bp")
    telling(world, ash={"leak_in": measure(2.5), "leak_post": measure(1.5)})
    advice = world.state.recommendations[world.order(HIGH_YIELD, "buy", 6 * MM)]
    [ash] = [line for line in tell(world.desk.book_of, advice).lines if line.dealer == "ash"]
    assert ash.reason == "not considered: leak_cost < 3bp: leak_cost is 4"


def test_a_dealer_has_an_axe_where_it_wants_the_other_side_and_while_that_lives() -> None:
    world = past("has_axe")
    now = world.now.utc_ns
    for dealer, side in (("fir", Side.sell), ("ash", Side.buy)):
        axe = Axe(dealer, f"{dealer}-1", HIGH_YIELD.security_id, side, None, None, None, None, now, now + 10**9, dealer)
        apply(world.state, e.AxeAdvertised(now, axe, ""))
    assert asked(world) == {"fir"}
    world.advance(2)
    assert asked(world) == set()


def test_every_field_that_the_language_promises_is_in_the_catalogue() -> None:
    known = catalogue()
    order, dealer = (
        {word for each in fields.values() for word in (each.name, *each.synonyms)}
        for fields in (known.order_fields, known.dealer_fields)
    )
    assert set(DEALER_FIELDS.split()) <= dealer
    assert set(ORDER_FIELDS.split()) <= order
