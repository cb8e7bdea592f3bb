"""One sample of everything said, as a dialect spells it: what a configuration check re-reads before a session starts.

Every optional field is filled at least once. The values are made up and the same on every machine.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.clock import fix_timestamp
from engine.domain.messages import (
    AcceptQuote,
    AskDealer,
    AskPlacementStatus,
    BusinessReject,
    CancelPlacement,
    CancelRefusal,
    DontKnowTrade,
    OrderReport,
    ReportKind,
    ReportProblem,
    ReportWords,
    Said,
    SubscribeMarketData,
    SubscribeRates,
    TradeReportAck,
)
from engine.domain.order import CancelProblem, OrderRefusal, OrderStatus, Side, TimeInForce
from engine.domain.placement import DkReason
from engine.fix.flows.dialect import Dialect
from engine.fix.flows.translation import ApplVer, speak
from engine.fix.wire.codec import frame

_ISIN: Final = "US0000000002"
_NOW_NS: Final = 1_900_000_000_123_000_000
_MINUTE_NS: Final = 60_000_000_000

_FILL: Final = OrderReport(
    exec_id="X-1",
    order_id="O-1",
    session="oms",
    cl_ord_id="C-1",
    orig_cl_ord_id="",
    kind=ReportKind.trade,
    ord_status=OrderStatus.filled,
    account="ACC1",
    trader="trader1",
    security_id=_ISIN,
    id_source="4",
    side=Side.buy,
    quantity=Decimal(5_000_000),
    limit_price=Decimal("99.125"),
    tif=TimeInForce.day,
    currency="USD",
    cum_quantity=Decimal(5_000_000),
    leaves_quantity=Decimal(0),
    average_price=Decimal("98.875"),
    transact_ns=_NOW_NS,
    last_quantity=Decimal(5_000_000),
    last_price=Decimal("98.875"),
    dealer="00000000000000000000",
    dealer_exec_id="E-1",
    trade_date="20300317",
    settl_date="20300318",
    accrued=Decimal("12345.67"),
    gross=Decimal(4_943_750),
    net=Decimal("4956095.67"),
    text="sample",
)

_REFUSED: Final = OrderReport(
    exec_id="X-2",
    order_id="",
    session="oms",
    cl_ord_id="C-2",
    orig_cl_ord_id="",
    kind=ReportKind.rejected,
    ord_status=OrderStatus.rejected,
    account="",
    trader="",
    security_id=_ISIN,
    id_source="4",
    side=Side.sell,
    quantity=Decimal(0),
    limit_price=None,
    tif=TimeInForce.day,
    currency="USD",
    cum_quantity=Decimal(0),
    leaves_quantity=Decimal(0),
    average_price=Decimal(0),
    transact_ns=_NOW_NS,
    code=OrderRefusal.incorrect_quantity,
    text="OrderQty(38)=0: expected more than 0",
)

SAMPLES: Final[tuple[tuple[str, Said], ...]] = (
    (
        "quote request",
        AskDealer(
            dealer="dealer",
            quote_req_id="R-1",
            security_id=_ISIN,
            id_source="4",
            side=Side.buy,
            quantity=Decimal(5_000_000),
            currency="USD",
            settl_date="20300318",
            collect_until_ns=_NOW_NS + _MINUTE_NS,
            firm_until_ns=_NOW_NS + 2 * _MINUTE_NS,
            transact_ns=_NOW_NS,
        ),
    ),
    (
        "order on a quote",
        AcceptQuote(
            dealer="dealer",
            placement_id="P-1",
            quote_id="Q-1",
            security_id=_ISIN,
            id_source="4",
            side=Side.buy,
            quantity=Decimal(5_000_000),
            price=Decimal("98.875"),
            currency="USD",
            settl_date="20300318",
            transact_ns=_NOW_NS,
        ),
    ),
    ("cancel", CancelPlacement("dealer", "P-2", "P-1", _ISIN, "4", Side.buy, Decimal(5_000_000), _NOW_NS)),
    ("status request", AskPlacementStatus("dealer", "P-1", _ISIN, "4", Side.buy)),
    (
        "answer to a trade report",
        TradeReportAck(
            ReportWords("T-1", "0", "0", "F", "T-0", "E-1", "V-1", "M-1", "4", _ISIN),
            _NOW_NS,
            ReportProblem.other,
            "kept for a person",
        ),
    ),
    (
        "no to an execution",
        DontKnowTrade(
            dealer="dealer",
            order_id="K-1",
            exec_id="E-1",
            reason=DkReason.price_exceeds_limit,
            security_id=_ISIN,
            id_source="4",
            side=Side.buy,
            quantity=Decimal(5_000_000),
            last_quantity=Decimal(1_000_000),
            last_price=Decimal("99.25"),
            text="not our trade",
        ),
    ),
    ("market data request", SubscribeMarketData("M-1", (_ISIN, "US0000000010"))),
    ("market data request for rates", SubscribeRates("M-2", ("EUR/USD", "USD/JPY"))),
    ("fill", _FILL),
    ("refusal of an order", _REFUSED),
    (
        "refusal of a cancel",
        CancelRefusal("O-1", "C-3", "C-1", OrderStatus.filled, CancelProblem.too_late, "too late to cancel"),
    ),
    ("business reject", BusinessReject("AB", 7, 3, "MsgType(35)=AB is not supported", "C-4")),
)


def render_samples(dialect: Dialect, *, appl_ver: ApplVer = "44") -> list[tuple[str, Said, bytes]]:
    """Name, value and whole message of every sample, and of the fill's drop copy, in `dialect`."""
    samples = [(name, said, _whole(said, dialect, appl_ver)) for name, said in SAMPLES]
    samples.append(("drop copy of a fill", _FILL, _whole(_FILL, dialect, appl_ver, copy=True)))
    return samples


def _whole(said: Said, dialect: Dialect, appl_ver: ApplVer, *, copy: bool = False) -> bytes:
    msg_type, body = speak(said, dialect, copy=copy, appl_ver=appl_ver)
    return frame(
        begin_string="FIX.4.4" if appl_ver == "44" else "FIXT.1.1",
        msg_type=msg_type,
        seq_num=1,
        sender="SENDER",
        target="TARGET",
        sending_time=fix_timestamp(_NOW_NS),
        body=body,
    )
