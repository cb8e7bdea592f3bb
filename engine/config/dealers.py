"""config/dealers.toml: what is known of each dealer before the first request.

Everything learned from dealing is in the journal; this is the static half of a dealer's profile, and
the dialect of its session.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

from engine.config.reading import matches, setting
from engine.dealers.book import Accept, Dealer, LoserNotice, QuantityUnit, Undelivered
from engine.domain.instrument import AssetClass


def lei_problem(text: str) -> str | None:
    """Says what was expected if `text` is no LEI (ISO 17442: 18 characters, two check digits, mod 97)."""
    if len(text) == 20 and text.isascii() and text.isalnum() and text == text.upper() and text[18:].isdigit():
        if int("".join(str(int(character, 36)) for character in text)) % 97 == 1:
            return None
        return "an LEI whose check digits (the last two) fit"
    return "an LEI of 20 capital letters and digits"


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
    desk: str | None = setting(None)
    contact: str | None = setting(None)
    agreements: tuple[str, ...] = setting(())
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
        return Dealer(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Dealer)})


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
    return problems
