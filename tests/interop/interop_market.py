"""What dealers, the provider of prices and the desk's OMS say, whoever's engine carries it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from interop_wire import Body, Said, utc_now

MID = "99.50"
Outgoing = tuple[str, Body]


@dataclass(slots=True)
class DealerDesk:
    """A dealer's application: quotes what it is asked, trades on its quotes, knows its orders when asked."""

    name: str
    offer: str = "99.60"
    bid: str = "99.40"
    quoting: str = "quote"
    """quote, decline, or hold (no answer until `quote`)"""
    filling: str = "fill"
    """fill, parts (two fills), reject, or hold (no answer until `release`)"""
    canceling: str = "unknown"
    """unknown (it knows no such order), or hold (no answer to a cancel)"""
    asked: list[Said] = field(default_factory=list)
    orders: dict[str, Said] = field(default_factory=dict)
    status_asked: list[Said] = field(default_factory=list)
    done: dict[str, list[Body]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, said: Said) -> Iterator[Outgoing]:
        if said.kind == "R":
            self.asked.append(said)
            yield from self._to_request(said)
        elif said.kind == "D":
            self.orders[said[11]] = said
            if self.filling != "hold":
                yield from self.release(said[11])
        elif said.kind == "H":
            self.status_asked.append(said)
            yield self._status(said)
        elif said.kind == "F" and self.canceling == "unknown":
            yield "9", [(37, "NONE"), (11, said[11]), (41, said[41]), (39, "8"), (434, "1"), (102, "1")]

    def _to_request(self, said: Said) -> Iterator[Outgoing]:
        if self.quoting == "decline":
            bond = [(55, "[N/A]"), (48, said[48]), (22, "4")]
            yield "AG", [(131, said[131]), (658, "9"), (146, [bond]), (58, "axed the other way")]
        elif self.quoting == "quote":
            yield self.quote(said)

    def quote(self, said: Said) -> Outgoing:
        """Its quote for a request."""
        return "S", [
            (131, said[131]), (117, f"{self.name}-{next(self._numbers)}"), (537, "1"), (55, "[N/A]"), (48, said[48]),
            (22, "4"), (132, self.bid), (133, self.offer), (134, said[38]), (135, said[38]), (62, said[62]),
            (60, utc_now()), (423, "1"),
        ]  # fmt: skip

    def release(self, cl_ord_id: str) -> Iterator[Outgoing]:
        """Its answer to an order, from now on the same in every status."""
        order = self.orders[cl_ord_id]
        size = int(order[38])
        if self.filling == "reject":
            report = self._report(order, "8", "8", 0, 0, [(103, "0"), (58, "last look")])
            self.done[cl_ord_id] = [report]
        else:
            parts = (size * 2 // 5, size - size * 2 // 5) if self.filling == "parts" else (size,)
            self.done[cl_ord_id], filled = [], 0
            for part in parts:
                filled += part
                last = [(31, order[44]), (32, str(part))]
                status = "2" if filled == size else "1"
                self.done[cl_ord_id].append(self._report(order, "F", status, filled, size - filled, last))
        for report in self.done[cl_ord_id]:
            yield "8", report

    def tell(
        self, cl_ord_id: str, exec_type: str, status: str, filled: int, left: int, more: Sequence[tuple[int, str]] = ()
    ) -> Outgoing:
        """Whatever a test has it say of an order, under an ExecID(17) of its own; fields of `more` go before others."""
        order = self.orders[cl_ord_id]
        body = self._report(order, exec_type, status, filled, left, [])
        given = dict(more)
        return "8", [*((tag, given.pop(tag, value)) for tag, value in body), *given.items()]  # type: ignore[list-item]

    def fill(self, cl_ord_id: str, size: int, filled: int, left: int, price: str = "") -> Outgoing:
        """One part of an order, which it has `filled` of by then."""
        last = [(31, price or self.orders[cl_ord_id][44]), (32, str(size))]
        return self.tell(cl_ord_id, "F", "1" if left else "2", filled, left, last)

    def trade_report(self, cl_ord_id: str, size: int, report_id: str, more: Sequence[tuple[int, str]] = ()) -> Outgoing:
        """TradeCaptureReport(AE) of one part of an order, with its own side and ours; `more` goes before the sides."""
        order = self.orders[cl_ord_id]
        ours: Body = [(54, order[54]), (37, f"{self.name}-O{order[11][:6]}"), (11, order[11]), (15, "USD")]
        own: Body = [(54, "2" if order[54] == "1" else "1"), (37, f"{self.name}-own"), (15, "USD")]
        now = utc_now()
        given: dict[int, str] = {571: report_id, 570: "N", 55: "[N/A]", 48: order[48], 22: "4", 32: str(size)}
        given |= {31: order[44], 75: now[:8], 60: now, **dict(more)}
        return "AE", [*given.items(), (552, [own, ours])]

    def _report(
        self, order: Said, exec_type: str, status: str, filled: int, left: int, more: list[tuple[int, str]]
    ) -> Body:
        number = next(self._numbers)
        return [
            (37, f"{self.name}-O{order[11][:6]}"), (17, f"{self.name}-X{number}"), (11, order[11]), (150, exec_type),
            (39, status), (55, "[N/A]"), (48, order[48]), (22, "4"), (54, order[54]), (38, order[38]),
            (151, str(left)), (14, str(filled)), (6, order[44] if filled else "0"), (60, utc_now()), *more,
        ]  # fmt: skip

    def _status(self, said: Said) -> Outgoing:
        order = self.orders.get(said[11])
        if order is None:
            body: Body = [
                (37, "NONE"), (17, "0"), (11, said[11]), (150, "I"), (39, "8"), (55, "[N/A]"), (48, said[48]),
                (22, "4"), (54, said[54]), (38, "0"), (151, "0"), (14, "0"), (6, "0"), (103, "5"),
            ]  # fmt: skip
            return "8", body
        last = dict(self.done[said[11]][-1]) if said[11] in self.done else {39: "0", 14: "0", 151: order[38], 6: "0"}
        return "8", [
            (37, f"{self.name}-O{order[11][:6]}"), (17, "0"), (11, said[11]), (150, "I"), (39, last[39]),
            (55, "[N/A]"), (48, order[48]), (22, "4"), (54, order[54]), (38, order[38]), (151, last[151]),
            (14, last[14]), (6, last[6]), (60, utc_now()),
        ]  # fmt: skip


def prices(said: Said) -> Iterator[Outgoing]:
    """A provider's answer to MarketDataRequest(V): one snapshot (W) a bond, the same price for all."""
    if said.kind != "V":
        return
    for security in said.all(48):
        now = utc_now()
        date, time = now[:8], now[9:]
        sides = [[(269, side), (270, price), (271, "1000000"), (272, date), (273, time)] for side, price in _BOOK]
        body: Body = [(262, said[262]), (55, "[N/A]"), (48, security), (22, "4"), (268, sides)]
        yield "W", body


_BOOK = (("0", "99.45"), ("1", "99.55"))


def order(
    cl_ord_id: str, security: str, quantity: int, *, side: str = "1", limit: str | None = None, account: str = "ACC1"
) -> Body:
    """NewOrderSingle(D) as an OMS writes it."""
    price = [(40, "2"), (44, limit), (423, "1")] if limit is not None else [(40, "1")]
    return [
        (11, cl_ord_id), (1, account), (21, "1"), (55, "[N/A]"), (48, security), (22, "4"), (54, side),
        (38, str(quantity)), *price, (15, "USD"), (59, "0"), (60, utc_now()),
    ]  # fmt: skip


def cancel(cl_ord_id: str, orig_cl_ord_id: str, security: str, quantity: int, *, side: str = "1") -> Body:
    """OrderCancelRequest(F)."""
    return [
        (41, orig_cl_ord_id), (11, cl_ord_id), (55, "[N/A]"), (48, security), (22, "4"), (54, side),
        (38, str(quantity)), (60, utc_now()),
    ]  # fmt: skip


def replace(
    cl_ord_id: str, orig_cl_ord_id: str, security: str, quantity: int, *, side: str = "1", limit: str | None = None
) -> Body:
    """OrderCancelReplaceRequest(G)."""
    price = [(40, "2"), (44, limit), (423, "1")] if limit is not None else [(40, "1")]
    return [
        (41, orig_cl_ord_id), (11, cl_ord_id), (1, "ACC1"), (21, "1"), (55, "[N/A]"), (48, security), (22, "4"),
        (54, side), (38, str(quantity)), *price, (15, "USD"), (59, "0"), (60, utc_now()),
    ]  # fmt: skip


def status(cl_ord_id: str, security: str, *, side: str = "1") -> Body:
    """OrderStatusRequest(H)."""
    return [(11, cl_ord_id), (55, "[N/A]"), (48, security), (22, "4"), (54, side)]
