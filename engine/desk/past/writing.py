"""Rounds as rows of text, one a dealer asked: what `reading` takes in again, to the same values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from engine.clock import NS_PER_S
from engine.domain.observation import Answer, AskSeen, RoundTold
from engine.domain.order import MarkUsed


def rows_of(told: RoundTold, source: str) -> Iterator[dict[str, str]]:
    """A row a dealer, only the cells that hold something. `source` names what is the engine's own.

    A row has room for one source and age of its marks, those of the mark at the request, and for one error.
    """
    seen = told.seen
    shared = {
        "source": seen.source or source,
        "rfq_id": seen.rfq_id,
        "round": str(seen.round),
        "parent_id": seen.parent_id,
        "security": seen.bond.security_id,
        "asset_class": seen.bond.asset_class,
        "issuer": seen.bond.issuer,
        "sector": seen.bond.sector,
        "maturity": seen.bond.maturity.isoformat() if seen.bond.maturity is not None else "",
        "coupon": _number(seen.bond.coupon_pct),
        "rating_then": seen.bond.rating or "",
        "side": seen.side.value,
        "quantity": _number(seen.quantity),
        "residual": _number(seen.residual),
        "protocol": seen.protocol.value,
        "disclosed": "two-way" if seen.two_way else "one",
        "venue": seen.venue,
        "list_id": seen.list_id,
        "n_asked": str(seen.n_asked),
        "limit": _number(seen.limit_price),
        "cover": _number(seen.cover),
        "p_panel": _float(seen.p_panel),
        "mark_decision": _price(seen.mark_decision),
        "index_decision": _number(seen.index_decision),
    }
    for after in told.after:
        shared[f"mark_{after.horizon.value}"] = _price(after.mark)
        shared[f"index_{after.horizon.value}"] = _number(after.index)
    for ask in seen.asks:
        cells = {**shared, **_of_ask(ask)}
        yield {name: text for name, text in cells.items() if text}


def _of_ask(ask: AskSeen) -> dict[str, str]:
    sent = ask.mark_sent if ask.mark_sent is not None else ask.mark_answered
    # The error is that of the mark which the quote is held against, where there is one: estimates weigh it.
    error = ask.mark_answered if ask.mark_answered is not None else sent
    return {
        "sent_at": _time(ask.sent_ns),
        "dealer": ask.dealer,
        "position": str(ask.position),
        "deadline": _time(ask.deadline_ns),
        # What came too late is no answer: its time, behind the deadline, says so again when it is read.
        "answer": Answer.none.value if ask.late else ask.answer.value,
        "pass_reason": ask.pass_reason,
        "answered_at": _time(ask.answered_ns),
        "price": _number(ask.price),
        "quoted_quantity": _number(ask.quantity),
        "valid_until": _time(ask.valid_until_ns),
        "outcome": ask.taken.value,
        "reject_reason": ask.reject_reason,
        "accepted_at": _time(ask.accepted_ns),
        "filled_quantity": _number(ask.filled) if ask.filled else "",
        "fill_price": _number(ask.fill_price),
        "decision": ask.chosen_by.value,
        "p_dealer": _float(ask.p),
        "mark_source": sent.source if sent is not None else "",
        "mark_age_s": _seconds(sent.age_ns) if sent is not None else "",
        "mark_sd_bps": _float(error.sd_bps) if error is not None else "",
        "mark_sent": _price(ask.mark_sent),
        "mark_answered": _price(ask.mark_answered) if not _is_older(ask) else "",
        "index_sent": _number(ask.index_sent),
    }


def _is_older(ask: AskSeen) -> bool:
    """Was the price held against the mark at the request, for want of a newer one? Then a reader does so, too."""
    sent, answered = ask.mark_sent, ask.mark_answered
    if sent is None or answered is None or ask.answered_ns is None:
        return sent is not None and answered == sent
    return (answered.price, answered.age_ns) == (sent.price, sent.age_ns + ask.answered_ns - ask.sent_ns)


def _price(mark: MarkUsed | None) -> str:
    return _number(mark.price) if mark is not None else ""


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _float(value: float | None) -> str:
    """The shortest text that is this number again; never with an exponent."""
    return "" if value is None else f"{Decimal(repr(value)):f}"


def _time(utc_ns: int | None) -> str:
    if utc_ns is None:
        return ""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _seconds(ns: int) -> str:
    whole, rest = divmod(ns, NS_PER_S)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
