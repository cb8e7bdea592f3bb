"""Other policies on a record whose market is known: their value, its refusals, and that nothing of later is used."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from drawn_rounds import FIRST_DAY, SEGMENT, SIZE, Habit, drawn_rounds, round_of, sent_ns, true_cost_bps

from engine.clock import NS_PER_DAY
from engine.dealers.outlook import Identified
from engine.dealers.segments import segment_of_key
from engine.domain.observation import Answer, ChosenBy, Horizon, Protocol, RoundTold
from engine.errors import ConfigError
from engine.research.choices import Choice, Choices
from engine.research.contenders import Question, contender_of, panel_of
from engine.research.draws import of_sent
from engine.research.gathering import Gathered, Left, Rows, Settings, Unsupported
from engine.research.knowledge import LEAK_EVERY_DAYS, Knowledge
from engine.research.off_policy import Lacking, Verdict
from engine.research.outcomes import Outcome
from engine.research.value_words import reasons_of
from engine.research.valuing import LOGGED, Beside, Valuation, valuation_of, valued
from engine.rules.plan import AskTop
from engine.selection.request import NO_EXPLORING, Exploring, Parameters, Request

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

HABITS: Final = {
    "ash": Habit(0.9, -4.0),
    "beech": Habit(0.9, -5.0),
    "cedar": Habit(0.8, -6.0),
    "fir": Habit(0.6, -12.0),
    "hazel": Habit(0.95, -2.0),
}
ROUNDS: Final = 800
OFTEN: Final = Exploring(0.5, 0.5, 0.1)
WORDS: Final = ("classic", "static:ash,beech", "static:fir,cedar", "random", "static:hazel")


class Record:
    """A record of the market, and what policies are worth by it."""

    def __init__(self, exploring: Exploring) -> None:
        self.choices = Choices()
        self.rounds = list(drawn_rounds(HABITS, ROUNDS, exploring, AskTop(2), choices=self.choices))

    def valued(self, *words: str, against: str = "", rounds: int = ROUNDS, **given: Any) -> Valuation:
        other, policies = contender_of(against) if against else None, [contender_of(each) for each in words]
        return valued(self.rounds[:rounds], self.choices, policies, Settings(**given), other)


@pytest.fixture(scope="module")
def drawn() -> Iterator[Record]:
    found = Record(OFTEN)
    yield found
    found.choices.close()


@pytest.fixture(scope="module")
def undrawn() -> Iterator[Record]:
    found = Record(NO_EXPLORING)
    yield found
    found.choices.close()


@pytest.fixture(scope="module")
def found_in(drawn: Record) -> Valuation:
    found = drawn.valued(*WORDS)
    assert (found.told, found.judged, found.drawn, found.imported, found.left) == (ROUNDS, ROUNDS, ROUNDS, 0, {})
    return found


@pytest.fixture(scope="module")
def c_fail_bps(found_in: Valuation) -> float:
    return found_in.c_fail_bps


@pytest.fixture(scope="module")
def by_policy(found_in: Valuation) -> dict[str, Beside]:
    return {each.policy: each for each in found_in.policies}


def test_a_policy_that_chance_has_asked_is_worth_what_it_costs(by_policy: dict[str, Beside], c_fail_bps: float) -> None:
    """`static:ash,beech` among a desk that came to ask hazel and ash: 1.8 bps dearer, and said so."""
    found = by_policy["static:ash,beech"].compared
    truth, se = true_cost_bps(HABITS, ("ash", "beech"), c_fail_bps)
    assert found.verdict is Verdict.dearer
    assert found.cost is not None
    assert abs(found.cost.value - truth) < 3 * (found.cost.se + se)
    best, _ = true_cost_bps(HABITS, ("hazel", "ash"), c_fail_bps)
    assert found.difference is not None
    assert abs(found.difference.value - (truth - best)) < 3 * found.difference.se + 0.3, "it took rounds to find hazel"
    assert found.ess > 100
    assert found.support > 0.99


def test_a_leak_is_told_apart_with_its_error(drawn: Record, by_policy: dict[str, Beside]) -> None:
    """Nobody leaks in this market. Who was asked, and how many, varied: the level can be told, after the first week."""
    leak = by_policy["static:hazel"].leak
    assert leak.low < 0.0 < leak.high
    week = sum(told.seen.sent_ns < sent_ns(0) + LEAK_EVERY_DAYS * NS_PER_DAY for told in drawn.rounds)
    assert leak.identified == {Identified.none: week, Identified.level: ROUNDS - week}


def test_in_how_many_rounds_a_leak_was_identified_is_told() -> None:
    """In the first round of two the dealers that only one policy asks are known against each other alone."""
    found = Gathered({"one": Rows()})
    for panel, known in (("ash", Identified.relative), ("beech", Identified.level)):
        for rows, asked in ((found.policies["one"], panel), (found.logged, "cedar")):
            rows.panels.append(frozenset({asked}))
            rows.expected.append(Outcome(0.0, 0.0))
            rows.seen.append(None)
            rows.p.append(0.5)
            rows.possible.append(True)
            rows.why.append(None)
        found.leaks.append({panel: (1.0, 0.5, known), "cedar": (0.0, 0.5, Identified.level)})
        found.days.append(len(found.days))
        found.c_fails.append(20.0)
        found.drawn.append(True)
        found.choice_known.append(True)
    [beside] = valuation_of(found, ["one"], LOGGED, 1).policies
    assert beside.leak.identified == {Identified.relative: 1, Identified.level: 1}
    assert "; in 1 round identified; in 1 round identified of dealers against each other" in reasons_of(beside)[-1]


def test_rounds_that_rest_on_the_estimates_alone_are_counted(by_policy: dict[str, Beside]) -> None:
    beside = by_policy["static:hazel"]
    assert not any("estimates' word alone" in each for each in reasons_of(beside))
    told = reasons_of(replace(beside, compared=replace(beside.compared, support=1 - 8 / beside.compared.differing)))
    assert any(each.startswith("in 8 rounds of these no draw could have asked both") for each in told)


def test_what_the_desk_did_anyway_cannot_be_told_from_it(by_policy: dict[str, Beside]) -> None:
    found = by_policy["classic"]
    assert (found.compared.verdict, found.compared.differing, found.unsupported) == (Verdict.same, 0, {})


def test_what_no_draw_could_have_asked_is_refused(by_policy: dict[str, Beside]) -> None:
    far = by_policy["static:fir,cedar"]
    assert far.compared.verdict is Verdict.refused
    assert set(far.compared.lacking) == {Lacking.support, Lacking.ess}
    assert far.unsupported[Unsupported.far] > 0.9 * ROUNDS
    assert by_policy["random"].compared.verdict is Verdict.refused


def test_fewer_of_those_asked_are_replayed(by_policy: dict[str, Beside], c_fail_bps: float) -> None:
    """Hazel alone, mostly asked beside another one: what it costs is known from its own quotes."""
    found = by_policy["static:hazel"].compared
    truth, se = true_cost_bps(HABITS, ("hazel",), c_fail_bps)
    assert found.cost is not None
    assert abs(found.cost.value - truth) < 3 * (found.cost.se + se)
    assert found.replay is not None
    assert found.replay.n > 0.3 * found.differing
    assert found.ess > 300


def test_without_exploration_every_policy_that_differs_is_refused(undrawn: Record) -> None:
    found = undrawn.valued(*WORDS)
    assert found.drawn == 0
    by_policy = {each.policy: each.compared for each in found.policies}
    assert by_policy["classic"].verdict is Verdict.same
    assert by_policy["static:ash,beech"].verdict is Verdict.same, "it never found hazel"
    for words in ("static:fir,cedar", "random", "static:hazel"):
        assert by_policy[words].verdict is Verdict.refused
        assert Lacking.draw in by_policy[words].lacking
    (inside,) = undrawn.valued("static:beech").policies
    assert inside.compared.lacking == (Lacking.draw,), "its own quotes are known in every round, and yet"
    assert inside.compared.replay is not None


def test_two_policies_are_held_against_each_other(drawn: Record) -> None:
    (found,) = drawn.valued("static:ash,beech", against="static:ash,hazel", rounds=300).policies
    assert found.against == "static:ash,hazel"
    (turned,) = drawn.valued("static:ash,hazel", against="static:ash,beech", rounds=300).policies
    assert found.compared.difference is not None
    assert turned.compared.difference is not None
    assert found.compared.difference.value == pytest.approx(-turned.compared.difference.value)
    (same,) = drawn.valued("static:ash,beech", against="static:beech,ash", rounds=100).policies
    assert same.compared.verdict is Verdict.same, "in whatever order"


def test_at_most_so_many_are_asked(drawn: Record) -> None:
    found = {
        each.policy: each.asked for each in drawn.valued("classic", "model", "random", most=1, rounds=200).policies
    }
    assert found["classic"] == found["random"] == 1.0
    assert found["model"] <= 1.0


def test_rounds_before_the_period_are_learnt_from_and_not_judged(drawn: Record) -> None:
    first, last = sent_ns(400), sent_ns(600)
    found = drawn.valued("model", begin_ns=first, end_ns=last)
    assert (found.told, found.judged) == (200, 200)
    assert (found.first_day, found.last_day) == (FIRST_DAY + 20, FIRST_DAY + 29)
    (asked,) = found.policies
    assert asked.asked > 1.0, "it knows its dealers by then"


# --- what was not known then ---------------------------------------------------------------------


def flipped(told: RoundTold) -> RoundTold:
    """As if the good were silent and the silent good, and the market fell: what nobody could know before."""
    seen = told.seen
    asks = tuple(
        replace(ask, answer=Answer.none, price=None, edge_bps=None)
        if ask.answer is Answer.quote
        else replace(
            ask, answer=Answer.quote, price=Decimal(98), quantity=SIZE, edge_bps=200.0, answered_ns=ask.sent_ns
        )
        for ask in seen.asks
    )
    return RoundTold(replace(seen, asks=asks), told.after[:1])


def test_tomorrow_is_not_used_to_the_bit(drawn: Record) -> None:
    """Everything from the middle on is turned round, or is not there at all: what is said of before is the same."""
    rounds, middle, end_ns = drawn.rounds[:300], 160, sent_ns(160)
    policies = [contender_of(each) for each in ("model", "classic", "static:ash,beech", "60% quote_rate, 40% edge")]
    settings = Settings(end_ns=end_ns)
    turned = [*rounds[:middle], *map(flipped, rounds[middle:])]
    as_it_was = valued(rounds, drawn.choices, policies, settings)
    assert valued(turned, drawn.choices, policies, settings) == as_it_was
    assert valued(rounds[:middle], drawn.choices, policies, settings) == as_it_was
    whole = Settings()
    assert valued(turned, drawn.choices, policies, whole) != valued(rounds, drawn.choices, policies, whole)


def test_a_round_is_not_known_before_it_is_over_nor_a_mark_before_it_is_made(drawn: Record) -> None:
    """Of every fortieth round: whom all policies ask and what is expected, with all that came after it turned round."""
    policies = [contender_of(each) for each in ("model", "classic", "random")]
    for place in range(40, 200, 40):
        seen, kept = drawn.rounds[place].seen, list[object]()
        for later in (lambda told: told, flipped):
            known = Knowledge()
            known.meet(HABITS)
            for told in drawn.rounds[:place]:
                known.until(told.seen.sent_ns)
                over = [each for each in told.after if _is_before(told, each.horizon, seen.sent_ns)]
                known.add(told if later is not flipped else replace(told, after=tuple(over)))
            known.until(seen.sent_ns)
            known.add(later(drawn.rounds[place]))
            known.until(seen.sent_ns)
            records = known.records(later(drawn.rounds[place]).seen)
            request = Request(segment_of_key(SEGMENT), "corporate", seen.sent_ns, quantity=SIZE)
            question = Question("key", request, tuple(sorted(HABITS)), 2)
            assert records.outlooks is not None
            assert records.not_trading is not None
            kept.append(
                (
                    [panel_of(each, question, records, Parameters()) for each in policies],
                    records.outlooks(sorted(HABITS), request),
                    records.not_trading(request),
                )
            )
        assert kept[0] == kept[1]


def _is_before(told: RoundTold, horizon: Horizon, at_ns: int) -> bool:
    spans = {Horizon.half_hour: 1_800 * 10**9, Horizon.next_day: NS_PER_DAY}
    return (told.seen.decided_ns or 0) + spans[horizon] < at_ns


# --- rounds that are not judged, and those of others ---------------------------------------------


def one(**changes: Any) -> RoundTold:
    told = round_of(0, HABITS, ("ash", "beech"), random.Random(1), None)
    asks = changes.pop("asks", None)
    seen = replace(told.seen, p_panel=0.5, **changes)
    return RoundTold(seen if asks is None else replace(seen, asks=asks(seen.asks)))


def kept(sent: Sequence[str] = ("ash", "beech"), **changes: Any) -> Choice:
    return Choice(**{"draws": of_sent(frozenset(sent), 0.5), "candidates": tuple(sorted(HABITS)), "most": 2} | changes)


@pytest.mark.parametrize(
    ("told", "choice", "why"),
    [
        pytest.param(one(), kept(), None, id="judged"),
        pytest.param(one(is_drawn=False), kept(), Left.changed, id="changed after the draw"),
        pytest.param(
            one(is_drawn=False, asks=lambda asks: [asks[0], replace(asks[1], chosen_by=ChosenBy.trader)]),
            None,
            Left.by_trader,
            id="a trader's choice",
        ),
        pytest.param(one(), kept(is_protected=True), Left.protected, id="under a protection"),
        pytest.param(one(protocol=Protocol.sequence), kept(), Left.one_by_one, id="one after another"),
        pytest.param(one(), kept(("ash", "beech", "fir")), Left.incomplete, id="not all were asked"),
        pytest.param(one(n_asked=3), None, Left.incomplete, id="one is not told of"),
        pytest.param(
            one(asks=lambda asks: [replace(each, mark_sent=None) for each in asks]), kept(), Left.no_mark, id="no mark"
        ),
        pytest.param(
            one(asks=lambda asks: [replace(each, answer=Answer.quote, edge_bps=None) for each in asks]),
            kept(),
            Left.unmarked_quote,
            id="a quote without a mark",
        ),
        pytest.param(
            one(asks=lambda asks: [replace(each, chosen_by=ChosenBy.rule) for each in asks]), None, None, id="of others"
        ),
    ],
)
def test_rounds_are_left_out_for_a_reason(told: RoundTold, choice: Choice | None, why: Left | None) -> None:
    with Choices() as choices:
        if choice is not None:
            choices.put("", told.seen.rfq_id, 1, choice)
        found = valued([told], choices, [contender_of("random")], Settings())
    assert found.left == ({} if why is None else {why: 1})
    assert found.judged == (why is None)
    assert found.imported == (why is None and choice is None)


def test_of_rounds_that_others_tell_of_the_candidates_are_those_tried(drawn: Record) -> None:
    """Without the record of the choice only the chance of the panel is known: nothing is claimed."""
    with Choices() as nothing:
        found = valued(drawn.rounds, nothing, [contender_of("static:ash,beech")], Settings())
        (beside,) = found.policies
        assert found.imported == found.judged == ROUNDS
        assert beside.compared.verdict is Verdict.refused
        assert Lacking.support in beside.compared.lacking
        # Whether it could have been asked is told by no round, those where it was least of all: they are not a sample.
        assert beside.unsupported == {Unsupported.unknown: ROUNDS}
        assert beside.compared.where_possible is None
        # Still the mean is right: what was asked by chance is weighed by it.
        logged, other = beside.compared.against, beside.compared.cost
        assert logged is not None
        assert other is not None
        truth, se = true_cost_bps(HABITS, ("ash", "beech"), found.c_fail_bps)
        assert abs(other.value - truth) < 3 * (other.se + se)
        bare = [RoundTold(replace(told.seen, p_panel=None), told.after) for told in drawn.rounds[:200]]
        (beside,) = valued(bare, nothing, [contender_of("static:ash,beech")], Settings()).policies
        assert Lacking.draw in beside.compared.lacking


# --- policies in words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("modle", "expected model, classic, random, static:A,B,C or weights"),
        ("static:", "expected dealers with commas between"),
        ("static:a,a", "each once"),
        ("60% hit_rate, 30% speed", "the weights add to 90, not to 100"),
        ("60% hit_rate, 40% charm", "unknown metric 'charm'; known are fill_rate"),
        ("60% hit_rate, 40% hit_rate", "hit_rate is there twice"),
        ("60% hit_rate, forty speed", "'forty speed': expected"),
    ],
)
def test_words_that_mean_no_policy_are_said_to(words: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^policy") as error:
        contender_of(words)
    assert said in str(error.value)


def test_words_mean_policies() -> None:
    assert contender_of(" static: a , b ").listed == ("a", "b")
    assert contender_of("60% hit_rate + 40% response_time").name == "60% hit_rate + 40% speed"
    assert contender_of("random").is_random


def test_nobody_to_ask_is_nobody_asked() -> None:
    records = Knowledge().records(one().seen)
    request = Request(segment_of_key(SEGMENT), "corporate", sent_ns(0), quantity=SIZE)
    for words in ("model", "classic", "random", "static:ash"):
        assert panel_of(contender_of(words), Question("k", request, (), 3), records, Parameters()) == ()
