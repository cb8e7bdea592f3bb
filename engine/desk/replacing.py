"""What the desk decides by, put in the place of what it was: what speaks against it while something is open.

Limits, rules, scores and prices are looked at when something is decided, so they may change at any time. A dealer, a
bond or a session that something open refers to may not go: its answer would find nobody. Nor may a dealer count
quantities otherwise meanwhile: what was asked for in one unit would be answered in it, and read in the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.desk.setting import Desk
from engine.desk.state import DeskState
from engine.domain.rfq import AskState, Rfq
from engine.market.rates import jump_problem

SHOWN_MAX = 3
"""How many of what is in the way are named; behind them stands how many more there are."""
_WAITING = (AskState.asked, AskState.quoted, AskState.silent)


def objections(
    state: DeskState, before: Desk, after: Desk, sessions_gone: Collection[str], counting_anew: Collection[str] = ()
) -> list[str]:
    """Everything open that would be lost, as lines; empty if the one may take the other's place.

    `counting_anew` are the dealers whose messages would count quantities in another unit.
    """
    return [
        *_bonds(state, before, after),
        *_dealers(state, before, after, counting_anew),
        *_sessions(state, sessions_gone),
        *_rates(state, before, after),
    ]


def _bonds(state: DeskState, before: Desk, after: Desk) -> Iterator[str]:
    """A bond that the start did not find is nothing to lose: it speaks against no other file."""
    missing: dict[str, list[str]] = {}
    for order in state.open_orders():
        security_id = order.terms.security_id
        if security_id in before.securities and security_id not in after.securities and security_id not in state.bonds:
            missing.setdefault(security_id, []).append(order.order_id)
    for security_id, orders in missing.items():
        yield f"securities: {security_id} is missing, and {_named(orders)} in it: end that first, or leave it in"


def _dealers(state: DeskState, before: Desk, after: Desk, counting_anew: Collection[str]) -> Iterator[str]:
    for dealer in before.dealers:
        now = after.dealers.get(dealer.id)
        if now is None:
            what = "gone"
        elif (now.session, now.route) != (dealer.session, dealer.route):
            what = "reached over another session"
        elif dealer.id in counting_anew:
            what = "counting in another unit"
        else:
            continue
        waiting = [rfq.rfq_id for rfq in state.open_rounds() if _waits_for(rfq, dealer.id)]
        waiting += [each.placement_id for each in state.unanswered() if each.dealer == dealer.id]
        if waiting:
            yield f"dealers: {dealer.id} is {what}, and {_named(waiting)} with it: pause it until then"


def _waits_for(rfq: Rfq, dealer: str) -> bool:
    ask = rfq.ask_of(dealer)
    return ask is not None and ask.state in _WAITING


def _sessions(state: DeskState, gone: Collection[str]) -> Iterator[str]:
    for key in gone:
        orders = [order.order_id for order in state.open_orders() if order.terms.session == key]
        if orders:
            yield f"sessions: {key} is gone, and {_named(orders)} of it: its OMS would hear no more of them"
        placements = [each.placement_id for each in state.unanswered_at(key)]
        if placements:
            yield f"sessions: {key} is gone, and {_named(placements)} at it: a fill could not come"


def _rates(state: DeskState, before: Desk, after: Desk) -> Iterator[str]:
    """A rate far from the one in force is a mistake of the file's, until a person says that it has moved."""
    for rate in after.filed_rates.rates:
        told, filed = state.rates_of(rate.pair), before.filed_rates.of(rate.pair)
        last = max(told if filed is None else [*told, filed], key=lambda each: each.as_of_ns, default=None)
        if filed != rate and (problem := jump_problem(rate, last, after.rate_limits)):
            first = f"`rfqctl rates put {rate.pair} {rate.price:f} --has-moved --reason ...` first"
            yield f"rates: {problem}: where it has moved, {first}"


def _named(things: list[str]) -> str:
    """`O-000001 and 2 more are open`."""
    shown = ", ".join(things[:SHOWN_MAX])
    more = f" and {len(things) - SHOWN_MAX} more" if len(things) > SHOWN_MAX else ""
    return f"{shown}{more} {'is' if len(things) == 1 else 'are'} open"
