"""What a quote or a trade cost: one function per figure that is measured today.

Every price is clean, in percent of par; every result is in bps of its divisor.
`s` is the side's sign, +1 for a buy and -1 for a sell (`Side.sign`); anything else raises ValueError. `M` is a
mid (a mark).

    quote edge           s (M_receipt - Q) / M_receipt                 + better than mid
    price improvement    s (P_arr - P_exec) / P_arr                    + good
    adverse drift        s (M_h - M_from) / M_from - beta x index move, the index signed by s as well
    classic reversion    -(adverse drift from execution to 30 min)     - adverse: the house leakage metric

Spread and yield quotes are converted to prices before they come here. A reference that is missing is the
caller's None and no call: what is unknown has no cost of zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.errors import EngineError

_BPS: Final = Decimal(10_000)


class BenchmarkError(EngineError):
    """A price that cannot be measured against: zero, negative or not a number."""


def quote_edge_bps(s: int, quote: Decimal, mid_at_receipt: Decimal) -> float:
    """What any quote was better than the mid when it came; mostly negative: half a spread is the dealer's."""
    return _bps(s, mid_at_receipt, quote, mid_at_receipt)


def price_improvement_bps(s: int, fill_price: Decimal, arrival_mid: Decimal) -> float:
    """What a fill was better than the mid at arrival; positive is good."""
    return _bps(s, arrival_mid, fill_price, arrival_mid)


def adverse_drift_bps(
    s: int, mid_from: Decimal, mid_after: Decimal, index_move_bps: float = 0.0, beta: float = 1.0
) -> float:
    """How the market moved against us, beyond the index; positive is adverse while the parent is unfinished."""
    return _bps(s, mid_after, mid_from, mid_from) - s * beta * index_move_bps


def classic_reversion_bps(
    s: int, mid_at_execution: Decimal, mid_after_30_min: Decimal, index_move_bps: float = 0.0, beta: float = 1.0
) -> float:
    """The house leakage metric, scored 1 + x / 10: negative is adverse to us."""
    return -adverse_drift_bps(s, mid_at_execution, mid_after_30_min, index_move_bps, beta)


def _bps(s: int, above: Decimal, below: Decimal, reference: Decimal) -> float:
    return float(_sign(s) * (above - below) / _reference(reference) * _BPS)


def _reference(price: Decimal) -> Decimal:
    if not price.is_finite() or price <= 0:
        raise BenchmarkError(f"a reference price is more than 0, found {price}")
    return price


def _sign(s: int) -> int:
    if s not in (1, -1):
        raise ValueError(f"the sign of a side is 1 (buy) or -1 (sell), found {s!r}")
    return s
