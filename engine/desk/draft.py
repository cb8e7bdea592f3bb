"""A decision being made: events recorded on a draft of the state, and what will be said once they are durable.

Nothing here touches the live state. A draft that is dropped leaves no trace; one that is kept becomes a turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from engine.clock import Instant
from engine.desk.apply import apply
from engine.desk.classic_lessons import lessons
from engine.desk.past.lessons import Lesson
from engine.desk.setting import Desk
from engine.desk.state import DeskState
from engine.domain.events import Event
from engine.domain.exchange import Rate, RateUsed
from engine.domain.keys import Scope, Timer
from engine.domain.messages import AcceptQuote, AskDealer, DontKnowTrade, Said
from engine.domain.order import MarkUsed
from engine.domain.rfq import Rfq
from engine.market import rates
from engine.market.hearing import Heard
from engine.market.marks import grown_bps, sd_bps
from engine.market.rates import NoRate


class Delivery(StrEnum):
    """What an outbox message may do when it did not arrive."""

    at_most_once = "ask"
    """R, D and Q: never leaves twice; gap-filled in a resend, and the desk hears of it."""
    afresh = "afresh"
    """F, H and V: gap-filled in a resend and issued anew while still wanted."""
    at_least_once = "report"
    """8, 9 and j: sent again, across resets too."""


class Send(NamedTuple):
    """One message for the outbox. `event` is the index of the event that explains it, -1 for none."""

    outbox_id: int
    session: str
    said: Said
    delivery: Delivery
    event: int
    not_after_ns: int | None = None
    kill_scopes: tuple[Scope, ...] = ()
    """Kill switches that stop it even after its commit."""
    copy: bool = False
    follows: int = 0
    """The outbox number of the acceptance that it is about: where that never left, this must not either."""


_ONE: Final = Decimal(1)
GATE_KEY: Final = object()
"""Only `desk.gate.risk` may name it."""


@dataclass(frozen=True, slots=True, init=False)
class Cleared:
    """The one type that can go to a dealer as R or D: a message that passed the gate. `not_after_ns` is UTC."""

    said: AskDealer | AcceptQuote
    session: str
    not_after_ns: int
    kill_scopes: tuple[Scope, ...]

    def __init__(
        self,
        gate: object,
        said: AskDealer | AcceptQuote,
        session: str,
        not_after_ns: int,
        kill_scopes: tuple[Scope, ...],
    ) -> None:
        if gate is not GATE_KEY:
            raise TypeError("only engine.desk.gate.risk clears a message for a dealer")
        object.__setattr__(self, "said", said)
        object.__setattr__(self, "session", session)
        object.__setattr__(self, "not_after_ns", not_after_ns)
        object.__setattr__(self, "kill_scopes", kill_scopes)


class Page(NamedTuple):
    """A person must act: said beside events, behind the first `behind` events of the turn."""

    behind: int
    body: Mapping[str, Any]


class SessionsUp(Protocol):
    """Which sessions are up, as far as the turn has come."""

    def __call__(self, key: str) -> bool: ...

    def among(self, keys: tuple[str, ...]) -> frozenset[str]:
        """Those of these that are up."""
        ...


class AskedOneByOne:
    """Which sessions are up, for whoever knows it of each."""

    __slots__ = ("_session_up",)

    def __init__(self, session_up: Callable[[str], bool]) -> None:
        self._session_up = session_up

    def __call__(self, key: str) -> bool:
        return self._session_up(key)

    def among(self, keys: tuple[str, ...]) -> frozenset[str]:
        return frozenset(filter(self._session_up, keys))


@dataclass(slots=True, init=False)
class Draft:
    desk: Desk
    now: Instant
    entropy: bytes
    outbox_id: int
    """The last outbox number given out."""
    session_up: SessionsUp
    state: DeskState
    now_ns: int
    """UTC: asked for some forty times by an order."""
    events: list[Event]
    lessons: Sequence[Lesson]
    """What the events teach about dealers."""
    sends: list[Send]
    pages: Sequence[Page]
    heard: Sequence[Heard]
    """Prices and trades: the tape, no part of the fold."""
    touched: dict[Timer, None]
    """Keys of the timers to look at again, in order."""
    _drawn: int

    def __init__(
        self,
        desk: Desk,
        now: Instant,
        entropy: bytes,
        outbox_id: int,
        session_up: SessionsUp,
        state: DeskState,
    ) -> None:
        # Written out: every message makes one, and default factories take twice as long.
        self.desk = desk
        self.now = now
        self.entropy = entropy
        self.outbox_id = outbox_id
        self.session_up = session_up
        self.state = state
        self.now_ns = now.utc_ns
        self.events = []
        self.sends = []
        self.lessons = self.pages = self.heard = ()
        self.touched = {}
        self._drawn = 0

    def session_trouble(self, key: str) -> str:
        """Why nothing can go over this session now, in words; empty when it can."""
        if self.session_up(key):
            return ""
        return f"session {key} is {self.desk.closed(key, self.now_ns) or 'not logged on'}"

    def mark_of(self, security_id: str) -> MarkUsed | None:
        """The best price known now, None when it is too old or there is none."""
        desk, now_ns = self.desk, self.now_ns
        known = desk.appraisal.parameters
        mark = desk.marks.best(security_id, now_ns, desk.clocks.mark_age_ns_max, known.age_ns_max)
        if mark is None:
            return None
        age_ns = max(0, now_ns - mark.utc_ns)
        sd = sd_bps(mark, age_ns, self._volatility_bps(security_id), known.errors)
        return MarkUsed(mark.price, mark.source, age_ns, mark.quality.value, sd)

    def _volatility_bps(self, security_id: str) -> float | None:
        found = self.desk.appraisal.volatility(security_id, self.now_ns)
        return None if found is None else found.bps

    def index_of(self, segment: str) -> Decimal | None:
        """The level of the segment's benchmark now, None where it has none or the level is not known."""
        benchmark = self.desk.appraisal.parameters.benchmarks.get(segment.partition("|")[0])
        mark = None if benchmark is None else self.mark_of(benchmark)
        return None if mark is None else mark.price

    def fair_of(self, rfq: Rfq) -> MarkUsed | None:
        """What a round's bond is worth: what its quotes are judged by, tolerances and the collar are held against.

        The mark now, else the one that the round was opened with while it is no older than a mark may be.
        """
        security_id, then = self.state.orders[rfq.order_id].terms.security_id, rfq.fair
        now = self.mark_of(security_id)
        if now is not None or then is None:
            return now
        known, since_ns = self.desk.appraisal.parameters, self.now_ns - rfq.opened_ns
        age_ns = then.age_ns + since_ns
        if age_ns > known.age_ns_max.get(then.source, self.desk.clocks.mark_age_ns_max):
            return None
        sd = then.sd_bps
        if sd is not None:
            sd = grown_bps(sd, since_ns, self._volatility_bps(security_id), known.errors)
        return replace(then, age_ns=age_ns, sd_bps=sd)

    def rate_of(self, currency: str) -> RateUsed | NoRate | None:
        """What one unit of a currency is worth in the base currency now; None of the base currency itself."""
        desk = self.desk
        if currency == desk.base_currency:
            return None
        told = self.rates_told(f"{currency}/{desk.base_currency}")
        return rates.rate_used(currency, desk.base_currency, told, self.now_ns, desk.rate_limits)

    def worth_of(self, currency: str) -> Decimal | None:
        """The same as a number, 1 of the base currency itself; None where nobody knows."""
        rate = self.rate_of(currency)
        if rate is None:
            return _ONE
        return None if isinstance(rate, NoRate) else rate.worth

    def rates_told(self, pair: str) -> list[Rate]:
        """Every source's latest of both currencies, the file's among them."""
        filed = self.desk.filed_rates.of(pair)
        told = self.state.rates_of(pair)
        return told if filed is None else [*told, filed]

    def record(self, event: Event) -> None:
        apply(self.state, event)
        self.events.append(event)
        learnt = lessons(self.state, event)
        if learnt:
            self.lessons = [*self.lessons, *learnt]

    def scratch(self) -> Draft:
        """A draft over this one, to see what would come of something; nothing of it is kept."""
        return Draft(self.desk, self.now, self.entropy, self.outbox_id, self.session_up, DeskState(below=self.state))

    def fresh_id(self, length: int = 16) -> str:
        """An unguessable identifier from the turn's entropy: nothing in it tells of others or of order."""
        self._drawn += 1
        return hashlib.blake2b(self._drawn.to_bytes(4, "big"), key=self.entropy, digest_size=16).hexdigest()[:length]

    def next_outbox_id(self) -> int:
        """The number the next `Send` will get, for the event that has to name it."""
        return self.outbox_id + 1

    def send_cleared(self, cleared: Cleared) -> None:
        """Give a request or an acceptance that passed the gate to the outbox."""
        self._send(cleared.session, cleared.said, Delivery.at_most_once, cleared.not_after_ns, cleared.kill_scopes)

    def send(self, session: str, said: Said, delivery: Delivery, *, copy: bool = False, follows: int = 0) -> None:
        """Give anything else to the outbox; `follows` is the acceptance that it is about."""
        assert type(said) not in _THROUGH_THE_GATE, "a request or an acceptance goes through the risk gate"
        self._send(session, said, delivery, None, (), copy, follows)

    def send_until(self, session: str, said: DontKnowTrade, not_after_ns: int) -> None:
        """What leaves once, and only up to a time, and is no request of ours: whatever is killed, it goes."""
        self._send(session, said, Delivery.at_most_once, not_after_ns, ())

    def _send(
        self,
        session: str,
        said: Said,
        delivery: Delivery,
        not_after_ns: int | None,
        kill_scopes: tuple[Scope, ...],
        copy: bool = False,
        follows: int = 0,
    ) -> None:
        self.outbox_id += 1
        event = len(self.events) - 1
        columns = (self.outbox_id, session, said, delivery, event, not_after_ns, kill_scopes, copy, follows)
        self.sends.append(_made(Send, columns))

    def page(self, what: str, **body: Any) -> None:
        """Call a person. Whatever else people are told is made from events: see `desk.notices`."""
        self.pages = [*self.pages, Page(len(self.events), {"what": what, **body})]

    def hear(self, *heard: Heard) -> None:
        """Keep prices and trades: the tape, no part of the fold."""
        self.heard = [*self.heard, *heard]

    def wake(self, key: Timer) -> None:
        """Look at this timer's deadline again once the turn is applied."""
        self.touched[key] = None


_THROUGH_THE_GATE: Final = (AskDealer, AcceptQuote)
_made: Any = tuple.__new__  # In half the time that a constructor takes.
