"""What happened to an order, a line an event, in words: when, who, what. Times are of the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from engine.domain import events as e
from engine.domain.rfq import Quote
from engine.research import words

ENGINE = "engine"


def chronicle(events: Iterable[e.Event]) -> Iterator[tuple[int, str, str]]:
    """(time, who, what) of every event that is of a person's interest, first to last."""
    placed: dict[str, tuple[str, Decimal]] = {}
    for event in events:
        if isinstance(event, e.QuoteAccepted):
            placed[event.placement_id] = (event.dealer, event.price)
        told = _of_order(event) or _of_asking(event) or _of_acceptance(event, placed) or _of_fills(event)
        if told is not None:
            yield event.at_ns, *told


def _of_order(event: e.Event) -> tuple[str, str] | None:
    match event:
        case e.OrderReceived():
            terms = event.terms
            source = f"session {terms.session}" if terms.session else words.by(event.actor)
            held = f"; held as a duplicate of {event.duplicate_of}" if event.duplicate_of else ""
            manual = f"; no rule acts on it: {event.manual_reason}" if event.manual_reason else ""
            return source, f"order to {terms.side.value} {words.amount(terms.quantity)}{held}{manual}"
        case e.DuplicateAllowed():
            return words.by(event.actor), f"the order is meant, though like another one: {event.reason}"
        case e.OrderRated():
            return ENGINE, f"its currency has a rate now: {words.price(event.rate.price)} {event.rate.pair}"
        case e.OrderRecommended():
            plan = event.recommendation.plan
            whom = f"ask {words.listed(list(plan.dealers))}" if plan is not None else "nobody can be asked"
            return ENGINE, f'rule "{event.recommendation.rule}" decides: {whom}'
        case e.OrderReturned():
            return ENGINE, f"back with the trader: {event.reason}"
        case e.SessionsAwaited():
            until = words.moment(event.until_ns)
            return ENGINE, f"waits for {words.listed(list(event.dealers))} to log on, until {until}"
        case e.OrderOverridden():
            before, after = words.listed(list(event.before)), words.listed(list(event.after))
            return words.by(event.actor), f"asks {after} in place of {before}: {event.reason}"
        case e.CancelAsked():
            return (words.by(event.actor) if event.actor else "order's owner"), "asks to cancel the order"
        case e.CancelSettled():
            return ENGINE, f"the cancel came too late: {event.reason}"
        case e.ReplaceAsked():
            return "order's owner", f"wants other terms: {words.amount(event.terms.quantity)}"
        case e.ReplaceSettled():
            return ENGINE, f"the terms stay: {event.reason}"
        case e.OrderReplaced():
            limit = event.terms.limit_price
            told = f"{words.amount(event.terms.quantity)}, {'no limit' if limit is None else words.price(limit)}"
            return "order's owner", f"the terms are others now: {told}"
        case e.OrderCanceled():
            return ENGINE, f"order canceled: {event.reason}"
        case e.OrderExpired():
            return ENGINE, f"order expired: {event.reason}"
        case e.KillSwitched():
            return words.by(event.actor), f"kill switch {event.scope} is {'on' if event.on else 'off'}: {event.reason}"
        case e.InputRefused():
            return ENGINE, f"a message about it could not be handled: {event.error}"
    return None


