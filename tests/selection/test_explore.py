"""Exploration: every draw that there can be is enumerated, and the probabilities told are the exact ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from dealer_support import NOW, SEGMENT, feed
from hypothesis import given
from hypothesis import strategies as st
from prospect_support import outlook

from engine.dealers.outlook import Outlook
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import Selection, Why
from engine.rules.plan import Ask, AskAll, AskNamed, AskPanel, AskSequence, AskTiers, AskTop, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.explore import Chances, Pool, Slot, chances, drawn, following, inclusion, uniform
from engine.selection.ranking import Rankings
from engine.selection.request import Exploring, Parameters, Records, Request
from engine.selection.wanted import Listed, RulePlan, TierPlan

NAMES = ("a", "b", "c", "d", "e", "f")
EXPLORING = Exploring(epsilon=0.05, epsilon_untried=0.3, epsilon_drop=0.01, quantity_max=Decimal(5_000_000))


def enumerated(of: Chances) -> dict[tuple[int, ...], float]:
    """Every panel that can come of it, and its probability, by counting."""
    found: dict[tuple[int, ...], float] = {of.panel: 1 - of.p_swap - of.p_drop}
    places = sum(slot.empty or 1 for slot in of.slots)
    for slot in of.slots:
        pool, place = slot.pool, slot.place
        for dealer, weight in zip(pool.dealers, pool.weights, strict=True):
            after = of.panel[place:] if slot.empty else of.panel[place + 1 :]
            panel = (*of.panel[:place], dealer, *after)
            assert panel not in found, "no panel comes about in two ways"
            found[panel] = of.p_swap * (slot.empty or 1) / places * weight / sum(pool.weights)
    for place in of.drops:
        found[(*of.panel[:place], *of.panel[place + 1 :])] = of.p_drop / len(of.drops)
    return found


weights = st.floats(0.01, 1.0)


@st.composite
def all_chances(draw: st.DrawFn) -> Chances:
    size = draw(st.integers(0, 4))
    panel = tuple(range(size))
    slots = [
        Slot(place, Pool(others, tuple([draw(weights) for _ in others])))
        for place in panel
        if (others := tuple(draw(st.sets(st.integers(10, 14), max_size=4))))
    ]
    if empty := draw(st.integers(0, 3)):
        slots.append(Slot(draw(st.sampled_from([0, size])), Pool((10, 12), (draw(weights), draw(weights))), empty))
    drops = draw(st.sets(st.sampled_from(panel))) if size > 1 else set()
    return chances(panel, slots, sorted(drops), draw(st.floats(0, 0.5)), draw(st.floats(0, 0.3)))


@given(all_chances())
def test_the_probabilities_are_those_of_all_draws(of: Chances) -> None:
    panels = enumerated(of)
    assert sum(panels.values()) == pytest.approx(1.0)
    told = inclusion(of)
    for dealer in {*told, *(each for panel in panels for each in panel)}:
        exact = sum(p for panel, p in panels.items() if dealer in panel)
        assert told.get(dealer, 0.0) == pytest.approx(exact, abs=1e-12)


@given(all_chances(), st.floats(0, 1, exclude_max=True))
def test_a_draw_gives_one_of_these_panels_with_its_probability(of: Chances, draw: float) -> None:
    made = drawn(of, draw)
    assert enumerated(of)[made.panel] == pytest.approx(made.panel_p)
    assert drawn(of, draw) == made
    assert drawn(of, None).panel == of.panel


def test_draws_come_as_often_as_they_should() -> None:
    """40,000 draws of one of ten panels: each within 5 standard errors."""
    pool = Pool((10, 11), (1.0, 3.0))
    of = chances((0, 1, 2), [Slot(0, pool), Slot(2, pool), Slot(3, pool, 2)], (0, 1, 2), 0.4, 0.3)
    count = 40_000
    seen = Counter(drawn(of, uniform(at.to_bytes(4, "big"))).panel for at in range(count))
    panels = enumerated(of)
    assert set(seen) == set(panels)
    for panel, p in panels.items():
        assert abs(seen[panel] - p * count) < 5 * (count * p * (1 - p)) ** 0.5


def test_what_follows_a_draw_is_another_number_for_another_draw() -> None:
    assert following(0.25) == following(0.25)
    assert len({each for draw in (0.1, 0.2, 0.3) for each in following(draw)}) == 6


# --- through the one entry ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records() -> Records:
    stats = DealerStats()
    for place, name in enumerate(NAMES[:5]):
        feed(stats, name, asks=20, trades=15 - 2 * place, improvement_bps=1.0, reversion_bps=0.0)
    return Records(Rankings(stats, NAMES), expected)


def expected(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
    return [
        outlook(
            name,
            edge=-4.0 - NAMES.index(name),
            noise=3.0,
            edge_sd=1.0,
            q=0.8,
            leak_in=0.3,
            leak_sd=0.2,
            asks=0 if name == "f" else 40,
        )
        for name in dealers
    ]


REQUEST = Request(SEGMENT, "corporate", NOW, quantity=Decimal(2_000_000))
PARAMETERS = Parameters(exploring=EXPLORING)
TIERS = TierPlan(
    frozenset({1, 2}),
    Ranking(),
    frozenset(NAMES),
    lambda dealers, places, scores: [{"a": 1, "b": 1, "c": 2, "d": 2, "e": 1}.get(name) for name in dealers],
)


def plan(ask: Ask | Listed, at_most: int | None = None, never: Sequence[str] = (), **more: object) -> RulePlan:
    limits = Plan(Mode.PARALLEL, at_most, None, None, frozenset(never), ())
    given = {"ranking": Ranking(), "everyone": frozenset[str](), "tiers": TIERS, **more}
    return RulePlan(ask=ask, limits=limits, **given)  # type: ignore[arg-type]


def made(records: Records, wanted: RulePlan, entropy: bytes = b"", request: Request = REQUEST) -> Selection:
    return choose(request, wanted, Candidates(NAMES, ()), records, PARAMETERS, entropy)


def draws(records: Records, wanted: RulePlan, count: int = 4_000) -> list[Selection]:
    return [made(records, wanted, at.to_bytes(4, "big")) for at in range(count)]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(plan(AskTop(3)), id="classic"),
        pytest.param(plan(AskTop(2), ranking=Ranking(None, (("speed", Decimal(100)),))), id="a rule's own weights"),
        pytest.param(plan(AskTop(2), ranking=Ranking("model")), id="model"),
        pytest.param(plan(AskPanel(3), ranking=Ranking("model")), id="best panel"),
        pytest.param(plan(AskSequence(3), ranking=Ranking("model")), id="best sequence"),
        pytest.param(plan(AskTiers(((1, 2), (2, 1)))), id="tiers"),
        pytest.param(plan(AskAll(), at_most=3), id="all, limited"),
        pytest.param(plan(AskTop(2), everyone=frozenset({"c"})), id="named beside others"),
        pytest.param(plan(AskTop(2), at_most=3, informed=("a", "x")), id="some know already"),
        pytest.param(plan(AskTop(3), never=("d",)), id="one is forbidden"),
    ],
)
def test_every_panel_that_is_drawn_has_the_probability_that_is_told(records: Records, wanted: RulePlan) -> None:
    """2,000 draws (300 by the model): what is told adds up to 1, and each dealer comes as often as told."""
    count = 300 if wanted.ranking.scorer == "model" else 2_000
    found = draws(records, wanted, count)
    panels = {each.asked: each.panel_p for each in found}
    assert -1e-9 < 1.0 - sum(panels.values()) < 50 / count, "all but the rarest panels were seen"
    inclusion_p = found[0].inclusion_p
    assert all(each.inclusion_p == inclusion_p for each in found)
    for name, p in zip(found[0].candidates, inclusion_p, strict=True):
        seen = sum(name in each.asked for each in found)
        assert abs(seen - p * len(found)) < 5 * (len(found) * max(p * (1 - p), 1e-4)) ** 0.5 + 1
    at_most, informed = wanted.limits.at_most, set(wanted.informed)
    for each in found:
        assert not wanted.limits.never & set(each.asked)
        assert wanted.everyone <= set(each.asked)
        assert at_most is None or len(informed | set(each.asked)) <= at_most
        assert each.chosen == found[0].chosen
        told = [name for left in each.left_out for name in left.dealers]
        assert sorted([*each.asked, *told]) == sorted(NAMES), "everybody is asked or has one reason"
    assert any(each.explored for each in found)
    assert any(each.dropped for each in found) or count < 1_000


def test_a_tier_gives_its_place_to_its_own(records: Records) -> None:
    tier = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 1}
    found = [each for each in draws(records, plan(AskTiers(((1, 2), (2, 1))))) if each.explored]
    assert {tier[each.explored] == tier[each.replaced] for each in found} == {True}


def test_the_reasons_tell_of_the_draw(records: Records) -> None:
    wanted = plan(AskTop(3))
    found = draws(records, wanted, 400)
    came = next(each for each in found if each.explored)
    assert came.asked[came.base.index(came.replaced)] == came.explored
    assert {(left.why, left.facts) for left in came.left_out if came.replaced in left.dealers} == {
        (Why.gave_way, (came.explored,))
    }
    dropped = next(each for each in draws(records, wanted) if each.dropped)
    assert [left.why for left in dropped.left_out if dropped.dropped in left.dealers] == [Why.dropped]
    assert dropped.base == tuple(sorted((*dropped.asked, dropped.dropped)))


def test_more_is_drawn_while_somebody_is_untried(records: Records) -> None:
    p = made(records, plan(AskTop(3))).panel_p
    assert p == pytest.approx(1 - 0.3 - 0.01)
    tried = choose(REQUEST, plan(AskTop(3)), Candidates(NAMES[:5], ()), records, PARAMETERS, b"")
    assert tried.panel_p == pytest.approx(1 - 0.05 - 0.01)


@pytest.mark.parametrize(
    ("wanted", "request_"),
    [
        pytest.param(plan(AskTop(3), protected=True), REQUEST, id="a protection is in force"),
        pytest.param(plan(AskTop(3), explores=False), REQUEST, id="the rule says never"),
        pytest.param(plan(AskTop(3)), replace(REQUEST, quantity=Decimal(5_000_001)), id="over the size"),
        pytest.param(plan(AskTop(3)), replace(REQUEST, quantity=None), id="nobody knows the size"),
        pytest.param(plan(Listed(("a", "b", "c"))), REQUEST, id="a person's own list"),
        pytest.param(plan(AskNamed(("a", "b")), everyone=frozenset("ab")), REQUEST, id="named dealers"),
    ],
)
def test_never_is_anything_drawn_where_it_must_not(records: Records, wanted: RulePlan, request_: Request) -> None:
    for at in range(300):
        found = made(records, wanted, at.to_bytes(4, "big"), request_)
        assert (found.panel_p, found.explored, found.dropped, found.draw) == (1.0, "", "", None)
        assert set(found.inclusion_p) <= {0.0, 1.0}


def test_showing_draws_nothing_and_what_was_drawn_stands(records: Records) -> None:
    wanted = plan(AskTop(3))
    shown = made(records, wanted)
    assert (shown.explored, shown.draw, shown.asked) == ("", None, ("a", "b", "c"))
    found = next(each for each in draws(records, wanted, 400) if each.explored)
    again = made(records, wanted, b"another turn", replace(REQUEST, draw=found.draw))
    assert again == found


def test_the_numbers_of_the_whole_are_those_of_the_dealers_sent(records: Records) -> None:
    wanted = plan(AskPanel(2), ranking=Ranking("model"))
    base = made(records, wanted)
    found = next(each for each in draws(records, wanted, 400) if each.explored)
    assert base.expected is not None
    assert found.expected is not None
    assert found.expected.cost_bps > base.expected.cost_bps
    assert found.expected.marginal_bps == base.expected.marginal_bps


def test_asking_nobody_is_not_for_ever(records: Records) -> None:
    """Where nobody known is worth asking, the empty place is drawn for, with the probability that is told."""
    wanted = plan(AskPanel(2), ranking=Ranking("model"))
    worthless = Records(
        records.rankings,
        lambda dealers, request: [
            outlook(name, edge=-60.0, edge_sd=5.0, noise=3.0, leak_in=0.5, asks=0 if name == "f" else 9)
            for name in dealers
        ],
    )
    assert made(worthless, wanted).asked == ()
    found = [made(worthless, wanted, at.to_bytes(4, "big")) for at in range(300)]
    asked = [each for each in found if each.asked]
    assert abs(len(asked) - 0.3 * len(found)) < 5 * (0.21 * len(found)) ** 0.5
    assert {(len(each.asked), each.base, each.replaced) for each in asked} == {(1, (), "")}
    assert sum(found[0].inclusion_p) == pytest.approx(0.3)


def test_who_was_tried_anywhere_in_its_class_is_not_untried(records: Records) -> None:
    """A dealer that is new to one segment is known from others: it is not drawn as often as one that is new to all."""
    wanted = plan(AskTop(3), ranking=Ranking("model"))

    def known(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
        return [replace(each, asks_at_large=12) for each in expected(dealers, request)]

    assert made(records, wanted).panel_p == pytest.approx(1 - 0.3 - 0.01)
    assert made(Records(records.rankings, known), wanted).panel_p == pytest.approx(1 - 0.05 - 0.01)


def test_numbers_that_are_only_shown_move_no_draw(records: Records) -> None:
    wanted = plan(AskTop(3))
    for at in range(50):
        entropy = at.to_bytes(4, "big")
        plain = made(records, wanted, entropy)
        shown = made(records, wanted, entropy, replace(REQUEST, numbers=True))
        assert (shown.asked, shown.inclusion_p, shown.panel_p) == (plain.asked, plain.inclusion_p, plain.panel_p)
        assert shown.expected is not None


def test_a_dealer_left_out_comes_in_by_its_distance_in_quarters_of_all_scores() -> None:
    """The first and the last score lie, about, four standard deviations apart: one below the worst asked has 16 %."""
    stats = DealerStats()
    for name, trades in zip("abcde", (20, 15, 10, 5, 0), strict=True):
        feed(stats, name, asks=20, trades=trades, improvement_bps=1.0, reversion_bps=0.0)
    ranking = Ranking(None, (("fill_rate", Decimal(100)),))
    wanted = plan(AskTop(3), ranking=ranking)
    given = replace(EXPLORING, epsilon_drop=0.0)
    parameters = replace(PARAMETERS, exploring=given)
    records = Records(Rankings(stats, tuple("abcde")))
    found = choose(REQUEST, wanted, Candidates(tuple("abcde"), ()), records, parameters, b"")
    assert found.asked == ("a", "b", "c")
    p = dict(zip(found.candidates, found.inclusion_p, strict=True))
    one_below, two_below = (0.5 * math.erfc(sds / math.sqrt(2.0)) for sds in (1.0, 2.0))
    assert p["d"] == pytest.approx(0.05 * one_below / (one_below + two_below))
    assert p["e"] == pytest.approx(0.05 * two_below / (one_below + two_below))


def test_a_place_that_the_model_leaves_empty_is_given_away_too(records: Records) -> None:
    """Unless one more would be one too many that know."""
    wanted = plan(AskPanel(6), ranking=Ranking("model"))
    count = len(made(records, wanted).asked)
    assert count < 6
    limited = replace(wanted, limits=replace(wanted.limits, at_most=count))
    assert max(len(each.asked) for each in draws(records, wanted, 300)) == count + 1
    assert max(len(each.asked) for each in draws(records, limited, 300)) == count
