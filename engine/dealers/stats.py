"""What the desk knows of its dealers: the measures there are, observations in, measures out.

Owns every measure by name (`METRICS`), the counts per dealer and scope (`segments`), and when a dealer last quoted an
issuer or a similar bond.
The stats are a projection: a pure function of the observations and one `StatsParameters`, whatever order they came
in. An observation costs the same however long the history is (4 cells x 1 bucket, 3-10 us).

What is an observation and what is not:
- A dealer that was not asked gave none: a waterfall's rest, withheld and gap-filled requests do not appear here.
- A request in doubt is none until it is known to have arrived; `unask` takes one back.
- Silence is one failure and one latency that is known only to exceed its timeout: it counts with the timeout.
- Without a mark there is no price improvement, edge or reversion: the sum and its count both stay as they were.
- Manual trades (phone, chat) are counted apart: nobody was asked, so they say nothing of answering.

Windows are whole UTC days: N days are the UTC day of the instant and the N - 1 before. Inside a window the
weight halves per half-life, by whole days. Sign of every bps figure: positive is good for us.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from engine.clock import utc_day
from engine.dealers import window as w
from engine.dealers.quoted import QuotedBonds
from engine.dealers.segments import Segment
from engine.dealers.window import Cell, Changes, Recollection, Shape
from engine.domain.instrument import BondTraits

_BILLION: Final = 1_000_000_000
_BPS_MAX: Final = 10_000.0
"""A price that moved by more than itself is garbage in, and no observation."""
_LATENCY_S_MAX: Final = 30 * 86_400.0
_DUMP_VERSION: Final = 2


# --- the measures of a dealer ---------------------------------------------------------------------
#
# Their names, units and formulas, and the values that carry them. Every one is a weighted sum over a weighted count of
# what `window` counts. `selection.ranking` puts them on the house scales, rule books weigh them by these names.


class Unit(StrEnum):
    """What a metric's value is: a fraction, basis points, seconds."""

    RATE = "rate"
    BPS = "bps"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number about a dealer: a weighted sum over a weighted count."""

    name: str
    unit: Unit
    numerator: int
    denominator: int
    doc: str
    synonyms: tuple[str, ...] = ()
    """Other words for it."""


METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("fill_rate", Unit.RATE, w.TRADES, w.ASKS, "trades / RFQs sent"),
        Metric("hit_rate", Unit.RATE, w.TRADES, w.QUOTES, "trades / executable quotes"),
        Metric("quote_rate", Unit.RATE, w.QUOTES, w.ASKS, "executable quotes / RFQs sent"),
        Metric("firmness", Unit.RATE, w.TRADES, w.ACCEPTS, "trades / accepted quotes"),
        Metric("price_improvement", Unit.BPS, w.IMPROVEMENT_SUM, w.IMPROVEMENTS, "against the arrival price"),
        Metric("edge", Unit.BPS, w.EDGE_SUM, w.EDGES, "every executable quote against the mid at receipt"),
        Metric(
            "leakage",
            Unit.BPS,
            w.REVERSION_SUM,
            w.REVERSIONS,
            "classic reversion, 30 min; negative is adverse",
            ("reversion",),
        ),
        Metric(
            "speed",
            Unit.SECONDS,
            w.RESPONSE_SUM,
            w.RESPONSES,
            "to an executable quote; silence at its timeout",
            ("response_time",),
        ),
    )
}
"""Every metric by name: the one place that says what there is, its unit, its formula and every word for it."""

CLASSIC_WEIGHTS: Final[tuple[tuple[str, Decimal], ...]] = (
    ("fill_rate", Decimal(30)),
    ("price_improvement", Decimal(40)),
    ("leakage", Decimal(20)),
    ("speed", Decimal(10)),
)
"""The house score's own weights, in percent; `scoring.toml` gives a desk's."""

PlanEntry = tuple[bool, int, int, bool]
"""A metric as the inner loop wants it: (is a rate, numerator, denominator, decays slowly)."""

Plan = tuple[PlanEntry, ...]

Value = tuple[float, int, str]
"""(value, observations, scope)"""

METRIC_SYNONYMS: Final[dict[str, str]] = {word: metric.name for metric in METRICS.values() for word in metric.synonyms}


def plan_of(metrics: Iterable[Metric]) -> Plan:
    """What `DealerStats.values` takes."""
    return tuple((m.unit is Unit.RATE, m.numerator, m.denominator, w.is_slow(m.denominator)) for m in metrics)


@dataclass(frozen=True, slots=True)
class Span:
    """What a dealer did from one UTC day to another, both counted from 1970: None is no observation."""

    first_day: int
    last_day: int
    asks: int
    values: Mapping[str, float | None]


class Source(StrEnum):
    """Where a number about a dealer came from."""

    OWN = "own"
    SEGMENT_MEAN = "segment mean"
    """The mean over all observations of the segment: in decisions of earlier engines alone."""
    TYPICAL = "typical"
    """The worse of mean and median of the dealers that have it."""
    NO_DATA = "no data"
    LEFT_OUT = "left out"
    """Nobody has it, so it counts for nobody."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value, from how many observations of which scope; value None goes with NO_DATA."""

    value: float | None
    n: int
    scope: str
    source: Source


