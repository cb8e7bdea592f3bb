"""Credit limits that a feed delivers, held against what was dealt today and what is unanswered.

They stand beside the limits of the files: each is looked at, so the stricter one stops. All amounts are in the base
currency: a request at the rate of now, what is dealt and unanswered at the rate of its acceptance.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.clock import utc_day
from engine.desk.draft import Draft
from engine.desk.gate.size import Size
from engine.domain.credit import CreditKind, CreditLimit, CreditScope
from engine.domain.order import Order
from engine.domain.placement import Placement


def of_dealer(draft: Draft, dealer: str, size: Size) -> str:
    """Why so much may not be dealt with this dealer; empty where it may."""
    return _stopped(draft, CreditScope(CreditKind.dealer, dealer), size) if draft.state.any_credit() else ""


def of_order(draft: Draft, order: Order, size: Size) -> str:
    """Why so much may not be dealt for the order's account, or in its issuer; empty where it may."""
    if not draft.state.any_credit():
        return ""
    scopes = (
        CreditScope(CreditKind.account, order.terms.account),
        CreditScope(CreditKind.issuer, order.facts.issuer),
    )
    return next((words for scope in scopes if (words := _stopped(draft, scope, size))), "")


def rooms(draft: Draft, dealers: Iterable[str]) -> dict[str, Decimal]:
    """The most that may be asked of each of these dealers that has a limit."""
    found: dict[str, Decimal] = {}
    for dealer in dealers:
        scope = CreditScope(CreditKind.dealer, dealer)
        limit = draft.state.credit_limit(scope)
        if limit is not None:
            found[dealer] = room(draft, scope, limit)
    return found


def room(draft: Draft, scope: CreditScope, limit: CreditLimit) -> Decimal:
    """The most that the limit leaves for one request now; never below 0."""
    most = [limit.request_max] if limit.request_max is not None else []
    if limit.day_max is not None:
        most.append(limit.day_max - dealt(draft, scope))
    return max(Decimal(0), min(most))


def dealt(draft: Draft, scope: CreditScope) -> Decimal:
    """Face amount that was filled today, and that is accepted and unanswered, in the base currency."""
    state = draft.state
    waiting = sum((each.reserved_in_base for each in state.unanswered() if _holds(draft, scope, each)), Decimal(0))
    return state.dealt_on(scope, utc_day(draft.now_ns)) + waiting


def _holds(draft: Draft, scope: CreditScope, placement: Placement) -> bool:
    if scope.kind is CreditKind.dealer:
        return placement.dealer == scope.name
    order = draft.state.orders[placement.order_id]
    return scope.name == (order.terms.account if scope.kind is CreditKind.account else order.facts.issuer)


def _stopped(draft: Draft, scope: CreditScope, size: Size) -> str:
    limit = draft.state.credit_limit(scope)
    if limit is None:
        return ""
    if limit.request_max is not None and size.base > limit.request_max:
        return f"{size.words} is above the credit limit of {limit.request_max:,} a request for {scope}"
    if limit.day_max is not None:
        already = dealt(draft, scope)
        if already + size.base > limit.day_max:
            text = f"{size.words} on top of {already:,} dealt today is above the credit limit"
            return f"{text} of {limit.day_max:,} a day for {scope}"
    return ""
