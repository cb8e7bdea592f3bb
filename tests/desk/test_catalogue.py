"""One catalogue: what passes the checker works when an order comes, and every word means one thing everywhere."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from decimal import Decimal

import pytest
from desk_builder import seeded_desk
from desk_past import HIGH_YIELD, past_events
from desk_scene import MM, Scene, scene
from hypothesis import given
from hypothesis import strategies as st

from engine.config.scoring import ClassicWeights
from engine.dealers.stats import CLASSIC_WEIGHTS, METRIC_SYNONYMS, METRICS
from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.explaining import tell
from engine.desk.fields import catalogue
from engine.rules import RuleBookError, Source, compile_book
from engine.rules.signature import words_of
from engine.selection.ranking import Table, classic
from engine.selection.request import Parameters, Records, Request
from engine.selection.scorers import NAMED, scorer_of

pytestmark = pytest.mark.starts("noon")

DEFAULT = 'rule "everything else" when true ask top 1\n'
KNOWN = catalogue()
WORDS = sorted(words_of(KNOWN.metrics))


def compiled(clauses: str, before: str = "") -> str:
    """The errors of a book with a rule of these clauses, empty if there are none."""
    text = f'{before}\nrule "tested" when side == buy\n  {clauses}\n{DEFAULT}'
    try:
        compile_book([Source("book.rules", text)], KNOWN)
    except RuleBookError as error:
        return str(error)
    return ""


def past(rules: str) -> Scene:
    world = scene(rules)
    for event in past_events():
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def cuts(number: int) -> st.SearchStrategy[list[Decimal]]:
    """So many weights that add to exactly 100, to many digits."""
    return st.lists(st.integers(1, 10**13), min_size=number, max_size=number).map(_shares)


def _shares(parts: list[int]) -> list[Decimal]:
    whole = [Decimal(part * 10**12 // sum(parts)) / 10**10 for part in parts]
    return [*whole[:-1], 100 - sum(whole[:-1], Decimal(0))]


@given(
    st.integers(1, 4).flatmap(lambda n: st.tuples(st.lists(st.sampled_from(WORDS), min_size=n, max_size=n), cuts(n)))
)
def test_whatever_the_checker_lets_pass_ranks_dealers(drawn: tuple[list[str], list[Decimal]]) -> None:
    words, weights = drawn
    ranking = " + ".join(f"{weight:f}% {word}" for word, weight in zip(words, weights, strict=True))
    text = f'rule "tested" when side == buy\n  rank by {ranking}\n  ask top 1\n{DEFAULT}'
    meant = [METRIC_SYNONYMS.get(word, word) for word in words]
    if len(set(meant)) < len(meant) or min(weights) <= 0:
        with pytest.raises(RuleBookError, match=r"weighted twice|more than 0%"):
            compile_book([Source("book.rules", text)], KNOWN)
        return
    book = compile_book([Source("book.rules", text)], KNOWN)
    scorer_of(book.rules[0].ranking, Parameters())
    assert [metric for metric, _ in book.rules[0].ranking.weights] == meant


@pytest.mark.parametrize(
    ("clauses", "error"),
    [
        pytest.param(
            "rank by 50% speed + 50% response_time ask top 1", "weighted twice", id="two words for one metric"
        ),
        pytest.param("rank by 50% reversion + 50% leakage ask top 1", "weighted twice", id="two words, turned round"),
        pytest.param("rank by 50% edge + 50% edge ask top 1", "weighted twice", id="one metric twice"),
        pytest.param("rank by 50% edge + 50% asks ask top 1", "unknown metric 'asks'", id="a field that is no metric"),
        pytest.param("rank by clasic ask top 1", "unknown scorer 'clasic'", id="a scorer that does not exist"),
        pytest.param("consider dealers where adv(30d) > 5mm ask top 1", "field of the order", id="of the order"),
        pytest.param("ask all of tier 2", "no tiers define tier 2", id="a tier that no tiers define"),
    ],
)
def test_what_would_fail_when_an_order_comes_does_not_pass_the_checker(clauses: str, error: str) -> None:
    assert error in compiled(clauses)


@pytest.mark.parametrize("window", [1, 30, 60, 120])
def test_a_volume_may_be_over_any_window(window: int) -> None:
    text = f'protect "p" when notional > 10% of adv({window}d)\n  at most 1 dealers\n' + DEFAULT
    assert compile_book([Source("book.rules", text)], KNOWN).protections


@pytest.mark.parametrize("word", ["response_time", "reversion", "speed", "leakage"])
def test_every_word_for_a_metric_works_wherever_a_metric_may_stand(word: str) -> None:
    limit = "0s" if METRIC_SYNONYMS.get(word, word) == "speed" else "-100bp"
    rules = (
        f"define known as {word}(90d) > {limit}\n"
        f"tiers for asset_class == corporate by {word} over 90d\n  tier 1 when {word} > {limit} and rank in top 100%\n"
        f'rule "tested" when side == buy\n  consider dealers where known and {word}(90d) > {limit}\n'
        f"  rank by {word}\n  ask all of tier 1\n{DEFAULT}"
    )
    world = past(rules)
    order_id = world.order(HIGH_YIELD, "buy", 6 * MM)
    advice = world.state.recommendations[order_id]
    assert advice.rule == "tested"
    assert advice.plan is not None
    assert advice.selection is not None
    assert advice.selection.metrics == (METRIC_SYNONYMS.get(word, word),)
    assert tell(world.desk.book_of, advice).lines


def test_a_definition_of_a_rank_is_for_tiers() -> None:
    rules = (
        "define best as rank in top 50%\ntiers for side == buy by classic over 90d\n  tier 1 when best\n"
        f'rule "tested" when side == buy\n  ask all of tier 1\n{DEFAULT}'
    )
    world = past(rules)
    plan = world.state.recommendations[world.order(HIGH_YIELD, "buy", 6 * MM)].plan
    assert plan is not None
    assert len(plan.dealers) == 4, "half of the seven that anybody has tried, rounded up"


def test_a_tier_that_other_tiers_have_goes_to_the_trader() -> None:
    rules = (
        "tiers for side == buy by classic\n  tier 1 when rank in top 50%\n"
        "tiers for side == sell by classic\n  tier 1 when rank in top 20%\n  tier 2 when rank in top 50%\n"
        f'rule "tested" when side == buy\n  ask all of tier 1 and top 1 of tier 2\n{DEFAULT}'
    )
    world = past(rules)
    order_id = world.order(HIGH_YIELD, "buy", 6 * MM)
    assert world.state.recommendations[order_id].plan is None
    assert world.the(order_id).note == "tier 2 is not defined for this order"


def test_a_new_scorer_is_a_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """By that line the checker knows it, orders are ranked by it, and what it measured is told by parts."""

    def longest_name_first(records: Records, request: Request, eligible: AbstractSet[str]) -> Table:
        everybody = records.rankings.table(classic(), request.segment, request.now_ns, eligible).dealers
        dealers = tuple(sorted(everybody, key=lambda name: (-len(name), name)))
        lengths = tuple(float(len(name)) for name in dealers)
        return Table(("length",), ("rate",), (1.0,), 1, (0.0,), dealers, lengths, tuple((each,) for each in lengths))

    rules = f'rule "tested" when side == buy\n  rank by length\n  ask top 2\n{DEFAULT}'
    with pytest.raises(RuleBookError, match="unknown scorer 'length'"):
        compile_book([Source("book.rules", rules)], catalogue())
    monkeypatch.setitem(NAMED, "length", lambda ranking, desk: longest_name_first)  # type: ignore[arg-type]
    book = compile_book([Source("book.rules", rules)], catalogue())
    world = seeded_desk(book=book)
    order_id = world.order(HIGH_YIELD, "buy", 6 * MM)
    advice = world.state.recommendations[order_id]
    assert advice.selection is not None
    assert (advice.selection.scorer, advice.selection.asked) == ("length", ("beech", "cedar"))
    first = tell(world.desk.book_of, advice).lines[0]
    assert (first.dealer, first.score, first.parts[0].metric, first.parts[0].value) == ("beech", 5.0, "length", 5.0)


def test_every_list_of_names_is_that_of_the_catalogue() -> None:
    assert set(KNOWN.metrics) == set(METRICS)
    assert KNOWN.scorers == set(NAMED)
    assert [metric for metric, _ in ClassicWeights().percent] == [metric for metric, _ in CLASSIC_WEIGHTS]
    assert ClassicWeights().percent == CLASSIC_WEIGHTS
    for word, name in METRIC_SYNONYMS.items():
        assert word in KNOWN.dealer_fields[name].synonyms


def test_one_word_never_means_two_things() -> None:
    with pytest.raises(ValueError, match="response_time: one word for two things"):
        type(KNOWN)({}, {}, {**KNOWN.metrics, "x": KNOWN.metrics["speed"]}, frozenset())
