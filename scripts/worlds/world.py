"""One world: its bonds, its dealers and what leaks in it, drawn once from a kind and a seed. Nothing here changes.

What a desk can know of a bond is a `Bond`; what only the world knows of it, `Inside`, and of a dealer, `Dealer`, is for
the street and for whoever is told the truth to be measured by. Dealers have interests in styles of bond: some of that
can be seen in rating and maturity, cut where no file cuts them, the rest by nobody.

Times are seconds of trading: a day has `DAY_S` of them, and nothing happens between two days. Worlds of the same seed
and another kind are twins: the same bonds, dealers and luck, but for what is special about the kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from worlds.chance import Chance
from worlds.ranges import RANGES

DAY_S: Final = 28_800
FIRST_DAY: Final = 10
"""Before it nobody trades: inventories and errors come to be."""
SECTORS: Final = 4
RATINGS: Final = ("AA", "A", "BBB", "BB", "B", "NR")
_RATING_GROUPS: Final = 3
STYLES: Final = 2 * _RATING_GROUPS
_YEAR_DAYS: Final = 250


class Kind(StrEnum):
    """What is special about a world: how information leaks, or what else is not as everywhere."""

    QUIET = "quiet"
    """Nobody leaks."""
    EQUAL = "equal"
    """Nobody leaks, all dealers are alike, and none remembers what it was asked or has traded."""
    LOSERS = "losers"
    """Whoever was asked and does not trade may move the mid."""
    HEDGE = "hedge"
    """Whoever trades hedges, one more than another, and moves the mid by that."""
    TOLD = "told"
    """Who is asked tells others who are: their quotes are worse, the mid is not."""
    EARLY = "early"
    """The mid moves from the question on, before anybody has decided."""
    LATE = "late"
    """The mid moves a day or so later."""
    MANY = "many"
    """Two may know and nothing happens; from the third on it grows with the square of how many do, up to a bound."""
    TRADERS = "traders"
    """As `LOSERS`, and traders change panels by what they know of dealers' books."""
    REGIMES = "regimes"
    """As `LOSERS`, with days of stress: wide, volatile, slow, and marks older than ever."""


NO_LEAK: Final = frozenset({Kind.QUIET, Kind.EQUAL})


@dataclass(frozen=True, slots=True)
class Bond:
    """What a desk can know of a bond."""

    number: int
    issuer: int
    sector: int
    rating: str
    years: float
    """To its maturity."""
    adv: float
    """Currency a day, as far as anybody has told."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The truth about a bond."""

    adv: float
    daily_sd_bps: float
    half_spread_bps: float
    """Of a small trade on a calm day."""
    style: int


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer's habits; `markups` and `reach` by style of bond. What is told in half spreads is that of the bond."""

    name: str
    reach: tuple[float, ...]
    """Chance to answer when asked alone, about."""
    markups: tuple[float, ...]
    """Half spreads from where it sees the mid, before inventory."""
    markup_by_side: float
    """Half spreads added for who buys, taken off for who sells."""
    reach_by_side: float
    joins_on: float
    """The day from which it is there to be asked."""
    changes_on: float
    """The day from which `change` is added to its markups; infinite if it never changes."""
    change: float
    noise: float
    skew: float
    own_flow_days: float
    lag_s: float
    size_in_adv: float
    """Up to which it quotes all that it is asked for."""
    share_of_size: float
    is_bothered: bool
    """By panels of more than so many."""
    weariness: float
    politeness: float
    seconds: float
    seconds_sd: float
    quote_lives_s: float
    last_look_bps: float
    holds_s: float
    rejects: float
    careless: float
    leak_bps: float
    """0: it tells nobody."""
    talks: float
    hedge_bps: float


