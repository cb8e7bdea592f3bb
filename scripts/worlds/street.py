"""A street that lives in a world: asked, its dealers answer; told who trades, it moves.

One street serves one policy from the first order to the last: inventories, tempers and leaks are what this policy has
made of them, while bonds, orders and moods are the world's own. A leak costs whoever leaks it nothing here: it is in
the price when the next part of the same order, or the next order in the same issuer, comes to be traded. So is what
an order costs that was not traded: it is traded days later, at what the price is then.

Prices are percent of par, sides +1 to buy and -1 to sell, times seconds of trading since the first day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from worlds.paths import Paths
from worlds.ranges import RANGES
from worlds.world import DAY_S, Bond, Dealer, Kind, World

PAR: Final = 100.0
BETWEEN_PIECES_S: Final = 3_600.0
"""From one part of an order to the next, at least."""
QUOTE_LIVES_S: Final = 60.0
WEARY_AT: Final = 8
_MARKET_SHARE, _SECTOR_SHARE = 0.35, 0.35
"""Of a bond's variance, what all bonds share and what those of its sector share."""
_INVENTORY_DAYS: Final = 5
_FORGOTTEN_S: Final = 20.0 * DAY_S
"""A leak this old is part of the price for good."""


class Piece(NamedTuple):
    """A part of an order, for which dealers are asked once."""

    order: int
    number: int
    at_s: float
    bond: Bond
    side: int
    size: float
    left: float
    """What of the order comes after this part."""
    limit_bps: float
    """From the mark at which nobody trades any more."""


class Said(StrEnum):
    QUOTE = "quote"
    PASS = "pass"
    NOTHING = "nothing"


class Answer(NamedTuple):
    dealer: Dealer
    said: Said
    seconds: float
    """From the question; infinite where nothing was said."""
    price: float = 0.0
    size: float = 0.0


class Mark(NamedTuple):
    price: float
    age_s: float


class Fill(NamedTuple):
    """What an acceptance came to; `moved_bps` is how far the mid went against us until a reject, 0 for a fill."""

    size: float
    price: float
    moved_bps: float


@dataclass(frozen=True, slots=True)
class _Shift:
    """A move of an issuer's bonds that somebody's knowledge has caused."""

    begins_s: float
    bps: float


