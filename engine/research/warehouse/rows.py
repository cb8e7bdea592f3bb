"""Events in, rows of the warehouse's tables out: what a row says follows from the events up to its own alone.

So it does not matter how often, or in what pieces, a journal is exported. A row that is a version of an earlier one
holds the whole thing as it stood after its event; `Kept` gives the earlier one back, from memory or from the files.

No message is exported, and no credential: what an event keeps of a message that nobody understood is left out.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

import orjson

from engine.clock import NS_PER_S
from engine.domain import events as e
from engine.domain.leak import LeakOutcome
from engine.domain.observation import AskSeen, RoundSeen, RoundTold
from engine.domain.order import MarkUsed, OrderFacts, OrderTerms
from engine.domain.placement import Fill
from engine.domain.recommendation import Recommendation, Selection
from engine.journal.batch import EventRow
from engine.journal.events import events_codec
from engine.market.calendars import utc_date
from engine.masking import masked_values, may_hold_secret
from engine.research.warehouse.tables import (
    ACCEPTANCES,
    ASKS,
    EVENTS,
    EXECUTIONS,
    LEAKS,
    MARKS,
    ORDERS,
    QUOTES,
    RFQS,
    ROUNDS,
    SCORES,
    TCA,
    Table,
)

Row = dict[str, Any]
"""Values by column; one that is missing is null."""


class Found(NamedTuple):
    """A row that was put before, and the day that it is kept under."""

    date: datetime.date
    row: Row


class Kept(Protocol):
    """Where rows go."""

    def put(self, table: Table, date: datetime.date, row: Row, *, known_by: tuple[str, ...] = ()) -> None:
        """A row of the current event. By the columns `known_by`, it can be found again."""

    def over(self, table: Table, date: datetime.date, key: tuple[Any, ...]) -> None:
        """Rows of this key from before the current event do not stand any more."""

    def find(self, table: Table, since: datetime.date | None = None, **known_by: Any) -> Found | None:
        """The last row of that name so far; of files, only in those of this day or later."""


Early = dict[str, list[tuple[int, str]]]
"""Marks of rounds that are not over, by RFQ: version and body of the events that told them."""


class Rows:
    """Makes rows of events. `early` is what has to be known of earlier ones beside their rows."""

    __slots__ = ("_body", "_kept", "_version", "codec", "early")

    def __init__(self, kept: Kept, early: Early | None = None) -> None:
        self.codec = events_codec()
        self.early: Early = early if early is not None else {}
        self._kept = kept
        self._version, self._body = 0, ""

    def take(self, row: EventRow) -> None:
        """Every row of one event, to `Kept`. Raises JournalError where this build cannot read it."""
        handler = _HANDLERS.get(row.type)
        self._version, self._body = row.version, _without_secrets(row.body)
        event = None
        if handler is not None:
            event = self.codec.decode(row.type, row.version, self._body)
            handler(self, event)
        told = {"turn": row.turn_seq, "type": row.type, "version": row.version, "body": self._shown(row, event)}
        self._kept.put(EVENTS, utc_date(row.utc_ns), told)

    def _shown(self, row: EventRow, event: Any) -> str:
        """The body as it may be seen elsewhere."""
        if isinstance(event, e.HistoryAdded):  # Each of its rounds is a row of its own.
            count = {"at_ns": event.at_ns, "rounds_told": len(event.rounds), "origin": event.origin}
            return orjson.dumps({**count, "actor": event.actor}).decode()
        if row.type in _LEFT_OUT:
            body = orjson.loads(self._body)
            _LEFT_OUT[row.type](body)
            return orjson.dumps(body).decode()
        return self._body

    # --- orders ------------------------------------------------------------------------------------

    def _order_received(self, event: e.OrderReceived) -> None:
        row = {
            "order_id": event.order_id,
            "told_by": "OrderReceived",
            "state": "pending_new",
            "actor": event.actor,
            "received": event.at_ns,
            "filled": Decimal(0),
            "leaves": event.terms.quantity,
            "rounds": 0,
            "reason": event.manual_reason or event.duplicate_of,
            **_mark("arrival", event.arrival),
            **_terms(event.terms),
            **_facts(event.facts),
        }
        self._kept.put(ORDERS, utc_date(event.at_ns), row, known_by=("order_id",))

    def _order_changed(self, order_id: str, told_by: str, **changes: Any) -> None:
        self._changed(ORDERS, {"told_by": told_by, **changes}, order_id=order_id)

    def _order_replaced(self, event: e.OrderReplaced) -> None:
        facts = _facts(event.facts) if event.facts is not None else {}
        changes = {**_terms(event.terms), **facts, "reason": event.manual_reason}
        self._order_changed(event.order_id, "OrderReplaced", **changes)

    def _order_rated(self, event: e.OrderRated) -> None:
        self._order_changed(event.order_id, "OrderRated", worth=_number(event.rate.worth), segment=event.segment)

    def _order_reported(self, event: e.OrderReported) -> None:
        said = event.report
        if said.code is not None:
            return  # It never became an order.
        self._order_changed(
            said.order_id,
            "OrderReported",
            state=said.ord_status.name,
            filled=said.cum_quantity,
            leaves=said.leaves_quantity,
            average_price=said.average_price if said.cum_quantity else None,
            **({"reason": said.text} if said.text else {}),
        )

    def _order_returned(self, event: e.OrderReturned) -> None:
        self._order_changed(event.order_id, "OrderReturned", reason=event.reason)

    def _order_canceled(self, event: e.OrderCanceled) -> None:
        self._order_changed(event.order_id, "OrderCanceled", state="canceled", reason=event.reason, ended=event.at_ns)

    def _order_expired(self, event: e.OrderExpired) -> None:
        self._order_changed(event.order_id, "OrderExpired", state="expired", reason=event.reason, ended=event.at_ns)

    def _recommended(self, event: e.OrderRecommended) -> None:
        said = event.recommendation
        scorer = said.selection.scorer if said.selection is not None else None
        self._order_changed(event.order_id, "OrderRecommended", rule=said.rule, scorer=scorer, book_hash=said.book_hash)
        if said.selection is not None:
            for row in _scores(event.order_id, said, said.selection):
                self._kept.put(SCORES, utc_date(event.at_ns), row)

    # --- rounds ------------------------------------------------------------------------------------

    def _opened(self, event: e.RfqOpened) -> None:
        order = self._kept.find(ORDERS, order_id=event.order_id)
        plan = event.plan
        row = {
            **_picked(order, _BOND),
            "rfq_id": event.rfq_id,
            "order_id": event.order_id,
            "round": event.round,
            "quantity": event.quantity,
            "mode": plan.mode.value,
            "planned": " ".join(plan.dealers),
            "wait_s": plan.wait_ns / NS_PER_S,
            "stagger_s": plan.stagger_ns / NS_PER_S,
            "automatic": plan.execute.automatic,
            "opened_by": event.opened_by,
            "opened": event.at_ns,
            **_mark("fair", event.fair),
        }
        self._kept.put(RFQS, utc_date(event.at_ns), row, known_by=("rfq_id",))
        self._order_changed(event.order_id, "RfqOpened", rounds=event.round)

    def _closed(self, event: e.RfqClosed) -> None:
        self._changed(RFQS, {"closed": event.at_ns, "outcome": event.outcome}, rfq_id=event.rfq_id)

    def _observed(self, event: e.RoundObserved) -> None:
        seen = event.round
        self._round(RoundTold(seen), "RoundObserved", self._version, self._body)
        for version, body in self.early.get(seen.rfq_id, ()):
            self._round_mark(self.codec.decode("RoundMarked", version, body), version, body)
        self.early.pop(seen.rfq_id, None)

    def _told(self, event: e.HistoryAdded) -> None:
        for told in event.rounds:
            alone = e.HistoryAdded(event.at_ns, (told,), event.origin, event.actor)
            _, version, body = self.codec.encode(alone)
            self._round(told, "HistoryAdded", version, body.decode())

    def _round(self, told: RoundTold, told_by: str, version: int, body: str) -> None:
        seen = told.seen
        date = utc_date(seen.sent_ns)
        row = {**_round_row(seen), "told_by": told_by, "version": version, "body": body}
        self._kept.put(ROUNDS, date, row, known_by=_OWN if not seen.source else ())
        for ask in seen.asks:
            self._kept.put(ASKS, date, _ask_row(row, ask))
        for after in told.after:
            row = {
                "after": "round",
                "source": seen.source,
                "rfq_id": seen.rfq_id,
                "round": seen.round,
                "horizon": after.horizon.value,
                "index": _number(after.index),
                **_mark("mark", after.mark),
                "quality": after.mark.quality if after.mark is not None else None,
            }
            self._kept.put(MARKS, date, row)

    def _amended(self, event: e.RoundAmended) -> None:
        known = self._own_round(event.rfq_id)
        if known is None:
            return
        date, before = known
        changes = {"residual": event.residual, "reason": event.reason, "told_by": "RoundAmended"}
        row = {**before, **changes, "version": self._version, "body": self._body}
        self._kept.over(ROUNDS, date, tuple(row[name] for name in ROUNDS.key))
        self._kept.put(ROUNDS, date, row, known_by=_OWN)
        for ask in event.was:
            self._kept.over(ASKS, date, (row["source"], row["rfq_id"], row["round"], ask.dealer))
        for ask in event.now:
            self._kept.over(ASKS, date, (row["source"], row["rfq_id"], row["round"], ask.dealer))
            self._kept.put(ASKS, date, _ask_row(row, ask))

    def _round_marked(self, event: e.RoundMarked) -> None:
        if not self._round_mark(event, self._version, self._body):
            self.early.setdefault(event.rfq_id, []).append((self._version, self._body))

    def _round_mark(self, event: e.RoundMarked, version: int, body: str) -> bool:
        known = self._own_round(event.rfq_id)
        if known is None:
            return False
        row = {
            **_marked("round", event),
            "source": known.row["source"],
            "rfq_id": event.rfq_id,
            "round": known.row["round"],
            "version": version,
            "body": body,
        }
        self._kept.put(MARKS, known.date, row)
        return True

    def _own_round(self, rfq_id: str) -> Found | None:
        """A round that is over. One that is not is no older than its RFQ: so far it need not be looked for."""
        rfq = self._kept.find(RFQS, rfq_id=rfq_id)
        return self._kept.find(ROUNDS, rfq.date if rfq is not None else None, source="", rfq_id=rfq_id)

    # --- prices ------------------------------------------------------------------------------------

    def _quoted(self, event: e.QuoteReceived) -> None:
        quote, rfq = event.quote, self._kept.find(RFQS, rfq_id=event.rfq_id)
        row = {
            **_picked(rfq, ("order_id", "security_id", "side")),
            "rfq_id": event.rfq_id,
            "dealer": event.dealer,
            "quote_id": quote.quote_id,
            "segment": event.segment,
            "received": quote.received_ns,
            "latency_s": quote.latency_ns / NS_PER_S,
            "kind": quote.kind.value,
            "bid": quote.bid,
            "offer": quote.offer,
            "price": quote.price,
            "quantity": quote.quantity,
            "firm_until": quote.firm_until_ns,
            "edge_bps": quote.edge_bps,
            "problem": quote.problem,
            "late": event.late,
            "first": event.first,
            "firmed": event.firmed,
            "withdrawn": quote.withdrawn,
            **_mark("mark", quote.mark),
        }
        date = rfq.date if rfq is not None else utc_date(event.at_ns)
        self._kept.over(QUOTES, date, (event.rfq_id, event.dealer, quote.quote_id))
        self._kept.put(QUOTES, date, row, known_by=QUOTES.key)

    def _quote_withdrawn(self, event: e.QuoteWithdrawn) -> None:
        name = {"rfq_id": event.rfq_id, "dealer": event.dealer, "quote_id": event.quote_id}
        self._changed(QUOTES, {"withdrawn": True}, **name)

    # --- executions --------------------------------------------------------------------------------

    def _accepted(self, event: e.QuoteAccepted) -> None:
        order = self._kept.find(ORDERS, order_id=event.order_id)
        row = {
            **_picked(order, ("side",)),
            "placement_id": event.placement_id,
            "rfq_id": event.rfq_id,
            "order_id": event.order_id,
            "dealer": event.dealer,
            "quote_id": event.quote_id,
            "security_id": event.security_id,
            "quantity": event.quantity,
            "price": event.price,
            "filled": Decimal(0),
            "state": "in_doubt",
            "accepted": event.at_ns,
            "actor": event.actor,
            "reason": event.reason,
            **_mark("mark", event.mark),
        }
        self._kept.put(ACCEPTANCES, utc_date(event.at_ns), row, known_by=("placement_id",))

    def _acceptance_changed(self, placement_id: str, **changes: Any) -> None:
        self._changed(ACCEPTANCES, changes, placement_id=placement_id)

    def _withheld(self, event: e.AcceptWithheld) -> None:
        self._acceptance_changed(event.placement_id, state="withheld", reason=event.reason, ended=event.at_ns)

    def _acknowledged(self, event: e.PlacementAcknowledged) -> None:
        self._acceptance_changed(event.placement_id, state="acknowledged")

    def _ended(self, event: e.PlacementEnded) -> None:
        self._acceptance_changed(event.placement_id, state=event.state, reason=event.reason, ended=event.at_ns)

    def _filled(self, placement_id: str, more: Decimal, state: str | None, at_ns: int) -> None:
        """So much more is filled of an acceptance; `state` is what it is by then, None: what follows."""
        known = self._kept.find(ACCEPTANCES, placement_id=placement_id)
        if known is None:
            return
        filled = known.row["filled"] + more
        if state is None:
            state = "filled" if filled >= known.row["quantity"] else known.row["state"]
        ended = at_ns if state not in ("in_doubt", "acknowledged") else None
        self._acceptance_changed(placement_id, filled=filled, state=state, ended=ended)

    def _booked(self, event: e.FillBooked) -> None:
        fill = event.fill
        row = {
            **_picked(self._kept.find(ORDERS, order_id=fill.order_id), _OF_AN_ORDER),
            **_picked(self._kept.find(ACCEPTANCES, placement_id=fill.placement_id), ("rfq_id",)),
            **_fill(fill),
            "segment": event.segment,
            "state": "booked",
            "booked": event.at_ns,
            "improvement_bps": event.improvement_bps,
            "half_spread_bps": event.half_spread_bps,
            **_mark("mark", event.mark),
        }
        self._kept.put(EXECUTIONS, utc_date(event.at_ns), row, known_by=("exec_id",))
        self._filled(fill.placement_id, fill.quantity, None, event.at_ns)
        self._figure(fill.exec_id, "engine", "improvement", event.improvement_bps)

    def _taken_back(self, event: e.FillCanceled) -> None:
        self._changed(EXECUTIONS, {"state": "busted", "reason": event.reason}, exec_id=event.fill.exec_id)
        self._filled(event.fill.placement_id, -event.fill.quantity, event.becomes, event.at_ns)

    def _corrected(self, event: e.FillCorrected) -> None:
        changes = {**_fill(event.fill), "state": "corrected", "reason": event.reason}
        self._changed(EXECUTIONS, changes, exec_id=event.fill.exec_id)
        more = event.fill.quantity - event.was.quantity
        self._filled(event.fill.placement_id, more, event.becomes, event.at_ns)

    def _fill_marked(self, event: e.FillMarked) -> None:
        known = self._kept.find(EXECUTIONS, exec_id=event.exec_id)
        date = known.date if known is not None else utc_date(event.at_ns)
        row = {**_marked("fill", event), **_picked(known, ("rfq_id",)), "exec_id": event.exec_id}
        self._kept.put(MARKS, date, {**row, "version": self._version, "body": self._body})

    def _reverted(self, event: e.ReversionMeasured) -> None:
        self._figure(event.exec_id, "engine", "classic_reversion", event.reversion_bps, event.reason)

    def _outside(self, event: e.TcaReceived) -> None:
        for result in event.results:
            for figure, bps in zip(event.figures, result.bps, strict=True):
                if bps is not None:
                    self._figure(result.exec_id, event.source, figure, bps)

    def _figure(self, exec_id: str, source: str, figure: str, bps: float | None, reason: str = "") -> None:
        known = self._kept.find(EXECUTIONS, exec_id=exec_id)
        if known is None:
            return
        row = {**_picked(known, ("order_id", "dealer")), "exec_id": exec_id, "source": source, "figure": figure}
        self._kept.put(TCA, known.date, {**row, "bps": bps, "reason": reason})

    def _leaks(self, event: e.LeakSolved) -> None:
        for name, outcome in (("in", event.table.leak_in), ("post", event.table.leak_post)):
            for row in _leak_rows(outcome):
                self._kept.put(LEAKS, utc_date(event.at_ns), {**row, "outcome": name, "rounds": event.rounds})

    def _changed(self, table: Table, changes: Mapping[str, Any], **known_by: Any) -> None:
        """Another version of a row, where these values are others than before."""
        known = self._kept.find(table, **known_by)
        if known is None:
            return
        date, before = known
        if all(before.get(name) == value for name, value in changes.items() if name != "told_by"):
            return
        row = {**before, **changes}
        self._kept.over(table, date, tuple(row[name] for name in table.key))
        self._kept.put(table, date, row, known_by=tuple(known_by))


_HANDLERS: Final[Mapping[str, Callable[[Rows, Any], None]]] = {
    "OrderReceived": Rows._order_received,
    "OrderReplaced": Rows._order_replaced,
    "OrderRated": Rows._order_rated,
    "OrderReported": Rows._order_reported,
    "OrderReturned": Rows._order_returned,
    "OrderCanceled": Rows._order_canceled,
    "OrderExpired": Rows._order_expired,
    "OrderRecommended": Rows._recommended,
    "RfqOpened": Rows._opened,
    "RfqClosed": Rows._closed,
    "RoundObserved": Rows._observed,
    "RoundAmended": Rows._amended,
    "RoundMarked": Rows._round_marked,
    "HistoryAdded": Rows._told,
    "QuoteReceived": Rows._quoted,
    "QuoteWithdrawn": Rows._quote_withdrawn,
    "QuoteAccepted": Rows._accepted,
    "AcceptWithheld": Rows._withheld,
    "PlacementAcknowledged": Rows._acknowledged,
    "PlacementEnded": Rows._ended,
    "FillBooked": Rows._booked,
    "FillCanceled": Rows._taken_back,
    "FillCorrected": Rows._corrected,
    "FillMarked": Rows._fill_marked,
    "ReversionMeasured": Rows._reverted,
    "TcaReceived": Rows._outside,
    "LeakSolved": Rows._leaks,
}


def _without_message(body: dict[str, Any]) -> None:
    if isinstance(body.get("report"), dict):
        body["report"].pop("as_came", None)


def _without_input(body: dict[str, Any]) -> None:
    body.pop("input", None)


_LEFT_OUT: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    "FillQuarantined": _without_message,
    "InputRefused": _without_input,
}
"""Events that keep a message as it came, and what takes it out."""

_OWN: Final = ("source", "rfq_id")
"""What a round is known by that was asked here: later events name its RFQ alone."""
_BOND: Final = ("security_id", "issuer", "asset_class", "segment", "rating", "side")
_OF_AN_ORDER: Final = (*_BOND, "account", "trader", "currency")
_OF_A_ROUND: Final = ("source", "rfq_id", "round", "parent_id", *_BOND, "protocol", "n_asked")


# --- values --------------------------------------------------------------------------------------


def _without_secrets(body: bytes | str) -> str:
    """What an event's JSON is for everything that is made of it: hardly ever anything else than it was."""
    text = body if isinstance(body, str) else body.decode()
    if not may_hold_secret(text.encode()):
        return text
    return orjson.dumps(masked_values(orjson.loads(text))).decode()


