"""Who the dealers are: what the desk agreed with each, how it is reached, what it is good for.

Owns the static profile, one `Dealer` per dealer and a `DealerBook` to look them up in. What dealers did is
`stats`; what they advertise is `axes`; how a dealer's messages differ is its session's dialect; reading `dealers.toml`
is configuration.

A dealer is addressed by (session, route): a hub's one session reaches many dealers, told apart by route.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.domain.instrument import AssetClass
from engine.errors import ConfigError


class Accept(StrEnum):
    """How a quote is accepted."""

    ORDER = "order"  # NewOrderSingle(D), OrdType(40)=D
    RESPONSE = "response"  # QuoteResponse(AJ), QuoteRespType(694)=1


class Undelivered(StrEnum):
    """What is done about a message in doubt, of which there is evidence that it did not arrive."""

    ASK = "ask"  # OrderStatusRequest(H), or QuoteStatusRequest(a); then a person
    PERSON = "person"
    RETRY = "retry"


class QuantityUnit(StrEnum):
    """What OrderQty(38) counts at the dealer; inside the engine it is always face amount."""

    FACE = "face"
    BONDS_1000 = "bonds_1000"  # bonds of 1,000 face


class LoserNotice(StrEnum):
    """What a dealer whose quote was not taken is told by QuoteResponse(AJ), least informative first."""

    NONE = "none"
    END_TRADE = "end_trade"  # QuoteRespType(694)=7, FIX 5.0 SP2
    PASS = "pass"  # 694=6
    DONE_AWAY = "done_away"  # 694=5
    COVER = "cover"  # 694=4: it was second best


@dataclass(frozen=True, slots=True)
class TradingDesk:
    """One desk of a dealer's, and which of the dealer's asset classes it trades; without any it trades all of them."""

    name: str
    asset_classes: tuple[AssetClass, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to call: at one desk of the dealer's if `desk` names it, for some asset classes if there are any."""

    name: str
    desk: str | None = None
    asset_classes: tuple[AssetClass, ...] = ()
    email: str | None = None
    phone: str | None = None
    chat: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """A legal agreement with a dealer. `begins` and `ends` are the first and the last day; None is without end."""

    kind: str
    begins: datetime.date | None = None
    ends: datetime.date | None = None
    reference: str | None = None
    note: str | None = None

    def in_force(self, day: datetime.date) -> bool:
        """Has it begun by that day, and not ended before it?"""
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """One dealer's profile.

    `legal_name` is that of the entity of the LEI, None where it is `name`. `route` is empty where the session is the
    dealer's own, else how the hub knows it. `asset_classes` is what it may be asked for, `specialties` what it is known
    to be good at. `notional_max` is face in one request, in the book's base currency; None is no limit of the dealer's
    own. `firm_time_s` is the life of a quote that names none; None leaves such a quote to a person. A `paused` dealer
    is not asked; what is open with it goes on.
    """

    id: str
    name: str
    lei: str
    session: str
    route: str = ""
    legal_name: str | None = None
    desks: tuple[TradingDesk, ...] = ()
    contacts: tuple[Contact, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    notes: tuple[str, ...] = ()
    asset_classes: tuple[AssetClass, ...]
    specialties: tuple[str, ...] = ()
    notional_max: Decimal | None = None
    firm_time_s: float | None = None
    accept: Accept = Accept.ORDER
    undelivered: Undelivered = Undelivered.ASK
    quantity_unit: QuantityUnit = QuantityUnit.FACE
    loser_notice: LoserNotice = LoserNotice.NONE
    paused: bool = False

    def __post_init__(self) -> None:
        if not self.id or not self.id.isprintable():
            raise ConfigError(f"a dealer's id is a printable word, found {self.id!r}")
        if self.firm_time_s is not None and not self.firm_time_s > 0:
            raise ConfigError(f"dealer {self.id}: firm_time_s is {self.firm_time_s}, expected more than 0")

    def trades(self, asset_class: AssetClass) -> bool:
        """True if it may be asked for bonds of the class."""
        return asset_class in self.asset_classes

    def agreements_on(self, day: datetime.date) -> tuple[str, ...]:
        """The kinds of the agreements that are in force on that day, each once."""
        return tuple(dict.fromkeys(each.kind for each in self.agreements if each.in_force(day)))


@dataclass(frozen=True, slots=True)
class Willing:
    """The dealers of a book that may be asked for an asset class as far as their profiles say, and the others.

    `sessions` are those that reach them, each once; `limits` are the largest requests of those that have one.
    """

    names: tuple[str, ...]
    sessions: tuple[str, ...]
    session_of: Mapping[str, str]
    limits: tuple[tuple[str, Decimal], ...]
    other_class: tuple[str, ...]
    paused: tuple[str, ...]


class DealerBook:
    """All dealers, in the order of their ids. Replaced as a whole when the configuration changes.

    Raises ConfigError for two dealers of one id, or one address.
    """

    __slots__ = ("_by_address", "_by_id", "_by_session", "_willing")

    def __init__(self, dealers: Iterable[Dealer]) -> None:
        self._by_id: dict[str, Dealer] = {}
        self._by_address: dict[tuple[str, str], Dealer] = {}
        self._by_session: dict[str, tuple[Dealer, ...]] = {}
        self._willing: dict[AssetClass, Willing] = {}
        for dealer in sorted(dealers, key=lambda each: each.id):
            if dealer.id in self._by_id:
                raise ConfigError(f"dealer {dealer.id} is listed twice")
            self._by_id[dealer.id] = dealer
            other = self._by_address.get((dealer.session, dealer.route))
            if other is not None:
                raise ConfigError(
                    f"dealers {other.id} and {dealer.id} have one address: session {dealer.session!r}, "
                    f"route {dealer.route!r}"
                )
            self._by_address[dealer.session, dealer.route] = dealer
            self._by_session[dealer.session] = (*self._by_session.get(dealer.session, ()), dealer)

    def __iter__(self) -> Iterator[Dealer]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, dealer_id: object) -> bool:
        return dealer_id in self._by_id

    def __getitem__(self, dealer_id: str) -> Dealer:
        return self._by_id[dealer_id]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every dealer's id, in order."""
        return tuple(self._by_id)

    def get(self, dealer_id: str) -> Dealer | None:
        """The dealer of that id; None if there is none."""
        return self._by_id.get(dealer_id)

    def on_session(self, session: str) -> tuple[Dealer, ...]:
        """All dealers that a session reaches."""
        return self._by_session.get(session, ())

    def addressed(self, session: str, route: str = "") -> Dealer | None:
        """The dealer that an inbound message on `session` is from.

        `route` is what the message names (OnBehalfOfCompID(115), or a Party), empty if nothing.
        """
        return self._by_address.get((session, route))

    def willing(self, asset_class: AssetClass) -> Willing:
        """Those that trade the class and are not paused, and why the others are not among them. Made once."""
        found = self._willing.get(asset_class)
        if found is None:
            trading = [dealer for dealer in self if dealer.trades(asset_class)]
            able = [dealer for dealer in trading if not dealer.paused]
            found = self._willing[asset_class] = Willing(
                names=tuple(dealer.id for dealer in able),
                sessions=tuple(dict.fromkeys(dealer.session for dealer in able)),
                session_of={dealer.id: dealer.session for dealer in able},
                limits=tuple((dealer.id, dealer.notional_max) for dealer in able if dealer.notional_max is not None),
                other_class=tuple(dealer.id for dealer in self if not dealer.trades(asset_class)),
                paused=tuple(dealer.id for dealer in trading if dealer.paused),
            )
        return found
