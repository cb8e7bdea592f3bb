"""The bond that a message names: SecurityID(48) by SecurityIDSource(22), held against its SecurityAltIDs(455).

Every flow reads its bonds by `bond_named`. Which identifiers there are is the caller's knowledge, handed in as `Names`.

Source: FIX 4.4 Volume 1, "Instrument" component; Volume 6, SecurityIDSource(22).
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from engine.fix.flows.dialect import CUSIP, ISIN
from engine.fix.wire.message import FieldView


class Names(Protocol):
    """What is known of bonds' identifiers; a source is a SecurityIDSource(22), empty where none was given."""

    def bond_of(self, source: str, text: str) -> str | None:
        """The bond's identifier here, None where nobody here knows it."""
        ...

    def agrees(self, security_id: str, source: str, text: str) -> bool:
        """May `text` be another name of that bond?"""
        ...


class _AsNamed:
    """Every identifier names a bond of its own: for whoever reads messages without bonds at hand."""

    def bond_of(self, source: str, text: str) -> str | None:
        return text

    def agrees(self, security_id: str, source: str, text: str) -> bool:
        return text == security_id


AS_NAMED: Final[Names] = _AsNamed()


class BondNamed(NamedTuple):
    """`security_id` is the bond's here; where nobody here knows it, or something is wrong, what the message has."""

    security_id: str
    problem: str = ""
    """What is wrong with how it is named, with the tag; empty where nothing is."""

    @property
    def told(self) -> str:
        """The bond, or what the message calls it and what is wrong with that: never the name of a bond by mistake."""
        return f"{self.security_id} ({self.problem})" if self.problem else self.security_id


_NO_ALTERNATES: Final = 454
_KNOWN: Final = (ISIN, CUSIP)


def bond_named(fields: FieldView, names: Names) -> BondNamed:
    """The bond of a message, or of one entry of its groups; empty where it names none.

    A SecurityIDSource(22) that is unknown here will do where a SecurityAltID(455) of a known one stands beside it.
    """
    text, source = fields.get(48) or "", fields.get(22) or ""
    entries = fields.groups(_NO_ALTERNATES)
    if not entries:
        if source == ISIN or not text:
            return BondNamed(text)
        if source and source not in _KNOWN:
            return BondNamed(text, _unknown(source, text))
        bond = names.bond_of(source, text)
        return BondNamed(bond) if bond is not None else BondNamed(text, _unknown(source, text))
    alternates = [(entry.get(456) or "", entry.get(455) or "") for entry in entries]
    readable = [(by, alternate) for by, alternate in alternates if alternate and by in _KNOWN]
    if text and (not source or source in _KNOWN):
        readable.insert(0, (source, text))
    found = next((bond for by, each in readable if (bond := names.bond_of(by, each)) is not None), None)
    if found is None:
        return BondNamed(text, _unknown(source, text) if text else "")
    for by, each in readable:
        if by and not names.agrees(found, by, each):
            return BondNamed(text, f"SecurityID(48)={text} and SecurityAltID(455) name two bonds: {found} and {each}")
    return BondNamed(found)


def _unknown(source: str, text: str) -> str:
    """What is wrong with a name that nobody knows; of an ISIN the desk says so itself."""
    if source == CUSIP:
        return f"unknown security {text!r}: no bond of the security master has this CUSIP"
    return f"SecurityIDSource(22)={source}: expected 4 (ISIN) or 1 (CUSIP)" if source not in (ISIN, "") else ""
