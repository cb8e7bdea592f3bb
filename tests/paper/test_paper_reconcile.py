"""Planted losses and doubles are found, and an honest day is not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paper import wire
from paper.clock import NS_PER_S, format_timestamp
from paper.main import main
from paper.reconcile import Report, reconcile
from paper.store import Fate, Numbers, Store
from paper_support import ISIN, MUNI

NOW_NS = 1_893_578_400 * NS_PER_S


class Book:
    """Writes a party's record as its sessions would have."""

    def __init__(self, path: Path, name: str, role: str) -> None:
        self.store = Store(path / f"{name.lower()}.db")
        self.store.remember("party", "self", {"name": name, "role": role})
        self._next: dict[tuple[str, str], int] = {}
        self.name = name

    def heard(self, msg_type: str, *, on: str = "", fate: Fate = Fate.HANDLED, **fields: Any) -> None:
        self._keep("in", msg_type, on or self.name, fate, fields)

    def said(self, msg_type: str, **fields: Any) -> None:
        self._keep("out", msg_type, self.name, Fate.SENT, fields)

    def _keep(self, direction: str, msg_type: str, us: str, fate: Fate, fields: dict[str, Any]) -> None:
        key = (us, direction)
        seq = fields.pop("seq", self._next.get(key, 1))
        self._next[key] = max(self._next.get(key, 1), seq + 1)
        epoch = fields.pop("epoch", 1)
        poss_dup = bool(fields.pop("dup", False))
        sender, target = ("BUYSIDE", us) if direction == "in" else (us, "BUYSIDE")
        time = format_timestamp(NOW_NS + seq)
        body = [(int(name[1:]), value) for name, value in fields.items()]
        raw = wire.encode(
            msg_type, seq, sender, target, time, body, poss_dup=poss_dup, orig_sending_time=time if poss_dup else None
        )
        self.store.keep(f"{us}>BUYSIDE", epoch, direction, seq, msg_type, fate, NOW_NS + seq, raw)

    def note(self, kind: str, text: str = "") -> None:
        self.store.note(f"{self.name}>BUYSIDE", NOW_NS, kind, text)


