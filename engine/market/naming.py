"""Which bond an identifier names: the one place that knows, for every message, command and feed.

Owns the look-up from SecurityIDSource(22) and SecurityID(48) to a bond's identifier here, its ISIN. A CUSIP is looked
for within the ISINs of the United States and Canada first, which hold it; then among the CUSIPs that the securities
file gives. One that two bonds claim names neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.domain.instrument import Security, is_cusip, isin_of_cusip

ISIN: Final = "4"
CUSIP: Final = "1"
_HOLD_A_CUSIP: Final = ("US", "CA")
"""Countries whose ISINs hold the bond's CUSIP."""


class Naming:
    """Names of the bonds of a mapping that goes on living: who changes a bond in it says so by `know`."""

    __slots__ = ("_by_cusip", "_securities")

    def __init__(self, securities: Mapping[str, Security]) -> None:
        self._securities = securities
        self._by_cusip: dict[str, tuple[str, ...]] = {}
        for security in securities.values():
            self._add(security)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Naming) and (self._securities, self._by_cusip) == (other._securities, other._by_cusip)

    __hash__ = None  # type: ignore[assignment]

    def bond_of(self, source: str, text: str) -> str | None:
        """The bond that `text` names under a SecurityIDSource(22): 4 is ISIN, 1 CUSIP, an empty one either."""
        if source in (ISIN, "") and text in self._securities:
            return text
        if source not in (CUSIP, ""):
            return None
        if is_cusip(text) and text.isalnum():
            for country in _HOLD_A_CUSIP:
                isin = isin_of_cusip(text, country)
                if isin in self._securities:
                    return isin
        claimed = self._by_cusip.get(text, ())
        return claimed[0] if len(claimed) == 1 else None

    def agrees(self, security_id: str, source: str, text: str) -> bool:
        """May `text` be another name of the bond? Only where nobody here can tell is it taken at its word."""
        if source == ISIN:
            return text == security_id
        named = self.bond_of(source, text)
        if named is not None:
            return named == security_id
        if not is_cusip(text):
            return False
        bond = self._securities.get(security_id)
        holds_it = security_id[:2] in _HOLD_A_CUSIP
        return bond is None or (bond.cusip is None and not holds_it)

    def know(self, security_id: str, bond: Security | None, before: Security | None) -> None:
        """The bond took the place of the one `before`; None: there is none any more."""
        if before is not None and before.cusip:
            left = tuple(each for each in self._by_cusip.get(before.cusip, ()) if each != security_id)
            if left:
                self._by_cusip[before.cusip] = left
            else:
                self._by_cusip.pop(before.cusip, None)
        if bond is not None:
            self._add(bond)

    def _add(self, bond: Security) -> None:
        if bond.cusip:
            claimed = {*self._by_cusip.get(bond.cusip, ()), bond.security_id}
            self._by_cusip[bond.cusip] = tuple(sorted(claimed))
