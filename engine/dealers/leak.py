"""What asking a dealer costs: how the market moves against us when it is told, whether it trades or not.

Two outcomes, each solved by itself. `leak_in` is the adverse drift from a dealer's own ask to the decision, `leak_post`
that from the decision to a horizon; a window ends at the next ask in the same issuer. One `LeakRow` is one such window.

    drift = intercept + segment + side + ln(size/ADV) + volatility [+ traded + traded x size] + sum over d asked of l_d
    l_d = common mean + dealer's own,   dealer's own ~ N(0, tau^2)

The regressor is who was *asked*. Who won is an outcome, not a cause: a dealer that moves the market and never wins
would be a cost of whoever does. What a trade itself does is in the model of `leak_post` alone: the window of `leak_in`
is over before there is one, and whether one comes of it depends on the drift. The common mean is what one more dealer
costs: the coefficient of how many were asked.

Priors come from the data. How far a dealer's own rounds are believed is averaged over tau by
its likelihood, and that it is not known better is in the error. The drift with nobody asked (an order may know
something) and what the usual panel leaks are drawn from one N(0, v) each, with v by its likelihood: where panels differ
in size the data tell the two apart, where they never do the drift is split between them and the error says so. Only the
common mean is floored at 0.

Errors are the sandwich, clustered by parent order, plus the prior's part. `se_bps` is the sandwich alone: what the
estimate scatters by; estimate over `se_bps` is a test of "no leak". A dealer whose rounds won and rounds lost tell
different stories gets the difference on top of its error: then it is not the asking that the market moves by.

Here are what goes into a batch and what is made of its outcome; `dealers.leak_regression` solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.domain.leak import LeakOutcome, LeakTable
from engine.domain.measure import Identified, Measure
from engine.domain.observation import Horizon
from engine.domain.rows import row

DAY_NS: Final = 86_400 * 1_000_000_000


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
class LeakParameters:
    """How rows are made of rounds, how long they count, and the bounds of the estimate."""

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
    between_scale_bps: float = 5.0
    """Half-Cauchy prior of how dealers differ: half of all desks differ by less."""
    level_scale_bps: float = 1.0
    """The same of what the usual panel leaks, and of the drift with nobody asked."""
    segment_sd_bps: float = 3.0
    """How the drift of segments differs, with the same dealers asked."""
    size_varied_min: float = 10.0
    """Rows (decayed) of another panel size than the usual one of their segment that tell what one more dealer costs."""


NOTHING: Final = LeakOutcome(
    (), Measure(0.0, 0.0, 0.0, 0.0, 0.0), Measure(0.0, 0.0, 0.0, 0.0, 0.0), Identified.none, 0.0, 0.0, 0.0, 0, 0
)
"""No row: nothing is known, and nothing is charged."""


class Leaks:
    """A table as the estimates ask it: a dealer that it does not know costs what dealers cost."""

    __slots__ = ("_in", "_post", "_told", "table")

    def __init__(self, table: LeakTable, prior: Measure) -> None:
        """`prior` is what a dealer costs where there was no row at all."""
        self.table = table
        self._in, self._post = _Known(table.leak_in, prior), _Known(table.leak_post, prior)
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

    def __init__(self, outcome: LeakOutcome, prior: Measure) -> None:
        self._dealers = {each.dealer: (each.leak, each.identified) for each in outcome.dealers}
        self._unknown = (outcome.unknown if outcome.rows else prior, Identified.none)

    def of(self, dealer: str) -> tuple[Measure, Identified]:
        return self._dealers.get(dealer, self._unknown)
