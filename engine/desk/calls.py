"""One command being carried out: who asked for what, on which draft, beside which sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.dealers.book import Dealer
from engine.desk.draft import Draft
from engine.desk.parameters import Param, did_you_mean
from engine.domain.order import Order
from engine.errors import CommandError

RANKS = {"viewer": 0, "trader": 1, "operator": 2}
"""What a role may do includes what the ones before it may; a feed delivers data and may do none of it."""


class SessionView(Protocol):
    """What a list of sessions shows of a session's state."""

    @property
    def phase(self) -> StrEnum: ...
    @property
    def epoch(self) -> int: ...
    @property
    def next_in(self) -> int: ...
    @property
    def next_out(self) -> int: ...
    @property
    def resending(self) -> bool: ...
    @property
    def ending(self) -> object | None: ...


class SettingsView(Protocol):
    """What it shows of what was agreed."""

    @property
    def role(self) -> str: ...
    @property
    def sender_comp_id(self) -> str: ...
    @property
    def target_comp_id(self) -> str: ...
    @property
    def initiator(self) -> bool: ...


class MachineView(Protocol):
    """The sessions beside the desk, as far as people look at them."""

    @property
    def sessions(self) -> Mapping[str, SessionView]: ...
    @property
    def settings(self) -> Mapping[str, SettingsView]: ...
    @property
    def waiting(self) -> Mapping[str, Sequence[object]]: ...
    @property
    def confirmed(self) -> Mapping[str, tuple[int, int]]: ...
    @property
    def peer_expects(self) -> Mapping[str, int]: ...
    @property
    def disabled(self) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """`given` holds every parameter of the command, read, defaults filled in."""

    name: str
    draft: Draft
    given: Mapping[str, Any]
    actor: str
    role: str
    machine: MachineView

    @property
    def by(self) -> str:
        """Who, as events name a person."""
        return f"person:{self.actor}"

    def need(self, role: str, what: str) -> None:
        """Raises CommandError (code `role`) unless the caller may do what `role` may."""
        if RANKS.get(self.role, -1) < RANKS[role]:
            raise CommandError(f"{what} needs role {role}; {self.actor} is {self.role}", code="role")

    def order(self) -> Order:
        """The order that parameter `order` names: O-000012, or 12 for short."""
        word: str = self.given["order"]
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


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One entry of the table of commands; `role` is the least that may give it."""

    name: str
    role: str
    handler: Handler
    doc: str
    params: tuple[Param, ...] = ()
