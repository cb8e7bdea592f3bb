"""What programs deliver of prices and trades, and what is known of a bond by it.

Each row is judged by itself: what is wrong is named by its place and reason, and stops no other. A source that gives
its trades names of their own may deliver them again: the same changes nothing, another price or size corrects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from engine.clock import utc_day
from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.order_commands import security_of
from engine.commands.parameters import Kind, Param, amount, choice, flag, instant, name, read
from engine.desk.deliveries import Delivery
from engine.desk.setting import Desk
from engine.domain.instrument import Security
from engine.domain.messages import TradePrint
from engine.errors import CommandError
from engine.market.bonds import Unknown, accrued_interest
from engine.market.calendars import Calendar, day_number, day_of
from engine.market.hearing import Refused, Wrong
from engine.market.impact import Expected
from engine.market.marks import Quality


def _number(given: Any) -> Decimal:
    """Any number: what is no price of a bond is refused with its own reason."""
    wanted = "a number as text (such as '99.25')"
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError(wanted)
    try:
        return Decimal(given)
    except InvalidOperation:
        raise ValueError(wanted) from None


_PRICE: Final = Kind("a number as text", _number)
_MARK: Final = (
    Param("security", name, "the bond's ISIN or CUSIP, or a benchmark's name", required=True),
    Param("bid", _PRICE, "clean, in percent of par; with an offer"),
    Param("offer", _PRICE, "clean, in percent of par; with a bid"),
    Param("price", _PRICE, "in place of both: the middle, or a price that somebody has calculated"),
    Param("time", instant, "of when it is; now, where it is left out"),
    Param("quality", choice(*(each.value for each in Quality)), "what kind of price", default=Quality.EVALUATED.value),
)
_TRADE: Final = (
    Param("security", name, "the bond's ISIN or CUSIP", required=True),
    Param("price", _PRICE, "clean, in percent of par"),
    Param("quantity", amount, "face amount"),
    Param("time", instant, "when it was made"),
    Param("id", name, "the source's own name for it; without one, two alike are one"),
    Param("canceled", flag, "true: it is taken back", default=False),
)

Row = Mapping[str, Any]


def marks_put(call: Call) -> dict[str, Any]:
    """Take the prices that are right; name the others."""
    delivery = Delivery(call.draft, _source(call))
    refused = _each(delivery, call.given["rows"], partial(_mark, delivery))
    _end(call, delivery)
    return {"taken": len(call.given["rows"]) - len(refused), "refused": refused}


def trades_put(call: Call) -> dict[str, Any]:
    """Take the trades that are right and new, corrections and cancels of earlier ones; name the others."""
    delivery, since = Delivery(call.draft, _source(call)), call.given["complete_from"]
    new: list[bool] = []
    classes: dict[str, None] = {}

    def take(row: Row) -> None:
        values = _read(_TRADE, row)
        security = _found(delivery, values["security"])
        told = TradePrint(
            security.security_id,
            values["price"],
            values["quantity"],
            values["time"],
            values["id"] or "",
            values["canceled"],
        )
        new.append(delivery.print(told))
        classes[security.asset_class.value] = None

    refused = _each(delivery, call.given["rows"], take)
    complete = sorted(classes) if since is not None else []
    for asset_class in complete:
        try:
            delivery.complete_from(asset_class, day_number(since))
        except Refused as wrong:
            raise CommandError(f"complete_from: {wrong}", code="params") from None
    _end(call, delivery)
    return {"taken": sum(new), "known": len(new) - sum(new), "refused": refused, "complete": complete}


def bond(call: Call) -> dict[str, Any]:
    """What is known of a bond now: its prices by source, how it trades, what an order of it is expected to cost."""
    draft, security = call.draft, security_of(call.draft, call.given["security"])
    desk, now_ns, known = draft.desk, draft.now_ns, draft.desk.appraisal
    window, quantity = call.given["window"], call.given["quantity"]
    adv = known.adv(security, window, now_ns)
    moves = known.volatility(security.security_id, now_ns)
    covered = known.tape.covered_from(security.asset_class, utc_day(now_ns))
    half_spread_bps = desk.half_spread_bps_of(security.security_id, now_ns)
    answer: dict[str, Any] = {
        "security": security.security_id,
        "name": security.name,
        "fair": as_json.mark(draft.mark_of(security.security_id)),
        "marks": [
            {
                "source": mark.source,
                "quality": mark.quality.value,
                "price": as_json.amount(mark.price),
                "half_spread_bps": mark.half_spread_bps,
                "time": as_json.at(mark.utc_ns),
            }
            for mark in desk.marks.marks(security.security_id)
        ],
        "adv": as_json.amount(adv),
        "adv_window_days": window,
        "trades_known_from": None if covered is None else str(day_of(covered)),
        "days_since_trade": known.days_since_trade(security, now_ns),
        "liquidity_score": known.liquidity_score(security, now_ns),
        "volatility_bps": None if moves is None else moves.bps,
        "volatility_n": 0 if moves is None else moves.n,
        "half_spread_bps": half_spread_bps,
        "refused": _refused(call, security),
    }
    if quantity is not None:
        impact = known.expected_impact(security, quantity, now_ns)
        cost = known.expected_cost(security, quantity, half_spread_bps, now_ns)
        answer |= {
            "quantity": as_json.amount(quantity),
            "expected_impact": _expected(impact),
            "expected_cost": _expected(None if cost is None else cost.total),
            **_interest(
                desk, security, quantity, call.given["settlement"] or desk.calendars.settlement(security, now_ns)
            ),
        }
    return answer


def calendars(call: Call) -> dict[str, Any]:
    """What is known of the days of each market, seen from now."""
    now_ns = call.draft.now_ns
    return {"calendars": [_calendar(each, now_ns) for each in call.draft.desk.calendars]}


def _calendar(known: Calendar, now_ns: int) -> dict[str, Any]:
    today, traded = known.date_of(now_ns), known.trade_date(now_ns)
    early = known.next_of(known.early, today)
    return {
        "calendar": known.name,
        "currencies": list(known.currencies),
        "zone": str(known.zone),
        "from": str(known.first),
        "to": str(known.last),
        "trade_date": str(traded),
        "settlement_days": known.regular_days(traded),
        "settlement": str(known.settlement(traded)),
        "next_closed": _day(known.next_of(known.closed, today)),
        "next_without_settlement": _day(known.next_of(known.no_settlement, today)),
        "next_early": _day(early),
        "next_early_close": None if early is None else f"{known.early[early]:%H:%M}",
    }


def _day(day: date | None) -> str | None:
    return None if day is None else str(day)


def _interest(desk: Desk, security: Security, quantity: Decimal, settlement: date) -> dict[str, Any]:
    """Accrued interest of an amount, or why it is not known."""
    before = desk.calendars.of(security).settling.before
    accrued = accrued_interest(security, quantity, settlement, business_day_before=before)
    if isinstance(accrued, Unknown):
        return {"settlement": str(settlement), "accrued": None, "accrued_unknown": accrued.reason}
    return {"settlement": str(settlement), "accrued": as_json.amount(accrued), "accrued_unknown": None}


def _refused(call: Call, security: Security) -> list[dict[str, Any]]:
    """What was refused lately of whoever delivers, this bond's first."""
    refusals = call.draft.desk.refusals
    latest = [(refusals.counts[key], each) for key, each in refusals.latest.items()]
    latest.sort(key=lambda found: (found[1].security_id != security.security_id, -found[0], found[1].source))
    return [
        {
            "source": each.source,
            "security": each.security_id,
            "why": each.wrong.value,
            "count": count,
            "text": each.text,
        }
        for count, each in latest[:_REFUSALS_SHOWN]
    ]


