"""What a choice is made from: the order's facts, the records of the dealers, the desk's own settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from engine.dealers.axes import AxeParameters
from engine.dealers.failing import NotTrading
from engine.dealers.outlook import Outlook
from engine.dealers.segments import Segment
from engine.dealers.stats import CLASSIC_WEIGHTS
from engine.domain.order import MarkUsed
from engine.domain.rows import row
from engine.selection.ranking import Rankings


@row
@dataclass(frozen=True, slots=True)
class Request:
    """What is to be asked for: where it belongs, how much, and when. Tiers are made over its whole asset class.

    With `numbers` it is said of every candidate what is expected of it, whatever the dealers are ranked by.

    A dealer is given `wait_s`. `limit_edge_bps` is the edge that a quote just at the order's limit has against `mark`;
    None without a limit or a mark. `residual` is what is left to trade after this order (None: nobody knows).
    `exposure` is the whole exposure's face amount. `worth` is what one unit of these amounts is worth in the base
    currency, None of that itself. `round` counts from 1; `draw` is what was drawn for this round before, which stands.
    """

    segment: Segment
    asset_class: str
    now_ns: int
    quantity: Decimal | None = None
    wait_s: float = 60.0
    limit_edge_bps: float | None = None
    mark: MarkUsed | None = None
    exposure: Decimal | None = None
    residual: Decimal | None = None
    round: int = 1
    draw: float | None = None
    numbers: bool = False
    worth: Decimal | None = None


Outlooks = Callable[[Sequence[str], Request], Sequence[Outlook]]
"""What to expect of each of these dealers for a request, in their order."""


@row
@dataclass(frozen=True, slots=True)
class Records:
    """What is known: the kept orders of weighted scores, what to expect of each dealer, what not trading costs.

    None is not known: without outlooks there is no model, and not trading costs what the parameters say.
    """

    rankings: Rankings
    outlooks: Outlooks | None = None
    not_trading: Callable[[Request], NotTrading] | None = None


@dataclass(frozen=True, slots=True)
class Exploring:
    """How often a dealer is asked to learn of it.

    `epsilon` is the chance that a place goes to a dealer left out, `epsilon_untried` the same while nobody has tried
    one of those, `epsilon_drop` the chance that one dealer is left out for once: without that the panel's size never
    varies, and what asking costs is never known. Never for more than `quantity_max` (face
    amount in the base currency; None: no bound).
    """

    epsilon: float = 0.05
    epsilon_untried: float = 0.3
    epsilon_drop: float = 0.01
    quantity_max: Decimal | None = Decimal(5_000_000)


NO_EXPLORING: Final = Exploring(0.0, 0.0, 0.0)
_AXES: Final = AxeParameters()


@dataclass(frozen=True, slots=True)
class Parameters:
    """The desk's own settings of its scorers. `classic_weights` are in percent.

    Of the model: `c_fail_bps` is what not trading costs in a bond of the usual width, before any order has said so. A
    leak counts `aversion` times, and what it moves after the decision on the share of the size that is traded later:
    `rho` where nobody knows what is left of the parent, else that and the share `unfilled` of orders that a round does
    not trade. A second of waiting costs `wait_bps_per_s`; `axes` is what an advertised interest adds. Asking a dealer
    with whom we trade less than the share `trade_share_min` counts up to `trade_share_bps`. Of a leak the share
    `two_way_share` is left where both sides are asked for, at prices that are worse by `two_way_bps`.
    """

    classic_weights: tuple[tuple[str, Decimal], ...] = CLASSIC_WEIGHTS
    c_fail_bps: float = 20.0
    aversion: float = 1.0
    rho: float = 0.5
    unfilled: float = 0.15
    wait_bps_per_s: float = 0.005
    trade_share_min: float = 0.0
    trade_share_bps: float = 0.0
    two_way_share: float = 0.5
    two_way_bps: float = 0.5
    exploring: Exploring = NO_EXPLORING
    axes: AxeParameters = _AXES

    @property
    def digest(self) -> str:
        """SHA-256 of the settings."""
        return _digest(self)


@lru_cache(maxsize=16)
def _digest(parameters: Parameters) -> str:
    return hashlib.sha256(repr(parameters).encode()).hexdigest()
