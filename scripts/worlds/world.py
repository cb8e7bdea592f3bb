"""One world: its bonds, its dealers and what leaks in it, drawn once from a kind and a seed. Nothing here changes.

Dealers have interests in styles of bond that are no segment of anybody's file. Times are seconds of trading: a day has
`DAY_S` of them, and nothing happens between two days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from worlds.chance import Chance
from worlds.ranges import RANGES

DAY_S: Final = 28_800
STYLES: Final = 6
SECTORS: Final = 4
RATINGS: Final = ("AA", "A", "BBB", "BB", "B", "NR")


class Kind(StrEnum):
    """What is special about a world: how information leaks, or what else is not as everywhere."""

    QUIET = "quiet"
    """Nobody leaks."""
    EQUAL = "equal"
    """Nobody leaks, all dealers are alike, and none remembers what it was asked or has traded."""
    LOSERS = "losers"
    """Whoever was asked and does not trade moves the mid."""
    HEDGE = "hedge"
    """Whoever trades hedges, and moves the mid by that."""
    TOLD = "told"
    """Who is asked tells others who are: their quotes are worse, the mid is not."""
    EARLY = "early"
    """The mid moves from the question on, before anybody has decided."""
    LATE = "late"
    """The mid moves a day or so later."""
    MANY = "many"
    """Two may know and nothing happens; from the third on it grows with the square of how many do."""
    TRADERS = "traders"
    """As `LOSERS`, and traders change panels for reasons of their own."""
    REGIMES = "regimes"
    """As `LOSERS`, with days of stress: wide, volatile, slow, and marks older than ever."""


NO_LEAK: Final = frozenset({Kind.QUIET, Kind.EQUAL})


@dataclass(frozen=True, slots=True)
class Bond:
    """What is public of a bond, and (`style`) what is not."""

    number: int
    issuer: int
    sector: int
    rating: str
    years: float
    """To its maturity."""
    adv: float
    """Currency a day."""
    daily_sd_bps: float
    half_spread_bps: float
    """Of a small trade on a calm day."""
    style: int


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer's habits; `markups` and `reach` by style of bond."""

    name: str
    reach: tuple[float, ...]
    """Chance to answer when asked alone, about."""
    markups: tuple[float, ...]
    """Half spreads from the mid, before inventory."""
    noise_bps: float
    skew_bps: float
    size_in_adv: float
    """Up to which it quotes all that it is asked for."""
    share_of_size: float
    weariness: float
    politeness: float
    seconds: float
    seconds_sd: float
    last_look_bps: float
    rejects: float
    careless: float
    leak_bps: float
    """0: it tells nobody."""


@dataclass(frozen=True, slots=True)
class World:
    kind: Kind
    seed: int
    chance: Chance
    bonds: tuple[Bond, ...]
    dealers: tuple[Dealer, ...]
    orders_a_day: float
    pieces: float
    size_in_adv: tuple[float, float]
    limit: tuple[float, float]
    """In half spreads."""
    crowding: float
    mark_every_s: float
    mark_smoothing: float
    mark_error_bps: float
    leak_lasting: float
    leak_rise_s: float
    hedge_bps: float
    delay_s: float
    override: float
    stress_days: float
    stress: float
    days_until_next_chance: float
    late_half_spreads: float

    @property
    def leaks(self) -> bool:
        return self.kind not in NO_LEAK


def draw(kind: Kind, seed: int) -> World:
    """The world of this kind and seed, always the same."""
    chance = Chance(kind, seed)

    def value(name: str, *more: int | str) -> float:
        return RANGES[name].draw(chance, name, *more)

    dealers = tuple(_dealer(chance, kind, number) for number in range(int(value("dealers"))))
    if kind is Kind.EQUAL:
        alike = replace(dealers[0], weariness=0.0, skew_bps=0.0)
        dealers = tuple(replace(alike, name=each.name) for each in dealers)
    return World(
        kind=kind,
        seed=seed,
        chance=chance,
        bonds=tuple(_bond(chance, number) for number in range(int(value("bonds")))),
        dealers=dealers,
        orders_a_day=value("orders_a_day"),
        pieces=value("pieces"),
        size_in_adv=(RANGES["size_in_adv"].low, value("size_in_adv")),
        limit=(RANGES["limit_in_half_spreads"].low, value("limit_in_half_spreads")),
        crowding=value("crowding"),
        mark_every_s=value("mark_every"),
        mark_smoothing=value("mark_smoothing"),
        mark_error_bps=value("mark_error"),
        leak_lasting=value("leak_lasting"),
        leak_rise_s=value("leak_rise"),
        hedge_bps=value("hedge") if kind is Kind.HEDGE else 0.0,
        delay_s=value("delay") * DAY_S if kind is Kind.LATE else 0.0,
        override=value("override") if kind is Kind.TRADERS else 0.0,
        stress_days=value("stress_days") if kind is Kind.REGIMES else 0.0,
        stress=value("stress") if kind is Kind.REGIMES else 1.0,
        days_until_next_chance=value("days_until_next_chance"),
        late_half_spreads=value("late_half_spreads"),
    )


def _bond(chance: Chance, number: int) -> Bond:
    def value(name: str) -> float:
        return RANGES[name].draw(chance, "bond", number, name)

    issuer = int(chance.between(0, 25, "bond", number, "issuer"))
    return Bond(
        number=number,
        issuer=issuer,
        sector=int(chance.between(0, SECTORS, "issuer", issuer, "sector")),
        rating=chance.one_of(RATINGS, "issuer", issuer, "rating"),
        years=chance.between(1, 30, "bond", number, "years"),
        adv=value("adv"),
        daily_sd_bps=value("daily_sd"),
        half_spread_bps=value("half_spread"),
        style=int(chance.between(0, STYLES, "bond", number, "style")),
    )


def _dealer(chance: Chance, kind: Kind, number: int) -> Dealer:
    def value(name: str, *more: int | str) -> float:
        return RANGES[name].draw(chance, "dealer", number, name, *more)

    talks = kind not in NO_LEAK and chance.happens(RANGES["talkers"].draw(chance, "talkers"), "dealer", number, "talks")
    return Dealer(
        name=f"dealer-{number:02d}",
        reach=tuple(value("reach", style) for style in range(STYLES)),
        markups=tuple(value("markup", style) for style in range(STYLES)),
        noise_bps=value("quote_noise"),
        skew_bps=value("skew"),
        size_in_adv=value("size_in_adv"),
        share_of_size=value("share_of_size"),
        weariness=value("weariness"),
        politeness=value("politeness"),
        seconds=value("seconds_to_answer"),
        seconds_sd=value("seconds_spread"),
        last_look_bps=value("last_look"),
        rejects=value("rejects"),
        careless=value("careless_rejects"),
        leak_bps=value("leak") if talks else 0.0,
    )
