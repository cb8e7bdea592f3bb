"""A whole installation in a folder: engine.toml, dealers, rules, bonds, and a journal in which every dealer has a past.

What `rfqd` then runs is the shipped daemon; only the desk is as large as the measurement wants it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from benchmarks import house
from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.segments import segment_of
from engine.domain import events as e
from engine.domain.order import Handling, OrderFacts, OrderTerms, Side, TimeInForce
from engine.domain.rfq import AskPlan, ExecutePlan, Quote, QuoteKind
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.market.calendars import utc_date
from engine.market.securities import format_securities
from engine.rules.plan import Mode

OMS: Final = "OMS"
DROP_COPY: Final = "DROPCOPY"
DESK: Final = "BUYSIDE"
PAST_REQUESTS: Final = 6
"""Of every dealer."""

_ENGINE: Final = """
[engine]
dealers = "dealers.toml"
scoring = "scoring.toml"
[journal]
path = "var/journal.db"
durability = "{durability}"
[admin]
socket = "var/rfqd.sock"
[metrics]
port = 0
[fix]
listen_port = {port}
[risk]
notional_max = 50_000_000
open_rfqs_max = 10_000
price_collar_bps = 200.0
duplicate_window_s = 0.0
restricted_isins = []
restricted_issuers = []
[rules]
directory = "rules"
[reference]
securities = "securities.csv"
[[session]]
key = "oms"
role = "oms"
sender_comp_id = "{desk}"
target_comp_id = "{oms}"
connection_type = "acceptor"
[[session]]
key = "dropcopy"
role = "dropcopy"
sender_comp_id = "{desk}"
target_comp_id = "{drop_copy}"
connection_type = "acceptor"
"""
_SESSION: Final = """
[[session]]
key = "{key}"
role = "dealer"
sender_comp_id = "{desk}"
target_comp_id = "{comp_id}"
connection_type = "initiator"
host = "127.0.0.1"
port = {port}
"""
_DEALER: Final = """
[[dealer]]
id = "{key}"
name = "{key}"
lei = "{lei}"
session = "{key}"
asset_classes = ["corporate"]
firm_time_s = 30
"""
_SCORING: Final = """
half_life_days = 30.0
window_days = 90
[classic]
fill_rate = 0.30
price_improvement = 0.40
leakage = 0.20
speed = 0.10
[explore]  # the street waits for three requests, no more and no fewer
epsilon = 0
epsilon_untried = 0
epsilon_drop = 0
"""


def install(folder: Path, dealers: int, *, durability: str, port: int, dealers_port: int) -> Path:
    """Write everything; the path of engine.toml. Dealers are reached at one port, each by its own CompID."""
    names = house.dealer_names(dealers)
    sessions = [_SESSION.format(key=name, desk=DESK, comp_id=name.upper(), port=dealers_port) for name in names]
    engine = _ENGINE.format(durability=durability, port=port, desk=DESK, oms=OMS, drop_copy=DROP_COPY)
    (folder / "rules").mkdir(parents=True)
    (folder / "var").mkdir()
    (folder / "engine.toml").write_text(engine + "".join(sessions))
    (folder / "dealers.toml").write_text("".join(_DEALER.format(key=name, lei=_lei(name)) for name in names))
    (folder / "scoring.toml").write_text(_SCORING)
    (folder / "rules" / "house.rules").write_text(house.rule_text())
    (folder / "securities.csv").write_text(format_securities(house.bonds()))
    with Journal(folder / "var" / "journal.db", "normal", reserve_bytes=0) as journal:
        codec = events_codec()
        for number, events in enumerate(_past(names), 1):
            first = journal.head.event_seq + 1
            rows = []
            for offset, event in enumerate(events):
                name, version, body = codec.encode(event)
                rows.append(EventRow(first + offset, number, name, version, event.at_ns, body))
            journal.commit([StagedTurn(number, events[0].at_ns, "Noted", "past", "", tuple(rows))])
    return folder / "engine.toml"


def _lei(name: str) -> str:
    """ISO 17442: eighteen characters and two check digits, modulo 97."""
    body = f"0000{name.upper():X<14}"
    digits = int("".join(str(int(character, 36)) for character in body + "00"))
    return f"{body}{98 - digits % 97:02d}"


def _past(dealers: list[str]) -> Iterator[list[e.Event]]:
    """Requests that each dealer quoted and nobody took, one order each, over the last two months."""
    draw, today_ns = random.Random(5), time.time_ns() // NS_PER_DAY * NS_PER_DAY
    number = 0
    for days_ago in range(PAST_REQUESTS * 10, 0, -10):
        for dealer in dealers:
            number += 1
            at_ns = today_ns - days_ago * NS_PER_DAY + number * NS_PER_S
            yield _request(number, dealer, at_ns, draw.uniform(2, 40), draw.gauss(0, 3))


def _request(number: int, dealer: str, at_ns: int, latency_s: float, edge_bps: float) -> list[e.Event]:
    security, day, quantity, price = house.bond(), utc_date(at_ns), house.QUANTITY, Decimal(100)
    order_id, rfq_id = f"O-{number:06d}", f"Q-{number:06d}"
    segment = segment_of(security, quantity, "buy", day).key
    latency_ns = int(latency_s * NS_PER_S)
    answered_ns = at_ns + latency_ns
    terms = OrderTerms(
        cl_ord_id=f"past{number}",
        session="oms",
        account="PAST",
        trader="",
        security_id=security.security_id,
        side=Side.buy,
        quantity=quantity,
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency=security.currency,
        transact_ns=at_ns,
    )
    facts = OrderFacts(
        issuer=security.issuer,
        asset_class=security.asset_class.value,
        segment=segment,
        similar="",
        rating=security.rating,
        adv_30d=security.adv_30d,
        liquidity_score=security.liquidity_score,
        day=utc_day(at_ns),
        traits=security.traits,
    )
    plan = AskPlan(Mode.PARALLEL, (dealer,), 60 * NS_PER_S, 0, None, ExecutePlan(False))
    quote = Quote(
        quote_id=f"quote{number}",
        bid=price,
        offer=price,
        price=price,
        quantity=quantity,
        kind=QuoteKind.tradeable,
        firm_until_ns=answered_ns + 30 * NS_PER_S,
        received_ns=answered_ns,
        latency_ns=latency_ns,
        edge_bps=edge_bps,
    )
    return [
        e.OrderReceived(at_ns, order_id, terms, facts, None, "", "", "session:oms"),
        e.RfqOpened(at_ns, rfq_id, order_id, 1, plan, quantity, None, "person:past"),
        e.DealerAsked(at_ns, rfq_id, dealer, segment, f"req{number}", 1, at_ns + 60 * NS_PER_S),
        e.QuoteReceived(answered_ns, rfq_id, dealer, segment, quote, False),
        e.RfqDeciding(answered_ns, rfq_id, answered_ns + 30 * NS_PER_S, "all have answered"),
        e.RfqClosed(answered_ns, rfq_id, "no execution"),
        e.OrderReturned(answered_ns, order_id, "not wanted"),
        e.OrderCanceled(answered_ns, order_id, "canceled on request"),
    ]
