"""What must hold of any choice, whatever the scorer, while nothing is drawn: through the one entry.

A better dealer never ranks lower for being better; a useless one changes nothing; the unit of money changes nothing; a
constraint never makes a panel larger.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from dealer_support import NOW, SEGMENT, feed
from hypothesis import given, settings
from hypothesis import strategies as st
from prospect_support import measure, outlook, some

from engine.dealers.outlook import Outlook
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import Selection
from engine.rules.plan import Ask, AskAll, AskPanel, AskSequence, AskTop, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.prospect import Stakes, prospect
from engine.selection.ranking import Rankings
from engine.selection.request import Exploring, Parameters, Records, Request
from engine.selection.wanted import RulePlan

NAMES = tuple(f"d{at:02}" for at in range(8))
REQUEST = Request(SEGMENT, "corporate", NOW, quantity=Decimal(2_000_000), exposure=Decimal(3_000_000))
MODEL, CLASSIC = Ranking("model"), Ranking()


def records(outlooks: Mapping[str, Outlook], trades: Mapping[str, int] | None = None) -> Records:
    stats = DealerStats()
    for name, traded in (trades or {}).items():
        feed(stats, name, asks=20, trades=traded, improvement_bps=1.0, reversion_bps=0.0)
    return Records(Rankings(stats, [*outlooks]), lambda dealers, request: [outlooks[name] for name in dealers])


def plan(
    ask: Ask,
    ranking: Ranking = MODEL,
    *,
    at_most: int | None = None,
    never: Sequence[str] = (),
    informed: Sequence[str] = (),
    mode: Mode = Mode.PARALLEL,
) -> RulePlan:
    return RulePlan(ranking, ask, frozenset(), Plan(mode, at_most, None, None, frozenset(never), ()), tuple(informed))


def chosen(
    known: Records,
    wanted: RulePlan,
    request: Request = REQUEST,
    parameters: Parameters | None = None,
    among: Sequence[str] = NAMES,
) -> Selection:
    return choose(request, wanted, Candidates(tuple(among), ()), known, parameters or Parameters(), b"")


def drawn(seed: int) -> dict[str, Outlook]:
    return dict(zip(NAMES, some(random.Random(seed), len(NAMES)), strict=True))


seeds = st.integers(0, 10**6)
few = settings(max_examples=40)
"""A choice by the model takes some milliseconds."""
model_asks = st.one_of(
    st.integers(1, 6).map(AskTop), st.integers(1, 6).map(AskPanel), st.integers(1, 6).map(AskSequence)
)


# --- a better dealer never ranks lower ------------------------------------------------------------


@few
@given(seeds, st.sampled_from(NAMES), st.sampled_from(["e", "q", "f", "leak_in", "leak_post"]), st.floats(0.01, 4))
def test_a_better_dealer_never_ranks_lower_by_the_model(seed: int, name: str, field: str, by: float) -> None:
    known = drawn(seed)
    own = getattr(known[name], field)
    value = own.value - by if field.startswith("leak") else own.value + by
    value = min(1.0, value) if field in ("q", "f") else value
    better = {**known, name: replace(known[name], **{field: replace(own, value=value)})}
    before, after = (chosen(records(each), plan(AskTop(3))).candidates for each in (known, better))
    assert after.index(name) <= before.index(name)


@few
@given(st.lists(st.integers(0, 20), min_size=8, max_size=8), st.sampled_from(NAMES), st.integers(1, 20))
def test_a_dealer_that_fills_more_never_ranks_lower_by_the_classic_score(
    fills: list[int], name: str, more: int
) -> None:
    known = dict(zip(NAMES, fills, strict=True))
    better = {**known, name: min(20, known[name] + more)}
    before, after = (
        chosen(records(drawn(1), each), plan(AskTop(3), Ranking(None, (("fill_rate", Decimal(100)),)))).candidates
        for each in (known, better)
    )
    assert after.index(name) <= before.index(name)


# --- a useless one changes nothing ----------------------------------------------------------------


@few
@given(seeds, model_asks)
def test_a_useless_dealer_changes_nothing(seed: int, ask: Ask) -> None:
    known = drawn(seed)
    useless = outlook("useless", edge=-400.0, noise=1.0, leak_in=0.5, leak_post=0.5)
    without = chosen(records(known), plan(ask))
    beside = chosen(records({**known, "useless": useless}), plan(ask), among=(*NAMES, "useless"))
    assert tuple(name for name in beside.candidates if name != "useless") == without.candidates
    if not isinstance(ask, AskTop):
        assert beside.asked == without.asked
    assert without.expected is not None
    assert beside.expected is not None
    if beside.asked == without.asked:
        assert beside.expected.cost_bps == without.expected.cost_bps


def test_the_error_of_a_cost_is_that_of_those_who_are_asked() -> None:
    near = {name: replace(outlook(name, edge=-5.0, edge_sd=3.0), e_common_sd=2.0) for name in NAMES[:2]}
    far = replace(outlook(NAMES[2], edge=-80.0, edge_sd=40.0), e_common_sd=39.0)
    alone = chosen(records(near), plan(AskTop(2)), among=NAMES[:2]).expected
    beside = chosen(records({**near, NAMES[2]: far}), plan(AskTop(2)), among=NAMES[:3]).expected
    assert alone is not None
    assert beside is not None
    assert beside.cost_se_bps == alone.cost_se_bps


# --- money ----------------------------------------------------------------------------------------


@few
@given(seeds, model_asks, st.integers(1, 10_000))
def test_the_unit_of_money_changes_nothing(seed: int, ask: Ask, times: int) -> None:
    assert REQUEST.quantity is not None
    assert REQUEST.exposure is not None
    known = records(drawn(seed))
    cap = Decimal(2_000_000 + seed % 3 - 1)
    scaled = replace(
        REQUEST,
        quantity=REQUEST.quantity * times,
        exposure=REQUEST.exposure * times,
        residual=Decimal(1_000_000) * times,
    )
    plain, other = (
        chosen(known, plan(ask), request, Parameters(exploring=Exploring(quantity_max=most)))
        for request, most in ((replace(REQUEST, residual=Decimal(1_000_000)), cap), (scaled, cap * times))
    )
    assert (plain.asked, plain.scores, plain.inclusion_p, plain.panel_p) == (
        other.asked,
        other.scores,
        other.inclusion_p,
        other.panel_p,
    )


# --- constraints ----------------------------------------------------------------------------------


@few
@given(
    seeds,
    st.one_of(model_asks, st.just(AskAll())),
    st.sampled_from([MODEL, CLASSIC]),
    st.none() | st.integers(1, 6),
    st.sets(st.sampled_from(NAMES), max_size=3),
    st.sets(st.sampled_from(NAMES), max_size=3),
    st.booleans(),
)
def test_a_constraint_never_makes_the_panel_larger(
    seed: int,
    ask: Ask,
    ranking: Ranking,
    at_most: int | None,
    never: set[str],
    informed: set[str],
    one_at_a_time: bool,
) -> None:
    known = records(drawn(seed), {name: at for at, name in enumerate(NAMES)})
    free = chosen(known, plan(ask, ranking))
    held = chosen(
        known,
        plan(
            ask,
            ranking,
            at_most=at_most,
            never=sorted(never),
            informed=sorted(informed),
            mode=Mode.ONE_AT_A_TIME if one_at_a_time else Mode.PARALLEL,
        ),
    )
    assert len(held.asked) <= len(free.asked)
    assert not never & set(held.asked)
    if at_most is not None:
        assert len(held.asked) <= at_most
        assert len(informed | set(held.asked)) <= max(at_most, len(informed))


@few
@given(seeds, model_asks)
def test_everybody_has_numbers_and_a_reason_and_entropy_changes_nothing(seed: int, ask: Ask) -> None:
    known = records(drawn(seed))
    found = chosen(known, plan(ask))
    assert choose(REQUEST, plan(ask), Candidates(NAMES, ()), known, Parameters(), b"any") == found
    told = [name for left in found.left_out for name in left.dealers]
    assert sorted([*found.asked, *told]) == sorted(NAMES)
    assert found.expected is not None
    assert len(found.expected.marginal_bps) == len(NAMES)
    assert 0.0 <= found.expected.fill <= 1.0
    for name, p in zip(found.candidates, found.inclusion_p, strict=True):
        assert p == (name in found.asked)


@few
@given(
    seeds,
    model_asks,
    st.sets(st.sampled_from(NAMES), max_size=2),
    st.sampled_from([0.0, 1e-9, 3.0, 1e6]),
    st.sampled_from([None, -1e6, 0.0, 1e6]),
    st.sampled_from([Mode.PARALLEL, Mode.ONE_AT_A_TIME]),
    st.booleans(),
)
def test_any_numbers_make_a_choice(
    seed: int, ask: Ask, among: set[str], c_fail: float, limit: float | None, mode: Mode, extreme: bool
) -> None:
    """Nobody at all, one or two; nothing at stake, or everything; a limit that all meet, or none; sure estimates."""
    known = drawn(seed)
    if extreme:
        known = {
            name: replace(
                each,
                q=replace(each.q, value=float(at % 2), sd=0.0),
                f=replace(each.f, value=float(at % 3 == 0), sd=0.0),
                in_time=float(at % 4 != 1),
                e=replace(each.e, sd=0.0),
                e_noise_sd=0.0,
                latency_p50_s=None,
                latency_p90_s=None,
            )
            for at, (name, each) in enumerate(known.items())
        }
    request = replace(REQUEST, limit_edge_bps=limit, numbers=True)
    parameters = Parameters(c_fail_bps=c_fail, exploring=Exploring())
    wanted = plan(ask, mode=mode)
    for entropy in (b"", b"a", b"b", b"c"):
        found = choose(request, wanted, Candidates(tuple(sorted(among)), ()), records(known), parameters, entropy)
        assert set(found.asked) <= among
        assert 0.0 < found.panel_p <= 1.0
        assert all(-1e-9 <= p <= 1 + 1e-9 for p in found.inclusion_p)
        assert found.expected is not None
        numbers = (found.expected.cost_bps, found.expected.fill, *found.expected.marginal_bps, *found.expected.p_win)
        assert all(math.isfinite(number) for number in numbers)
        assert -1e-9 <= found.expected.fill <= 1 + 1e-9


# --- who scores us, too ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "bps"),
    [
        pytest.param(0.0, 0.4, id="never traded with"),
        pytest.param(0.02, 0.24, id="hardly"),
        pytest.param(0.05, 0.0, id="just enough"),
        pytest.param(0.4, 0.0, id="often: nobody is paid for it"),
    ],
)
def test_asking_counts_more_where_we_hardly_trade(share: float, bps: float) -> None:
    known = replace(outlook(leak_in=1.0), r=measure(share))
    found = prospect(known, Stakes(20.0, trade_share_min=0.05, trade_share_bps=0.4))
    assert (found.leak_bps, found.strain_bps) == (1.0, pytest.approx(bps))
    assert found.asking_bps == pytest.approx(1.0 + bps)
    assert prospect(known, Stakes(20.0)).asking_bps == 1.0


@few
@given(seeds, model_asks)
def test_it_moves_the_choice_and_no_figure_of_what_the_order_costs(seed: int, ask: Ask) -> None:
    """The same dealers sent: the same cost, leak and chance to trade, whatever it counts for."""
    found = {name: replace(each, r=measure(0.0)) for name, each in drawn(seed).items()}
    minded = Parameters(trade_share_min=0.05, trade_share_bps=0.3)
    plain, moved = (chosen(records(found), plan(ask), parameters=each) for each in (Parameters(), minded))
    assert plain.expected is not None
    assert moved.expected is not None
    assert len(moved.asked) <= len(plain.asked)
    for name, alone in zip(moved.candidates, moved.scores, strict=True):
        assert alone == pytest.approx(plain.scores[plain.candidates.index(name)] - 0.3, abs=2e-4)
    if moved.asked == plain.asked:
        # A search stops a little sooner where asking the next one counts more.
        near = 0.05 if isinstance(ask, AskSequence) else 5e-4
        whole = (plain.expected.cost_bps, plain.expected.leak_bps, plain.expected.fill)
        assert (moved.expected.cost_bps, moved.expected.leak_bps, moved.expected.fill) == pytest.approx(whole, abs=near)
        costs = [each.cost_bps for each in plain.expected.worth_by_count[: len(plain.asked)]]
        told = [each.cost_bps for each in moved.expected.worth_by_count[: len(plain.asked)]]
        assert told == pytest.approx(costs, abs=near)


def test_a_dealer_we_never_trade_with_gives_way_to_one_we_do() -> None:
    twin = outlook(edge=-5.0, noise=4.0, firm=0.95)
    minded = Parameters(trade_share_min=0.05, trade_share_bps=0.3)
    for ask, first, second in ((AskPanel(1), "d00", "d01"), (AskTop(1), "d00", "d01"), (AskSequence(1), "d01", "d00")):
        found = {first: replace(twin, dealer=first, r=measure(0.0)), second: replace(twin, dealer=second)}
        assert chosen(records(found), plan(ask), among=[*found]).asked == (first,)
        assert chosen(records(found), plan(ask), parameters=minded, among=[*found]).asked == (second,)
