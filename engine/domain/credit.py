"""How much may be dealt with a dealer, for an account or in an issuer's bonds, as somebody delivers it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

from engine.domain.rows import row


class CreditKind(StrEnum):
    dealer = "dealer"
    account = "account"
    issuer = "issuer"


class CreditScope(NamedTuple):
    """What a limit is on; its spelling is `dealer:alder`."""

    kind: CreditKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind._value_}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is none."""
        kind, _, name = text.partition(":")
        if not name:
            raise ValueError(f"no scope of a credit limit: {text!r}")
        return cls(CreditKind(kind), name)


@row
@dataclass(frozen=True, slots=True)
class CreditLimit:
    """A limit of one scope, in face amount: of one request or acceptance, and of all that is dealt on a UTC day.

    None is no limit of that kind; with neither, it is lifted.
    """

    scope: str
    request_max: Decimal | None = None
    day_max: Decimal | None = None

    @property
    def stands(self) -> bool:
        return self.request_max is not None or self.day_max is not None
