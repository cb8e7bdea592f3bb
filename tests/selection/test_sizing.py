"""When it is worth more than it costs to show less than the whole of an order, or both of its sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from dealer_support import NOW, SEGMENT
from prospect_support import measure, outlook

from engine.dealers.outlook import Identified, Outlook
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import Selection
from engine.rules.plan import AskPanel, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters, Records, Request
from engine.selection.sizing import Sizing, sizing
from engine.selection.wanted import RulePlan

MM = Decimal(1_000_000)
NAMES = ("ash", "beech", "cedar")
PLAN = RulePlan(Ranking("model"), AskPanel(3), frozenset(), Plan(Mode.PARALLEL, None, None, None, frozenset(), ()), ())


def advised(
    of_size: Callable[[float], Outlook],
    quantity: Decimal = 8 * MM,
    most: Decimal | None = None,
    parameters: Parameters | None = None,
) -> tuple[Sizing, Callable[[Decimal, Decimal], Selection]]:
    """The advice where three equal dealers are what `of_size` says of so many millions, and take `most` at once."""
    given = parameters or Parameters(unfilled=0.0)

    def outlooks(dealers: Sequence[str], request: Request) -> list[Outlook]:
        assert request.quantity is not None
        return [replace(of_size(float(request.quantity / MM)), dealer=name) for name in dealers]

    known = Records(Rankings(DealerStats(), NAMES), outlooks)

    def chosen(size: Decimal, left: Decimal) -> Selection:
        request = Request(SEGMENT, "corporate", NOW, quantity=size, residual=left, numbers=True)
        among = NAMES if most is None or size <= most else ()
        return choose(request, PLAN, Candidates(among, ()), known, given, b"")

    return sizing(chosen(quantity, Decimal(0)), quantity, chosen, given), chosen


def test_nothing_is_advised_where_size_makes_no_difference() -> None:
    found, _ = advised(lambda size: outlook(edge=-5.0, noise=3.0, leak_in=0.1))
    assert found == Sizing()


def test_parts_are_advised_where_large_sizes_are_dear() -> None:
    """By what a choice of its own for each size says; no part pays for others where nothing leaks."""
    found, chosen = advised(lambda size: outlook(edge=-3.0 - size, noise=3.0))
    whole, part = chosen(8 * MM, Decimal(0)).expected, chosen(2 * MM, Decimal(0)).expected
    assert found.parts is not None
    assert whole is not None
    assert part is not None
    assert (found.parts.count, found.parts.quantity) == (4, 2 * MM)
    assert found.parts.cost_bps == pytest.approx(part.cost_bps, abs=1e-3)
    assert found.parts.saves_bps == pytest.approx(whole.cost_bps - part.cost_bps, abs=1e-3)
    assert found.parts.saves_bps == pytest.approx(6.0, abs=0.3)
    assert found.parts.saves_se_bps is not None


def test_a_part_pays_for_what_it_tells_the_market_about_the_others() -> None:
    """3 bp a dealer, after it, on what is left: of four parts three are left after the first, none after the last."""
    found, chosen = advised(lambda size: outlook(edge=-3.0 - size, noise=3.0, leak_post=3.0))
    first, last = (chosen(2 * MM, left).expected for left in (6 * MM, Decimal(0)))
    assert first is not None
    assert last is not None
    assert first.rho == 3.0
    assert first.cost_bps > last.cost_bps + 5
    assert found.parts is not None
    assert found.parts.count == 2
    found, _ = advised(lambda size: outlook(edge=-3.0 - size / 4, noise=3.0, leak_post=3.0))
    assert found.parts is None


def test_what_nobody_takes_as_a_whole_may_be_taken_in_parts() -> None:
    found, _ = advised(lambda size: outlook(edge=-5.0, noise=3.0), most=5 * MM)
    assert found.parts is not None
    assert (found.parts.count, found.parts.saves_bps) == (2, None)
    found, _ = advised(lambda size: outlook(edge=-5.0, noise=3.0), most=MM)
    assert found == Sizing()


def test_parts_are_whole_thousands() -> None:
    found, _ = advised(lambda size: outlook(edge=-3.0 - 20 * size, noise=3.0), quantity=Decimal(333_000))
    assert found.parts is not None
    assert found.parts.quantity % 1_000 == 0
    found, _ = advised(lambda size: outlook(edge=-3.0 - 20 * size, noise=3.0), quantity=Decimal(400))
    assert found.parts is None


def leaking(identified: Identified) -> Outlook:
    known = outlook(edge=-5.0, noise=6.0, leak_in=1.0, leak_sd=0.4)
    return replace(known, leak_identified=identified)


def test_both_sides_are_advised_where_the_leak_that_they_spare_is_worth_more_than_the_price() -> None:
    dear, cheap = (Parameters(unfilled=0.0, two_way_share=0.5, two_way_bps=bps) for bps in (1.6, 0.6))
    found, chosen = advised(lambda size: leaking(Identified.level), parameters=cheap)
    whole = chosen(8 * MM, Decimal(0))
    assert whole.expected is not None
    assert found.both_sides is not None
    assert found.both_sides.saves_bps == pytest.approx(whole.expected.leak_bps / 2)
    assert found.both_sides.saves_se_bps == pytest.approx(0.4 * len(whole.asked) ** 0.5 / 2)
    assert found.both_sides.costs_bps == 0.6
    assert advised(lambda size: leaking(Identified.level), parameters=dear)[0].both_sides is None
    assert advised(lambda size: leaking(Identified.none), parameters=cheap)[0].both_sides is None


def test_nothing_is_advised_that_is_less_than_its_error() -> None:
    """The same saving with edges that nobody knows well, and with ones that are known: the level that all share is no
    part of it."""
    vague, _ = advised(lambda size: outlook(edge=-3.0 - size / 2, edge_sd=12.0, noise=3.0))
    assert vague.parts is None
    shared, _ = advised(lambda size: replace(outlook(edge=-3.0 - size / 2, edge_sd=12.0, noise=3.0), e_common_sd=11.9))
    assert shared.parts is not None
    assert shared.parts.saves_bps is not None
    assert shared.parts.saves_se_bps is not None
    assert shared.parts.saves_se_bps < shared.parts.saves_bps
    leaky, _ = advised(lambda size: replace(leaking(Identified.level), leak_in=measure(1.0, 1.5)))
    assert leaky.both_sides is None
