"""What the desk estimates of its dealers: rounds in, an `Outlook` a dealer out.

The entry of `evidence` (the sums), `rates` (q, f, z, r by back-off), `latency` (life tables) and `edges` (dealers told
apart from rounds). A projection: a pure function of the rounds it learnt, the days that were told by `daily`, and one
`EstimateParameters`. To learn an ask costs the same however long the history is; the same journal gives the same bits,
another order of rounds that keeps each dealer's own the same numbers to 1e-9.

Not learnt from: a round or ask that was learnt before, an edge without a fit mark, what a dealer said too late. Who
was not asked or is in doubt is no `AskSeen`; `forget` takes back one that turned out not to have arrived.

What changes only by `daily`: the end of the window, the scales of edges and where they are clipped, the strengths of
priors. Within a day a wild quote can therefore move an estimate by a known amount at most.

Reference numbers: a prior mean of .25 with strength 10 makes 2 of 2 .375, 40 of 100 .386 and 0 of 3 .192; an
observation of one half-life ago weighs .5.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from engine.clock import utc_day
from engine.dealers import edges, latency, rates
from engine.dealers import evidence as ev
from engine.dealers.edges import EdgeSums, Solved, Spreads
from engine.dealers.evidence import Cell, Change, Evidence, KeptRound, RoundKey
from engine.dealers.outlook import Identified, Measure, Outlook
from engine.dealers.rates import Counting
from engine.dealers.segments import Segment, segment_of_key
from engine.domain import observation
from engine.domain.observation import Answer, AskSeen, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side

NS_PER_S: Final = 1e9
_EDGE_BPS_MAX: Final = 10_000.0
"""A price that is off by more than itself is garbage in, and no observation."""
_OUTLOOKS_MAX: Final = 256
"""Segments whose estimates are kept between two rounds."""
_NO_CELLS: Final[Mapping[str, Cell]] = {}
_REJECT_STRENGTH: Final = 10.0


@dataclass(frozen=True, slots=True)
class EstimateParameters:
    """What estimates are made with; another set means another object, built aside and swapped in.

    `strengths` are asks that a prior is worth, by level: the dealer at large, in the asset class, in the segment, for
    side and size; joined like resistors the shipped ones are worth 10. Slopes are of the logit of answering, by
    ln(how many are asked) and ln(size / `size_reference`). `edge_dealers_bps` and `edge_scopes_bps` are the sds of
    dealers and of whole scopes, by the same levels; `edge_round_bps` that of what all quotes of a round have in common
    beside the mark's error.
    """

    half_life_days: int = 30
    window_days: int = 365
    rounds_max: int = 100_000
    q_mean: float = 0.6
    f_mean: float = 0.95
    z_mean: float = 0.95
    r_mean: float = 0.15
    strengths: tuple[float, ...] = (20.0, 80.0, 40.0, 80.0)
    z_spread: float = 0.3
    panel_slope: float = -0.3
    size_slope: float = -0.1
    size_reference: float = 1_000_000.0
    latency_strength: float = 10.0
    edge_level_bps: float = -10.0
    edge_scopes_bps: tuple[float, ...] = (20.0, 10.0, 8.0, 5.0)
    edge_dealers_bps: tuple[float, ...] = (10.0, 3.0, 4.0, 3.0)
    edge_noise_bps: float = 6.0
    edge_noise_strength: float = 10.0
    edge_round_bps: float = 5.0
    mark_sd_bps: float = 5.0
    edge_clip_sds: float = 5.0
    reject_move_bps: float = 1.0
    leak_mean_bps: float = 0.5
    leak_sd_bps: float = 1.0


@dataclass(frozen=True, slots=True)
class Asking:
    """What dealers are to be asked for: face amount, the seconds they get, and when."""

    segment: Segment
    quantity: Decimal
    wait_s: float
    now_ns: int


class Leaks(Protocol):
    """What is known of leaks: made by a batch, not by this fold."""

    def of(self, dealer: str) -> tuple[Measure, Measure, Identified]:
        """(until the decision, after it, how much of it can be told)"""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """All of one dealer's outlook that does not depend on size and wait."""

    q: rates.Rate
    n_eff: float
    answers: latency.Table
    p50_s: float
    p90_s: float
    e: Measure
    f: Measure
    reject_move_bps: float
    z: Measure
    leak_in: Measure
    leak_post: Measure
    identified: Identified
    r: Measure
    asks: int


