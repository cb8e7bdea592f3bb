"""What a quote, a trade or an order cost: one function per figure.

Every price is clean, in percent of par; every result is in bps of its divisor.
`s` is the side's sign, +1 for a buy and -1 for a sell (`Side.sign`); anything else raises ValueError. `M` is a
mid (a mark), `Q` a quote.

    implementation shortfall  s (P_exec - P_dec) / P_dec, what was not filled at s (P_end - P_dec) / P_dec, and fees
                                                                                    + cost
    price improvement         s (P_arr - P_exec) / P_arr                            + good; minus that is the slippage
    quote edge                s (M_receipt - Q) / M_receipt                         + better than mid
    cover distance            s (P_cover - P_exec) / P_exec                         + saved against the second best
    spread capture            1 - s (P_exec - M) / half the spread                  1 at mid, 0 at the far touch
    best-quote regret         s (P_exec - Q_best) / Q_best                          0 is ideal
    RFQ drift                 s (M_exec - M_send) / M_send                          + adverse: before the trade
    markout h                 s (M_h - P_exec) / P_exec                             + moved our way after the trade
    reversion h               s (M_exec - M_h) / M_exec                             + gave back; - went on
    adverse drift             s [(M_h - M_from) / M_from - beta x index move]       + adverse
    classic reversion         -(adverse drift from execution to 30 min)             - adverse: the house leakage metric

The side applies to the hedge, too: a sell while only the index moves has drifted by 0. Spread and yield quotes are
converted to prices before they come here. A reference that is missing is the caller's None and no call: what is
unknown has no cost of zero.
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


def shortfall_bps(
    s: int,
    quantity: Decimal,
    decision: Decimal,
    filled: Decimal,
    average_price: Decimal | None,
    end: Decimal | None,
    fees_bps: float = 0.0,
) -> float:
    """Implementation shortfall of an order for `quantity`: what was filled at its average price, the rest at `end`.

    `fees_bps` are of the decision price, on the whole. `average_price` is needed where something was filled, `end`
    where something was not. Raises BenchmarkError where one is missing, or the quantities are none.
    """
    if not 0 <= filled <= quantity or quantity <= 0:
        raise BenchmarkError(f"of {quantity} no {filled} can be filled")
    cost = Decimal(0)
    for part, price, what in ((filled, average_price, "average price"), (quantity - filled, end, "price at the end")):
        if part:
            if price is None:
                raise BenchmarkError(f"{part} have no {what}")
            cost += part * _sign(s) * (price - decision)
    return float(cost / quantity / _reference(decision) * _BPS) + fees_bps


def cover_distance_bps(s: int, fill_price: Decimal, cover: Decimal) -> float:
    """What the trade was better than the second-best quote."""
    return _bps(s, cover, fill_price, fill_price)


def spread_capture(s: int, fill_price: Decimal, mid: Decimal, half_spread: Decimal) -> float:
    """Which part of half the spread was kept: 1 at mid, 0 at the far touch, less beyond it. No bps."""
    return float(1 - _sign(s) * (fill_price - mid) / _reference(half_spread))


def best_quote_regret_bps(s: int, fill_price: Decimal, best_live: Decimal) -> float:
    """What the best quote that lived would have been better."""
    return _bps(s, fill_price, best_live, best_live)


def rfq_drift_bps(s: int, mid_at_send: Decimal, mid_at_execution: Decimal) -> float:
    """How the market moved against us while we asked."""
    return _bps(s, mid_at_execution, mid_at_send, mid_at_send)


def markout_bps(s: int, fill_price: Decimal, mid_after: Decimal) -> float:
    """How the market moved our way after the trade, from our price."""
    return _bps(s, mid_after, fill_price, fill_price)


def reversion_bps(s: int, mid_at_execution: Decimal, mid_after: Decimal) -> float:
    """What the market gave back after the trade, from its own level; negative went on."""
    return _bps(s, mid_at_execution, mid_after, mid_at_execution)


def index_move_bps(level_from: Decimal, level_after: Decimal) -> float:
    """How a benchmark moved, unsigned by any side."""
    return _bps(1, level_after, level_from, level_from)


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
