"""What a trade cost: one function per figure.

Every price is clean, in percent of par; every result is in bps of its divisor.
`s` is the side's sign, +1 for a buy and -1 for a sell (`Side.sign`); anything else raises ValueError. `M` is a
mid (a mark), `h` a horizon after the trade, 30 minutes unless said.

    implementation shortfall   s (P_exec - P_dec) / P_dec            + cost
    slippage                   s (P_exec - P_arr) / P_arr            + cost
    price improvement          s (P_arr - P_exec) / P_arr            + good, = -slippage
    quote edge                 s (M_receipt - Q) / M_receipt         + better than mid
    cover distance             s (P_cover - P_exec) / P_exec         + saved against the second best
    best-quote regret          s (P_exec - Q_best) / Q_best          0 ideal, + a better live quote was left
    RFQ drift                  s (M_exec - M_send) / M_send          + adverse before the trade
    markout                    s (M_h - P_exec) / P_exec             + moved our way after the trade
    reversion                  s (M_exec - M_h) / M_exec             + the impact was temporary and gave back
    adverse drift              s (M_h - M_from) / M_from - beta x index move, the index signed by s as well
    classic reversion          -(adverse drift from execution to 30 min)   - adverse: the house leakage metric

Spread and yield quotes are converted to prices before they come here. A reference that is missing is the
caller's None and no call: what is unknown has no cost of zero. `measure` does that for a whole trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.errors import EngineError

_BPS: Final = Decimal(10_000)


class BenchmarkError(EngineError):
    """A price that cannot be measured against: zero, negative or not a number."""


def implementation_shortfall_bps(s: int, fill_price: Decimal, decision_price: Decimal) -> float:
    """Cost of a fill against the price at the decision; positive is worse."""
    return _bps(s, fill_price, decision_price, decision_price)


def shortfall_with_rest_bps(
    s: int, fills: tuple[tuple[Decimal, Decimal], ...], ordered: Decimal, end_price: Decimal, decision_price: Decimal
) -> float:
    """Shortfall of a whole order, in bps of its size: `fills` are (price, quantity), the rest stands at `end_price`.

    Raises ValueError if more was filled than ordered, or nothing was ordered.
    """
    filled = sum((quantity for _, quantity in fills), Decimal(0))
    if not 0 <= filled <= ordered or ordered <= 0:
        raise ValueError(f"filled {filled} of {ordered} ordered")
    paid = sum((price * quantity for price, quantity in fills), Decimal(0)) + end_price * (ordered - filled)
    return _bps(s, paid / ordered, decision_price, decision_price)


def slippage_bps(s: int, fill_price: Decimal, arrival_mid: Decimal) -> float:
    """Cost of a fill against the mid at arrival; positive is worse."""
    return _bps(s, fill_price, arrival_mid, arrival_mid)


def price_improvement_bps(s: int, fill_price: Decimal, arrival_mid: Decimal) -> float:
    """What a fill was better than the mid at arrival; positive is good."""
    return _bps(s, arrival_mid, fill_price, arrival_mid)


def quote_edge_bps(s: int, quote: Decimal, mid_at_receipt: Decimal) -> float:
    """What any quote was better than the mid when it came; mostly negative: half a spread is the dealer's."""
    return _bps(s, mid_at_receipt, quote, mid_at_receipt)


def cover_bps(s: int, fill_price: Decimal, cover_price: Decimal) -> float:
    """What taking the best quote saved against the second best; undefined, hence not called, with one quote."""
    return _bps(s, cover_price, fill_price, fill_price)


def regret_bps(s: int, fill_price: Decimal, best_live_quote: Decimal) -> float:
    """What the fill cost more than the best live quote."""
    return _bps(s, fill_price, best_live_quote, best_live_quote)


def spread_capture(s: int, fill_price: Decimal, mid: Decimal, half_spread: Decimal) -> float:
    """1 at the mid, 0 at the far touch, negative beyond. Raises BenchmarkError if the spread is not positive."""
    return float(1 - _sign(s) * (fill_price - mid) / _reference(half_spread))


def rfq_drift_bps(s: int, mid_at_send: Decimal, mid_at_execution: Decimal) -> float:
    """How the market moved while we asked; positive is adverse."""
    return _bps(s, mid_at_execution, mid_at_send, mid_at_send)


def markout_bps(s: int, fill_price: Decimal, mid_after: Decimal) -> float:
    """How the market moved from our price after the trade; positive is our way."""
    return _bps(s, mid_after, fill_price, fill_price)


def reversion_bps(s: int, mid_at_execution: Decimal, mid_after: Decimal) -> float:
    """How much of the move gave back after the trade; negative: the price went on."""
    return _bps(s, mid_at_execution, mid_after, mid_at_execution)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePrices:
    """The prices around one trade; None is unknown."""

    s: int
    fill: Decimal
    decision: Decimal | None = None
    arrival_mid: Decimal | None = None
    mid_at_send: Decimal | None = None
    mid_at_execution: Decimal | None = None
    mid_after: Decimal | None = None
    cover: Decimal | None = None
    best_live_quote: Decimal | None = None
    half_spread: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCosts:
    """Every figure of one trade, in bps (`spread_capture` is a ratio); None where a price was missing.

    `adverse_drift_bps` runs from arrival; `classic_reversion_bps` from execution.
    """

    implementation_shortfall_bps: float | None
    slippage_bps: float | None
    price_improvement_bps: float | None
    cover_bps: float | None
    regret_bps: float | None
    spread_capture: float | None
    rfq_drift_bps: float | None
    markout_bps: float | None
    reversion_bps: float | None
    adverse_drift_bps: float | None
    classic_reversion_bps: float | None


def measure(prices: TradePrices) -> TradeCosts:
    """All figures that the known prices allow. Raises BenchmarkError for a price that is not positive."""
    p, s, fill = prices, prices.s, prices.fill
    arrival, executed, after = p.arrival_mid, p.mid_at_execution, p.mid_after
    improvement = None if arrival is None else price_improvement_bps(s, fill, arrival)
    half_spread, mid = p.half_spread, executed if executed is not None else arrival
    return TradeCosts(
        implementation_shortfall_bps=(
            None if p.decision is None else implementation_shortfall_bps(s, fill, p.decision)
        ),
        slippage_bps=None if improvement is None else -improvement,
        price_improvement_bps=improvement,
        cover_bps=None if p.cover is None else cover_bps(s, fill, p.cover),
        regret_bps=None if p.best_live_quote is None else regret_bps(s, fill, p.best_live_quote),
        spread_capture=None if half_spread is None or mid is None else spread_capture(s, fill, mid, half_spread),
        rfq_drift_bps=(
            None if p.mid_at_send is None or executed is None else rfq_drift_bps(s, p.mid_at_send, executed)
        ),
        markout_bps=None if after is None else markout_bps(s, fill, after),
        reversion_bps=None if executed is None or after is None else reversion_bps(s, executed, after),
        adverse_drift_bps=None if arrival is None or after is None else adverse_drift_bps(s, arrival, after),
        classic_reversion_bps=None if executed is None or after is None else classic_reversion_bps(s, executed, after),
    )


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
