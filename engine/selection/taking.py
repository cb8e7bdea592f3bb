"""A panel as it grows: who is in, what still fits, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.domain.recommendation import Ended, LeftOut, Why
from engine.rules.plan import Plan

_LOOKED_FOR_MAX: Final = 16
"""So many names are looked for one by one; a table of all places costs more."""


def places_of(dealers: tuple[str, ...], asked: tuple[str, ...]) -> list[int]:
    """Where in the ranking those stand that are asked."""
    if len(asked) <= _LOOKED_FOR_MAX:
        return [dealers.index(name) for name in asked]
    place_of = {name: place for place, name in enumerate(dealers)}
    return [place_of[name] for name in asked]


class Taking:
    """A panel as it grows: who is in, what still fits, and why others do not."""

    __slots__ = (
        "_informed",
        "_known",
        "_left",
        "_limits",
        "_places_named",
        "_sources",
        "asked",
        "ended",
        "named",
        "undefined_tiers",
    )

    def __init__(self, limits: Plan, informed: Sequence[str], named: Sequence[str]) -> None:
        self.asked: list[str] = []
        self.named = named
        self.ended = Ended.enough
        self.undefined_tiers: tuple[int, ...] = ()
        self._limits = limits
        self._informed = set(informed)
        self._places_named = self._reserved(named)
        self._known: set[str] = set()
        """Dealers that are decided: asked, or left out with a reason."""
        self._left: dict[tuple[Why, tuple[str, ...]], list[str]] = {}
        self._sources: dict[str, tuple[str, ...]] | None = None

    def take(self, order: Sequence[str], wanted: int | None) -> int:
        """Ask so many of them, in this order, as far as they fit; how many of the order were decided.

        One that may not know of it makes room for the next. Once the panel is full, the others that would have had a
        place are left out for that.
        """
        places = 0
        for place, name in enumerate(order):
            if wanted is not None and places >= wanted:
                return place
            if name in self._known:
                continue
            self._known.add(name)
            if name in self._limits.never:
                self.leave_never(name)
                continue
            full, over = self._full(name)
            if full or over:
                self.leave_for_limit((name,))
                places += full
                continue
            self._places_named.discard(name)
            self._informed.add(name)
            self.asked.append(name)
            places += 1
        if wanted is not None and places < wanted and self.ended is Ended.enough:
            self.ended = Ended.nobody_left
        return len(order)

    @property
    def reserved(self) -> frozenset[str]:
        """The dealers that the rule names and the limit has room for."""
        return frozenset(self._places_named)

    def is_decided(self, name: str) -> bool:
        """Asked, or left out with a reason?"""
        return name in self._known

    def leave_never(self, name: str) -> None:
        """Leave out a dealer that a protection forbids."""
        self.leave(Why.never, self._said_by(f"never ask {name}"), (name,))

    def leave_for_limit(self, dealers: Sequence[str]) -> None:
        """Leave out dealers that would be one too many that know."""
        if dealers:
            most = str(self._limits.at_most)
            self.leave(Why.limit, (most, *self._said_by(f"at most {most} dealers")), dealers)
            self.ended = Ended.limit

    def exchange(self, asked: list[str], came: str | None, went: str | None) -> None:
        """Ask these instead: a draw put one in, or left one out."""
        self.asked = asked
        if came is not None:
            for dealers in self._left.values():
                if came in dealers:
                    dealers.remove(came)
        if went is not None:
            why, facts = (Why.gave_way, (came,)) if came is not None else (Why.dropped, ())
            self.leave(why, facts, (went,))

    def leave(self, why: Why, facts: tuple[str, ...], dealers: Sequence[str]) -> None:
        """Leave dealers out for a reason."""
        if dealers:
            self._left.setdefault((why, facts), []).extend(dealers)

    def undecided(self, dealers: Sequence[str]) -> Sequence[str]:
        """Those of whom nothing was said yet."""
        known = self._known
        return dealers if known.isdisjoint(dealers) else [name for name in dealers if name not in known]

    def left_out(self) -> Iterator[LeftOut]:
        return (LeftOut(why, tuple(dealers), facts) for (why, facts), dealers in self._left.items() if dealers)

    def _reserved(self, named: Sequence[str]) -> set[str]:
        """The named dealers that the limit has room for: their places are left free."""
        most, found, fresh = self._limits.at_most, set[str](), 0
        for name in named:
            if name in self._limits.never or (most is not None and len(found) >= most):
                continue
            if name not in self._informed:
                if most is not None and len(self._informed) + fresh >= most:
                    continue
                fresh += 1
            found.add(name)
        return found

    def _full(self, name: str) -> tuple[bool, bool]:
        """(nobody at all fits any more, this dealer would be one too many that knows)"""
        most = self._limits.at_most
        if most is None:
            return False, False
        others = () if name in self._places_named else self._places_named
        if len(self.asked) + len(others) >= most:
            return True, False
        unknowing = sum(other not in self._informed for other in others)
        return False, name not in self._informed and len(self._informed) + unknowing >= most

    def _said_by(self, what: str) -> tuple[str, ...]:
        if self._sources is None:
            self._sources = {each.what: each.sources for each in self._limits.sources}
        return self._sources.get(what, ())
