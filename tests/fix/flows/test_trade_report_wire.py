"""TradeCaptureReport(AE) as it is heard, field by field; TradeCaptureReportAck(AR), its answer, byte by byte."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from engine.domain import messages as m
from engine.domain.order import OrderStatus, Side
from engine.errors import ProtocolError
from engine.fix.flows.dialect import Dialect
from engine.fix.flows.translation import hear, speak
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import Message
from engine.fix.wire.validation import validate

ISIN: Final = "US0000000002"
AT: Final = "20261122-10:15:30.123"
AT_NS: Final = 1_795_342_530_123_000_000
DICTIONARIES: Final = {"44": built_in("FIX.4.4"), "50SP2": built_in("FIXT.1.1", "9")}
TRADE: Final = f"571=t1|570=N|55=[N/A]|48={ISIN}|22=4|32=1000|31=99.5|75=20261122|60={AT}"
SIDE: Final = "552=1|54=1|37=D1|11=p1"
BONDS: Final = Dialect(quantity_unit="bonds_1000")


def wire(text: str, version: str = "44") -> Message:
    pairs = [(int(tag), value) for tag, _, value in (field.partition("=") for field in text.split("|"))]
    frame = codec.frame(
        begin_string="FIX.4.4" if version == "44" else "FIXT.1.1",
        msg_type="AE",
        seq_num=7,
        sender="PEER",
        target="BUYSIDE",
        sending_time=AT,
        body=codec.encode_body(pairs),
    )
    return codec.decode(frame, DICTIONARIES[version])


def heard(text: str, version: str = "44", dialect: Dialect | None = None) -> m.TradeReport:
    found = hear("dealer", wire(text, version), dialect or Dialect())
    assert isinstance(found, m.TradeReport)
    return found


def test_a_whole_report() -> None:
    report = heard(
        f"571=t1|487=0|856=0|150=F|572=t0|880=m1|17=x1|39=1|527=v1|570=Y|423=1|55=[N/A]|48={ISIN}|22=4|38=5000|32=1000"
        f"|31=99.5|75=20261122|6=99.25|60={AT}|64=20261124|117=q1"
        "|552=2|54=2|37=L|11=theirs|54=1|37=D1|11=p1|15=USD|381=995|159=3|118=998|58=words"
    )
    assert report == m.TradeReport(
        act=m.TradeAct.new,
        trade=m.DealerReport(
            word=m.DealerWord.filled,
            cl_ord_id="",
            orig_cl_ord_id="",
            order_id="",
            exec_id="x1",
            security_id=ISIN,
            side=None,
            last_quantity=Decimal(1000),
            last_price=Decimal("99.5"),
            cum_quantity=None,
            leaves_quantity=None,
            average_price=Decimal("99.25"),
            trade_date="20261122",
            settl_date="20261124",
            transact_ns=AT_NS,
            order_quantity=Decimal(5000),
            bond_named=("4", ISIN),
            secondary_exec_id="v1",
            match_id="m1",
            trade_report_id="t1",
            trade_report_ref="t0",
            reported_before=True,
            report_words=m.ReportWords("t1", "0", "0", "F", "t0", "x1", "v1", "m1", "4", ISIN),
        ),
        sides=(
            m.TradeSide("theirs", "L", Side.sell, None, None, None, None, None, "", "", OrderStatus.partially_filled),
            m.TradeSide(
                "p1", "D1", Side.buy, None, None, Decimal(3), Decimal(995), Decimal(998), "USD", "words",
                OrderStatus.partially_filled,
            ),
        ),
        quote_id="q1",
    )  # fmt: skip


def test_as_little_as_can_be() -> None:
    report = heard(f"{TRADE}|{SIDE}")
    assert (report.act, report.odd, report.quote_id) == (m.TradeAct.new, "", "")
    assert (report.trade.exec_id, report.trade.trade_report_id, report.trade.reported_before) == ("t1", "t1", False)
    assert report.trade.report_words == m.ReportWords("t1", "", "", "F", "", "", "", "", "4", ISIN)
    [side] = report.sides
    assert (side.cl_ord_id, side.order_id, side.side, side.status) == ("p1", "D1", Side.buy, None)


def test_sides_without_their_group_are_read_beside_it() -> None:
    [side] = heard(f"{TRADE}|54=2|37=D1|11=p1").sides
    assert (side.cl_ord_id, side.order_id, side.side) == ("p1", "D1", Side.sell)


def test_what_one_side_lacks_is_not_taken_from_the_other() -> None:
    first, second = heard(f"{TRADE}|552=2|54=2|37=L|11=a|381=5|159=6|118=7|15=USD|120=EUR|58=b|54=1|37=M").sides
    assert (first.gross, first.text, first.currency, first.settl_currency) == (Decimal(5), "b", "USD", "EUR")
    assert second == m.TradeSide("", "M", Side.buy, None, None, None, None, None, "", "", None)


def test_fix_5_has_the_status_in_the_side_and_the_gross_amount_and_the_currency_beside_it() -> None:
    text = (
        f"1003=i1|571=t1|55=[N/A]|48={ISIN}|22=4|32=1000|31=99.5|15=USD|75=20261122|60={AT}|552=1|54=1|37=D1|11=p1|39=2"
    )
    report = heard(f"{text}|381=995", "50SP2")
    [side] = report.sides
    assert (side.status, side.gross, side.currency) == (OrderStatus.filled, Decimal(995), "USD")
    assert report.trade.match_id == "i1"


@pytest.mark.parametrize(
    ("changes", "act"),
    [
        ("487=0", m.TradeAct.new),
        ("487=1", m.TradeAct.cancel),
        ("487=2", m.TradeAct.correct),
        ("487=3", m.TradeAct.new),
        ("487=4", m.TradeAct.cancel),
        ("487=5", m.TradeAct.cancel),
        ("856=0", m.TradeAct.new),
        ("856=1", m.TradeAct.new),
        ("856=2", m.TradeAct.new),
        ("856=4", m.TradeAct.addendum),
        ("856=5", m.TradeAct.correct),
        ("856=6", m.TradeAct.cancel),
        ("856=7", m.TradeAct.cancel),
        ("856=11", m.TradeAct.new),
        ("856=12", m.TradeAct.addendum),
        ("856=13", m.TradeAct.correct),
        ("856=14", m.TradeAct.cancel),
        ("856=15", m.TradeAct.cancel),
        ("150=F", m.TradeAct.new),
        ("150=2", m.TradeAct.new),
        ("150=G", m.TradeAct.correct),
        ("150=H", m.TradeAct.cancel),
        ("487=0|856=6", m.TradeAct.cancel),
        ("487=1|856=0|150=H", m.TradeAct.cancel),
        ("487=2|150=F", m.TradeAct.correct),
        ("487=0|856=4", m.TradeAct.addendum),
        ("487=7", m.TradeAct.unheard_of),
        ("856=3", m.TradeAct.unheard_of),
        ("856=8", m.TradeAct.unheard_of),
        ("856=17", m.TradeAct.unheard_of),
        ("150=8", m.TradeAct.unheard_of),
        ("487=0|150=4", m.TradeAct.unheard_of),
        ("487=1|856=5", m.TradeAct.unheard_of),
        ("487=1|150=G", m.TradeAct.unheard_of),
    ],
)
def test_what_a_report_does_with_the_trade(changes: str, act: m.TradeAct) -> None:
    report = heard(f"{changes}|{TRADE}|{SIDE}")
    assert report.act is act
    assert bool(report.odd) is (act is m.TradeAct.unheard_of)
    words = {m.TradeAct.cancel: m.DealerWord.trade_canceled, m.TradeAct.correct: m.DealerWord.corrected}
    assert report.trade.word is words.get(act, m.DealerWord.filled)


def test_a_change_has_a_name_of_its_own_and_refers_to_the_trade_by_its_execution() -> None:
    trade = heard(f"487=1|572=t0|17=x1|{TRADE}|{SIDE}").trade
    assert (trade.exec_id, trade.refers_to, trade.trade_report_id, trade.trade_report_ref) == ("t1", "x1", "t1", "t0")
    assert heard(f"487=2|17=x2|19=x1|{TRADE}|{SIDE}").trade.refers_to == "x1"


@pytest.mark.parametrize(
    ("changes", "quantity", "price", "unread"),
    [
        ("31=n/a", 1000, None, "LastPx(31)=n/a: expected a price such as 99.25"),
        ("32=1E6", None, 99.5, "LastQty(32)=1E6: expected a quantity such as 1000000"),
        ("423=9", 1000, None, "PriceType(423)=9: expected 1, percent of par, or LastParPx(669) beside it"),
        ("423=6|669=98.5", 1000, 98.5, ""),
        ("32=0", 0, 99.5, "LastQty(32)=0: expected more than 0"),
        ("32=400000.5", None, 99.5, "LastQty(32)=400000.5: expected a whole face amount"),
    ],
)
def test_numbers_are_read_as_on_an_8(changes: str, quantity: int | None, price: float | None, unread: str) -> None:
    tags = {change.partition("=")[0] for change in changes.split("|")}
    kept = [field for field in TRADE.split("|") if field.partition("=")[0] not in tags]
    trade = heard("|".join([*kept, changes, SIDE])).trade
    assert (trade.last_quantity, trade.last_price) == (quantity, price)
    assert trade.unread == ((unread,) if unread else ())


def test_quantities_in_bonds() -> None:
    report = heard(f"{TRADE}|38=2000|552=1|54=1|37=D1|14=1000|151=1000", dialect=BONDS)
    assert (report.trade.last_quantity, report.trade.order_quantity) == (1_000_000, 2_000_000)
    assert (report.sides[0].cum_quantity, report.sides[0].leaves_quantity) == (1_000_000, 1_000_000)


@pytest.mark.parametrize(("text", "name"), [("1003=i1|17=x1", "i1"), ("17=x1", "x1")], ids=["by TradeID", "by ExecID"])
def test_a_report_without_a_name_of_its_own_has_another(text: str, name: str) -> None:
    report = heard(f"{text}|{TRADE.replace('571=t1|', '')}|{SIDE}")
    assert report.trade.report_words is not None
    assert (report.trade.trade_report_id, report.trade.report_words.report_id) == (name, name)


def test_a_report_without_any_name_is_rejected_by_the_session() -> None:
    with pytest.raises(ProtocolError) as caught:
        heard(f"{TRADE.replace('571=t1|', '')}|{SIDE}")
    assert (caught.value.reason, caught.value.tag) == (1, 571)


WORDS: Final = m.ReportWords("t1", "0", "0", "F", "t0", "x1", "v1", "m1", "1", "037833AK6")
ACK: Final = m.TradeReportAck(WORDS, AT_NS)


@pytest.mark.parametrize(
    ("ack", "body"),
    [
        pytest.param(
            ACK,
            f"17=x1|22=1|48=037833AK6|55=[N/A]|60={AT}|150=F|487=0|527=v1|571=t1|572=t0|856=0|880=m1|939=0|",
            id="accepted",
        ),
        pytest.param(
            replace(ACK, problem=m.ReportProblem.other, text="kept for a person"),
            f"17=x1|22=1|48=037833AK6|55=[N/A]|58=kept for a person|60={AT}|150=F|487=0|527=v1|571=t1|572=t0|751=99"
            "|856=0|880=m1|939=1|",
            id="rejected",
        ),
        pytest.param(
            replace(ACK, words=m.ReportWords("t1", "", "", "H", "", "", "", "", "", "")),
            f"55=[N/A]|60={AT}|150=H|571=t1|939=0|",
            id="as little as there was",
        ),
    ],
)
@pytest.mark.parametrize("dialect", [Dialect(), BONDS], ids=["face", "bonds"])
def test_an_acknowledgement(ack: m.TradeReportAck, body: str, dialect: Dialect) -> None:
    msg_type, said = speak(ack, dialect)
    assert (msg_type, said.decode().replace("\x01", "|")) == ("AR", body)
    for version, dictionary in DICTIONARIES.items():
        frame = codec.frame(
            begin_string="FIX.4.4" if version == "44" else "FIXT.1.1",
            msg_type=msg_type,
            seq_num=1,
            sender="BUYSIDE",
            target="PEER",
            sending_time=AT,
            body=said,
        )
        assert validate(codec.decode(frame, dictionary), dictionary, "strict") == []