def _number(value: Decimal | None) -> float | None:
    return float(value) if value is not None else None


def _picked(found: Found | None, names: tuple[str, ...]) -> Row:
    return {} if found is None else {name: found.row.get(name) for name in names}


def _mark(prefix: str, mark: MarkUsed | None) -> Row:
    if mark is None:
        return {f"{prefix}_{name}": None for name in ("price", "source", "age_s", "sd_bps")}
    return {
        f"{prefix}_price": mark.price,
        f"{prefix}_source": mark.source,
        f"{prefix}_age_s": mark.age_ns / NS_PER_S,
        f"{prefix}_sd_bps": mark.sd_bps,
    }


def _marked(after: str, event: e.RoundMarked | e.FillMarked) -> Row:
    return {
        "after": after,
        "horizon": event.horizon.value,
        "due": event.due_ns,
        **_mark("mark", event.mark),
        "quality": event.mark.quality if event.mark is not None else None,
        "index": _number(event.index),
        "reason": event.reason,
    }


def _terms(terms: OrderTerms) -> Row:
    return {
        "session": terms.session,
        "cl_ord_id": terms.cl_ord_id,
        "account": terms.account,
        "trader": terms.trader,
        "security_id": terms.security_id,
        "side": terms.side.value,
        "quantity": terms.quantity,
        "limit_price": terms.limit_price,
        "currency": terms.currency,
        "tif": terms.tif.value,
        "handling": terms.handling.value,
        "expires": terms.expire_ns,
        "settl_date": terms.settl_date,
    }


