"""config/dealers.toml: what is known of each dealer before the first request.

Everything learned from dealing is in the journal; this is the static half of a dealer's profile, and
the dialect of its session.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from engine.config.reading import matches, setting
from engine.dealers.book import (
    Accept,
    Agreement,
    Contact,
    Dealer,
    LoserNotice,
    QuantityUnit,
    TradingDesk,
    Undelivered,
)
from engine.domain.instrument import AssetClass


def lei_problem(text: str) -> str | None:
    """Says what was expected if `text` is no LEI (ISO 17442: 18 characters, two check digits, mod 97)."""
    if len(text) == 20 and text.isascii() and text.isalnum() and text == text.upper() and text[18:].isdigit():
        if int("".join(str(int(character, 36)) for character in text)) % 97 == 1:
            return None
        return "an LEI whose check digits (the last two) fit"
    return "an LEI of 20 capital letters and digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskConfig:
    """[[dealer.desk]]: one of the dealer's desks. A plain text is a desk of that name."""

    STANDS_FOR: ClassVar[str] = "name"

    name: str = setting()
    asset_classes: tuple[AssetClass, ...] = setting(())
    note: str | None = setting(None)

    def profile(self) -> TradingDesk:
        return TradingDesk(**_values(self, TradingDesk))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactConfig:
    """[[dealer.contact]]: somebody to call. A plain text is a contact of that name."""

    STANDS_FOR: ClassVar[str] = "name"

    name: str = setting()
    desk: str | None = setting(None)
    asset_classes: tuple[AssetClass, ...] = setting(())
    email: str | None = setting(None, check=matches(r"[^@\s]+@[^@\s]+", "an e-mail address"))
    phone: str | None = setting(
        None, check=matches(r"\+?[0-9][0-9 ()./-]{2,30}", "a phone number: digits, blanks, '+' first")
    )
    chat: str | None = setting(None)
    note: str | None = setting(None)

    def profile(self) -> Contact:
        return Contact(**_values(self, Contact))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementConfig:
    """[[dealer.agreements]]: a legal agreement. A plain text is one of that kind without dates."""

    STANDS_FOR: ClassVar[str] = "kind"

    kind: str = setting()
    begins: datetime.date | None = setting(None)
    ends: datetime.date | None = setting(None)
    reference: str | None = setting(None)
    note: str | None = setting(None)

    def profile(self) -> Agreement:
        return Agreement(**_values(self, Agreement))


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerConfig:
    """One dealer, addressed by (session, route)."""

    id: str = setting(
        check=matches(r"[a-z][a-z0-9_-]{0,31}", "lower-case letters, digits, '-' and '_', a letter first")
    )
    name: str = setting()
    lei: str = setting(check=lei_problem)
    session: str = setting()
    route: str = setting("", empty=True)
    legal_name: str | None = setting(None)
    desk: tuple[DeskConfig, ...] = setting(())
    contact: tuple[ContactConfig, ...] = setting(())
    agreements: tuple[AgreementConfig, ...] = setting(())
    notes: tuple[str, ...] = setting(())
    asset_classes: tuple[AssetClass, ...] = setting()
    specialties: tuple[str, ...] = setting(())
    notional_max: Decimal | None = setting(None, above=0)
    firm_time_s: float | None = setting(None, above=0, at_most=86_400)
    accept: Accept = setting(Accept.ORDER)
    undelivered: Undelivered = setting(Undelivered.ASK)
    quantity_unit: QuantityUnit = setting(QuantityUnit.FACE)
    loser_notice: LoserNotice = setting(LoserNotice.NONE)
    paused: bool = setting(False)

    def profile(self) -> Dealer:
        """The same in the desk's own words."""
        return Dealer(
            **{
                **_values(self, Dealer),
                "desks": tuple(each.profile() for each in self.desk),
                "contacts": tuple(each.profile() for each in self.contact),
                "agreements": tuple(each.profile() for each in self.agreements),
            }
        )


def _values(config: object, profile: type) -> dict[str, Any]:
    """What the file says of those fields of a profile that have the same name in both."""
    names = [field.name for field in dataclasses.fields(profile)]
    return {name: getattr(config, name) for name in names if hasattr(config, name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DealersFile:
    """The whole file: [[dealer]] tables."""

    dealer: tuple[DealerConfig, ...] = setting(())


def dealers_problems(dealers: tuple[DealerConfig, ...], dealer_sessions: tuple[str, ...]) -> list[tuple[str, str]]:
    """What is wrong between dealers, and between them and the sessions of role 'dealer'.

    A dealer is addressed by (session, route), so two of them cannot share both.
    """
    problems: list[tuple[str, str]] = []
    ids: set[str] = set()
    places: dict[tuple[str, str], str] = {}
    for dealer in dealers:
        where = f"dealer[{dealer.id}]"
        if dealer.id in ids:
            problems.append((f"{where}.id", "a second dealer of this id"))
        ids.add(dealer.id)
        if dealer.session not in dealer_sessions:
            known = ", ".join(f"'{session}'" for session in dealer_sessions) or "there is none"
            problems.append(
                (
                    f"{where}.session",
                    f"expected the key of a session of role 'dealer' ({known}), found '{dealer.session}'",
                )
            )
        other = places.setdefault((dealer.session, dealer.route), dealer.id)
        if other != dealer.id:
            problems.append(
                (f"{where}.route", f"the same session and route as dealer '{other}': one of them needs another")
            )
        if not dealer.asset_classes:
            problems.append((f"{where}.asset_classes", "expected at least one asset class, found an empty list"))
        problems.extend((f"{where}.{key}", text) for key, text in _of_profile(dealer))
    return problems


def _of_profile(dealer: DealerConfig) -> Iterator[tuple[str, str]]:
    """What is wrong between the parts of one dealer's profile: where, and what."""
    desks: set[str] = set()
    for desk in dealer.desk:
        if desk.name in desks:
            yield f"desk[{desk.name}]", "a second desk of this name"
        desks.add(desk.name)
        yield from _beyond(f"desk[{desk.name}]", desk.asset_classes, dealer)
    people: set[tuple[str, str | None]] = set()
    for contact in dealer.contact:
        where = f"contact[{contact.name}]"
        if (contact.name, contact.desk) in people:
            yield where, "a second contact of this name" + (f" at desk '{contact.desk}'" if contact.desk else "")
        people.add((contact.name, contact.desk))
        if contact.desk is not None and contact.desk not in desks:
            known = ", ".join(f"'{name}'" for name in sorted(desks)) or "there is none"
            yield f"{where}.desk", f"expected the name of a [[dealer.desk]] ({known}), found '{contact.desk}'"
        yield from _beyond(where, contact.asset_classes, dealer)
    for agreement in dealer.agreements:
        if agreement.begins is not None and agreement.ends is not None and agreement.ends < agreement.begins:
            text = f"expected a day from begins ({agreement.begins}) on, found {agreement.ends}"
            yield f"agreements[{agreement.kind}].ends", text


def _beyond(where: str, asset_classes: tuple[AssetClass, ...], dealer: DealerConfig) -> Iterator[tuple[str, str]]:
    for each in asset_classes:
        if each not in dealer.asset_classes:
            known = ", ".join(f"'{known}'" for known in dealer.asset_classes)
            yield f"{where}.asset_classes", f"expected some of the dealer's own ({known}), found '{each}'"
