"""What the desk estimates of its dealers: rounds in, an `Outlook` a dealer out.

The entry of `evidence` (the sums), `tally` (what one ask adds to them), `rates` (q, f, z, r by back-off), `latency`
(life tables), `edges` (dealers told apart from rounds), `noise` (what a quote scatters by), `widths` (what edges are
shares of), `by_bond` and `bond_edges` (what is laid on q and on an edge in one bond), `backoff` (from the desk down to
a segment), `scales` (what is fitted by the day) and `drift`. A projection: a pure function of the rounds it learnt, the
days that were told by `daily`, and one `EstimateParameters`. To learn an ask costs the same however long the history
is; the same journal gives the same bits, another order of rounds that keeps each dealer's own the same numbers to 1e-9.

Not learnt from: a round or ask that was learnt before, an edge without a fit mark, what a dealer said too late. Who
was not asked or is in doubt is no `AskSeen`; `forget` takes back one that turned out not to have arrived (of drift
alone it cannot).

What changes only by `daily`: the end of the window, scales and widths, what is known above a segment, what a dealer
does by bond, where edges are clipped. Within a day a wild quote can therefore move an estimate by a known amount at
most.

Reference numbers: a prior mean of .25 with strength 10 makes 2 of 2 .375, 40 of 100 .386 and 0 of 3 .192; an
observation of one half-life ago weighs .5.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from statistics import median
from typing import Any, Final

from engine.clock import utc_day
from engine.dealers import by_bond, edges, latency, rates, tally
from engine.dealers import evidence as ev
from engine.dealers.backoff import NO_CELLS, Coarse, Descent, Steps, chain_of, finished, is_segment
from engine.dealers.bond_edges import BUY, SELL, BondOffs, Taste, bond_offs
from engine.dealers.by_bond import ByBond
from engine.dealers.drift import Drift, Drifting, Step, Watch
from engine.dealers.edges import Solved
from engine.dealers.estimate_parameters import EstimateParameters, scales_before
from engine.dealers.evidence import Cell, Evidence, KeptRound, RoundKey
from engine.dealers.fitting import computing_segments, fitting_scales, looking_for_far_off, still_rounds
from engine.dealers.leak import Leaks
from engine.dealers.noise import Off
from engine.dealers.outlook import Identified, Measure, Outlook
from engine.dealers.scales import with_bonds_of_today
from engine.dealers.segments import Segment, segment_of_key
from engine.dealers.widths import Widths, seen_in
from engine.domain.observation import Answer, AskSeen, RoundSeen, Taken
from engine.domain.order import Side
from engine.domain.rows import row

__all__ = ["Asking", "EstimateParameters", "Estimates"]

_NEW_SHARE: Final = 0.05
_FITTED_DAYS_MAX: Final = 7
_DIVIDED_AT_ONCE: Final = 25
"""Rounds that are divided anew before others have their turn: 1.5 ms."""
_WAITS: Final = "waits"
"""What a fit says where the next thing it does changes something: it is done behind an event."""
_QUARTER_DAYS: Final = 63
"""Of business, in a quarter."""
_PLAIN: Final = (
    "_asked_bonds", "_changed", "_coarse", "_daily_version", "_fitted_day", "_frozen", "_last_day", "_new_rounds",
    "_scales", "_watch", "version",
)  # fmt: skip
"""What others are made of again as it is, beside what was seen. Leaks come by events of their own."""
_SIDES: Final = {"buy": BUY, "sell": SELL}
_PICTURES_MAX: Final = 256
"""Segments whose estimates are kept between two rounds."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What dealers are to be asked for: face amount, the seconds they get, and when.

    `bond` is the security's id, `adv` its face amount a business day, `volatility_bps` the sd of a day's change of its
    price: of a bond that is not told, edges are those of one of the usual width; unknown, it moves as usual.
    """

    segment: Segment
    quantity: Decimal
    wait_s: float
    now_ns: int
    bond: str = ""
    adv: Decimal | None = None
    volatility_bps: float | None = None


@row
@dataclass(frozen=True, slots=True)
class _Own:
    """What a dealer's own record in a segment says by itself: as long as that is the same, so is this."""

    cell: Cell | None
    answers: latency.Table
    p50_s: Measure
    p90_s: float
    asked: float
    """How many asks, quotes, acceptances, quotes with a size it is worth."""
    quoted: float
    accepted: float
    sized: float
    asks: int
    firmness: dict[rates.Rate, Measure]
    """The last one: it moves with acceptances alone."""