@dataclass(frozen=True, slots=True)
class World:
    kind: Kind
    seed: int
    chance: Chance
    bonds: tuple[Bond, ...]
    insides: tuple[Inside, ...]
    """By the number of the bond."""
    dealers: dict[str, Dealer]
    values: dict[str, float]
    """Everything else that was drawn, by the name of its range."""

    @property
    def leaks(self) -> bool:
        return self.kind not in NO_LEAK

    def inside(self, bond: Bond) -> Inside:
        return self.insides[bond.number]

    def stress(self, day: int) -> float:
        """1 on a calm day."""
        if self.kind is not Kind.REGIMES:
            return 1.0
        block = int(day / self.values["stress_lasts"])  # It comes for days.
        is_bad = self.chance.happens(self.values["stress_days"], "stress", block)
        return self.values["stress"] if is_bad else 1.0

    def present(self, at_s: float) -> list[str]:
        """The dealers that can be asked by then, always in the same order."""
        return [name for name, dealer in self.dealers.items() if dealer.joins_on * DAY_S <= at_s]

    # What a dealer does on average: for the street, and for whoever is told the truth.

    def interest(self, dealer: Dealer, bond: Bond, side: int, size: float, knowing: int) -> float:
        """The chance that it quotes, `knowing` being how many are asked, if it is not weary and the day is calm."""
        inside = self.inside(bond)
        wants = dealer.reach[inside.style] + side * dealer.reach_by_side
        wants -= self.values["crowding"] * math.log2(knowing)
        wants -= self.values["beyond_own_size"] * max(0.0, size / inside.adv / dealer.size_in_adv - 1)
        if dealer.is_bothered and knowing >= self.values["bothered_from"]:
            wants /= 2
        return min(max(wants, 0.0), 1.0)

    def offset_bps(self, dealer: Dealer, bond: Bond, side: int, size: float, at_s: float) -> float:
        """How much worse than the mid it quotes, its inventory and its errors aside."""
        inside, day = self.inside(bond), at_s / DAY_S
        markup = dealer.markups[inside.style] + (dealer.change if day >= dealer.changes_on else 0.0)
        markup += side * (dealer.markup_by_side + self.values["buying_dearer"])
        return self.half_spread_bps(bond, size, at_s) * markup

    def half_spread_bps(self, bond: Bond, size: float, at_s: float) -> float:
        """Of a trade of this size at this time."""
        inside = self.inside(bond)
        in_size = 1 + math.pow(size / inside.adv, self.values["size_slope"])
        return inside.half_spread_bps * self.stress(int(at_s // DAY_S)) * in_size / 2

    def worth(self, bps: float, bond: Bond, size: float) -> float:
        """What so many bps of leak or hedge for a large order are for one of this size: more, and ever less so."""
        in_days = size / self.inside(bond).adv
        return bps * in_days / (in_days + self.values["large"])


def draw(kind: Kind, seed: int) -> World:
    """The world of this kind and seed, always the same."""
    chance = Chance(seed)
    values = {name: each.draw(chance, name) for name, each in RANGES.items()}
    bonds, insides = zip(*[_bond(chance, values, number) for number in range(int(values["bonds"]))], strict=True)
    dealers = [_dealer(chance, kind, values, number) for number in range(int(values["dealers"]))]
    if kind is Kind.EQUAL:
        alike = replace(dealers[0], weariness=0.0, skew=0.0, lag_s=1.0, changes_on=math.inf)
        dealers = [replace(alike, name=each.name, joins_on=each.joins_on) for each in dealers]
    return World(kind, seed, chance, bonds, insides, {each.name: each for each in dealers}, values)


def _bond(chance: Chance, values: dict[str, float], number: int) -> tuple[Bond, Inside]:
    def value(name: str) -> float:
        return RANGES[name].draw(chance, "bond", number, name)

    issuer = int(chance.between(0, int(values["issuers"]), "bond", number, "issuer"))
    rating = chance.one_of(RATINGS, "issuer", issuer, "rating")
    years = chance.between(1, 30, "bond", number, "years")
    adv = value("adv")
    told = adv * math.exp(values["adv_error"] * chance.normal("bond", number, "told"))
    style = int(chance.between(0, _RATING_GROUPS, "group of rating", rating)) * 2
    style += years > chance.between(4, 18, "border of years")
    if chance.happens(values["style_hidden"], "bond", number, "is hidden"):
        style = int(chance.between(0, STYLES, "bond", number, "style"))
    # What trades less is wider, and what is rated worse.
    middle = math.sqrt(RANGES["adv"].low * RANGES["adv"].high)
    wider = math.pow(middle / adv, values["wider_if_rare"]) * (1 + values["wider_by_rating"] * RATINGS.index(rating))
    bond = Bond(number, issuer, int(chance.between(0, SECTORS, "issuer", issuer, "sector")), rating, years, told)
    return bond, Inside(adv, value("daily_sd"), value("half_spread") * wider, style)


def _dealer(chance: Chance, kind: Kind, values: dict[str, float], number: int) -> Dealer:
    def value(name: str, *more: int | str) -> float:
        return RANGES[name].draw(chance, "dealer", number, name, *more)

    reach, markup = value("reach"), value("markup")
    talks = kind not in NO_LEAK and chance.happens(values["talkers"], "dealer", number, "is a talker")
    changes = chance.happens(values["changes"], "dealer", number, "changes")
    joins = chance.happens(values["newcomers"], "dealer", number, "joins")
    return Dealer(
        name=f"dealer-{number:02d}",
        reach=tuple(reach + value("reach_by_style", style) for style in range(STYLES)),
        markups=tuple(markup + value("markup_by_style", style) for style in range(STYLES)),
        markup_by_side=value("markup_by_side"),
        reach_by_side=value("reach_by_side"),
        joins_on=chance.between(FIRST_DAY, _YEAR_DAYS, "dealer", number, "joins on") if joins else 0.0,
        changes_on=chance.between(FIRST_DAY, _YEAR_DAYS, "dealer", number, "on") if changes else math.inf,
        change=value("change"),
        noise=value("quote_noise"),
        skew=value("skew"),
        own_flow_days=value("own_flow"),
        lag_s=value("lag"),
        size_in_adv=value("size_in_adv"),
        share_of_size=value("share_of_size"),
        is_bothered=chance.happens(values["bothered"], "dealer", number, "is bothered"),
        weariness=value("weariness"),
        politeness=value("politeness"),
        seconds=value("seconds_to_answer"),
        seconds_sd=value("seconds_spread"),
        quote_lives_s=value("quote_lives"),
        last_look_bps=value("last_look"),
        holds_s=value("holds"),
        rejects=value("rejects"),
        careless=value("careless_rejects"),
        leak_bps=value("leak") if talks else 0.0,
        talks=value("talks"),
        hedge_bps=value("hedge") if kind is Kind.HEDGE else 0.0,
    )