@dataclass(slots=True)
class Street:
    world: World
    _paths: Paths = field(init=False)
    _traded: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)
    """By dealer and sector when it traded with us, and what it has of that, in days of volume."""
    _in_vain: dict[str, int] = field(default_factory=dict)
    """By dealer how often in a row it was asked for nothing."""
    _shifts: dict[int, list[_Shift]] = field(default_factory=dict)
    _settled: dict[int, float] = field(default_factory=dict)
    """By issuer what leaks of long ago have left in the price, in bps."""

    def __post_init__(self) -> None:
        self._paths = Paths(self.world.chance)

    # --- orders ------------------------------------------------------------------------------------

    def pieces(self, count: int) -> Iterator[Piece]:
        """The first `count` rounds of this world, in the order of their times: the same ones for every policy."""
        waiting: list[Piece] = []
        at_s, order, given = 0.0, 0, 0
        while given < count:
            at_s += self.world.chance.waiting(DAY_S / self.world.orders_a_day, "order", order, "after")
            while waiting and waiting[0].at_s <= at_s and given < count:
                yield waiting.pop(0)
                given += 1
            waiting = sorted([*waiting, *self._order(order, at_s)], key=lambda piece: (piece.at_s, piece.order))
            order += 1

    def _order(self, number: int, at_s: float) -> list[Piece]:
        world, chance = self.world, self.world.chance
        bond = chance.one_of(world.bonds, "order", number, "bond")
        side = 1 if chance.happens(0.5, "order", number, "side") else -1
        low, high = world.size_in_adv
        size = bond.adv * math.exp(chance.between(math.log(low), math.log(high), "order", number, "size"))
        count = int(chance.between(1, world.pieces, "order", number, "pieces"))
        limit = chance.between(*world.limit, "order", number, "limit") * bond.half_spread_bps
        found = []
        for piece in range(count):
            found.append(Piece(number, piece, at_s, bond, side, size / count, size * (1 - (piece + 1) / count), limit))
            at_s += BETWEEN_PIECES_S + chance.waiting(BETWEEN_PIECES_S, "order", number, "piece", piece)
        return found

    # --- prices ------------------------------------------------------------------------------------

    def stress(self, at_s: float) -> float:
        """1 on a calm day."""
        day = int(at_s // DAY_S)
        is_bad = self.world.chance.happens(self.world.stress_days, "stress", day // 3)  # It comes for days.
        return self.world.stress if is_bad else 1.0

    def untouched_bps(self, bond: Bond, at_s: float) -> float:
        """Where the mid would be if nobody had ever asked for anything, in bps from the first day's."""
        paths = self._paths
        own = math.sqrt(1 - _MARKET_SHARE - _SECTOR_SHARE) * paths.at(f"bond {bond.number}", at_s)
        shared = math.sqrt(_MARKET_SHARE) * paths.at("market", at_s)
        sector = math.sqrt(_SECTOR_SHARE) * paths.at(f"sector {bond.sector}", at_s)
        return bond.daily_sd_bps * (own + shared + sector)

    def moved_bps(self, bond: Bond, at_s: float) -> float:
        """What leaks and hedges have added to it by then, as far as they are known to this street."""
        shifts = self._shifts.get(bond.issuer, ())
        moved = sum(shift.bps * self._arrived(at_s - shift.begins_s) for shift in shifts)
        return self._settled.get(bond.issuer, 0.0) + moved

    def _arrived(self, age_s: float) -> float:
        """The share of a leak that is in the price: it comes within minutes, and what does not last goes in a day."""
        if age_s <= 0:
            return 0.0
        lasting = self.world.leak_lasting
        passing = (1 - lasting) * math.exp2(-age_s / DAY_S)
        return (1 - math.exp2(-age_s / self.world.leak_rise_s)) * (lasting + passing)

    def mid(self, bond: Bond, at_s: float) -> float:
        """The truth, in percent of par: known to nobody."""
        return PAR + (self.untouched_bps(bond, at_s) + self.moved_bps(bond, at_s)) / 100

    def mark(self, bond: Bond, at_s: float) -> Mark:
        """What the desk sees: late, smoothed, and wrong for days on end for every bond of a sector together."""
        world = self.world
        every_s = world.mark_every_s * self.stress(at_s) ** 2
        turn = int(at_s // every_s)
        made_s = (turn + world.chance.uniform("mark", bond.number, turn)) * every_s
        if made_s > at_s:
            turn -= 1
            made_s = (turn + world.chance.uniform("mark", bond.number, turn)) * every_s
        made_s = max(0.0, made_s)
        before_s = max(0.0, made_s - every_s)
        smoothed = world.mark_smoothing
        seen = (1 - smoothed) * self.mid(bond, made_s) + smoothed * self.mid(bond, before_s)
        wrong_bps = world.mark_error_bps * self._lately(f"error of sector {bond.sector}", made_s)
        return Mark(seen + wrong_bps / 100, at_s - made_s)

    def _lately(self, name: str, at_s: float) -> float:
        """A value around 0 with a standard deviation of 1 that lasts for days: where a path has gone within five."""
        then_s = at_s - _INVENTORY_DAYS * DAY_S
        return (self._paths.at(name, at_s) - self._paths.at(name, then_s)) / math.sqrt(_INVENTORY_DAYS)

    # --- a round -----------------------------------------------------------------------------------

    def panel(self, piece: Piece, wanted: Sequence[Dealer]) -> list[Dealer]:
        """Who is asked when a policy wants these: a trader may put a friend in the last one's place."""
        chance, asked = self.world.chance, list(wanted)
        if asked and chance.happens(self.world.override, "override", piece.order, piece.number):
            friends = sorted(self.world.dealers, key=lambda dealer: chance.uniform("friend", dealer.name))[:5]
            others = [dealer for dealer in friends if dealer not in asked]
            if others:
                asked[-1] = chance.one_of(others, "override", piece.order, piece.number, "friend")
        return asked

    def ask(self, piece: Piece, panel: Sequence[Dealer], *, knowing: int = 0) -> list[Answer]:
        """What each says. All of them know, and in a search `knowing` others who were asked before for this part."""
        if self.world.kind is Kind.EARLY:
            for dealer in panel:
                self._leak(piece, dealer.leak_bps, piece.at_s)
        return [self._answer(piece, dealer, panel, len(panel) + knowing) for dealer in panel]

    def _answer(self, piece: Piece, dealer: Dealer, panel: Sequence[Dealer], knowing: int) -> Answer:
        chance, bond, key = self.world.chance, piece.bond, (dealer.name, piece.order, piece.number)
        stress = self.stress(piece.at_s)
        weary = dealer.weariness * min(self._in_vain.get(dealer.name, 0), WEARY_AT) / WEARY_AT
        interest = dealer.reach[bond.style] - weary - self.world.crowding * math.log2(knowing)
        interest -= 0.1 * max(0.0, piece.size / bond.adv / dealer.size_in_adv - 1)
        seconds = dealer.seconds * math.exp(dealer.seconds_sd * chance.normal("seconds", *key)) * stress
        if not chance.happens(min(interest, 1.0) / stress, "interest", *key):
            says = chance.happens(dealer.politeness, "says so", *key)
            return Answer(dealer, Said.PASS, seconds) if says else Answer(dealer, Said.NOTHING, math.inf)
        whole = piece.size <= dealer.size_in_adv * bond.adv
        size = piece.size if whole else piece.size * dealer.share_of_size
        price = self.mid(bond, piece.at_s + seconds) + piece.side * self._offset_bps(piece, dealer, panel) / 100
        return Answer(dealer, Said.QUOTE, seconds, price, size)

    def _offset_bps(self, piece: Piece, dealer: Dealer, panel: Sequence[Dealer]) -> float:
        """How much worse than the mid it quotes."""
        chance, bond, key = self.world.chance, piece.bond, (dealer.name, piece.order, piece.number)
        half = bond.half_spread_bps * self.stress(piece.at_s) * (1 + math.pow(piece.size / bond.adv, 0.4)) / 2
        offset = half * dealer.markups[bond.style]
        # A dealer who is long sells for less, and pays less.
        offset -= piece.side * dealer.skew_bps * math.tanh(self._inventory(dealer, bond.sector, piece.at_s))
        offset += dealer.noise_bps * chance.laplace("noise", *key)
        if self.world.kind is Kind.TOLD:
            offset += sum(other.leak_bps for other in panel if other.name != dealer.name)
        return offset

    def _inventory(self, dealer: Dealer, sector: int, at_s: float) -> float:
        """What it has of a sector, 1 being as much as it likes: what others traded with it, and what we did."""
        ours: float = sum(
            size * math.exp2((then_s - at_s) / (2 * DAY_S))
            for then_s, size in self._traded.get((dealer.name, sector), ())
        )
        return self._lately(f"inventory {dealer.name} {sector}", at_s) + ours

    def accept(self, piece: Piece, answer: Answer, seconds: float) -> Fill:
        """Take this answer so many seconds after the question; the dealer may look at the market once more."""
        chance, bond, dealer = self.world.chance, piece.bond, answer.dealer
        key = (dealer.name, piece.order, piece.number)
        against_bps = (
            piece.side * 100 * (self.mid(bond, piece.at_s + seconds) - self.mid(bond, piece.at_s + answer.seconds))
        )
        looks = against_bps > dealer.last_look_bps and chance.happens(dealer.rejects, "look", *key)
        if seconds - answer.seconds > QUOTE_LIVES_S or looks or chance.happens(dealer.careless, "careless", *key):
            return Fill(0.0, 0.0, against_bps)
        record = self._traded.setdefault((dealer.name, bond.sector), [])
        record.append((piece.at_s + seconds, -piece.side * answer.size / bond.adv))
        del record[:-50]  # Older ones have gone on.
        return Fill(answer.size, answer.price, 0.0)

    def over(self, piece: Piece, panel: Sequence[Dealer], winner: Dealer | None, seconds: float) -> None:
        """The round is over, with a trade or without: who was asked knows, and does what such people do."""
        for dealer in panel:
            won = winner is not None and dealer.name == winner.name
            self._in_vain[dealer.name] = 0 if won else self._in_vain.get(dealer.name, 0) + 1
        at_s, kind = piece.at_s + seconds, self.world.kind
        losers = [dealer for dealer in panel if winner is None or dealer.name != winner.name]
        if kind in (Kind.LOSERS, Kind.TRADERS, Kind.REGIMES, Kind.LATE):
            for dealer in losers:
                self._leak(piece, dealer.leak_bps, at_s + self.world.delay_s)
        elif kind is Kind.MANY:
            worst = max((dealer.leak_bps for dealer in losers), default=0.0)
            self._leak(piece, worst * max(0, len(panel) - 2) ** 2 / 4, at_s)
        elif kind is Kind.HEDGE and winner is not None:
            self._leak(piece, self.world.hedge_bps * math.sqrt(piece.size / piece.bond.adv), at_s)

    def _leak(self, piece: Piece, bps: float, begins_s: float) -> None:
        """The issuer's bonds move against the order's side, from that moment on."""
        if not bps:
            return
        issuer, lasting = piece.bond.issuer, self.world.leak_lasting
        shifts = self._shifts.setdefault(issuer, [])
        while shifts and piece.at_s - shifts[0].begins_s > _FORGOTTEN_S:
            self._settled[issuer] = self._settled.get(issuer, 0.0) + shifts.pop(0).bps * lasting
        shifts.append(_Shift(begins_s, piece.side * bps))

    # --- what it cost ------------------------------------------------------------------------------

    def cost_bps(self, piece: Piece, price: float, began_s: float) -> float:
        """What a trade of this order cost against the true mid when the order came; positive is a cost."""
        return piece.side * 100 * (price - self.mid(piece.bond, began_s))

    def later(self, piece: Piece) -> tuple[float, float]:
        """When and at what price what nobody traded now is traded: days later, by somebody who is known to have to."""
        chance, bond = self.world.chance, piece.bond
        after = chance.waiting(self.world.days_until_next_chance, "later", piece.order, piece.number)
        at_s = piece.at_s + DAY_S * (RANGES["days_until_next_chance"].low / 2 + after)
        offset_bps = bond.half_spread_bps * self.world.late_half_spreads * self.stress(at_s)
        return at_s, self.mid(bond, at_s) + piece.side * offset_bps / 100
