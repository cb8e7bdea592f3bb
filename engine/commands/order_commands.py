"""What a trader does with orders: enter, look, recommend, send, override, execute, cancel."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any

from engine.clock import NS_PER_DAY, utc_day
from engine.commands import as_json, selected
from engine.commands.desk_call import Call
from engine.commands.parameters import did_you_mean
from engine.desk.draft import Draft
from engine.desk.explaining import problem
from engine.desk.gate import risk
from engine.desk.order import intake
from engine.desk.placement import placing
from engine.desk.recommend import Supposing, override_plan, recommend, tiers_of
from engine.desk.round import asking
from engine.domain import events as e
from engine.domain.instrument import AssetClass, Security
from engine.domain.order import OPEN_STATES, Handling, Order, OrderState, OrderTerms, Side, TimeInForce
from engine.domain.rfq import AskPlan, AskState
from engine.domain.rows import changed
from engine.errors import CommandError
from engine.market.calendars import day_of

# --- looking -------------------------------------------------------------------------------------


def orders(call: Call) -> dict[str, Any]:
    """The latest orders first."""
    draft, wanted = call.draft, call.given["state"]
    chosen = islice(_orders(draft, wanted), call.given["limit"])
    return {"orders": [as_json.order_line(draft, order) for order in chosen]}


def _orders(draft: Draft, wanted: str) -> Iterator[Order]:
    state = draft.state
    ended = wanted == "all" or (wanted != "open" and OrderState(wanted) not in OPEN_STATES)
    for order in state.orders.latest() if ended else reversed(state.open_orders()):
        if wanted == "all" or (order.open if wanted == "open" else order.state == wanted):
            yield order


def show(call: Call) -> dict[str, Any]:
    return as_json.order_story(call.draft, call.order())


def recommend_dry(call: Call) -> dict[str, Any]:
    """What would be recommended now, for an order or for a bond, side and quantity: nothing is recorded."""
    given = call.given
    supposing = Supposing(given["rank"] or "", given["assume_connected"])
    if given["order"] is not None:
        extra = [name for name in ("security", "side", "quantity", "limit", "account") if given[name] is not None]
        if extra:
            raise CommandError(f"recommend: give either an order or {', '.join(extra)}", code="params")
        order = call.order()
        if not order.open:
            raise CommandError(f"order {order.order_id} is {order.state}", code="state")
        tried = intake.look_at(call.draft, order, supposing)
    else:
        missing = [name for name in ("security", "side", "quantity") if given[name] is None]
        if missing:
            raise CommandError(
                f"recommend: missing {', '.join(missing)}: give an order, or a security, side and quantity",
                code="params",
            )
        tried = intake.try_order(call.draft, _terms(call), call.by, supposing)
    terms, facts = tried.order.terms, tried.order.facts
    return {
        "security": terms.security_id,
        "name": call.draft.desk.securities[terms.security_id].name,
        "side": terms.side.value,
        "quantity": as_json.amount(terms.quantity),
        "account": terms.account,
        "segment": facts.segment,
        "fair": as_json.mark(call.draft.mark_of(terms.security_id)),
        "by_size": as_json.by_size(facts),
        "blocked": tried.blocked or None,
        "asked_lately": [
            {"dealer": each.dealer, "side": each.side.value, "day": str(day_of(each.day))}
            for each in risk.asked_lately(call.draft, terms.security_id)
        ],
        "supposing": {"rank": supposing.scorer or None, "assume_connected": supposing.assume_connected},
        **as_json.recommendation(call.draft.desk, tried.advice, with_numbers=True),
        "advice": selected.sizing(tried.sizing),
    }


def tiers(call: Call) -> dict[str, Any]:
    """The tiers for an order, or for any bond of an asset class."""
    draft, word = call.draft, call.given["of"]
    order = _of_class(call, word) if word in {each.value for each in AssetClass} else call.order("of")
    found = tiers_of(draft, order)
    if found is None:
        raise CommandError(f"the rule book defines no tiers for {word}", code="state")
    definition, tiered = found
    window_days = definition.ranking.window_days
    stats, asset_class = draft.desk.stats, order.facts.asset_class
    return {
        "of": word,
        "asset_class": asset_class,
        "defined_at": definition.place,
        "lines": list(definition.text),
        "ranked_by": str(definition.ranking),
        "dealers": [
            {
                "dealer": each.dealer,
                "tier": each.tier,
                "rank": each.rank,
                "ranked": each.ranked,
                "score": each.score,
                "asks": stats.metrics(each.dealer, asset_class, window_days, draft.now_ns).asks,
            }
            for each in tiered
        ],
    }


def _of_class(call: Call, asset_class: str) -> Order:
    """An order in any bond of the class, as if it had come: nothing of it stays."""
    draft = call.draft
    bond = next((each for each in draft.desk.securities.values() if each.asset_class == asset_class), None)
    if bond is None:
        raise CommandError(f"no bond of the securities file is {asset_class}", code="unknown")
    terms = OrderTerms(
        cl_ord_id="",
        session="",
        account="",
        trader=call.actor,
        security_id=bond.security_id,
        side=Side.buy,
        quantity=Decimal(1_000_000),
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency=bond.currency,
        transact_ns=draft.now_ns,
        expire_ns=(utc_day(draft.now_ns) + 1) * NS_PER_DAY,
    )
    return intake.try_order(draft, terms, call.by).order


# --- entering and ending -------------------------------------------------------------------------


def new(call: Call) -> dict[str, Any]:
    """A trader's own order. A rule that sends by itself sends it, unless it is held."""
    order_id = intake.enter_order(call.draft, _terms(call), call.by)
    return as_json.order_story(call.draft, call.draft.state.orders[order_id])