def _facts(facts: OrderFacts) -> Row:
    return {
        "issuer": facts.issuer,
        "asset_class": facts.asset_class,
        "segment": facts.segment,
        "rating": facts.rating,
        "adv": facts.adv_30d,
        "liquidity_score": facts.liquidity_score,
        "days_since_trade": facts.days_since_trade,
        "volatility_bps": facts.volatility_bps,
        "half_spread_bps": facts.half_spread_bps,
        "impact_bps": facts.impact_bps,
        "worth": _number(facts.worth),
    }


def _round_row(seen: RoundSeen) -> Row:
    return {
        "source": seen.source,
        "rfq_id": seen.rfq_id,
        "round": seen.round,
        "parent_id": seen.parent_id,
        "security_id": seen.bond.security_id,
        "issuer": seen.bond.issuer,
        "asset_class": seen.bond.asset_class,
        "segment": seen.segment,
        "rating": seen.bond.rating,
        "side": seen.side.value,
        "quantity": seen.quantity,
        "residual": seen.residual,
        "protocol": seen.protocol.value,
        "two_way": seen.two_way,
        "venue": seen.venue,
        "list_id": seen.list_id,
        "n_asked": seen.n_asked,
        "informed": seen.informed,
        "limit_price": seen.limit_price,
        "sent": seen.sent_ns,
        "closed": seen.closed_ns,
        "decided": seen.decided_ns,
        **_mark("decision", seen.mark_decision),
        "index_decision": _number(seen.index_decision),
        "cover": seen.cover,
        "adv": seen.adv,
        "volatility_bps": seen.volatility_bps,
        "worth": _number(seen.worth),
        "p_panel": seen.p_panel,
        "is_drawn": seen.is_drawn,
        "reason": "",
    }


