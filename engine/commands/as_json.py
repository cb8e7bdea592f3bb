"""The desk's values as plain dictionaries: what an answer over the admin socket is made of.

Amounts and prices are text, so that no reader makes a float of them; bps and scores are numbers; times are UTC text
to the millisecond, durations seconds. What is unknown is null, never zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.clock import NS_PER_S, iso_timestamp
from engine.commands import selected
from engine.dealers.book import Dealer
from engine.dealers.stats import METRICS
from engine.desk.draft import Draft
from engine.desk.explaining import tell
from engine.desk.round import asking
from engine.desk.round.quotes import live_quotes
from engine.desk.setting import Desk
from engine.desk.settlement import settlement_of
from engine.desk.state_rows import BookedFill, PendingReversion, override_key
from engine.domain.axe import Axe
from engine.domain.events import OrderOverridden
from engine.domain.exchange import RateUsed, converted
from engine.domain.order import MarkUsed, Order, OrderFacts
from engine.domain.placement import Placement
from engine.domain.recommendation import DealerLine, Recommendation, ScorePart
from engine.domain.rfq import Ask, AskPlan, ExecutePlan, Quote, Rfq, RfqState
from engine.market.tca import price_improvement_bps
from engine.rules.plan import Tolerance

Plain = dict[str, Any]


def amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def at(utc_ns: int | None) -> str | None:
    """A time; None for none, and for the 0 that stands for never."""
    return iso_timestamp(utc_ns) if utc_ns else None


def seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 3)


def bps(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# --- dealers -------------------------------------------------------------------------------------


def paused(draft: Draft, dealer: Dealer) -> Plain:
    """Is it asked? What the file says and what a person said: the stricter holds."""
    pause = draft.state.pauses.get(dealer.id)
    by = None
    if pause is not None:
        by = {"on": pause.on, "actor": pause.actor, "reason": pause.reason, "since": at(pause.since_ns)}
    person = pause is not None and pause.on
    return {"paused": dealer.paused or person, "paused_by_file": dealer.paused, "paused_by_person": by}


def axe(desk: Desk, known: Axe) -> Plain:
    """One interest; `side` is what the dealer wants to do, `serves` the side of an order that it is of use to."""
    security = desk.securities.get(known.security_id)
    return {
        "dealer": known.dealer,
        "axe_id": known.axe_id,
        "security": known.security_id,
        "name": security.name if security is not None else None,
        "side": known.side.value,
        "serves": known.desk_side.value,
        "quantity": amount(known.quantity),
        "size": known.size.value if known.size is not None else None,
        "price": amount(known.price),
        "quality": known.quality.value if known.quality is not None else None,
        "since": at(known.since_ns),
        "until": at(known.until_ns),
        "source": known.source,
    }


# --- orders --------------------------------------------------------------------------------------


def order_line(draft: Draft, order: Order) -> Plain:
    """One order in a list: its terms, where it stands, and the best price that can be had for it now."""
    terms = order.terms
    security = draft.desk.securities.get(terms.security_id)
    advice = draft.state.recommendations.get(order.order_id)
    return {
        "order": order.order_id,
        "state": order.state.value,
        "side": terms.side.value,
        "security": terms.security_id,
        "name": security.name if security is not None else None,
        "quantity": amount(terms.quantity),
        "filled": amount(order.filled),
        "leaves": amount(order.leaves),
        "average_price": amount(_rounded(order.average_price)) if order.filled else None,
        "limit": amount(terms.limit_price),
        "currency": terms.currency,
        "account": terms.account,
        "source": terms.session or f"trader {terms.trader}",
        "cl_ord_id": terms.cl_ord_id,
        "received": at(order.received_ns),
        "rule": advice.rule if advice is not None else None,
        "rfq": order.rfq_id or None,
        "rounds": order.rounds,
        "cancel_pending": order.open and bool(order.cancel_cl_ord_id),
        "replace_pending": order.open and order.wanted is not None,
        "note": order.note,
        "best": _best(draft, order),
    }


def _settlement_asked(draft: Draft, order: Order) -> str | None:
    """The day of settlement that was asked for, of so many days after the trade that of a trade of now; else None.

    Once the order has ended there is no trade of now: its fills have their own days.
    """
    terms = order.terms
    if not terms.settl_date and (terms.settl_days is None or not order.open):
        return None
    return settlement_of(draft.desk, terms, draft.now_ns).isoformat()


def order_story(draft: Draft, order: Order) -> Plain:
    """Everything about one order, in the order it happened."""
    terms, facts = order.terms, order.facts
    advice = draft.state.recommendations.get(order.order_id)
    placements = draft.state.placements_of(order.order_id)
    return {
        **order_line(draft, order),
        "tif": terms.tif.value,
        "handling": terms.handling.value,
        "expires": at(terms.expire_ns),
        "settlement": _settlement_asked(draft, order),
        "noted": list(terms.noted),
        "manual_reason": order.manual_reason or None,
        "duplicate_of": order.duplicate_of or None,
        "arrival": mark(order.arrival),
        "facts": {
            "issuer": facts.issuer,
            "asset_class": facts.asset_class,
            "segment": facts.segment,
            "rating": facts.rating,
            "adv_30d": amount(facts.adv_30d),
            "liquidity_score": facts.liquidity_score,
            "by_size": by_size(facts),
            "rate": rate(facts.rate),
        },
        "base_currency": draft.desk.base_currency,
        "size": _size(draft, order),
        "recommendation": recommendation(draft.desk, advice) if advice is not None else None,
        "rfqs": [rfq(draft, each) for each in draft.state.rounds_of(order.order_id)],
        "placements": [placement(each) for each in placements],
        "fills": [fill(draft, order, each) for _, each in draft.state.executions_of(order.order_id)],
    }


def _size(draft: Draft, order: Order) -> str | None:
    """What the whole order comes to in the base currency, at the rate when it came; None where nobody knew it."""
    if order.facts.rate is None and order.terms.currency != draft.desk.base_currency:
        return None
    return amount(converted(order.terms.quantity, order.facts.worth))


def rate(used: RateUsed | None) -> Plain | None:
    """What the order's currency was worth, and by whose word."""
    if used is None:
        return None
    return {
        "worth": amount(used.worth),
        "pair": used.pair,
        "price": amount(used.price),
        "source": used.source,
        "age_s": seconds(used.age_ns),
    }


