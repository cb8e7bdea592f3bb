"""Keys that name something of a kind: a timer, and what a kill switch stops. Values, with one spelling each.

The spelling, `kind:name`, is that of the journal, the admin socket and the logs. Nobody else puts one together or takes
one apart.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, Self


class TimerKind(StrEnum):
    """What looks at its deadline when the timer wakes: a session, its hours, or something open at the desk."""

    session = "session"
    schedule = "schedule"
    rfq = "rfq"
    placement = "placement"
    order = "order"
    reversion = "reversion"
    marks = "marks"
    waiting = "waiting"
    quarantine = "quarantine"


class Timer(NamedTuple):
    """Whose deadline it is: `ident` is a session's key, or names a round, an acceptance, an order or a fill.
    `quarantine` is of a fill there whose dealer waits to be told that we do not know it.

    `marks` are those that follow a round or a fill. `waiting` are all orders that nobody could be asked for: no name.
    """

    kind: TimerKind
    ident: str

    def __str__(self) -> str:
        return f"{self.kind._value_}:{self.ident}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for a kind that there is not."""
        kind, _, ident = text.partition(":")
        return cls(TimerKind(kind), ident)

    @property
    def of_a_session(self) -> bool:
        """Is it the session's own, and none of the desk's?"""
        return self.kind in (TimerKind.session, TimerKind.schedule)


class ScopeKind(StrEnum):
    everything = "all"
    dealer = "dealer"
    account = "account"
    file = "file"
    """A file that is broken: rules stop acting by themselves, and no person throws this switch."""


class Scope(NamedTuple):
    """What a kill switch stops."""

    kind: ScopeKind
    name: str = ""
    """The dealer, the account or the kind of file; empty for everything."""

    def __str__(self) -> str:
        return f"{self.kind._value_}:{self.name}" if self.name else self.kind._value_

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is none: `all`, `dealer:NAME`, `account:NAME` or `file:KIND`."""
        kind, _, name = text.partition(":")
        scope = cls(ScopeKind(kind), name)
        if (scope.kind is ScopeKind.everything) is bool(name):
            raise ValueError(f"no scope of a kill switch: {text!r}")
        return scope

    def holds(self, dealer: str, account: str) -> bool:
        """Does it stop this dealer on this account's orders?"""
        if self.kind is ScopeKind.everything:
            return True
        if self.kind is ScopeKind.dealer:
            return self.name == dealer
        return self.kind is ScopeKind.account and self.name == account


def scopes_of(dealer: str, account: str) -> tuple[Scope, ...]:
    """Every scope that stops this dealer on this account's orders."""
    return (_EVERYTHING, Scope(ScopeKind.dealer, dealer), Scope(ScopeKind.account, account))


_EVERYTHING: Final = Scope(ScopeKind.everything)

KEYS: Final = (Timer, Scope)
"""What the journal keeps as text, by `str` and `parse`."""
