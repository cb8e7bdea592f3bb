"""Which bonds each dealer has quoted lately: what "has it quoted a bond like this one" is answered from.

Bonds are kept by their traits, so that one that has left the files, or has another rating by now, is what it was when
it was quoted. How like each other two are is for whoever asks. At the bound the bond that was quoted longest ago is
forgotten, which errs on the side of "not that we know".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import Any

from engine.domain.instrument import BondTraits


class QuotedBonds:
    """The latest time (UTC ns) at which each dealer quoted a bond, of at most `bonds_max` bonds."""

    __slots__ = ("_bonds", "_bonds_max", "_changed", "_changes", "_kinds")

    def __init__(self, bonds_max: int) -> None:
        self._bonds: dict[BondTraits, dict[str, int]] = {}
        self._kinds: dict[tuple[str, str], dict[BondTraits, None]] = {}
        self._bonds_max = bonds_max
        self._changes = 0
        self._changed: dict[tuple[str, str], int] = {}
        """By kind, the last time a bond of it came or went."""

    def note(self, dealer: str, bond: BondTraits, at_ns: int) -> None:
        """It quoted the bond at `at_ns`, which may be earlier than what is known."""
        dealers = self._bonds.pop(bond, None)
        if dealers is None:
            dealers = {}
            if len(self._bonds) >= self._bonds_max:
                self._forget(next(iter(self._bonds)))
            self._kinds.setdefault(_kind(bond), {})[bond] = None
            self._change(bond)
        self._bonds[bond] = dealers
        dealers[dealer] = max(at_ns, dealers.get(dealer, at_ns))

    def like(self, bond: BondTraits) -> Iterable[BondTraits]:
        """The bonds of its asset class and sector that anybody has quoted."""
        return self._kinds.get(_kind(bond), ())

    def version(self, bond: BondTraits) -> int:
        """Of what `like` gives: it is the same while this is."""
        return self._changed.get(_kind(bond), 0)

    def last(self, dealer: str, bonds: Iterable[BondTraits]) -> int | None:
        """When the dealer last quoted one of these; None for never."""
        found = None
        for bond in bonds:
            at_ns = self._bonds[bond].get(dealer) if bond in self._bonds else None
            if at_ns is not None and (found is None or at_ns > found):
                found = at_ns
        return found

    def let_go(self) -> Iterator[None]:
        """Empty it, a bond a step."""
        while self._bonds:
            self._forget(next(iter(self._bonds)))
            yield

    def dump(self) -> list[list[Any]]:
        """Every bond with who quoted it when, in one fixed order."""
        listed = [[list(astuple(bond)), sorted(dealers.items())] for bond, dealers in self._bonds.items()]
        return sorted(listed, key=lambda entry: json.dumps(entry[0]))

    def load(self, dump: list[list[Any]]) -> None:
        """What `dump` gave; the order of forgetting becomes that of the latest times."""
        for traits, dealers in sorted(dump, key=lambda entry: max(at_ns for _, at_ns in entry[1])):
            for dealer, at_ns in dealers:
                self.note(dealer, BondTraits(*traits), at_ns)

    def _forget(self, bond: BondTraits) -> None:
        del self._bonds[bond]
        kind = self._kinds[_kind(bond)]
        del kind[bond]
        if not kind:
            del self._kinds[_kind(bond)]
        self._change(bond)

    def _change(self, bond: BondTraits) -> None:
        self._changes += 1
        self._changed[_kind(bond)] = self._changes


def _kind(bond: BondTraits) -> tuple[str, str]:
    return bond.asset_class, bond.sector
