"""A street that lives in a world: asked, its dealers answer; told who trades, it moves.

One street serves one policy from the first order to the last: inventories, tempers and leaks are what this policy has
made of them, while bonds, orders and moods are the world's own. It has a clock: `events` gives rounds, late trades and
moments that were asked for in the order of their times, and nobody learns a price of later than now. So a leak costs
its round nothing; it is in the price when the next part of the order, or the next order of the same programme, comes
to be traded, and when that is traded which nobody would trade now.

Prices are percent of par, sides +1 to buy and -1 to sell, times seconds of trading since the first day.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from worlds.paths import Paths
from worlds.ranges import RANGES
from worlds.world import DAY_S, FIRST_DAY, SECTORS, Bond, Dealer, Kind, World

PAR: Final = 100.0
_SETTLED_S: Final = 20.0 * DAY_S
"""A leak this old has come, and what does not last has gone."""
_TICKS_BACK: Final = 200


class Piece(NamedTuple):
    """A part of an order, for which dealers are asked in one round."""

    order: int
    number: int
    began_s: float
    """When the order came."""
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
    dealer: str
    said: Said
    asked_s: float
    """After the beginning of the round; the other times, too."""
    came_s: float
    """Infinite where nothing was said."""
    price: float = 0.0
    size: float = 0.0
    until_s: float = 0.0


class Outcome(StrEnum):
    FILLED = "filled"
    LOOKED = "looked"
    """Rejected at last look."""
    CARELESS = "careless"
    """Rejected for nothing."""
    EXPIRED = "expired"


class Fill(NamedTuple):
    outcome: Outcome
    size: float = 0.0
    price: float = 0.0
    moved_bps: float = 0.0
    """How far the mid went against the dealer from its quote to its word."""
    taken_s: float = 0.0
    """When it was accepted, after the beginning of the round."""
    said_s: float = 0.0
    """When the dealer said what became of it."""


class Mark(NamedTuple):
    price: float
    age_s: float


class Late(NamedTuple):
    """What a round left untraded is traded now."""

    piece: Piece
    at_s: float
    size: float
    price: float


class Due(NamedTuple):
    """A moment after a round that somebody wanted to be told of."""

    piece: Piece
    after_s: float


Event: TypeAlias = "Round | Late | Due"


@dataclass(slots=True)
class _Moves:
    """Moves of one issuer's bonds that knowledge has caused, by when they begin."""

    begin_s: list[float] = field(default_factory=list)
    bps: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=lambda: [0.0])
    """The sum of all before each."""

    def add(self, begins_s: float, bps: float) -> None:
        at = bisect_right(self.begin_s, begins_s)
        self.begin_s.insert(at, begins_s)
        self.bps.insert(at, bps)
        del self.total[at + 1 :]
        for each in self.bps[at:]:
            self.total.append(self.total[-1] + each)


