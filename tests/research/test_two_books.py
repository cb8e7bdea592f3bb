"""Two rule books over one past: what differs is what one of them does otherwise, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kept_days import KeptDays, installation

from engine.desk.fields import catalogue
from engine.domain.rfq import AskPlan, ExecutePlan
from engine.journal.archive import ReadOnly
from engine.research.facts import FactsThen
from engine.research.in_force import TextsThen
from engine.research.moments import FOREVER_NS, Held, Moments
from engine.research.two_books import Answered, Compared, Differs, compare, differences, never_taken
from engine.rules import Book, RuleBookError, Source, compile_book
from engine.rules.plan import Mode, Tolerance, ToleranceUnit

pytestmark = pytest.mark.starts("noon")  # They have a clock of their own.
DEALERS = ("alder", "birch", "cedar", "dogwood", "elm")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptDays]:
    """Three days of orders of all sizes, some of them in bonds that were asked for already that day."""
    days = KeptDays(installation(tmp_path_factory.mktemp("past")))
    days.start()
    days.log_on()
    bonds = list(days.trading.desk.securities)[:12]
    for day in range(3):
        for at, bond in enumerate((*bonds, *bonds[:4])):
            days.advance(120)
            days.price(bond, f"{99 + at / 4}")
            account = ("FUND_A", "FUND_B")[(at + day) % 2]
            order = days.order(bond, ("buy", "sell")[at % 2], 150_000 + 350_000 * ((at * 5 + day) % 9), account)
            if days.state.orders[order].state == "with_trader" and days.state.recommendations[order].plan is not None:
                days.command("send", order=order)
            if days.state.orders[order].state == "asking":
                days.quote(order, [4.0 - at, 1.0, -2.0], 99 + at / 4)
                days.over(order)
        days.advance(86_400)
    yield days
    days.close()


class Looked:
    """A past with books compiled for it."""

    def __init__(self, days: KeptDays) -> None:
        self._days = days
        self.facts = FactsThen()
        self.known = self.facts.over(catalogue(DEALERS))

    def book(self, text: str) -> Book:
        return compile_book([Source("book.rules", text)], self.known)

    def compare(self, old: Book | None, new: Book | None, begin_ns: int = 0, end_ns: int = FOREVER_NS) -> Compared:
        with ReadOnly(self._days.path) as file:
            texts, moments = self._pass(file, old, new)
            passed = moments.between(begin_ns, end_ns)
            return compare(
                passed,
                lambda _: old,
                lambda _: new,
                texts.book,
                begin_ns,
                moments.skipped,
                moments.traded,
                moments.overridden,
            )

    def taken(self, book: Book) -> dict[tuple[str, int], Answered]:
        """Each round's answer, worked out without `compare`."""
        held, found = Held(), {}
        with ReadOnly(self._days.path) as file:
            _, moments = self._pass(file, book)
            for moment in moments.between(0, FOREVER_NS):
                found[moment.order.order_id, moment.round] = Answered.by(book, moment.decide(book, held))
        return found

    def _pass(self, file: ReadOnly, *books: Book | None) -> tuple[TextsThen, Moments]:
        texts = TextsThen(file, self._days.config, self.facts)
        texts.want({days for book in books if book is not None for days in book.windows()})
        return texts, Moments(file, texts, self.facts)


@pytest.fixture
def looked(past: KeptDays) -> Looked:
    return Looked(past)


# --- random books ------------------------------------------------------------------------------------

CONDITIONS = st.sampled_from(
    [
        "notional <= 500k",
        "notional > 1mm",
        "side == buy",
        "side == sell and notional > 800k",
        "rating < BBB",
        "liquidity_score >= 6",
        "account == FUND_B",
        "notional > 2% of adv(30d)",
        "asset_class == municipal",
        "fair > 100",
        "days_since_trade > 5",
        "expected_impact > 2bp or years_to_maturity > 8",
    ]
)
ASKS = st.sampled_from(
    ["ask top 1", "ask top 2", "ask top 4", "ask all", "ask best panel of at most 3", "ask everyone in {birch, elm}"]
)
EXTRAS = st.sampled_from(
    ["", "  stagger 5s\n", "  one at a time\n", "  send automatically\n", "  explore never\n", "  never ask {cedar}\n"]
)
PROTECTIONS = st.sampled_from(
    [
        "",
        'protect "big"\n  when notional > 2mm\n  at most 2 dealers\n\n',
        'protect "slow"\n  when notional > 3% of adv(30d)\n  stagger 7s\n\n',
    ]
)


