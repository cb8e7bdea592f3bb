"""What asking a dealer costs: how the market moves against us when it is told, whether it trades or not.

Two outcomes, each solved by itself. `leak_in` is the adverse drift from a dealer's own ask to the decision, `leak_post`
that from the decision to a horizon; a window ends at the next ask in the same issuer. One `LeakRow` is one such window.

    drift = intercept + segment + side + ln(size/ADV) + volatility [+ traded + traded x size + w of whom it was with]
            + sum over d asked of l_d
    l_d = common mean + dealer's own,   own ~ N(0, tau_d^2)

The regressor is who was *asked*. Who won is an outcome, not a cause: a dealer that moves the market and never wins
would be a cost of whoever does. What a trade itself does, a print or a hedge, is in the model of `leak_post` alone,
for each dealer that trades often by a coefficient w of its own: who wins often is not to look as if it leaked. The
window of `leak_in` is over before there is a trade, and whether one comes of it depends on the drift. The common mean
is what one more dealer costs: the coefficient of how many were asked.

What is believed goes as far as the rows carry it (`dealers.shrinkage`). Every dealer has a tau of its own: most leak
next to nothing and a few do, and how many that are the dealers themselves say, beside the prior. The common mean is
drawn to its prior by its own error, and only then floored at 0: a noisy mean that is floored is a cost for everybody
where there is none. Where panels never differed in size the rows say nothing of it: it is the prior's, and the drift
that all rounds share is nobody's. What a window scatters by is what its marks say of it, until rows know better.

Errors are the sandwich, clustered by parent order, plus the prior's part. `se_bps` is the sandwich alone: what the
estimate scatters by; estimate over `se_bps` is a test of "no leak".

Here are what goes into a batch and what is made of its outcome; `dealers.leak_regression` solves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.dealers.shrinkage import Z90, half_cauchy
from engine.domain.leak import LeakOutcome, LeakTable
from engine.domain.measure import Identified, Measure
from engine.domain.observation import Horizon
from engine.domain.rows import row

DAY_NS: Final = 86_400 * 1_000_000_000
_SDS_BPS: Final = tuple(0.01 * 2.0**at for at in range(12))


@row
@dataclass(frozen=True, slots=True)
class LeakRow:
    """One window: who was told at its beginning, and how the market moved against us until its end.

    `segment` is a coarse one, without size and side. `asked` are the dealers known by name, in order of name; `n_asked`
    counts the others, too. `drift_bps` is net of the benchmark, positive against us; `variance_bps2` what marks and the
    market's own moves scatter it by. `traded` is the share of the size that traded at the window's beginning,
    `winners` those it traded with; 0 and nobody for `leak_in`.
    """

    at_ns: int
    parent_id: str
    segment: str
    asked: tuple[str, ...]
    n_asked: int
    sign: int
    drift_bps: float
    variance_bps2: float
    size_to_adv: float | None = None
    volatility_bps: float | None = None
    traded: float = 0.0
    winners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeakPrior:
    """What asking one dealer costs before rows have said so: `bps` of all in common, with half of all desks within
    `sd_bps` of it, and half of all dealers within `own_bps` of what dealers have in common."""

    bps: float
    sd_bps: float
    own_bps: float

    @property
    def measure(self) -> Measure:
        """Of a dealer of which, as of all others, nothing was seen yet."""
        sd = math.hypot(half_cauchy(_SDS_BPS, self.own_bps).sd, half_cauchy(_SDS_BPS, self.sd_bps).sd)
        return Measure(self.bps, sd, self.bps - Z90 * sd, self.bps + Z90 * sd, 0.0)


PRIOR_IN: Final = LeakPrior(0.0, 0.05, 0.1)
PRIOR_POST: Final = LeakPrior(0.0, 0.1, 0.2)
"""Most dealers leak next to nothing, or no desk could ask; hardly any before the decision."""


@dataclass(frozen=True, slots=True)
class LeakParameters:
    """How rows are made of rounds, how long they count, and the bounds of the estimate."""

    leak_in: LeakPrior = PRIOR_IN
    leak_post: LeakPrior = PRIOR_POST
    horizon: Horizon = Horizon.half_hour
    """Until when the market is watched after the decision; an hour at most."""
    mark_sd_bps: float = 5.0
    """What a mark is off by where its source does not say."""
    volatility_bps: float = 30.0
    """The sd of a day's change of price of a bond of which it is not known."""
    half_life_days: float = 90.0
    window_days: int = 365
    """An older row does not count at all."""
    clip: float = 6.0
    """A drift further from the middle than this many scatters counts as that far."""
    variance_floor_bps2: float = 0.25
    """No window is believed to be measured better than this."""
    segment_sd_bps: float = 3.0
    """How the drift of segments differs, with the same dealers asked."""
    drift_scale_bps: float = 1.0
    """The drift with nobody asked: half of all desks see less."""
    noise_strength: float = 20.0
    """So many rows are worth what marks themselves say of how a window scatters."""
    dealers_strength: float = 3.0
    """It takes so many dealers to move half the way to what they say of how dealers differ."""
    trade_sd_bps: float = 3.0
    """How what a trade moves the market by differs from one dealer to another."""
    trades_min: int = 3
    """Trades with a dealer from which on that is estimated."""
    traders_max: int = 200
    """Dealers of which it is, those that trade most: a column each, and time goes with the third power of them."""
    size_varied_min: float = 10.0
    """Rows (decayed) of another panel size than the usual one of their segment that tell what one more dealer costs."""


NOTHING: Final = LeakOutcome(
    (), Measure(0.0, 0.0, 0.0, 0.0, 0.0), Measure(0.0, 0.0, 0.0, 0.0, 0.0), Identified.none, 0.0, 0.0, 0.0, 0, 0
)
"""No row: nothing is known, and nothing is charged."""


class Leaks:
    """A table as the estimates ask it: a dealer that it does not know costs what dealers cost."""

    __slots__ = ("_in", "_post", "_told", "table")

    def __init__(self, table: LeakTable, leak_in: LeakPrior, leak_post: LeakPrior) -> None:
        """The priors are what a dealer costs where there was no row at all."""
        self.table = table
        self._in, self._post = _Known(table.leak_in, leak_in), _Known(table.leak_post, leak_post)
        seen = ((self._in, table.leak_in.rows), (self._post, table.leak_post.rows))
        self._told = [known for known, rows in seen if rows]

    def of(self, dealer: str) -> tuple[Measure, Measure, Identified]:
        """(until the decision, after it, how much can be told).

        Of two outcomes the less is told of counts, but not one that nothing was ever seen of: many marks stand still
        for as long as a round takes.
        """
        told = [known.of(dealer)[1] for known in self._told]
        identified = min(told, key=ORDER.index, default=Identified.none)
        return self._in.of(dealer)[0], self._post.of(dealer)[0], identified


ORDER: Final = (Identified.none, Identified.relative, Identified.level)


class _Known:
    __slots__ = ("_dealers", "_unknown")

    def __init__(self, outcome: LeakOutcome, prior: LeakPrior) -> None:
        self._dealers = {each.dealer: (each.leak, each.identified) for each in outcome.dealers}
        self._unknown = (outcome.unknown if outcome.rows else prior.measure, Identified.none)

    def of(self, dealer: str) -> tuple[Measure, Identified]:
        return self._dealers.get(dealer, self._unknown)
