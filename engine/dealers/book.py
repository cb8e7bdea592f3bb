"""Who the dealers are: what the desk agreed with each, how it is reached, what it is good for.

Owns the static profile, one `Dealer` per dealer and a `DealerBook` to look them up in. What dealers did is
`stats`; how a dealer's messages differ is its session's dialect; reading `dealers.toml` is configuration.

A dealer is addressed by (session, route): a hub's one session reaches many dealers, told apart by route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.domain.instrument import AssetClass
from engine.errors import ConfigError


class RouteKind(StrEnum):
    """How a message on a session names the dealer it is for."""

    DIRECT = "direct"  # the session is the dealer's own
    DELIVER_TO = "deliver_to"  # DeliverToCompID(128) out, OnBehalfOfCompID(115) in
    PARTY = "party"  # PartyID(448) with a role by dialect
    TARGET_PARTY = "target_party"  # TargetPartyID(1462), FIX 5.0 SP2
    MANUAL = "manual"  # phone or chat: nothing goes out by itself


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
    BONDS = "bonds"  # of 1,000 face each


class LoserNotice(StrEnum):
    """What a dealer whose quote was not taken is told, least informative first."""

    NOTHING = "nothing"
    PASS = "pass"  # 694=6
    DONE_AWAY = "done_away"  # 694=5
    COVER = "cover"  # 694=4: it was second best


@dataclass(frozen=True, slots=True)
class Route:
    """How a dealer is addressed on its session; `target` is empty for DIRECT and MANUAL."""

    kind: RouteKind = RouteKind.DIRECT
    target: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.target}" if self.target else self.kind.value


@dataclass(frozen=True, slots=True)
class DealerLimits:
    """What may be open or done with one dealer; None is no limit of this kind.

    Amounts are face in the book's base currency.
    """

    notional_max: Decimal | None = None
    day_notional_max: Decimal | None = None
    open_rfqs_max: int | None = None
    asks_per_day_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person or a desk at the dealer."""

    name: str
    desk: str = ""
    phone: str = ""
    chat: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """One dealer's profile.

    `asset_classes` is what it may be asked for (none listed: everything), `specialties` what it is known to be
    good at. `firm_time_s` is the life of a quote that names none; None leaves such a quote to a person.
    A `paused` dealer is not asked; what is open with it goes on.
    """

    id: str
    name: str
    lei: str | None = None
    session: str | None = None
    route: Route = field(default_factory=Route)
    asset_classes: tuple[AssetClass, ...] = ()
    specialties: tuple[str, ...] = ()
    agreements: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    limits: DealerLimits = field(default_factory=DealerLimits)
    firm_time_s: float | None = None
    accept: Accept = Accept.ORDER
    undelivered: Undelivered = Undelivered.ASK
    quantity_unit: QuantityUnit = QuantityUnit.FACE
    loser_notice: LoserNotice = LoserNotice.NOTHING
    two_way: bool = False
    paused: bool = False

    def __post_init__(self) -> None:
        if not self.id or "\x1f" in self.id:
            raise ConfigError(f"a dealer's id is a printable word, found {self.id!r}")
        if self.lei is not None and not is_lei(self.lei):
            raise ConfigError(f"dealer {self.id}: {self.lei!r} is no LEI (ISO 17442: 20 characters, check digits)")
        if (self.session is None) != (self.route.kind is RouteKind.MANUAL):
            raise ConfigError(f"dealer {self.id}: a dealer has a session, or the route 'manual' and none")
        if (self.route.target == "") != (self.route.kind in (RouteKind.DIRECT, RouteKind.MANUAL)):
            raise ConfigError(f"dealer {self.id}: route {self.route.kind.value!r} and target {self.route.target!r}")
        if self.firm_time_s is not None and not self.firm_time_s > 0:
            raise ConfigError(f"dealer {self.id}: firm_time_s is {self.firm_time_s}, expected more than 0")

    def trades(self, asset_class: AssetClass) -> bool:
        """True if it may be asked for bonds of the class."""
        return not self.asset_classes or asset_class in self.asset_classes

    def specialises_in(self, word: str) -> bool:
        """True if `word` is one of its specialties."""
        return word in self.specialties


class DealerBook:
    """All dealers, in the order of their ids. Replaced as a whole when the configuration changes.

    Raises ConfigError for two dealers of one id, or one address.
    """

    __slots__ = ("_by_address", "_by_id", "_by_session")

    def __init__(self, dealers: Iterable[Dealer]) -> None:
        self._by_id: dict[str, Dealer] = {}
        self._by_address: dict[tuple[str, Route], Dealer] = {}
        self._by_session: dict[str, tuple[Dealer, ...]] = {}
        for dealer in sorted(dealers, key=lambda each: each.id):
            if dealer.id in self._by_id:
                raise ConfigError(f"dealer {dealer.id} is listed twice")
            self._by_id[dealer.id] = dealer
            if dealer.session is None:
                continue
            other = self._by_address.get((dealer.session, dealer.route))
            if other is not None:
                raise ConfigError(
                    f"dealers {other.id} and {dealer.id} have one address: session {dealer.session}, {dealer.route}"
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

    def addressed(self, session: str, target: str = "") -> Dealer | None:
        """The dealer that an inbound message on `session` is from.

        `target` is what the message names (OnBehalfOfCompID or a Party), empty if nothing. A message that names
        nothing is from the session's own dealer, if the session has one.
        """
        for dealer in self.on_session(session):
            if dealer.route.target == target:
                return dealer
        return None

    def eligible(self, asset_class: AssetClass) -> tuple[Dealer, ...]:
        """Those that may be asked for bonds of the class and are not paused."""
        return tuple(dealer for dealer in self if not dealer.paused and dealer.trades(asset_class))


def is_lei(text: str) -> bool:
    """True for 18 capital letters and digits with two check digits (ISO 17442, ISO 7064 MOD 97-10)."""
    if len(text) != 20 or not text.isascii() or not text.isalnum() or text != text.upper() or not text[18:].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in text)) % 97 == 1
