"""The one entry: who is chosen, how many and why, what the others are told; limits are part of the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from dealer_support import NOW, SEGMENT, feed
from hypothesis import given
from hypothesis import strategies as st
from prospect_support import outlook

from engine.dealers.outlook import Outlook
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import Ended, Scalar, Selection, Why
from engine.errors import ConfigError
from engine.rules.plan import (
    Ask,
    AskAll,
    AskNamed,
    AskPanel,
    AskSequence,
    AskTiers,
    AskTop,
    Mode,
    Plan,
    Ranking,
    Restriction,
)
from engine.selection.candidates import Candidates
from engine.selection.choose import Where, choose
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters, Records, Request
from engine.selection.wanted import Listed, RulePlan, TierPlan
from engine.selection.wording import notes

NAMES = ("a", "b", "c", "d", "e", "f")
"""Best first: each has traded less than the one before."""
REQUEST = Request(SEGMENT, "corporate", NOW)


@pytest.fixture(scope="module")
def records() -> Records:
    stats = DealerStats()
    for place, name in enumerate(NAMES):
        feed(stats, name, asks=20, trades=15 - 2 * place, improvement_bps=1.0, reversion_bps=0.0)
    return Records(Rankings(stats, NAMES))


def limits(at_most: int | None = None, never: Sequence[str] = ()) -> Plan:
    found = [Restriction(f"never ask {name}", ('protect "p"',)) for name in never]
    if at_most is not None:
        found.append(Restriction(f"at most {at_most} dealers", ('protect "q"', 'rule "r"')))
    return Plan(Mode.PARALLEL, at_most, None, None, frozenset(never), tuple(found))


def plan(ask: Ask | Listed, everyone: Sequence[str] = (), informed: Sequence[str] = (), **limit: object) -> RulePlan:
    return RulePlan(Ranking(), ask, frozenset(everyone), limits(**limit), tuple(informed))  # type: ignore[arg-type]


def chosen(records: Records, wanted: RulePlan, among: Sequence[str] = NAMES) -> Selection:
    return choose(REQUEST, wanted, Candidates(tuple(among), ()), records, Parameters(), bytes(16))


def left(found: Selection) -> dict[str, tuple[Why, tuple[str, ...]]]:
    return {name: (each.why, each.facts) for each in found.left_out for name in each.dealers}


LIMIT_2 = (Why.limit, ("2", 'protect "q"', 'rule "r"'))


@pytest.mark.parametrize(
    ("wanted", "asked", "ended"),
    [
        pytest.param(plan(AskTop(2)), "ab", Ended.enough, id="the first so many"),
        pytest.param(plan(AskTop(9)), "abcdef", Ended.nobody_left, id="more than there are"),
        pytest.param(plan(AskAll()), "abcdef", Ended.enough, id="all"),
        pytest.param(plan(AskAll(), at_most=2), "ab", Ended.limit, id="all, limited"),
        pytest.param(plan(AskNamed(("e", "c")), everyone="ec"), "ce", Ended.enough, id="named ones by rank"),
        pytest.param(plan(AskTop(1), everyone="ea"), "ae", Ended.enough, id="named beside others"),
        pytest.param(plan(AskTop(3), never="b"), "acd", Ended.enough, id="the next takes a forbidden one's place"),
        pytest.param(plan(AskTop(3), at_most=2), "ab", Ended.limit, id="fewer than the rule wants"),
        pytest.param(
            plan(AskTop(2), at_most=2, informed="ef"), "ef", Ended.limit, id="those who know may be asked again"
        ),
        pytest.param(
            plan(AskTop(3), at_most=3, informed="xe"), "ae", Ended.limit, id="who knows counts, candidate or not"
        ),
        pytest.param(
            plan(AskTop(3), everyone="f", at_most=3), "abf", Ended.limit, id="a place is left for a named one"
        ),
        pytest.param(
            plan(AskTop(2), everyone="c", at_most=2, informed="abc"),
            "ac",
            Ended.limit,
            id="a place is left for a named one among many that know",
        ),
        pytest.param(plan(AskTop(1), everyone="ef", at_most=1), "e", Ended.limit, id="more named than may know"),
        pytest.param(plan(AskTop(2), everyone="b", never="b"), "ac", Ended.enough, id="named and forbidden"),
        pytest.param(plan(Listed(("f", "a", "c"))), "fac", Ended.enough, id="a person's list in its order"),
        pytest.param(plan(Listed(("f", "a", "c")), at_most=2, never="f"), "ac", Ended.enough, id="a list, protected"),
    ],
)
def test_who_is_asked(records: Records, wanted: RulePlan, asked: str, ended: Ended) -> None:
    found = chosen(records, wanted)
    assert ("".join(found.asked), found.ended) == (asked, ended)


def test_everybody_has_numbers_and_a_reason(records: Records) -> None:
    found = chosen(records, plan(AskTop(4), at_most=2, never="a"))
    assert found.candidates == NAMES
    assert found.asked == ("b", "c")
    assert left(found) == {
        "a": (Why.never, ('protect "p"',)),
        "d": LIMIT_2,
        "e": LIMIT_2,
        "f": (Why.beyond, ("4",)),
    }
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert found.metrics == ("fill_rate", "price_improvement", "leakage", "speed")
    assert found.values[0][:3] == (0.75, 1.0, 0.0)
    assert (found.scorer, found.window_days, found.wanted, found.at_most) == ("classic", 90, 4, 2)


def test_probabilities_are_one_or_nought_and_the_next_best_are_named(records: Records) -> None:
    found = chosen(records, plan(AskTop(2)))
    assert found.inclusion_p == (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert (found.panel_p, found.explored, found.draw) == (1.0, "", None)
    assert [each.dealer for each in found.runners_up] == ["c", "d", "e"]
    assert [each.behind for each in found.runners_up] == [found.scores[1] - score for score in found.scores[2:5]]


def test_entropy_moves_nothing_while_nothing_is_drawn(records: Records) -> None:
    wanted = plan(AskTop(3))
    one, other = (
        choose(REQUEST, wanted, Candidates(NAMES, ()), records, Parameters(), entropy) for entropy in (b"a", b"b")
    )
    assert one == other


def test_a_rules_own_weights_are_another_scorer_behind_the_same_entry(records: Records) -> None:
    by_speed = replace(plan(AskTop(1)), ranking=Ranking(None, (("speed", Decimal(100)),), 30))
    found = chosen(records, by_speed)
    assert (found.scorer, found.metrics, found.units, found.weights) == ("weights", ("speed",), ("s",), (1.0,))
    assert found.window_days == 30


def test_a_scorer_that_does_not_exist_is_never_another_one(records: Records) -> None:
    with pytest.raises(ConfigError, match="rank by wizard: there is no such scorer"):
        chosen(records, replace(plan(AskTop(1)), ranking=Ranking("wizard")))


# --- tiers ---------------------------------------------------------------------------------------


def tiers(tier_of: dict[str, int], numbers: Sequence[int] = (1, 2)) -> TierPlan:
    return TierPlan(
        frozenset(numbers),
        Ranking(),
        frozenset(NAMES),
        lambda dealers, places, scores: [tier_of.get(name) for name in dealers],
    )


TIERS = {"b": 1, "c": 2, "d": 1, "e": 2, "f": 3}


def test_by_tier_then_by_rank(records: Records) -> None:
    wanted = replace(plan(AskTiers(((1, None), (2, 1)))), tiers=tiers(TIERS))
    found = chosen(records, wanted)
    assert found.asked == ("b", "d", "c")
    assert left(found) == {"a": (Why.no_tier, ("1", "2")), "e": (Why.tier_full, ("2",)), "f": (Why.tier_full, ("3",))}


def test_the_limit_holds_over_tiers_and_the_forbidden_make_room(records: Records) -> None:
    wanted = replace(plan(AskTiers(((1, 1), (2, None))), at_most=2, never="b"), tiers=tiers(TIERS))
    found = chosen(records, wanted)
    assert found.asked == ("d", "c")
    assert left(found)["e"] == LIMIT_2


@pytest.mark.parametrize(
    ("defined", "undefined"),
    [
        pytest.param(None, (), id="no tiers at all"),
        pytest.param(tiers(TIERS, (1,)), (2,), id="not this one"),
    ],
)
def test_a_tier_that_is_not_defined_for_the_order_is_a_persons_matter(
    records: Records, defined: TierPlan | None, undefined: tuple[int, ...]
) -> None:
    found = chosen(records, replace(plan(AskTiers(((1, None), (2, 1)))), tiers=defined))
    assert (found.asked, found.ended, found.undefined_tiers) == ((), Ended.no_tiers, undefined)


def test_tiers_are_made_over_the_whole_class_in_its_own_segment(records: Records) -> None:
    """`assign` sees everybody with the place among those that have data, whoever the candidates are."""
    seen: list[tuple[Sequence[str], Sequence[int | None]]] = []

    def assign(
        dealers: Sequence[str], places: Sequence[int | None], scores: Sequence[float | None]
    ) -> Sequence[int | None]:
        assert scores == sorted([score for score in scores if score is not None], reverse=True)
        seen.append((list(dealers), list(places)))
        return [1] * len(dealers)

    defined = TierPlan(frozenset({1}), Ranking(), frozenset(NAMES), assign)
    found = chosen(records, replace(plan(AskTiers(((1, 2),))), tiers=defined), among=("c", "e", "f"))
    assert seen == [(list(NAMES), [1, 2, 3, 4, 5, 6])]
    assert found.asked == ("c", "e")
    assert Segment("corporate").key == REQUEST.asset_class


# --- a condition on the ranking -------------------------------------------------------------------


def where(keeps: Callable[[str, tuple[Scalar, ...]], bool]) -> Where:
    """Keeps the dealers of which this is true; told is (rank, ranked, score, tier)."""
    return Where("so", ("rank", "tier"), lambda name, told: None if keeps(name, told) else (told[0], told[3]))


def test_what_a_rule_asks_of_ranked_dealers_leaves_the_others_out_with_what_was_read(records: Records) -> None:
    found = chosen(records, replace(plan(AskTop(2)), where=where(lambda name, told: told[0] in (2, 3, 5))))
    assert (found.candidates, found.asked, found.ended) == (("b", "c", "e"), ("b", "c"), Ended.enough)
    [out] = [each for each in found.left_out if each.why is Why.not_considered]
    assert (out.dealers, out.facts, out.read_names) == (("a", "d", "f"), ("so",), ("rank", "tier"))
    assert out.read == ((1, None), (4, None), (6, None))


def test_it_is_told_rank_and_score_as_the_list_has_them_and_the_tier() -> None:
    stats, told_of = DealerStats(), dict[str, tuple[Scalar, ...]]()
    for place, name in enumerate(NAMES[:4]):
        feed(stats, name, asks=20, trades=15 - 2 * place, improvement_bps=1.0, reversion_bps=0.0)
    kept = Records(Rankings(stats, NAMES))

    def note(name: str, told: tuple[Scalar, ...]) -> bool:
        told_of[name] = told
        return True

    found = chosen(kept, replace(plan(AskTop(2)), tiers=tiers(TIERS), where=where(note)))
    scores = dict(zip(found.candidates, found.scores, strict=True))
    assert told_of["b"] == (2, 6, scores["b"], 1)
    assert told_of["a"] == (1, 6, scores["a"], None)
    assert told_of["e"] == (5, 6, scores["e"], 2), "nobody has tried it: it has a place all the same"


def test_nobody_is_asked_where_nobody_meets_it(records: Records) -> None:
    found = chosen(records, replace(plan(AskTop(2)), where=where(lambda name, told: False)))
    assert (found.asked, found.candidates, found.ended) == ((), (), Ended.nobody_left)


# --- properties ----------------------------------------------------------------------------------

names = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
asks = st.one_of(
    st.integers(1, 7).map(AskTop),
    st.just(AskAll()),
    st.tuples(st.tuples(st.just(1), st.integers(1, 3)), st.tuples(st.just(2), st.none())).map(AskTiers),
    names.map(Listed),
)


@given(asks, names, names, names, st.none() | st.integers(1, 6), names)
def test_no_limit_is_ever_passed_and_nobody_is_forgotten(
    ask: Ask | Listed,
    everyone: tuple[str, ...],
    informed: tuple[str, ...],
    never: tuple[str, ...],
    at_most: int | None,
    among: tuple[str, ...],
) -> None:
    stats = DealerStats()
    for place, name in enumerate(NAMES[:4]):
        feed(stats, name, asks=20, trades=15 - 2 * place)
    listed = isinstance(ask, Listed)
    wanted = RulePlan(
        Ranking(), ask, frozenset(() if listed else everyone), limits(at_most, never), informed, tiers(TIERS)
    )
    found = chosen(Records(Rankings(stats, NAMES)), wanted, among)
    asked = found.asked
    candidates = ask.dealers if isinstance(ask, Listed) else among
    assert set(asked) <= set(candidates) - set(never)
    assert len(set(asked)) == len(asked)
    if at_most is not None:
        assert len(asked) <= at_most
        assert len({*informed, *asked}) <= max(at_most, len(set(informed)))
    assert sorted([*asked, *left(found)]) == sorted(candidates), "each candidate is asked or has one reason"
    if not listed:
        # A named dealer is left out only where it must not be asked, or where the limit is full of others like it.
        named = [name for name in everyone if name in among and name not in never]
        if at_most is None or len({*informed, *named}) <= at_most:
            assert set(named) <= set(asked)


def test_a_metric_that_nobody_has_is_named_and_one_that_all_have_is_not() -> None:
    stats = DealerStats()
    for name in NAMES:
        feed(stats, name, asks=20, trades=10, improvement_bps=1.0)
    found = chosen(Records(Rankings(stats, NAMES)), plan(AskTop(2)))
    assert notes(found, 2) == ("nobody has leakage yet: left out, the other weights count for more",)


def expected(dealers: Sequence[str], request: Request) -> list[Outlook]:
    return [outlook(name, edge=-4.0 - NAMES.index(name), noise=3.0, q=0.8, leak_in=0.3) for name in dealers]


def by_the_model(records: Records, ask: Ask, informed: Sequence[str] = (), **limit: object) -> RulePlan:
    return replace(plan(ask, informed=informed, **limit), ranking=Ranking("model"))


@pytest.mark.parametrize(
    ("informed", "at_most", "asked"),
    [
        pytest.param("", None, "abc", id="no limit"),
        pytest.param("", 2, "ab", id="two may know"),
        pytest.param("ex", 2, "e", id="two know already, one of them a candidate"),
        pytest.param("ex", 3, "ae", id="one more may know"),
    ],
)
@pytest.mark.parametrize("ask", [AskPanel(3), AskSequence(3)])
def test_the_model_asks_who_knows_already_where_nobody_else_may(
    records: Records, ask: Ask, informed: str, at_most: int | None, asked: str
) -> None:
    given = Records(records.rankings, expected)
    found = chosen(given, by_the_model(given, ask, informed, at_most=at_most))
    assert "".join(sorted(found.asked)) == asked


def test_leaks_that_are_not_minded_are_told_as_none(records: Records) -> None:
    given = Records(records.rankings, expected)
    parameters = replace(Parameters(), aversion=0.0)
    wanted = by_the_model(given, AskPanel(3))
    found = choose(REQUEST, wanted, Candidates(NAMES, ()), given, parameters, bytes(16))
    assert found.expected is not None
    assert found.expected.leak_bps == 0.0