def text_of(protection: str, rules: Sequence[tuple[str, str, str]], waits: Sequence[int], last_wait: int = 60) -> str:
    blocks = [
        f'rule "r{at}"\n  when {condition}\n  {ask}\n{extra}  wait {wait}s\n'
        for at, ((condition, ask, extra), wait) in enumerate(zip(rules, waits, strict=True))
    ]
    return protection + "\n".join([*blocks, f'rule "last"\n  when true\n  ask top 3\n  wait {last_wait}s\n'])


RULES = st.lists(st.tuples(CONDITIONS, ASKS, EXTRAS), min_size=1, max_size=4, unique_by=lambda rule: rule[0])
SEARCH = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def compiled(looked: Looked, text: str) -> Book:
    try:
        return looked.book(text)
    except RuleBookError:
        assume(False)  # A rule that can never decide is no rule of a book.
        raise


@SEARCH
@given(PROTECTIONS, RULES)
def test_a_book_beside_itself_differs_nowhere(
    looked: Looked, protection: str, rules: list[tuple[str, str, str]]
) -> None:
    book = compiled(looked, text_of(protection, rules, [30] * len(rules)))
    done = looked.compare(book, looked.book(book.texts[0].text))
    assert done.rounds >= 48
    assert (done.orders_differing, done.rounds_differing, done.found, +done.kinds) == (0, 0, [], {})
    assert done.old == done.new


@SEARCH
@given(PROTECTIONS, RULES, st.data())
def test_a_rule_that_does_its_own_otherwise_differs_on_what_it_takes(
    looked: Looked, protection: str, rules: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    waits = [30] * len(rules)
    old = compiled(looked, text_of(protection, rules, waits))
    place = data.draw(st.integers(0, len(rules)))
    changed = [*waits, 60]
    changed[place] += 1
    new = looked.book(text_of(protection, rules, changed[:-1], changed[-1]))
    name = f"r{place}" if place < len(rules) else "last"
    done, taken = looked.compare(old, new), looked.taken(old)
    wanted = {key for key, answer in taken.items() if answer.rule == name and answer.plan is not None}
    assert {(each.order_id, each.round) for each in done.found} == wanted
    assert {kind for each in done.found for kind in each.differs} <= {Differs.how}
    assert done.rounds_differing == len(wanted)
    assert done.rounds == len(taken)


@SEARCH
@given(PROTECTIONS, RULES, st.data())
def test_a_rule_for_other_orders_differs_on_those_that_it_takes_or_loses(
    looked: Looked, protection: str, rules: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(rules) - 1))
    condition = data.draw(CONDITIONS.filter(lambda each: each not in [rule[0] for rule in rules]))
    others = [*rules]
    others[place] = (condition, *rules[place][1:])
    waits = [30] * len(rules)
    old = compiled(looked, text_of(protection, rules, waits))
    new = compiled(looked, text_of(protection, others, waits))
    done, before, after = looked.compare(old, new), looked.taken(old), looked.taken(new)
    wanted = {key for key in before if before[key].rule != after[key].rule}
    name = f"r{place}"
    assert all(name in (before[key].rule, after[key].rule) for key in wanted)
    assert {(each.order_id, each.round) for each in done.found} == wanted
    assert all(Differs.rule in each.differs for each in done.found)
    assert done.moved.total() == len(wanted)


# --- what is counted ---------------------------------------------------------------------------------


def test_the_book_of_then_beside_itself(looked: Looked) -> None:
    """Nothing differs, everything comes out as recorded, and what is counted is what the journal has."""
    done = looked.compare(None, None)
    assert done.rounds_differing == 0
    assert done.as_recorded == done.answered >= 48
    assert not done.unlike
    assert done.orders == 48


def test_a_run_is_the_same_twice(looked: Looked) -> None:
    book = looked.book('rule "all"\n  when true\n  ask top 2\n')
    assert looked.compare(None, book) == looked.compare(None, book)


