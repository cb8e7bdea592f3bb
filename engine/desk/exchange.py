"""Rates of currencies that sessions, feeds and people deliver: judged, recorded, or refused with the reason.

A rate is an event, unlike the price of a bond: there are few, and limits rest on them. Of a session that tells of every
tick one is taken every so often. Orders whose size nobody could tell are looked at again once there is a rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from engine.clock import iso_timestamp
from engine.desk.deliveries import Delivery
from engine.desk.draft import Draft
from engine.desk.order import again
from engine.desk.setting import Desk
from engine.desk.state import DeskState
from engine.desk.state_rows import rate_key
from engine.domain import events as e
from engine.domain.exchange import Rate, is_pair, pair_of, rate_price
from engine.domain.messages import MarketChanges, MarketPrice
from engine.market.hearing import Refusal, Refused, Wrong, middle, sensible_time
from engine.market.rates import jump_problem, newest

RATES_MAX: Final = 2_000
"""Rates that are kept: one of each pair and source."""


def judge(draft: Draft, told: Rate, *, has_moved: bool = False) -> None:
    """Raises Refused for a rate that cannot be right, or is not wanted; `has_moved`: it is as far away as it says."""
    desk, state = draft.desk, draft.state
    base = desk.base_currency
    if base not in told.currencies:
        raise Refused(Wrong.malformed, f"{told.pair}: neither is the base currency {base}")
    sensible_time(told.as_of_ns, draft.now_ns, desk.rate_limits.ahead_ns_max)
    known = state.rates.get(rate_key(told))
    if known is not None and told.as_of_ns < known.as_of_ns:
        text = (
            f"{told.pair}: {known.source} has told {known.words} as of {iso_timestamp(known.as_of_ns)}, which is later"
        )
        raise Refused(Wrong.too_old, text)
    if known is None and len(state.rates) >= RATES_MAX:
        raise Refused(Wrong.absurd, f"{RATES_MAX:,} rates are kept already")
    last = newest(draft.rates_told(told.pair), draft.now_ns, desk.rate_limits.ahead_ns_max)
    if not has_moved and (problem := jump_problem(told, last, desk.rate_limits)):
        raise Refused(Wrong.absurd, problem)


def record(draft: Draft, rates: Iterable[Rate], removed: Iterable[Rate], actor: str, reason: str = "") -> None:
    """These hold from now on, and what they were missing for is looked at again."""
    draft.record(e.RatesPut(draft.now_ns, tuple(rates), tuple(removed), actor, reason))
    again.rates_came(draft)


def counting(desk: Desk, state: DeskState, now_ns: int) -> dict[str, Rate]:
    """By currency, in alphabetical order, the rate against the base currency that counts now, however old it is."""
    told: dict[str, list[Rate]] = {}
    for each in (*state.rates.values(), *desk.filed_rates.rates):
        if desk.base_currency in each.currencies:
            told.setdefault(next(code for code in each.currencies if code != desk.base_currency), []).append(each)
    found = {code: newest(told[code], now_ns, desk.rate_limits.ahead_ns_max) for code in sorted(told)}
    return {code: rate for code, rate in found.items() if rate is not None}


# --- a market session --------------------------------------------------------------------------------


def on_price(draft: Draft, session: str, heard: MarketPrice) -> None:
    """W of a pair: its mid, or the middle of both sides."""
    _take(draft, session, {heard.security_id: lambda: _told(heard.mid, heard.bid, heard.offer)}, heard.quoted_ns)


def on_changes(draft: Draft, session: str, heard: MarketChanges) -> None:
    """X: mids of pairs, and both sides of those of which one changed."""
    changed = [each for each in heard.sides if is_pair(each.security_id)]
    for each in heard.mids:
        price = each.price
        if price is not None and is_pair(each.security_id):
            _take(draft, session, {each.security_id: _given(price)}, each.quoted_ns)
    for pair, both in Delivery(draft, session).changed(changed).items():
        draft.hear(both)
        if both.bid is not None and both.offer is not None:
            times = [at_ns for at_ns in (both.bid_ns, both.offer_ns) if at_ns is not None]
            _take(draft, session, {pair: _middle(both.bid, both.offer)}, max(times, default=None))


def _given(price: Decimal) -> Callable[[], Decimal]:
    return lambda: price


def _middle(bid: Decimal | None, offer: Decimal | None) -> Callable[[], Decimal]:
    return lambda: middle(bid, offer)[0]


def _told(mid: Decimal | None, bid: Decimal | None, offer: Decimal | None) -> Decimal:
    return mid if mid is not None else middle(bid, offer)[0]


def _take(draft: Draft, session: str, prices: Mapping[str, Callable[[], Decimal]], quoted_ns: int | None) -> None:
    """Record what is right and due; what is wrong is counted."""
    for pair, price_of in prices.items():
        try:
            told = _rate(pair, price_of(), draft.now_ns if quoted_ns is None else quoted_ns, session)
            known = draft.state.rates.get(rate_key(told))
            if known is not None and 0 <= told.as_of_ns - known.as_of_ns < draft.desk.rate_limits.every_ns:
                continue
            judge(draft, told)
        except Refused as refused:
            draft.hear(Refusal(session, pair[:64], refused.wrong, str(refused)[:200]))
            continue
        record(draft, [told], (), f"session:{session}")


def _rate(pair: str, price: Decimal, as_of_ns: int, source: str) -> Rate:
    """A rate of what was told. Raises Refused."""
    try:
        return Rate(pair_of(pair), rate_price(f"{price.normalize():f}"), as_of_ns, source)
    except ValueError as error:
        raise Refused(
            Wrong.not_positive if price <= 0 else Wrong.malformed, f"expected {error}, found {price}"
        ) from None
