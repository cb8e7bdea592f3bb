"""Executing: the best live quote taken by a trader's one action or by the rule. What comes of it is `answers`."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.clock import NS_PER_S
from engine.desk.draft import Draft
from engine.desk.gate import risk
from engine.desk.gate.risk import Blocked
from engine.desk.gate.size import rate_or_none
from engine.desk.order.reporting import return_to_trader
from engine.desk.returning import may_return
from engine.desk.round.quotes import fair_enough, live_quotes
from engine.desk.round.seen import Amending
from engine.desk.settlement import settlement_of_quote
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import AcceptQuote
from engine.domain.order import Order, OrderState
from engine.domain.rfq import Ask, Quote, Rfq, RfqState
from engine.errors import CommandError
from engine.market.calendars import wire_date

TAKEN_AHEAD_NS: Final = NS_PER_S // 2
"""A rule that waits for a better quote takes the one it can have so long before that one is over."""


def take_best(draft: Draft, rfq_id: str) -> None:
    """A round that is deciding: the rule executes, the trader is alerted, or it ends without a trade."""
    rfq = draft.state.rfqs[rfq_id]
    order = draft.state.orders[rfq.order_id]
    draft.wake(Timer(TimerKind.rfq, rfq_id))
    live = _live(draft, order, rfq)
    if not live.takeable:
        if draft.now_ns < rfq.decide_until_ns and live.awaited:
            return
        stopped = live.stopped_by
        reason = f"kill switch {stopped} is on" if stopped else f"no executable quote: {_answers(draft, rfq)}"
        return_to_trader(draft, order, reason)
        return
    if draft.now_ns >= rfq.decide_until_ns:
        reason = f"nobody executed: {len(live.takeable)} quote(s) left to be taken by a person"
        return_to_trader(draft, order, reason)
        return
    execute, best = rfq.plan.execute, live.takeable[0]
    # Once the trader was asked, the rest of the round is the trader's: the rule does not act behind a person's back.
    if not execute.automatic or order.manual_reason or rfq.alerted:
        _alert(draft, rfq, best, _and_better(f"best of {len(live.takeable)}", live))
        return
    if stopped := draft.state.rules_stopped():
        _alert(draft, rfq, best, _and_better(stopped, live))
        return
    if _is_worth_a_wait(draft, order, rfq, live):
        return
    reason = _against_automatic(draft, rfq, live.takeable)
    if reason == "":
        blocked = _accept(draft, order, rfq, *best, actor="rule", by_rule=True)
        reason = "" if blocked is None else f"risk {blocked.check}: {blocked.reason}"
    if reason and execute.else_ask_trader:
        _alert(draft, rfq, best, _and_better(reason, live))
    elif reason:
        return_to_trader(draft, order, f"not executed by the rule: {reason}")


def next_look_ns(rfq: Rfq, expire_ns: int | None, guard_ns: int, now_ns: int) -> int:
    """When a round that is deciding has to be looked at again.

    One that waits for a session is so as each of its quotes ends, and while the best that can be had is still there.
    """
    looks = [rfq.decide_until_ns]
    if not rfq.alerted:
        for _, quote in live_quotes(rfq, now_ns, guard_ns):
            looks += [_last_chance_ns(rfq, quote, expire_ns, guard_ns)]
            looks += [quote.firm_until_ns - guard_ns] if quote.firm_until_ns is not None else []
    return min((each for each in looks if each > now_ns), default=rfq.decide_until_ns)


def execute(draft: Draft, order: Order, dealer: str | None, *, actor: str, reason: str = "") -> str:
    """The trader's one action: the best quote, or the named dealer's. The ClOrdID(11) it left under.

    `reason` is why a quote is taken that is better than fair by more than the collar.
    Raises CommandError when there is nothing to execute or the gate says no.
    """
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if rfq is None or not _quotes_stand(order, rfq):
        raise CommandError(f"order {order.order_id} has no quotes to execute: it is {order.state}")
    live = _live(draft, order, rfq)
    chosen = [entry for entry in live.takeable if dealer in (None, entry[0].dealer)]
    if not chosen:
        who = dealer or "any dealer"
        stopped = f" (kill switch {live.stopped_by} is on)" if live.stopped_by else ""
        raise CommandError(f"no executable quote of {who} on {rfq.rfq_id}{stopped}: {_answers(draft, rfq)}")
    if rfq.state is RfqState.asking:
        draft.record(e.RfqDeciding(draft.now_ns, rfq.rfq_id, draft.now_ns, f"{actor} decided before all had answered"))
        rfq = draft.state.rfqs[rfq.rfq_id]
    blocked = _accept(draft, order, rfq, *chosen[0], actor=actor, by_rule=False, reason=reason)
    if blocked is not None:
        raise CommandError(f"risk {blocked.check}: {blocked.reason}", code="risk")
    return draft.state.orders[order.order_id].placement_id


def _quotes_stand(order: Order, rfq: Rfq) -> bool:
    """May a person take a quote of this round? Once it is over, only while the order is the trader's to work."""
    if rfq.open:
        return rfq.state is not RfqState.placed
    return order.state is OrderState.with_trader and not order.cancel_cl_ord_id


