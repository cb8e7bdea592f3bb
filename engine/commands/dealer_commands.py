"""One dealer: its whole profile, and whether it may be asked as far as people say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.desk_enquiries import standing_of
from engine.dealers.book import Contact, Dealer, TradingDesk
from engine.dealers.drift import Drifting
from engine.dealers.estimates import Asking
from engine.dealers.outlook import Measure, Outlook
from engine.dealers.segments import ANY, Segment
from engine.desk.order import again
from engine.domain import events as e
from engine.domain.instrument import AssetClass
from engine.domain.rfq import AskState
from engine.errors import CommandError
from engine.market.calendars import utc_date

AXES_SHOWN_MAX: Final = 50
"""Interests on a profile; `axes DEALER` has all of them."""


def show(call: Call) -> dict[str, Any]:
    """What is agreed with a dealer beside what it did: static first, then all that the desk has learnt."""
    draft, dealer = call.draft, call.dealer(call.given["dealer"])
    return {
        **_static(call, dealer),
        "last_asked": as_json.at(draft.desk.stats.last_asked(dealer.id)),
        "open": _open(call, dealer),
        "axes": [
            as_json.axe(draft.desk, each)
            for each in sorted(
                draft.state.axes_of_dealer(dealer.id, draft.now_ns), key=lambda axe: (-axe.since_ns, axe.axe_id)
            )[:AXES_SHOWN_MAX]
        ],
        "classic": standing_of(draft, dealer, call.given["asset_class"]),
        "model": _model(call, dealer),
        "trend": _trend(call, dealer),
    }


def _static(call: Call, dealer: Dealer) -> dict[str, Any]:
    draft, today = call.draft, utc_date(call.draft.now_ns)
    kill = draft.state.kill_of_dealer(dealer.id)
    return {
        "dealer": dealer.id,
        "name": dealer.name,
        "legal_name": dealer.legal_name or dealer.name,
        "lei": dealer.lei,
        "session": dealer.session,
        "connected": draft.session_up(dealer.session),
        "closed": draft.desk.closed(dealer.session, draft.now_ns) or None,
        "kill": str(kill) if kill is not None else None,
        **as_json.paused(draft, dealer),
        "asset_classes": [each.value for each in dealer.asset_classes],
        "specialties": list(dealer.specialties),
        "desks": [_desk(each) for each in dealer.desks],
        "contacts": [_contact(each) for each in dealer.contacts],
        "agreements": [
            {
                "kind": each.kind,
                "begins": str(each.begins) if each.begins is not None else None,
                "ends": str(each.ends) if each.ends is not None else None,
                "in_force": each.in_force(today),
                "reference": each.reference,
                "note": each.note,
            }
            for each in dealer.agreements
        ],
        "notes": list(dealer.notes),
        "notional_max": as_json.amount(dealer.notional_max),
        "firm_time_s": dealer.firm_time_s,
        "accept": dealer.accept.value,
        "undelivered": dealer.undelivered.value,
        "quantity_unit": dealer.quantity_unit.value,
        "loser_notice": dealer.loser_notice.value,
    }


def _desk(desk: TradingDesk) -> dict[str, Any]:
    return {"name": desk.name, "asset_classes": [each.value for each in desk.asset_classes], "note": desk.note}


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "name": contact.name,
        "desk": contact.desk,
        "asset_classes": [each.value for each in contact.asset_classes],
        "email": contact.email,
        "phone": contact.phone,
        "chat": contact.chat,
        "note": contact.note,
    }


def _open(call: Call, dealer: Dealer) -> dict[str, Any]:
    """What waits for this dealer now."""
    state = call.draft.state
    asks = [ask for rfq in state.open_rounds() if (ask := rfq.ask_of(dealer.id)) is not None]
    waiting = [each for each in state.unanswered() if each.dealer == dealer.id]
    return {
        "requests": sum(ask.state is AskState.asked for ask in asks),
        "quoted": sum(ask.state is AskState.quoted for ask in asks),
        "unanswered": [
            {"order": each.order_id, "quantity": as_json.amount(each.reserved), "since": as_json.at(each.sent_ns)}
            for each in waiting
        ],
    }


# --- what it is expected to do -------------------------------------------------------------------

TREND_DAYS: Final = 30
TREND_SPANS: Final = 3
_TREND: Final = ("quote_rate", "fill_rate", "edge", "firmness", "leakage", "speed")


def _scope(call: Call) -> str:
    asset_class: str | None = call.given["asset_class"]
    return asset_class or ANY


def _model(call: Call, dealer: Dealer) -> dict[str, Any]:
    """Every estimate with its 90 % interval, and its place among the dealers that trade the same."""
    draft, scope = call.draft, _scope(call)
    estimates, wait_s = draft.desk.learning.estimates, draft.desk.clocks.wait_ns / NS_PER_S
    quantity = Decimal(round(estimates.parameters.size_reference))
    peers = [
        each.id for each in draft.desk.dealers if each.id == dealer.id or scope == ANY or each.trades(AssetClass(scope))
    ]
    asking = Asking(Segment(scope), quantity, wait_s, draft.now_ns)
    outlooks = {each.dealer: each for each in estimates.outlooks(peers, asking)}
    own = outlooks[dealer.id]
    measures = {}
    for name, (of, better) in _MEASURES.items():
        measure = of(own)
        if measure is None:
            continue
        others = [found.value for each in outlooks.values() if (found := of(each)) is not None]
        ahead = sum((value - measure.value) * better > 0 for value in others)
        measures[name] = {
            "value": measure.value,
            "low": measure.low,
            "high": measure.high,
            "n_eff": measure.n_eff,
            # What rests on nothing of its own has no place.
            "place": 1 + ahead if measure.n_eff else None,
        }
    return {
        "scope": "all asset classes" if scope == ANY else scope,
        "quantity": as_json.amount(quantity),
        "wait_s": wait_s,
        "asks": own.asks,
        "peers": len(outlooks),
        "measures": measures,
        "p_in_time": own.in_time,
        "latency_p50_s": own.latency_p50_s,
        "latency_p90_s": own.latency_p90_s,
        "leak_identified": own.leak_identified.value,
        "drift": {measure.value: level for measure, level in estimates.drifting(dealer.id).items()},
        "drifted": [
            {"measure": each.measure, "at": as_json.at(each.at_ns), "before": each.before, "since": each.since}
            for measure in Drifting
            if (each := draft.state.drifts.get(f"{dealer.id}|{measure}")) is not None
        ],
    }


_MEASURES: Final[Mapping[str, tuple[Callable[[Outlook], Measure | None], int]]] = {
    "p_quote": (lambda outlook: outlook.q, 1),
    "latency_s": (lambda outlook: outlook.latency_s, -1),
    "edge_bps": (lambda outlook: outlook.e, 1),
    "firmness": (lambda outlook: outlook.f, 1),
    "size_share": (lambda outlook: outlook.z, 1),
    "leak_in_bps": (lambda outlook: outlook.leak_in, -1),
    "leak_post_bps": (lambda outlook: outlook.leak_post, -1),
    "trade_share": (lambda outlook: outlook.r, 1),
}
"""By name: where it stands, and whether more of it is better."""


def _trend(call: Call, dealer: Dealer) -> list[dict[str, Any]]:
    """The last three months one by one, the oldest first, as counted."""
    spans = call.draft.desk.stats.spans(dealer.id, _scope(call), TREND_DAYS, TREND_SPANS, call.draft.now_ns)
    return [
        {
            "from": str(utc_date(span.first_day * NS_PER_DAY)),
            "to": str(utc_date(span.last_day * NS_PER_DAY)),
            "asks": span.asks,
            **{name: span.values[name] for name in _TREND},
        }
        for span in spans
    ]


# --- pausing -------------------------------------------------------------------------------------


def pause(call: Call) -> dict[str, Any]:
    """Nobody asks it from now on; what is open with it goes on."""
    return _switch(call, True)


def resume(call: Call) -> dict[str, Any]:
    """It may be asked again, unless its file pauses it."""
    return _switch(call, False)


def _switch(call: Call, on: bool) -> dict[str, Any]:
    draft, dealer = call.draft, call.dealer(call.given["dealer"])
    if not on and draft.state.paused(dealer.id) is None:
        by_file = f", its file has it paused: edit that, then {_RELOAD}" if dealer.paused else ""
        raise CommandError(f"no person has paused {dealer.id}{by_file}", code="state")
    draft.record(e.DealerPaused(draft.now_ns, dealer.id, on, call.by, call.given["reason"]))
    if not on:
        again.somebody_came_up(draft)
    return {"dealer": dealer.id, **as_json.paused(draft, dealer)}


_RELOAD = "`rfqctl reload dealers --reason ...`"
