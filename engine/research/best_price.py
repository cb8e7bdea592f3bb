"""Each price that was taken, beside the best other one that could be had at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.desk.costs import living
from engine.domain import events as e
from engine.domain.placement import Placement
from engine.domain.rfq import Ask, Quote, Rfq
from engine.market import tca
from engine.research import words
from engine.research.order_story import OrderStory, ended


class Stood(StrEnum):
    """How the taken price stood against the best other one."""

    best = "best"
    equal = "equal"
    worse = "worse"
    alone = "alone"
    """No other price could be executed then."""


@dataclass(frozen=True, slots=True)
class Beside:
    """`bps` is what the taken price was better; `why` a better one was not taken, or why there was no other."""

    placed: Placement
    stood: Stood
    dealer: str = ""
    price: Decimal | None = None
    bps: float | None = None
    why: str = ""
    was_tried: bool = False
    """Of a better price: it had been accepted before, and its dealer did not deal."""

    @property
    def words(self) -> str:
        lead = f"{self.placed.dealer}'s {words.price(self.placed.price)}"
        if self.stood is Stood.alone:
            return f"{lead} was the only price that could be executed when it was taken: {self.why}."
        assert self.bps is not None
        other = f"{self.dealer}'s {words.price(self.price)}"
        if self.stood is Stood.best:
            return f"{lead} was the best: the second best, {other}, was {self.bps:.1f} bp worse."
        if self.stood is Stood.equal:
            return f"{lead} was as good as the best other price, {self.dealer}'s."
        return f"{lead} was NOT the best: {other} was {-self.bps:.1f} bp better; {self.why}."


def beside(story: OrderStory, placed: Placement) -> Beside:
    """What stood beside an acceptance when it was sent."""
    rfq = story.round_of(placed)
    others = [each for each in living(rfq, placed.sent_ns) if each[0] != placed.dealer]
    if not others:
        return Beside(placed, Stood.alone, why=_why_alone(rfq, placed))
    dealer, price = others[0]
    bps = tca.cover_distance_bps(rfq.side.sign, placed.price, price)
    if bps >= 0:
        return Beside(placed, Stood.best if bps > 0 else Stood.equal, dealer, price, bps)
    tried = _tried(story, placed, dealer)
    why = f"it had been accepted before and came to nothing ({ended(tried)})" if tried is not None else ""
    why = why or _why_not(story, rfq, placed, dealer)
    return Beside(placed, Stood.worse, dealer, price, bps, why, tried is not None)


def _tried(story: OrderStory, placed: Placement, dealer: str) -> Placement | None:
    """An acceptance of that dealer's price in the same round, before this one."""
    earlier = story.placements[: story.placements.index(placed)]
    found = [each for each in earlier if (each.rfq_id, each.dealer) == (placed.rfq_id, dealer)]
    return found[-1] if found else None


def _why_not(story: OrderStory, rfq: Rfq, placed: Placement, dealer: str) -> str:
    """Why a better price was not taken, as far as the journal says."""
    switch = story.killed(dealer, placed.sent_ns)
    if switch is not None:
        return f"kill switch {switch.scope} was on ({words.by(switch.actor)}: {switch.reason})"
    for event in story.events:
        if not isinstance(event, e.AcceptBlocked) or event.at_ns > placed.sent_ns:
            continue
        if (event.rfq_id, event.dealer) == (rfq.rfq_id, dealer):
            return f"it was kept back by a check ({event.check}): {event.reason}"
    accepted = (each for each in story.events if isinstance(each, e.QuoteAccepted))
    actor = next((each.actor for each in accepted if each.placement_id == placed.placement_id), "")
    if actor.startswith("person:"):
        return f"{words.by(actor)} chose, and the journal has no reason"
    return "the journal does not say why"


def _why_alone(rfq: Rfq, placed: Placement) -> str:
    """Why nobody else's price could be had: what became of the others who were asked."""
    over = _over_by_then(rfq, placed)
    if over:
        return over
    others = [ask for ask in rfq.asks if ask.dealer != placed.dealer]
    if not others:
        return "no other dealer was asked"
    return "; ".join(f"{ask.dealer} {_without_a_price(ask, placed.sent_ns)}" for ask in others)


def _without_a_price(ask: Ask, at_ns: int) -> str:
    before = [quote for quote in ask.quotes if quote.received_ns <= at_ns]
    if before and before[-1].problem:
        return f"gave none that could be executed ({before[-1].problem})"
    if any(quote.received_ns > at_ns for quote in ask.quotes):
        return "answered later"
    if ask.asked_ns > at_ns:
        return "was asked later"
    if ask.declined_ns and ask.declined_ns <= at_ns:
        return "declined"
    return "had said nothing" if ask.quote_req_id else "was not asked"


def _over_by_then(rfq: Rfq, placed: Placement) -> str:
    """The best price of another dealer that could not be had any more; empty where there was none."""
    found: list[tuple[Decimal, str, Quote]] = [
        (quote.price * rfq.side.sign, ask.dealer, quote)
        for ask in rfq.asks
        for quote in ask.quotes
        if ask.dealer != placed.dealer
        and quote.price is not None
        and not quote.problem
        and quote.received_ns <= placed.sent_ns
    ]
    if not found:
        return ""
    _, dealer, quote = min(found, key=lambda each: each[:2])
    assert quote.price is not None
    bps = tca.cover_distance_bps(rfq.side.sign, placed.price, quote.price)
    how = "as good" if bps == 0 else f"{abs(bps):.1f} bp {'worse' if bps > 0 else 'better'}"
    until = quote.firm_until_ns
    gone = "withdrawn" if quote.withdrawn or until is None else f"over since {words.clock(until, placed.sent_ns)}"
    return f"{dealer}'s {words.price(quote.price)}, {how}, was {gone}"