@row
@dataclass(frozen=True, slots=True)
class _Known:
    """All of one dealer's outlook that does not depend on size and wait."""

    own: _Own
    q: rates.Rate
    e: Measure
    f: Measure
    reject_move_bps: float
    z: Measure
    leak_in: Measure
    leak_post: Measure
    identified: Identified
    r: Measure
    asks_at_large: int


@dataclass(frozen=True, slots=True)
class _Picture:
    """The estimates of one segment on one day."""

    version: int
    day: int
    coarse: Coarse
    rates: dict[str, rates.Known]
    solved: Solved
    noise: float
    """Of quotes there, over what it is of their dealers everywhere."""
    df: float
    t: float
    """The quantile 95 % of Student's t with these degrees of freedom."""
    known: dict[str, _Known]
    own: dict[str, _Own]
    """By dealer; handed from picture to picture of a day."""


class Estimates:
    """The estimates of one desk. `learn`, `forget`, `leak` and `daily` change them; queries do not."""

    __slots__ = (
        "_asked_bonds",
        "_by_bond",
        "_changed",
        "_coarse",
        "_daily_version",
        "_evidence",
        "_fit",
        "_fit_day",
        "_fit_waits",
        "_fitted_day",
        "_frozen",
        "_last_day",
        "_leaks",
        "_leaks_before",
        "_new_rounds",
        "_pictures",
        "_scales",
        "_watch",
        "parameters",
        "version",
    )

    def __init__(self, parameters: EstimateParameters | None = None) -> None:
        p = self.parameters = EstimateParameters() if parameters is None else parameters
        self._evidence = Evidence(p.half_life_days)
        self._scales = scales_before(p)
        self._by_bond = by_bond.NO_TASTES
        self._watch = Watch(p.drift_alarms)
        self._leaks: Leaks | None = None
        self._leaks_before = self.parameters.leak_in.measure, self.parameters.leak_post.measure
        self._last_day = 0
        # As of the last `daily`, by segment: what is above it, and the edges in it.
        self._coarse: dict[str, Coarse] = {}
        self._frozen: dict[str, Solved] = {}
        self._pictures: dict[str, _Picture] = {}
        self._changed: dict[str, int] = {}
        self._asked_bonds: dict[str, None] = {}
        """Whose quotes came, went or were divided anew since the last `daily`."""
        self._daily_version = 0
        # Rounds that came or went since the last fit.
        self._fitted_day = self._new_rounds = 0
        self._fit: Iterator[object] | None = None
        self._fit_day = 0
        self._fit_waits = False
        self.version = 0

    # What changes them

    def learn(self, seen: RoundSeen) -> None:
        """Take in a round; what was taken in before of the same round and dealer is passed over."""
        day, p = utc_day(seen.sent_ns), self.parameters
        new = self._new(seen)
        if not new or day <= self._last_day - p.window_days:
            return
        key: RoundKey = (seen.source, seen.rfq_id, seen.round)
        kept = self._evidence.rounds.get(key)
        if kept is None:
            kept = KeptRound(day, segment_of_key(seen.segment).scopes, {}, {}, (), 0.0)
            widths, kept.bond = self._scales.widths, seen.bond.security_id
            kept.side = BUY if seen.side is Side.buy else SELL
            kept.size_log = widths.size_log(seen.size, seen.adv_size)
            kept.width = widths.of_log(kept.bond, kept.size_log)
            kept.volatility_bps = seen.volatility_bps or p.volatility_bps
            self._evidence.keep(key, kept)
        self._last_day = max(self._last_day, day)
        panel = tally.panel_log(seen, p)
        counted = self._responses(new, seen, panel)
        for dealer, step in self._steps(new, seen, panel):
            self._watch.step(dealer, step, raises=not seen.source)
        for ask, response in zip(new, counted, strict=True):
            self._evidence.add(kept, ask.dealer, tally.changes(ask, seen, response, panel), response.slope)
        kept.answers += tuple(
            [(ask.dealer, each.logit, ask.answer is Answer.quote) for ask, each in zip(new, counted, strict=True)]
        )
        quotes = {ask.dealer: edge for ask in new if (edge := tally.edge_of(ask)) is not None}
        if quotes:
            kept.mark_variance = max(kept.mark_variance, tally.mark_variance(new, p.mark_sd_bps))
            self._quote(kept, {**kept.quotes, **quotes})
        self._note(kept)

    def forget(self, source: str, rfq_id: str, round_number: int, dealer: str) -> None:
        """Take back an ask: the request turned out not to have arrived. What was not learnt is passed over."""
        key: RoundKey = (source, rfq_id, round_number)
        kept = self._evidence.rounds.get(key)
        if kept is None or dealer not in kept.asks:
            return
        if dealer in kept.quotes:
            self._quote(kept, {name: edge for name, edge in kept.quotes.items() if name != dealer})
        self._evidence.take_back(kept, dealer)
        if not kept.asks:
            self._evidence.drop(key)
        self._note(kept)

    def leak(self, table: Leaks | None) -> None:
        """Take the leaks of a batch."""
        self._leaks = table
        self.version = self._daily_version = self.version + 1

    def daily(self, now_ns: int) -> None:
        """A new day, with all that belongs to it: see `begin_day`."""
        self.begin_day(now_ns)
        while self.fits is not None:
            self.fitted()

    def begin_day(self, now_ns: int) -> None:
        """A new day: the window moves on, and a fit begins of scales and of what is above segments.

        A fit takes some ms a segment, so it waits until one round in twenty is new or gone, at most a week; between two
        of them the widths of bonds are brought up to date. `go_on` takes a step of it, `fitted` puts in force what has
        come of it so far: how far the steps have come makes no difference. What nobody did is done before the next day
        begins.
        """
        while self.fits is not None:
            self.fitted()
        day = self._last_day = max(utc_day(now_ns), self._last_day)
        evidence, p = self._evidence, self.parameters
        self._new_rounds += evidence.expire(day - p.window_days + 1, p.rounds_max)
        evidence.renew(day)
        evidence.bond_edges.begin_day()
        self._watch.expect(_QUARTER_DAYS * evidence.asks_a_day())
        is_due = self._new_rounds > _NEW_SHARE * len(evidence.rounds) or day >= self._fitted_day + _FITTED_DAYS_MAX
        if is_due:
            self._fitted_day, self._new_rounds = day, 0
        self._fit_day, self._fit = day, self._fitting(day) if is_due else self._following_bonds(day)
        self._step()

    @property
    def fits(self) -> int | None:
        """The day of the fit that is under way, None if there is none."""
        return None if self._fit is None else self._fit_day

    def go_on(self) -> bool:
        """Take a step of the fit that is under way; False where the next thing is to put in force what it came to.

        Nothing that is asked of the estimates is different for it.
        """
        if self._fit is not None and not self._fit_waits:
            self._step()
        return self._fit is not None and not self._fit_waits

    def fitted(self) -> None:
        """Put in force what the fit comes to next: scales, some rounds divided anew, what is above segments."""
        while self.go_on():
            pass
        if self._fit is not None:
            self._step()

    def _step(self) -> None:
        assert self._fit is not None
        try:
            self._fit_waits = next(self._fit) is _WAITS
        except StopIteration:
            self._fit, self._fit_waits = None, False

    def _fitting(self, day: int) -> Iterator[object]:
        """A fit: between two yields it changes something only behind one that `_WAITS`."""
        aging = self._evidence.aging
        descent = self._still(day)
        rounds, coarse = still_rounds(self._evidence.rounds.items()), self._coarse
        latest = self._evidence.latest(by_bond.ASKS_MAX)
        answers = by_bond.still_rounds(latest)
        yield None
        scales = yield from fitting_scales(descent, coarse)
        off = yield from looking_for_far_off(rounds, scales, aging, descent.unit)
        in_bonds = yield from self._evidence.bond_edges.fitting(descent.unit)
        yield _WAITS
        self._scales = scales
        self._evidence.bond_edges.tastes = in_bonds
        self.version = self._daily_version = self.version + 1
        self._asked_bonds.clear()
        yield from self._dividing_anew(off)
        descent = self._still(day)
        yield None
        found = yield from computing_segments(descent)
        tastes = yield from self._fitting_tastes(answers, day)
        yield _WAITS
        self._coarse, self._frozen = found
        self._take_tastes(tastes, latest)
        self._changed.clear()
        self.version = self._daily_version = self.version + 1

    def _following_bonds(self, day: int) -> Iterator[object]:
        """What a day without a fit brings: the widths of bonds as of today, and what dealers do by bond."""
        evidence, p = self._evidence, self.parameters
        latest = evidence.latest(by_bond.ASKS_MAX)
        answers = by_bond.still_rounds(latest)
        unit = evidence.aging.unit(day)
        self._scales = with_bonds_of_today(self._scales, evidence, p, unit)
        asked, self._asked_bonds = self._asked_bonds, {}
        rounds = still_rounds(one for bond in asked for one in evidence.of_bond.get(bond, {}).items())
        yield from self._dividing_anew(finished(looking_for_far_off(rounds, self._scales, evidence.aging, unit)))
        if any(each.is_new for each in answers):
            tastes = yield from self._fitting_tastes(answers, day)
            yield _WAITS
            self._take_tastes(tastes, latest)

    def _fitting_tastes(self, answers: Sequence[by_bond.Round], day: int) -> Steps[ByBond]:
        half_life_days = by_bond.HALF_LIVES * self.parameters.half_life_days
        return by_bond.fitting(self._by_bond, answers, day, half_life_days)

    def _take_tastes(self, tastes: ByBond, latest: Sequence[KeptRound]) -> None:
        self._by_bond = tastes
        for kept in latest:
            kept.is_fitted = True
        self.version += 1

    def _still(self, day: int) -> Descent:
        """The way down as of now, whatever is learnt later."""
        return Descent(self._evidence.still(), self._scales, self.parameters, self._evidence.aging.unit(day), {})

    def parts(self) -> Iterator[tuple[str, Any]]:
        """All that they are, in parts of a millisecond each, for `put` of others. Not while a fit is under way."""
        assert self._fit is None
        yield "plain", {name: getattr(self, name) for name in _PLAIN}
        yield "by bond", (self._by_bond.gains, self._by_bond.day)
        for each in self._by_bond.tastes.items():
            yield "tastes", each
        yield from self._evidence.parts()

    def put(self, name: str, part: Any) -> None:
        """Take a part of others with the same parameters, in their order, into estimates that are empty."""
        if name == "plain":
            for each in _PLAIN:
                setattr(self, each, part[each])
        elif name == "by bond":
            self._by_bond = ByBond({}, *part)
        elif name == "tastes":
            self._by_bond.tastes[part[0]] = part[1]
        else:
            self._evidence.put(name, part)

    def let_go(self) -> Iterator[None]:
        """Empty estimates that nobody needs any more, a part a step: freed at once, they hold everybody up."""
        self._fit = None
        held: tuple[dict[str, Any], ...] = (self._pictures, self._coarse, self._frozen, self._by_bond.tastes)
        for each in held:
            while each:
                each.popitem()
                yield
        self._watch.let_go()
        yield from self._evidence.let_go()

    # Queries

    def outlook(self, dealer: str, asking: Asking) -> Outlook:
        """What to expect of one dealer."""
        return self.outlooks((dealer,), asking)[0]

    def outlooks(self, dealers: Sequence[str], asking: Asking) -> tuple[Outlook, ...]:
        """What to expect of each, in their order.

        50 dealers: 0.5 ms; the first time after a round in their segment 5 ms, half of it to solve the equations
        of edges in the segment and in side and size (50 x 50, 1 ms each) and four rates of each dealer down to there.
        """
        picture, p = self._picture(asking.segment, max(utc_day(asking.now_ns), self._last_day)), self.parameters
        slope, known = self._scales.panel_slope, picture.known
        # From the usual size to this one, and from the usual panel to being asked alone.
        move, alone = tally.size_offset(asking.quantity, p), -slope * math.log(p.panel_reference)
        tastes, asked = self._by_bond, by_bond.asked_for(asking.segment.key, asking.bond)
        strength = tastes.strength
        widths, spreads = self._scales.widths, self._scales.spreads
        width, off = widths.of(asking.bond, asking.quantity, asking.adv), widths.error_of(asking.bond)
        noises, moves = spreads.noises, (asking.volatility_bps or p.volatility_bps) / width
        common_variance = picture.solved.common_variance
        unit, record = self._evidence.aging.unit(picture.day), self._evidence.bond_edges
        side = _SIDES.get(asking.segment.side)
        found: list[Outlook] = []
        for dealer in dealers:
            one = known.get(dealer)
            if one is None:
                one = known[dealer] = self._known(dealer, asking.segment, picture)
            own, e, noise = one.own, one.e, noises.of(dealer, moves)
            if asking.bond and side is not None:
                e = _in_bond(e, record.of(asking.bond, side, dealer, noise, unit))
            found.append(
                Outlook(  # The first ones by place: a call with more than fifteen names takes three times as long.
                    dealer,
                    rates.measure_of_rate(one.q, own.asked, move, tastes.of(dealer, asked, strength), alone),
                    slope,
                    own.answers.within(asking.wait_s),
                    own.p50_s.value,
                    own.p90_s,
                    _times(e, width, off),
                    noise * picture.noise * width,
                    picture.df,
                    one.f,
                    reject_move_bps=one.reject_move_bps,
                    z=one.z,
                    leak_in=one.leak_in,
                    leak_post=one.leak_post,
                    leak_identified=one.identified,
                    r=one.r,
                    asks=own.asks,
                    asks_at_large=one.asks_at_large,
                    latency_s=own.p50_s,
                    e_round_sd=spreads.rounds * width,
                    e_common_sd=math.sqrt(common_variance + (e.value * off) ** 2) * width,
                )
            )
        return tuple(found)

    def drifts(self, seen: RoundSeen) -> tuple[Drift, ...]:
        """The alarms that learning this round will raise. To be asked before it is learnt; imported ones raise none."""
        new = self._new(seen)
        if seen.source or not new:
            return ()
        panel = tally.panel_log(seen, self.parameters)
        steps = self._steps(new, seen, panel)
        looks = (self._watch.look(dealer, step, seen.closed_ns) for dealer, step in steps)
        return tuple(found for found in looks if found is not None)

    def drifting(self, dealer: str) -> dict[Drifting, float]:
        """How far each measure of a dealer is on its way to an alarm: 1 is one."""
        return self._watch.scores(dealer, self.parameters.q_mean)

    def digest(self) -> str:
        """SHA-256 of all sums and scales: equal for the same journal, to the bit."""
        evidence = self._evidence
        state = [
            [self._last_day, self._fitted_day, self._new_rounds],
            evidence.aging.base,
            [[scope, sorted(cells.items())] for scope, cells in sorted(evidence.cells.items())],
            [
                [scope, s.names, s.rows, s.sides, s.quotes, s.squares, s.squares_weight]
                for scope, s in sorted(evidence.edges.items())
            ],
            [[scope, sorted(f.index.items()), f.means, f.variances] for scope, f in sorted(self._frozen.items())],
            evidence.bond_edges.dump(),
            evidence.common,
            evidence.noise.dump(),
            evidence.slopes,
            evidence.width_line,
            sorted(evidence.widths.items()),
            list(self._asked_bonds),
            repr(self._scales),
            [self._by_bond.gains, self._by_bond.day, sorted(self._by_bond.tastes.items())],
            self._watch.dump(),
        ]
        return hashlib.sha256(json.dumps(state, separators=(",", ":")).encode()).hexdigest()

    # One round

    def _new(self, seen: RoundSeen) -> list[AskSeen]:
        """The asks of a round that were not learnt."""
        kept = self._evidence.rounds.get((seen.source, seen.rfq_id, seen.round))
        known = {} if kept is None else kept.asks
        return list({ask.dealer: ask for ask in reversed(seen.asks) if ask.dealer not in known}.values())[::-1]

    def _note(self, kept: KeptRound) -> None:
        self._new_rounds += 1
        self._mark_changed(kept)

    def _mark_changed(self, kept: KeptRound) -> None:
        self.version += 1
        for scope in kept.scopes:
            self._changed[scope] = self.version

    def _responses(self, asks: Sequence[AskSeen], seen: RoundSeen, panel: float) -> list[tally.Response]:
        """What each ask says of answering: against the dealer's own record down to the segment."""
        p, evidence, slope = self.parameters, self._evidence, self._scales.panel_slope
        cells = [evidence.cells.get(scope) for scope in chain_of(seen.segment)[:3]]
        size, unit = tally.size_offset(seen.size, p), evidence.aging.unit(utc_day(seen.sent_ns))
        return [tally.response(cells, ask, panel, slope, size, p, unit) for ask in asks]

    def _steps(self, asks: Sequence[AskSeen], seen: RoundSeen, panel: float) -> list[tuple[str, Step]]:
        """What is watched for drift in a round: answers, edges against the others' in the round, acceptances."""
        p, scopes = self.parameters, segment_of_key(seen.segment).scopes
        segment = next((scope for scope in scopes if is_segment(scope)), seen.segment)
        offset = self._scales.panel_slope * panel + tally.size_offset(seen.size, p)
        width = self._scales.widths.of(seen.bond.security_id, seen.size, seen.adv_size)
        steps: list[tuple[str, Step]] = []
        offs: dict[str, tuple[float, float]] = {}
        for ask in asks:
            answered = 1.0 if ask.answer is Answer.quote else 0.0
            steps.append((ask.dealer, Step(Drifting.response, segment, answered, p.q_mean, offset=offset)))
            edge = tally.edge_of(ask)
            if edge is not None:
                mean = self._expected_edge(scopes, ask.dealer)[0]
                offs[ask.dealer] = edge / width - mean, mean
            if ask.taken is not Taken.no:
                held = 1.0 if ask.taken is Taken.filled else 0.0
                steps.append((ask.dealer, Step(Drifting.firmness, segment, held, p.f_mean)))
        if len(offs) > 1:
            noise, moves = self._scales.spreads.noises, (seen.volatility_bps or p.volatility_bps) / width
            for dealer, (off, mean) in offs.items():
                # The middle of the others and of the mark: one that grew better makes nobody look worse.
                edge = off + mean - median([0.0, *[other for name, (other, _) in offs.items() if name != dealer]])
                steps.append((dealer, Step(Drifting.edge, segment, edge, mean, noise.of(dealer, moves))))
        return steps

    def _quote(self, kept: KeptRound, quotes: dict[str, float]) -> None:
        """Take the edges of a round in bps, all together: they are held against each other."""
        kept.quotes = quotes
        self._asked_bonds[kept.bond] = None
        if not quotes:
            self._evidence.quote(kept, (), 0.0, None)
            return
        taken, expected = self._divided(kept)
        spreads, mark_variance, common = self._scales.spreads, kept.mark_variance / kept.width**2, None
        noise_of = partial(spreads.noises.of, moves=kept.moves)
        known = next((self._frozen[scope] for scope in kept.scopes if scope in self._frozen), None)
        if known is not None:
            common = tally.in_common(taken, expected, noise_of, mark_variance)
            level_variance = known.common_variance
            own = {dealer: known.own(dealer) for dealer in quotes}
        else:
            level_variance = sum(x * x for x in spreads.scopes)
            own = {dealer: (mean, variance - level_variance) for dealer, (mean, variance) in expected.items()}
        round_variance = mark_variance + spreads.rounds**2 + level_variance
        offs = tally.scatter(taken, own, noise_of, round_variance)
        # Where nothing was known when the day began, nothing can be off in one bond.
        in_bond = () if known is None else self._in_bond(kept, taken, own, round_variance)
        self._take_edges(kept, taken, expected, common, offs, in_bond)

    def _in_bond(
        self,
        kept: KeptRound,
        taken: Sequence[tuple[str, float]],
        own: dict[str, tuple[float, float]],
        in_common: float,
    ) -> BondOffs:
        """What a round's edges are off by in their bond."""
        record, noises, moves = self._evidence.bond_edges, self._scales.spreads.noises, kept.moves
        unit = self._evidence.aging.unit(kept.day)
        tastes = {dealer: record.of(kept.bond, kept.side, dealer, noises.of(dealer, moves), unit) for dealer in own}
        return bond_offs(taken, own, tastes, partial(noises.of, moves=moves), in_common)

    def _divided(self, kept: KeptRound) -> tuple[tuple[tuple[str, float], ...], dict[str, tuple[float, float]]]:
        """(a round's edges over its width, clipped; what each was expected to be)"""
        spreads, width = self._scales.spreads, kept.width
        round_variance = kept.mark_variance / width**2 + spreads.rounds**2
        expected = {dealer: self._expected_edge(kept.scopes, dealer) for dealer in kept.quotes}
        over = {dealer: edge / width for dealer, edge in kept.quotes.items()}
        noise_of = partial(spreads.noises.of, moves=kept.moves)
        return tally.clipped(over, expected, noise_of, round_variance, self.parameters.edge_clip_sds), expected

    def _take_edges(
        self,
        kept: KeptRound,
        taken: tuple[tuple[str, float], ...],
        expected: dict[str, tuple[float, float]],
        common: float | None,
        offs: tuple[Off, ...],
        in_bond: BondOffs,
    ) -> None:
        """Count a round's edges in place of those that it had."""
        spreads = self._scales.spreads
        round_variance = kept.mark_variance / kept.width**2 + spreads.rounds**2
        moves = kept.moves
        beliefs = tuple([spreads.belief(dealer, moves) for dealer, _ in taken])
        pull = round_variance / (spreads.noise**2 + sum(beliefs) * round_variance)
        width = seen_in(kept.bond, kept.size_log, kept.width, self._scales.widths.slope, taken, expected)
        self._evidence.quote(kept, taken, pull, common, beliefs, offs, width, in_bond)

    def _dividing_anew(self, rounds: Sequence[tuple[RoundKey, float]]) -> Iterator[object]:
        """Divide rounds by what their bonds are known to be now, some at a time: one takes 60 us."""
        for at, (key, width) in enumerate(rounds):
            if at and at % _DIVIDED_AT_ONCE == 0:
                yield _WAITS
            kept = self._evidence.rounds.get(key)
            if kept is None or not kept.quotes:
                continue  # Taken back meanwhile.
            # What was known before the round is no longer at hand: what it was off by stays, in the new unit.
            unit2 = (kept.width / width) ** 2
            common = None if kept.common is None else kept.common * unit2
            was = kept.offs
            in_bond = tuple([(off * kept.width / width, weight) for off, weight in kept.bond_offs])
            kept.width = width
            taken, expected = self._divided(kept)
            noise, moves = self._scales.spreads.noises, kept.moves
            offs: list[Off] = []
            for (dealer, _), off in zip(taken, was, strict=True):
                noise2 = noise.of(dealer, moves) ** 2
                offs.append(Off(off.square * off.noise2 * unit2 / noise2, off.weight, noise2))
            self._take_edges(kept, taken, expected, common, tuple(offs), in_bond)
            self._asked_bonds[kept.bond] = None
            self._mark_changed(kept)

    def _expected_edge(self, scopes: Sequence[str], dealer: str) -> tuple[float, float]:
        """(mean, variance) of the dealer's effect as of the last `daily`."""
        for scope in scopes:
            frozen = self._frozen.get(scope)
            if frozen is not None:
                return frozen.expected(dealer)
        s = self._scales.spreads
        return s.level, sum(x * x for x in s.dealers) + sum(x * x for x in s.scopes)

    # One segment

    def _descent(self, day: int, coarse: dict[str, Coarse]) -> Descent:
        return Descent(self._evidence, self._scales, self.parameters, self._evidence.aging.unit(day), coarse)

    def _version_of(self, scopes: Sequence[str]) -> int:
        """When what is estimated of a segment last changed: what is above it changes with the day."""
        for scope in scopes:
            if scope in self._coarse:
                return max(self._changed.get(scope, 0), self._daily_version)
        return self.version

    def _picture(self, segment: Segment, day: int) -> _Picture:
        picture, version = self._pictures.get(segment.key), self._version_of(segment.scopes)
        if picture is not None and picture.version == version and picture.day == day:
            return picture
        chain, descent = segment.scopes[::-1], self._descent(day, self._coarse)
        coarse = descent.above(chain)
        found, solved = descent.below(chain, coarse)
        # A quote's own noise, by what those in the segment scatter by, over what they usually do.
        squares = count = self.parameters.edge_noise_strength
        sums = next((self._evidence.edges.get(scope) for scope in segment.scopes if is_segment(scope)), None)
        if sums is not None:
            squares, count = squares + sum(sums.squares) * descent.unit, count + sum(sums.squares_weight) * descent.unit
        if len(self._pictures) >= _PICTURES_MAX:
            self._pictures.clear()
        own: dict[str, _Own] = {}
        if picture is not None and picture.day == day and picture.coarse is coarse:
            own = picture.own
        noise, t = math.sqrt(squares / count), edges.t_quantile(count)
        picture = _Picture(version, day, coarse, found, solved[-1], noise, count, t, {}, own)
        self._pictures[segment.key] = picture
        return picture

    def _known(self, dealer: str, segment: Segment, picture: _Picture) -> _Known:
        coarse, own = picture.coarse, self._own(dealer, segment, picture)
        in_bps, post_bps, identified = self.leak_of(dealer)
        firm = picture.rates["f"].of(dealer)
        f = own.firmness.get(firm)
        if f is None:
            f = rates.measure_of_rate(firm, own.accepted)
            own.firmness.clear()
            own.firmness[firm] = f
        return _Known(
            own=own,
            q=picture.rates["q"].of(dealer),
            e=_edge(picture, dealer, own.quoted),
            f=f,
            reject_move_bps=coarse.reject_moves_bps.get(dealer, self.parameters.reject_move_bps),
            z=rates.measure_of_rate(picture.rates["z"].of(dealer), own.sized),
            leak_in=in_bps,
            leak_post=post_bps,
            identified=identified,
            r=rates.measure_of_rate(picture.rates["r"].of(dealer), own.asked),
            asks_at_large=coarse.asks.get(dealer, 0),
        )

    def _own(self, dealer: str, segment: Segment, picture: _Picture) -> _Own:
        scope = next((each for each in segment.scopes if is_segment(each)), segment.key)
        cell = self._evidence.cells.get(scope, NO_CELLS).get(dealer)
        kept = picture.own.get(dealer)
        if kept is not None and kept.cell == cell:
            return kept
        coarse, strength = picture.coarse, self.parameters.latency_strength
        table = coarse.answers_of.get(dealer, coarse.answers)
        if cell is not None:
            table = latency.table((cell,), self._evidence.aging.unit(picture.day), table, strength)
        quoted = _n_eff(cell, ev.EDGES, ev.EDGES_SQUARED)
        made = picture.own[dealer] = _Own(
            cell=None if cell is None else cell.copy(),
            answers=table,
            p50_s=latency.median(table, quoted, strength),
            p90_s=table.quantile(0.9),
            asked=_n_eff(cell, ev.ASKS, ev.ASKS_SQUARED),
            quoted=quoted,
            accepted=_n_eff(cell, ev.F_WEIGHT, ev.F_SQUARED),
            sized=_n_eff(cell, ev.Z_WEIGHT, ev.Z_SQUARED),
            asks=0 if cell is None else round(cell[ev.COUNT]),
            firmness={},
        )
        return made

    @property
    def widths(self) -> Widths:
        """Those of the day: what edges are shares of."""
        return self._scales.widths

    def usual_edge(self, segment: str) -> float:
        """What a quote of a dealer that nobody knows is worth there, over the width, as of the last `daily`."""
        return self._expected_edge(segment_of_key(segment).scopes, "")[0]

    def leak_of(self, dealer: str) -> tuple[Measure, Measure, Identified]:
        """(until the decision, after it, how much of it can be told)"""
        if self._leaks is not None:
            return self._leaks.of(dealer)
        return *self._leaks_before, Identified.none


