"""What a bond is worth at a moment: the same in every process, from seed, ISIN and time alone.

A fair price is the base price from the securities file times a smooth wander of a few basis points, a
sum of slow sines whose phases are drawn from the seed. Nobody has to tell anybody.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import random
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

from .clock import NS_PER_S

BPS = Decimal("0.0001")
TICK = Decimal("0.001")
CENT = Decimal("0.01")

# (period in seconds, amplitude in bps of price): a day's drift, an hour's mood, a few minutes' noise.
_WAVES = ((86_400.0, 40.0), (19_000.0, 15.0), (3_700.0, 6.0), (610.0, 2.0))


@dataclass(frozen=True, slots=True)
class Security:
    """What the paper market needs to know of a bond; what the file does not say is None."""

    security_id: str
    price: Decimal
    coupon_pct: Decimal | None = None
    coupon_frequency: int = 2
    day_count: str = "30/360"
    maturity: date | None = None
    asset_class: str = ""
    adv: Decimal | None = None


class NoText(Exception):
    """A file is not in UTF-8."""


def load_securities(path: Path) -> dict[str, Security]:
    """Read the securities file; rows without an ISIN or a positive price are left out.

    Columns security_id (or isin) and price are needed; coupon_pct, coupon_frequency, day_count, maturity (YYYY-MM-DD),
    asset_class and adv_30d are used if there. Raises NoText for a file that is not in UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x} at offset {error.start}"
        raise NoText(f"{path}: expected UTF-8, found {byte}: save it as UTF-8") from None
    lines = io.StringIO(text, newline="")
    return parse_securities(csv.DictReader(line for line in lines if not line.startswith("#")))


def parse_securities(rows: Iterable[Mapping[str, str | None]]) -> dict[str, Security]:
    found: dict[str, Security] = {}
    for row in rows:
        security_id = (row.get("security_id") or row.get("isin") or "").strip()
        price = _decimal(row.get("price"))
        if not security_id or price is None or price <= 0:
            continue
        frequency = _decimal(row.get("coupon_frequency"))
        found[security_id] = Security(
            security_id,
            price,
            _decimal(row.get("coupon_pct")),
            int(frequency) if frequency else 2,
            (row.get("day_count") or "").strip() or "30/360",
            _date(row.get("maturity")),
            (row.get("asset_class") or "").strip().lower(),
            _decimal(row.get("adv_30d")),
        )
    return found


class FairPrices:
    """Fair prices of a set of securities under one seed."""

    def __init__(self, securities: Mapping[str, Security], seed: int) -> None:
        self.securities = securities
        self._seed = seed
        self._phases: dict[str, tuple[float, ...]] = {}

    def fair(self, security_id: str, utc_ns: int) -> Decimal | None:
        """Clean price in percent of par to a thousandth; None if the bond is unknown."""
        security = self.securities.get(security_id)
        if security is None:
            return None
        phases = self._phases.get(security_id)
        if phases is None:
            dice = draw(self._seed, "wander", security_id)
            phases = self._phases[security_id] = tuple(dice.random() * math.tau for _ in _WAVES)
        seconds = utc_ns / NS_PER_S
        bps = sum(
            size * math.sin(math.tau * seconds / period + phase)
            for (period, size), phase in zip(_WAVES, phases, strict=True)
        )
        return to_tick(security.price * (1 + Decimal(round(bps, 6)) * BPS))

    def level(self, asset_class: str, utc_ns: int) -> Decimal:
        """The level of a class's market: a thousand times the mean of its bonds' prices over their base prices."""
        shares = []
        for security in self.securities.values():
            if security.asset_class == asset_class:
                fair = self.fair(security.security_id, utc_ns)
                assert fair is not None
                shares.append(fair / security.price)
        return (1000 * sum(shares, Decimal(0)) / len(shares)).quantize(CENT) if shares else Decimal(1000)


def draw(seed: int, *what: object) -> random.Random:
    """Dice for one purpose: the same seed and purpose give the same throws in any process."""
    text = "|".join([str(seed), *(str(part) for part in what)])
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def to_tick(price: Decimal) -> Decimal:
    return max(price, TICK).quantize(TICK, ROUND_HALF_EVEN)


def accrued_amount(security: Security, face: Decimal, settlement: date) -> Decimal | None:
    """Accrued interest in currency, 30/360 from the coupon date before `settlement`; None if not known."""
    if security.coupon_pct is None or security.maturity is None or settlement >= security.maturity:
        return None
    if security.day_count != "30/360" or security.coupon_frequency not in (1, 2, 3, 4, 6, 12):
        return None
    coupon = _coupon_before(security.maturity, 12 // security.coupon_frequency, settlement)
    start_day, end_day = min(coupon.day, 30), settlement.day
    if _ends_month(security.maturity) and coupon.month == 2:
        # Bonds that pay at the ends of months count the last of February as the thirtieth.
        start_day = 30
    if end_day == 31 and start_day == 30:
        end_day = 30
    months = (settlement.year - coupon.year) * 12 + settlement.month - coupon.month
    accrued_days = months * 30 + end_day - start_day
    return (face * security.coupon_pct / 100 * accrued_days / 360).quantize(CENT, ROUND_HALF_EVEN)


def _coupon_before(maturity: date, months: int, settlement: date) -> date:
    """The last coupon date not after settlement, counted back from maturity; of a last day of a month, last days."""
    month_number = maturity.year * 12 + maturity.month - 1
    while True:
        month_number -= months
        year, month = divmod(month_number, 12)
        last = monthrange(year, month + 1)[1]
        coupon = date(year, month + 1, last if _ends_month(maturity) else min(maturity.day, last))
        if coupon <= settlement:
            return coupon


def _ends_month(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


def _decimal(text: str | None) -> Decimal | None:
    try:
        value = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _date(text: str | None) -> date | None:
    try:
        return datetime.strptime((text or "").strip(), "%Y-%m-%d").date()
    except ValueError:
        return None
