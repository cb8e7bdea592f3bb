"""What whoever watches is told: at most one line for each event, made from the event.

A notice carries the journal seq of its event, so that a snapshot which reflects seq S and the notices behind S make
one picture, without a gap and without a double. What a notice looks up in the state (whose order a round is, at which
dealer an acceptance is) was settled before its event and does not change. A page calls a person who must act: it is
the one thing that is said beside events, and no snapshot shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from engine.clock import iso_timestamp
from engine.desk.draft import Page
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.placement import Fill


class Topic(StrEnum):
    """The closed set of what a notice may be about; whoever watches may choose among them."""

    accepted = "accepted"
    alert = "alert"
    asked = "asked"
    awaited = "awaited"
    axe = "axe"
    blocked = "blocked"
    closed = "closed"
    dealer = "dealer"
    declined = "declined"
    drift = "drift"
    feed = "feed"
    fill = "fill"
    ignored = "ignored"
    kill = "kill"
    money = "money"
    override = "override"
    page = "page"
    placement = "placement"
    quarantine = "quarantine"
    quote = "quote"
    reload = "reload"
    report = "report"
    returned = "returned"
    reversion = "reversion"
    rfq = "rfq"
    session = "session"
    silent = "silent"
    stray = "stray"
    tls = "tls"
    withdrawn = "withdrawn"
    withheld = "withheld"


class Notice(NamedTuple):
    """A line for whoever watches; of a page, `seq` is that of the last event before it."""

    seq: int
    topic: Topic
    body: Mapping[str, Any]


def notices(events: Sequence[e.Event], pages: Sequence[Page], state: DeskState, last_seq: int) -> tuple[Notice, ...]:
    """What a turn tells, in the order in which it happened; `last_seq` is that of its last event.

    `state` is what the turn has left. A page stands behind the events that were recorded before it.
    """
    return tuple(_in_order(events, pages, state, last_seq - len(events)))


def _in_order(events: Sequence[e.Event], pages: Sequence[Page], state: DeskState, seq: int) -> Iterator[Notice]:
    left = list(pages)
    for count, event in enumerate(events):
        while left and left[0].behind <= count:
            yield Notice(seq + count, Topic.page, left.pop(0).body)
        told = notice_of(event, state)
        if told is not None:
            yield Notice(seq + count + 1, *told)
    for page in left:
        yield Notice(seq + len(events), Topic.page, page.body)


def notice_of(event: e.Event, state: DeskState) -> tuple[Topic, Mapping[str, Any]] | None:
    """What is told of an event; None where it says nothing that somebody waits for."""
    what: dict[str, Any]
    match event:
        # The process and its sessions.
        case e.SessionUp():
            return Topic.session, {"session": event.session, "state": "up"}
        case e.SessionDown():
            why = {"code": event.code, "reason": event.reason, "by": event.by}
            return Topic.session, {"session": event.session, "state": "down", **why}
        case e.SessionSwitched():
            return _session(event.session, "enabled" if event.enabled else "disabled", event.actor, event.reason)
        case e.SessionCommanded():
            return _session(event.session, "command", event.actor, event.reason)
        case e.SessionNumbersSet():
            return _session(event.session, "numbers_set", event.actor, event.reason)
        case e.TlsReloaded():
            by = {"actor": _who(event.actor), "reason": event.reason}
            return Topic.tls, {"state": "reloaded", "changed": list(event.changed), **by}
        case e.Reloaded():
            what = {"kinds": list(event.kinds), "changed": list(event.changed)}
            return Topic.reload, {"state": "taken_up", **what, "actor": _who(event.actor), "reason": event.reason}
        case e.ReloadRefused():
            what = {"actor": _who(event.actor), "problems": list(event.problems)}
            return Topic.reload, {"state": "refused", "kinds": list(event.kinds), **what}
        case e.KillSwitched():
            by = {"actor": _who(event.actor), "reason": event.reason}
            return Topic.kill, {"scope": str(event.scope), "on": event.on, **by}
        case e.DealerPaused():
            by = {"actor": _who(event.actor), "reason": event.reason}
            return Topic.dealer, {"dealer": event.dealer, "state": "paused" if event.on else "resumed", **by}
        # Orders.
        case e.OrderReported():
            said = event.report
            what = {"kind": said.kind.name, "status": said.ord_status, "text": said.text}
            return Topic.report, {"order_id": said.order_id, **what}
        case e.OrderReturned():
            return Topic.returned, {"order_id": event.order_id, "reason": event.reason}
        case e.SessionsAwaited():
            what = {"dealers": list(event.dealers), "until": iso_timestamp(event.until_ns)}
            return Topic.awaited, {"order_id": event.order_id, **what}
        case e.OrderOverridden():
            by = {"actor": _who(event.actor), "reason": event.reason}
            return Topic.override, {"order_id": event.order_id, **by, "dealers": list(event.after)}
        # Rounds.
        case e.RfqOpened():
            plan = {"mode": event.plan.mode.value, "dealers": list(event.plan.dealers)}
            return Topic.rfq, {"rfq_id": event.rfq_id, "order_id": event.order_id, **plan}
        case e.DealerAsked():
            return Topic.asked, {"rfq_id": event.rfq_id, "dealer": event.dealer}
        case e.AskAwaited():
            what = {"dealers": [event.dealer], "until": iso_timestamp(event.until_ns)}
            return Topic.awaited, {**_round(state, event.rfq_id), **what}
        case e.AskBlocked() | e.AcceptBlocked():
            why = {"check": event.check, "reason": event.reason}
            return Topic.blocked, {"rfq_id": event.rfq_id, "dealer": event.dealer, **why}
        case e.QuoteReceived():
            quote = event.quote
            what = {"price": str(quote.price), "problem": quote.problem, "late": event.late}
            return Topic.quote, {"rfq_id": event.rfq_id, "dealer": event.dealer, **what}
        case e.QuoteWithdrawn():
            return Topic.withdrawn, {"rfq_id": event.rfq_id, "dealer": event.dealer}
        case e.DealerDeclined():
            return Topic.declined, {"rfq_id": event.rfq_id, "dealer": event.dealer, "reason": event.reason}
        case e.DealerSilent():
            return Topic.silent, {"rfq_id": event.rfq_id, "dealer": event.dealer}
        case e.TraderAlerted():
            what = {"price": str(_quoted(state, event)), "reason": event.reason}
            return Topic.alert, {**_round(state, event.rfq_id), "dealer": event.dealer, **what}
        case e.RfqClosed():
            return Topic.closed, {**_round(state, event.rfq_id), "outcome": event.outcome}
        case e.AxeAdvertised():
            axe = event.axe
            how_much = str(axe.quantity) if axe.quantity is not None else axe.size.value if axe.size else ""
            what = {"security_id": axe.security_id, "side": axe.side.value, "quantity": how_much}
            price = str(axe.price) if axe.price is not None else None
            return Topic.axe, {"dealer": axe.dealer, "axe_id": axe.axe_id, **what, "price": price}
        case e.AxeWithdrawn():
            what = {"security_id": event.security_id, "state": "withdrawn", "reason": event.reason}
            return Topic.axe, {"dealer": event.dealer, "axe_id": event.axe_id, **what}
        case e.SecuritiesPut():
            what = {"what": "securities", "rows": len(event.bonds) + len(event.removed)}
            return Topic.feed, {**what, "actor": _who(event.actor)}
        case e.CreditLimitsPut():
            what = {"what": "credit_limits", "rows": len(event.limits)}
            return Topic.feed, {**what, "actor": _who(event.actor)}
        case e.RatesPut():
            what = {"what": "rates", "rows": len(event.rates) + len(event.removed)}
            return Topic.feed, {**what, "actor": _who(event.actor)}
        # Acceptances and fills.
        case e.QuoteAccepted():
            what = {"price": str(event.price), "actor": event.actor}
            return Topic.accepted, {
                "order_id": event.order_id,
                "rfq_id": event.rfq_id,
                "dealer": event.dealer,
                **what,
            }
        case e.AcceptWithheld():
            return Topic.withheld, {**_placement(state, event.placement_id), "reason": event.reason}
        case e.PlacementEnded():
            what = {"state": event.state, "reason": event.reason}
            return Topic.placement, {**_placement(state, event.placement_id), **what}
        case e.FillBooked():
            fill = event.fill
            what = {"quantity": str(fill.quantity), "price": str(fill.price)}
            return Topic.fill, {"order_id": fill.order_id, "dealer": fill.dealer, **what}
        case e.FillCanceled():
            fill = event.fill
            what = {"quantity": str(fill.quantity), "price": str(fill.price), "state": "canceled"}
            return Topic.fill, {**_fill(state, fill), **what, "reason": event.reason}
        case e.FillCorrected():
            fill = event.fill
            what = {"quantity": str(fill.quantity), "price": str(fill.price), "state": "corrected"}
            return Topic.fill, {**_fill(state, fill), **what, "reason": event.reason}
        case e.MoneyDiffered():
            what = {"field": event.field, "sent": str(event.sent), "ours": str(event.ours)}
            return Topic.money, {"order_id": event.order_id, **what}
        case e.QuarantineSettled():
            by = {"actor": _who(event.actor), "reason": event.reason}
            return Topic.quarantine, {"fill": event.fill_id, "state": event.verdict.value, **by}
        case e.ReversionMeasured():
            what = {"bps": event.reversion_bps, "reason": event.reason}
            return Topic.reversion, {"exec_id": event.exec_id, "dealer": event.dealer, **what}
        case e.DealerDrifted():
            what = {"before": event.before, "since": event.since, "observations": event.observations}
            return Topic.drift, {"dealer": event.dealer, "measure": event.measure, **what}
        # Messages that change nothing.
        case e.StrayMessage():
            what = {"kind": event.kind, "reference": event.reference, "text": event.text}
            return Topic.stray, {"session": event.session, **what}
        case e.MessageIgnored():
            return Topic.ignored, {"session": event.session, "kind": event.kind, "text": event.text}
    return None


def _session(session: str, became: str, actor: str, reason: str) -> tuple[Topic, Mapping[str, Any]]:
    return Topic.session, {"session": session, "state": became, "actor": _who(actor), "reason": reason}


def _who(actor: str) -> str:
    """A person by the name alone."""
    return actor.removeprefix("person:")


def _round(state: DeskState, rfq_id: str) -> dict[str, str]:
    return {"rfq_id": rfq_id, "order_id": state.rfqs[rfq_id].order_id}


def _placement(state: DeskState, placement_id: str) -> dict[str, str]:
    placement = state.placements[placement_id]
    return {"order_id": placement.order_id, "dealer": placement.dealer}


def _fill(state: DeskState, fill: Fill) -> dict[str, str]:
    """Of one that was changed: its order may be open again, or done."""
    return {
        "order_id": fill.order_id,
        "dealer": fill.dealer,
        "order_state": state.orders[fill.order_id].state.value,
    }


def _quoted(state: DeskState, event: e.TraderAlerted) -> Decimal | None:
    """The price of the quote that an alert is about."""
    ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
    quotes = ask.quotes if ask is not None else ()
    return next((quote.price for quote in quotes if quote.quote_id == event.quote_id), None)
