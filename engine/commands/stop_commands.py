"""Stopping: the kill switch, and releasing what nobody answers for."""

from __future__ import annotations

from typing import Any

from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.desk.draft import Draft
from engine.desk.order import again
from engine.desk.order.reporting import return_to_trader
from engine.desk.placement.doubting import cancel_at_dealer
from engine.desk.placement.ending import end_placement
from engine.desk.round import asking
from engine.domain import events as e
from engine.domain.keys import Scope, ScopeKind
from engine.domain.placement import Placement, PlacementState
from engine.errors import CommandError


def kill(call: Call) -> dict[str, Any]:
    """Switch a kill on or off. On: nothing more goes out in its scope, what is out is called back."""
    draft, on, reason = call.draft, call.given["on"], call.given["reason"]
    scope = _scope(call, call.given["scope"])
    if not on:
        call.need("operator", "kill off")
        if not _is_on(draft, scope):
            raise CommandError(f"kill switch {scope} is not on", code="state")
    # Before anything else: from here on the gate says no.
    draft.record(e.KillSwitched(draft.now_ns, scope, on, call.by, reason))
    reply: dict[str, Any] = {"scope": str(scope), "on": on}
    if on:
        reply.update(_stop(draft, scope, f"kill switch {scope}: {reason}"))
    else:
        again.somebody_came_up(draft)
    reply["in_force"] = kills_in_force(draft)
    return reply


def kills_in_force(draft: Draft) -> list[dict[str, Any]]:
    return [
        {"scope": scope, "actor": kill.actor, "reason": kill.reason, "since": as_json.at(kill.since_ns)}
        for scope, kill in draft.state.kills.items()
        if kill.on
    ]


def _stop(draft: Draft, scope: Scope, reason: str) -> dict[str, Any]:
    """Call back what is out in the scope. What was already on the wire is counted: it may still be answered."""
    unanswered = 0
    returned: list[str] = []
    open_rounds = draft.state.open_rounds()
    for rfq in open_rounds:
        order = draft.state.orders[rfq.order_id]
        unanswered += sum(not ask.answered and scope.holds(ask.dealer, order.terms.account) for ask in rfq.asks)
    working = _working(draft, scope)
    for placement in working:
        cancel_at_dealer(draft, placement)
    for rfq in open_rounds:
        order = draft.state.orders[rfq.order_id]
        if draft.state.open_placement(order.order_id) is not None:
            continue  # Its round ends with the dealer's answer to the cancel.
        if all(scope.holds(dealer, order.terms.account) for dealer in rfq.plan.dealers):
            return_to_trader(draft, order, reason)
            returned.append(order.order_id)
        elif any(scope.holds(dealer, order.terms.account) for dealer in rfq.plan.dealers):
            # Others of the round are not stopped: it goes on without this dealer.
            asking.advance(draft, rfq.rfq_id)
    return {
        "requests_on_the_wire": unanswered,
        "acceptances_called_back": [
            {"order": each.order_id, "dealer": each.dealer, "quantity": as_json.amount(each.reserved)}
            for each in working
        ],
        "orders_returned": returned,
    }


def _scope(call: Call, word: str) -> Scope:
    try:
        scope = Scope.parse(word)
    except ValueError:
        scope = None
    if scope is not None and scope.kind is not ScopeKind.file:
        return Scope(scope.kind, call.dealer(scope.name).id) if scope.kind is ScopeKind.dealer else scope
    raise CommandError(
        f"kill: parameter 'scope': expected all, dealer:NAME or account:NAME, found '{word}'", code="params"
    )


def _is_on(draft: Draft, scope: Scope) -> bool:
    kill = draft.state.kills.get(str(scope))
    return kill is not None and kill.on


def _working(draft: Draft, scope: Scope) -> list[Placement]:
    """Every unanswered acceptance in the scope, oldest first: wherever it is, a kill finds it."""
    return [
        placement
        for placement in draft.state.unanswered()
        if scope.holds(placement.dealer, draft.state.orders[placement.order_id].terms.account)
    ]


def force_state(call: Call) -> dict[str, Any]:
    """A person says that an acceptance nobody answers for is not going to be filled: its quantity is free again."""
    draft, order, reason = call.draft, call.order(), call.given["reason"]
    placement = draft.state.open_placement(order.order_id)
    if placement is None:
        raise CommandError(
            f"order {order.order_id} has nothing unanswered at a dealer: it is {order.state}", code="state"
        )
    freed = placement.reserved
    asking.advance(draft, end_placement(draft, placement, PlacementState.forced, reason, call.by))
    order = draft.state.orders[order.order_id]
    return {
        "order": order.order_id,
        "dealer": placement.dealer,
        "placement": placement.placement_id,
        "released": as_json.amount(freed),
        "state": order.state.value,
        "note": order.note,
        "warning": f"a late fill is still booked: call {placement.dealer} before anybody else is asked",
    }
