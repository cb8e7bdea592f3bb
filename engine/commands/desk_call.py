"""One command being carried out: who asked for what, on which draft, beside which sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.commands.parameters import did_you_mean
from engine.dealers.book import Dealer
from engine.desk.draft import Draft
from engine.domain.order import Order
from engine.errors import CommandError

RANKS = {"viewer": 0, "trader": 1, "operator": 2}
"""What a role may do includes what the ones before it may; a feed delivers data and may do none of it."""
FEED = "feed"
"""The role of programs that deliver data. What needs it an operator may do as well, a trader may not."""


class SessionsView(Protocol):
    """The sessions beside the desk, as far as the desk looks at them; `session_commands` shows the rest."""

    def known(self) -> Mapping[str, Any]:
        """What is configured, by session key."""
        ...

    def session_up(self, key: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Call:
    """`given` holds every parameter of the command, read, defaults filled in."""

    name: str
    draft: Draft
    given: Mapping[str, Any]
    actor: str
    role: str
    sessions: SessionsView

    @property
    def by(self) -> str:
        """Who, as events name a person."""
        return f"person:{self.actor}"

    def need(self, role: str, what: str) -> None:
        """Raises CommandError (code `role`) unless the caller may do what `role` may."""
        need(self.role, role, what, self.actor)

    def order(self, param: str = "order") -> Order:
        """The order that a parameter names: O-000012, or 12 for short."""
        word: str = self.given[param]
        key = f"O-{int(word):06d}" if word.isascii() and word.isdigit() else word.upper()
        order = self.draft.state.orders.get(key)
        if order is None:
            raise CommandError(f"no order {word}: 'orders' lists them", code="unknown")
        return order

    def dealer(self, name: str) -> Dealer:
        """Raises CommandError (code `unknown`) naming the nearest."""
        dealer = self.draft.desk.dealers.get(name)
        if dealer is None:
            known = self.draft.desk.dealers.ids
            near = did_you_mean(name, known) or f": known are {', '.join(known)}"
            raise CommandError(f"no dealer '{name}'{near}", code="unknown")
        return dealer


def need(role: str, least: str, what: str, actor: str) -> None:
    """Raises CommandError (code `role`) unless `role` may do what `least` may."""
    may = role in (FEED, "operator") if least == FEED else RANKS.get(role, -1) >= RANKS[least]
    if not may:
        raise CommandError(f"{what} needs role {least}; {actor} is {role}", code="role")