def cancel(call: Call) -> dict[str, Any]:
    draft, order = call.draft, call.order()
    if not order.open:
        raise CommandError(f"too late: order {order.order_id} is {order.state}", code="state")
    if order.cancel_cl_ord_id:
        raise CommandError(f"a cancel of order {order.order_id} is pending already", code="state")
    placement = draft.state.open_placement(order.order_id)
    intake.cancel(draft, order, "", actor=call.by)
    order = draft.state.orders[order.order_id]
    reply: dict[str, Any] = {"order": order.order_id, "state": order.state.value, "pending": order.open}
    if order.open and placement is not None:
        reply["waits_for"] = f"{placement.dealer} to answer for {placement.reserved:,f}"
    return reply


def allow_duplicate(call: Call) -> dict[str, Any]:
    """A person says that an order like an earlier one is meant: it is worked as any other."""
    draft, order = call.draft, call.order()
    if not order.duplicate_of:
        raise CommandError(f"order {order.order_id} is not held as a duplicate", code="state")
    draft.record(e.DuplicateAllowed(draft.now_ns, order.order_id, call.by, call.given["reason"]))
    if order.state is OrderState.with_trader:
        intake.work(draft, order.order_id)
    return as_json.order_story(draft, draft.state.orders[order.order_id])


def _terms(call: Call) -> OrderTerms:
    given, now_ns = call.given, call.draft.now_ns
    security = security_of(call.draft, given["security"])
    until: datetime.date | None = given.get("until")
    tif = TimeInForce(given.get("tif") or ("gtd" if until is not None else "day"))
    if (until is None) is (tif is TimeInForce.gtd):
        raise CommandError(
            f"{call.name}: parameters 'tif' and 'until': 'gtd' and a date belong together", code="params"
        )
    last_day = utc_day(now_ns) if until is None else (until - datetime.date(1970, 1, 1)).days
    return OrderTerms(
        cl_ord_id=f"T-{call.draft.state.next_id('orders', 'O')}",
        session="",
        account=given["account"] or "",
        trader=call.actor,
        security_id=security.security_id,
        side=Side(given["side"]),
        quantity=given["quantity"],
        limit_price=given["limit"],
        tif=tif,
        handling=Handling.manual if given.get("hold") else Handling.automatic,
        currency=security.currency,
        transact_ns=now_ns,
        expire_ns=(last_day + 1) * NS_PER_DAY,
    )


def security_of(draft: Draft, word: str) -> Security:
    """A bond by ISIN, or by CUSIP."""
    key = word.upper()
    found = draft.desk.naming.bond_of("", key)
    if found is not None:
        return draft.desk.securities[found]
    near = did_you_mean(key, draft.desk.securities)
    raise CommandError(f"unknown security '{word}': it is not in the security master{near}", code="unknown")


# --- sending and executing -----------------------------------------------------------------------


