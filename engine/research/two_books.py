"""Two rule books beside each other over the orders of a past: what each would have said of them.

Each order is decided again at its own moments by both books (`moments`). What dealers would have answered to another
panel is in no record: here is said who would have been asked, how, and who would have decided, not what it would have
brought.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.desk.explaining import problem
from engine.domain.recommendation import Recommendation
from engine.domain.rfq import AskPlan
from engine.research.moments import Held, Moment
from engine.rules import Book
from engine.rules.plan import Mode

DIFFERENCES_MAX: Final = 20_000
"""Answers that differ of which both books' are kept; of more it is only counted how they differ."""
UNLIKE_SHOWN_MAX: Final = 20
"""Answers that did not come out as they were recorded, of which it is said why."""


class Differs(StrEnum):
    """In what an answer differs; several may hold for one."""

    rule = "rule"
    """Another rule decides."""
    dealers = "dealers"
    """Others are asked: each book asks somebody whom the other does not; or one after another in another order."""
    number = "number"
    """More or fewer are asked."""
    how = "how"
    """They are asked in another way: together or not, how long each has, when a search ends."""
    execution = "execution"
    """Another quote is taken, or by another."""
    to_person = "to_person"
    """The old book sends by itself, the new one leaves it to a person."""
    by_itself = "by_itself"
    """The new book sends by itself, the old one leaves it to a person."""
    nobody = "nobody"
    """The new book has nobody to ask, the old one has."""
    somebody = "somebody"
    """The old book has nobody to ask, the new one has."""
    protections = "protections"
    """Other protections apply."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a book says of an order, in short. `place` is where its rule stands; `why_nobody` is set without a plan."""

    rule: str
    place: str
    plan: AskPlan | None
    sends_itself: bool
    protections: tuple[str, ...]
    why_nobody: str = ""
    drawn: str = ""
    """What a draw has changed: whom it put in, or left out."""

    @classmethod
    def by(cls, book: Book, made: Recommendation) -> Answered:
        rule, choice = book.rule_named(made.rule), made.selection
        drawn = ""
        if choice is not None and choice.explored:
            drawn = f"{choice.explored} drawn in"
        elif choice is not None and choice.dropped:
            drawn = f"{choice.dropped} drawn out"
        return cls(
            made.rule,
            rule.place if rule is not None else "",
            made.plan,
            made.sends_itself,
            made.protections,
            problem(lambda book_hash: book if book_hash == book.hash else None, made) if made.plan is None else "",
            drawn,
        )

    @property
    def dealers(self) -> tuple[str, ...]:
        return self.plan.dealers if self.plan is not None else ()


def differences(old: Answered, new: Answered, *, by_hand: bool) -> tuple[Differs, ...]:
    """In what two answers differ; none where they are the same. `by_hand`: a person sends it, whatever a book says."""
    found = [Differs.rule] if old.rule != new.rule else []
    if set(old.protections) != set(new.protections):
        found.append(Differs.protections)
    one, other = old.plan, new.plan
    if one is None or other is None:
        if one is not None:
            found.append(Differs.nobody)
        elif other is not None:
            found.append(Differs.somebody)
        return tuple(found)
    before, after = set(one.dealers), set(other.dealers)
    if len(before) != len(after):
        found.append(Differs.number)
    in_turn = one.mode is not Mode.PARALLEL and other.mode is not Mode.PARALLEL
    if (before - after and after - before) or (before == after and in_turn and one.dealers != other.dealers):
        found.append(Differs.dealers)
    if _how(one) != _how(other):
        found.append(Differs.how)
    if one.execute != other.execute:
        found.append(Differs.execution)
    if old.sends_itself != new.sends_itself and not by_hand:
        found.append(Differs.to_person if old.sends_itself else Differs.by_itself)
    return tuple(found)


def _how(plan: AskPlan) -> tuple[object, ...]:
    # A search's stopping prices follow from whom it asks: where others are asked, that is the difference.
    return plan.mode, plan.wait_ns, plan.stagger_ns, plan.accept


@dataclass(frozen=True, slots=True)
class Difference:
    """One round of an order of which the books say different things."""

    order_id: str
    round: int
    at_ns: int
    side: str
    quantity: Decimal
    currency: str
    security_id: str
    name: str
    asset_class: str
    old: Answered
    new: Answered
    differs: tuple[Differs, ...]
    traded: tuple[str, ...] = ()
    """With whom the round has traded then."""
    overridden: tuple[str, ...] = ()
    """Whom a trader asked then, if those were others than the book of then wanted."""


@dataclass(slots=True)
class OfBook:
    """What one book did in the period."""

    rules: Counter[str] = field(default_factory=Counter)
    """Rounds that each rule took."""
    protections: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    """Rounds in which each dealer was asked."""
    by_itself: int = 0
    nobody: int = 0
    with_traded: int = 0
    """Rounds that traded then, and of which everybody that they traded with is asked."""

    as_trader: int = 0
    """Rounds in which a trader asked others than the book of then wanted, and this one wants just those."""

    def count(
        self, answer: Answered, by_hand: bool, traded: tuple[str, ...] = (), overridden: tuple[str, ...] = ()
    ) -> None:
        self.rules[answer.rule] += 1
        self.protections.update(answer.protections)
        self.asked.update(answer.dealers)
        self.nobody += answer.plan is None
        self.as_trader += bool(overridden) and set(overridden) == set(answer.dealers)
        self.with_traded += bool(traded) and set(traded) <= set(answer.dealers)
        self.by_itself += answer.plan is not None and answer.sends_itself and not by_hand

    @property
    def asks(self) -> int:
        return self.asked.total()


