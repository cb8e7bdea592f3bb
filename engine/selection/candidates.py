"""Who may be asked at all, and why the others may not.

The checks come in the order in which a person would ask: does it trade such bonds, is it paused, stopped, connected;
is the order too large for it; does the rule exclude it. The first that fails is the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from engine.dealers.book import DealerBook
from engine.domain.instrument import AssetClass
from engine.domain.recommendation import LeftOut, Scalar, Why
from engine.domain.rows import row


@row
@dataclass(frozen=True, slots=True)
class Candidates:
    """The dealers that may be asked, in the order of the book, and the others by reason."""

    dealers: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


@row
@dataclass(frozen=True, slots=True)
class Situation:
    """What decides who may be asked, besides the dealers' own profiles.

    `leaves` is what is left of the order, in the base currency as all limits are: `base_currency` is named with them
    where the order is in another one. `sessions_up` gives those of some sessions that are up. `closed` says until
    when a session is closed, empty for one that is open; None where no session has hours. `stopped` gives the kill
    switch that is on for a dealer, empty for none; None while no switch is on. `paused` are the dealers that a person
    has paused, with who and why; None while there is none. `rooms` is the most that credit limits leave for one
    request, of dealers that have one. `consider` gives None for a dealer that meets the rule's condition, else the
    values it was judged by, read from `considered_by`; it is None where the rule has no condition.
    """

    asset_class: AssetClass
    leaves: Decimal
    sessions_up: Callable[[tuple[str, ...]], frozenset[str]]
    closed: Callable[[str], str] | None
    stopped: Callable[[str], str] | None
    rule: str
    never: frozenset[str]
    consider: Callable[[str], tuple[Scalar, ...] | None] | None = None
    condition: str = ""
    considered_by: tuple[str, ...] = ()
    paused: Mapping[str, str] | None = None
    rooms: Mapping[str, Decimal] | None = None
    base_currency: str = ""


def candidates(book: DealerBook, now: Situation) -> Candidates:
    """Everybody that may be asked. 1,000 dealers: some 60 us, half of it where the same sessions are up as before."""
    willing = book.willing(now.asset_class)
    names = willing.names
    left: list[LeftOut] = []
    if willing.other_class:
        left.append(LeftOut(Why.other_class, willing.other_class, (now.asset_class.value,)))
    if willing.paused:
        left.append(LeftOut(Why.paused, willing.paused))
    if now.paused:
        by_people = tuple([name for name in names if name in now.paused])
        names = tuple([name for name in names if name not in now.paused])
        if by_people:
            left.append(LeftOut(Why.paused, by_people, each=tuple([now.paused[name] for name in by_people])))
    if now.stopped is not None:
        names = _not_stopped(names, now.stopped, left)
    up = now.sessions_up(willing.sessions)
    if len(up) < len(willing.sessions):
        names = _reachable(names, willing.session_of, up, now.closed, left)
    named = (now.base_currency,) if now.base_currency else ()
    too_large = {name: limit for name, limit in willing.limits if now.leaves > limit}
    if too_large:
        small = [name for name in names if name in too_large]
        names = tuple([name for name in names if name not in too_large])
        if small:
            left.append(
                LeftOut(Why.too_large, tuple(small), named, each=tuple([str(too_large[name]) for name in small]))
            )
    if now.rooms:
        rooms, leaves = now.rooms, now.leaves
        beyond = [name for name in names if name in rooms and leaves > rooms[name]]
        if beyond:
            names = tuple([name for name in names if name not in rooms or leaves <= rooms[name]])
            left.append(LeftOut(Why.credit, tuple(beyond), named, each=tuple([str(rooms[name]) for name in beyond])))
    if now.never:
        excluded = tuple([name for name in names if name in now.never])
        names = tuple([name for name in names if name not in now.never])
        if excluded:
            left.append(LeftOut(Why.rule_never, excluded, (now.rule,)))
    if now.consider is not None:
        names = _considered(names, now, now.consider, left)
    return Candidates(names, tuple(left))


def _not_stopped(names: tuple[str, ...], stopped: Callable[[str], str], left: list[LeftOut]) -> tuple[str, ...]:
    by_scope: dict[str, list[str]] = {}
    kept: list[str] = []
    for name in names:
        scope = stopped(name)
        if scope:
            by_scope.setdefault(scope, []).append(name)
        else:
            kept.append(name)
    left += [LeftOut(Why.killed, tuple(dealers), (scope,)) for scope, dealers in by_scope.items()]
    return tuple(kept)


def _reachable(
    names: tuple[str, ...],
    session_of: Mapping[str, str],
    up: frozenset[str],
    closed: Callable[[str], str] | None,
    left: list[LeftOut],
) -> tuple[str, ...]:
    near, away = _parted(names, tuple(map(session_of.__getitem__, names)), up)
    by_hours: dict[tuple[str, str], list[str]] = {}
    down: list[str] = []
    for name in away:
        until = closed(session_of[name]) if closed is not None else ""
        if until:
            by_hours.setdefault((session_of[name], until), []).append(name)
        else:
            down.append(name)
    if down:
        left.append(LeftOut(Why.down, tuple(down), each=tuple([session_of[name] for name in down])))
    left += [LeftOut(Why.closed, tuple(dealers), facts) for facts, dealers in by_hours.items()]
    return near


@lru_cache(maxsize=16)
def _parted(
    names: tuple[str, ...], sessions: tuple[str, ...], up: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(those that can be reached, those that cannot), the same for many orders. `sessions` are beside the names."""
    near = tuple([name for name, session in zip(names, sessions, strict=True) if session in up])
    return near, tuple([name for name, session in zip(names, sessions, strict=True) if session not in up])


def _considered(
    names: tuple[str, ...],
    now: Situation,
    consider: Callable[[str], tuple[Scalar, ...] | None],
    left: list[LeftOut],
) -> tuple[str, ...]:
    kept: list[str] = []
    others: list[str] = []
    read: list[tuple[Scalar, ...]] = []
    for name in names:
        judged_by = consider(name)
        if judged_by is None:
            kept.append(name)
        else:
            others.append(name)
            read.append(judged_by)
    if others:
        facts = (now.condition,)
        left.append(LeftOut(Why.not_considered, tuple(others), facts, (), now.considered_by, tuple(read)))
    return tuple(kept)
