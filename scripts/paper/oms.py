"""The order system and its drop copy reader: two sessions of one party, one record.

Orders leave once each, at a pace, and only while the session is up; how far the script has come is a fact in
the store. Reports are checked as they come: a fill counts once by ExecID(17), until a trade cancel (150=H) or a
correction (150=G) takes it back. An ExecID that comes again with other economics, or filled quantities that do not add
up, are problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .orders import Step
from .party import Party
from .session import FixSession
from .wire import Message, Value

Body = list[tuple[int, Value]]

ECONOMICS = {"cl_ord_id": 11, "security_id": 48, "side": 54, "quantity": 32, "price": 31}
TERMINAL = frozenset({"2", "4", "8", "C", "3"})
TRADES = frozenset("FGH")
"""ExecTypes: a fill, its correction, its cancel."""


class OrderSystem:
    """The application of the order session."""

    def __init__(self, party: Party, steps: Sequence[Step], *, prefix: str = "") -> None:
        self._party = party
        self._store = party.store
        self._steps = steps
        self._prefix = prefix or f"{party.name}-{party.clock.timestamp()[2:8]}"
        self._session: FixSession | None = None
        self._waiting = False

    @property
    def done(self) -> bool:
        """Every step has been taken."""
        return self._position() >= len(self._steps)

    def on_logon(self, session: FixSession) -> None:
        self._session = session
        self._party.tell("logon", session=session.name)
        self._await_step()

    def on_logout(self, session: FixSession, reason: str) -> None:
        self._party.tell("logout", session=session.name, reason=reason)

    def on_message(self, session: FixSession, message: Message) -> bool:
        if message.msg_type == "8":
            self._on_report(message)
        elif message.msg_type == "9":
            self._on_cancel_reject(message)
        else:
            self._party.tell("message", msg_type=message.msg_type, text=message.get(58))
        return True

    # --- orders out ----------------------------------------------------------------------------------

    def _position(self) -> int:
        return int(self._store.recall("script", "position") or 0)

    def _await_step(self) -> None:
        position = self._position()
        if not self._waiting and position < len(self._steps):
            self._waiting = True
            self._party.later(self._steps[position].after_s, self._take_step)

    def _take_step(self) -> None:
        self._waiting = False
        if self._session is None or not self._session.active:
            return  # on_logon goes on from here
        position = self._position()
        self._store.remember("script", "position", position + 1)
        self.perform(self._steps[position])
        if position + 1 == len(self._steps):
            self._party.tell("script done", steps=len(self._steps))
        self._await_step()

    def perform(self, step: Step) -> str | None:
        """Take one step now; returns the ClOrdID(11) it used, None if it refers to no known order."""
        if self._session is None:
            return None
        with self._party.turn():
            if step.do == "new":
                return self._new(self._session, step)
            target = self._store.recall("named", step.of)
            order = self._store.recall("order", target) if target else None
            if order is None:
                self._party.tell("problem", kind="script", text=f"no order named {step.of!r}")
                return None
            return self._on_order(self._session, step, order)

    def _new(self, session: FixSession, step: Step) -> str:
        cl_ord_id = step.cl_ord_id or self._next_id()
        order: dict[str, Any] = {
            "cl_ord_id": cl_ord_id,
            "security_id": step.security_id,
            "side": step.side,
            "quantity": str(step.quantity or 0),
            "price": None if step.price is None else str(step.price),
            "status": "sent",
            "root": cl_ord_id,
            "largest": str(step.quantity or 0),
        }
        self._store.remember("order", cl_ord_id, order)
        self._store.remember("named", step.name or cl_ord_id, cl_ord_id)
        body: Body = [(11, cl_ord_id)]
        if step.account:
            body.append((1, step.account))
        body += [(21, step.handl_inst), *_instrument(order), (54, step.side), (60, self._party.clock.timestamp())]
        body += [(38, Decimal(order["quantity"])), (40, 1 if step.price is None else 2)]
        if step.price is not None:
            body += [(423, 1), (44, step.price)]
        body += [(59, step.time_in_force)]
        if step.expire_time:
            body.append((126, step.expire_time))
        session.send("D", body)
        self._party.tell("order", **order)
        return cl_ord_id

    def _on_order(self, session: FixSession, step: Step, order: dict[str, Any]) -> str:
        if step.do == "status":
            session.send("H", [(11, order["cl_ord_id"]), *_instrument(order), (54, order["side"])])
            self._party.tell("status request", cl_ord_id=order["cl_ord_id"])
            return str(order["cl_ord_id"])
        cl_ord_id = step.cl_ord_id or self._next_id()
        quantity = step.quantity if step.quantity is not None else Decimal(order["quantity"])
        body: Body = [(41, order["cl_ord_id"]), (11, cl_ord_id), *_instrument(order), (54, order["side"])]
        body += [(60, self._party.clock.timestamp()), (38, quantity)]
        if step.do == "cancel":
            session.send("F", body)
            self._party.tell("cancel", cl_ord_id=cl_ord_id, of=order["cl_ord_id"])
            return cl_ord_id
        price = step.price if step.price is not None else Decimal(order["price"]) if order["price"] else None
        body += [(21, step.handl_inst), (40, 1 if price is None else 2)]
        if price is not None:
            body += [(423, 1), (44, price)]
        session.send("G", [*body, (59, step.time_in_force)])
        replaced = order | {"cl_ord_id": cl_ord_id, "quantity": str(quantity), "status": "sent"}
        replaced["price"] = None if price is None else str(price)
        replaced["largest"] = str(max(quantity, Decimal(order["largest"])))
        self._store.remember("order", cl_ord_id, replaced)
        # Later steps under the old name mean the order as replaced.
        self._store.remember("named", step.of, cl_ord_id)
        if step.name:
            self._store.remember("named", step.name, cl_ord_id)
        self._party.tell("replace", cl_ord_id=cl_ord_id, of=order["cl_ord_id"])
        return cl_ord_id

    def _next_id(self) -> str:
        return f"{self._prefix}-{self._store.count('cl_ord_ids')}"

    # --- reports in ----------------------------------------------------------------------------------

    def _on_report(self, message: Message) -> None:
        cl_ord_id, exec_type, status = message.get(11) or "", message.need(150), message.need(39)
        self._party.tell(
            "report",
            cl_ord_id=cl_ord_id,
            exec_type=exec_type,
            ord_status=status,
            exec_id=message.get(17),
            quantity=message.get(32),
            price=message.get(31),
            text=message.get(58),
            again=message.poss_dup or message.poss_resend,
        )
        order = self._store.recall("order", cl_ord_id)
        if order is None and message.get(41):
            # A report on a cancel request carries the request's ClOrdID(11); it is about the order in 41.
            order = self._store.recall("order", message.need(41))
        if order is None:
            _problem(self._party, "report for an unknown order", cl_ord_id)
            return
        if exec_type in TRADES:
            filled = Decimal(self._store.recall("filled", order["root"]) or 0)
            filled += take_trade(self._party, "fill", message)
            self._store.remember("filled", order["root"], str(filled))
            again = message.poss_dup or message.poss_resend
            if not again and message.decimal(14) not in (None, filled):
                _problem(self._party, "CumQty(14) is not the sum of the fills", cl_ord_id)
            if filled > Decimal(order["largest"]):
                _problem(self._party, "filled beyond the order", cl_ord_id)
        if exec_type != "I" and not (order["status"] in TERMINAL and message.poss_resend):
            order["status"] = status
        self._store.remember("order", order["cl_ord_id"], order)

    def _on_cancel_reject(self, message: Message) -> None:
        request, target = message.get(11) or "", message.get(41) or ""
        self._party.tell("cancel reject", cl_ord_id=request, of=target, text=message.get(58))
        if message.get(434) == "2":
            # The order stands as it was: its names mean the old ClOrdID again.
            for name, cl_ord_id in self._store.recall_all("named").items():
                if cl_ord_id == request:
                    self._store.remember("named", name, target)


class CopyReader:
    """The application of the drop copy session: it listens."""

    def __init__(self, party: Party) -> None:
        self._party = party

    def on_logon(self, session: FixSession) -> None:
        self._party.tell("logon", session=session.name)

    def on_logout(self, session: FixSession, reason: str) -> None:
        self._party.tell("logout", session=session.name, reason=reason)

    def on_message(self, session: FixSession, message: Message) -> bool:
        if message.msg_type == "8":
            self._party.tell(
                "copy",
                cl_ord_id=message.get(11),
                exec_type=message.get(150),
                exec_id=message.get(17),
                quantity=message.get(32),
                price=message.get(31),
                again=message.poss_dup or message.poss_resend,
            )
            if message.get(797) != "Y":
                self._party.tell("problem", kind="copy without CopyMsgIndicator(797)", text=message.get(17))
            if message.get(150) in TRADES:
                take_trade(self._party, "copy", message)
        return True


def take_trade(party: Party, kind: str, message: Message) -> Decimal:
    """Book what a report says of a trade, once by its ExecID(17); by how much it changes what is filled."""
    exec_id = message.need(17)
    economics = {name: message.get(tag) for name, tag in ECONOMICS.items()}
    booked = party.store.recall(kind, exec_id)
    if booked is not None:
        if booked != economics:
            _problem(party, "ExecID with other economics", exec_id)
        return Decimal(0)
    party.store.remember(kind, exec_id, economics)
    exec_type, change = message.get(150), message.decimal(32) or Decimal(0)
    if exec_type == "F":
        return change
    change = change if exec_type == "G" else Decimal(0)
    named = message.get(19) or ""
    before = party.store.recall(kind, named)
    if before is None or party.store.recall(f"{kind} taken back", named) is not None:
        _problem(party, "cancel or correction of no fill that stands", f"{exec_id} of {named}")
        return change
    party.store.remember(f"{kind} taken back", named, exec_id)
    return change - Decimal(before["quantity"] or 0)


def _problem(party: Party, kind: str, text: str) -> None:
    party.store.note("", party.clock.now_ns(), "problem", f"{kind}: {text}")
    party.tell("problem", kind=kind, text=text)


def _instrument(order: dict[str, Any]) -> Body:
    return [(55, "[N/A]"), (48, order["security_id"]), (22, "4")]
