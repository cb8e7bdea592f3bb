"""The one type that can go to a dealer as R or D. Only `desk.gate.risk` makes one: it alone may name the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.domain.keys import Scope
from engine.domain.messages import AcceptQuote, AskDealer

GATE_KEY: Final = object()


@dataclass(frozen=True, slots=True, init=False)
class Cleared:
    """A message that passed the gate. `not_after_ns` is UTC."""

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
