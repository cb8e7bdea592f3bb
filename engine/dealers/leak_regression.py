"""The regression of `dealers.leak`: rows, parameters and a moment in, a table out, the same to the bit each time.

Columns are the dealers, the controls, the segments, the intercept and, last, how many were asked. Two solutions that
matter (how the level is known by the data alone, and the last one) and one factorisation for each ratio of the grid.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from operator import mul
from typing import Final

from engine.dealers.edges import t_quantile
from engine.dealers.leak import DAY_NS, NOTHING, ORDER, LeakParameters, LeakRow
from engine.dealers.mixed_model import Moments, Solution, Sparse, solve_at
from engine.domain.leak import LeakOf, LeakOutcome, LeakTable
from engine.domain.measure import Identified, Measure

_RATIOS: Final = tuple(0.01 * 2.0**at for at in range(10))
"""tau over the noise of one row, from next to nothing to five times as much."""
_LEVELS_BPS: Final = tuple(0.05 * 2.0 ** (at / 2) for at in range(20))
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
        _Regression(kept_in, parameters, now_ns, with_trades=False).outcome() if kept_in else NOTHING,
        _Regression(kept_post, parameters, now_ns, with_trades=True).outcome() if kept_post else NOTHING,
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


class _Regression:
    """One outcome's regression. `rows` are in a fixed order, at least one."""

    def __init__(self, rows: Sequence[LeakRow], parameters: LeakParameters, now_ns: int, with_trades: bool) -> None:
        self._rows = rows
        self._parameters = parameters
        half_life_ns = parameters.half_life_days * DAY_NS
        self._decay = [math.exp2((each.at_ns - now_ns) / half_life_ns) for each in rows]
        variance = [max(each.variance_bps2, parameters.variance_floor_bps2) for each in rows]
        self._weight = [decay / each for decay, each in zip(self._decay, variance, strict=True)]
        self._total = sum(self._decay)
        self._usual_variance = self._total / sum(self._weight)
        self._drift, self._clipped = clipped([each.drift_bps for each in rows], variance, parameters.clip)
        self._dealers = sorted({dealer for each in rows for dealer in each.asked})
        self._index = {dealer: at for at, dealer in enumerate(self._dealers)}
        controls = self._controls(with_trades)
        segments = sorted({each.segment for each in rows})
        self._segments = segments if len(segments) > 1 else []
        self._first_segment = len(self._dealers) + len(controls)
        self._intercept = self._first_segment + len(self._segments)
        self._count = self._intercept + 1
        self._n_usual = self._mean([float(each.n_asked) for each in rows])
        self._n_varied = len({each.n_asked for each in rows}) > 1
        self._sparse = [self._columns(at, each, controls) for at, each in enumerate(rows)]
        self._moments = Moments(self._count + 1)
        for sparse, drift, weight in zip(self._sparse, self._drift, self._weight, strict=True):
            self._moments.add(sparse, drift, weight)
        self._parents: dict[str, list[int]] = {}
        for at, each in enumerate(rows):
            self._parents.setdefault(each.parent_id, []).append(at)

    def outcome(self) -> LeakOutcome:
        noise, self._between = self._variances()
        level = self._level_variance(noise)
        penalties = self._penalties(noise, self._own_variances(noise), level)
        solution = solve_at(self._moments, penalties)
        level_sd = math.sqrt(noise * solution.column(self._count)[self._count])
        if solution.beta[self._count] < 0:
            # Nobody is paid for being asked.
            solution = solve_at(self._moments, penalties, self._count)
        return self._told(solution, penalties, noise, level_sd)

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
        row += [(column, values[at]) for column, values in enumerate(controls, len(self._dealers))]
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

    def _penalties(self, noise: float, own: Sequence[float], level: float | None) -> list[float]:
        """`noise` is phi; `own` (by dealer) and `level` are prior variances. Without a `level` it is what data say."""
        penalties = [noise / variance for variance in own]
        penalties += [1.0 / (_CONTROL_SDS**2 * self._usual_variance)] * (self._first_segment - len(self._dealers))
        penalties += [noise / self._parameters.segment_sd_bps**2] * len(self._segments)
        for column, per_bps in ((self._intercept, 1.0), (self._count, self._n_usual**2)):
            flat = _FLAT * self._moments.matrix[column][column]
            penalties.append(flat if level is None else noise * per_bps / level)
        return penalties

    # --- what the priors are -------------------------------------------------------------------------

    def _variances(self) -> tuple[float, list[tuple[float, float]]]:
        """(phi, [(chance, tau^2)]) by restricted likelihood."""
        size = self._count + self._n_varied
        free, count = max(self._total - 1.0 - self._n_varied, 1.0), len(self._dealers)
        noise = 1.0
        found = list[tuple[float, float, float]]()
        for ratio in _RATIOS:
            share = ratio * ratio * self._usual_variance
            # The penalty of segments wants the noise: that of the ratio before is near enough.
            solution = solve_at(self._moments, self._penalties(noise, [noise * share] * count, None), size)
            noise = max(solution.left / free, _NOISE_BPS_MIN**2 / self._usual_variance)
            likelihood = -0.5 * (free * math.log(noise) + solution.log_det + count * math.log(share))
            belief = _belief(math.sqrt(noise * share), self._parameters.between_scale_bps)
            found.append((likelihood + belief, noise, noise * share))
        chances = _chances([each[0] for each in found])
        noise = math.fsum(chance * each[1] for chance, each in zip(chances, found, strict=True))
        return noise, [(chance, each[2]) for chance, each in zip(chances, found, strict=True)]

    def _mean_variance(self) -> float:
        return math.fsum(chance * variance for chance, variance in self._between)

    def _shares(self, noise: float) -> list[tuple[float, float, float]]:
        """Per dealer: the variance its own rounds leave of it, how much they are believed, and how sure that is.

        To believe them by the mean of tau^2 would be to believe them too much: the share is averaged, not tau.
        """
        total = sum(self._weight)
        found = []
        for at in range(len(self._dealers)):
            weight = self._moments.matrix[at][at]
            variance = noise / max(weight * (1.0 - weight / total), 1e-12 * weight)
            shares = [(chance, tau / (tau + variance)) for chance, tau in self._between]
            mean = math.fsum(chance * share for chance, share in shares)
            spread = math.fsum(chance * (share - mean) ** 2 for chance, share in shares)
            found.append((variance, mean, math.sqrt(spread)))
        return found

    def _own_variances(self, noise: float) -> list[float]:
        return [variance * share / (1.0 - share) for variance, share, _ in self._shares(noise)]

    def _level_variance(self, noise: float) -> float:
        """Of the drift with nobody asked, and of what the usual panel leaks; held to be alike."""
        penalties = self._penalties(noise, [self._mean_variance()] * len(self._dealers), None)
        solution = solve_at(self._moments, penalties, self._count + self._n_varied)
        lines = [solution.column(self._intercept)]
        if self._n_varied:
            lines.append([self._n_usual * value for value in solution.column(self._count)])
        covariance = [
            [noise * sum(p * x * y for p, x, y in zip(penalties, one, other, strict=False)) for other in lines]
            for one in lines
        ]
        for score in self._scores(solution, None):
            told = [sum(value * line[column] for column, value in score if column < len(line)) for line in lines]
            for line, one in zip(covariance, told, strict=True):
                line[:] = [have + one * other for have, other in zip(line, told, strict=True)]
        drift = solution.beta[self._intercept]
        leak = self._n_usual * solution.beta[self._count] if self._n_varied else 0.0
        found = list[float]()
        for sd in _LEVELS_BPS:
            v = sd * sd
            if self._n_varied:
                a, b, c = covariance[0][0], covariance[0][1], covariance[1][1]
                det = (a + v) * (c + v) - b * b
                square = ((c + v) * drift * drift - 2.0 * b * drift * leak + (a + v) * leak * leak) / det
            else:
                det = covariance[0][0] + 2.0 * v
                square = drift * drift / det
            found.append(-0.5 * (math.log(det) + square) + _belief(sd, self._parameters.level_scale_bps))
        return math.fsum(chance * sd * sd for chance, sd in zip(_chances(found), _LEVELS_BPS, strict=True))

    # --- errors --------------------------------------------------------------------------------------

    def _residual(self, at: int, beta: Sequence[float]) -> float:
        return self._drift[at] - sum([value * beta[column] for column, value in self._sparse[at] if column < len(beta)])

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

    def _told(self, solution: Solution, penalties: list[float], noise: float, level_sd: float) -> LeakOutcome:
        """`level_sd` is the error of the common mean as it was before it was floored."""
        size = len(solution.beta)
        floored = size <= self._count
        inverse = solution.inverse()
        # What is told of a dealer is the sum of its own part and the common mean.
        common_line = [0.0] * size if floored else inverse[self._count]
        lines = [[a + b for a, b in zip(inverse[at], common_line, strict=True)] for at in range(len(self._dealers))]
        lines.append(common_line)
        scatter = self._scatter(lines, self._scores(solution, inverse))
        common = 0.0 if floored else solution.beta[self._count]
        beyond = level_sd**2 if floored else 0.0
        between = self._mean_variance()
        unknown = self._measure(common, math.sqrt(between + level_sd**2), 0.0)
        shares = self._shares(noise)
        identified, asked = self._identified(), self._asked()
        residuals = [self._residual(at, solution.beta) for at in range(len(self._rows))]
        found = []
        for at, dealer in enumerate(self._dealers):
            value = common + solution.beta[at]
            lost, won, told_apart = self._lost_and_won(dealer, asked[at], residuals, value, noise)
            if identified[at] is Identified.none:
                found.append(LeakOf(dealer, unknown, unknown.sd, Identified.none, len(asked[at]), lost, won))
                continue
            prior = noise * sum([p * x * x for p, x in zip(penalties, lines[at], strict=False)])
            reliability = 1.0 - penalties[at] * inverse[at][at]
            _, share, unsure = shares[at]
            own = unsure / share * solution.beta[at]
            sd = math.sqrt(scatter[at] + prior + beyond + own * own + (reliability * told_apart) ** 2)
            leak = self._measure(value, sd, _effective([self._weight[k] for k in asked[at]]))
            found.append(LeakOf(dealer, leak, math.sqrt(scatter[at]), identified[at], len(asked[at]), lost, won))
        return LeakOutcome(
            dealers=tuple(found),
            common=self._measure(common, level_sd, _effective(self._weight)),
            unknown=unknown,
            identified=max((each.identified for each in found), key=ORDER.index),
            drift_bps=solution.beta[self._intercept],
            between_bps=math.sqrt(between),
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

    def _asked(self) -> list[list[int]]:
        """Per dealer, the rows that it was asked in."""
        asked: list[list[int]] = [[] for _ in self._dealers]
        for at, each in enumerate(self._rows):
            for dealer in each.asked:
                asked[self._index[dealer]].append(at)
        return asked

    def _identified(self) -> list[Identified]:
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
        asked = [tuple(rows) for rows in self._asked()]
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

    def _lost_and_won(
        self, dealer: str, rows: list[int], residuals: list[float], value: float, noise: float
    ) -> tuple[float | None, float | None, float]:
        """What a dealer's lost and won rounds say each for itself, and what of its leak may be its trades.

        That is 0 as long as the two do not differ by more than chance would have it.
        """
        sums = [[0.0, 0.0], [0.0, 0.0]]
        for at in rows:
            told = sums[dealer in self._rows[at].winners]
            told[0] += self._weight[at]
            told[1] += self._weight[at] * (residuals[at] + value)
        lost, won = (total / weight if weight else None for weight, total in sums)
        if lost is None or won is None:
            return lost, won, 0.0
        error = math.sqrt(noise * (1.0 / sums[0][0] + 1.0 / sums[1][0]))
        share = sums[1][0] / (sums[0][0] + sums[1][0])
        return lost, won, share * (won - lost) if abs(won - lost) > 2.0 * error else 0.0


def _effective(weights: Sequence[float]) -> float:
    """How many observations of one weight these are worth."""
    return sum(weights) ** 2 / sum([weight * weight for weight in weights])


def _belief(sd_bps: float, scale_bps: float) -> float:
    """Logarithm of the prior of a standard deviation, half-Cauchy, on a grid that is even in its logarithm."""
    return math.log(sd_bps / (1.0 + (sd_bps / scale_bps) ** 2))


def _chances(logarithms: Sequence[float]) -> list[float]:
    most = max(logarithms)
    weights = [math.exp(each - most) for each in logarithms]
    total = sum(weights)
    return [each / total for each in weights]


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
