"""The regression of `dealers.leak`: rows, parameters and a moment in, a table out, the same to the bit each time.

Columns are the dealers, those that traded, the controls, the segments, the intercept and, last, how many were asked.
One factorisation for each ratio of a grid tells the noise; then what each dealer's rounds say is told apart from what
is believed of dealers at large, some times over, since the one depends on the other.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from operator import mul
from typing import Final, NamedTuple

from engine.dealers.edges import t_quantile
from engine.dealers.leak import DAY_NS, NOTHING, ORDER, LeakParameters, LeakPrior, LeakRow
from engine.dealers.mixed_model import Moments, Solution, Sparse, solve_at
from engine.dealers.shrinkage import Belief, Spreads, chances_of, half_cauchy
from engine.domain.leak import LeakOf, LeakOutcome, LeakTable
from engine.domain.measure import Identified, Measure

_RATIOS: Final = tuple(0.01 * 2.0**at for at in range(10))
"""How dealers differ over the noise of one row, from next to nothing to five times as much."""
_LEVELS_BPS: Final = tuple(0.01 * 2.0 ** (at / 2) for at in range(24))
_PASSES: Final = 3
"""So many times over what is believed of dealers at large and of each of them; more change nothing that is seen."""
_FLAT: Final = 1e-9
"""A penalty of hardly anything, as a share of what the column itself weighs."""
_NOISE_BPS_MIN: Final = 0.05
"""No window is as quiet as where marks did not move at all."""
_CONTROL_SDS: Final = 10.0
"""No control is believed to move the market by more than so many times the noise of a row."""


def solve(
    leak_in: Sequence[LeakRow], leak_post: Sequence[LeakRow], parameters: LeakParameters, now_ns: int
) -> LeakTable:
    """The table as of `now_ns`. Rows may come in any order."""
    kept_in, kept_post = _within(leak_in, parameters, now_ns), _within(leak_post, parameters, now_ns)
    return LeakTable(
        now_ns,
        _Regression(kept_in, parameters, parameters.leak_in, now_ns, with_trades=False).outcome()
        if kept_in
        else NOTHING,
        _Regression(kept_post, parameters, parameters.leak_post, now_ns, with_trades=True).outcome()
        if kept_post
        else NOTHING,
        _digest(kept_in, kept_post, parameters),
    )


def _within(rows: Sequence[LeakRow], parameters: LeakParameters, now_ns: int) -> list[LeakRow]:
    oldest_ns = now_ns - parameters.window_days * DAY_NS
    return sorted((each for each in rows if oldest_ns <= each.at_ns <= now_ns and each.asked), key=_place)


def _place(each: LeakRow) -> tuple[object, ...]:
    return (each.at_ns, each.parent_id, each.asked, each.drift_bps, each.variance_bps2, repr(each))


def _digest(leak_in: Sequence[LeakRow], leak_post: Sequence[LeakRow], parameters: LeakParameters) -> str:
    digest = hashlib.sha256(repr(parameters).encode())
    for rows in (leak_in, leak_post):
        digest.update(b"%d" % len(rows))
        for each in rows:
            digest.update(repr(each).encode())
    return digest.hexdigest()


class _Level(NamedTuple):
    """How far what one more dealer costs may be off its prior: the variance of that belief, None where the rows say
    nothing of it, and the error that is left."""

    variance: float | None
    sd_bps: float


class _Regression:
    """One outcome's regression. `rows` are in a fixed order, at least one."""

    def __init__(
        self,
        rows: Sequence[LeakRow],
        parameters: LeakParameters,
        prior: LeakPrior,
        now_ns: int,
        with_trades: bool,
    ) -> None:
        self._rows = rows
        self._parameters = parameters
        self._prior = prior
        half_life_ns = parameters.half_life_days * DAY_NS
        self._decay = [math.exp2((each.at_ns - now_ns) / half_life_ns) for each in rows]
        variance = [max(each.variance_bps2, parameters.variance_floor_bps2) for each in rows]
        self._weight = [decay / each for decay, each in zip(self._decay, variance, strict=True)]
        self._total = sum(self._decay)
        self._usual_variance = self._total / sum(self._weight)
        self._drift, self._clipped = clipped([each.drift_bps for each in rows], variance, parameters.clip)
        self._dealers = sorted({dealer for each in rows for dealer in each.asked})
        self._index = {dealer: at for at, dealer in enumerate(self._dealers)}
        self._asked = self._rows_of(lambda each: each.asked)
        won = self._rows_of(lambda each: each.winners)
        often = sorted(range(len(won)), key=lambda at: (-len(won[at]), at))[: parameters.traders_max]
        traders = sorted(at for at in often if len(won[at]) >= parameters.trades_min)
        self._traded_column = {self._dealers[at]: len(self._dealers) + place for place, at in enumerate(traders)}
        self._first_control = len(self._dealers) + len(traders)
        controls = self._controls(with_trades)
        segments = sorted({each.segment for each in rows})
        self._segments = segments if len(segments) > 1 else []
        self._first_segment = self._first_control + len(controls)
        self._intercept = self._first_segment + len(self._segments)
        self._count = self._intercept + 1
        self._n_varied = len({each.n_asked for each in rows}) > 1
        self._sparse = [self._columns(at, each, controls) for at, each in enumerate(rows)]
        self._given = Moments(self._count + 1)
        for sparse, drift, weight in zip(self._sparse, self._drift, self._weight, strict=True):
            self._given.add(sparse, drift, weight)
        self._offset = prior.bps
        """What one more dealer costs before the rows have said so; the last coefficient is what they add."""
        self._moments = self._given.less(self._count, self._offset)
        self._parents: dict[str, list[int]] = {}
        for at, each in enumerate(rows):
            self._parents.setdefault(each.parent_id, []).append(at)
        self._identified = self._what_is_told()

    def outcome(self) -> LeakOutcome:
        noise, usual = self._noise()
        own, drift = self._marginal(noise, usual), self._parameters.drift_scale_bps**2
        level = self._level(noise, own, drift)
        for _ in range(_PASSES):
            *estimates, of_drift = self._without_own_prior(noise, own, drift, level)
            spreads = usual.fitted(estimates, self._parameters.dealers_strength)
            beliefs = [spreads.believed(*each) for each in estimates]
            own = [_own_variance(variance, belief) for (_, variance), belief in zip(estimates, beliefs, strict=True)]
            drifts = half_cauchy(_LEVELS_BPS, self._parameters.drift_scale_bps)
            drift = _own_variance(of_drift[1], drifts.believed(*of_drift))
        level = self._level(noise, own, drift)
        penalties = self._penalties(noise, own, drift, level.variance)
        solution = solve_at(self._moments, penalties, self._size(level))
        if level.variance is not None and self._offset + solution.beta[self._count] < 0:
            # Nobody is paid for being asked.
            self._moments, self._offset = self._given, 0.0
            solution = solve_at(self._moments, penalties, self._count)
        return self._told(solution, penalties, noise, level, beliefs, spreads)

    # --- columns -----------------------------------------------------------------------------------

    def _controls(self, with_trades: bool) -> list[list[float]]:
        """The controls by row, centred and of unit spread; those that never vary left out."""
        rows = self._rows
        known = [math.log(each.size_to_adv) if each.size_to_adv else None for each in rows]
        size = self._filled(known)
        volatility = self._filled([math.log(each.volatility_bps) if each.volatility_bps else None for each in rows])
        columns = [[float(each.sign) for each in rows], size, volatility]
        columns.append([1.0 if value is None else 0.0 for value in known])
        if with_trades:
            columns.append([each.traded for each in rows])
            columns.append([each.traded * value for each, value in zip(rows, size, strict=True)])
        return [found for column in columns if (found := self._standard(column))]

    def _columns(self, at: int, each: LeakRow, controls: list[list[float]]) -> Sparse:
        row = [(self._index[dealer], 1.0) for dealer in each.asked]
        share = each.traded / max(len(each.winners), 1)
        row += [(self._traded_column[name], share) for name in each.winners if name in self._traded_column]
        row += [(column, values[at]) for column, values in enumerate(controls, self._first_control)]
        if self._segments:
            row.append((self._first_segment + self._segments.index(each.segment), 1.0))
        row += [(self._intercept, 1.0), (self._count, float(each.n_asked))]
        return row

    def _mean(self, values: Sequence[float]) -> float:
        total: float = sum(w * value for w, value in zip(self._weight, values, strict=True))
        return total / sum(self._weight)

    def _filled(self, values: list[float | None]) -> list[float]:
        """Net of their mean; what is not known is the mean."""
        pairs = [(w, value) for w, value in zip(self._weight, values, strict=True) if value is not None]
        if not pairs:
            return [0.0] * len(values)
        mean = sum(w * value for w, value in pairs) / sum(w for w, _ in pairs)
        return [0.0 if value is None else value - mean for value in values]

    def _standard(self, values: list[float]) -> list[float]:
        mean = self._mean(values)
        spread = math.sqrt(self._mean([(value - mean) ** 2 for value in values]))
        return [(value - mean) / spread for value in values] if spread > 1e-9 else []

    def _penalties(self, noise: float, own: Sequence[float], drift: float | None, level: float | None) -> list[float]:
        """`noise` is phi; `own` (by dealer), `drift` and `level` are prior variances: None is what the data say."""
        penalties = [noise / variance for variance in own]
        penalties += [noise / self._parameters.trade_sd_bps**2] * len(self._traded_column)
        penalties += [1.0 / (_CONTROL_SDS**2 * self._usual_variance)] * (self._first_segment - self._first_control)
        penalties += [noise / self._parameters.segment_sd_bps**2] * len(self._segments)
        for column, variance in ((self._intercept, drift), (self._count, level)):
            flat = _FLAT * self._moments.matrix[column][column]
            penalties.append(flat if variance is None else noise / variance)
        return penalties

    # --- what the priors are -------------------------------------------------------------------------

    def _noise(self) -> tuple[float, Spreads]:
        """phi, by restricted likelihood, averaged over how dealers may differ if all did so alike; and how they may."""
        size = self._count + self._n_varied
        free, count = max(self._total - 1.0 - self._n_varied, 0.0), len(self._dealers)
        before = self._parameters.noise_strength
        noise = 1.0
        found = list[tuple[float, float]]()
        for ratio in _RATIOS:
            share = ratio * ratio * self._usual_variance
            # The penalty of segments wants the noise: that of the ratio before is near enough.
            solution = solve_at(self._moments, self._penalties(noise, [noise * share] * count, None, None), size)
            noise = max((solution.left + before) / (free + before), _NOISE_BPS_MIN**2 / self._usual_variance)
            likelihood = -0.5 * ((free + before) * math.log(noise) + solution.log_det + count * math.log(share))
            sd = math.sqrt(noise * share)
            belief = math.log(sd / (1.0 + (sd / self._prior.own_bps) ** 2))
            found.append((likelihood + belief, noise))
        chances = chances_of([each[0] for each in found])
        noise = math.fsum(chance * each[1] for chance, each in zip(chances, found, strict=True))
        sds = [ratio * math.sqrt(noise * self._usual_variance) for ratio in _RATIOS]
        return noise, half_cauchy(sds, self._prior.own_bps)

    def _marginal(self, noise: float, usual: Spreads) -> list[float]:
        """Per dealer a first prior variance: by how sure its own rounds are, held against all others."""
        total = sum(self._weight)
        found = []
        for at in range(len(self._dealers)):
            weight = self._moments.matrix[at][at]
            variance = noise / max(weight * (1.0 - weight / total), 1e-12 * weight)
            found.append(_own_variance(variance, usual.believed(0.0, variance)))
        return found

    def _without_own_prior(
        self, noise: float, own: Sequence[float], drift: float, level: _Level
    ) -> list[tuple[float, float]]:
        """What the rows say of each dealer's own part, and last of the drift, and how sure that is.

        Of each by itself, with the priors of all others.
        """
        penalties = self._penalties(noise, own, drift, level.variance)
        solution = solve_at(self._moments, penalties, self._size(level))
        inverse = solution.inverse()
        found = []
        for at, variance in (*enumerate(own), (self._intercept, drift)):
            known = noise * inverse[at][at]
            reliability = max(1.0 - known / variance, 1e-9)
            found.append((solution.beta[at] / reliability, known / reliability))
        return found

    def _size(self, level: _Level) -> int:
        """How many columns are solved for: not that of how many were asked, where that says nothing."""
        return self._count + (level.variance is not None)

    def _level(self, noise: float, own: Sequence[float], drift: float) -> _Level:
        """How far what one more dealer costs is believed to be off the prior."""
        sd = self._prior.sd_bps
        if Identified.level not in self._identified:
            return _Level(None, sd)
        penalties = self._penalties(noise, own, drift, None)
        solution = solve_at(self._moments, penalties)
        line = solution.column(self._count)
        variance = noise * sum([p * x * x for p, x in zip(penalties, line, strict=True)])
        for score in self._scores(solution, None):
            variance += sum([value * line[column] for column, value in score]) ** 2
        off = solution.beta[self._count]
        belief = half_cauchy(_LEVELS_BPS, sd).believed(off, variance)
        return _Level(_own_variance(variance, belief), math.sqrt(belief.share * variance + (belief.unsure * off) ** 2))

    # --- errors --------------------------------------------------------------------------------------

    def _residual(self, at: int, beta: Sequence[float]) -> float:
        fitted = sum([value * beta[column] for column, value in self._sparse[at] if column < len(beta)])
        return self._drift[at] - self._offset * self._rows[at].n_asked - fitted

    def _scores(self, solution: Solution, inverse: list[list[float]] | None) -> list[Sparse]:
        """What each parent order pulls at each column. With the inverse, residuals are corrected for leverage."""
        beta = solution.beta
        size = len(beta)
        found = list[Sparse]()
        for members in self._parents.values():
            pulls: dict[int, float] = {}
            for at in members:
                # The last column is how many were asked, which a floored solution goes without.
                sparse, weight = self._sparse[at][: None if size > self._count else -1], self._weight[at]
                residual = self._residual(at, beta)
                if inverse is not None:
                    leverage = weight * sum(
                        [value * sum([other * inverse[column][k] for k, other in sparse]) for column, value in sparse]
                    )
                    residual /= max(1.0 - leverage, 0.1)
                for column, value in sparse:
                    pulls[column] = pulls.get(column, 0.0) + weight * value * residual
            found.append(list(pulls.items()))
        return found

    def _told(
        self,
        solution: Solution,
        penalties: list[float],
        noise: float,
        level: _Level,
        beliefs: Sequence[Belief],
        spreads: Spreads,
    ) -> LeakOutcome:
        """`level` is as it was before the common mean was floored."""
        size = len(solution.beta)
        is_told = size > self._count
        inverse = solution.inverse()
        # What is told of a dealer is the sum of its own part and the common mean.
        common_line = inverse[self._count] if is_told else [0.0] * size
        lines = [[a + b for a, b in zip(inverse[at], common_line, strict=True)] for at in range(len(self._dealers))]
        scatter = self._scatter(lines, self._scores(solution, inverse))
        common = self._offset + (solution.beta[self._count] if is_told else 0.0)
        # The part of its error that the lines do not hold.
        beyond = level.sd_bps**2
        if is_told:
            beyond = max(0.0, beyond - noise * inverse[self._count][self._count])
        between = spreads.sd
        unknown = self._measure(common, math.hypot(between, level.sd_bps), 0.0)
        found = []
        for at, dealer in enumerate(self._dealers):
            value = common + solution.beta[at]
            lost, won = self._lost_and_won(at, solution.beta, value)
            asked = self._asked[at]
            if self._identified[at] is Identified.none:
                found.append(LeakOf(dealer, unknown, unknown.sd, Identified.none, len(asked), lost, won))
                continue
            prior = noise * sum([p * x * x for p, x in zip(penalties, lines[at], strict=False)])
            own = beliefs[at].unsure / beliefs[at].share * solution.beta[at]
            sd = math.sqrt(scatter[at] + prior + beyond + own * own)
            leak = self._measure(value, sd, _effective([self._weight[k] for k in asked]))
            found.append(LeakOf(dealer, leak, math.sqrt(scatter[at]), self._identified[at], len(asked), lost, won))
        return LeakOutcome(
            dealers=tuple(found),
            common=self._measure(common, level.sd_bps, _effective(self._weight)),
            unknown=unknown,
            identified=max(self._identified, key=ORDER.index),
            drift_bps=solution.beta[self._intercept],
            between_bps=between,
            noise_bps=math.sqrt(noise * self._usual_variance),
            rows=len(self._rows),
            clipped=self._clipped,
        )

    def _measure(self, value: float, sd: float, n_eff: float) -> Measure:
        """By Student's t: what dealers have in common, and differ by, is known from as many of them as there are."""
        width = sd * t_quantile(max(len(self._dealers) - 1.0, 3.0))
        return Measure(value, sd, value - width, value + width, n_eff)

    def _scatter(self, lines: list[list[float]], scores: list[Sparse]) -> list[float]:
        """The sandwich: what each line's estimate varies by, one parent order being one observation."""
        size = len(lines[0])
        pulls = [[0.0] * size for _ in range(size)]
        for score in scores:
            for column, value in score:
                row = pulls[column]
                for other, beside in score:
                    row[other] += value * beside
        found = []
        for line in lines:
            varies = [sum(map(mul, row, line)) for row in pulls]
            found.append(max(sum(map(mul, line, varies)), 0.0))
        return found

    def _rows_of(self, names: Callable[[LeakRow], Sequence[str]]) -> list[list[int]]:
        """Per dealer, the rows in which it is one of these."""
        found: list[list[int]] = [[] for _ in self._dealers]
        for at, each in enumerate(self._rows):
            for dealer in names(each):
                if dealer in self._index:
                    found[self._index[dealer]].append(at)
        return found

    def _what_is_told(self) -> list[Identified]:
        """Per dealer: within some segment there are rows with it and without it, and it is not always with another.

        The level is told by panels of several sizes within a segment: what segments differ by is no leak.
        """
        sizes: dict[str, dict[int, float]] = {}
        everything: dict[str, int] = {}
        for each, decay in zip(self._rows, self._decay, strict=True):
            there = sizes.setdefault(each.segment, {})
            there[each.n_asked] = there.get(each.n_asked, 0.0) + decay
            everything[each.segment] = everything.get(each.segment, 0) + 1
        # A dealer always asked with another cannot be told from it.
        asked = [tuple(rows) for rows in self._asked]
        times: dict[tuple[int, ...], int] = {}
        for rows in asked:
            times[rows] = times.get(rows, 0) + 1
        varying = sum(sum(there.values()) - max(there.values()) for there in sizes.values())
        level = varying >= self._parameters.size_varied_min
        found = []
        for rows in asked:
            by_segment: dict[str, int] = {}
            for at in rows:
                segment = self._rows[at].segment
                by_segment[segment] = by_segment.get(segment, 0) + 1
            varied = any(have < everything[segment] for segment, have in by_segment.items())
            if not varied or times[rows] > 1:
                found.append(Identified.none)
            else:
                found.append(Identified.level if level else Identified.relative)
        return found

    def _lost_and_won(self, at: int, beta: Sequence[float], value: float) -> tuple[float | None, float | None]:
        """What a dealer's lost and won rounds say each for itself."""
        dealer, sums = self._dealers[at], [[0.0, 0.0], [0.0, 0.0]]
        traded = self._traded_column.get(dealer)
        for row in self._asked[at]:
            own = (
                value if traded is None else value + sum(x * beta[traded] for k, x in self._sparse[row] if k == traded)
            )
            told = sums[dealer in self._rows[row].winners]
            told[0] += self._weight[row]
            told[1] += self._weight[row] * (self._residual(row, beta) + own)
        lost, won = (total / weight if weight else None for weight, total in sums)
        return lost, won


def _own_variance(variance: float, belief: Belief) -> float:
    """The prior variance with which an estimate is believed that far."""
    return variance * belief.share / (1.0 - belief.share)


def _effective(weights: Sequence[float]) -> float:
    """How many observations of one weight these are worth."""
    return sum(weights) ** 2 / sum([weight * weight for weight in weights])


def clipped(drifts: Sequence[float], variances: Sequence[float], clip: float) -> tuple[list[float], int]:
    """Drifts held within `clip` scatters of their middle, and how many were beyond."""
    middle = _median(drifts)
    off = [abs(drift - middle) / math.sqrt(v) for drift, v in zip(drifts, variances, strict=True)]
    scale = 1.4826 * _median(off) or 1.2533 * sum(off) / len(off)
    found, beyond = list[float](), 0
    for drift, v in zip(drifts, variances, strict=True):
        most = clip * scale * math.sqrt(v)
        found.append(min(max(drift, middle - most), middle + most))
        beyond += abs(drift - middle) > most
    return found, beyond


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2.0