@dataclass(frozen=True, slots=True)
class _Coarse:
    """What is known above a segment (same rating and maturity), of whatever was not seen in it."""

    rates: dict[str, rates.Known]
    solved: Solved
    answers: latency.Table
    """Across dealers."""
    answers_of: dict[str, latency.Table]
    reject_moves_bps: dict[str, float]


@dataclass(slots=True)
class _Picture:
    """The estimates of one segment on one day."""

    version: int
    day: int
    coarse: _Coarse
    rates: dict[str, rates.Known]
    solved: Solved
    noise_bps: float
    df: float
    known: dict[str, _Known]


class Estimates:
    """The estimates of one desk. `learn`, `forget`, `leak` and `daily` change them; queries do not."""

    __slots__ = (
        "_changed",
        "_coarse",
        "_daily_version",
        "_edges",
        "_evidence",
        "_frozen",
        "_last_day",
        "_leaks",
        "_pictures",
        "_rates",
        "_spreads",
        "parameters",
        "version",
    )

    def __init__(self, parameters: EstimateParameters | None = None) -> None:
        p = self.parameters = EstimateParameters() if parameters is None else parameters
        self._evidence = Evidence(p.half_life_days)
        self._changed: dict[str, int] = {}
        self._coarse: dict[str, _Coarse] = {}
        self._daily_version = 0
        self._edges: dict[str, EdgeSums] = {}
        self._frozen: dict[str, Solved] = {}
        self._leaks: Leaks | None = None
        self._last_day = 0
        self._pictures: dict[str, _Picture] = {}
        self._rates = _countings(p)
        self._spreads = Spreads(p.edge_noise_bps, p.edge_dealers_bps, p.edge_scopes_bps, p.edge_level_bps)
        self.version = 0

    # What changes them

    def learn(self, seen: RoundSeen) -> None:
        """Take in a round; what was taken in before of the same round and dealer is passed over."""
        day = utc_day(seen.sent_ns)
        if day <= self._last_day - self.parameters.window_days:
            return
        key: RoundKey = (seen.source, seen.rfq_id, seen.round)
        kept = self._evidence.rounds.get(key)
        if kept is None:
            kept = KeptRound(day, segment_of_key(seen.segment).scopes, {}, {}, (), 0.0)
        new = [ask for ask in seen.asks if ask.dealer not in kept.asks]
        if not new:
            return
        if key not in self._evidence.rounds:
            self._evidence.keep(key, kept)
        self._last_day = max(self._last_day, day)
        quotes = {ask.dealer: ask.edge_bps for ask in new if ask.edge_bps is not None and _is_fit(ask)}
        offset = self._offset(seen)
        for ask in new:
            self._evidence.add(kept, ask.dealer, self._changes(ask, seen, kept, offset))
        if quotes:
            self._quote(kept, {**kept.quotes, **quotes}, _round_variance(seen, self.parameters))
        self._note(kept)

    def forget(self, source: str, rfq_id: str, round_number: int, dealer: str) -> None:
        """Take back an ask: the request turned out not to have arrived. What was not learnt is passed over."""
        key: RoundKey = (source, rfq_id, round_number)
        kept = self._evidence.rounds.get(key)
        if kept is None or dealer not in kept.asks:
            return
        self._forget(key, kept, dealer)
        self._note(kept)

    def leak(self, table: Leaks | None) -> None:
        """Take the leaks of a batch."""
        self._leaks = table
        self.version = self._daily_version = self.version + 1

    def daily(self, now_ns: int) -> None:
        """A new day: the window moves on, scales and strengths are set by what was seen. 1 ms a segment."""
        day = max(utc_day(now_ns), self._last_day)
        self._last_day = day
        self._expire(day - self.parameters.window_days + 1)
        aging = self._evidence.aging
        if aging.is_due(day):
            halvings = aging.move(day)
            self._evidence.scale_down(halvings)
            for sums in self._edges.values():
                sums.scale(math.ldexp(1.0, -halvings))
        self._refit(day)
        self.version = self._daily_version = self.version + 1
        self._changed.clear()

    def let_go(self) -> Iterator[None]:
        """Empty estimates that nobody needs any more, a part a step: freed at once, they hold everybody up."""
        self._pictures.clear()
        self._frozen.clear()
        yield from self._evidence.let_go()
        while self._edges:
            self._edges.popitem()
            yield

    # Queries

    def outlook(self, dealer: str, asking: Asking) -> Outlook:
        """What to expect of one dealer."""
        return self.outlooks((dealer,), asking)[0]

    def outlooks(self, dealers: Sequence[str], asking: Asking) -> tuple[Outlook, ...]:
        """What to expect of each, in their order. 50 dealers: 2 ms after a round, a tenth of it until the next."""
        picture = self._picture(asking.segment, max(utc_day(asking.now_ns), self._last_day))
        known = picture.known
        move = self.parameters.size_slope * self._size(asking.quantity)
        found: list[Outlook] = []
        for dealer in dealers:
            one = known.get(dealer)
            if one is None:
                one = known[dealer] = self._known(dealer, asking.segment, picture)
            found.append(
                Outlook(
                    dealer=dealer,
                    q=rates.measure_of_rate(one.q, one.n_eff, 1.0, move),
                    q_slope=self.parameters.panel_slope,
                    in_time=one.answers.within(asking.wait_s),
                    latency_p50_s=one.p50_s,
                    latency_p90_s=one.p90_s,
                    e=one.e,
                    e_noise_sd=picture.noise_bps,
                    e_df=picture.df,
                    f=one.f,
                    reject_move_bps=one.reject_move_bps,
                    z=one.z,
                    leak_in=one.leak_in,
                    leak_post=one.leak_post,
                    leak_identified=one.identified,
                    r=one.r,
                    asks=one.asks,
                )
            )
        return tuple(found)

    def digest(self) -> str:
        """SHA-256 of all sums and scales: equal for the same journal, to the bit."""
        state = [
            self._last_day,
            self._evidence.aging.base,
            [[scope, sorted(cells.items())] for scope, cells in sorted(self._evidence.cells.items())],
            [[scope, s.names, s.rows, s.sides, s.squares, s.quotes] for scope, s in sorted(self._edges.items())],
            [[scope, sorted(f.index.items()), f.means, f.variances] for scope, f in sorted(self._frozen.items())],
            [repr(counting) for counting in self._rates.values()],
            repr(self._spreads),
        ]
        return hashlib.sha256(json.dumps(state, separators=(",", ":")).encode()).hexdigest()

    # One ask

    def _note(self, kept: KeptRound) -> None:
        self.version += 1
        for scope in kept.scopes:
            self._changed[scope] = self.version

    def _offset(self, seen: RoundSeen) -> float:
        """How far the logit of answering is from that of one asked alone for the reference size."""
        # Whoever is asked one after the other does not compete.
        asked = 1 if seen.protocol is observation.Protocol.sequence else max(1, seen.n_asked)
        p = self.parameters
        return p.panel_slope * math.log(asked) + p.size_slope * self._size(seen.quantity)

    def _size(self, quantity: Decimal) -> float:
        return math.log(max(float(quantity), 1.0) / self.parameters.size_reference)

    def _changes(self, ask: AskSeen, seen: RoundSeen, kept: KeptRound, offset: float) -> tuple[Change, ...]:
        """What an ask adds to the dealer's cells."""
        quoted = ask.answer is Answer.quote
        weight, total = self._response(ask.dealer, kept, offset, 1.0 if quoted else 0.0)
        changes: list[Change] = [
            (ev.COUNT, 1.0),
            (ev.ASKS, 1.0),
            (ev.ASKS_SQUARED, 1.0),
            (ev.Q_WEIGHT, weight),
            (ev.Q_SUM, total),
        ]
        if quoted:
            if ask.answered_ns is not None:
                place = latency.bin_of((ask.answered_ns - ask.sent_ns) / NS_PER_S)
                end = ev.BINS - 1
                if ask.deadline_ns is not None:
                    end = max(place, latency.bin_of((ask.deadline_ns - ask.sent_ns) / NS_PER_S))
                changes += ((ev.QUICK + place, 1.0), (ev.ENDS + end, 1.0))
            if ask.quantity is not None and seen.quantity > 0:
                share = min(1.0, max(0.0, float(ask.quantity / seen.quantity)))
                changes += (
                    (ev.Z_WEIGHT, 1.0),
                    (ev.Z_SUM, share),
                    (ev.Z_SUM_OF_SQUARES, share * share),
                    (ev.Z_SQUARED, 1.0),
                )
            if _is_fit(ask):
                changes += ((ev.EDGES, 1.0), (ev.EDGES_SQUARED, 1.0))
        if ask.taken is not Taken.no:
            changes += ((ev.F_WEIGHT, 1.0), (ev.F_SQUARED, 1.0))
            if ask.taken is Taken.filled:
                changes.append((ev.F_SUM, 1.0))
            if ask.taken is not Taken.rejected:
                changes.append((ev.TRADES, 1.0))
            else:
                move = _move_against_bps(seen.side, ask.mark_answered, ask.mark_decided)
                if move is not None:
                    changes += ((ev.REJECTS, 1.0), (ev.REJECT_MOVES, move))
        return tuple(changes)

    def _response(self, dealer: str, kept: KeptRound, offset: float, answered: float) -> tuple[float, float]:
        """An ask as it counts for a rate of answering when asked alone for the reference size.

        One Laplace step on the logit at the dealer's own rate: the slope and curvature of what was seen, as those of
        so many asks with so many answers. Without an offset that is the ask itself.
        """
        if offset == 0.0:
            return 1.0, answered
        unit = self._evidence.aging.unit(kept.day)
        p, strengths = self.parameters.q_mean, self.parameters.strengths
        for level, scope in enumerate(reversed(kept.scopes[-3:])):
            cell = self._evidence.cells.get(scope, {}).get(dealer)
            if cell is None:
                break
            strength = rates.strength_at(strengths, level)
            p = (strength * p + cell[ev.Q_SUM] * unit) / (strength + cell[ev.Q_WEIGHT] * unit)
        p = min(max(p, 0.02), 0.98)
        expected = rates.expit(rates.logit(p) + offset)
        weight = expected * (1.0 - expected) / (p * (1.0 - p))
        return weight, weight * p + answered - expected

    def _quote(self, kept: KeptRound, quotes: dict[str, float], round_variance: float) -> None:
        """Take the edges of a round, all together: they are held against each other."""
        weight = self._evidence.aging.weight(kept.day)
        for scope in kept.scopes:
            sums = self._edges.get(scope)
            if sums is None:
                sums = self._edges[scope] = EdgeSums()
            if kept.edges:
                sums.add(kept.edges, kept.pull, -weight)
        kept.quotes = quotes
        noise2 = self._spreads.noise**2
        kept.pull = round_variance / (noise2 + len(quotes) * round_variance) if quotes else 0.0
        kept.edges = self._clipped(kept, quotes, round_variance)
        if quotes:
            for scope in kept.scopes:
                self._edges[scope].add(kept.edges, kept.pull, weight)

    def _clipped(
        self, kept: KeptRound, quotes: dict[str, float], round_variance: float
    ) -> tuple[tuple[str, float], ...]:
        """Edges, drawn in to a multiple of what the day's scales allow: around the round, and the round itself."""
        noise2, sds = self._spreads.noise**2, self.parameters.edge_clip_sds
        expected: list[tuple[str, float, float, float]] = []
        for dealer, edge in quotes.items():
            mean, variance = self._expected_edge(kept, dealer)
            expected.append((dealer, mean, edge - mean, math.sqrt(variance + noise2)))
        # The mark votes as one quote would: of two quotes the one nearer to it is believed.
        offs = sorted([0.0, *(off for _, _, off, _ in expected)])
        middle = offs[len(offs) // 2] if len(offs) % 2 else (offs[len(offs) // 2 - 1] + offs[len(offs) // 2]) / 2
        widest = max((sd for _, _, _, sd in expected), default=0.0)
        centre = _within(middle, sds * math.sqrt(round_variance + widest * widest))
        return tuple((dealer, mean + centre + _within(off - middle, sds * sd)) for dealer, mean, off, sd in expected)

    def _expected_edge(self, kept: KeptRound, dealer: str) -> tuple[float, float]:
        """(mean, variance) of the dealer's effect as of the last `daily`."""
        for scope in kept.scopes:
            frozen = self._frozen.get(scope)
            if frozen is not None:
                return frozen.expected(dealer)
        s = self._spreads
        return s.level, sum(x * x for x in s.dealers) + sum(x * x for x in s.scopes)

    def _forget(self, key: RoundKey, kept: KeptRound, dealer: str) -> None:
        if dealer in kept.quotes:
            n = len(kept.quotes)
            quotes = {name: edge for name, edge in kept.quotes.items() if name != dealer}
            # What the pull was made of, before there is one quote less.
            noise2 = self._spreads.noise**2
            left = 1.0 - n * kept.pull
            self._quote(kept, quotes, kept.pull * noise2 / left if left > 0 else 1e12)
        self._evidence.take_back(kept, dealer)
        if not kept.asks:
            self._evidence.drop(key)

    def _expire(self, oldest: int) -> None:
        for key in self._evidence.before(oldest):
            self._drop(key)
        while len(self._evidence.rounds) > self.parameters.rounds_max:
            day = self._evidence.oldest_day()
            for key in self._evidence.of_day(day if day is not None else 0):
                self._drop(key)

    def _drop(self, key: RoundKey) -> None:
        kept = self._evidence.rounds[key]
        if kept.edges:
            weight = self._evidence.aging.weight(kept.day)
            for scope in kept.scopes:
                self._edges[scope].add(kept.edges, kept.pull, -weight)
        for dealer in list(kept.asks):
            self._evidence.take_back(kept, dealer)
        self._evidence.drop(key)

    # What changes by the day

    def _refit(self, day: int) -> None:
        unit = self._evidence.aging.unit(day)
        for scope, sums in list(self._edges.items()):
            if sums.quotes * unit < 1e-6:
                del self._edges[scope]
        self._coarse = {}
        segments = sorted(scope for scope in self._evidence.cells if _is_segment(scope))
        coarse = {scope: self._coarse_of(segment_of_key(scope).scopes, unit) for scope in segments}
        self._spreads = self._refitted(coarse, unit)
        self._coarse = {scope: self._coarse_of(segment_of_key(scope).scopes, unit) for scope in segments}
        self._frozen = {scope: self._solved(segment_of_key(scope).scopes, unit)[-1] for scope in segments}

    def _refitted(self, coarse: dict[str, _Coarse], unit: float) -> Spreads:
        """The scales by what was seen, each drawn to the parameter it started from."""
        return self._spreads

    # One segment

    def _coarse_of(self, scopes: Sequence[str], unit: float) -> _Coarse:
        """From the desk down to above the segment; as of the last `daily` where the segment was known then."""
        chain = scopes[::-1]
        for scope in chain:
            known = self._coarse.get(scope)
            if known is not None:
                return known
        cells, nothing = self._evidence.cells, _NO_CELLS
        solved = edges.begin(self._spreads)
        found = {name: rates.begin(counting) for name, counting in self._rates.items()}
        for level, scope in enumerate(chain):
            if "|" in scope:
                break
            finer = chain[level + 1] if level + 1 < len(chain) else ""
            solved = edges.descend(solved, level, self._edges.get(scope), self._edges.get(finer), self._spreads, unit)
            found = {
                name: rates.descend(
                    one, level, cells.get(scope, nothing), cells.get(finer, nothing), self._rates[name], unit
                )
                for name, one in found.items()
            }
        at_large = cells.get(chain[0], nothing)
        strength = self.parameters.latency_strength
        across = _table_across(at_large.values(), unit, strength)
        return _Coarse(
            found,
            solved,
            across,
            {dealer: latency.table((cell,), unit, across, strength) for dealer, cell in at_large.items()},
            {dealer: self._reject_move(cell, unit) for dealer, cell in at_large.items()},
        )

    def _solved(self, scopes: Sequence[str], unit: float) -> list[Solved]:
        """The edges above a segment, and those of each finer scope."""
        chain = scopes[::-1]
        solved = [self._coarse_of(scopes, unit).solved]
        for level, scope in enumerate(chain):
            if "|" in scope:
                finer = self._edges.get(chain[level + 1]) if level + 1 < len(chain) else None
                solved.append(edges.descend(solved[-1], level, self._edges.get(scope), finer, self._spreads, unit))
        return solved

    def _rated(self, scopes: Sequence[str], unit: float) -> dict[str, rates.Known]:
        """The rates of the finest scope."""
        chain = scopes[::-1]
        found = self._coarse_of(scopes, unit).rates
        cells, nothing = self._evidence.cells, _NO_CELLS
        for level, scope in enumerate(chain):
            if "|" in scope:
                finer = cells.get(chain[level + 1], nothing) if level + 1 < len(chain) else nothing
                found = {
                    name: rates.descend(one, level, cells.get(scope, nothing), finer, self._rates[name], unit)
                    for name, one in found.items()
                }
        return found

    def _version_of(self, scopes: Sequence[str]) -> int:
        """When what is estimated of a segment last changed: what is above it changes with the day."""
        for scope in scopes:
            if scope in self._coarse:
                return max(self._changed.get(scope, 0), self._daily_version)
        return self.version

    def _picture(self, segment: Segment, day: int) -> _Picture:
        picture = self._pictures.get(segment.key)
        version = self._version_of(segment.scopes)
        if picture is not None and picture.version == version and picture.day == day:
            return picture
        unit = self._evidence.aging.unit(day)
        solved = self._solved(segment.scopes, unit)
        p = self.parameters
        squares, count = p.edge_noise_strength * self._spreads.noise**2, p.edge_noise_strength
        for one in solved[1:]:
            squares += one.left[0]
            count += one.left[1]
        picture = _Picture(
            version=version,
            day=day,
            coarse=self._coarse_of(segment.scopes, unit),
            rates=self._rated(segment.scopes, unit),
            solved=solved[-1],
            noise_bps=math.sqrt(squares / count),
            df=count,
            known={},
        )
        if len(self._pictures) >= _OUTLOOKS_MAX:
            self._pictures.clear()
        self._pictures[segment.key] = picture
        return picture

    def _known(self, dealer: str, segment: Segment, picture: _Picture) -> _Known:
        cells, unit = self._evidence.cells, self._evidence.aging.unit(picture.day)
        # The segment is what bonds have in common; side and size are of the request.
        own = cells.get(segment.scopes[1] if len(segment.scopes) > 3 else segment.scopes[0], {}).get(dealer)
        coarse = picture.coarse
        table = coarse.answers_of.get(dealer, coarse.answers)
        if own is not None:
            table = latency.table((own,), unit, table, self.parameters.latency_strength)
        in_bps, post_bps, identified = self._leak_of(dealer)
        asks_n = _n_eff(own, ev.ASKS, ev.ASKS_SQUARED)
        return _Known(
            q=picture.rates["q"].of(dealer),
            n_eff=asks_n,
            answers=table,
            p50_s=table.quantile(0.5),
            p90_s=table.quantile(0.9),
            e=_edge_measure(picture, dealer, _n_eff(own, ev.EDGES, ev.EDGES_SQUARED)),
            f=rates.measure_of_rate(picture.rates["f"].of(dealer), _n_eff(own, ev.F_WEIGHT, ev.F_SQUARED)),
            reject_move_bps=coarse.reject_moves_bps.get(dealer, self.parameters.reject_move_bps),
            z=rates.measure_of_rate(
                picture.rates["z"].of(dealer), _n_eff(own, ev.Z_WEIGHT, ev.Z_SQUARED), self._rates["z"].spread
            ),
            leak_in=in_bps,
            leak_post=post_bps,
            identified=identified,
            r=rates.measure_of_rate(picture.rates["r"].of(dealer), asks_n),
            asks=0 if own is None else round(own[ev.COUNT]),
        )

    def _reject_move(self, cell: Cell, unit: float) -> float:
        moves, rejects = cell[ev.REJECT_MOVES] * unit, cell[ev.REJECTS] * unit
        return (_REJECT_STRENGTH * self.parameters.reject_move_bps + moves) / (_REJECT_STRENGTH + rejects)

    def _leak_of(self, dealer: str) -> tuple[Measure, Measure, Identified]:
        if self._leaks is not None:
            return self._leaks.of(dealer)
        mean, sd = self.parameters.leak_mean_bps, self.parameters.leak_sd_bps
        prior = Measure(mean, sd, mean - rates.Z90 * sd, mean + rates.Z90 * sd, 0.0)
        return prior, prior, Identified.none


def _countings(p: EstimateParameters) -> dict[str, Counting]:
    return {
        "q": Counting(ev.Q_WEIGHT, ev.Q_SUM, p.q_mean, p.strengths),
        "f": Counting(ev.F_WEIGHT, ev.F_SUM, p.f_mean, p.strengths),
        "z": Counting(ev.Z_WEIGHT, ev.Z_SUM, p.z_mean, p.strengths, p.z_spread),
        "r": Counting(ev.ASKS, ev.TRADES, p.r_mean, p.strengths),
    }


def _is_segment(scope: str) -> bool:
    """True for a scope of bonds of one rating and maturity, whatever side and size."""
    return scope.count("|") == 2


def _edge_measure(picture: _Picture, dealer: str, n_eff: float) -> Measure:
    mean, variance = picture.solved.expected(dealer)
    sd = math.sqrt(variance)
    width = edges.t_quantile(picture.df) * sd
    return Measure(mean, sd, mean - width, mean + width, n_eff)


def _table_across(cells: Iterable[Cell], unit: float, strength: float) -> latency.Table:
    """The life table across dealers: who was asked often does not speak for everybody."""
    drawn: list[Cell] = []
    for cell in cells:
        answers = sum(cell[ev.QUICK : ev.ENDS]) * unit
        if answers > 0.0:
            share = strength / (strength + answers)
            drawn.append([0.0] * ev.QUICK + [x * share for x in cell[ev.QUICK :]])
    return latency.table(drawn, unit, latency.PRIOR, strength)


def _n_eff(cell: Cell | None, weight: int, squared: int) -> float:
    if cell is None or cell[squared] <= 0.0:
        return 0.0
    return cell[weight] * cell[weight] / cell[squared]


def _is_fit(ask: AskSeen) -> bool:
    edge = ask.edge_bps
    return ask.answer is Answer.quote and edge is not None and math.isfinite(edge) and abs(edge) <= _EDGE_BPS_MAX


def _round_variance(seen: RoundSeen, p: EstimateParameters) -> float:
    """The variance of what all quotes of a round have in common: the mark's error, and what the round was like."""
    sds = [ask.mark_answered.sd_bps for ask in seen.asks if ask.mark_answered and ask.mark_answered.sd_bps is not None]
    mark_sd = max(sds) if sds else p.mark_sd_bps
    return mark_sd * mark_sd + p.edge_round_bps * p.edge_round_bps


def _move_against_bps(side: Side, before: MarkUsed | None, after: MarkUsed | None) -> float | None:
    """How far the mark went against us, in bps; None without both."""
    if before is None or after is None or before.price <= 0:
        return None
    move = float((after.price - before.price) / before.price) * 1e4
    if abs(move) > _EDGE_BPS_MAX:
        return None
    return move if side is Side.buy else -move


def _within(x: float, bound: float) -> float:
    return min(max(x, -bound), bound)