def test_only_the_period_counts(looked: Looked, past: KeptDays) -> None:
    book = looked.book('rule "all"\n  when true\n  ask top 2\n')
    whole = looked.compare(None, book)
    day_ns = 86_400_000_000_000
    noon_ns = (whole.begin_ns // day_ns + 1) * day_ns
    first, rest = looked.compare(None, book, 0, noon_ns), looked.compare(None, book, noon_ns, FOREVER_NS)
    assert first.orders == 16
    assert first.rounds + rest.rounds == whole.rounds
    assert [*first.found, *rest.found] == whole.found


def test_a_protection_stays_on_in_the_book_that_has_it(looked: Looked, past: KeptDays) -> None:
    """As each book would have had it: the second order of a day in a bond is still under what the first one met."""
    guarded = looked.book(
        'protect "first"\n  when account == FUND_A\n  at most 1 dealers\n\nrule "all"\n  when true\n  ask top 3\n'
    )
    plain = looked.book('rule "all"\n  when true\n  ask top 3\n')
    done = looked.compare(plain, guarded)
    accounts = {name: order.terms.account for name, order in past.state.orders.items()}
    assert {"FUND_B"} < {accounts[each.order_id] for each in done.found}
    assert all(each.new.protections == ("first",) for each in done.found)


def test_who_is_asked_more_and_less(looked: Looked) -> None:
    two = looked.book('rule "all"\n  when true\n  ask top 2\n')
    done = looked.compare(two, looked.book('rule "all"\n  when true\n  ask top 2\n  never ask {birch}\n'))
    assert done.new.asked["birch"] == 0
    assert done.old.asked["birch"] > 0
    assert done.old.asks == sum(len(each.dealers) for each in looked.taken(two).values())


def test_rules_that_took_nothing_are_named_in_the_order_of_the_book() -> None:
    assert never_taken(["a", "b", "c"], {"b": 2}) == ["a", "c"]


# --- two answers -------------------------------------------------------------------------------------

PLAN = AskPlan(Mode.PARALLEL, ("alder", "birch"), 60, 0, None, ExecutePlan(automatic=False))
ONE = Answered("small", "a.rules:1", PLAN, sends_itself=True, protections=())


def planned(**changes: object) -> Answered:
    return replace(ONE, plan=replace(PLAN, **changes))  # type: ignore[arg-type]


IN_TURN = planned(mode=Mode.ONE_AT_A_TIME)
NOBODY = replace(ONE, plan=None, why_nobody="nobody can be asked")


WAYS = (
    pytest.param(ONE, ONE, (), id="the same"),
    pytest.param(ONE, replace(ONE, place="b.rules:7"), (), id="the rule stands elsewhere"),
    pytest.param(ONE, replace(ONE, rule="large"), (Differs.rule,), id="another rule, the same answer"),
    pytest.param(ONE, planned(dealers=("alder", "cedar")), (Differs.dealers,), id="another dealer"),
    pytest.param(ONE, planned(dealers=("birch", "alder")), (), id="another order of those asked together"),
    pytest.param(
        IN_TURN,
        planned(mode=Mode.ONE_AT_A_TIME, dealers=("birch", "alder")),
        (Differs.dealers,),
        id="another order of those asked one at a time",
    ),
    pytest.param(ONE, planned(dealers=("alder",)), (Differs.number,), id="one fewer"),
    pytest.param(ONE, planned(dealers=("cedar",)), (Differs.number, Differs.dealers), id="one other instead"),
    pytest.param(ONE, planned(wait_ns=61), (Differs.how,), id="longer"),
    pytest.param(ONE, planned(stagger_ns=5), (Differs.how,), id="apart"),
    pytest.param(
        ONE,
        planned(accept=Tolerance(Decimal(5), ToleranceUnit.BP_PRICE)),
        (Differs.how,),
        id="a search ends sooner",
    ),
    pytest.param(ONE, planned(stops_bps=(1.0, 2.0)), (), id="what follows from whom it asks"),
    pytest.param(ONE, planned(execute=ExecutePlan(automatic=True)), (Differs.execution,), id="by itself"),
    pytest.param(ONE, replace(ONE, sends_itself=False), (Differs.to_person,), id="left to a person"),
    pytest.param(replace(ONE, sends_itself=False), ONE, (Differs.by_itself,), id="no longer left to a person"),
    pytest.param(ONE, NOBODY, (Differs.nobody,), id="nobody left"),
    pytest.param(NOBODY, ONE, (Differs.somebody,), id="somebody now"),
    pytest.param(NOBODY, replace(NOBODY, sends_itself=False), (), id="nobody either way"),
    pytest.param(ONE, replace(ONE, protections=("p",)), (Differs.protections,), id="a protection"),
)


@pytest.mark.parametrize(("old", "new", "expected"), WAYS)
def test_in_what_two_answers_differ(old: Answered, new: Answered, expected: tuple[Differs, ...]) -> None:
    assert differences(old, new, by_hand=False) == expected


def test_who_sends_is_no_difference_for_an_order_that_a_person_sends_anyway() -> None:
    assert differences(ONE, replace(ONE, sends_itself=False), by_hand=True) == ()


def test_every_way_to_differ_is_met_above() -> None:
    assert {kind for way in WAYS for kind in way.values[2]} == set(Differs)
