"""What is remembered under a dealer's stats: exact sums over whole UTC days, decayed, and when something last happened.

A `Cell` counts what happened in one scope, in day buckets of integers. For every window that a rule book
names it also keeps the sums over the *closed* days of that window, plain and weighted; the open day is added
when a sum is read. An observation therefore touches one bucket, a new day costs one bucket in and one out per
window, and a read costs nothing that depends on history.

Everything is an integer, hence exact: a sum does not depend on the order of its parts, leaving the window
takes out precisely what entering it put in, and a rebuild gives the same bits as a year of updates.

The weight of day d is 2 ** (d / half-life), as an integer: one of half-life mantissas, shifted left once for
every half-life that passed. Whole half-lives apart is therefore exactly a factor of 2. Weights are relative to
the oldest day of a window, which bounds them; only ratios of weighted sums mean anything, and these do not
move as time passes.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal
from functools import lru_cache
from typing import Final

# What a bucket counts. Sums of bps and seconds are in billionths, so that 3.2 bps is a whole number.
ASKS: Final = 0
ANSWERS: Final = 1
QUOTES: Final = 2
DECLINES: Final = 3
SILENCES: Final = 4
TRADES: Final = 5
MANUAL: Final = 6
ACCEPTS: Final = 7
REJECTS: Final = 8
IMPROVEMENTS: Final = 9
IMPROVEMENT_SUM: Final = 10
RESPONSES: Final = 11
RESPONSE_SUM: Final = 12
EDGES: Final = 13
EDGE_SUM: Final = 14
REVERSIONS: Final = 15
REVERSION_SUM: Final = 16
FIELDS: Final = 17
_SLOW: Final = REVERSIONS
"""Fields from here on decay with the slow half-life: leakage needs far more data than the rest."""

_MANTISSA_BITS: Final = 32
NOTHING: Final[list[int]] = [0] * FIELDS
"""Stands for a day on which nothing happened; never written to."""

Changes = tuple[tuple[int, int], ...]
"""(field, amount) of one observation; a reversal has the amounts negated."""


class Decay:
    """Weights by whole days, halving every `half_life_days`."""

    __slots__ = ("_mantissas", "half_life_days")

    def __init__(self, half_life_days: int) -> None:
        if half_life_days < 1:
            raise ValueError(f"a half-life has at least 1 day, found {half_life_days}")
        self.half_life_days = half_life_days
        self._mantissas = _mantissas(half_life_days)

    def weight(self, day: int, oldest: int) -> int:
        """The weight of `day`, on the scale of the window whose first day is `oldest` (not after `day`)."""
        halvings, rest = divmod(day, self.half_life_days)
        return self._mantissas[rest] << (halvings - oldest // self.half_life_days)

    def rescale(self, oldest_before: int, oldest: int) -> int:
        """Bits to shift sums right when a window's first day moves; exact, as all that is left divides."""
        return oldest // self.half_life_days - oldest_before // self.half_life_days


@lru_cache(maxsize=8)
def _mantissas(half_life_days: int) -> tuple[int, ...]:
    """2 ** (day / half-life) for the days of one half-life.

    Kept, because they take milliseconds, and a desk has two half-lives however often its stats are made anew.
    """
    # Decimal, because its power is the same on every machine; the C library's is not quite.
    context = Context(prec=30)
    return tuple(
        int(context.power(Decimal(2), context.divide(Decimal(day), Decimal(half_life_days))) * 2**_MANTISSA_BITS)
        for day in range(half_life_days)
    )


