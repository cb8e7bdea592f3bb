"""Which words of a rule book can never be known in this installation, and what would make them known.

An installation is what its files hold and who tells it of bonds. A rule about a column that no bond of the security
file has, or about prices that nobody sends, is no mistake, but it never does what it says: in a rule the unknown counts
as false, in a protection as true. So `rules check`, a start and a reload name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from engine.desk.fields import catalogue
from engine.desk.setting import Desk, TellsOfBonds
from engine.domain.instrument import Security
from engine.market.appraisal import FILE_WINDOW_DAYS, Appraisal, MarketParameters
from engine.market.securities import parse_securities
from engine.rules.signature import Catalogue


class NeverKnown(NamedTuple):
    """Why a word can only be unknown, and what to do about it."""

    because: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.because}; {self.remedy}"


_COLUMNS: Final[Mapping[str, str]] = {
    "sector": "sector",
    "rating": "rating",
    "coupon": "coupon_pct",
    "maturity": "maturity",
    "years_to_maturity": "maturity",
    "amount_outstanding": "amount_outstanding",
}
"""What the security file alone says, by the column of a bond."""

_TRADING: Final[Mapping[str, str]] = {
    "adv": "adv_30d",
    "days_since_trade": "last_trade_date",
    "liquidity_score": "liquidity_score",
}
"""What the security file says while it is believed, and the trades of the market."""

_PRICES: Final = ("fair", "market_value", "volatility", "price_improvement", "leakage")
_IMPACT: Final = ("expected_impact", "expected_cost")
_SEND_PRICES: Final = "add a session of role market, or a person of role feed"
_SEND_TRADES: Final = f"{_SEND_PRICES}, that delivers trades"


class KnownHere:
    """The answers for one installation; `is_believed` says whether a bond's file may still be used for its trading."""

    def __init__(
        self, bonds: Mapping[str, Security], told: TellsOfBonds, is_believed: Callable[[Security], bool]
    ) -> None:
        self._bonds, self._told = bonds, told
        self._is_believed = is_believed
        self._found: dict[tuple[str, int | None], NeverKnown | None] = {}

    @classmethod
    def of(cls, desk: Desk, now_ns: int) -> KnownHere:
        """Where this desk is."""
        return cls(desk.securities, desk.told_of_bonds, lambda bond: desk.appraisal.is_believed(bond, now_ns))

    @classmethod
    def by_files(cls, securities: str, day: date, file_days: int, told: TellsOfBonds, now_ns: int) -> KnownHere:
        """Where a desk would be with this security file, which is of that day."""
        bonds = {each.security_id: each for each in parse_securities(securities, day).securities}
        appraisal = Appraisal(bonds, MarketParameters(file_days=file_days))
        return cls(bonds, told, lambda bond: appraisal.is_believed(bond, now_ns))

    def never(self, name: str, window_days: int | None = None) -> NeverKnown | None:
        """Why the field can only be unknown here; None where it can be known."""
        key = name, window_days
        if key not in self._found:
            self._found[key] = self._never(name, window_days) if self._bonds else None
        return self._found[key]

    def catalogue(self, dealers: Iterable[str] | None, base_currency: str) -> Catalogue:
        """The catalogue with the reason beside every field that is never known here."""
        fields = catalogue(None, base_currency)
        reasons: dict[str, str] = {}
        for each in (*fields.order_fields.values(), *fields.dealer_fields.values()):
            shown = FILE_WINDOW_DAYS if each.windowed and each.bare is None else None
            if never := self.never(each.name, shown):
                reasons[each.name] = str(never)
        return catalogue(dealers, base_currency, reasons)

    def _never(self, name: str, window_days: int | None) -> NeverKnown | None:
        if name in _COLUMNS:
            return self._column(name)
        if name in _TRADING:
            return self._trading(name, window_days)
        if name in _PRICES or (name == "edge" and window_days is not None):
            return self._no_prices()
        if name in _IMPACT:
            return self._no_prices() or self._trading("adv", FILE_WINDOW_DAYS)
        return None

    def _column(self, name: str) -> NeverKnown | None:
        column = _COLUMNS[name]
        if any(getattr(bond, column) not in (None, "") for bond in self._bonds.values()):
            return None
        return NeverKnown(f"no bond of the security file has its {column}", "add the column, and reload")

    def _trading(self, name: str, window_days: int | None) -> NeverKnown | None:
        if self._told.trades:
            return None
        if name == "adv" and window_days != FILE_WINDOW_DAYS:
            because = f"nobody delivers trades, and the security file knows the volume over {FILE_WINDOW_DAYS}d only"
            return NeverKnown(because, _SEND_TRADES)
        column = _TRADING[name]
        holding = [bond for bond in self._bonds.values() if getattr(bond, column) is not None]
        if not holding:
            because = f"nobody delivers trades, and no bond of the security file has its {column}"
            return NeverKnown(because, f"{_SEND_TRADES}, or add the column")
        if not any(map(self._is_believed, holding)):
            because = "nobody delivers trades, and the security file is too old to be believed"
            return NeverKnown(because, f"{_SEND_TRADES}, or a newer file")
        return None

    def _no_prices(self) -> NeverKnown | None:
        return None if self._told.prices else NeverKnown("nobody delivers prices", _SEND_PRICES)


EVERYTHING: Final = KnownHere({}, TellsOfBonds(), lambda bond: True)
"""Where nothing is known of the installation, nothing is said of it."""