def by_size(facts: OrderFacts) -> Plain:
    """What an order of its size is expected to cost by the bond alone: half a spread, and what it moves by itself."""
    impact = None
    if facts.impact_bps is not None:
        low, high = facts.impact_low_bps, facts.impact_high_bps
        impact = {"bps": bps(facts.impact_bps), "low_bps": bps(low), "high_bps": bps(high)}
    return {
        "half_spread_bps": bps(facts.half_spread_bps),
        "impact": impact,
        "cost_bps": bps(facts.cost_bps),
        "adv_30d": amount(facts.adv_30d),
        "volatility_bps": bps(facts.volatility_bps),
    }


# --- recommendations -----------------------------------------------------------------------------


def recommendation(desk: Desk, advice: Recommendation, *, with_numbers: bool = False) -> Plain:
    """A recommendation in words; with the numbers of a selection that was made by them, or whose are wanted."""
    told, made = tell(desk.book_of, advice), advice.selection
    numbers: Plain = {}
    if made is not None and (with_numbers or made.expected is not None):
        numbers = selected.selection(made, {line.dealer: line.reason for line in told.lines})
    return {
        "rule": advice.rule,
        "sends": "automatically" if advice.sends_itself else "after approval",
        "plan": plan(advice.plan) if advice.plan is not None else None,
        "problem": told.problem or None,
        "notes": list(told.notes),
        "protections": list(advice.protections),
        "lines": [dealer_line(line) for line in told.lines],
        "axes": [axe(desk, each) for each in advice.axes],
        "trace": list(told.trace),
        "book_hash": advice.book_hash,
        "scoring_hash": advice.scoring_hash,
        **numbers,
    }


def dealer_line(line: DealerLine) -> Plain:
    return {
        "dealer": line.dealer,
        "chosen": line.chosen,
        "rank": line.rank,
        "score": line.score,
        "parts": [_part(part) for part in line.parts],
        "reason": line.reason,
    }


def _part(part: ScorePart) -> Plain:
    return {
        "metric": part.metric,
        "value": part.value,
        "unit": METRICS[part.metric].unit.value if part.metric in METRICS else None,
        "transformed": part.transformed,
        "weight": part.weight,
        "contribution": part.contribution,
        "source": part.source,
    }


def plan(asked: AskPlan) -> Plain:
    return {
        "mode": asked.mode.value,
        "dealers": list(asked.dealers),
        "wait_s": seconds(asked.wait_ns),
        "stagger_s": seconds(asked.stagger_ns) or None,
        "accept": _tolerance(asked.accept) if asked.accept is not None else None,
        "execute": _execute(asked.execute),
        **({"stops_bps": list(asked.stops_bps)} if asked.stops_bps else {}),
    }


def _tolerance(tolerance: Tolerance) -> str:
    return f"within {tolerance.value:f} {tolerance.unit.value} of fair"


def _execute(execute: ExecutePlan) -> str:
    if not execute.automatic:
        return "by trader"
    words = "automatically"
    if execute.tolerance is not None:
        words += f" when {_tolerance(execute.tolerance)}"
    if execute.quotes_min > 1:
        words += f" and at least {execute.quotes_min} quotes"
    return words + (", else ask trader" if execute.else_ask_trader else "")


# --- asking and executing ------------------------------------------------------------------------


