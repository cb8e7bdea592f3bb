"""Whoever is paged: calls the dealer, whose own book he is read from, and acts on that.

He ends what the dealer will do no more of, books what waits in quarantine and was traded just so, and rejects what was
taken back, or told under another name before. The rest he leaves to those two to settle between them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.trader import GONE
from paper.execution import AT_WORK
from paper.store import StoreReader

from engine.errors import CommandError, StartError

UNANSWERED = ("in_doubt", "acknowledged")
OVERTAKEN = "state"
"""Code of a command that came too late: the dealer has answered meanwhile."""
QUARANTINE_MAX = 500
BOOKED = "the dealer says on the phone that it has traded this"
REJECTED = "the dealer says on the phone that this is no trade, or no other one than is booked"
REASON = "the dealer says on the phone that this is all it has done, and all it will do"


class Person:
    """`call` is a command of the admin socket. What he cannot end is told with the reason."""

    def __init__(self, call: Callable[..., dict[str, Any]], records: Path) -> None:
        self._call = call
        self._records = records
        self.cannot_end: dict[str, str] = {}
        self._left: set[str] = set()
        """What cannot be settled as it stands, by its number in quarantine."""

    def step(self) -> bool:
        """Look at what waits for a person. False where the daemon does not answer, or another look is needed."""
        try:
            self.cannot_end = {}
            for kept in self._call("quarantine.list", state="open", limit=QUARANTINE_MAX)["fills"]:
                self._settle(kept)
            for waiting in self._call("status")["unanswered"]:
                if waiting["person_needed"]:
                    self._look_at(waiting["order"], waiting["dealer"])
            return True
        except (StartError, OSError):
            return False
        except CommandError as error:
            if error.code not in (*GONE, OVERTAKEN):
                raise
            return False

    def _look_at(self, order: str, dealer: str) -> None:
        story = self._call("order.show", order=order)
        for placement in story["placements"]:
            if placement["dealer"] != dealer or placement["state"] not in UNANSWERED:
                continue
            at_work, traded = self._on_the_phone(dealer, placement["placement"])
            if at_work:
                self.cannot_end[order] = f"{dealer} is at work on it: {placement['evidence']}"
            elif traded == Decimal(placement["filled"]):
                self._call("order.force_state", order=order, reason=REASON)
            else:
                self.cannot_end[order] = f"{dealer} has traded {traded:f}, booked is {placement['filled']}"

    def _settle(self, kept: dict[str, Any]) -> None:
        """What waits in quarantine, if the dealer knows it under that name as a trade of its own."""
        trade = self._trade_of(kept["dealer"], kept["exec_id"]) if kept["dealer"] else None
        if trade is None or kept["fill"] in self._left:
            return
        names = {*trade["said_as"], *trade["reported_as"]}
        booked = {each["dealer_exec_id"] for each in self._call("quarantine.show", fill=kept["fill"])["booked"]}
        try:
            if booked & names or not trade["stands"]:
                self._call("quarantine.reject", fill=kept["fill"], untold=True, reason=REJECTED)
            elif (kept["quantity"], kept["price"]) == (_amount(trade["quantity"]), _amount(trade["price"])):
                self._call("quarantine.book", fill=kept["fill"], reason=BOOKED)
        except CommandError as refusal:
            if refusal.code in GONE:
                raise
            self._left.add(kept["fill"])

    def _trade_of(self, dealer: str, exec_id: str) -> dict[str, Any] | None:
        """The trade that a dealer has first told of by this name, as it is now."""
        with closing(StoreReader(self._records / f"{dealer}.db")) as book:
            for trade in book.facts("trade").values():
                if exec_id in (*trade["said_as"][:1], f"{trade['said_as'][0]}x", *trade["reported_as"][:1]):
                    return dict(trade)
        return None

    def _on_the_phone(self, dealer: str, cl_ord_id: str) -> tuple[bool, Decimal]:
        """Is it still worked on, and how much of it is traded?"""
        with closing(StoreReader(self._records / f"{dealer}.db")) as book:
            order = book.fact("order", cl_ord_id)
            if order is None:
                return False, Decimal(0)
            trades = [book.fact("trade", exec_id) for exec_id in order["trades"]]
        return order["state"] in AT_WORK, sum((Decimal(t["quantity"]) for t in trades if t["stands"]), Decimal(0))


def _amount(text: str) -> str:
    """As the engine writes it."""
    return f"{Decimal(text).normalize():f}"