class Street:
    """`paths` may be those of another street of the same world: they are the world's own, and dear to draw."""

    def __init__(self, world: World, paths: Paths | None = None) -> None:
        self.world = world
        self.paths = paths if paths is not None else Paths(world.chance, world.stress)
        self.now_s = 0.0
        self._index_daily_sd_bps = {
            sector: sum(sds) / len(sds)
            for sector in range(SECTORS)
            if (sds := [world.inside(bond).daily_sd_bps for bond in world.bonds if bond.sector == sector])
        }
        self._traded: dict[tuple[str, int], list[tuple[float, float]]] = {}
        """By dealer and sector when it traded with us, and what it has got of that, in days of volume."""
        self._weary: dict[str, tuple[float, float]] = {}
        """By dealer how many quotes it has lost, those of long ago half forgotten, and as of when."""
        self._moves: dict[int, _Moves] = {}
        self._told: dict[tuple[int, int, str], float] = {}
        """By issuer, side and who told it when it was last told."""
        self._waiting: list[tuple[float, int, Piece, float]] = []
        self._entries = 0

    # --- what happens ------------------------------------------------------------------------------

    def events(self, rounds: int, due_s: Sequence[float] = ()) -> Iterator[Event]:
        """The first `rounds` rounds of this world and what comes of them, in the order of their times.

        The rounds are the same ones for every policy. `due_s`: how long after each the caller wants to be told.
        """
        for piece in self._pieces(rounds):
            yield from self._until(piece.at_s)
            self.now_s = max(self.now_s, piece.at_s)
            for after_s in due_s:
                self._wait(piece.at_s + after_s, piece, -after_s)
            opened = Round(self, piece)
            yield opened
            if not opened.is_closed:
                opened.close(opened.lasted_s)
        yield from self._until(math.inf)

    def _wait(self, at_s: float, piece: Piece, what: float) -> None:
        """`what` is a size to be traded then, or less than 0 what a moment is after its round."""
        self._entries += 1
        heapq.heappush(self._waiting, (at_s, self._entries, piece, what))

    def _until(self, time_s: float) -> Iterator[Event]:
        while self._waiting and self._waiting[0][0] <= time_s:
            at_s, _, piece, what = heapq.heappop(self._waiting)
            self.now_s = max(self.now_s, at_s)
            if what <= 0:
                yield Due(piece, -what)
                continue
            offset_bps = self.world.half_spread_bps(piece.bond, what, at_s) * self.world.values["late_half_spreads"]
            yield Late(piece, at_s, what, self.mid(piece.bond, at_s) + piece.side * offset_bps / 100)

    def _pieces(self, count: int) -> Iterator[Piece]:
        waiting: list[Piece] = []
        at_s, order, given = float(FIRST_DAY * DAY_S), 0, 0
        while given < count:
            at_s += self.world.chance.waiting(DAY_S / self.world.values["orders_a_day"], "order", order, "after")
            while waiting and waiting[0].at_s <= at_s and given < count:
                yield waiting.pop(0)
                given += 1
            waiting = sorted([*waiting, *self._order(order, at_s)], key=lambda piece: (piece.at_s, piece.order))
            order += 1

    def _order(self, number: int, began_s: float) -> list[Piece]:
        world, chance = self.world, self.world.chance
        bond = chance.one_of(world.bonds, "order", number, "bond")
        inside = world.inside(bond)
        block = int(began_s / DAY_S / world.values["programme"])
        side = 1 if chance.happens(0.5, "programme", bond.issuer, block) else -1
        if not chance.happens(world.values["persistence"], "order", number, "goes with it"):
            side = -side
        size = inside.adv * RANGES["size_in_adv"].draw(chance, "order", number, "size")
        count = int(chance.between(1, world.values["pieces"], "order", number, "pieces"))
        at_s, found = began_s, []
        for piece in range(count):
            limit_bps = world.values["limit_in_half_spreads"] * world.half_spread_bps(bond, size / count, at_s)
            left = size * (1 - (piece + 1) / count)
            found.append(Piece(number, piece, began_s, at_s, bond, side, size / count, left, limit_bps))
            gap_s = world.values["between_pieces"]
            at_s += gap_s / 2 + chance.waiting(gap_s, "order", number, "piece", piece)
        return found

    # --- prices ------------------------------------------------------------------------------------

    def mid(self, bond: Bond, at_s: float) -> float:
        """The truth, in percent of par: known to nobody. Raises ValueError for a moment that has not come."""
        self._must_have_come(at_s)
        return self._mid(bond, at_s)

    def _must_have_come(self, at_s: float) -> None:
        if at_s > self.now_s + 1e-6:
            raise ValueError(f"asked for the price at {at_s:.1f} s, it is {self.now_s:.1f} s")

    def _mid(self, bond: Bond, at_s: float) -> float:
        return PAR + (self.untouched_bps(bond, at_s) + self.moved_bps(bond, at_s)) / 100

    def untouched_bps(self, bond: Bond, at_s: float) -> float:
        """Where the mid would be if nobody had ever asked for anything, in bps from the first day's."""
        values = self.world.values
        own = math.sqrt(1 - values["market_share"] - values["sector_share"])
        own *= self.paths.at(f"bond {bond.number}", at_s)
        return self.world.inside(bond).daily_sd_bps * (own + self._shared(bond.sector, at_s))

    def _shared(self, sector: int, at_s: float) -> float:
        """What bonds of a sector have in common, in daily standard deviations of each."""
        values, at = self.world.values, self.paths.at
        market = math.sqrt(values["market_share"]) * at("market", at_s)
        return market + math.sqrt(values["sector_share"]) * at(f"sector {sector}", at_s)

    def index(self, sector: int, at_s: float) -> float:
        """The level of the sector's index at a moment that has come: what its bonds share, as all of them move."""
        self._must_have_come(at_s)
        return PAR + self._index_daily_sd_bps[sector] * self._shared(sector, at_s) / 100

    def moved_bps(self, bond: Bond, at_s: float) -> float:
        """What leaks and hedges have added to it by then."""
        moves = self._moves.get(bond.issuer)
        if moves is None:
            return 0.0
        old = bisect_right(moves.begin_s, at_s - _SETTLED_S)
        young = bisect_right(moves.begin_s, at_s)
        moved = sum(moves.bps[at] * self._arrived(at_s - moves.begin_s[at]) for at in range(old, young))
        return moves.total[old] * self.world.values["leak_lasting"] + moved

    def _arrived(self, age_s: float) -> float:
        """The share of a leak that is in the price: it comes within minutes, and what does not last goes in a day."""
        values = self.world.values
        rise_s = values["early_rise"] if self.world.kind is Kind.EARLY else values["leak_rise"]
        passing = (1 - values["leak_lasting"]) * math.exp2(-age_s / DAY_S)
        return (1 - math.exp2(-age_s / rise_s)) * (values["leak_lasting"] + passing)

    def mark(self, bond: Bond, at_s: float) -> Mark:
        """What the desk sees: late, smoothed, and wrong for days on end for every bond of a sector together."""
        values, made_s = self.world.values, self._ticked_s(bond, at_s)
        smoothed = values["mark_smoothing"]
        seen = (1 - smoothed) * self.mid(bond, made_s) + smoothed * self.mid(bond, made_s - values["mark_every"])
        wrong_bps = values["mark_error"] * self._lately(f"error of sector {bond.sector}", made_s)
        return Mark(seen + wrong_bps / 100, at_s - made_s)

    def _ticked_s(self, bond: Bond, at_s: float) -> float:
        """When the mark of this moment was made. Under stress most are left out."""
        every_s, chance = self.world.values["mark_every"], self.world.chance
        tick = int(at_s // every_s)
        for back in range(tick, max(tick - _TICKS_BACK, 0), -1):
            made_s = (back + chance.uniform("mark", bond.number, back)) * every_s
            kept = 1 / self.world.stress(int(made_s // DAY_S)) ** 2
            if made_s <= at_s and chance.happens(kept, "mark is made", bond.number, back):
                return made_s
        return at_s - _TICKS_BACK * every_s

    def _lately(self, name: str, at_s: float) -> float:
        """A value around 0 with a standard deviation of 1 that lasts for days: where a path has gone within some."""
        days = self.world.values["lasts"]
        then_s = at_s - days * DAY_S
        return (self.paths.at(name, at_s) - self.paths.at(name, then_s)) / math.sqrt(days)

    # --- dealers -----------------------------------------------------------------------------------

    def inventory(self, dealer: Dealer, sector: int, at_s: float) -> float:
        """What it has of a sector, 1 being as much as it likes: what others traded with it, and what we did."""
        half_s = dealer.own_flow_days * DAY_S
        ours: float = sum(
            size * math.exp2((then_s - at_s) / half_s) for then_s, size in self._traded.get((dealer.name, sector), ())
        )
        return self._lately(f"inventory {dealer.name} {sector}", at_s) + ours

    def weariness(self, name: str, at_s: float) -> float:
        """0 to 1: by how many quotes it has lost to us, as far as it remembers."""
        lost, then_s = self._weary.get(name, (0.0, at_s))
        forgotten = math.exp2((then_s - at_s) / (self.world.values["forgets"] * DAY_S))
        return min(lost * forgotten / self.world.values["weary_after"], 1.0)

    def lost(self, name: str, at_s: float, quotes: float) -> None:
        """It has lost so many more."""
        now = self.weariness(name, at_s) * self.world.values["weary_after"]
        self._weary[name] = (now + quotes, at_s)

    def bought(self, dealer: Dealer, piece: Piece, at_s: float, size: float) -> None:
        """It has taken the other side of a trade of ours."""
        record = self._traded.setdefault((dealer.name, piece.bond.sector), [])
        record.append((at_s, -piece.side * size / self.world.inside(piece.bond).adv))
        del record[:-50]  # Older ones have gone on.

    def seen_mid(self, dealer: Dealer, bond: Bond, at_s: float) -> float:
        """Where a dealer takes the mid to be: its price is old, and all of them are wrong together."""
        wrong_bps = self.world.values["street_error"] * self._lately(f"street of sector {bond.sector}", at_s)
        return self._mid(bond, at_s - dealer.lag_s) + wrong_bps / 100

    def tell(self, piece: Piece, who: str, bps: float, begins_s: float) -> None:
        """The issuer's bonds move against the order's side from then on, by as much as is news."""
        key = (piece.bond.issuer, piece.side, who)
        age_days = (begins_s - self._told.get(key, -math.inf)) / DAY_S
        news = 1 - math.exp2(-age_days / self.world.values["news_lives"])
        moved_bps = self.world.worth(bps, piece.bond, piece.size + piece.left) * news
        if moved_bps:
            self._told[key] = begins_s
            self._moves.setdefault(piece.bond.issuer, _Moves()).add(begins_s, piece.side * moved_bps)

    # --- what it cost ------------------------------------------------------------------------------

    def cost_bps(self, piece: Piece, price: float, at_s: float) -> float:
        """What a trade of this order cost against the true mid when the order came; positive is a cost.

        Net of where the market would have gone by `at_s` without us: no policy can help that, and it hides the rest.
        """
        bond = piece.bond
        drift_bps = self.untouched_bps(bond, at_s) - self.untouched_bps(bond, piece.began_s)
        return piece.side * (100 * (price - self.mid(bond, piece.began_s)) - drift_bps)


class Round:
    """One part of an order while dealers are asked for it. Times are seconds after its beginning."""

    def __init__(self, street: Street, piece: Piece) -> None:
        self.street = street
        self.piece = piece
        self.asked: dict[str, float] = {}
        """By dealer when it was asked: each of them knows."""
        self.fills: list[tuple[str, Fill]] = []
        self.changed_by_trader = False
        self.lasted_s = 0.0
        self.is_closed = False
        self._quoted: set[str] = set()

    @property
    def open_size(self) -> float:
        return self.piece.size - sum(fill.size for _, fill in self.fills)

    def panel(self, wanted: Sequence[str]) -> list[str]:
        """Who is asked when a policy wants these: a trader may put a friend in the last one's place.

        It is the friend whose book wants the trade most: traders hear of such things.
        """
        world, piece, asked = self.street.world, self.piece, list(wanted)
        chance = world.chance
        if asked and world.kind is Kind.TRADERS and chance.happens(world.values["override"], "override", *self._key):
            friends = sorted(world.present(piece.at_s), key=lambda name: chance.uniform("friend", name))
            friends = friends[: int(world.values["friends"])]
            others = [world.dealers[name] for name in friends if name not in asked]
            if others:
                wants = [
                    (piece.side * self.street.inventory(each, piece.bond.sector, piece.at_s), each.name)
                    for each in others
                ]
                asked[-1] = max(wants)[1]
                self.changed_by_trader = True
        return asked

    @property
    def _key(self) -> tuple[int, int]:
        return self.piece.order, self.piece.number

    def ask(self, names: Sequence[str], after_s: float = 0.0) -> list[Answer]:
        """What each says. They and whoever was asked before in this round know, and count as company.

        Raises ValueError for a dealer that is not there yet.
        """
        street, world, piece = self.street, self.street.world, self.piece
        asked = [name for name in names if name not in self.asked]
        for name in asked:
            if world.dealers[name].joins_on * DAY_S > piece.at_s:
                raise ValueError(f"{name} was asked on day {piece.at_s / DAY_S:.1f}: it joins later")
        self._pass(after_s)
        for name in asked:
            self.asked[name] = after_s
            if world.kind is Kind.EARLY and self._talks(world.dealers[name]):
                street.tell(piece, name, world.dealers[name].leak_bps, piece.at_s + after_s)
        return [self._answer(world.dealers[name], after_s) for name in asked]

    def _talks(self, dealer: Dealer) -> bool:
        return self.street.world.chance.happens(dealer.talks, "talks", dealer.name, *self._key)

    def _answer(self, dealer: Dealer, after_s: float) -> Answer:
        street, world, piece, key = self.street, self.street.world, self.piece, self._dealer_key(dealer)
        chance, at_s, knowing = world.chance, piece.at_s + after_s, len(self.asked)
        stress = world.stress(int(at_s // DAY_S))
        interest = world.interest(dealer, piece.bond, piece.side, piece.size, knowing)
        interest -= dealer.weariness * street.weariness(dealer.name, at_s)
        came_s = after_s + dealer.seconds * math.exp(dealer.seconds_sd * chance.normal("seconds", *key)) * stress
        if not chance.happens(interest / stress, "interest", *key):
            says = chance.happens(dealer.politeness, "says so", *key)
            return Answer(dealer.name, Said.PASS if says else Said.NOTHING, after_s, came_s if says else math.inf)
        self._quoted.add(dealer.name)
        whole = piece.size <= dealer.size_in_adv * world.inside(piece.bond).adv
        size = piece.size if whole else piece.size * dealer.share_of_size
        mid = street.seen_mid(dealer, piece.bond, piece.at_s + came_s)
        price = mid + piece.side * self._offset_bps(dealer, piece.at_s + came_s) / 100
        return Answer(dealer.name, Said.QUOTE, after_s, came_s, price, size, came_s + dealer.quote_lives_s)

    def _dealer_key(self, dealer: Dealer) -> tuple[str, int, int]:
        return (dealer.name, *self._key)

    def _offset_bps(self, dealer: Dealer, at_s: float) -> float:
        """How much worse than where it sees the mid it quotes."""
        street, world, piece = self.street, self.street.world, self.piece
        half = world.half_spread_bps(piece.bond, piece.size, at_s)
        offset = world.offset_bps(dealer, piece.bond, piece.side, piece.size, at_s)
        # A dealer who is long sells for less, and pays less.
        offset -= piece.side * half * dealer.skew * math.tanh(street.inventory(dealer, piece.bond.sector, at_s))
        offset += half * dealer.noise * world.chance.laplace("noise", *self._dealer_key(dealer))
        if world.kind is Kind.TOLD:
            tellers = [world.dealers[name] for name in self.asked if name != dealer.name]
            told = sum(each.leak_bps for each in tellers if self._talks(each))
            offset += world.worth(told, piece.bond, piece.size + piece.left)
        return offset

    def accept(self, answer: Answer, after_s: float) -> Fill:
        """Take this answer, or what is still open of it. The dealer thinks it over, and may look again."""
        street, world, piece = self.street, self.street.world, self.piece
        dealer, chance = world.dealers[answer.dealer], world.chance
        key = self._dealer_key(dealer)
        decided_s = after_s + dealer.holds_s * chance.uniform("holds", *key)
        self._pass(decided_s)
        came = street.mid(piece.bond, piece.at_s + answer.came_s)
        against_bps = piece.side * 100 * (street.mid(piece.bond, piece.at_s + decided_s) - came)
        if after_s > answer.until_s:
            fill = Fill(Outcome.EXPIRED, 0.0, 0.0, against_bps, after_s, decided_s)
        elif against_bps > dealer.last_look_bps and chance.happens(dealer.rejects, "look", *key):
            fill = Fill(Outcome.LOOKED, 0.0, 0.0, against_bps, after_s, decided_s)
        elif chance.happens(dealer.careless, "careless", *key):
            fill = Fill(Outcome.CARELESS, 0.0, 0.0, against_bps, after_s, decided_s)
        else:
            size = min(answer.size, self.open_size)
            fill = Fill(Outcome.FILLED, size, answer.price, against_bps, after_s, decided_s)
            street.bought(dealer, piece, piece.at_s + decided_s, fill.size)
        self.fills.append((dealer.name, fill))
        return fill

    def close(self, after_s: float) -> None:
        """The round is over: who was asked knows, and does what such people do; what is open is traded days later."""
        street, world, piece = self.street, self.street.world, self.piece
        self._pass(after_s)
        self.is_closed = True
        at_s, kind = piece.at_s + self.lasted_s, world.kind
        sizes: dict[str, float] = {}
        for name, fill in self.fills:
            sizes[name] = sizes.get(name, 0.0) + fill.size
        winners = {name: size for name, size in sizes.items() if size}
        losers = [name for name in self.asked if name not in winners]
        for name in losers:
            if name in self._quoted:
                street.lost(name, at_s, 1.0 if winners else world.values["fishing"])
        talkers = [name for name in losers if self._talks(world.dealers[name])]
        if kind in (Kind.LOSERS, Kind.TRADERS, Kind.REGIMES, Kind.LATE):
            begins_s = at_s + (world.values["delay"] * DAY_S if kind is Kind.LATE else 0.0)
            for name in talkers:
                street.tell(piece, name, world.dealers[name].leak_bps, begins_s)
        elif kind is Kind.MANY:
            worst = max((world.dealers[name].leak_bps for name in talkers), default=0.0)
            others = max(0, len(self.asked) - 2) / world.values["many_from"]
            known = min(others**2, world.values["many_at_most"])
            street.tell(piece, "everybody", worst * known, at_s)
        elif kind is Kind.HEDGE:
            for name, size in winners.items():
                filled = piece._replace(size=size, left=0.0)
                street.tell(filled, name, world.dealers[name].hedge_bps, at_s)
        if self.open_size > 1e-9:
            wait_days = world.values["days_until_next_chance"] - 1
            wait_days = 1 + world.chance.waiting(wait_days, "later", *self._key)
            street._wait(at_s + wait_days * DAY_S, piece, self.open_size)

    def _pass(self, after_s: float) -> None:
        self.lasted_s = max(self.lasted_s, after_s)
        self.street.now_s = max(self.street.now_s, self.piece.at_s + self.lasted_s)