def send(call: Call) -> dict[str, Any]:
    """Send the list that was recommended: the very one that was shown, or with `fresh` what is recommended now."""
    draft, order = call.draft, _ready(call)
    if call.given["fresh"]:
        advice = recommend(draft, order, draws=True)
        draft.record(e.OrderRecommended(draft.now_ns, order.order_id, advice))
    else:
        advice = draft.state.recommendations[order.order_id]
    if advice.plan is None:
        again = "" if call.given["fresh"] else "; with 'fresh' the rules are asked again"
        raise CommandError(f"order {order.order_id}: {problem(draft.desk.book_of, advice)}{again}", code="state")
    if not call.given["fresh"]:
        current, beyond = override_plan(draft, order, advice.plan.dealers)
        if beyond or changed(current, stops_bps=advice.plan.stops_bps) != advice.plan:
            change = "; ".join(beyond) or f"now {as_json.plan(current)['mode']}, {len(current.dealers)} dealer(s)"
            raise CommandError(
                f"the recommendation of order {order.order_id} no longer holds ({change}): "
                f"look at 'recommend' and send with 'fresh'",
                code="state",
            )
    return _open(call, order, advice.plan)


def override(call: Call) -> dict[str, Any]:
    """A trader's own list in place of the recommended one, with the reason. Every protection holds."""
    draft, order = call.draft, _ready(call)
    security = draft.desk.securities[order.terms.security_id]
    dealers = tuple(call.dealer(name).id for name in call.given["dealers"])
    for name in dealers:
        if not draft.desk.dealers[name].trades(security.asset_class):
            raise CommandError(f"{name} does not trade {security.asset_class.value} bonds", code="refused")
    plan, beyond = override_plan(draft, order, dealers)
    if beyond:
        if not call.given["past_protection"]:
            raise CommandError(
                f"a protection holds: {'; '.join(beyond)}. Leave them out, or an operator goes past it",
                code="protection",
            )
        call.need("operator", "going past a protection")
        plan = replace(plan, dealers=dealers)
    advice = draft.state.recommendations.get(order.order_id)
    before = advice.plan.dealers if advice is not None and advice.plan is not None else ()
    draft.record(
        e.OrderOverridden(
            draft.now_ns, order.order_id, call.by, call.given["reason"], before, plan.dealers, past_protections=beyond
        )
    )
    return {"before": list(before), "past_protections": list(beyond), **_open(call, order, plan)}


def execute(call: Call) -> dict[str, Any]:
    """The one action: take the best quote, or the named dealer's. A better one that cannot be had now is told."""
    draft, order, name = call.draft, call.order(), call.given["dealer"]
    better = placing.better_elsewhere(draft, order)
    dealer = call.dealer(name).id if name is not None else None
    reason = call.given["reason"] or ""
    placement = draft.state.placements[placing.execute(draft, order, dealer, actor=call.by, reason=reason)]
    return {
        "order": order.order_id,
        "state": draft.state.orders[order.order_id].state.value,
        **as_json.placement(placement),
        **({"note": better} if better else {}),
    }


def _ready(call: Call) -> Order:
    """The order, if a round can be opened for it now."""
    draft, order = call.draft, call.order()
    name = order.order_id
    placement = draft.state.open_placement(name)
    if placement is not None:
        reserved = f"{placement.reserved:,f}"
        raise CommandError(f"order {name}: {reserved} is still unanswered at {placement.dealer}", code="state")
    if order.state is OrderState.asking:
        raise CommandError(f"order {name} is being asked already: {order.rfq_id} is open", code="state")
    if order.state is not OrderState.with_trader or order.cancel_cl_ord_id:
        raise CommandError(f"order {name} is {'being canceled' if order.open else order.state}", code="state")
    blocked = risk.order_blocked(draft, order)
    if blocked is not None:
        hint = "; if it is meant: order.allow_duplicate" if blocked.check == "duplicate" else ""
        raise CommandError(f"risk {blocked.check}: {blocked.reason}{hint}", code="risk")
    return order


def _open(call: Call, order: Order, plan: AskPlan) -> dict[str, Any]:
    draft = call.draft
    rfq_id = asking.open_round(draft, order, plan, opened_by=call.by)
    rfq, order = draft.state.rfqs[rfq_id], draft.state.orders[order.order_id]
    return {
        "order": order.order_id,
        "state": order.state.value,
        "note": order.note,
        "rfq": rfq_id,
        "plan": as_json.plan(plan),
        "asked": [ask.dealer for ask in rfq.asks if ask.state is AskState.asked],
        "blocked": [{"dealer": ask.dealer, "reason": ask.note} for ask in rfq.asks if ask.state is AskState.blocked],
        "awaited": [dealer for dealer, _ in rfq.awaited if rfq.ask_of(dealer) is None],
    }
