"""What a dealer says of the first acceptance of an order, as bytes of its session.

`8 17=E1 150=F 32=400000 14=400000`, or `AE 571=T1 32=400000 | 54=2 37=L | 54=1 37=K 11=P1`, its sides behind the rest.
What each of them has is added where the text does not say otherwise: of an ExecutionReport(8) 11, 37, 17, 48, 22, 54,
55, 150, 39 and 31; of a TradeCaptureReport(AE) 571, 570, 48, 22, 55, 31, 75, 60 and one side with 54, 37 and 11. `-`
stands for a field that is not there, P1 for our ClOrdID(11), BOND for its ISIN.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from desk_scene import Scene

from engine.desk.apply import apply
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import Side
from engine.domain.placement import Placement
from engine.fix.flows.dialect import DEFAULT
from engine.fix.flows.naming import AS_NAMED, Names
from engine.fix.flows.translation import hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.journal.event_codec import Codec, event_types

DICTIONARY: Final = built_in("FIX.4.4")
_CODEC: Final = Codec(event_types(vars(e), e.Event), e.UPCASTERS)

Fields = dict[int, str]


def dealer_says(world: Scene, order_id: str, text: str, session: str = "ash", names: Names = AS_NAMED) -> None:
    """One message, or `restart`: the state is from now on what its journal says."""
    kind, _, rest = text.partition(" ")
    if kind == "restart":
        restart(world)
        return
    placement = world.state.placements_of(order_id)[0]
    body, *sides = [_fields(part, placement) for part in rest.split("|")]
    fields = _execution(body, placement, world) if kind == "8" else _trade_report(body, sides, placement, world)
    frame = codec.frame(
        begin_string="FIX.4.4",
        msg_type=kind,
        seq_num=7,
        sender="DEALER",
        target="BUYSIDE",
        sending_time="20261123-15:00:00.000",
        body=codec.encode_body([(tag, value) for tag, value in fields if value != "-"]),
    )
    world.hear(session, hear("dealer", codec.decode(frame, DICTIONARY), DEFAULT, names))


def restart(world: Scene) -> None:
    """The state is what its journal says."""
    state = DeskState()
    for event in [*world.before, *world.events]:
        apply(state, _CODEC.decode(*_CODEC.encode(event)))
    assert state.digest() == world.state.digest()
    world.state = state


def acks(world: Scene) -> list[m.TradeReportAck]:
    return world.said(m.TradeReportAck)


def told(world: Scene, copy: bool = False) -> Decimal:
    """What the OMS, or the drop copy, was told is filled."""
    fills = [each for each in world.reports(copy) if each.kind is m.ReportKind.trade]
    return fills[-1].cum_quantity if fills else Decimal(0)


def _fields(text: str, placement: Placement) -> Fields:
    given = [field.partition("=") for field in text.split()]
    words = {"P1": placement.placement_id, "BOND": placement.security_id}
    return {int(tag): words.get(value, value) for tag, _, value in given}


def _execution(body: Fields, placement: Placement, world: Scene) -> list[tuple[int, str]]:
    always = {11: placement.placement_id, 37: "K", 17: f"X{world.turns}", **_instrument(placement)}
    always |= {54: _side(placement), 150: "F", 39: "1", 31: str(placement.price)}
    return list({**always, **body}.items())


def _trade_report(body: Fields, sides: list[Fields], placement: Placement, world: Scene) -> list[tuple[int, str]]:
    always = {571: f"T{world.turns}", 570: "N", **_instrument(placement), 31: str(placement.price)}
    always |= {75: "20261123", 60: "20261123-15:00:00.000"}
    ours = {54: _side(placement), 37: "K", 11: placement.placement_id}
    fields = list({**always, **body}.items())
    entries = sides or [{}]
    if len(entries) == 1:
        entries = [{**ours, **entries[0]}]
    fields.append((552, str(len(entries))))
    for each in entries:
        fields += each.items()
    return fields


def _instrument(placement: Placement) -> Fields:
    return {55: "[N/A]", 48: placement.security_id, 22: "4"}


def _side(placement: Placement) -> str:
    return "1" if placement.side is Side.buy else "2"
