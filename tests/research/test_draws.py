"""What could have been drawn, read back from what the record keeps of a choice, against the draws themselves."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

import pytest
from dealer_support import NOW, SEGMENT, feed
from prospect_support import outlook

from engine.dealers.outlook import Outlook
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import Selection
from engine.research.draws import draws_of, of_sent
from engine.rules.plan import Ask, AskPanel, AskTiers, AskTop, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.ranking import Rankings
from engine.selection.request import NO_EXPLORING, Exploring, Parameters, Records, Request
from engine.selection.wanted import RulePlan, TierPlan

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

NAMES: Final = tuple("abcdef")
EXPLORING: Final = Exploring(epsilon=0.2, epsilon_untried=0.3, epsilon_drop=0.1)
REQUEST: Final = Request(SEGMENT, "corporate", NOW, quantity=Decimal(2_000_000))
TIER: Final = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 1}
TIERS: Final = TierPlan(
    frozenset({1, 2}), Ranking(), frozenset(NAMES), lambda dealers, places, scores: [TIER.get(name) for name in dealers]
)


def expected(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
    return [
        outlook(name, edge=-4.0 - NAMES.index(name), noise=3.0, edge_sd=1.0, q=0.8, leak_in=0.3) for name in dealers
    ]


@pytest.fixture(scope="module")
def records() -> Records:
    stats = DealerStats()
    for place, name in enumerate(NAMES[:5]):
        feed(stats, name, asks=20, trades=15 - 2 * place, improvement_bps=1.0, reversion_bps=0.0)
    return Records(Rankings(stats, NAMES), expected)


def plan(ask: Ask, at_most: int | None = None, **more: object) -> RulePlan:
    given = {"ranking": Ranking(), "everyone": frozenset[str](), "tiers": TIERS, **more}
    return RulePlan(ask=ask, limits=Plan(Mode.PARALLEL, at_most, None, None, frozenset(), ()), **given)  # type: ignore[arg-type]


def made(records: Records, wanted: RulePlan, at: int, exploring: Exploring = EXPLORING) -> Selection:
    parameters = Parameters(exploring=exploring)
    return choose(REQUEST, wanted, Candidates(NAMES, ()), records, parameters, at.to_bytes(4, "big"))


def panels() -> list[frozenset[str]]:
    return [frozenset(each) for count in range(len(NAMES) + 1) for each in combinations(NAMES, count)]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(plan(AskTop(3)), id="the first three"),
        pytest.param(plan(AskTop(1)), id="nobody can be left out"),
        pytest.param(plan(AskPanel(6), ranking=Ranking("model")), id="with empty places"),
        pytest.param(plan(AskPanel(3), ranking=Ranking("model")), id="best panel"),
        pytest.param(plan(AskTop(2), everyone=frozenset({"c"})), id="one is named by the rule"),
        pytest.param(plan(AskTop(3), at_most=3), id="no more may know"),
    ],
)
def test_whatever_was_sent_tells_the_whole_draw(records: Records, wanted: RulePlan) -> None:
    """Changed by the draw or not: the same chances of all panels, which add up to 1, and to each dealer's own."""
    sent = {selection.asked: selection for selection in (made(records, wanted, at) for at in range(600))}
    assert len(sent) > 4
    first = None
    for selection in sent.values():
        found = draws_of(selection)
        assert found.is_whole
        assert not found.is_fixed
        assert found.p_of(frozenset(selection.asked)) == pytest.approx(selection.panel_p, rel=1e-9)
        chances = [found.p_of(each) for each in panels()]
        first = chances if first is None else first
        assert chances == pytest.approx(first, abs=1e-12)
    assert sum(chances) == pytest.approx(1.0)
    for panel in panels():
        holding = sum(p for each, p in zip(panels(), chances, strict=True) if panel <= each)
        assert found.p_holding(panel) == pytest.approx(holding, abs=1e-12)
    for name, p in zip(selection.candidates, selection.inclusion_p, strict=True):
        assert found.p_holding({name}) == pytest.approx(p)


@pytest.mark.parametrize(
    ("wanted", "informed"),
    [
        pytest.param(plan(AskTiers(((1, 2), (2, 1)))), 0, id="tiers"),
        pytest.param(plan(AskTop(2), at_most=3, informed=("a", "x")), 2, id="some know already, and no more may"),
    ],
)
def test_of_places_with_pools_of_their_own_only_what_was_sent_is_known(
    records: Records, wanted: RulePlan, informed: int
) -> None:
    for at in range(50):
        selection = made(records, wanted, at)
        found = draws_of(selection).among(informed, wanted.limits.at_most)
        panel = frozenset(selection.asked)
        assert (found.is_whole, found.is_fixed) == (False, False)
        assert found.p_of(panel) == found.p_holding(panel) == selection.panel_p
        assert found.p_of(frozenset(NAMES)) == 0.0
        assert found.supports(frozenset(selection.chosen))
        assert not found.supports(frozenset("af"))


def test_without_exploration_only_the_choice_can_be_asked(records: Records) -> None:
    found = draws_of(made(records, plan(AskTop(3)), 1, NO_EXPLORING))
    assert found.is_fixed
    assert [sorted(each) for each in panels() if found.p_of(each)] == [["a", "b", "c"]]
    assert found.p_holding(frozenset("ab")) == 1.0
    assert found.p_holding(frozenset("ad")) == 0.0


def test_a_row_tells_of_its_own_panel_alone() -> None:
    told = of_sent(frozenset("ab"), 0.02)
    assert (told.p_of(frozenset("ab")), told.p_of(frozenset("ac")), told.p_holding(frozenset("a"))) == (0.02, 0.0, 0.0)
    assert not told.is_fixed
    certain = of_sent(frozenset("ab"), 1.0)
    assert certain.is_fixed
    assert certain.p_holding(frozenset("a")) == 1.0


def test_who_knew_before_matters_where_no_more_may() -> None:
    found = of_sent(frozenset("ab"), 1.0)
    assert found.among(3, None).is_whole
    assert found.among(0, 2).is_whole
    assert found.among(1, 4).is_whole
    assert not found.among(1, 3).is_whole