def _ask_row(of_round: Row, ask: AskSeen) -> Row:
    answered = ask.answered_ns
    return {
        **{name: of_round[name] for name in _OF_A_ROUND},
        "round_quantity": of_round["quantity"],
        "dealer": ask.dealer,
        "position": ask.position,
        "sent": ask.sent_ns,
        "deadline": ask.deadline_ns,
        "answer": ask.answer.value,
        "answered": answered,
        "latency_s": (answered - ask.sent_ns) / NS_PER_S if answered is not None else None,
        "late": ask.late,
        "withdrawn": ask.withdrawn,
        "pending": ask.pending,
        "pass_reason": ask.pass_reason,
        "price": ask.price,
        "quantity": ask.quantity,
        "valid_until": ask.valid_until_ns,
        "priced": ask.priced_ns,
        "edge_bps": ask.edge_bps,
        **_mark("sent", ask.mark_sent),
        "index_sent": _number(ask.index_sent),
        **_mark("answered", ask.mark_answered),
        "taken": ask.taken.value,
        "accepted": ask.accepted_ns,
        **_mark("accepted", ask.mark_accepted),
        "decided": ask.decided_ns,
        **_mark("decided", ask.mark_decided),
        "reject_reason": ask.reject_reason,
        "filled": ask.filled,
        "fill_price": ask.fill_price,
        "chosen_by": ask.chosen_by.value,
        "p": ask.p,
    }


