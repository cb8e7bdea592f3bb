"""What a desk's own trades say of what an order's size moves: the law of `market.impact`, fitted and judged.

A trade costs half a spread and the impact of its size:

    s (price - mark when asked) / mark = spread + spread of high yield + law(quantity, ADV, volatility, ...) + error

Each number of the law has a prior, the square-root law, and is moved from it as far as trades carry it; what one trade
is off by counts less the further it is (soft L1): one slip of a price decides nothing. The days are cut in two: the law
is fitted on the first ones and held, with the one in force, against the last ones. Each gets the spreads that suit it
best on the first ones, for they are no part of the law. It is proposed where its loss is less beyond the interval, and
fitted once more on all days.

A trade is only seen where the price was good enough to be taken: what is not done for its price is in no fit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import numpy as np
from scipy.optimize import least_squares

from engine.clock import utc_day
from engine.domain.instrument import is_investment_grade
from engine.domain.observation import RoundTold, Taken
from engine.domain.order import Side
from engine.market.calendars import day_number
from engine.market.impact import SIZE, VOLATILITY_BPS, ImpactParameters
from engine.research.bootstrap import DAYS_MIN, NOTHING, Days, Floats, Interval
from engine.research.normal import Z95

TRADES_MIN: Final = 400
DAYS_IN_ALL_MIN: Final = 3 * DAYS_MIN
LN_RANGE_MIN: Final = 0.5
"""ln(size / ADV) has to vary by so much, one standard deviation: else nobody can tell size from spread."""
FITTED: Final = 0.7
"""Share of the days that the law is fitted on before it is judged."""
CAPPED: Final = 0.995
"""The cap is what the dearest one in two hundred trades cost."""

_COST_BPS_MAX: Final = 2_000.0
"""A trade further off is a slip of a price or of a mark."""
_YEAR_DAYS: Final = 365.25
_LN_SD_MIN: Final = 0.1
"""No law is believed to be known better than to a tenth."""
_BINS: Final = 8
_SHOWN_SDS: Final = 5.0
"""A trade that is further from the law counts as that far: in the cap, and in what is shown."""
_SHIPPED: Final = ImpactParameters()
# The law's numbers as they are fitted: by name, prior and its standard deviation. Of Y its logarithm.
_PRIOR: Final[Mapping[str, tuple[float, float]]] = {
    "y": (math.log(_SHIPPED.y), _SHIPPED.y_ln_sd),
    "power": (_SHIPPED.power, 0.15),
    "size_power": (0.0, 0.15),
    "volatility_power": (1.0, 0.3),
    "age_power": (0.0, 0.2),
    "high_yield": (0.0, 0.4),
    "sell": (0.0, 0.3),
}
_SPREADS: Final = ((8.0, 8.0), (4.0, 8.0))
"""Half a spread, and what it is more for high yield: prior and standard deviation, bps."""


@dataclass(frozen=True, slots=True)
class Point:
    """Trades of about one size: ln(size / ADV), what they cost beyond half a spread, what each law expects of them."""

    ln_of_adv: float
    cost: Interval
    in_force_bps: float
    fitted_bps: float


@dataclass(frozen=True, slots=True)
class ImpactFit:
    """What became of the law. `judged` is the fitted law's loss less that in force, on days that had no say in it.

    `before` and `after` are mean distances of what was expected from what trades cost, bps, on those days.
    """

    trades: int
    days: int
    now: ImpactParameters
    found: ImpactParameters
    judged: Interval
    before: Interval
    after: Interval
    is_proposed: bool
    why: str
    points: tuple[Point, ...]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """What each number of the law may be, by name: intervals of 95 %."""


class Trades:
    """Trades with all that a law needs, in columns."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def add(self, told: RoundTold, issued: date | None = None) -> None:
        """The trade of a round, if it had one, with a mark, a volume and a volatility."""
        seen = told.seen
        if seen.adv is None or seen.adv <= 0 or not seen.volatility_bps or seen.volatility_bps <= 0:
            return
        for ask in seen.asks:
            if ask.taken not in (Taken.filled, Taken.partial) or ask.fill_price is None or ask.mark_sent is None:
                continue
            mark = float(ask.mark_sent.price)
            if mark <= 0:
                continue
            cost = seen.side.sign * (float(ask.fill_price) - mark) / mark * 1e4
            if abs(cost) > _COST_BPS_MAX:
                continue
            investment, day = is_investment_grade(seen.bond.rating), utc_day(seen.sent_ns)
            age = 0.0 if issued is None else max(0.0, (day - day_number(issued)) / _YEAR_DAYS)
            quantity = float(seen.quantity)
            self._rows.append(
                (day, cost, quantity, quantity / float(seen.adv), seen.volatility_bps, age,
                 float(investment is False), float(seen.side is Side.sell))
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self._rows)

    def columns(self) -> Floats:
        """A column a row of: day, cost, quantity, of ADV, volatility, age, high yield, sale."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, 8).T


def trades_of(rounds: Iterable[RoundTold], issued: Mapping[str, date] | None = None) -> Trades:
    """The trades of some rounds; `issued` is when bonds were, where that is known."""
    found, known = Trades(), issued or {}
    for told in rounds:
        found.add(told, known.get(told.seen.bond.security_id))
    return found


def fit(trades: Trades, now: ImpactParameters, seed: int = 0) -> ImpactFit:
    """The law of some trades, held against the one in force."""
    columns = trades.columns()
    days = np.unique(columns[0])
    too_little = _too_little(columns, len(days))
    if too_little:
        return ImpactFit(len(trades), len(days), now, now, NOTHING, NOTHING, NOTHING, False, too_little, ())
    last = days[int(len(days) * FITTED)]
    first_part, last_part = columns[:, columns[0] < last], columns[:, columns[0] >= last]
    fitted = _Fit(first_part, None)
    in_force = _Fit(first_part, now)
    scale = fitted.scale
    off_before = last_part[1] - in_force.expected(last_part)
    off_after = last_part[1] - fitted.expected(last_part)
    drawn = Days(last_part[0].astype(np.int64), seed)
    judged = drawn.mean(_loss(off_after / scale) - _loss(off_before / scale))
    before, after = drawn.mean(np.abs(off_before)), drawn.mean(np.abs(off_after))
    is_proposed = judged.is_below(0.0)
    if is_proposed:
        why = "nearer to what trades cost on days that had no say in it, beyond the interval"
    else:
        why = "what was fitted may be no nearer to what trades cost on the days that judge"
    whole = _Fit(columns, None)
    found = whole.law
    return ImpactFit(
        trades=len(trades),
        days=len(days),
        now=now,
        found=found,
        judged=judged,
        before=before,
        after=after,
        is_proposed=is_proposed,
        why=why,
        points=_points(columns, whole, now, seed),
        ranges=whole.ranges(columns),
    )


def _too_little(columns: Floats, days: int) -> str:
    """What is missing, in words; empty if nothing is."""
    trades = columns.shape[1]
    if trades < TRADES_MIN or days < DAYS_IN_ALL_MIN:
        return (
            f"a law of impact needs {TRADES_MIN:,} trades on {DAYS_IN_ALL_MIN} days with mark, volume and volatility, "
            f"found {trades:,} on {days}"
        )
    varies = float(np.log(columns[3]).std())
    if varies < LN_RANGE_MIN:
        return (
            f"sizes are all about the same share of what trades: ln(size / ADV) varies by {varies:.2f}, "
            f"and below {LN_RANGE_MIN:g} nobody can tell what size costs from half a spread"
        )
    return ""


# --- the fit -------------------------------------------------------------------------------------


class _Fit:
    """Spreads and law that suit some trades best; with a `law` given, the spreads alone."""

    def __init__(self, columns: Floats, law: ImpactParameters | None) -> None:
        self.scale = max(1.0, 1.4826 * float(np.median(np.abs(columns[1] - np.median(columns[1])))))
        self._given = law
        start = np.array([mean for mean, _ in (*_SPREADS, *(() if law is not None else _PRIOR.values()))])
        for _ in range(3):  # What trades scatter by around the law is known once it is fitted.
            solved = self._solve(columns, start)
            start = solved.x
            off = columns[1] - self._expected(start, columns)
            self.scale = max(1.0, 1.4826 * float(np.median(np.abs(off))))
        self._theta = start
        self.law = law if law is not None else self._law_found(columns)

    def expected(self, columns: Floats) -> Floats:
        return self._expected(self._theta, columns, self.law.cap_bps)

    def spread(self, columns: Floats) -> Floats:
        found: Floats = self._theta[0] + self._theta[1] * columns[6]
        return found

    def _expected(self, theta: Floats, columns: Floats, cap_bps: float = math.inf) -> Floats:
        law = self._given if self._given is not None else _law_of(theta[2:], cap_bps)
        found: Floats = theta[0] + theta[1] * columns[6] + law_bps(columns, law)
        return found

    def _solve(self, columns: Floats, start: Floats) -> Any:
        priors = np.array([*_SPREADS, *(() if self._given is not None else _PRIOR.values())])

        def residuals(theta: Floats) -> Floats:
            off = (columns[1] - self._expected(theta, columns)) / self.scale
            # The priors are quadratic: of the data alone what is far off counts less.
            robust = np.sign(off) * np.sqrt(2.0 * _loss(off))
            return np.concatenate([robust, (theta - priors[:, 0]) / priors[:, 1]])

        return least_squares(residuals, start, method="trf", x_scale=priors[:, 1])

    def _law_found(self, columns: Floats) -> ImpactParameters:
        law = _law_of(self._theta[2:], math.inf)
        # A slip of a price is nobody's dearest trade.
        costs = np.minimum(columns[1], self._expected(self._theta, columns) + _SHOWN_SDS * self.scale)
        cap_bps = float(max(10.0, np.quantile(costs, CAPPED)))
        return replace(law, cap_bps=cap_bps, y_ln_sd=self._ln_sd(columns))

    def ranges(self, columns: Floats) -> dict[str, tuple[float, float]]:
        """What each number of the law may be: intervals of 95 %."""
        sds = np.sqrt(np.diag(self._covariance(columns)))[2:]
        found: dict[str, tuple[float, float]] = {}
        for name, middle, sd in zip(_PRIOR, self._theta[2:], sds, strict=True):
            low, high = float(middle - Z95 * sd), float(middle + Z95 * sd)
            found[name] = (math.exp(low), math.exp(high)) if name == "y" else (low, high)
        return found

    def _ln_sd(self, columns: Floats) -> float:
        """How uncertain ln(law) is at the middle of the trades."""
        middle = np.median(columns, axis=1)
        gradient = np.array([0.0, 0.0, 1.0, math.log(middle[3]), math.log(middle[2] / SIZE),
                             math.log(middle[4] / VOLATILITY_BPS), math.log1p(middle[5]), 0.0, 0.0])  # fmt: skip
        return max(_LN_SD_MIN, math.sqrt(float(gradient @ self._covariance(columns) @ gradient)))

    def _covariance(self, columns: Floats) -> Floats:
        """Of spreads and law: a sandwich, by day, with the priors."""
        theta, priors = self._theta, np.array([*_SPREADS, *_PRIOR.values()])
        step = 1e-4 * priors[:, 1]
        base = self._expected(theta, columns)
        slopes = np.stack(
            [(self._expected(theta + each, columns) - base) / step[at] for at, each in enumerate(np.diag(step))], axis=1
        )
        off = (columns[1] - base) / self.scale
        pull = off / np.sqrt(1.0 + off * off) / self.scale
        weight = (1.0 + off * off) ** -1.5 / self.scale**2  # The loss's second derivative.
        bread = np.linalg.inv((slopes * weight[:, None]).T @ slopes + np.diag(priors[:, 1] ** -2.0))
        days, place = np.unique(columns[0], return_inverse=True)
        scores = np.zeros((len(days), len(theta)))
        np.add.at(scores, place, slopes * pull[:, None])
        found: Floats = bread @ (scores.T @ scores + np.diag(priors[:, 1] ** -2.0)) @ bread
        return found


def law_bps(columns: Floats, p: ImpactParameters) -> Floats:
    """`market.impact.expected_impact` of many trades at once."""
    quantity, of_adv, volatility, age, high_yield, sale = columns[2:]
    logs = (
        math.log(p.y)
        + np.log(volatility)
        + p.power * np.log(of_adv)
        + p.size_power * np.log(quantity / SIZE)
        + (p.volatility_power - 1.0) * np.log(volatility / VOLATILITY_BPS)
        + p.age_power * np.log1p(age)
        + p.high_yield * high_yield
        + p.sell * sale
    )
    found: Floats = np.minimum(np.exp(np.minimum(logs, 50.0)), p.cap_bps)
    return found


def _law_of(theta: Floats, cap_bps: float) -> ImpactParameters:
    """Within what a configuration may say."""
    y, power, size_power, volatility_power, age_power, high_yield, sell = (float(each) for each in theta)
    return ImpactParameters(
        y=min(max(math.exp(min(y, 10.0)), 1e-3), 10.0),
        cap_bps=cap_bps,
        power=min(max(power, 0.0), 2.0),
        size_power=min(max(size_power, -2.0), 2.0),
        volatility_power=min(max(volatility_power, 0.0), 3.0),
        age_power=min(max(age_power, -2.0), 2.0),
        high_yield=min(max(high_yield, -5.0), 5.0),
        sell=min(max(sell, -5.0), 5.0),
    )


def _loss(off: Floats) -> Floats:
    """Soft L1: half a square near 0, a distance far off."""
    found: Floats = np.sqrt(1.0 + off * off) - 1.0
    return found


def _points(columns: Floats, whole: _Fit, now: ImpactParameters, seed: int) -> tuple[Point, ...]:
    """By size over ADV, eight parts of the trades."""
    ln_of_adv = np.log(columns[3])
    days = Days(columns[0].astype(np.int64), seed)
    # A slip of a price is no more in what is shown than it is in the fit.
    law = law_bps(columns, whole.law)
    beyond = np.clip(columns[1] - whole.spread(columns), law - _SHOWN_SDS * whole.scale, law + _SHOWN_SDS * whole.scale)
    edges = np.quantile(ln_of_adv, np.linspace(0.0, 1.0, _BINS + 1))
    place = np.searchsorted(edges[1:-1], ln_of_adv, side="right")
    found: list[Point] = []
    for at in range(_BINS):
        part = place == at
        if part.any():
            own = columns[:, part]
            found.append(
                Point(
                    float(ln_of_adv[part].mean()),
                    days.mean(beyond, part),
                    float(law_bps(own, now).mean()),
                    float(law_bps(own, whole.law).mean()),
                )
            )
    return tuple(found)


def plain(p: ImpactParameters) -> dict[str, float]:
    """By name, as [market.impact] has them."""
    return dataclasses.asdict(p)
