"""What was seen of a round: the value that everything which is learnt of dealers begins with, made from the state.

`observe` records it as the round ends, `Amending` what is learnt later: an answer in its time or after it, a request
that turns out not to have arrived, a late last word on an acceptance. `settle` closes the time of those who had not
spoken when the round was over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.desk.draft import Draft
from engine.desk.gate.risk import exposure_of
from engine.desk.learning import settled
from engine.desk.round.quotes import NO_PERCENT, too_small
from engine.desk.state import DeskState
from engine.desk.state_rows import override_key
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.observation import Answer, AskSeen, BondSeen, ChosenBy, Protocol, RoundSeen, Taken
from engine.domain.order import ZERO, Order
from engine.domain.placement import Placement, PlacementState
from engine.domain.rfq import Ask, AskState, Quote, Rfq
from engine.domain.rows import changed
from engine.rules.plan import Mode

PROTOCOLS: Final[Mapping[Mode, Protocol]] = {
    Mode.PARALLEL: Protocol.parallel,
    Mode.STAGGER: Protocol.stagger,
    Mode.ONE_AT_A_TIME: Protocol.sequence,
}

SESSION_WAS_DOWN: Final = "session: down when the wait was over, the request is in doubt"
"""Why a dealer that gave no answer is no observation: nobody was listening."""
_NOT_ASKED: Final = (AskState.blocked, AskState.withheld, AskState.not_delivered)
_NO_WORD_OF_ITS: Final = (
    PlacementState.withheld,
    PlacementState.undelivered,
    PlacementState.forced,
    PlacementState.busted,
)
"""Ends of an acceptance that say nothing of the dealer: it never had it, a person gave up, the trade was taken back."""
_AVERAGE: Final = Decimal("1e-8")
"""A mean of prices has no end."""


def observe(draft: Draft, rfq_id: str) -> None:
    """Record what was seen of a round that has just ended, and have marks follow it."""
    seen = round_seen(draft, draft.state.rfqs[rfq_id])
    _say_drift(draft, seen)
    # Where nobody was asked nobody may have told anybody: no mark follows.
    day_ends = draft.desk.day_ends_of(seen.bond.security_id, draft.now_ns) if seen.asks else ()
    draft.record(e.RoundObserved(draft.now_ns, seen, day_ends))
    draft.wake(Timer(TimerKind.marks, rfq_id))


def settle(draft: Draft, rfq_id: str) -> None:
    """Whose time is over in a round that ended before it: silent, or nobody knows, if its session is down."""
    known = draft.state.marks_due.get(rfq_id)
    if known is None or not known.settle_ns or draft.now_ns < known.settle_ns:
        return
    rfq = draft.state.rfqs[rfq_id]
    was = _asks_so_far(draft.state, rfq)
    for ask in rfq.asks:
        if ask.state is AskState.asked and known.settle_ns <= ask.wait_until_ns <= draft.now_ns:
            dealer = draft.desk.dealers.get(ask.dealer)
            if dealer is None or not draft.session_up(dealer.session):
                draft.record(e.AskWithheld(draft.now_ns, rfq_id, ask.dealer, SESSION_WAS_DOWN, never_left=False))
    now = asks_seen(draft.state, draft.state.rfqs[rfq_id], draft.now_ns)
    _amend(draft, rfq_id, was, now, "their time is over", settles=True)


class Amending:
    """What was seen of a round, before something is learnt; `done` records what that changes, if the round was over."""

    __slots__ = ("_draft", "_rfq_id", "_was")

    def __init__(self, draft: Draft, rfq_id: str) -> None:
        self._draft, self._rfq_id = draft, rfq_id
        rfq = draft.state.rfqs.get(rfq_id)
        self._was: tuple[AskSeen, ...] | None = None
        if rfq is not None and not rfq.open:
            settle(draft, rfq_id)
            self._was = _asks_so_far(draft.state, draft.state.rfqs[rfq_id])

    def done(self, reason: str) -> None:
        if self._was is not None:
            now = _asks_so_far(self._draft.state, self._draft.state.rfqs[self._rfq_id])
            _amend(self._draft, self._rfq_id, self._was, now, reason)


def _amend(
    draft: Draft,
    rfq_id: str,
    was: tuple[AskSeen, ...],
    now: tuple[AskSeen, ...],
    reason: str,
    *,
    settles: bool = False,
) -> None:
    """Record what has changed; nothing where all is as it was."""
    before, after = {each.dealer: each for each in was}, {each.dealer: each for each in now}
    was = tuple(each for each in was if after.get(each.dealer) != each)
    now = tuple(each for each in now if before.get(each.dealer) != each)
    if was or now or settles:
        rfq = draft.state.rfqs[rfq_id]
        left = _left(draft.state.orders[rfq.order_id])
        if any(not each.pending for each in now):
            _say_drift(draft, changed(round_seen(draft, rfq), asks=now))
        draft.record(e.RoundAmended(draft.now_ns, rfq_id, rfq.round, was, now, left, reason, settles))
        draft.wake(Timer(TimerKind.marks, rfq_id))


def _say_drift(draft: Draft, seen: RoundSeen) -> None:
    """Whoever is not what it was any more, by what is about to be learnt of this round."""
    for found in draft.desk.learning.estimates.drifts(settled(seen)):
        draft.record(
            e.DealerDrifted(
                draft.now_ns, found.dealer, found.measure.value, found.before, found.since, found.observations
            )
        )


# --- a round --------------------------------------------------------------------------------------


def round_seen(draft: Draft, rfq: Rfq) -> RoundSeen:
    """The round as it stands now, over."""
    state, order = draft.state, draft.state.orders[rfq.order_id]
    terms, facts = order.terms, order.facts
    asks = asks_seen(state, rfq, draft.now_ns)
    accepted = _acceptances(state, rfq)
    first = accepted[0] if accepted else None
    return RoundSeen(
        source="",
        rfq_id=rfq.rfq_id,
        round=rfq.round,
        parent_id=order.order_id,
        sent_ns=min((ask.sent_ns for ask in asks), default=rfq.opened_ns),
        closed_ns=draft.now_ns,
        bond=_bond(draft, order),
        segment=facts.segment,
        side=rfq.side,
        quantity=rfq.quantity,
        residual=_left(order),
        protocol=PROTOCOLS[rfq.plan.mode],
        n_asked=len(asks),
        asks=asks,
        limit_price=terms.limit_price,
        informed=_informed(draft, order, rfq),
        adv=facts.adv_30d,
        volatility_bps=facts.volatility_bps,
        decided_ns=first.sent_ns if first is not None else draft.now_ns,
        mark_decision=first.mark if first is not None else draft.mark_of(terms.security_id),
        index_decision=first.index if first is not None else draft.index_of(facts.segment),
        cover=cover_of(rfq, asks),
        p_panel=_panel_p(state, rfq),
        is_drawn=_is_drawn(state, rfq),
        worth=facts.worth,
    )


def _left(order: Order) -> Decimal:
    """Of the parent, whatever became of it."""
    return order.terms.quantity - order.filled


def _informed(draft: Draft, order: Order, rfq: Rfq) -> int:
    """Dealers that know of the exposure, but for those that this round told."""
    told = sum(not ask.knew for ask in rfq.asks if ask.state is not AskState.blocked)
    return max(0, len(exposure_of(draft, order).dealers) - told)


def _bond(draft: Draft, order: Order) -> BondSeen:
    security, facts = draft.desk.securities.get(order.terms.security_id), order.facts
    if security is None:
        return BondSeen(order.terms.security_id, facts.issuer, facts.asset_class, rating=facts.rating)
    return BondSeen(
        security.security_id,
        facts.issuer,
        facts.asset_class,
        security.sector or security.purpose or "",
        facts.rating,
        security.maturity,
        security.coupon_pct,
    )


def cover_of(rfq: Rfq, asks: Iterable[AskSeen]) -> Decimal | None:
    """The second-best price that could be executed for the whole; None where fewer than two dealers gave one."""
    whole = [each for each in asks if each.answer is Answer.quote and (each.quantity or ZERO) >= rfq.quantity]
    prices = [each.price for each in whole if each.price is not None]
    return sorted(prices, key=lambda price: price * rfq.side.sign)[1] if len(prices) > 1 else None


def _panel_p(state: DeskState, rfq: Rfq) -> float | None:
    if state.overrides.get(override_key(rfq.order_id, rfq.round)) is not None:
        return None
    advice = state.recommendations.get(rfq.order_id)
    return advice.selection.panel_p if advice is not None and advice.selection is not None else None


def _is_drawn(state: DeskState, rfq: Rfq) -> bool:
    """Was it the panel that was chosen that was asked, as far as the round went?"""
    return _panel_p(state, rfq) is not None and not any(ask.state in _NOT_ASKED for ask in rfq.asks)


# --- those who were asked -------------------------------------------------------------------------


def asks_seen(state: DeskState, rfq: Rfq, until_ns: int | None) -> tuple[AskSeen, ...]:
    """Everybody who was asked, in order. Who has not spoken and has time beyond `until_ns` may still; None: nobody."""
    chosen = _chosen(state, rfq)
    accepted = {each.dealer: each for each in _acceptances(state, rfq)}
    made = [ask for ask in rfq.asks if ask.state is not AskState.blocked]
    seen: list[AskSeen] = []
    for place, ask in enumerate(made, 1):
        if ask.state in _NOT_ASKED:
            continue
        pending = until_ns is not None and ask.state is AskState.asked and ask.wait_until_ns > until_ns
        chosen_by, p = (ask.chosen_by, ask.p) if ask.chosen_by is not None else chosen(ask.dealer)
        seen.append(_ask_seen(state, rfq, ask, place, accepted.get(ask.dealer), chosen_by, p, pending))
    return tuple(seen)


def _asks_so_far(state: DeskState, rfq: Rfq) -> tuple[AskSeen, ...]:
    """As the events have told of them: pending until a settling one says otherwise."""
    known = state.marks_due.get(rfq.rfq_id)
    settle_ns = known.settle_ns if known is not None else 0
    return asks_seen(state, rfq, settle_ns - 1 if settle_ns else None)


def _acceptances(state: DeskState, rfq: Rfq) -> list[Placement]:
    """Of this round, first to last."""
    return [each for each in state.placements_of(rfq.order_id) if each.rfq_id == rfq.rfq_id]


def _chosen(state: DeskState, rfq: Rfq) -> Callable[[str], tuple[ChosenBy, float | None]]:
    """Who put a dealer on the list, and with what probability."""
    advice = state.recommendations.get(rfq.order_id)
    selection = advice.selection if advice is not None else None
    if state.overrides.get(override_key(rfq.order_id, rfq.round)) is not None:
        return lambda dealer: (ChosenBy.trader, None)
    if selection is None:
        return lambda dealer: (ChosenBy.rule, None)
    chances = dict(zip(selection.candidates, selection.inclusion_p, strict=True))
    explored = selection.explored
    return lambda dealer: (ChosenBy.explored if dealer == explored else ChosenBy.rule, chances.get(dealer))


def _ask_seen(
    state: DeskState,
    rfq: Rfq,
    ask: Ask,
    place: int,
    accepted: Placement | None,
    chosen_by: ChosenBy,
    p: float | None,
    pending: bool,
) -> AskSeen:
    in_time = [quote for quote in ask.quotes if quote.received_ns < ask.wait_until_ns]
    quote = _the_price(in_time, accepted, rfq)
    passed = 0 < ask.declined_ns < ask.wait_until_ns
    answer, answered_ns = Answer.none, None
    if quote is not None:
        executable = _is_executable(quote, rfq)
        answer = Answer.quote if executable else Answer.indicative
        answered_ns = (ask.firm_ns if executable and not quote.problem else ask.priced_ns) or quote.received_ns
        answered_ns = min(answered_ns, quote.received_ns)
    elif passed or in_time:
        answer = Answer.passed
        answered_ns = ask.declined_ns if passed else in_time[0].received_ns
    comparable = quote is not None and quote.problem != NO_PERCENT and not quote.problem.startswith("for ")
    crossed = quote is not None and quote.problem.startswith("crossed")
    too_late = [each.received_ns for each in ask.quotes if each.received_ns >= ask.wait_until_ns]
    if ask.declined_ns >= ask.wait_until_ns:
        too_late.append(ask.declined_ns)
    late = answer is Answer.none and bool(too_late)
    if late:
        answered_ns = min(too_late)
    reason = ""
    if answer is Answer.passed:
        reason = ask.note if passed else in_time[-1].problem
    return AskSeen(
        dealer=ask.dealer,
        position=place,
        sent_ns=ask.asked_ns,
        deadline_ns=ask.wait_until_ns,
        answer=answer,
        answered_ns=answered_ns,
        late=late,
        withdrawn=quote is not None and quote.withdrawn,
        pass_reason=reason,
        price=quote.price if quote is not None and comparable else None,
        quantity=(quote.quantity or rfq.quantity) if quote is not None else None,  # Without a size for the whole.
        valid_until_ns=quote.firm_until_ns if quote is not None else None,
        edge_bps=quote.edge_bps if quote is not None and comparable and not crossed else None,
        mark_sent=ask.mark,
        index_sent=ask.index,
        mark_answered=quote.mark if quote is not None else None,
        chosen_by=chosen_by,
        p=p,
        priced_ns=quote.received_ns if quote is not None else None,
        pending=pending,
        **(_what_came_of(state, accepted) if accepted is not None else {}),
    )


def _the_price(in_time: Sequence[Quote], accepted: Placement | None, rfq: Rfq) -> Quote | None:
    """The accepted one, else the last that could be executed, else the last."""
    priced = [quote for quote in in_time if quote.price is not None]
    if accepted is not None:
        for quote in reversed(priced):
            if quote.quote_id == accepted.quote_id:
                return quote
    executable = [quote for quote in priced if _is_executable(quote, rfq)]
    found = executable or priced
    return found[-1] if found else None


def _is_executable(quote: Quote, rfq: Rfq) -> bool:
    """Could it be executed, if only for a part of what was asked for?"""
    if not quote.problem:
        return True
    return quote.quantity is not None and quote.problem == too_small(quote.quantity, rfq.quantity)


def _what_came_of(state: DeskState, accepted: Placement) -> dict[str, Any]:
    """Of an acceptance of a dealer's quote; nothing where it says nothing of the dealer."""
    if accepted.state in _NO_WORD_OF_ITS and not accepted.filled:
        return {}
    taken = Taken.no
    if accepted.filled >= accepted.quantity:
        taken = Taken.filled
    elif accepted.filled and not accepted.unanswered:
        taken = Taken.partial
    elif accepted.state is PlacementState.rejected or (
        accepted.state is PlacementState.canceled and not accepted.cancel_id
    ):
        taken = Taken.rejected
    return {
        "taken": taken,
        "accepted_ns": accepted.sent_ns,
        "mark_accepted": accepted.mark,
        "decided_ns": accepted.ended_ns or None,
        "mark_decided": accepted.ended_mark,
        "reject_reason": accepted.note if taken is Taken.rejected else "",
        "filled": accepted.filled,
        "fill_price": _average_price(state, accepted),
    }


def _average_price(state: DeskState, accepted: Placement) -> Decimal | None:
    fills = [fill for fill in state.fills_of(accepted.order_id) if fill.placement_id == accepted.placement_id]
    if not fills:
        return None
    if len(fills) == 1:
        return fills[0].price
    price: Decimal = sum((fill.quantity * fill.price for fill in fills), ZERO) / accepted.filled
    return price.quantize(_AVERAGE).normalize()
