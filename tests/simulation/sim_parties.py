"""Who trades with the engine in the simulation: an OMS, a drop copy, a price feed, dealers. Each keeps what it knows.

What they keep is the truth the run is judged by: orders, executions, quotes and trades as they happened at the other
end of the wire. `orderly` ends their tempers: what is open is settled, nothing new begins.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from sim_peer import Peer
from sim_time import NS
from sim_wire import Msg, encode, timestamp

if TYPE_CHECKING:
    from world import World

FINAL_STATUSES = ("2", "4", "8", "C")


@dataclass
class Report:
    """An ExecutionReport(8) as it was read, kept by ExecID(17)."""

    msg: Msg
    copies: int = 1
    again: int = 0
    """How many of the copies said PossResend(97)=Y."""


@dataclass
class OmsOrder:
    cl_ord_id: str
    fields: tuple[tuple[int, object], ...]
    quantity: Decimal
    answered: bool = False
    status: str = ""
    cancels: int = 0


class Reader:
    """What the OMS and the drop copy have in common: every report once, however often it comes."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.peer = Peer(world, name, initiator=True, repeats=frozenset("DFH"))
        self.peer.party = self
        self.reports: dict[str, Report] = {}
        self.business_rejects: list[Msg] = []

    def on_logon(self) -> None: ...

    def on_reset(self) -> None: ...

    def on_message(self, msg: Msg) -> None:
        if msg.kind == "8":
            self.on_report(msg)
        elif msg.kind == "j":
            self.business_rejects.append(msg)

    def on_report(self, msg: Msg) -> None:
        if msg.get(150) == "I":
            return
        exec_id = msg.get(17)
        known = self.reports.get(exec_id)
        if known is None:
            self.reports[exec_id] = Report(msg, again=int(msg.poss_resend))
            return
        known.copies += 1
        known.again += msg.poss_resend
        if known.msg.content() != msg.content():
            self.world.fail(f"{self.peer.name}: ExecID(17) {exec_id} with two meanings: {known.msg.raw!r} {msg.raw!r}")
        if not msg.poss_resend:
            self.world.fail(f"{self.peer.name}: ExecID(17) {exec_id} came twice, the second without 97=Y")

    def fills(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Quantity and price by the ExecID(17) that each trade was told under last, but for those taken back."""
        changed = {report.msg.get(19) for report in self.reports.values() if report.msg.get(150) in ("G", "H")}
        return {
            exec_id: (Decimal(report.msg.get(32)), Decimal(report.msg.get(31)))
            for exec_id, report in self.reports.items()
            if report.msg.get(150) in ("F", "G") and exec_id not in changed
        }


class DropCopy(Reader):
    def on_report(self, msg: Msg) -> None:
        if msg.get(797) != "Y":
            self.world.fail(f"drop copy: no CopyMsgIndicator(797): {msg.raw!r}")
        super().on_report(msg)


class Oms(Reader):
    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.orders: dict[str, OmsOrder] = {}
        self.cancel_refusals: list[Msg] = []
        self.noises = 0

    def new_order(self, **overrides: object) -> OmsOrder:
        """A NewOrderSingle(D) of a random bond, side and size; `overrides` by tag as `t38=...`, None leaves it out."""
        world, rng = self.world, self.world.rng
        isin = rng.choice(world.isins)
        cl_ord_id = f"C{len(self.orders) + 1}"
        limit = rng.random() < 0.3
        side = rng.choice("12")
        fair = world.fair[isin]
        fields: dict[int, object] = {
            1: rng.choice(("ACC1", "ACC2")),
            11: cl_ord_id,
            15: "USD",
            21: "1",
            22: "4",
            38: rng.choice((100_000, 250_000, 1_000_000, 2_000_000, 3_000_000)),
            40: "2" if limit else "1",
            44: f"{fair + (1 if side == '1' else -1):.3f}" if limit else None,
            48: isin,
            54: side,
            55: "[N/A]",
            59: rng.choice("0000034"),
            60: timestamp(world.timeline.utc_ns),
        }
        fields.update({int(name[1:]): value for name, value in overrides.items()})
        kept = tuple((tag, value) for tag, value in fields.items() if value is not None)
        order = OmsOrder(str(fields[11]), kept, Decimal(str(fields[38])))
        self.orders[order.cl_ord_id] = order
        self.peer.send("D", kept)
        world.note(f"OMS orders {order.cl_ord_id}")
        return order

    def cancel(self, order: OmsOrder) -> None:
        order.cancels += 1
        facts = dict(order.fields)
        self.peer.send(
            "F",
            [
                (11, f"{order.cl_ord_id}-X{order.cancels}"),
                (22, 4),
                (38, facts[38]),
                (41, order.cl_ord_id),
                (48, facts[48]),
                (54, facts[54]),
                (55, "[N/A]"),
                (60, timestamp(self.world.timeline.utc_ns)),
            ],
        )
        self.world.note(f"OMS cancels {order.cl_ord_id}")

    def ask_status(self, order: OmsOrder) -> None:
        facts = dict(order.fields)
        self.peer.send("H", [(11, order.cl_ord_id), (22, 4), (48, facts[48]), (54, facts[54]), (55, "[N/A]")])

    def repeat(self, order: OmsOrder) -> None:
        """The same order again, in case it was lost: PossResend(97)=Y."""
        self.peer.send("D", order.fields, poss_resend=True)

    def make_noise(self) -> None:
        """An order, or something like it, that cannot be taken: refused in words, never by silence."""
        rng, world = self.world.rng, self.world
        self.noises += 1
        good: dict[int, object] = {
            1: "ACC1", 11: f"N{self.noises}", 15: "USD", 21: "1", 22: "4", 38: 1000, 40: "1", 48: world.isins[0],
            54: "1", 55: "[N/A]", 59: "0", 60: timestamp(world.timeline.utc_ns),
        }  # fmt: skip
        bad = rng.choice(
            (
                {48: "XS0000000000"}, {38: -5}, {38: "NaN"}, {38: 0}, {40: "P"}, {54: "9"}, {59: "7"}, {60: "soon"},
                {40: "2", 44: "-1"}, {40: "2"}, {11: ""}, {38: None}, {60: None}, {21: "9"}, {15: "XXX"}, {9999: "x"},
                {38: "1e30"}, {58: "a=b=c"}, {432: "20261399", 59: "6"}, {11: next(iter(self.orders), "")},
            )
        )  # fmt: skip
        kind = rng.choice(("D", "D", "D", "D", "F", "G", "ZZ", "8", "R"))
        fields = [(tag, value) for tag, value in {**good, **bad}.items() if value is not None]
        world.note(f"OMS makes noise {kind} {bad}")
        self.peer.send(kind, fields, poss_resend=rng.random() < 0.2)

    def open_orders(self) -> list[OmsOrder]:
        return [order for order in self.orders.values() if order.status not in FINAL_STATUSES]

    def on_reset(self) -> None:
        """What was on its way when the numbers began anew may be lost."""
        for order in self.orders.values():
            if not order.answered:
                self.repeat(order)

    def on_message(self, msg: Msg) -> None:
        if msg.kind == "9":
            self.cancel_refusals.append(msg)
        super().on_message(msg)

    def is_told(self, peer: Peer, reject: Msg) -> None:
        """A good order that was on its way for too long, 373=10: the Reject(3) is its answer."""
        kind, fields, *_ = peer.sent.get(int(reject.get(45) or 0), ("", ()))
        if peer is self.peer and kind == "D" and reject.get(373) == "10":
            self.orders[str(dict(fields)[11])].answered = True

    def on_report(self, msg: Msg) -> None:
        order = self.orders.get(msg.get(11)) or self.orders.get(msg.get(41))
        if order is None and (self.noises and msg.get(11) in ("", *(f"N{n + 1}" for n in range(self.noises)))):
            super().on_report(msg)
            return
        if order is None:
            self.world.fail(f"OMS: a report of no order of its own: {msg.raw!r}")
            return
        order.answered = True
        known = msg.get(17) in self.reports
        super().on_report(msg)
        if not known and msg.get(150) != "I" and msg.get(39) != "8":
            order.status = msg.get(39)
            if Decimal(msg.get(14)) > order.quantity:
                self.world.fail(f"OMS: {order.cl_ord_id} is filled beyond its quantity")
        elif not known and msg.get(39) == "8" and not order.status:
            order.status = "8"


class Feed:
    """Prices: an answer to each subscription, then a change now and then."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.peer = Peer(world, name, initiator=False, repeats=frozenset())
        self.peer.party = self
        self._turn = 0
        world.timeline.later(5 * NS, "", self.tick)

    def on_logon(self) -> None: ...

    def on_reset(self) -> None: ...

    def on_message(self, msg: Msg) -> None:
        if msg.kind == "V":
            for isin in self.world.isins:
                self.publish(isin)

    def tick(self) -> None:
        """Prices grow old: say one of them again, each in its turn."""
        self._turn += 1
        self.publish(self.world.isins[self._turn % len(self.world.isins)])
        self.world.timeline.later(5 * NS, "", self.tick)

    def publish(self, isin: str) -> None:
        if self.peer.active:
            fair = self.world.fair[isin]
            body = [(262, "m"), (55, "[N/A]"), (48, isin), (22, "4"), (268, 2)]
            self.peer.send(
                "W", [*body, (269, 0), (270, f"{fair - Decimal('0.05')}"), (269, 1), (270, f"{fair + Decimal('0.05')}")]
            )


@dataclass
class DealerOrder:
    cl_ord_id: str
    quantity: Decimal
    price: Decimal
    side: str
    isin: str
    state: str = "open"
    filled: Decimal = Decimal(0)
    executions: list[str] = field(default_factory=list)
    reports: list[tuple[tuple[int, object], ...]] = field(default_factory=list)


@dataclass(frozen=True)
class Temper:
    """How a dealer behaves; probabilities of one answer."""

    silent: float = 0.1
    decline: float = 0.1
    withdraw: float = 0.05
    indicative: float = 0.05
    reject: float = 0.15
    stall: float = 0.1
    partial: float = 0.2
    repeat_fill: float = 0.1
    lie: float = 0.02
    noise: float = 0.03
    acknowledge: float = 0.5
    change: float = 0.2
    quote_s: tuple[float, float] = (0.05, 4.0)
    fill_s: tuple[float, float] = (0.01, 3.0)
    life_s: tuple[float, ...] = (3, 10, 60, 60)


class Dealer:
    """Quotes, stalls, looks twice, dies and repeats itself; never forgets an order."""

    def __init__(self, world: World, name: str, temper: Temper) -> None:
        self.world = world
        self.temper = temper
        self.peer = Peer(world, name, initiator=False, repeats=frozenset({"8", "9"}))
        self.peer.party = self
        self.rng = random.Random(f"{world.seed}-{name}")
        self.requests: dict[str, Msg] = {}
        self.resets_before: dict[str, int] = {}
        """How often its numbers had begun anew when it was asked, by QuoteReqID(131)."""
        self.request_seqs: list[int] = []
        self.orders: dict[str, DealerOrder] = {}
        self.said_refused: set[str] = set()
        self.lies: set[str] = set()
        """Keys of executions that are not true: quarantined, never booked."""
        self._count = 0

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{self.peer.name}-{kind}{self._count}"

    def _later(self, seconds: tuple[float, float], label: str, action: object, *args: object) -> None:
        self.world.timeline.later(int(self.rng.uniform(*seconds) * NS), label, action, *args)  # type: ignore[arg-type]

    def on_logon(self) -> None: ...

    def on_reset(self) -> None:
        for order in self.orders.values():
            for report in order.reports:
                self.peer.send("8", report, poss_resend=True)

    def on_message(self, msg: Msg) -> None:
        handler = {"R": self._on_request, "D": self._on_order, "F": self._on_cancel, "H": self._on_status}.get(msg.kind)
        if handler is not None:
            handler(msg)

    # --- quoting -------------------------------------------------------------------------------------

    def _on_request(self, msg: Msg) -> None:
        if msg.get(131) in self.requests:
            self.world.fail(f"{self.peer.name}: QuoteReqID(131) {msg.get(131)} came twice")
        self.requests[msg.get(131)] = msg
        self.resets_before[msg.get(131)] = self.peer.resets
        self.request_seqs.append(msg.seq)
        draw, temper = self.rng.random(), self.temper
        if self.rng.random() < self.world.scenario.noise * temper.noise:
            self.make_noise()
        if draw < temper.silent:
            return
        if draw < temper.silent + temper.decline:
            self._later(temper.quote_s, "decline", self.decline, msg)
        else:
            self._later(temper.quote_s, "quote", self.quote, msg)

    def decline(self, request: Msg) -> None:
        body = [(131, request.get(131)), (658, 99), (146, 1), (55, "[N/A]"), (48, request.get(48)), (22, 4)]
        self.peer.send("AG", body)

    def quote(self, request: Msg, *, edge: Decimal | None = None, valid_s: float | None = None) -> str:
        isin, side = request.get(48), request.get(54)
        fair = self.world.fair[isin]
        off = edge if edge is not None else Decimal(self.rng.randint(-10, 40)) / 100
        price = fair + off if side == "1" else fair - off
        quote_id = self._next("Q")
        kind = 0 if self.rng.random() < self.temper.indicative else 1
        body: list[tuple[int, object]] = [(117, quote_id), (131, request.get(131)), (537, kind)]
        body += [(55, "[N/A]"), (48, isin), (22, 4), (54, side)]
        body += [(133, price), (135, request.get(38))] if side == "1" else [(132, price), (134, request.get(38))]
        life = valid_s if valid_s is not None else self.rng.choice(self.temper.life_s)
        body += [
            (62, timestamp(self.world.timeline.utc_ns + int(life * NS))),
            (60, timestamp(self.world.timeline.utc_ns)),
            (423, 1),
        ]
        self.peer.send("S", body)
        if self.rng.random() < self.temper.withdraw:
            self._later((0.1, 2), "withdraw", self._withdraw, request.get(131), quote_id)
        return quote_id

    def _withdraw(self, quote_req_id: str, quote_id: str) -> None:
        self.peer.send("Z", [(131, quote_req_id), (117, quote_id), (298, 1)])

    # --- trading -------------------------------------------------------------------------------------

    def _on_order(self, msg: Msg) -> None:
        cl_ord_id = msg.get(11)
        if cl_ord_id in self.orders:
            self.world.fail(f"{self.peer.name}: NewOrderSingle(D) {cl_ord_id} came twice")
        order = DealerOrder(cl_ord_id, Decimal(msg.get(38)), Decimal(msg.get(44)), msg.get(54), msg.get(48))
        if cl_ord_id in self.said_refused:
            self.world.fail(f"{self.peer.name}: {cl_ord_id} arrived after it was said to be unknown")
        self.orders[cl_ord_id] = order
        self.world.dealer_took(self, order)
        temper = self.temper
        if self.rng.random() < temper.acknowledge:
            self._report(order, "0", "0")
        if self.rng.random() >= temper.stall:
            self._later(temper.fill_s, "decide", self.settle, order)

    def settle(self, order: DealerOrder, *, fill: bool | None = None) -> None:
        """The last look is over."""
        if order.state != "open":
            return
        rng, temper = self.rng, self.temper
        if fill is False or (fill is None and not order.filled and rng.random() < temper.reject):
            order.state = "rejected"
            self._report(order, "8", "8", (103, 0), (58, "last look"))
        elif fill is None and not order.filled and rng.random() < temper.partial:
            self.fill(order, order.quantity / 2)
            self._later(temper.fill_s, "rest", self.settle, order)
        else:
            self.fill(order, order.quantity - order.filled)

    def fill(self, order: DealerOrder, quantity: Decimal) -> None:
        order.filled += quantity
        if order.filled >= order.quantity:
            order.state = "filled"
        exec_id = self._next("E")
        order.executions.append(exec_id)
        self.world.dealer_filled(self, order)
        day = timestamp(self.world.timeline.utc_ns)[:8]
        body = self._report(
            order,
            "F",
            "2" if order.state == "filled" else "1",
            (31, order.price),
            (32, quantity),
            (75, day),
            exec_id=exec_id,
        )
        if self.rng.random() < self.temper.repeat_fill:
            self._later((0, 5), "repeat a fill", self._repeat, body)
        if self.rng.random() < self.temper.change:
            self._later((1, 20), "change a fill", self.change, order, exec_id, quantity)
        if self.rng.random() < self.world.scenario.noise * self.temper.lie:
            other = tuple((tag, order.price - 1 if tag == 31 else value) for tag, value in body)
            self.lies.add(exec_id)
            self._later((0, 5), "lie about a fill", self._repeat, other)

    def change(self, order: DealerOrder, exec_id: str, quantity: Decimal) -> None:
        """A trade is taken back, or half of it is; what was filled whole is open again for it, or over with less."""
        half = self.rng.random() < 0.5
        order.filled -= quantity / 2 if half else quantity
        if order.state == "filled":
            order.state = "open" if self.rng.random() < 0.5 else "canceled"
            if order.state == "open":
                self._later(self.temper.fill_s, "decide again", self.settle, order)
        status = {"open": "1" if order.filled else "0", "canceled": "4", "rejected": "8"}[order.state]
        told = ((31, order.price), (32, quantity / 2)) if half else ()
        body = self._report(order, "G" if half else "H", status, (19, exec_id), *told, exec_id=self._next("C"))
        if self.rng.random() < self.temper.repeat_fill:
            self._later((0, 5), "repeat a change", self._repeat, body)

    def _repeat(self, body: tuple[tuple[int, object], ...]) -> None:
        if not self.peer.resetting:
            self.peer.send("8", body, poss_resend=self.rng.random() < 0.5)

    def _report(
        self, order: DealerOrder, exec_type: str, status: str, *extra: tuple[int, object], exec_id: str = ""
    ) -> tuple[tuple[int, object], ...]:
        leaves = order.quantity - order.filled if order.state == "open" else Decimal(0)
        body: tuple[tuple[int, object], ...] = (
            (6, order.price if order.filled else 0),
            (11, order.cl_ord_id),
            (14, order.filled),
            (17, exec_id or self._next("S")),
            (37, f"{self.peer.name}-O-{order.cl_ord_id}"),
            (39, status),
            (48, order.isin),
            (22, 4),
            (54, order.side),
            (55, "[N/A]"),
            (60, timestamp(self.world.timeline.utc_ns)),
            (150, exec_type),
            (151, leaves),
            *extra,
        )
        if exec_type in "F84GH":
            order.reports.append(body)
        self.peer.send("8", body)
        return body

    def _on_status(self, msg: Msg) -> None:
        order = self.orders.get(msg.get(11))
        if order is None:
            self.said_refused.add(msg.get(11))
            body: list[tuple[int, object]] = [(6, 0), (11, msg.get(11)), (14, 0), (17, self._next("S")), (37, "NONE")]
            body += [
                (39, 8),
                (48, msg.get(48)),
                (22, 4),
                (54, msg.get(54)),
                (55, "[N/A]"),
                (103, 5),
                (150, "I"),
                (151, 0),
            ]
            self.peer.send("8", body)
            return
        status = {"open": "1" if order.filled else "0", "filled": "2", "rejected": "8", "canceled": "4"}[order.state]
        self._report(order, "I", status)
        if order.state == "open" and (self.world.is_orderly or self.rng.random() < 0.5):
            self._later(self.temper.fill_s, "decide when asked", self.settle, order)

    def _on_cancel(self, msg: Msg) -> None:
        order = self.orders.get(msg.get(41))
        body: list[tuple[int, object]] = [(11, msg.get(11)), (41, msg.get(41)), (434, 1)]
        if order is None:
            self.said_refused.add(msg.get(41))
            self.peer.send("9", [*body, (37, "NONE"), (39, 8), (102, 1)])
        elif order.state != "open" or self.rng.random() < 0.3:
            status = {"open": "0", "filled": "2", "rejected": "8", "canceled": "4"}[order.state]
            self.peer.send("9", [*body, (37, "X"), (39, status), (102, 0)])
        else:
            order.state = "canceled"
            self._report(order, "4", "4", (41, msg.get(41)))

    def settle_all(self) -> None:
        """An end to stalling: every open order is filled or refused."""
        for order in self.orders.values():
            if order.state == "open":
                self.settle(order, fill=self.rng.random() < 0.5 or bool(order.filled))

    # --- noise ---------------------------------------------------------------------------------------

    def make_noise(self) -> None:
        """Something that is wrong, of one kind or another."""
        rng, peer, now = self.rng, self.peer, timestamp(self.world.timeline.utc_ns)
        isin = rng.choice(self.world.isins)
        nothing = [(6, 0), (11, "nothing"), (14, 5), (17, self._next("N")), (37, "Z"), (39, 2), (48, isin), (22, 4)]
        choice = rng.randrange(12)
        self.world.note(f"{peer.name} makes noise {choice}")
        if choice == 0:
            peer.raw(bytes(rng.randrange(256) for _ in range(rng.randint(1, 80))))
        elif choice == 1:
            frame = encode("8", peer.next_out, peer.name, "BUYSIDE", now, nothing)
            peer.raw(frame[:-4] + b"xyz\x01")
        elif choice == 2:
            peer.send("S", [(117, "q"), (131, "nobody asked"), (55, "[N/A]"), (48, isin), (133, 99)])
        elif choice == 3:
            body = [*nothing, (31, 99), (32, 1000), (54, 1), (55, "[N/A]"), (60, now), (150, "F"), (151, 0)]
            self.lies.add(str(dict(nothing)[17]))
            peer.send("8", body)
        elif choice == 4:
            peer.send("ZZ", [(58, "no such thing")])
        elif choice == 5:
            peer.send("8", [(11, "nothing"), (150, "F")])
        elif choice == 6:
            peer.send("8", [(17, self._next("N")), (11, ""), (31, "NaN"), (32, "-5"), (39, 2), (150, "F")])
        elif choice == 7 and self.requests:
            request = rng.choice(list(self.requests.values()))
            peer.send(
                "S", [(117, "q2"), (131, request.get(131)), (133, rng.choice(("NaN", "-1", "1e400", "x"))), (537, 1)]
            )
        elif choice == 8 and self.request_seqs:
            peer.send("j", [(45, rng.choice(self.request_seqs)), (372, "R"), (380, 2), (58, "unknown security")])
        elif choice == 9:
            peer.send("9", [(11, "x"), (41, "nothing"), (39, 8), (102, 1), (434, 1), (37, "NONE")])
        elif choice == 10:
            peer.send("AI", [(117, "q"), (297, 5), (131, "nobody asked")])
        else:
            peer.raw(encode("8", peer.next_out, "SOMEBODY", "BUYSIDE", now, nothing))
            peer.next_out += 1