class _Live(NamedTuple):
    """A round's live quotes, best first."""

    takeable: list[tuple[Ask, Quote]]
    awaited: list[tuple[Ask, Quote]]
    """Those that could be taken but for their session, which may return: after a start nobody is logged on."""
    better: list[tuple[Ask, Quote]]
    """Those of them that are better than any that can be taken now."""
    stopped_by: str
    """A kill switch that stops one of the others; empty if none does."""


def _live(draft: Draft, order: Order, rfq: Rfq) -> _Live:
    takeable: list[tuple[Ask, Quote]] = []
    awaited: list[tuple[Ask, Quote]] = []
    better: list[tuple[Ask, Quote]] = []
    stopped_by = ""
    for ask, quote in live_quotes(rfq, draft.now_ns, draft.desk.clocks.guard_ns):
        dealer = draft.desk.dealers.get(ask.dealer)
        killed = draft.state.kill_in_force(ask.dealer, order.terms.account)
        if killed is not None:
            stopped_by = stopped_by or str(killed[0])
        elif not _out_of_reach(draft, order, ask, quote):
            takeable.append((ask, quote))
        elif dealer is not None and not _beyond_limit(order, quote) and may_return(draft, dealer.session):
            awaited.append((ask, quote))
            if not takeable:
                better.append((ask, quote))
    return _Live(takeable, awaited, better, stopped_by)


def _is_worth_a_wait(draft: Draft, order: Order, rfq: Rfq, live: _Live) -> bool:
    """Is a better quote, or the competition that the rule wants, only a session's return away?

    Not for longer than what can be had now can be had.
    """
    executable, wanted = _competing(draft, rfq), rfq.plan.execute.quotes_min
    if not live.better and not executable < wanted <= executable + len(live.awaited):
        return False
    last_ns = _last_chance_ns(rfq, live.takeable[0][1], order.terms.expire_ns, draft.desk.clocks.guard_ns)
    return draft.now_ns < last_ns


def _last_chance_ns(rfq: Rfq, quote: Quote, expire_ns: int | None, guard_ns: int) -> int:
    """Until when taking a quote may be put off: its own end, that of the decision and that of the order are near."""
    ends = [rfq.decide_until_ns, *([expire_ns] if expire_ns is not None else [])]
    if quote.firm_until_ns is not None:
        ends.append(quote.firm_until_ns - guard_ns)
    return min(ends) - TAKEN_AHEAD_NS


def waits_for(draft: Draft, order: Order, rfq: Rfq) -> str:
    """What a round that is deciding waits for, before the rule takes a quote or the order is returned; or nothing."""
    live = _live(draft, order, rfq)
    if rfq.alerted or not live.awaited:
        return ""
    ask, quote = (live.better or live.awaited)[0]
    return f"{quote.price} of {ask.dealer}, whose session may return"


def better_elsewhere(draft: Draft, order: Order) -> str:
    """What is better than any quote that can be taken now, but for its session; empty where nothing is.

    Whoever decides by hand is told, and waits for nobody.
    """
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    return _better(_live(draft, order, rfq)) if rfq is not None else ""


def _better(live: _Live) -> str:
    if not live.takeable or not live.better:
        return ""
    ask, quote = live.better[0]
    return f"{quote.price} of {ask.dealer} is better, but its session is not logged on"


def _and_better(reason: str, live: _Live) -> str:
    better = _better(live)
    return f"{reason}; {better}" if better else reason


def _beyond_limit(order: Order, quote: Quote) -> bool:
    limit = order.terms.limit_price
    return limit is not None and quote.price is not None and (quote.price - limit) * order.terms.side.sign > 0


def _out_of_reach(draft: Draft, order: Order, ask: Ask, quote: Quote) -> str:
    """Why a live quote cannot be taken as things are; empty when it can. A kill switch is another matter."""
    dealer = draft.desk.dealers.get(ask.dealer)
    if _beyond_limit(order, quote):
        return f"beyond the limit of {order.terms.limit_price}"
    if dealer is None:
        return "live, but it is no longer known"
    trouble = draft.session_trouble(dealer.session)
    return f"live, but {trouble}" if trouble else ""