def rfq(draft: Draft, asked: Rfq) -> Plain:
    live = [quote for _, quote in live_quotes(asked, draft.now_ns, draft.desk.clocks.guard_ns)] if asked.open else []
    override = draft.state.overrides.get(override_key(asked.order_id, asked.round))
    return {
        "rfq": asked.rfq_id,
        "round": asked.round,
        "opened_by": asked.opened_by,
        "override": _override(override) if override is not None else None,
        "state": asked.state.value,
        "outcome": asked.outcome or None,
        "opened": at(asked.opened_ns),
        "quantity": amount(asked.quantity),
        "plan": plan(asked.plan),
        "fair": mark(asked.fair),
        "decide_until": at(asked.decide_until_ns) if asked.state is RfqState.deciding else None,
        "asks": [_ask(each, live) for each in asked.asks],
        **({"waits_for": waits_for} if (waits_for := asking.waits_for(draft, asked)) else {}),
    }


def _override(override: OrderOverridden) -> Plain:
    return {
        "actor": override.actor,
        "reason": override.reason,
        "before": list(override.before),
        "after": list(override.after),
        "past_protections": list(override.past_protections),
    }


def _ask(ask: Ask, live: list[Quote]) -> Plain:
    return {
        "dealer": ask.dealer,
        "state": ask.state.value,
        "asked": at(ask.asked_ns),
        "wait_until": at(ask.wait_until_ns),
        "note": ask.note or None,
        "quotes": [_quote(quote, quote in live) for quote in ask.quotes],
    }


def _quote(quote: Quote, live: bool) -> Plain:
    return {
        "quote_id": quote.quote_id,
        "price": amount(quote.price),
        "bid": amount(quote.bid),
        "offer": amount(quote.offer),
        "quantity": amount(quote.quantity),
        "kind": quote.kind.value,
        "received": at(quote.received_ns),
        "latency_s": seconds(quote.latency_ns),
        "firm_until": at(quote.firm_until_ns),
        "edge_bps": bps(quote.edge_bps),
        "live": live,
        "problem": quote.problem or ("withdrawn" if quote.withdrawn else None),
        "taken": quote.spent,
    }


def placement(placed: Placement) -> Plain:
    return {
        "placement": placed.placement_id,
        "rfq": placed.rfq_id,
        "dealer": placed.dealer,
        "state": placed.state.value,
        "quantity": amount(placed.quantity),
        "price": amount(placed.price),
        "filled": amount(placed.filled),
        "quote_id": placed.quote_id,
        "sent": at(placed.sent_ns),
        "evidence": placed.evidence or None,
        "status_asks": placed.status_asks,
        "person_needed": placed.person_needed,
        "cancel_asked": bool(placed.cancel_id),
    }


def fill(draft: Draft, order: Order, booked: BookedFill) -> Plain:
    """One execution with what it cost: against arrival, and what the market did afterwards."""
    done = booked.fill
    arrival = order.arrival
    improvement = None
    if arrival is not None and arrival.price > 0:
        improvement = price_improvement_bps(order.terms.side.sign, done.price, arrival.price)
    pending = draft.state.reversions.get(done.exec_id)
    return {
        "exec_id": done.exec_id,
        "dealer": done.dealer,
        "dealer_exec_id": done.dealer_exec_id,
        "quantity": amount(done.quantity),
        "price": amount(done.price),
        "trade_date": done.trade_date,
        "settl_date": done.settl_date,
        "accrued": amount(done.accrued),
        "gross": amount(done.gross),
        "net": amount(done.net),
        "computed": list(done.computed),
        "manual": done.manual,
        "canceled": booked.canceled,
        "corrected": bool(done.told_as),
        "improvement_bps": bps(improvement),
        "reversion": _reversion(pending) if pending is not None else None,
    }


def _reversion(pending: PendingReversion) -> Plain:
    return {
        "due": at(pending.due_ns),
        "done": pending.done,
        "bps": bps(pending.reversion_bps),
        "reason": pending.reason or None,
    }


def mark(used: MarkUsed | None) -> Plain | None:
    if used is None:
        return None
    return {
        "price": amount(used.price),
        "source": used.source,
        "age_s": seconds(used.age_ns),
        "quality": used.quality,
        "sd_bps": used.sd_bps,
    }


def _best(draft: Draft, order: Order) -> Plain | None:
    asked = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if asked is None or asked.state not in (RfqState.asking, RfqState.deciding):
        return None
    live = live_quotes(asked, draft.now_ns, draft.desk.clocks.guard_ns)
    if not live:
        return None
    ask, quote = live[0]
    return {
        "dealer": ask.dealer,
        "price": amount(quote.price),
        "edge_bps": bps(quote.edge_bps),
        "firm_until": at(quote.firm_until_ns),
        "quotes": len(live),
    }


def _rounded(price: Decimal) -> Decimal:
    """An average has more digits than anybody reads."""
    return round(price, 6).normalize() if price != price.to_integral_value() else price
