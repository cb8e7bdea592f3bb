"""A scripted trader at the admin socket. He looks at every open order and takes its next step.

What he does follows from what he sees, so that it does not matter when the daemon dies and comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from demo.orders import Day, TraderOrder
from engine.admin.client import AdminClient
from engine.errors import CommandError, StartError

Answer = dict[str, Any]

ROUNDS_MAX = 3
GONE = ("lost", "timeout", "stopping")
"""Codes of a daemon that went away while it was asked."""
ENDED = ("filled", "canceled", "expired")


class Trader:
    """Works the day through the socket. `say` is told what he does."""

    def __init__(self, connect: Callable[[], AdminClient], day: Day, say: Callable[[str], None]) -> None:
        self._connect = connect
        self._client: AdminClient | None = None
        self._day = day
        self._say = say
        self._said: set[str] = set()
        self._refused: set[str] = set()
        """Orders whose list could not be sent as it was recommended: the next one is recommended anew."""
        self._hopeless: set[str] = set()
        """Orders that the gate will not let anybody ask on, whatever the trader tries."""
        self.orders: dict[str, Answer] = {}
        self.status: Answer = {}
        self.dealers_before: Answer | None = None
        """What was known of the dealers when the day began."""
        self.profiles_before: list[Answer] = []

    def step(self) -> bool:
        """Look, and do what is next for every order. False while the daemon does not answer."""
        try:
            if self._client is None:
                self._client = self._connect()
            self._look()
            for order in self.orders.values():
                if order["state"] not in ENDED:
                    self._work(order)
            return True
        except (StartError, OSError):
            self.leave()
            return False
        except CommandError as error:
            if error.code not in GONE:
                raise
            self.leave()
            return False

    def wait(
        self, check: Callable[[], None], patience_s: float, done: Callable[[Answer], bool] = lambda status: True
    ) -> None:
        """Until the engine answers, and its status is as wanted; `check` raises if it cannot come any more."""
        began = time.monotonic()
        while time.monotonic() - began < patience_s:
            check()
            try:
                if done(self.call("status")):
                    return
            except (StartError, OSError):
                self.leave()
            time.sleep(0.1)
        raise StartError("the engine did not come to what was waited for")

    def leave(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def call(self, name: str, **params: Any) -> Answer:
        """One command. Raises CommandError for a refusal, StartError when nobody answers."""
        if self._client is None:
            self._client = self._connect()
        answer: Answer = self._client.call(name, **params)
        return answer

    def profiles(self, dealers: Answer) -> list[Answer]:
        """Of every dealer of a list, all that is known."""
        return [self.call("dealer.show", dealer=each["dealer"]) for each in dealers["dealers"]]

    def _look(self) -> None:
        if self.dealers_before is None:
            dealers = self.call("dealers")
            self.profiles_before = self.profiles(dealers)
            self.dealers_before = dealers
        answer = self.call("orders", state="all", limit=500)
        self.orders = {order["order"]: order for order in answer["orders"]}
        self.status = self.call("status")

    def _work(self, order: Answer) -> None:
        ident = order["order"]
        try:
            if order["cancel_pending"] or order["state"] == "placed":
                return
            if order["state"] == "asking":
                self._maybe_execute(order)
            elif order["cl_ord_id"] in self._day.cancelled and order["rounds"]:
                return  # its cancel is on the way
            elif order["rounds"] >= ROUNDS_MAX or ident in self._hopeless:
                self.call("order.cancel", order=ident)
                self._tell(ident, "gives up: no acceptable price today")
            else:
                self._ask(order)
        except CommandError as refusal:
            if refusal.code in GONE:
                raise
            if refusal.code == "risk":
                self._hopeless.add(ident)
            self._refused.add(ident)
            self._tell(ident, f"is refused: {refusal}")

    def _maybe_execute(self, order: Answer) -> None:
        """Execute once the engine has alerted him: collection is over and something can be executed."""
        story = self.call("order.show", order=order["order"])
        round_ = story["rfqs"][-1]
        if round_["state"] != "deciding":
            return
        live = [quote for ask in round_["asks"] for quote in ask["quotes"] if quote["live"]]
        if live:
            self.call("execute", order=order["order"])
            self._tell(order["order"], "executes the best quote")

    def _ask(self, order: Answer) -> None:
        ident = order["order"]
        story = self.call("order.show", order=ident)
        advice = story["recommendation"]
        if advice is not None and advice["plan"] is not None:
            self.call("send", order=ident, fresh=bool(order["rounds"]) or ident in self._refused)
            self._tell(ident, f"sends the recommended list (round {order['rounds'] + 1})")
            return
        names = [line["dealer"] for line in advice["lines"] if self._can_ask(line)] if advice else []
        if names:
            reason = "nobody qualifies by the rule yet: asking those who trade it"
            self.call("override", order=ident, dealers=names[:3], reason=reason)
            self._tell(ident, f"overrides: {', '.join(names[:3])} ({reason})")

    def _can_ask(self, line: Answer) -> bool:
        hindered = ("does not trade", "not logged on", "paused", "kill switch", "its limit")
        return not any(word in line["reason"] for word in hindered)

    def enter(self, wanted: TraderOrder) -> None:
        """An order of his own, unless it is there already (he looked before)."""
        for order in self.orders.values():
            if order["cl_ord_id"] == "" or order["source"].startswith("trader"):
                same = (order["security"], order["side"], int(float(order["quantity"]))) == (
                    wanted.security_id,
                    wanted.side,
                    wanted.quantity,
                )
                if same:
                    return
        self.call(
            "order.new",
            security=wanted.security_id,
            side=wanted.side,
            quantity=str(wanted.quantity),
            account=wanted.account,
        )

    def _tell(self, order_id: str, text: str) -> None:
        line = f"{order_id}  trader {text}"
        if line not in self._said:
            self._said.add(line)
            self._say(line)