def _edge(picture: _Picture, dealer: str, n_eff: float) -> Measure:
    mean, variance = picture.solved.expected(dealer)
    sd = math.sqrt(variance)
    width = picture.t * sd
    return Measure(mean, sd, mean - width, mean + width, n_eff)


def _in_bond(one: Measure, taste: Taste) -> Measure:
    """What a dealer's quotes are worth in one bond, from what they are in its segment.

    What its quotes in the bond say of the segment they say of the bond at once. Where they are `share` of all of them,

        variance = 1 / (share / v + 1 / (v / (1 - share) + taste's))

    with v of the segment: that of the others, further apart by a taste, joined by those in the bond.
    """
    v = one.sd * one.sd
    if taste.before <= 0.0 or v <= 0.0:
        return one
    share = min(max(taste.share, 0.0), 0.999)
    sd = math.sqrt(1.0 / (share / v + 1.0 / (v / (1.0 - share) + taste.before)))
    value, wider = one.value + taste.mean, sd / one.sd
    return Measure(value, sd, value - (one.value - one.low) * wider, value + (one.high - one.value) * wider, one.n_eff)


def _times(one: Measure, width: float, off: float) -> Measure:
    """In bps of a request: `off` is the error of its width, as a share of it."""
    value, more = one.value * width, one.value * width * off
    below, above = (math.hypot(end * width, rates.Z90 * more) for end in (one.value - one.low, one.high - one.value))
    return Measure(value, math.hypot(one.sd * width, more), value - below, value + above, one.n_eff)


def _n_eff(cell: Cell | None, weight: int, squared: int) -> float:
    """(sum of weights)^2 / sum of their squares."""
    if cell is None or cell[squared] <= 0.0:
        return 0.0
    return cell[weight] * cell[weight] / cell[squared]
