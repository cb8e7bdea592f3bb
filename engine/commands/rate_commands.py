"""Rates of currencies: delivered by programs and people, and shown with what each is good for now."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.clock import span
from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.parameters import Kind, Param, flag, instant, pair, read
from engine.desk import exchange
from engine.desk.draft import Draft
from engine.desk.state_rows import rate_key
from engine.domain.exchange import Rate, rate_price
from engine.errors import CommandError
from engine.market.hearing import Refused
from engine.market.rates import doubt, newest, stale

Row = Mapping[str, Any]


def _price(given: Any) -> Decimal:
    return rate_price(given if isinstance(given, str) else "")


_PRICE: Final = Kind("how much of the second one of the first is, in plain digits such as 1.0850", _price)
_ROW: Final = (
    Param("pair", pair, "both currencies, EUR/USD", required=True),
    Param("price", _PRICE, "how much of the second currency one of the first is, as text", required=True),
    Param("time", instant, "of when it is; now, where it is left out"),
    Param("has_moved", flag, "true: it has moved as far as it says", default=False),
)


def put(call: Call) -> dict[str, Any]:
    """Take the rates that are right; name the others."""
    draft = call.draft
    source = _source(call)
    taken: dict[str, Rate] = {}
    refused: list[dict[str, Any]] = []
    doubted: list[dict[str, Any]] = []
    for place, row in enumerate(call.given["rows"], 1):
        try:
            told = _told(call, row, source)
            if rate_key(told) in taken:
                raise CommandError(f"{told.pair} is in this delivery already", code="params")
        except (CommandError, Refused) as error:
            refused.append({"line": place, "reason": str(error).removeprefix("row: ")})
            continue
        taken[rate_key(told)] = told
        if words := doubt(told) or stale(told, draft.now_ns, draft.desk.rate_limits):
            doubted.append({"line": place, "reason": words})
    if taken and not call.given["dry_run"]:
        exchange.record(draft, taken.values(), (), call.by, call.given["reason"] or "")
    return {"taken": len(taken), "refused": refused, "doubtful": doubted}


def _told(call: Call, row: Row, source: str) -> Rate:
    draft, values = call.draft, read("row", _ROW, row)
    if values["has_moved"] and not call.given["reason"]:
        raise CommandError("has_moved: expected a reason with it", code="params")
    as_of_ns = draft.now_ns if values["time"] is None else values["time"]
    told = Rate(values["pair"], values["price"], as_of_ns, source)
    exchange.judge(draft, told, has_moved=values["has_moved"])
    return told


def remove(call: Call) -> dict[str, Any]:
    """Take back what a source has told of a pair: of the file, take it out there and reload."""
    draft, given = call.draft, call.given
    told = draft.state.rates_of(given["pair"])
    source: str | None = given["source"]
    gone = [each for each in told if source is None or each.source == source]
    if not gone:
        known = ", ".join(each.source for each in told) or "nobody"
        whose = f" of {source}" if source is not None else ""
        raise CommandError(f"no rate {given['pair']}{whose} is kept; told by: {known}", code="unknown")
    exchange.record(draft, (), gone, call.by, given["reason"])
    return {"pair": given["pair"], "removed": [each.source for each in gone]}


def rates(call: Call) -> dict[str, Any]:
    """Every rate that is kept, those that count first: what each currency is worth, by whom, and how old it is."""
    draft = call.draft
    desk, limits = draft.desk, draft.desk.rate_limits
    told = [*draft.state.rates.values(), *desk.filed_rates.rates]
    known: dict[tuple[str, str], list[Rate]] = {}
    for each in told:
        known.setdefault(each.currencies, []).append(each)
    shown = []
    for currencies in sorted(known):
        counts = newest(known[currencies], draft.now_ns, limits.ahead_ns_max)
        for each in sorted(known[currencies], key=lambda rate: (rate is not counts, -rate.as_of_ns, rate.source)):
            shown.append(_shown(draft, each, counts=each is counts))
    return {
        "base_currency": desk.base_currency,
        "age_max_s": limits.age_ns_max // 1_000_000_000,
        "uses_stale": limits.uses_stale,
        "rates": shown,
        "without": _without(draft),
    }


def _shown(draft: Draft, rate: Rate, *, counts: bool) -> dict[str, Any]:
    base, limits = draft.desk.base_currency, draft.desk.rate_limits
    age_ns = draft.now_ns - rate.as_of_ns
    ours = base in rate.currencies
    currency = next((each for each in rate.currencies if each != base), "") if ours else ""
    if not ours:
        state = f"of no use: neither is {base}"
    elif age_ns < -limits.ahead_ns_max:
        state = "lies ahead"
    elif not counts:
        state = "there is a newer one"
    elif age_ns > limits.age_ns_max:
        state = f"{'used, though ' if limits.uses_stale else ''}too old: at most {span(limits.age_ns_max)}"
    else:
        state = "used"
    return {
        "currency": currency,
        "worth": as_json.amount(rate.worth_in(base)) if ours else None,
        "pair": rate.pair,
        "price": as_json.amount(rate.price),
        "source": rate.source,
        "time": as_json.at(rate.as_of_ns),
        "age_s": max(0, age_ns) // 1_000_000_000,
        "used": ours and counts and (age_ns <= limits.age_ns_max or limits.uses_stale),
        "state": state,
    }


def _without(draft: Draft) -> list[str]:
    """Currencies of the desk's bonds that have no rate that could be used."""
    found = {bond.currency for bond in draft.desk.securities.values()}
    return sorted(each for each in found if draft.worth_of(each) is None)


def _source(call: Call) -> str:
    """Whose rates they are: by its own name, or by that of who delivers. Never a session's: that speaks for itself."""
    named: str | None = call.given["source"]
    if named is not None and named in call.draft.desk.market_sessions:
        raise CommandError(f"source: {named} is a session of the market, give another name", code="params")
    return named or (f"feed:{call.actor}" if call.role == "feed" else call.by)