def _of_asking(event: e.Event) -> tuple[str, str] | None:
    match event:
        case e.RfqOpened():
            return words.by(event.opened_by), f"round {event.round} begins, for {words.amount(event.quantity)}"
        case e.DealerAsked():
            return ENGINE, f"asks {event.dealer}"
        case e.AskAwaited():
            return ENGINE, f"waits for {event.dealer}'s session"
        case e.AskBlocked():
            return ENGINE, f"does not ask {event.dealer}: {event.check}: {event.reason}"
        case e.AskWithheld():
            left = "it never left" if event.never_left else "whether it arrived is not known"
            return ENGINE, f"the request to {event.dealer} counts for nothing: {event.reason}; {left}"
        case e.QuoteReceived():
            return event.dealer, _quoted(event.quote) + (", too late" if event.late else "")
        case e.QuoteWithdrawn():
            return event.dealer, "withdraws its price"
        case e.DealerDeclined():
            return event.dealer, f"declines: {event.reason}" if event.reason else "declines"
        case e.DealerSilent():
            return event.dealer, f"has said nothing in {words.seconds(event.waited_ns)}"
        case e.RfqDeciding():
            return ENGINE, f"no more prices are waited for: {event.reason}"
        case e.TraderAlerted():
            return ENGINE, f"shows the trader {event.dealer}'s price as the best: {event.reason}"
        case e.RfqClosed():
            return ENGINE, f"the round is over: {event.outcome.replace('_', ' ')}"
    return None


def _quoted(quote: Quote) -> str:
    size = f" for {words.amount(quote.quantity)}" if quote.quantity is not None else ""
    told = f"price {words.price(quote.price) or 'none'}{size}"
    return f"{told}; cannot be executed: {quote.problem}" if quote.problem else told


def _of_acceptance(event: e.Event, placed: dict[str, tuple[str, Decimal]]) -> tuple[str, str] | None:
    match event:
        case e.QuoteAccepted():
            much = f"{words.amount(event.quantity)} at {words.price(event.price)}"
            why = f": {event.reason}" if event.reason else ""
            return words.by(event.actor), f"accepts {event.dealer}'s price, {much}{why}"
        case e.AcceptBlocked():
            return ENGINE, f"{event.dealer}'s price is not accepted: {event.check}: {event.reason}"
        case e.AcceptWithheld():
            return ENGINE, f"the acceptance to {_dealer(placed, event)} did not leave: {event.reason}"
        case e.PlacementAcknowledged():
            return _dealer(placed, event), "has the acceptance"
        case e.PlacementDoubted():
            person = "; a person is needed" if event.person_needed else ""
            return (
                ENGINE,
                f"what became of the acceptance to {_dealer(placed, event)} is in doubt: {event.evidence}{person}",
            )
        case e.PlacementEnded():
            who = words.by(event.actor) if event.actor else _dealer(placed, event)
            return who, f"{event.state}: {event.reason}" if event.reason else event.state
        case e.PlacementCancelAsked():
            return ENGINE, f"asks {_dealer(placed, event)} to cancel"
    return None


def _dealer(
    placed: dict[str, tuple[str, Decimal]],
    event: (
        e.AcceptWithheld | e.PlacementAcknowledged | e.PlacementDoubted | e.PlacementEnded | e.PlacementCancelAsked
    ),
) -> str:
    return placed[event.placement_id][0]


def _of_fills(event: e.Event) -> tuple[str, str] | None:
    match event:
        case e.FillBooked():
            fill = event.fill
            way = ", by phone or chat" if fill.manual else ""
            return (
                fill.dealer,
                f"fills {words.amount(fill.quantity)} at {words.price(fill.price)}{way} ({fill.exec_id})",
            )
        case e.FillCanceled():
            return event.fill.dealer, f"takes fill {event.fill.exec_id} back: {event.reason}"
        case e.FillCorrected():
            was, fill = event.was, event.fill
            before = f"{words.amount(was.quantity)} at {words.price(was.price)}"
            return fill.dealer, (
                f"corrects fill {fill.exec_id} from {before} to {words.amount(fill.quantity)} at "
                f"{words.price(fill.price)}: {event.reason}"
            )
        case e.MoneyDiffered():
            ours = words.amount(event.ours)
            return ENGINE, f"{event.field} of {event.exec_id} was sent as {words.amount(event.sent)}, we make it {ours}"
        case e.FillQuarantined():
            return event.dealer, f"a fill is put into quarantine: {event.reason}"
    return None