class Day:
    """An honest day: one order of the OMS traded at ALDER, one entered by a trader at ELM."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.oms = Book(path, "OMS", "oms")
        self.alder = Book(path, "ALDER", "dealer")
        self.elm = Book(path, "ELM", "dealer")
        self.oms.said("D", t11="A1", t48=ISIN, t54="1", t38="100", t40="1")
        self.status("A", "X1")
        self.trade(self.alder, "c1", "q1", "ALDER-E1", ISIN, "1", "100", "99.5")
        self.fill("X2", "A1", "ALDER-E1", ISIN, "1", "100", "99.5")
        self.trade(self.elm, "c2", "q2", "ELM-E1", MUNI, "2", "50", "104")
        self.copy("X3", "M1", "ELM-E1", MUNI, "2", "50", "104")

    def trade(
        self,
        dealer: Book,
        cl_ord_id: str,
        quote_id: str,
        exec_id: str,
        bond: str,
        side: str,
        size: str,
        price: str,
        ordered: str = "",
    ) -> None:
        dealer.heard("R", t131=f"r-{quote_id}", t48=bond)
        dealer.said("S", t131=f"r-{quote_id}", t117=quote_id, t48=bond)
        dealer.heard("D", t11=cl_ord_id, t117=quote_id, t48=bond, t54=side, t38=ordered or size, t44=price)
        self.dealer_fill(dealer, cl_ord_id, exec_id, bond, side, size, price)

    def dealer_fill(
        self, dealer: Book, cl_ord_id: str, exec_id: str, bond: str, side: str, size: str, price: str
    ) -> None:
        dealer.said("8", t11=cl_ord_id, t17=exec_id, t150="F", t39="2", t48=bond, t54=side, t32=size, t31=price)
        trade = {"said_as": [exec_id], "cl_ord_id": cl_ord_id, "security_id": bond, "side": side, "quantity": size}
        dealer.store.remember("trade", exec_id, trade | {"price": price, "stands": True, "told": True})

    def status(self, exec_type: str, exec_id: str, cl_ord_id: str = "A1") -> None:
        for on, mark in (("OMS", {}), ("DROPCOPY", {"t797": "Y"})):
            self.oms.heard("8", on=on, t11=cl_ord_id, t17=exec_id, t150=exec_type, t39="A", t14="0", **mark)

    def fill(self, exec_id: str, cl_ord_id: str, source: str, bond: str, side: str, size: str, price: str) -> None:
        self.told(exec_id, cl_ord_id, source, bond, side, size, price)
        self.copy(exec_id, cl_ord_id, source, bond, side, size, price)

    def told(
        self, exec_id: str, cl_ord_id: str, source: str, bond: str, side: str, size: str, price: str, **more: Any
    ) -> None:
        self._report("OMS", exec_id, cl_ord_id, source, bond, side, size, price, **more)

    def copy(
        self, exec_id: str, cl_ord_id: str, source: str, bond: str, side: str, size: str, price: str, **more: Any
    ) -> None:
        self._report("DROPCOPY", exec_id, cl_ord_id, source, bond, side, size, price, **({"t797": "Y"} | more))

    def _report(
        self,
        on: str,
        exec_id: str,
        cl_ord_id: str,
        source: str,
        bond: str,
        side: str,
        size: str,
        price: str,
        **more: Any,
    ) -> None:
        fields: dict[str, Any] = {
            "t11": cl_ord_id,
            "t17": exec_id,
            "t527": source,
            "t150": "F",
            "t39": "2",
            "t48": bond,
        }
        fields |= {"t54": side, "t32": size, "t31": price, "t14": size}
        if not source:
            del fields["t527"]
        self.oms.heard("8", on=on, **(fields | more))

    def close(self) -> Report:
        for book in (self.oms, self.alder, self.elm):
            book.store.commit()
            book.store.close()
        return reconcile(self.path)


Plant = Callable[[Day], object]
FILL = ("X2", "A1", "ALDER-E1", ISIN, "1", "100", "99.5")


def test_an_honest_day_has_no_findings(tmp_path: Path) -> None:
    report = Day(tmp_path).close()
    assert report.findings == ()
    assert report.counts["trades"] == 2
    assert report.counts["fills of trader-entered orders"] == 1
    assert "nothing lost" in report.as_text()
    assert main(["reconcile", "--state-dir", str(tmp_path)]) == 0


def test_a_record_is_opened_only_to_be_read(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.oms.store.set_numbers("OMS>BUYSIDE", Numbers(1, 9, 9))
    day.close()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.db")}
    reconcile(tmp_path)
    assert before == {path.name: path.read_bytes() for path in tmp_path.glob("*.db")}


def quiet_repeats(day: Day) -> None:
    """What a resend and an epoch may bring, and is no double."""
    day.oms.heard("8", fate=Fate.DUPLICATE, seq=2, dup=True, **told_fields())
    day.told(*FILL, epoch=2, t97="Y")
    day.alder.heard("4", fate=Fate.DUPLICATE, seq=1, dup=True, t36="3", t123="Y")


def told_fields() -> dict[str, Any]:
    fields = {"t11": "A1", "t17": "X2", "t527": "ALDER-E1", "t150": "F", "t39": "2", "t48": ISIN}
    return fields | {"t54": "1", "t32": "100", "t31": "99.5", "t14": "100"}


def test_what_came_before_its_turn_counts_in_its_turn(tmp_path: Path) -> None:
    """The last of three reports comes above a gap and is held; CumQty(14) is that of the last by number."""
    day = Day(tmp_path)
    fields = {"t11": "A1", "t48": ISIN, "t54": "1", "t39": "1", "t150": "0", "t14": "100"}
    day.oms.heard("8", **fields, t17="X9", seq=9)
    day.oms.heard("8", **(fields | {"t14": "0"}), t17="X8", seq=8)
    for seq, exec_id in ((8, "X8"), (9, "X9")):
        day.oms.heard("8", on="DROPCOPY", **fields, t17=exec_id, t797="Y", seq=seq)
    assert day.close().findings == ()


def test_resends_and_repeats_that_say_so_are_no_doubles(tmp_path: Path) -> None:
    day = Day(tmp_path)
    quiet_repeats(day)
    assert day.close().findings == ()


def a_trade_cancelled(day: Day) -> None:
    """The desk takes a fill back on both sessions."""
    for on, mark in (("OMS", {}), ("DROPCOPY", {"t797": "Y"})):
        day.oms.heard("8", on=on, t11="A1", t17="X9", t19="X2", t150="H", t39="0", t48=ISIN, t54="1", t14="0", **mark)


def a_trade_corrected(day: Day) -> None:
    """The desk has a fill at another price from now on."""
    fields = told_fields() | {"t17": "X9", "t19": "X2", "t527": "ALDER-E2", "t150": "G", "t31": "99.25"}
    for on, mark in (("OMS", {}), ("DROPCOPY", {"t797": "Y"})):
        day.oms.heard("8", on=on, **fields, **mark)


def thought_again(day: Day, exec_type: str, **changed: Any) -> None:
    """The dealer does the same in its own book, and says so."""
    trade = {"said_as": ["ALDER-E1", "ALDER-E2"], "cl_ord_id": "c1", "security_id": ISIN, "side": "1"}
    trade |= {"quantity": "100", "price": "99.5", "stands": True, "told": True, **changed}
    day.alder.store.remember("trade", "ALDER-E1", trade)
    day.alder.said("8", t11="c1", t17="ALDER-E2", t19="ALDER-E1", t150=exec_type, t39="4", t48=ISIN, t54="1")


@pytest.mark.parametrize(
    ("desk", "exec_type", "changed", "count"),
    [
        pytest.param(a_trade_cancelled, "H", {"stands": False}, "trades canceled", id="canceled"),
        pytest.param(a_trade_corrected, "G", {"price": "99.25"}, "trades corrected", id="corrected"),
    ],
)
def test_what_a_dealer_takes_back_and_the_desk_too_is_no_difference(
    tmp_path: Path, desk: Plant, exec_type: str, changed: dict[str, Any], count: str
) -> None:
    day = Day(tmp_path)
    thought_again(day, exec_type, **changed)
    desk(day)
    report = day.close()
    assert report.findings == ()
    assert report.counts[count] == 1


@pytest.mark.parametrize("gone", [None, "8", "9"])
def test_equal_trades_of_an_order_may_be_taken_for_each_other_where_a_report_has_no_name(
    tmp_path: Path, gone: str | None
) -> None:
    """The report of the second, without ExecID(17), was taken for the first one's, and the second booked by its 8."""
    day = Day(tmp_path)
    day.oms.said("D", t11="A9", t48=ISIN, t54="1", t38="200", t40="1")
    day.status("A", "X5", "A9")
    day.trade(day.alder, "c9", "q9", "ALDER-E8", ISIN, "1", "100", "99.5", ordered="200")
    day.dealer_fill(day.alder, "c9", "ALDER-E9", ISIN, "1", "100", "99.5")
    day.alder.said("AE", t571="ALDER-T9", t487="0", t48=ISIN, t32="100", t31="99.5", t552="1", t54="1", t11="c9")
    second = day.alder.store.recall("trade", "ALDER-E9")
    day.alder.store.remember("trade", "ALDER-E9", second | {"reported_as": ["ALDER-T9"]})
    day.fill("X8", "A9", "ALDER-T9", ISIN, "1", "100", "99.5")
    day.told("X9", "A9", "ALDER-E9", ISIN, "1", "100", "99.5", t14="200")
    day.copy("X9", "A9", "ALDER-E9", ISIN, "1", "100", "99.5", t14="200")
    if gone:
        trade = day.alder.store.recall("trade", f"ALDER-E{gone}")
        day.alder.store.remember("trade", f"ALDER-E{gone}", trade | {"stands": False})
        for on, mark in (("OMS", {}), ("DROPCOPY", {"t797": "Y"})):
            day.oms.heard("8", on=on, t11="A9", t17="X10", t19=f"X{gone}", t150="H", t39="1", t14="100", **mark)
    assert day.close().findings == ()