UNKNOWN: Final = Estimate(None, 0, "", Source.NO_DATA)


@dataclass(frozen=True, slots=True)
class Metrics:
    """A dealer's own figures over one window; a rate or mean is None when unknown.

    Counts are whole and undecayed, of `scope`. Each metric may come from a coarser scope; `estimates` says which.
    `n_eff` is the number of asks that decayed ones are worth.
    """

    scope: str
    asks: int
    answers: int
    quotes: int
    declines: int
    silences: int
    trades: int
    manual_trades: int
    rejects: int
    n_eff: float
    fill_rate: float | None
    hit_rate: float | None
    quote_rate: float | None
    firmness: float | None
    price_improvement_bps: float | None
    edge_bps: float | None
    leakage_bps: float | None
    response_s: float | None
    estimates: tuple[tuple[str, Estimate], ...]


# --- the stats ------------------------------------------------------------------------------------

_ALL: Final = plan_of(METRICS.values())


class Reading(NamedTuple):
    """A window on a day: its place among the kept ones (None: it is walked), and the weights of that day."""

    window_days: int
    today: int
    place: int | None
    fast: int
    slow: int


@dataclass(frozen=True, slots=True)
class StatsParameters:
    """What stats are kept for; another set means another object, built aside and swapped in.

    `scope_observations_min` is how many observations of a metric a scope needs before it is preferred to a
    coarser one. Half-lives are in whole days; the defaults are those of the dealer model.
    """

    windows_days: tuple[int, ...] = (90, 180)
    half_life_days: int = 30
    leakage_half_life_days: int = 90
    retained_days: int = 400
    scope_observations_min: int = 10
    recollections_max: int = 50_000


