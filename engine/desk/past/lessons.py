"""What a round of another system teaches the classic measures: the same lessons as one that the engine asked itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from engine.clock import NS_PER_S
from engine.dealers.segments import Segment, segment_of_key
from engine.dealers.stats import DealerStats
from engine.domain.instrument import BondTraits
from engine.domain.observation import Answer, AskSeen, BondSeen, Horizon, RoundSeen, RoundTold, Taken
from engine.market.calendars import day_number
from engine.market.tca import classic_reversion_bps, price_improvement_bps

Lesson: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]
"""One observation: which of the ways in which `DealerStats` takes one, and what it is to be told."""

_REVERSION: Final = Horizon.half_hour
_WAITED_S: Final = 120.0
"""The wait of a silent dealer where the row tells no deadline: the engine's own default."""


def lessons_told(told: RoundTold) -> Iterator[Lesson]:
    """Asks, answers, silence, trades and what the market did 30 minutes after them."""
    seen = told.seen
    segment = segment_of_key(seen.segment)
    for ask in seen.asks:
        yield DealerStats.asked, (ask.dealer, segment, ask.sent_ns, seen.bond.security_id)
        yield from _answer(seen, segment, ask)
        if ask.taken is Taken.rejected:
            yield DealerStats.rejected_after_accept, (ask.dealer, segment, _ended_ns(ask))
        elif ask.taken is not Taken.no:
            yield from _trade(told, segment, ask)


def _answer(seen: RoundSeen, segment: Segment, ask: AskSeen) -> Iterator[Lesson]:
    if ask.answer is Answer.passed:
        yield DealerStats.declined, (ask.dealer, segment, ask.answered_ns or ask.sent_ns)
    elif ask.answer is Answer.none:
        deadline_ns = ask.deadline_ns if ask.deadline_ns is not None else ask.sent_ns + int(_WAITED_S * NS_PER_S)
        yield DealerStats.silent, (ask.dealer, segment, deadline_ns, (deadline_ns - ask.sent_ns) / NS_PER_S)
    else:
        # Nobody knows how long it took where the row does not say: not a number is no observation of a time.
        latency_s = float("nan") if ask.answered_ns is None else (ask.answered_ns - ask.sent_ns) / NS_PER_S
        firm = ask.answer is Answer.quote
        facts = (latency_s, firm, ask.edge_bps, seen.bond.issuer or None, _traits(seen.bond))
        yield DealerStats.answered, (ask.dealer, segment, ask.answered_ns or ask.sent_ns, *facts)


def _trade(told: RoundTold, segment: Segment, ask: AskSeen) -> Iterator[Lesson]:
    seen, arrival = told.seen, ask.mark_sent
    improvement_bps = None
    if arrival is not None and ask.fill_price is not None:
        improvement_bps = price_improvement_bps(seen.side.sign, ask.fill_price, arrival.price)
    yield DealerStats.traded, (ask.dealer, segment, _ended_ns(ask), improvement_bps)
    after = next((each.mark for each in told.after if each.horizon is _REVERSION), None)
    if ask.mark_decided is not None and after is not None:
        bps = classic_reversion_bps(seen.side.sign, ask.mark_decided.price, after.price) + 0.0  # no negative zero
        yield DealerStats.reversion, (ask.dealer, segment, _ended_ns(ask), bps)


def _ended_ns(ask: AskSeen) -> int:
    return ask.decided_ns or ask.accepted_ns or ask.answered_ns or ask.sent_ns


def _traits(bond: BondSeen) -> BondTraits | None:
    """What it is compared with other bonds by, where enough of it was told."""
    if not bond.sector or bond.maturity is None:
        return None
    return BondTraits(
        asset_class=bond.asset_class,
        issuer=bond.issuer,
        sector=bond.sector,
        rating=bond.rating,
        maturity_day=day_number(bond.maturity),
        coupon_pct=None if bond.coupon_pct is None else float(bond.coupon_pct),
    )