@dataclass(slots=True)
class Compared:
    """Two books over a period. Rounds are counted: nearly every order has one."""

    orders: int = 0
    rounds: int = 0
    orders_differing: int = 0
    rounds_differing: int = 0
    kinds: Counter[Differs] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rounds that differ, by the old book's rule and the new one's."""
    found: list[Difference] = field(default_factory=list)
    old: OfBook = field(default_factory=OfBook)
    new: OfBook = field(default_factory=OfBook)
    begin_ns: int = 0
    end_ns: int = 0
    """When the first and the last order of the period were decided."""
    traded: int = 0
    """Rounds that have traded then."""
    overridden: int = 0
    """Rounds in which a trader asked others than the book of then wanted."""
    drawn: int = 0
    """Rounds for which something had been drawn: the same is drawn for both."""
    answered: int = 0
    """How often the rule book was asked in the period, shown again and waiting orders too."""
    as_recorded: int = 0
    """Of those, how often the book of then says the same again."""
    unlike: list[tuple[str, int, str]] = field(default_factory=list)
    """Where it does not: order, time, what differs."""
    skipped: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """The latest answers for an order's round: what was acted on, if anything was."""

    old: Answered
    new: Answered
    by_hand: bool
    drawn: bool
    told: Difference | None


_Key = tuple[str, int]
"""An order and its round."""

BookOf = Callable[[Moment], Book | None]
"""The book that is to decide at a moment; None: the one in force then."""


def compare(
    moments: Iterable[Moment],
    old_of: BookOf,
    new_of: BookOf,
    book_then: Callable[[str], Book | None],
    begin_ns: int,
    skipped: list[tuple[str, str]],
    traded: Mapping[_Key, tuple[str, ...]],
    overridden: Mapping[_Key, tuple[str, ...]],
) -> Compared:
    """What both say at each moment. An order that was looked at again before its round began counts as last looked at.

    Both begin with the protections that were in force when the period began. With whom rounds have `traded`, and whom
    a trader asked instead, is known once the moments are over, and counted beside the answers.
    """
    done = Compared(skipped=skipped)
    held = Held(begin_ns), Held(begin_ns)
    latest: dict[_Key, _Round] = {}
    for moment in moments:
        done.begin_ns = done.begin_ns or moment.at_ns
        done.end_ns = moment.at_ns
        then = book_then(moment.made.book_hash)
        _as_recorded(done, moment, then)
        answers = []
        for book_of, its in zip((old_of, new_of), held, strict=True):
            book = book_of(moment)
            if book is not None:
                answers.append(Answered.by(book, moment.decide(book, its)))
            elif then is not None:
                answers.append(Answered.by(then, moment.made))
        order_id = moment.order.order_id
        if len(answers) < 2:
            skipped.append((order_id, "the rule book of then makes no book any more"))
            continue
        latest[order_id, moment.round] = _round(moment, *answers)
    for key, each in latest.items():
        _count(done, each, traded.get(key, ()), overridden.get(key, ()))
    done.orders = len({order_id for order_id, _ in latest})
    done.orders_differing = len({order_id for (order_id, _), each in latest.items() if each.told is not None})
    done.found.sort(key=lambda each: (each.at_ns, each.order_id))
    return done


def _round(moment: Moment, old: Answered, new: Answered) -> _Round:
    order, by_hand = moment.order, bool(moment.order.manual_reason)
    differs = differences(old, new, by_hand=by_hand)
    choice = moment.made.selection
    told = None
    if differs:
        terms = order.terms
        told = Difference(
            order.order_id,
            moment.round,
            moment.at_ns,
            terms.side.value,
            order.leaves,
            terms.currency,
            terms.security_id,
            moment.desk.securities[terms.security_id].name,
            order.facts.asset_class,
            old,
            new,
            differs,
        )
    return _Round(old, new, by_hand, choice is not None and choice.draw is not None, told)


def _count(done: Compared, each: _Round, traded: tuple[str, ...], overridden: tuple[str, ...]) -> None:
    done.rounds += 1
    done.drawn += each.drawn
    done.traded += bool(traded)
    done.overridden += bool(overridden)
    done.old.count(each.old, each.by_hand, traded, overridden)
    done.new.count(each.new, each.by_hand, traded, overridden)
    if each.told is None:
        return
    done.rounds_differing += 1
    done.kinds.update(each.told.differs)
    done.moved[each.old.rule, each.new.rule] += 1
    if len(done.found) < DIFFERENCES_MAX:
        done.found.append(replace(each.told, traded=traded, overridden=overridden))


def _as_recorded(done: Compared, moment: Moment, then: Book | None) -> None:
    """Does the book of then say again what it said? Else something that it looked at is not as it was."""
    done.answered += 1
    if then is None:
        why = "its rule book makes no book any more"
    elif moment.made.selection is None:
        why = "an older engine kept the words alone"
    else:
        again = moment.decide(then)
        if again == moment.made:
            done.as_recorded += 1
            return
        differs = differences(Answered.by(then, moment.made), Answered.by(then, again), by_hand=False)
        if not differs:
            # The same to a digit or a reason of somebody who is not asked.
            done.as_recorded += 1
            return
        why = f"differs in {', '.join(differs)}"
    if len(done.unlike) < UNLIKE_SHOWN_MAX:
        done.unlike.append((moment.order.order_id, moment.at_ns, why))


def never_taken(names: Iterable[str], taken: Mapping[str, int]) -> list[str]:
    """Rules, or protections, that took no round, in the order of the book."""
    return [name for name in names if not taken.get(name)]