class DealerStats:
    """The accumulator of the whole desk. Observation methods change it; queries do not."""

    __slots__ = (
        "_asked",
        "_cells",
        "_enough",
        "_last_day",
        "_quoted_issuer",
        "_shape",
        "_touched",
        "parameters",
        "quoted",
        "version",
    )

    def __init__(self, parameters: StatsParameters | None = None) -> None:
        p = self.parameters = StatsParameters() if parameters is None else parameters
        self._shape = Shape(p.windows_days, p.half_life_days, p.leakage_half_life_days, p.retained_days)
        self._enough = p.scope_observations_min
        self._cells: dict[str, dict[str, Cell]] = {}
        self._asked = Recollection(p.recollections_max, times_max=16)
        self._quoted_issuer = Recollection(p.recollections_max)
        self.quoted = QuotedBonds(p.recollections_max)
        """Which bonds, by their traits."""
        self._touched: dict[str, list[int]] = {}
        self._last_day = 0
        self.version = 0

    # Observations

    def today_is(self, at_ns: int) -> None:
        """What is told from here on may be of long ago: what is out of every window by now is not counted first."""
        self._last_day = max(self._last_day, utc_day(at_ns))

    def asked(self, dealer: str, segment: Segment, at_ns: int, security_id: str | None = None) -> None:
        """A request that is taken to have reached the dealer."""
        self._asked.note(dealer, at_ns)
        if security_id is not None:
            self._asked.note(f"{dealer}\x1f{security_id}", at_ns)
        self._observe(dealer, segment, at_ns, ((w.ASKS, 1),))

    def unask(self, dealer: str, segment: Segment, at_ns: int, security_id: str | None = None) -> None:
        """Take back an `asked` of the same arguments: the request was withheld, gap-filled or is in doubt."""
        self._asked.forget(dealer, at_ns)
        if security_id is not None:
            self._asked.forget(f"{dealer}\x1f{security_id}", at_ns)
        self._observe(dealer, segment, at_ns, ((w.ASKS, -1),))

    def answered(
        self,
        dealer: str,
        segment: Segment,
        at_ns: int,
        latency_s: float,
        executable: bool,
        edge_bps: float | None,
        issuer: str | None = None,
        bond: BondTraits | None = None,
    ) -> None:
        """The dealer's first price for a request; an indicative one shows that it quotes the bond, no more.

        `edge_bps` is `tca.quote_edge_bps`, None without a mark.
        """
        if issuer is not None:
            self._quoted_issuer.note(f"{dealer}\x1f{issuer}", at_ns)
        if bond is not None:
            self.quoted.note(dealer, bond, at_ns)
        changes: Changes = ((w.ANSWERS, 1),)
        if executable:
            changes += _firm(latency_s, edge_bps)
        self._observe(dealer, segment, at_ns, changes)

    def firmed(self, dealer: str, segment: Segment, at_ns: int, latency_s: float, edge_bps: float | None) -> None:
        """The first executable price for a request whose first price, told by `answered`, was none."""
        self._observe(dealer, segment, at_ns, _firm(latency_s, edge_bps))

    def declined(self, dealer: str, segment: Segment, at_ns: int) -> None:
        """QuoteRequestReject(AG), a pass, or a withdrawal before any price."""
        self._observe(dealer, segment, at_ns, ((w.DECLINES, 1),))

    def silent(self, dealer: str, segment: Segment, at_ns: int, timeout_s: float) -> None:
        """No answer in `timeout_s`: one failure (the ask stands without a quote) and one censored latency."""
        self._observe(dealer, segment, at_ns, ((w.SILENCES, 1), *_latency(timeout_s)))

    def unsilent(self, dealer: str, segment: Segment, at_ns: int, timeout_s: float) -> None:
        """Take back a `silent` of the same arguments: the request turned out not to have arrived."""
        self._observe(dealer, segment, at_ns, _negated(((w.SILENCES, 1), *_latency(timeout_s))))

    def traded(
        self,
        dealer: str,
        segment: Segment,
        at_ns: int,
        price_improvement_bps: float | None,
        manual: bool = False,
    ) -> None:
        """A request that ended in a trade: once per request, however many fills."""
        self._observe(dealer, segment, at_ns, _trade(price_improvement_bps, manual))

    def untraded(
        self,
        dealer: str,
        segment: Segment,
        at_ns: int,
        price_improvement_bps: float | None,
        manual: bool = False,
    ) -> None:
        """Take back a `traded` of the same arguments: the trade was cancelled (or corrected, then told anew)."""
        self._observe(dealer, segment, at_ns, _negated(_trade(price_improvement_bps, manual)))

    def reversion(self, dealer: str, segment: Segment, traded_at_ns: int, bps: float) -> None:
        """`tca.classic_reversion_bps` of a trade, filed under the time of the trade; negative is adverse."""
        self._observe(dealer, segment, traded_at_ns, _bps(w.REVERSIONS, w.REVERSION_SUM, bps))

    def unreversion(self, dealer: str, segment: Segment, traded_at_ns: int, bps: float) -> None:
        """Take back a `reversion` of the same arguments."""
        self._observe(dealer, segment, traded_at_ns, _negated(_bps(w.REVERSIONS, w.REVERSION_SUM, bps)))

    def rejected_after_accept(self, dealer: str, segment: Segment, at_ns: int) -> None:
        """Last look: the dealer refused, or let expire, a live quote that we accepted."""
        self._observe(dealer, segment, at_ns, ((w.ACCEPTS, 1), (w.REJECTS, 1)))

    # Queries

    def let_go(self) -> Iterator[None]:
        """Empty statistics that nobody needs any more, a cell a step: freed at once, they hold everybody up."""
        held: tuple[dict[str, Any], ...] = (*self._cells.values(), self._touched)
        for each in held:
            while each:
                each.popitem()
                yield
        for kept in (self._asked, self._quoted_issuer, self.quoted):
            yield from kept.let_go()

    def estimate(self, dealer: str, metric: str, segment: Segment, window_days: int, now_ns: int) -> Estimate:
        """The dealer's own value by back-off, else unknown."""
        plan = plan_of((METRICS[metric],))
        own = self.own(dealer, plan, segment, window_days, self.today(now_ns))[0]
        return UNKNOWN if own is None else Estimate(*own, Source.OWN)

    def own(self, dealer: str, plan: Plan, segment: Segment, window_days: int, today: int) -> list[Value | None]:
        """The dealer's own values, as `values` finds them."""
        return self.values(self._cells.get(dealer, {}), plan, segment.scopes, self.reading(window_days, today))

    def metrics(self, dealer: str, segment: Segment | str, window_days: int, now_ns: int) -> Metrics:
        """The dealer's own figures: of a scope exactly, or of a segment, each by back-off."""
        scopes = (segment,) if isinstance(segment, str) else segment.scopes
        today, cells = self.today(now_ns), self._cells.get(dealer, {})
        raw, scope, squares, weight = array("q", w.NOTHING), scopes[0], 0, 0
        for candidate in scopes:
            counted = cells[candidate].walk(self._oldest(window_days, today), today) if candidate in cells else None
            if counted is None or not any(counted[0]):
                continue
            scope = candidate
            raw, weighted, squares = counted
            weight = weighted[w.ASKS]
            if raw[w.ASKS] >= self.parameters.scope_observations_min:
                break
        values = self.values(cells, _ALL, scopes, self.reading(window_days, today))
        estimates = {
            name: UNKNOWN if value is None else Estimate(*value, Source.OWN)
            for name, value in zip(METRICS, values, strict=True)
        }
        return Metrics(
            scope=scope,
            asks=raw[w.ASKS],
            answers=raw[w.ANSWERS],
            quotes=raw[w.QUOTES],
            declines=raw[w.DECLINES],
            silences=raw[w.SILENCES],
            trades=raw[w.TRADES],
            manual_trades=raw[w.MANUAL],
            rejects=raw[w.REJECTS],
            n_eff=weight * weight / squares if squares > 0 else 0.0,
            fill_rate=estimates["fill_rate"].value,
            hit_rate=estimates["hit_rate"].value,
            quote_rate=estimates["quote_rate"].value,
            firmness=estimates["firmness"].value,
            price_improvement_bps=estimates["price_improvement"].value,
            edge_bps=estimates["edge"].value,
            leakage_bps=estimates["leakage"].value,
            response_s=estimates["speed"].value,
            estimates=tuple(estimates.items()),
        )

    def spans(self, dealer: str, scope: str, days: int, count: int, now_ns: int) -> tuple[Span, ...]:
        """So many spans of so many days one after the other, the last one ends today; nothing in them is decayed."""
        cell, today = self._cells.get(dealer, {}).get(scope), self.today(now_ns)
        found = []
        for place in range(count, 0, -1):
            first = today - place * days + 1
            sums = [0] * w.FIELDS
            for _, bucket in cell.days(first, first + days - 1) if cell is not None else ():
                sums = [total + amount for total, amount in zip(sums, bucket, strict=True)]
            values = {
                name: _ratio(each.unit is Unit.RATE, sums[each.numerator], sums[each.denominator])
                if sums[each.denominator] > 0
                else None
                for name, each in METRICS.items()
            }
            found.append(Span(first, first + days - 1, sums[w.ASKS], values))
        return tuple(found)

    def quoted_issuer(self, dealer: str, issuer: str, window_days: int, now_ns: int) -> bool:
        """True if the dealer gave any price in a bond of the issuer within the window."""
        return self._within(self._quoted_issuer.last(f"{dealer}\x1f{issuer}"), window_days, now_ns)

    def quoted_any(self, dealer: str, bonds: Iterable[BondTraits], window_days: int, now_ns: int) -> bool:
        """True if the dealer gave any price in one of these bonds within the window."""
        return self._within(self.quoted.last(dealer, bonds), window_days, now_ns)

    def last_asked(self, dealer: str, security_id: str | None = None) -> int | None:
        """UTC ns of the last request to the dealer (in one bond, if given); None for never."""
        return self._asked.last(dealer if security_id is None else f"{dealer}\x1f{security_id}")

    def today(self, now_ns: int) -> int:
        """The UTC day a query is about; never before the day of the latest observation."""
        return max(utc_day(now_ns), self._last_day)

    def touched_since(self, version: int) -> list[str]:
        """Dealers observed after `version`, latest first."""
        return [dealer for dealer, _ in self.touches(version)]

    def touches(self, version: int) -> Iterator[tuple[str, list[int]]]:
        """Dealers observed after `version`, latest first, with the version that last changed each field."""
        for entry in reversed(self._touched.items()):
            if entry[1][w.FIELDS] <= version:
                return
            yield entry

    def cells_of(self, dealer: str) -> Mapping[str, Cell] | None:
        """For `ranking`: what `values` reads; None for a dealer that was never observed."""
        return self._cells.get(dealer)

    def reading(self, window_days: int, today: int) -> Reading:
        """What `values` and `value` need to know of a window on a day, looked up once."""
        place = self._shape.index(window_days)
        if place is None:
            return Reading(window_days, today, None, 0, 0)
        return Reading(window_days, today, place, *self._shape.today_weights(today)[place])

    def values(
        self, cells: Mapping[str, Cell], plan: Plan, scopes: tuple[str, ...], reading: Reading
    ) -> list[Value | None]:
        """`value` of each metric."""
        return [self.value(cells, entry, scopes, reading) for entry in plan]

    def value(
        self, cells: Mapping[str, Cell], entry: PlanEntry, scopes: tuple[str, ...], reading: Reading
    ) -> Value | None:
        """(value, observations, scope) of one metric; None where no scope has an observation.

        From the finest scope that has enough of them, else from the coarsest that has any. The inner loop of
        every ranking: 1 us, or three times that when nothing is in the cache.
        """
        is_rate, numerator, denominator, is_slow = entry
        _, today, place, fast, slow = reading
        if place is None:
            return self._walked(cells, entry, scopes, reading)
        n, at, found = 0, "", None
        for scope in scopes:
            cell = cells.get(scope)
            if cell is None:
                continue
            if cell.day != today:
                if cell.day > today:
                    # A question about a day that this cell has left behind.
                    return self._walked(cells, entry, scopes, reading)
                cell.roll(today)
            n, at, found = cell.raw[place][denominator] + cell.today[denominator], scope, cell
            if n >= self._enough:
                break
        if found is None or n <= 0:
            return None
        weighted, open_day, weight = found.weighted[place], found.today, slow if is_slow else fast
        below = weighted[denominator] + open_day[denominator] * weight
        if below <= 0:
            return None
        return _ratio(is_rate, weighted[numerator] + open_day[numerator] * weight, below), n, at

    def _walked(
        self, cells: Mapping[str, Cell], entry: PlanEntry, scopes: tuple[str, ...], reading: Reading
    ) -> Value | None:
        """`value` from the day buckets: any window, any day; 50 us."""
        is_rate, numerator, denominator, _ = entry
        oldest = self._oldest(reading.window_days, reading.today)
        found: Value | None = None
        for scope in scopes:
            if scope in cells:
                raw, weighted, _ = cells[scope].walk(oldest, reading.today)
                n, below = raw[denominator], weighted[denominator]
                found = (_ratio(is_rate, weighted[numerator], below), n, scope) if n > 0 and below > 0 else None
                if n >= self._enough:
                    break
        return found

    # Keeping and comparing

    def dump(self) -> dict[str, Any]:
        """Everything that is retained, as plain values in one fixed order: a snapshot's part."""
        oldest = self._last_day - self._shape.retained_days + 1

        def buckets(cells: dict[str, Cell]) -> list[list[Any]]:
            listed: list[list[Any]] = []
            for scope, cell in sorted(cells.items()):
                days = [[day, list(counts)] for day, counts in cell.days(oldest, self._last_day) if any(counts)]
                if days:
                    listed.append([scope, days])
            return listed

        dealers = [[dealer, buckets(self._cells[dealer])] for dealer in sorted(self._cells)]
        return {
            "version": _DUMP_VERSION,
            "last_day": self._last_day,
            "dealers": [entry for entry in dealers if entry[1]],
            "asked": self._asked.dump(),
            "quoted_issuer": self._quoted_issuer.dump(),
            "quoted": self.quoted.dump(),
        }

    @classmethod
    def restored(cls, dump: dict[str, Any], parameters: StatsParameters | None = None) -> DealerStats:
        """Stats from a dump, with the same or other parameters (windows, half-lives): same metrics as a refold."""
        if dump.get("version") != _DUMP_VERSION:
            raise ValueError(f"stats of version {_DUMP_VERSION} expected, found {dump.get('version')!r}")
        stats = cls(parameters)
        stats._last_day = dump["last_day"]
        for dealer, scopes in dump["dealers"]:
            stats._cells[dealer] = stats._filled(scopes)
            stats._touch(dealer, list(range(w.FIELDS)))
        stats._asked.load(dump["asked"])
        stats._quoted_issuer.load(dump["quoted_issuer"])
        stats.quoted.load(dump["quoted"])
        return stats

    def fold_digest(self) -> str:
        """SHA-256 of the canonical dump: equal for equal observations, in any order, on any machine."""
        text = json.dumps(self.dump(), separators=(",", ":"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _filled(self, scopes: list[Any]) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        for scope, days in scopes:
            cell = cells[scope] = Cell(self._shape, days[0][0] if days else self._last_day)
            for day, counts in days:
                cell.add(day, tuple(enumerate(counts)))
        return cells

    def _observe(self, dealer: str, segment: Segment, at_ns: int, changes: Changes) -> None:
        day = utc_day(at_ns)
        if day > self._last_day:
            self._last_day = day
        oldest = self._last_day - self._shape.retained_days + 1
        if not changes or day < oldest:
            return
        cells = self._cells.get(dealer)
        if cells is None:
            cells = self._cells[dealer] = {}
        for scope in segment.scopes:
            cell = cells.get(scope)
            if cell is None:
                cell = cells[scope] = Cell(self._shape, day)
            elif cell.day < day:
                cell.prune(oldest)
            cell.add(day, changes)
        self._touch(dealer, [field for field, _ in changes])

    def _touch(self, dealer: str, fields: list[int]) -> None:
        version = self.version = self.version + 1
        # Out and in again keeps the dealers in the order of their last observation.
        versions = self._touched.pop(dealer, None) or [0] * (w.FIELDS + 1)
        versions[w.FIELDS] = version
        for field in fields:
            versions[field] = version
        self._touched[dealer] = versions

    def _oldest(self, window_days: int, today: int) -> int:
        # Not before what is retained, so that a bucket that is about to be pruned is never read.
        return max(today - window_days + 1, self._last_day - self._shape.retained_days + 1)

    def _within(self, at_ns: int | None, window_days: int, now_ns: int) -> bool:
        return at_ns is not None and utc_day(at_ns) > self.today(now_ns) - window_days


def _ratio(is_rate: bool, above: int, below: int) -> float:
    # Of a rate both are counts; a trade may fall on the day after its ask, and the ask be out of the window.
    return min(1.0, max(0.0, above / below)) if is_rate else above / (below * _BILLION)


def _firm(latency_s: float, edge_bps: float | None) -> Changes:
    return (w.QUOTES, 1), *_latency(latency_s), *_bps(w.EDGES, w.EDGE_SUM, edge_bps)


def _latency(seconds: float) -> Changes:
    if math.isnan(seconds):
        return ()
    bounded = min(max(seconds, 0.0), _LATENCY_S_MAX)
    return (w.RESPONSES, 1), (w.RESPONSE_SUM, round(bounded * _BILLION))


def _bps(count: int, total: int, bps: float | None) -> Changes:
    if bps is None or not math.isfinite(bps) or abs(bps) > _BPS_MAX:
        return ()
    return (count, 1), (total, round(bps * _BILLION))


def _trade(price_improvement_bps: float | None, manual: bool) -> Changes:
    if manual:
        return ((w.MANUAL, 1),)
    return (w.TRADES, 1), (w.ACCEPTS, 1), *_bps(w.IMPROVEMENTS, w.IMPROVEMENT_SUM, price_improvement_bps)


def _negated(changes: Changes) -> Changes:
    return tuple((field, -amount) for field, amount in changes)
