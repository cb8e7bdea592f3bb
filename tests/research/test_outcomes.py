"""What a panel costs by the quotes seen, and by what was expected: by hand, and against the model's own numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from dealer_support import NOW, SEGMENT
from prospect_support import outlook
from seen_rounds import asked, seen

from engine.domain.observation import Answer, AskSeen, RoundSeen, Taken
from engine.domain.order import Side
from engine.research.outcomes import Offer, Outcome, expected, has_unmarked_quote, nobody_took, replayed, taken
from engine.selection.model import Model
from engine.selection.request import Parameters, Request

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

C_FAIL: Final = 20.0


@pytest.mark.parametrize(
    ("offers", "outcome"),
    [
        pytest.param([], Outcome(0.0, 1.0), id="no quote: nothing trades"),
        pytest.param([Offer("a", -5.0), Offer("b", -3.0)], Outcome(3.0, 0.0), id="the best is taken"),
        pytest.param([Offer("a", 2.0)], Outcome(-2.0, 0.0), id="better than the mark earns"),
        pytest.param([Offer("a", -25.0)], Outcome(0.0, 1.0), id="worse than not trading is none"),
        pytest.param([Offer("a", -3.0, share=0.4), Offer("b", -5.0)], Outcome(4.2, 0.0), id="the rest of the next"),
        pytest.param([Offer("a", -3.0, share=0.4)], Outcome(1.2, 0.6), id="the rest does not trade"),
        pytest.param([Offer("a", -3.0, firm=0.0), Offer("b", -5.0)], Outcome(5.0, 0.0), id="refused: the next"),
        pytest.param(
            [Offer("a", -3.0, firm=0.0, move_bps=2.0), Offer("b", -5.0)], Outcome(7.0, 0.0), id="the market has moved"
        ),
        pytest.param(
            [Offer("a", -3.0, firm=0.5, move_bps=2.0), Offer("b", -5.0)],
            Outcome(0.5 * 3 + 0.5 * 7, 0.0),
            id="half of the time",
        ),
        pytest.param(
            [Offer("a", -3.0, firm=0.0, move_bps=16.0), Offer("b", -5.0)], Outcome(0.0, 1.0), id="moved beyond it"
        ),
    ],
)
def test_quotes_are_taken_from_the_best_on(offers: list[Offer], outcome: Outcome) -> None:
    found = taken(offers, C_FAIL)
    assert (found.price_bps, found.unfilled) == pytest.approx((outcome.price_bps, outcome.unfilled))
    assert taken(offers[::-1], C_FAIL) == found
    assert found.bps(C_FAIL) == pytest.approx(outcome.price_bps + C_FAIL * outcome.unfilled)


OUTLOOKS: Final = {name: outlook(name, q=0.6, edge=-6.0, noise=2.0, firm=0.9) for name in "abcd"}


def round_of(*asks: AskSeen, **changes: Any) -> RoundSeen:
    return seen("round", asks, **changes)


def replay(given: RoundSeen, panel: str, **changes: Any) -> Outcome | None:
    return replayed(given, frozenset(panel), {**OUTLOOKS, **changes}, C_FAIL)


def test_whoever_is_left_out_did_not_quote() -> None:
    found = round_of(asked("a", edge_bps=-2.0, taken=Taken.filled), asked("b", edge_bps=-4.0), asked("c"))
    assert replay(found, "abc") == Outcome(2.0, 0.0), "what was filled is known to fill"
    assert replay(found, "bc") == Outcome(pytest.approx(4.0 * 0.9), pytest.approx(0.1)), "what was not is expected to"
    assert replay(found, "c") == Outcome(0.0, 1.0)
    assert replay(found, "") == Outcome(0.0, 1.0)


def test_what_was_refused_is_known_to_be() -> None:
    found = round_of(asked("a", edge_bps=-2.0, taken=Taken.rejected), asked("b", edge_bps=-4.0, taken=Taken.filled))
    assert replay(found, "ab") == Outcome(4.0, 0.0)
    assert replay(found, "a") == Outcome(0.0, 1.0)


def test_a_quote_beyond_the_limit_or_taken_back_is_none() -> None:
    def priced(dealer: str, price: str, edge_bps: float, **changes: Any) -> AskSeen:
        return asked(dealer, edge_bps=edge_bps, price=Decimal(price), **changes)

    limited = round_of(priced("a", "100.03", -3.0), priced("b", "100.05", -5.0), limit_price=Decimal("100.02"))
    assert replay(limited, "ab") == Outcome(0.0, 1.0)
    assert replay(replace(limited, side=Side.sell), "ab") != Outcome(0.0, 1.0)
    withdrawn = round_of(priced("a", "100.03", -3.0, withdrawn=True), priced("b", "100.05", -5.0, taken=Taken.filled))
    assert replay(withdrawn, "ab") == Outcome(5.0, 0.0)


def test_a_part_of_the_size_is_a_part() -> None:
    found = round_of(
        asked("a", edge_bps=-2.0, quantity=Decimal(250_000), taken=Taken.partial, filled=Decimal(250_000)),
        asked("b", edge_bps=-4.0, taken=Taken.filled),
    )
    assert replay(found, "ab") == Outcome(pytest.approx(0.25 * 2 + 0.75 * 4), 0.0)


def test_among_fewer_the_silent_would_have_answered_more_often() -> None:
    """By the slope: of silence among eight, what a chance of 0.5 instead of 0.3 leaves, at the edge expected of it."""
    many = outlook("c", q=0.5, slope=(math.log(3 / 7)) / math.log(8), edge=-6.0, noise=2.0)
    found = replay(round_of(asked("a"), asked("b"), asked("c"), n_asked=8), "c", c=many)
    assert found is not None
    p = (0.5 - 0.3) / (1 - 0.3)
    assert found.unfilled == pytest.approx(1 - p)
    assert found.price_bps == pytest.approx(6.0 * p)
    assert replay(round_of(asked("c"), n_asked=1), "c", c=many) == Outcome(0.0, 1.0)


def test_edges_move_with_how_many_are_asked() -> None:
    found = round_of(asked("a", edge_bps=-2.0, taken=Taken.filled), asked("b", edge_bps=-4.0), n_asked=4)
    moved = replayed(found, frozenset("a"), OUTLOOKS, C_FAIL, edge_slope=3.0)
    assert moved == Outcome(pytest.approx(2.0 + 3.0 * math.log(4)), 0.0)


def test_a_quote_without_a_mark_tells_nothing() -> None:
    unmarked = asked("a", answer=Answer.quote)
    assert replay(round_of(unmarked, asked("b", edge_bps=-4.0)), "ab") is None
    assert has_unmarked_quote(round_of(unmarked))
    assert not has_unmarked_quote(round_of(asked("a", edge_bps=-1.0), asked("b")))


def test_quotes_that_nobody_took_are_counted() -> None:
    assert nobody_took(round_of(asked("a", edge_bps=-1.0)))
    assert not nobody_took(round_of(asked("a", edge_bps=-1.0, taken=Taken.filled), asked("b", edge_bps=-2.0)))
    assert not nobody_took(round_of(asked("a")))


@pytest.mark.parametrize("limit", [None, -8.0])
def test_what_is_expected_is_the_mean_of_what_comes(limit: float | None) -> None:
    """40,000 rounds drawn from the outlooks themselves, replayed: the model's own number within 4 standard errors."""
    outlooks = [
        outlook(name, q=q, slope=-0.4, edge=edge, noise=3.0, firm=firm, move=2.0, leak_in=0.7)
        for name, q, edge, firm in (("a", 0.8, -4.0, 0.9), ("b", 0.5, -6.0, 1.0), ("c", 0.9, -9.0, 0.7))
    ]
    request = Request(SEGMENT, "corporate", NOW, quantity=Decimal(1_000_000), limit_edge_bps=limit)
    model = Model(request, Parameters(c_fail_bps=C_FAIL), outlooks)
    found = expected(model, (0, 1, 2))
    costs = _drawn(model, limit)
    mean = sum(costs) / len(costs)
    se = math.sqrt(sum((each - mean) ** 2 for each in costs)) / len(costs)
    # The model tries quotes by what a refusal costs them, too: a hair better than by price alone.
    assert abs(found.bps(C_FAIL) - mean) < 4 * se + 0.05
    assert expected(model, ()) == Outcome(0.0, 1.0)


def _drawn(model: Model, limit: float | None) -> Sequence[float]:
    chance, costs = random.Random(7), []
    for _ in range(40_000):
        offers = []
        for each, prospect in zip(model.outlooks, model.prospects, strict=True):
            answers, edge = chance.random() < prospect.answers(3), chance.gauss(each.e.value, each.e_noise_sd)
            if answers and (limit is None or edge >= limit):
                offers.append(Offer(each.dealer, edge, 1.0, float(chance.random() < each.f.value), 2.0))
        costs.append(taken(offers, C_FAIL).bps(C_FAIL))
    return costs
