"""Whom to ask if the truth were known: what policies are held against.

The oracle knows every parameter of its world, whom it has asked itself and how often they have lost to it. It knows
no inventory, no path, no error of a mark and no draw that is still to come: of those it has the distribution, as a
fixed sample of what each dealer might quote. It takes the panel of which the average is best, less what those who are
asked will cost the rest of the order, and as many as are worth it.

It is not the best that can be done: it looks no further than this order, and what it expects of a leak is an average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from worlds.chance import Chance
from worlds.street import Piece, Round, Street
from worlds.world import DAY_S, Bond, Dealer, Kind, World

_SAMPLE: Final = 64
"""So many moods of everybody together."""
_LOOKED_AT: Final = 14
"""Dealers that alone are best; who is not among them belongs in no panel of five or six."""
_DECIDES_S: Final = 45.0
"""About how long a round takes until somebody is accepted."""


class Oracle:
    """One for one street, from its first round to its last."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self._world = street.world
        self._moods = _moods(street.world)
        self._told_s: dict[tuple[int, int, str], float] = {}
        """By issuer, side and dealer when it was last asked."""
        self._failed, self._seen = 4.0, 10.0
        """How much of what it was to trade was left over, and of how much, beginning with a guess."""

    def panel(self, piece: Piece, at_most: int) -> list[str]:
        """The dealers to ask for this part, the best one first."""
        world = self._world
        half = world.half_spread_bps(piece.bond, piece.size, piece.at_s)
        late_bps = half * world.values["late_half_spreads"]
        names = world.present(piece.at_s)
        leaks = {name: self._leak_bps(world.dealers[name], piece) for name in names}
        quotes = {name: self._quotes(world.dealers[name], piece, half, late_bps) for name in names}

        def alone(name: str) -> float:
            chance = self._chance(world.dealers[name], piece, 1)
            saved = sum(max(0.0, value) for _, value in quotes[name])
            return chance * saved / _SAMPLE - leaks[name] * self._charged(1)

        names = sorted(names, key=lambda name: (-alone(name), name))[:_LOOKED_AT]
        found: tuple[float, list[str]] = (0.0, names[:1])
        for count in range(1, min(at_most, len(names)) + 1):
            found = max(found, self._best(count, piece, names, quotes, leaks), key=lambda each: each[0])
        return found[1]

    def saw(self, closed: Round) -> None:
        """A round of its own is over."""
        piece = closed.piece
        for name, after_s in closed.asked.items():
            self._told_s[piece.bond.issuer, piece.side, name] = piece.at_s + after_s
        self._failed += closed.open_size / piece.size
        self._seen += 1

    def _best(
        self,
        count: int,
        piece: Piece,
        names: Sequence[str],
        quotes: dict[str, list[tuple[float, float]]],
        leaks: dict[str, float],
    ) -> tuple[float, list[str]]:
        """The panel of so many, grown by who adds most, and what it is worth in bps."""
        chance = {name: self._chance(self._world.dealers[name], piece, count) for name in names}
        worth = {name: [value if mood < chance[name] else 0.0 for mood, value in quotes[name]] for name in names}
        best, panel, charged = [0.0] * _SAMPLE, list[str](), 0.0
        for _ in range(count):
            gains = {
                name: sum(value - have for value, have in zip(worth[name], best, strict=True) if value > have) / _SAMPLE
                - leaks[name] * self._charged(count)
                for name in names
                if name not in panel
            }
            name = max(gains, key=lambda each: (gains[each], each))
            panel.append(name)
            charged += leaks[name]
            best = [max(pair) for pair in zip(best, worth[name], strict=True)]
        if self._world.kind is Kind.MANY:  # The worst of them counts, however many there are.
            charged = max(leaks[name] for name in panel)
        if self._world.kind is Kind.TOLD:  # The best quote is that of somebody who was told by the others.
            charged *= (count - 1) / count * sum(value > 0 for value in best) / _SAMPLE
        return sum(best) / _SAMPLE - charged * self._charged(count), panel

    def _chance(self, dealer: Dealer, piece: Piece, count: int) -> float:
        """That it quotes, on an average day, as weary as it is."""
        world, at_s = self._world, piece.at_s
        interest = world.interest(dealer, piece.bond, piece.side, piece.size, count)
        interest -= dealer.weariness * self._street.weariness(dealer.name, at_s)
        in_time = 1.0 if dealer.seconds < _DECIDES_S else 0.5
        return in_time * interest / world.stress(int(at_s // DAY_S))

    def _quotes(self, dealer: Dealer, piece: Piece, half: float, late_bps: float) -> list[tuple[float, float]]:
        """For each of the moods whether it cares to quote, and what taking its quote would save."""
        world = self._world
        offset = world.offset_bps(dealer, piece.bond, piece.side, piece.size, piece.at_s)
        offset += self._hedge_bps(dealer, piece)
        whole = piece.size <= dealer.size_in_adv * world.inside(piece.bond).adv
        taken = (1 - dealer.careless) * (1 - dealer.rejects * self._looks(dealer, piece.bond))
        taken *= 1.0 if whole else dealer.share_of_size
        return [
            (mood, taken * (late_bps - offset - half * scatter) if offset + half * scatter < piece.limit_bps else 0.0)
            for mood, scatter in self._moods[dealer.name]
        ]

    def _looks(self, dealer: Dealer, bond: Bond) -> float:
        """How often the market has moved against it by more than it bears, from its quote to its word."""
        waited_s = _DECIDES_S / 2 + dealer.holds_s / 2
        sd = self._world.inside(bond).daily_sd_bps * math.sqrt(waited_s / DAY_S)
        return math.erfc(dealer.last_look_bps / sd / math.sqrt(2)) / 2

    def _hedge_bps(self, dealer: Dealer, piece: Piece) -> float:
        """What its hedge costs the parts that follow, spread over this one."""
        if self._world.kind is not Kind.HEDGE:
            return 0.0
        moved = self._world.worth(dealer.hedge_bps, piece.bond, piece.size)
        return moved * self._world.values["leak_lasting"] * piece.left / piece.size

    def _leak_bps(self, dealer: Dealer, piece: Piece) -> float:
        """What its knowing costs, spread over this part: the parts that follow pay, and what is traded days later."""
        world, kind = self._world, self._world.kind
        if not dealer.leak_bps or kind is Kind.HEDGE:
            return 0.0
        moved = world.worth(dealer.leak_bps * dealer.talks, piece.bond, piece.size + piece.left)
        if kind is Kind.TOLD:
            return moved
        then_s = self._told_s.get((piece.bond.issuer, piece.side, dealer.name), -math.inf)
        moved *= 1 - dealer.talks * math.exp2((then_s - piece.at_s) / DAY_S / world.values["news_lives"])
        later = world.values["leak_lasting"] * (piece.left / piece.size + self._failed / self._seen)
        if kind is Kind.EARLY:
            return moved * (later + 1 - math.exp2(-_DECIDES_S / 2 / world.values["early_rise"]))
        if kind is Kind.LATE:  # The next part may be traded before it comes.
            later *= math.exp(-world.values["delay"] * DAY_S / world.values["between_pieces"] / 2)
        return moved * later

    def _charged(self, count: int) -> float:
        """Which share of a leak happens where so many are asked."""
        values, kind = self._world.values, self._world.kind
        if kind is Kind.MANY:
            return min(((count - 2) / values["many_from"]) ** 2, values["many_at_most"]) if count > 2 else 0.0
        if kind in (Kind.EARLY, Kind.TOLD):
            return 1.0
        return 1 - 1 / (count + 1)  # Who wins says nothing, and some win.


@lru_cache(maxsize=2)
def _sample(count: int) -> tuple[tuple[float, float, float], ...]:
    chance = Chance("what an oracle imagines", count)
    return tuple(
        (chance.uniform("mood", at), chance.normal("inventory", at), chance.laplace("noise", at))
        for at in range(count * _SAMPLE)
    )


def _moods(world: World) -> dict[str, list[tuple[float, float]]]:
    """By dealer its sample: a draw that it quotes if it is below its interest, and how far from its average."""
    drawn, found = _sample(len(world.dealers)), {}
    for at, (name, dealer) in enumerate(world.dealers.items()):
        own = drawn[at * _SAMPLE : (at + 1) * _SAMPLE]
        # A tanh of a standard normal value is about as wide whichever side is asked for.
        found[name] = [
            (mood, dealer.skew * math.tanh(inventory) + dealer.noise * noise) for mood, inventory, noise in own
        ]
    return found