_REFUSALS_SHOWN: Final = 10


def _expected(found: Expected | None) -> dict[str, float] | None:
    return None if found is None else {"bps": found.bps, "low_bps": found.low_bps, "high_bps": found.high_bps}


# --- rows ----------------------------------------------------------------------------------------


def _end(call: Call, delivery: Delivery) -> None:
    if not call.given["dry_run"]:
        delivery.end()


def _each(delivery: Delivery, rows: Iterable[Row], take: Callable[[Row], None]) -> list[dict[str, Any]]:
    """Every row by itself; those that were not taken, with the reason."""
    refused = []
    for place, row in enumerate(rows, 1):
        word = row.get("security")
        wrong = delivery.attempt(word if isinstance(word, str) else "", partial(take, row))
        if wrong is not None:
            refused.append({"line": place, "reason": str(wrong), "why": wrong.wrong.value})
    return refused


def _mark(delivery: Delivery, row: Row) -> None:
    values = _read(_MARK, row)
    word, quality = values["security"], Quality(values["quality"])
    levels = delivery.draft.desk.appraisal.parameters.benchmarks.values()
    security_id = word if word in levels else _found(delivery, word).security_id
    whole = values["price"]
    if whole is None:
        delivery.two_sided(security_id, values["bid"], values["offer"], values["time"], quality)
    elif values["bid"] is not None or values["offer"] is not None:
        raise Refused(Wrong.malformed, "expected either a price, or bid and offer")
    else:
        delivery.mark(security_id, whole, values["time"], quality)


def _found(delivery: Delivery, word: str) -> Security:
    try:
        return security_of(delivery.draft, word)
    except CommandError as error:
        raise Refused(Wrong.unknown_security, str(error)) from None


def _read(params: tuple[Param, ...], row: Row) -> dict[str, Any]:
    try:
        return read("row", params, row)
    except CommandError as error:
        raise Refused(Wrong.malformed, str(error).removeprefix("row: ")) from None


def _source(call: Call) -> str:
    """Whose prices they are: by its own name, or by that of who delivers. Never a session's: that speaks for itself."""
    named: str | None = call.given["source"]
    if named is not None and named in call.draft.desk.market_sessions:
        raise CommandError(f"source: {named} is a session of the market, give another name", code="params")
    return named or f"feed:{call.actor}"
