"""Stats filled by hand, for the tests of this folder."""

from __future__ import annotations

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats

S = 10**9
DAY = 86_400 * S
NOW = 20_700 * DAY + 15 * 3_600 * S
SEGMENT = Segment("corporate", "HY", "3-7y", "5mm-10mm", "buy")


def feed(
    stats: DealerStats,
    dealer: str,
    *,
    asks: int = 50,
    quotes: int | None = None,
    trades: int = 0,
    improvement_bps: float | None = None,
    reversion_bps: float | None = None,
    latency_s: float = 12.0,
    segment: Segment = SEGMENT,
    at_ns: int = NOW,
) -> None:
    """So many asks and answers, every answer alike; who did not quote declined."""
    for number in range(asks):
        stats.asked(dealer, segment, at_ns + number)
        if number < (asks if quotes is None else quotes):
            stats.answered(dealer, segment, at_ns + number, latency_s, True, None)
        else:
            stats.declined(dealer, segment, at_ns + number)
        if number < trades:
            stats.traded(dealer, segment, at_ns + number, improvement_bps)
            if reversion_bps is not None:
                stats.reversion(dealer, segment, at_ns + number, reversion_bps)