class Shape:
    """What all cells of one desk share: the windows that are kept, the decays, how long buckets stay."""

    __slots__ = ("_day", "_places", "_today_weights", "fast", "retained_days", "slow", "windows_days")

    def __init__(self, windows_days: Iterable[int], fast_days: int, slow_days: int, retained_days: int) -> None:
        self.windows_days: tuple[int, ...] = tuple(sorted(dict.fromkeys(windows_days)))
        if not self.windows_days or self.windows_days[0] < 1:
            raise ValueError(f"windows are whole days, at least one of at least 1 day: {self.windows_days}")
        self.fast = Decay(fast_days)
        self.slow = Decay(slow_days)
        self.retained_days = max(retained_days, self.windows_days[-1])
        self._places = {days: place for place, days in enumerate(self.windows_days)}
        self._day = -1
        self._today_weights: tuple[tuple[int, int], ...] = ()

    def index(self, window_days: int) -> int | None:
        """Place of a window that is kept; None for one that must be walked."""
        return self._places.get(window_days)

    def today_weights(self, day: int) -> tuple[tuple[int, int], ...]:
        """(fast, slow) weight of `day` as the last day of each window."""
        if day != self._day:
            firsts = [day - days + 1 for days in self.windows_days]
            self._today_weights = tuple((self.fast.weight(day, f), self.slow.weight(day, f)) for f in firsts)
            self._day = day
        return self._today_weights

    def weights(self, day: int, oldest: int) -> tuple[int, int]:
        """(fast, slow) weight of any day of a window."""
        return self.fast.weight(day, oldest), self.slow.weight(day, oldest)

    def rescale(self, oldest_before: int, oldest: int) -> tuple[int, int]:
        """(fast, slow) bits to shift by when a window's first day moves."""
        return self.fast.rescale(oldest_before, oldest), self.slow.rescale(oldest_before, oldest)


class Cell:
    """Counts of one scope: `today` of the open day `day`, `buckets` of the days before it.

    `raw` and `weighted` hold, per kept window, the sums over its days before `day`.
    """

    __slots__ = ("_shape", "buckets", "day", "raw", "today", "weighted")

    def __init__(self, shape: Shape, day: int) -> None:
        self._shape = shape
        self.buckets: dict[int, array[int]] = {}
        self.day = day
        # A list while it is written to, an array of a third of the size once it is closed.
        self.today = NOTHING
        self.raw: list[array[int]] = [array("q", NOTHING) for _ in shape.windows_days]
        self.weighted: list[list[int]] = [[0] * FIELDS for _ in shape.windows_days]

    def add(self, day: int, changes: Changes) -> None:
        """Count one observation of `day`, which may be in the past."""
        if day < self.day:
            self._add_late(day, changes)
            return
        if day > self.day:
            self.roll(day)
        today = self.today
        if today is NOTHING:
            today = self.today = [0] * FIELDS
        for field, amount in changes:
            today[field] += amount

    def roll(self, day: int) -> None:
        """Move on to `day`, if that is later: close the days before it, drop those that leave each window."""
        if day <= self.day:
            return
        buckets, shape, closing = self.buckets, self._shape, self.day
        closed: Changes = ()
        if self.today is not NOTHING:
            buckets[closing] = array("q", self.today)
            closed = _nonzero(self.today)
            self.today = NOTHING
        for place, days in enumerate(shape.windows_days):
            before, oldest = closing - days + 1, day - days + 1
            if oldest > closing:
                # Every day that was ever counted is out; nothing has to be moved one by one.
                self.raw[place], self.weighted[place] = array("q", NOTHING), [0] * FIELDS
                continue
            if closed:
                self._move(place, closed, shape.weights(closing, before))
            for gone in range(before, oldest):
                if gone in buckets:
                    undone = tuple((field, -amount) for field, amount in _nonzero(buckets[gone]))
                    self._move(place, undone, shape.weights(gone, before))
            fast, slow = shape.rescale(before, oldest)
            if fast or slow:
                sums = self.weighted[place]
                self.weighted[place] = [s >> fast for s in sums[:_SLOW]] + [s >> slow for s in sums[_SLOW:]]
        self.day = day

    def prune(self, oldest: int) -> None:
        """Forget buckets before `oldest`. One that came late may stay longer; nobody reads it."""
        while self.buckets:
            day = next(iter(self.buckets))
            if day >= oldest:
                return
            del self.buckets[day]

    def days(self, oldest: int, newest: int) -> list[tuple[int, Sequence[int]]]:
        """The counts of every day in oldest..newest that has any, in order."""
        found: list[tuple[int, Sequence[int]]] = [
            (day, self.buckets[day]) for day in sorted(self.buckets) if oldest <= day <= newest
        ]
        if self.today is not NOTHING and oldest <= self.day <= newest:
            found.append((self.day, self.today))
        return found

    def walk(self, oldest: int, day: int) -> tuple[array[int], list[int], int]:
        """(plain sums, weighted sums, sum of squared weights of the asks) of oldest..day, from the buckets."""
        raw, weighted, squares = array("q", NOTHING), [0] * FIELDS, 0
        for at, bucket in self.days(oldest, day):
            fast, slow = self._shape.weights(at, oldest)
            squares += bucket[ASKS] * fast * fast
            for field, amount in enumerate(bucket):
                if amount:
                    raw[field] += amount
                    weighted[field] += amount * (fast if field < _SLOW else slow)
        return raw, weighted, squares

    def _move(self, place: int, changes: Changes, weights: tuple[int, int]) -> None:
        raw, weighted = self.raw[place], self.weighted[place]
        fast, slow = weights
        for field, amount in changes:
            raw[field] += amount
            weighted[field] += amount * (fast if field < _SLOW else slow)

    def _add_late(self, day: int, changes: Changes) -> None:
        bucket = self.buckets.get(day)
        if bucket is None:
            bucket = self.buckets[day] = array("q", NOTHING)
        for field, amount in changes:
            bucket[field] += amount
        for place, days in enumerate(self._shape.windows_days):
            oldest = self.day - days + 1
            if day >= oldest:
                self._move(place, changes, self._shape.weights(day, oldest))