def _fill(fill: Fill) -> Row:
    return {
        "exec_id": fill.exec_id,
        "order_id": fill.order_id,
        "placement_id": fill.placement_id,
        "dealer": fill.dealer,
        "dealer_exec_id": fill.dealer_exec_id,
        "quantity": fill.quantity,
        "price": fill.price,
        "accrued": fill.accrued,
        "gross": fill.gross,
        "net": fill.net,
        "trade_date": fill.trade_date,
        "settl_date": fill.settl_date,
        "transacted": fill.transact_ns,
        "manual": fill.manual,
    }


def _scores(order_id: str, said: Recommendation, selection: Selection) -> list[Row]:
    """A row a candidate, best first, and one for every other dealer with the reason why it is not asked."""
    left_out = {dealer: each.why.value for each in selection.left_out for dealer in each.dealers}
    asked = set(selection.asked)
    whole: Row = {
        "order_id": order_id,
        "round": selection.round,
        "rule": said.rule,
        "scorer": selection.scorer,
        "panel_p": selection.panel_p,
        "drawn": selection.draw is not None,
    }
    expected = selection.expected
    if expected is not None:
        whole |= {"cost_bps": expected.cost_bps, "fill_p": expected.fill, "c_fail_bps": expected.c_fail_bps}
    rows: list[Row] = []
    for at, dealer in enumerate(selection.candidates):
        row = {
            **whole,
            "dealer": dealer,
            "asked": dealer in asked,
            "place": at + 1,
            "left_out": left_out.get(dealer, ""),
            "score": _at(selection.scores, at),
            "inclusion_p": _at(selection.inclusion_p, at),
            "explored": dealer == selection.explored,
            "dropped": dealer == selection.dropped,
        }
        if expected is not None:
            row |= {name: _at(getattr(expected, name), at) for name in _EXPECTED}
        rows.append(row)
    known = set(selection.candidates)
    rows += [
        {**whole, "dealer": dealer, "asked": False, "left_out": why, "explored": False, "dropped": False}
        for dealer, why in left_out.items()
        if dealer not in known
    ]
    return rows


_EXPECTED: Final = (
    "p_quote", "p_quote_se", "p_in_time", "edge_bps", "edge_se_bps", "edge_sd_bps", "firmness", "firmness_se",
    "size_share", "p_win", "leak_in_bps", "leak_post_bps", "leak_se_bps", "leak_identified", "marginal_bps",
    "marginal_se_bps", "reservation_bps", "latency_p50_s", "latency_p90_s", "asks",
)  # fmt: skip


def _at(values: tuple[Any, ...], place: int) -> Any:
    return values[place] if place < len(values) else None


def _leak_rows(outcome: LeakOutcome) -> list[Row]:
    return [
        {
            "dealer": each.dealer,
            "leak_bps": each.leak.value,
            "sd_bps": each.leak.sd,
            "low_bps": each.leak.low,
            "high_bps": each.leak.high,
            "se_bps": each.se_bps,
            "n_eff": each.leak.n_eff,
            "identified": each.identified.value,
            "asks": each.asks,
        }
        for each in outcome.dealers
    ]
