"""A bond by its CUSIP, in every message that names one; identifiers that are unknown here, or name two bonds."""

from __future__ import annotations

import pytest
from desk_past import bond
from session_world import SessionWorld

from engine.clock import fix_timestamp
from engine.domain.instrument import cusip_check_digit, isin_of_cusip
from engine.domain.messages import DealerReport, Heard, MarketChanges, MarketPrice, QuoteAnswer
from engine.fix.flows.translation import Role, hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.market.naming import Naming

CUSIP = "99Z901ZZ" + cusip_check_digit("99Z901ZZ")
OTHER = "99Z902ZZ" + cusip_check_digit("99Z902ZZ")
BOND = bond(901, "Varnholt Energy", security_id=isin_of_cusip(CUSIP), cusip=CUSIP)
SECOND = bond(902, "Varnholt Energy", security_id=isin_of_cusip(OTHER), cusip=OTHER)


def world_of_two() -> SessionWorld:
    world = SessionWorld()
    for each in (BOND, SECOND):
        world.trading.desk.know(each.security_id, each)
    world.log_on("oms")
    world.log_on("ash")
    return world


def heard(msg_type: str, *fields: tuple[int, str]) -> Heard:
    """What a message says to a desk that has the two bonds."""
    frame = codec.frame(
        begin_string="FIX.4.4", msg_type=msg_type, seq_num=7, sender="PEER", target="BUYSIDE",
        sending_time="20261123-15:00:00.000", body=codec.encode_body(fields),
    )  # fmt: skip
    naming = Naming({each.security_id: each for each in (BOND, SECOND)})
    role: Role = "market" if msg_type in "WX" else "dealer"
    return hear(role, codec.decode(frame, built_in("FIX.4.4")), names=naming)


def order(world: SessionWorld, *named: tuple[int, str]) -> dict[int, str]:
    """The last report on a D that names its bond like this."""
    world.say(
        "oms", "D", (11, "C1"), (21, "3"), (55, "[N/A]"), *named, (54, "1"), (38, "1000000"), (40, "1"),
        (60, fix_timestamp(world.now.utc_ns)),
    )  # fmt: skip
    return dict(world.sent("oms")[-1])


BY_ISIN = {48: BOND.security_id, 22: "4"}
BY_CUSIP = {48: CUSIP, 22: "1", 455: BOND.security_id, 456: "4"}


def named_in(report: dict[int, str]) -> dict[int, str]:
    return {tag: report[tag] for tag in (48, 22, 455, 456) if tag in report}


@pytest.mark.parametrize(
    ("named", "told"),
    [
        pytest.param(((48, BOND.security_id), (22, "4")), BY_ISIN, id="ISIN"),
        pytest.param(((48, CUSIP), (22, "1")), BY_CUSIP, id="CUSIP"),
        pytest.param(((48, CUSIP),), BY_CUSIP, id="CUSIP without a source"),
        pytest.param(
            ((48, CUSIP), (22, "1"), (454, "1"), (455, BOND.security_id), (456, "4")), BY_CUSIP,
            id="CUSIP and its ISIN",
        ),
        pytest.param(
            ((48, "B000001"), (22, "2"), (454, "1"), (455, CUSIP), (456, "1")), BY_ISIN, id="SEDOL and a CUSIP"
        ),
        pytest.param(
            ((48, BOND.security_id), (22, "4"), (454, "1"), (455, "B000001"), (456, "2")), BY_ISIN,
            id="a SEDOL beside",
        ),
    ],
)  # fmt: skip
def test_an_order_is_taken_by_any_name_of_its_bond_and_told_of_by_it(
    named: tuple[tuple[int, str], ...], told: dict[int, str]
) -> None:
    """A CUSIP comes back with the ISIN beside it, also once the order was replaced, or asked after, by its ISIN."""
    world = world_of_two()
    report = order(world, *named)
    assert (report[150], named_in(report)) == ("0", told)
    ids = ((48, BOND.security_id), (22, "4"), (54, "1"), (55, "[N/A]"))
    at = fix_timestamp(world.now.utc_ns)
    world.say("oms", "G", (11, "C2"), (41, "C1"), *ids, (38, "2000000"), (40, "1"), (60, at))
    replaced = dict(world.sent("oms")[-1])
    assert (replaced[150], named_in(replaced)) == ("5", told)
    world.say("oms", "H", (11, "C2"), *ids)
    assert named_in(dict(world.sent("oms")[-1])) == told