def _nonzero(counts: Sequence[int]) -> Changes:
    return tuple((field, amount) for field, amount in enumerate(counts) if amount)


def is_slow(field: int) -> bool:
    """True for the fields that decay with the slow half-life."""
    return field >= _SLOW


# --- when something last happened ----------------------------------------------------------------
#
# "Has this dealer quoted this issuer within 180 days" and "when was it last asked": the latest time answers both. A few
# earlier times are kept where the latest can be taken back. At the bound the key that was noted longest ago is
# forgotten, which errs on the side of "not that we know".


class Recollection:
    """The latest times (UTC ns) of at most `keys_max` keys."""

    __slots__ = ("_keys_max", "_times", "_times_max")

    def __init__(self, keys_max: int, times_max: int = 1) -> None:
        self._times: dict[str, list[int]] = {}
        self._keys_max = keys_max
        self._times_max = times_max

    def note(self, key: str, at_ns: int) -> None:
        """It happened at `at_ns`, which may be earlier than what is known."""
        times = self._times.pop(key, None)
        if times is None:
            times = []
            if len(self._times) >= self._keys_max:
                del self._times[next(iter(self._times))]
        insort(times, at_ns)
        if len(times) > self._times_max:
            del times[0]
        self._times[key] = times

    def let_go(self) -> Iterator[None]:
        """Empty it, a key a step."""
        while self._times:
            self._times.popitem()
            yield

    def forget(self, key: str, at_ns: int) -> None:
        """It did not happen at `at_ns` after all."""
        times = self._times.get(key)
        if times is not None and at_ns in times:
            times.remove(at_ns)
            if not times:
                del self._times[key]

    def last(self, key: str) -> int | None:
        """The latest time; None for never."""
        times = self._times.get(key)
        return times[-1] if times else None

    def dump(self) -> list[tuple[str, list[int]]]:
        """Every key with its times, in the order of keys."""
        return [(key, list(self._times[key])) for key in sorted(self._times)]

    def load(self, dump: list[tuple[str, list[int]]]) -> None:
        """What `dump` gave; the order of forgetting becomes that of the latest times."""
        for key, times in sorted(dump, key=lambda entry: (entry[1][-1], entry[0])):
            self._times[key] = list(times)