def test_a_difference_says_which_trade_it_is_about(tmp_path: Path) -> None:
    day = Day(tmp_path)
    thought_again(day, "H", stands=False)
    names = {"ALDER-E1", "ALDER-E2", "c1"}
    assert {finding.kind: set(finding.about) for finding in day.close().findings} == {
        "cancel_not_told": names,
        "totals_differ": names,
    }


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        pytest.param(lambda d: d.told(*FILL), {"fill_doubled"}, id="a fill told twice under two numbers"),
        pytest.param(
            lambda d: d.fill("X7", "A1", "ALDER-E1", ISIN, "1", "100", "99.5"),
            {"fill_booked_twice", "overfilled", "totals_differ", "cum_qty_differs"},
            id="one trade booked under two ExecIDs",
        ),
        pytest.param(
            lambda d: d.told("X2", "A1", "ALDER-E1", ISIN, "1", "100", "98"),
            {"exec_id_conflict"},
            id="one ExecID with two prices",
        ),
        pytest.param(
            lambda d: d.trade(d.alder, "c9", "q9", "ALDER-E9", ISIN, "1", "10", "99"),
            {"fill_not_told", "totals_differ"},
            id="a trade nobody told the desk of",
        ),
        pytest.param(
            lambda d: d.told("X8", "A1", "", ISIN, "1", "0", "99", t14="100"),
            {"copy_missing"},
            id="a fill missing on the drop copy",
        ),
        pytest.param(
            lambda d: d.copy("X8", "A1", "", ISIN, "1", "0", "99"),
            {"fill_lost"},
            id="a fill of the OMS's order on the drop copy only",
        ),
        pytest.param(
            lambda d: d.copy("X3", "M1", "ELM-E1", MUNI, "2", "50", "104", epoch=2, t97="Y", t797="N"),
            {"copy_unmarked"},
            id="a copy that does not say so",
        ),
        pytest.param(
            lambda d: d.oms.heard("8", t11="A1", t17="X5", t150="0", t39="0", t14="100"),
            {"copy_missing"},
            id="a status missing on the drop copy",
        ),
        pytest.param(
            lambda d: d.oms.said("D", t11="A2", t48=ISIN, t38="5"), {"unanswered"}, id="an order met with silence"
        ),
        pytest.param(
            lambda d: d.oms.said("F", t11="C1", t41="A1", t38="5"), {"unanswered"}, id="a cancel met with silence"
        ),
        pytest.param(lambda d: d.oms.said("H", t11="A1"), {"unanswered"}, id="a status request met with silence"),
        pytest.param(
            lambda d: (d.oms.said("D", t11="A2", t48=ISIN, t38="5", seq=7), d.oms.heard("j", t45="7", t372="D")),
            {"refused"},
            id="an order met with a business reject",
        ),
        pytest.param(
            lambda d: (d.alder.heard("D", t11="c1", t117="q1", t48=ISIN), d.alder.said("8", t11="c1", t150="I")),
            {"order_repeated", "quote_taken_twice"},
            id="an order sent to a dealer under two numbers",
        ),
        pytest.param(
            lambda d: (d.alder.heard("D", t11="c5", t117="q1", t48=ISIN), d.alder.said("8", t11="c5", t150="8")),
            {"quote_taken_twice"},
            id="two orders on one quote",
        ),
        pytest.param(
            lambda d: d.dealer_fill(d.alder, "c1", "ALDER-E7", ISIN, "1", "10", "99.5"),
            {"traded_beyond_order", "fill_not_told", "totals_differ"},
            id="a dealer that trades more than was ordered",
        ),
        pytest.param(
            lambda d: d.alder.heard("D", t11="c6", t117="q6", t48=ISIN),
            {"unanswered_at_dealer"},
            id="a dealer that forgot",
        ),
        pytest.param(
            lambda d: [d.alder.heard("F", t11=f"f{n}", t41="c1", t38="100") for n in range(20)],
            {"asked_without_end"},
            id="a cancel said over and over",
        ),
        pytest.param(
            lambda d: d.elm.heard("R", t131="r-q2", t48=MUNI), {"request_repeated"}, id="a request under two numbers"
        ),
        pytest.param(
            lambda d: d.alder.heard("R", fate=Fate.DUPLICATE, seq=1, dup=True, t131="r-q1", t48=ISIN),
            {"asked_again"},
            id="a request sent again as a possible duplicate",
        ),
        pytest.param(
            lambda d: d.alder.heard("R", fate=Fate.TOO_LOW, seq=1, t131="r-x", t48=ISIN),
            {"number_reused"},
            id="a number used again",
        ),
        pytest.param(
            lambda d: d.alder.heard("0", fate=Fate.HELD, seq=9) or d.alder.heard("D", fate=Fate.HELD, seq=9, t11="c9"),
            {"number_reused"},
            id="a number used again beyond a gap",
        ),
        pytest.param(
            lambda d: d.oms.heard("8", fate=Fate.DUPLICATE, seq=2, dup=True, **(told_fields() | {"t31": "1"})),
            {"resend_differs"},
            id="a resend that says something else",
        ),
        pytest.param(
            lambda d: d.told("X9", "A9", "", ISIN, "1", "0", "99") or d.copy("X9", "A9", "", ISIN, "1", "0", "99"),
            {"fill_of_unknown_order"},
            id="a fill of an order nobody sent",
        ),
        pytest.param(
            lambda d: d.copy("X8", "M2", "ELM-E9", MUNI, "2", "5", "104"),
            {"fill_without_trade", "totals_differ"},
            id="a fill no dealer made",
        ),
        pytest.param(
            lambda d: thought_again(d, "G", price="99.25"), {"fill_differs"}, id="a correction the desk was not told"
        ),
        pytest.param(
            lambda d: d.alder.store.remember(
                "trade",
                "ALDER-E3",
                d.alder.store.recall("trade", "ALDER-E1") | {"said_as": ["ALDER-E3"], "quantity": "0"},
            ),
            {"not_reported_by_dealer", "fill_not_told"},
            id="a trade its dealer kept to itself",
        ),
        pytest.param(a_trade_cancelled, {"fill_not_told", "totals_differ"}, id="a trade cancelled at the desk alone"),
        pytest.param(lambda d: d.alder.note("garbled", "checksum"), {"garbled"}, id="garbled bytes"),
        pytest.param(lambda d: d.oms.note("rejected by peer", "7: 5"), {"rejected_by_peer"}, id="a message rejected"),
        pytest.param(
            lambda d: d.elm.note("logon refused", "MsgSeqNum too low, expecting 9 but received 5"),
            {"peer_lost_count"},
            id="numbers that do not meet",
        ),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, plant: Plant, kinds: set[str]) -> None:
    day = Day(tmp_path)
    plant(day)
    report = day.close()
    assert {finding.kind for finding in report.findings} == kinds
    assert report.as_json()["findings"]
    assert main(["reconcile", "--json", "--state-dir", str(tmp_path)]) == 1