def test_an_order_by_cusip_that_is_refused_is_told_of_by_it() -> None:
    report = order(world_of_two(), (48, CUSIP), (22, "1"), (15, "EUR"))
    assert (report[150], named_in(report)) == ("8", BY_CUSIP)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        pytest.param(((48, "B000001"), (22, "2")), "SecurityIDSource(22)=2: expected 4 (ISIN)", id="SEDOL"),
        pytest.param(((48, CUSIP[:8] + "X"), (22, "1")), "unknown security", id="no CUSIP of the master"),
        pytest.param(
            ((48, CUSIP), (22, "1"), (454, "1"), (455, OTHER), (456, "1")), "name two bonds", id="two CUSIPs"
        ),
        pytest.param(
            ((48, BOND.security_id), (22, "4"), (454, "1"), (455, OTHER), (456, "1")), "name two bonds",
            id="ISIN, CUSIP",
        ),
        pytest.param(
            ((48, CUSIP), (22, "1"), (454, "1"), (455, SECOND.security_id), (456, "4")), "name two bonds",
            id="CUSIP, ISIN",
        ),
    ],
)  # fmt: skip
def test_an_order_that_names_no_bond_or_two_is_refused(named: tuple[tuple[int, str], ...], words: str) -> None:
    report = order(world_of_two(), *named)
    assert (report[150], report[103]) == ("8", "1")
    assert words in report[58]
    given = dict(named)
    assert (report[48], report[22]) == (given[48], given[22])


def test_a_status_request_for_an_order_nobody_knows_names_its_bond_as_it_came() -> None:
    world = world_of_two()
    world.say("oms", "H", (11, "C9"), (55, "[N/A]"), (48, "99Z909ZZ0"), (22, "1"), (54, "1"))
    assert world.sent("oms")[-1][39] == "8"


def test_a_price_of_the_market_is_a_bonds_by_cusip_and_a_benchmarks_by_the_providers_name() -> None:
    message = heard("W", (48, CUSIP), (22, "1"), (268, "1"), (269, "0"), (270, "99"))
    assert isinstance(message, MarketPrice)
    assert message.security_id == BOND.security_id
    message = heard("W", (48, "UST10Y"), (22, "8"), (268, "1"), (269, "0"), (270, "99"))
    assert isinstance(message, MarketPrice)
    assert message.security_id == "UST10Y"
    changes = heard(
        "X", (268, "2"), (279, "0"), (269, "0"), (48, OTHER), (22, "1"), (270, "99"), (279, "0"), (269, "1")
    )
    assert isinstance(changes, MarketChanges)
    assert {each.security_id for each in changes.sides} == {SECOND.security_id}


def test_a_quote_and_a_fill_are_for_the_bond_of_their_cusip() -> None:
    quote = heard("S", (117, "q"), (131, "r"), (48, CUSIP), (22, "1"), (132, "99"))
    assert isinstance(quote, QuoteAnswer)
    assert quote.security_id == BOND.security_id
    fields = (6, "99"), (11, "p"), (14, "1"), (17, "x"), (37, "D"), (39, "2"), (54, "1"), (150, "F"), (151, "0")
    fill = heard("8", *fields, (48, CUSIP), (22, "1"))
    assert isinstance(fill, DealerReport)
    assert fill.security_id == BOND.security_id


@pytest.mark.parametrize(
    "named", [((48, "B000001"), (22, "2")), ((48, CUSIP), (22, "1"), (454, "1"), (455, OTHER), (456, "1"))]
)
def test_a_quote_or_a_fill_that_names_no_bond_or_two_is_for_none_of_ours(named: tuple[tuple[int, str], ...]) -> None:
    """It is heard, not rejected: the quote cannot be taken, the fill goes to a person with these words."""
    quote = heard("S", (117, "q"), (131, "r"), *named, (132, "99"))
    assert isinstance(quote, QuoteAnswer)
    fill = heard("8", (17, "x"), (39, "2"), (150, "F"), *named)
    assert isinstance(fill, DealerReport)
    for each in (quote, fill):
        assert each.security_id not in (BOND.security_id, SECOND.security_id, CUSIP)
        assert "(22)=2" in each.security_id or "two bonds" in each.security_id


def test_an_interest_is_kept_by_cusip_and_refused_by_an_unknown_source() -> None:
    world = world_of_two()
    fields = (28, "N"), (55, "[N/A]"), (54, "2"), (27, "1000000")
    world.say("ash", "6", (23, "A1"), *fields, (48, CUSIP), (22, "1"))
    assert [axe.security_id for axe in world.trading.state.axes_of_dealer("ash", world.now.utc_ns)] == [
        BOND.security_id
    ]
    world.say("ash", "6", (23, "A2"), *fields, (48, "B000001"), (22, "2"))
    answer = world.sent("ash")[-1]
    assert (answer[35], answer[380]) == ("j", "2")
    assert "SecurityIDSource(22)=2" in answer[58]
