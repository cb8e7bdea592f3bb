"""Orders that a dealer has taken: looked at, filled whole or in parts, told of, and thought better of.

    8 150=0 (some), then 8 150=F, once or more, or 8 150=8      later, by its habits: 8 150=G, 8 150=H, a report again
    F -> 8 150=4 while a part is still to come, else 9          H -> 8 150=I
    by its habits AE beside each 8 of a trade, or in its place; AR: noted

A trade is a fact in the store from the moment it is made, under the ExecID(17) that it was first told by: what was
truly traded is `trade`, whatever is said of it and when. What is still to be done or said is a fact too, so that a
dealer that is killed does it all the same, once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .clock import NS_PER_S
from .habits import LOT, Afterwards, Channel, Habits, OrderPlan, TradePlan, plan_order, plan_trade
from .party import Party
from .prices import CENT, FairPrices, accrued_amount, draw
from .session import FixSession
from .styles import Style, plan_fill
from .wire import Message, Value

Body = list[tuple[int, Value]]
Order = dict[str, Any]
Trade = dict[str, Any]

LOOKING = ("pending", "looking")
AT_WORK = (*LOOKING, "part")
"""States of an order that may still be filled."""
ORD_STATUS = {"pending": "A", "looking": "0", "part": "1", "filled": "2", "rejected": "8", "canceled": "4"}
BUY, SELL = "1", "2"


class Execution:
    """What becomes of a dealer's orders, from the last look on."""

    def __init__(self, party: Party, prices: FairPrices, style: Style, habits: Habits, seed: int) -> None:
        self._party = party
        self._store = party.store
        self._clock = party.clock
        self._prices = prices
        self._style = style
        self._habits = habits
        self._seed = seed
        self._session: FixSession | None = None
        self._tasks: dict[str, Callable[[dict[str, Any]], None]] = {
            "finish": self._finish,
            "part": self._part,
            "say": self._say,
            "think again": self._think_again,
        }

    def serve(self, session: FixSession) -> None:
        """Take up the session, and what was left undone when the dealer last stopped."""
        self._session = session
        for key, task in self._store.recall_all("task").items():
            self._wait_for(key, task)

    def begin(self, order: Order) -> None:
        """The last look at an order that was taken."""
        if self._style.acknowledges:
            self.report(order, "0")
            order["state"] = "looking"
        self._keep(order)
        plan = plan_fill(self._style, self._seed, self._party.name, order["security_id"], order["nth"])
        self._do("finish", plan.latency_s, cl_ord_id=order["cl_ord_id"])

    def reject(self, order: Order, reason: int, text: str) -> None:
        order["state"] = "rejected"
        order["rejected_by"] = [reason, text]
        self._keep(order)
        self.report(order, "8")
        self._party.tell("reject", cl_ord_id=order["cl_ord_id"], reason=reason, text=text)

    def on_status_request(self, message: Message) -> None:
        order = self._order(message.need(11))
        if order is not None:
            self.report(order, "I")
            return
        body: Body = [(37, "NONE"), (11, message.need(11)), (17, self._status_id()), (150, "I"), (39, "8"), (103, 5)]
        body += [(55, message.get(55) or "[N/A]"), (48, message.get(48) or ""), (22, message.get(22) or "4")]
        body += [(54, message.need(54)), (151, 0), (14, 0), (6, 0), (60, self._clock.timestamp())]
        if message.get(790):
            body.append((790, message.need(790)))
        self._send([*body, (58, "unknown order")])

    def on_cancel_request(self, message: Message) -> None:
        order = self._order(message.need(41))
        if order is not None and order["state"] in AT_WORK and order["trades"]:
            order["state"] = "canceled"
            self._keep(order)
            cited: Body = [] if self._plan(order).by_cancel else [(41, order["cl_ord_id"])]
            self.report(order, "4", cited, cl_ord_id=message.need(11))
            self._party.tell("cancel", cl_ord_id=order["cl_ord_id"])
            return
        body: Body = [(37, order["order_id"] if order else "NONE"), (11, message.need(11)), (41, message.need(41))]
        body += [(39, ORD_STATUS[order["state"]] if order else "8"), (434, 1), (102, 0 if order else 1)]
        body += [(58, "too late to cancel" if order else "unknown order"), (60, self._clock.timestamp())]
        if self._session is not None:
            self._session.send("9", body)

    # --- trading -------------------------------------------------------------------------------------

    def _finish(self, task: dict[str, Any]) -> None:
        """The last look is over: trade, or refuse."""
        order = self._order(task["cl_ord_id"])
        if order is None or order["state"] not in LOOKING:
            return
        quote = self._store.recall("quote", order["quote_id"])
        plan = plan_fill(self._style, self._seed, self._party.name, order["security_id"], order["nth"])
        if self._clock.now_ns() >= quote["valid_until_ns"]:
            self.reject(order, 4, "the quote has expired")
        elif plan.rejects:
            self.reject(order, 0, "last look")
        else:
            self._part({"cl_ord_id": order["cl_ord_id"], "number": 0})

    def _part(self, task: dict[str, Any]) -> None:
        """Trade one part of an order; then wait for the next, or be done with it."""
        order, number = self._order(task["cl_ord_id"]), int(task["number"])
        if order is None or order["state"] not in AT_WORK:
            return
        plan = self._plan(order)
        last = number + 1 >= len(plan.parts)
        if last and plan.stops:
            order["state"] = "canceled"
            self._keep(order)
            self.report(order, "0" if plan.by_status else "4")
            return
        left = Decimal(order["quantity"]) - self._traded(order)
        self._trade(order, left if last else min(left, plan.parts[number]))
        if order["state"] == "part":
            pause_s = draw(self._seed, order["order_id"], number).uniform(0.5, 15.0)
            self._do("part", pause_s, cl_ord_id=order["cl_ord_id"], number=number + 1)

    def _trade(self, order: Order, quantity: Decimal) -> None:
        exec_id = f"{self._party.name}-E{self._store.count('execs')}"
        shuffled = self._plan(order).shuffled
        plan = plan_trade(self._habits, self._seed, self._party.name, exec_id, shuffled=shuffled)
        trade: Trade = {
            "exec_id": exec_id,
            "said_as": [exec_id],
            "reported_as": [],
            "reported_alone": self._plan(order).channel is Channel.REPORTS,
            "cl_ord_id": order["cl_ord_id"],
            "security_id": order["security_id"],
            "side": order["side"],
            "quantity": str(quantity),
            "price": order["price"],
            "stands": True,
            "told": not plan.silent,
        }
        self._store.remember("trade", exec_id, trade)
        order["trades"].append(exec_id)
        self._settle_state(order)
        afterwards_s = plan.told_after_s + plan.afterwards_s
        thinks_again = plan.afterwards is not Afterwards.NOTHING and not plan.silent
        if not plan.silent:
            self._tell_of(order, trade, plan, afterwards_s + 5.0 if thinks_again and plan.early else plan.told_after_s)
        if thinks_again:
            self._do("think again", afterwards_s, exec_id=exec_id, how=str(plan.afterwards))
        self._party.tell("fill", cl_ord_id=order["cl_ord_id"], exec_id=exec_id, price=order["price"])

    def _tell_of(self, order: Order, trade: Trade, plan: TradePlan, after_s: float) -> None:
        """Say what was traded: by an 8, an AE or both, once, under two names, or the same again some time later."""
        of_order = self._plan(order)
        report_s = after_s
        if of_order.channel is Channel.BOTH:
            # The one that comes first comes at its time, the other one behind it.
            report_s = after_s + max(0.0, plan.report_lag_s)
            after_s += max(0.0, -plan.report_lag_s)
        if of_order.channel is not Channel.EXECUTIONS:
            name = "" if of_order.nameless else trade["exec_id"]
            report = self._reported(order, trade, "0", name, "", plan)
            self._tell_both_times(report, report_s, plan, "AE")
        if of_order.channel is Channel.REPORTS:
            return
        body = self._told(order, trade, "F", trade["exec_id"], plan.misprint)
        self._tell_both_times(body, after_s, plan, "8")
        if plan.twice:
            other = f"{trade['exec_id']}x"
            trade["said_as"].append(other)
            self._store.remember("trade", trade["exec_id"], trade)
            self._tell(self._told(order, trade, "F", other, plan.misprint), after_s + 2.0)

    def _tell_both_times(self, body: Body, after_s: float, plan: TradePlan, msg_type: str) -> None:
        self._tell(body, after_s, msg_type=msg_type)
        if plan.drops and self._session is not None and after_s <= 0:
            self._session.drop()
        if plan.repeated_after_s is not None:
            copy = [field for field in body if field[0] != 75 or not plan.bare or msg_type == "AE"]
            self._tell(copy, after_s + plan.repeated_after_s, again=True, msg_type=msg_type)

    def _think_again(self, task: dict[str, Any]) -> None:
        """A trade is taken back, or was made at another price or in another size after all."""
        trade: Trade = self._store.recall("trade", task["exec_id"])
        order = self._order(trade["cl_ord_id"])
        if order is None or not trade["stands"]:
            return
        plan = plan_trade(self._habits, self._seed, self._party.name, trade["exec_id"], shuffled=False)
        how, named = Afterwards(task["how"]), trade["said_as"][-1 if plan.names_latest else 0]
        if how is Afterwards.QUANTITY:
            less = (Decimal(trade["quantity"]) / 2 // LOT) * LOT
            how = Afterwards.PRICE if not less else how
            trade["quantity"] = str(less or trade["quantity"])
        if how is Afterwards.PRICE:
            sign = 1 if trade["side"] == BUY else -1
            trade["price"] = str(Decimal(trade["price"]) + sign * plan.moves_by)
        trade["stands"] = how is not Afterwards.BUST
        exec_id = f"{self._party.name}-E{self._store.count('execs')}"
        trade["said_as"].append(exec_id)
        self._store.remember("trade", trade["exec_id"], trade)
        self._settle_state(order, reopens=plan.reopens and how is Afterwards.BUST)
        channel = self._plan(order).channel
        if channel is not Channel.EXECUTIONS:
            trans_type = "2" if trade["stands"] else "1"
            name = "" if self._plan(order).nameless else exec_id
            of = trade["reported_as"][-1 if plan.names_latest else 0]
            self._tell(self._reported(order, trade, trans_type, name, of, plan), 0.0, msg_type="AE")
        if channel is not Channel.REPORTS:
            exec_type = "G" if trade["stands"] else "H"
            self._tell([*self._told(order, trade, exec_type, exec_id, None), (19, named)], 0.0)
        if how is not Afterwards.BUST and plan.then_busted:
            self._do("think again", plan.afterwards_s, exec_id=trade["exec_id"], how=str(Afterwards.BUST))
        self._party.tell("afterthought", exec_id=exec_id, of=trade["exec_id"], how=str(how))

    def _settle_state(self, order: Order, *, reopens: bool = False) -> None:
        """Where the order stands, by what of it stands."""
        traded = self._traded(order)
        whole = traded == Decimal(order["quantity"])
        if order["state"] == "filled" and not whole:
            order["state"] = "part" if reopens else "canceled"
            if reopens:
                pause_s = draw(self._seed, order["order_id"], "again").uniform(5.0, 60.0)
                self._do("part", pause_s, cl_ord_id=order["cl_ord_id"], number=len(self._plan(order).parts))
        if order["state"] in AT_WORK:
            order["state"] = "filled" if whole else "part" if traded else "looking"
        self._keep(order)

    # --- telling -------------------------------------------------------------------------------------

    def report(self, order: Order, exec_type: str, more: Body | None = None, *, cl_ord_id: str = "") -> None:
        """An ExecutionReport(8) of an order as it stands now, but for its trades."""
        body = self._head(order, exec_type, self._status_id(), cl_ord_id)
        if order["rejected_by"]:
            body += [(103, order["rejected_by"][0]), (58, order["rejected_by"][1])]
        self._send([*body, *self._counts(order), *(more or [])])

    def _told(self, order: Order, trade: Trade, exec_type: str, exec_id: str, misprint: Decimal | None) -> Body:
        """An ExecutionReport(8) of a trade, with what the order has come to by it."""
        quantity, price = Decimal(trade["quantity"]), Decimal(trade["price"]) * (misprint or 1)
        body = [*self._head(order, exec_type, exec_id), *self._counts(order), (32, quantity), (31, price)]
        return [*body, *self._money(order, quantity, price)]

    def _reported(
        self, order: Order, trade: Trade, trans_type: str, exec_id: str, refers_to: str, plan: TradePlan
    ) -> Body:
        """A TradeCaptureReport(AE) of a trade; its name is one more that the trade is known by."""
        report_id = f"{self._party.name}-T{self._store.count('reports')}"
        trade["reported_as"].append(report_id)
        self._store.remember("trade", trade["exec_id"], trade)
        quantity, price = (
            Decimal(trade["quantity"]),
            Decimal(trade["price"]) * ((plan.misprint or 1) if not refers_to else 1),
        )
        money = dict(self._money(order, quantity, price))
        body: Body = [(571, report_id), (487, trans_type), (856, "0")]
        body += [(572, refers_to)] if refers_to else []
        body += [(17, exec_id)] if exec_id else []
        body += [(570, "N"), (423, 1), *instrument(order), (32, quantity), (31, price), (75, money[75])]
        body += [(60, self._clock.timestamp()), (64, money[64]), (552, 2 if plan.two_sided else 1)]
        if plan.two_sided:
            body += [
                (54, SELL if order["side"] == BUY else BUY),
                (37, f"{order['order_id']}-own"),
                (15, order["currency"]),
            ]
        body += [(54, order["side"]), (37, order["order_id"]), (11, order["cl_ord_id"]), (15, order["currency"])]
        return [*body, *((tag, money[tag]) for tag in (381, 159, 118) if tag in money)]

    def _head(self, order: Order, exec_type: str, exec_id: str, cl_ord_id: str = "") -> Body:
        body: Body = [(37, order["order_id"]), (11, cl_ord_id or order["cl_ord_id"])]
        if order["response_id"]:
            body.append((693, order["response_id"]))
        body += [(17, exec_id), (150, exec_type), (39, ORD_STATUS[order["state"]]), *instrument(order)]
        body += [(54, order["side"]), (38, Decimal(order["quantity"]))]
        if order["price"] is not None:
            body += [(423, 1), (44, Decimal(order["price"]))]
        return [*body, (15, order["currency"])]

    def _counts(self, order: Order) -> Body:
        """LeavesQty, CumQty and AvgPx."""
        traded = self._traded(order)
        leaves = Decimal(order["quantity"]) - traded if order["state"] in AT_WORK else Decimal(0)
        paid = sum((Decimal(each["quantity"]) * Decimal(each["price"]) for each in self._trades(order)), Decimal(0))
        average = (paid / traded).quantize(Decimal("0.000001")).normalize() if traded else Decimal(0)
        return [(151, leaves), (14, traded), (6, average), (60, self._clock.timestamp())]

    def _money(self, order: Order, quantity: Decimal, price: Decimal) -> Body:
        """TradeDate, SettlDate, gross, accrued and net of a fill, in the bond's currency."""
        trade_date = _utc_date(self._clock.now_ns())
        settlement = _parse_date(order["settlement"]) or _next_weekday(trade_date)
        gross = (quantity * price / 100).quantize(CENT)
        body: Body = [(75, f"{trade_date:%Y%m%d}"), (64, f"{settlement:%Y%m%d}"), (381, gross)]
        security = self._prices.securities.get(order["security_id"])
        accrued = accrued_amount(security, quantity, settlement) if security else None
        if accrued is not None:
            body += [(159, accrued), (118, gross + accrued)]
        return body

    def _tell(self, body: Body, after_s: float, *, again: bool = False, msg_type: str = "8") -> None:
        """Say it now, or later and as it was when it was made."""
        if after_s <= 0:
            self._send(body, again=again, msg_type=msg_type)
        else:
            said = [(tag, _text(value)) for tag, value in body]
            self._do("say", after_s, body=said, again=again, msg_type=msg_type)

    def _say(self, task: dict[str, Any]) -> None:
        body = [(tag, value) for tag, value in task["body"]]
        self._send(body, again=task["again"], msg_type=task.get("msg_type", "8"))

    def _send(self, body: Body, *, again: bool = False, msg_type: str = "8") -> None:
        if self._session is not None:
            self._session.send(msg_type, body, poss_resend=again)

    # --- small things --------------------------------------------------------------------------------

    def _plan(self, order: Order) -> OrderPlan:
        quantity = Decimal(order["quantity"])
        return plan_order(self._habits, self._seed, self._party.name, order["order_id"], quantity)

    def _trades(self, order: Order) -> list[Trade]:
        """Those that stand."""
        trades = [self._store.recall("trade", exec_id) for exec_id in order["trades"]]
        return [each for each in trades if each["stands"]]

    def _traded(self, order: Order) -> Decimal:
        return sum((Decimal(each["quantity"]) for each in self._trades(order)), Decimal(0))

    def _order(self, cl_ord_id: str) -> Order | None:
        order: Order | None = self._store.recall("order", cl_ord_id)
        return order

    def _keep(self, order: Order) -> None:
        self._store.remember("order", order["cl_ord_id"], order)

    def _do(self, what: str, after_s: float, **details: Any) -> None:
        """Do it after so many seconds, in this life or another."""
        key = str(self._store.count("tasks"))
        task = {"what": what, "at_ns": self._clock.now_ns() + int(after_s * NS_PER_S), **details}
        self._store.remember("task", key, task)
        self._wait_for(key, task)

    def _wait_for(self, key: str, task: dict[str, Any]) -> None:
        def act() -> None:
            self._store.forget("task", key)
            self._tasks[task["what"]](task)

        self._party.later(max(0.0, (task["at_ns"] - self._clock.now_ns()) / NS_PER_S), act)

    def _status_id(self) -> str:
        return f"{self._party.name}-S{self._store.count('statuses')}"


def instrument(of: dict[str, Any]) -> Body:
    return [(55, of["symbol"]), (48, of["security_id"]), (22, of.get("id_source", "4"))]


def _text(value: Value) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _utc_date(utc_ns: int) -> date:
    return date(1970, 1, 1) + timedelta(days=utc_ns // (86_400 * NS_PER_S))


def _parse_date(text: str | None) -> date | None:
    """A LocalMktDate of this century, else None."""
    if not text or len(text) != 8 or not text.startswith("20"):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _next_weekday(day: date) -> date:
    step = {4: 3, 5: 2}.get(day.weekday(), 1)
    return day + timedelta(days=step)