def _against_automatic(draft: Draft, rfq: Rfq, live: list[tuple[Ask, Quote]]) -> str:
    """Why the rule may not execute the best quote itself; empty when it may."""
    execute, best = rfq.plan.execute, live[0][1]
    executable = _competing(draft, rfq)
    if executable < execute.quotes_min:
        return f"{executable} executable quote(s), the rule wants {execute.quotes_min}"
    if best.firm_until_ns is None:
        return "the quote does not say how long it stands"
    if execute.tolerance is None:
        return ""
    verdict = fair_enough(draft, rfq, best, execute.tolerance)
    if verdict is None:
        return "fair is unknown" if draft.fair_of(rfq) is None else "its DV01 is unknown"
    if not verdict:
        return f"{best.price} is not within {execute.tolerance.value} {execute.tolerance.unit} of fair"
    return ""


def _competing(draft: Draft, rfq: Rfq) -> int:
    """Dealers whose quote can be executed now, or could be when we tried it."""
    guard_ns, found = draft.desk.clocks.guard_ns, 0
    for ask in rfq.asks:
        if ask.quotes and not ask.quotes[-1].spent:
            dealer = draft.desk.dealers.get(ask.dealer)
            is_there = dealer is not None and draft.session_up(dealer.session)
            found += is_there and ask.quotes[-1].live(draft.now_ns, guard_ns)
        elif ask.quotes:
            found += 1
    return found


def _accept(
    draft: Draft, order: Order, rfq: Rfq, ask: Ask, quote: Quote, *, actor: str, by_rule: bool, reason: str = ""
) -> Blocked | None:
    dealer = draft.desk.dealers.get(ask.dealer)
    assert quote.price is not None
    if dealer is None:
        return Blocked("dealer", f"{ask.dealer} is no longer known")
    security = draft.desk.securities[order.terms.security_id]
    placement_id = draft.fresh_id()
    settl_date = wire_date(settlement_of_quote(draft.desk, order.terms, ask, draft.now_ns))
    said = AcceptQuote(
        dealer=ask.dealer,
        placement_id=placement_id,
        quote_id=quote.quote_id,
        security_id=security.security_id,
        id_source=security.id_source,
        side=rfq.side,
        quantity=min(rfq.quantity, order.leaves),
        price=quote.price,
        currency=order.terms.currency,
        settl_date=settl_date,
        transact_ns=draft.now_ns,
    )
    clocks = draft.desk.clocks
    not_after = (quote.firm_until_ns or draft.now_ns + clocks.decide_ns) - clocks.guard_ns
    cleared = risk.clear_accept(draft, order, rfq, dealer, said, not_after, by_rule=by_rule, reason=reason)
    if isinstance(cleared, Blocked):
        draft.record(e.AcceptBlocked(draft.now_ns, rfq.rfq_id, ask.dealer, cleared.check, cleared.reason))
        return cleared
    amending = Amending(draft, rfq.rfq_id)
    draft.record(
        e.QuoteAccepted(
            draft.now_ns,
            placement_id=placement_id,
            rfq_id=rfq.rfq_id,
            order_id=order.order_id,
            dealer=ask.dealer,
            session=dealer.session,
            quote_id=quote.quote_id,
            security_id=security.security_id,
            quantity=said.quantity,
            price=quote.price,
            outbox_id=draft.next_outbox_id(),
            actor=actor,
            mark=draft.mark_of(security.security_id),
            index=draft.index_of(order.facts.segment),
            day_ends=draft.desk.day_ends_of(security.security_id, draft.now_ns),
            reason=reason,
            settl_date=settl_date,
            rate=rate_or_none(draft, order.terms.currency),
        )
    )
    draft.send_cleared(cleared)
    amending.done("taken by a person after the round")
    draft.wake(Timer(TimerKind.placement, placement_id))
    draft.wake(Timer(TimerKind.marks, rfq.rfq_id))
    return None


def _alert(draft: Draft, rfq: Rfq, best: tuple[Ask, Quote], reason: str) -> None:
    ask, quote = best
    if rfq.alerted == f"{ask.dealer}|{quote.quote_id}":
        return
    draft.record(e.TraderAlerted(draft.now_ns, rfq.rfq_id, ask.dealer, quote.quote_id, reason))


def _answers(draft: Draft, rfq: Rfq) -> str:
    """Each dealer's answer in a few words."""
    guard_ns, order = draft.desk.clocks.guard_ns, draft.state.orders[rfq.order_id]
    words: list[str] = []
    for ask in rfq.asks:
        last = ask.last_quote
        if last is not None and (last.problem or last.withdrawn or last.spent):
            words.append(f"{ask.dealer}: {last.problem or ('withdrawn' if last.withdrawn else 'taken and refused')}")
        elif last is not None and last.live(draft.now_ns, guard_ns):
            words.append(f"{ask.dealer}: {last.price} {_out_of_reach(draft, order, ask, last) or 'live'}")
        elif last is not None:
            words.append(f"{ask.dealer}: {last.price} over")
        else:
            words.append(f"{ask.dealer}: {ask.state}{f' ({ask.note})' if ask.note else ''}")
    return ", ".join(words) if words else "nobody was asked"
