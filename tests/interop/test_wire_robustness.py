"""Nonsense on the wire against the real program: the standard's answer, nothing lost, and the loop goes on.

One daemon for all of it. The OMS session is strict, as shipped; the dealer's is tolerant. Every test ends with proof
that the session it abused, and the one beside it, still answer; the last ones that orders still come to their end.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, OTHER_ISIN, Desk, Peer, Rfqd, run
from interop_link import Board, free_port
from interop_market import DealerDesk, order
from interop_raw import Fields, RawListener, RawPeer
from interop_scene import journal_rows
from interop_wire import Body, Said, utc_in, utc_now

from engine.admin.client import AdminClient

_numbers = itertools.count(1)


@dataclass(slots=True)
class Live:
    """The daemon and its dealer; each test logs on as the OMS anew."""

    desk: Desk
    rfqd: Rfqd
    dealer: RawPeer
    marks: RawPeer

    def recorded(self, event: str, **wanted: str) -> dict[str, Any]:
        """The event of this name with these values, once it is in the journal."""

        def found() -> dict[str, Any] | None:
            rows = journal_rows(self.desk.journal, f"SELECT body FROM events WHERE type = '{event}' ORDER BY seq")
            bodies = (json.loads(row[0]) for row in rows)
            return next((body for body in bodies if wanted.items() <= body.items()), None)

        return Board().until(f"{event} {wanted} on record", found)

    def quoted(self, quote_id: str) -> dict[str, Any]:
        """The quote of this number as the desk keeps it."""

        def found() -> dict[str, Any] | None:
            sql = "SELECT json_extract(body, '$.quote') FROM events WHERE type = 'QuoteReceived'"
            quotes = (json.loads(row[0]) for row in journal_rows(self.desk.journal, sql))
            return next((quote for quote in quotes if quote["quote_id"] == quote_id), None)

        return Board().until(f"quote {quote_id} on record", found)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder, run_dir = tmp_path_factory.mktemp("wire"), Path(tempfile.mkdtemp(prefix="rfq-"))
    listeners = {key: RawListener(key.upper()) for key in ("alder", "marks")}
    desk = Desk(
        folder,
        run_dir,
        free_port(),
        [
            Peer("oms", "oms", more='validation = "strict"'),
            Peer("alder", "dealer", listeners["alder"].port),
            Peer("marks", "market", listeners["marks"].port),
        ],
        more={"fix": "logon_timeout_s = 2.0\nmax_message_bytes = 8192"},
    )
    daemon = Rfqd(desk.write())
    try:
        daemon.start()
        peers = {key: listener.accept() for key, listener in listeners.items()}
        yield Live(desk, daemon, peers["alder"], peers["marks"])
        assert daemon.running, "the daemon lived through all of it"
        assert daemon.stop() == 0
        assert not [line for line in daemon.lines if "Traceback" in line or " CRITICAL " in line]
        replayed = run(["--config", str(desk.folder / "engine.toml"), "replay", str(desk.journal)], folder)
        assert replayed.returncode == 0, replayed.stderr
    finally:
        daemon.end()
        for listener in listeners.values():
            listener.close()
        shutil.rmtree(run_dir)


@pytest.fixture
def oms(live: Live) -> Iterator[RawPeer]:
    peer = RawPeer.dial(live.desk.fix_port, "OMS").logon()
    yield peer
    if not peer.over:
        peer.still_answered()
        peer.say("5")
        peer.expect_end()
    live.dealer.still_answered()


def name() -> str:
    return f"W-{next(_numbers)}"


def flat(body: Body) -> list[tuple[int, str]]:
    return [(tag, value) for tag, value in body if isinstance(value, str)]


def changed(fields: Fields, **values: str | None) -> list[tuple[int, str]]:
    """The fields with some replaced, left out (None) or added behind."""
    wanted = {int(key[1:]): value for key, value in values.items()}
    given = list(fields)
    kept = [(tag, wanted.get(tag, value)) for tag, value in given]
    kept += [(tag, value) for tag, value in wanted.items() if tag not in {tag for tag, _ in given}]
    return [(tag, value) for tag, value in kept if value is not None]


# --- what is no message ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garble",
    [
        pytest.param(lambda frame: frame[:-2] + bytes([48 + (frame[-2] - 47) % 10]) + b"\x01", id="checksum"),
        pytest.param(lambda frame: frame.replace(b"\x0156=", b"\x0157=", 1), id="a bit flipped on the way"),
        pytest.param(lambda frame: b"GET / HTTP/1.1\r\n\r\n" + b"\x00\xff\x01" * 50, id="noise"),
        pytest.param(lambda frame: frame.replace(b"\x0135=", b"\x01036=", 1), id="MsgType not third"),
        pytest.param(lambda frame: b"8=FIX.4.4\x019=12x\x0135=0\x0110=000\x01", id="length is no number"),
        pytest.param(lambda frame: b"8=FIX.4.4\x019=5\x01" + frame[frame.index(b"35=") :], id="length too short"),
    ],
)
def test_garbled_bytes_use_up_no_number(oms: RawPeer, garble: Any) -> None:
    before = len(oms.heard)
    oms.send(garble(oms.frame("0", [], oms.next_out)))
    oms.still_answered()
    # What earlier orders were answered may be on its way behind the Logon(A) with its reset.
    assert [said.kind for said in oms.heard[before:] if said.kind not in ("8", "j")] == ["0"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(
            b"8=FIX.4.4\x019=8000\x0135=B\x01148=" + b"x" * 9000,
            "no end of message within 8192 bytes",
            id="a message without an end",
        ),
        pytest.param(
            b"8=FIX.4.4\x019=8193\x0135=B\x01148=",
            "BodyLength(9)=8193 is more than the 8192 bytes a message may have",
            id="a message that cannot end in time",
        ),
    ],
)
def test_a_message_beyond_the_bound_ends_the_session_with_its_reason(
    live: Live, oms: RawPeer, data: bytes, text: str
) -> None:
    oms.send(data)
    assert oms.expect(t35="5")[58] == text
    oms.expect_end()
    assert live.rfqd.until_said(f"reason=too_long: {text}")


def test_a_strangers_first_message_is_a_short_one(live: Live) -> None:
    """4 KiB hold any Logon(A); a stranger is told nothing, and what it sends beyond that is not even read."""
    peer = RawPeer.dial(live.desk.fix_port, "OMS")
    peer.say("A", [(98, "0"), (108, "30"), (141, "Y"), (58, "x" * 4096)])
    assert peer.expect_end() == []
    assert live.rfqd.until_said("is more than the 4096 bytes a message may have")


def test_what_comes_right_behind_a_logon_is_read_once_it_is_taken(live: Live) -> None:
    peer = RawPeer.dial(live.desk.fix_port, "OMS")
    behind = peer.frame("1", [(112, "x" * 6000)], 2)
    peer.send(peer.frame("A", [(98, "0"), (108, "30"), (141, "Y")], 1) + behind)
    peer.next_out = 3
    peer.expect(t35="A")
    peer.expect(t35="0", t112="x" * 6000)
    peer.say("5")
    peer.expect_end()


def test_bytes_one_at_a_time(oms: RawPeer) -> None:
    frame = oms.frame("1", [(112, "SLOWLY")], oms.next_out)
    oms.next_out += 1
    for byte in frame:
        oms.send(bytes([byte]))
    oms.expect(t35="0", t112="SLOWLY")


# --- what is a message and breaks the standard -----------------------------------------------------

GOOD = order("?", ISIN, 1_000_000)


@pytest.mark.parametrize(
    ("fields", "reason", "tag"),
    [
        pytest.param({"t11": None}, "1", "11", id="ClOrdID missing"),
        pytest.param({"t60": None}, "1", "60", id="TransactTime missing"),
        pytest.param({"t54": "X"}, "5", "54", id="a Side that does not exist"),
        pytest.param({"t38": "many"}, "6", "38", id="a quantity that is no number"),
        pytest.param({"t38": "NaN"}, "6", "38", id="a quantity that says it is no number"),
        pytest.param({"t44": "1e9"}, "6", "44", id="a price in a notation FIX does not have"),
        pytest.param({"t60": "yesterday"}, "6", "60", id="a time that is none"),
        pytest.param({"t1": ""}, "4", "1", id="a tag without a value"),
        pytest.param({"t117": "Q1", "t132": "99"}, "2", "132", id="a tag of another message"),
        pytest.param({"t4999": "x"}, "0", "4999", id="a tag nobody defined"),
    ],
)  # fmt: skip
def test_a_message_that_breaks_the_standard_is_rejected_and_counted(
    oms: RawPeer, fields: dict[str, str | None], reason: str, tag: str
) -> None:
    number = oms.say("D", changed(flat(order(name(), ISIN, 1_000_000)), **fields))
    reject = oms.expect(t35="3", t45=str(number))
    assert (reject[373], reject[371], reject[372]) == (reason, tag, "D")
    assert reject[58]
    assert oms.say("0") == number + 1


def test_a_tag_twice(oms: RawPeer) -> None:
    number = oms.say("D", [*flat(order(name(), ISIN, 1_000_000)), (54, "2")])
    assert oms.expect(t35="3", t45=str(number)).has(t373="13", t371="54")


def test_types_of_message_that_are_not_taken(oms: RawPeer) -> None:
    number = oms.say("QQ", [(58, "hello")])
    assert oms.expect(t35="3", t45=str(number))[373] == "11"
    number = oms.say("E", [(66, "L1"), (394, "1"), (68, "1"), (73, "0")])
    refused = next(said for said in iter(lambda: _any_answer(oms, number), None))
    assert refused.kind in ("3", "j")
    number = oms.say("S", [(117, "Q1"), (55, "[N/A]")])
    assert oms.expect(t35="j", t45=str(number)).has(t380="3", t372="S")


def _any_answer(peer: RawPeer, number: int) -> Said:
    return Board().until("an answer", lambda: next((said for said in peer.heard if said.get(45) == str(number)), None))


# --- who and when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        pytest.param({"t49": "OMZ"}, "9", id="SenderCompID"),
        pytest.param({"t56": "SELLSIDE"}, "9", id="TargetCompID"),
        pytest.param({"t52": "20200101-00:00:00.000"}, "10", id="SendingTime"),
    ],
)
def test_a_wrong_identity_or_clock_while_logged_on_ends_the_session(
    oms: RawPeer, header: dict[str, str | None], reason: str
) -> None:
    number = oms.say("0", (), **header)
    assert oms.expect(t35="3", t45=str(number))[373] == reason
    oms.expect(t35="5")
    oms.say("5")
    oms.expect_end()


def test_a_number_that_is_too_low_is_told_what_was_expected(oms: RawPeer) -> None:
    expected = oms.next_out
    oms.next_out = 1
    oms.say("0")
    assert oms.expect(t35="5")[58] == f"MsgSeqNum too low, expecting {expected} but received 1"
    oms.expect_end()


def test_a_number_that_is_too_high_is_asked_for_once(oms: RawPeer) -> None:
    missing = oms.next_out
    oms.next_out += 2
    oms.say("0")
    oms.say("0")
    assert oms.expect(t35="2").has(t7=str(missing), t16="0")
    fill = [(43, "Y"), (122, utc_now()), (123, "Y"), (36, str(oms.next_out))]
    oms.send(oms.frame("4", fill, missing))
    oms.still_answered()
    assert sum(said.kind == "2" for said in oms.heard) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("0", [], id="a Heartbeat"),
        pytest.param("D", flat(GOOD), id="an order"),
        pytest.param("A", [(98, "0")], id="a Logon without HeartBtInt"),
        pytest.param("A", [(98, "9"), (108, "30")], id="an encryption nobody has"),
    ],
)
def test_a_first_message_that_is_no_valid_logon_is_answered_by_nothing(live: Live, kind: str, body: Fields) -> None:
    peer = RawPeer.dial(live.desk.fix_port, "OMS")
    peer.say(kind, body)
    assert peer.expect_end() == []


def test_a_connection_that_says_nothing_is_closed(live: Live) -> None:
    peer = RawPeer.dial(live.desk.fix_port, "OMS")
    assert peer.expect_end() == []
    assert live.rfqd.until_said("reason=logon_timeout: no Logon(A) within 2 s")


def test_a_second_connection_of_a_live_session_is_closed_and_the_first_lives(live: Live, oms: RawPeer) -> None:
    second = RawPeer.dial(live.desk.fix_port, "OMS")
    second.say("A", [(98, "0"), (108, "30"), (141, "Y")])
    assert second.expect_end() == []
    oms.still_answered()


# --- orders that cannot be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"t48": "XS0000000ZZ1"}, "1", id="an unknown bond"),
        pytest.param({"t48": "\x02\x03"}, "1", id="a bond of control characters"),
        pytest.param({"t38": "-1000000"}, "13", id="a negative size"),
        pytest.param({"t38": "0"}, "13", id="no size"),
        pytest.param({"t40": "2", "t44": "-99"}, "99", id="a negative limit"),
        pytest.param({"t40": "2"}, "99", id="a limit order without a limit"),
        pytest.param({"t40": "3", "t99": "98"}, "11", id="a stop order"),
        pytest.param({"t59": "6"}, "99", id="good till a date that is not there"),
    ],
)
def test_an_order_that_cannot_be_one_is_refused_with_a_reason(
    oms: RawPeer, live: Live, fields: dict[str, str | None], reason: str
) -> None:
    cl_ord_id, asked = name(), len([said for said in live.dealer.heard if said.kind == "R"])
    oms.say("D", changed(flat(order(cl_ord_id, ISIN, 1_000_000)), **fields))
    refused = oms.expect(t35="8", t11=cl_ord_id)
    assert (refused[150], refused[39], refused[103], refused[14], refused[151]) == ("8", "8", reason, "0", "0")
    assert refused[58]
    oms.still_answered()
    assert len([said for said in live.dealer.heard if said.kind == "R"]) == asked


# --- dealers that say what nobody asked for --------------------------------------------------------


def fill(cl_ord_id: str, **values: str | None) -> list[tuple[int, str]]:
    report = [
        (37, "O1"), (17, f"X-{next(_numbers)}"), (11, cl_ord_id), (150, "F"), (39, "2"), (55, "[N/A]"), (48, ISIN),
        (22, "4"), (54, "1"), (38, "1000000"), (31, "99.50"), (32, "1000000"), (151, "0"), (14, "1000000"),
        (6, "99.50"), (60, utc_now()),
    ]  # fmt: skip
    return changed(report, **values)


def quote(quote_req_id: str, **values: str | None) -> list[tuple[int, str]]:
    body = [
        (131, quote_req_id), (117, f"Q-{next(_numbers)}"), (537, "1"), (55, "[N/A]"), (48, ISIN), (22, "4"),
        (132, "99.40"), (133, "99.60"), (62, utc_in(60)), (60, utc_now()), (423, "1"),
    ]  # fmt: skip
    return changed(body, **values)


def test_a_quote_for_nothing_asked_is_kept_and_refused_nobody(live: Live) -> None:
    before = len(live.dealer.heard)
    live.dealer.say("S", quote("NEVER-ASKED"))
    assert live.recorded("StrayMessage", kind="Quote", reference="NEVER-ASKED")["session"] == "alder"
    live.dealer.still_answered()
    assert [said.kind for said in live.dealer.heard[before:]] == ["0"]


def test_a_fill_for_nothing_ordered_is_put_aside_for_a_person(live: Live) -> None:
    before = len(live.dealer.heard)
    live.dealer.say("8", fill("NEVER-ORDERED"))
    kept = live.recorded("FillQuarantined", placement_id="NEVER-ORDERED")
    assert (kept["session"], kept["quantity"], kept["price"]) == ("alder", "1000000", "99.50")
    live.dealer.still_answered()
    assert [said.kind for said in live.dealer.heard[before:]] == ["0"], "no Reject(3), no DontKnowTrade(Q) by itself"


def test_a_person_rejects_a_fill_and_the_dealer_hears_of_it_once(live: Live) -> None:
    cl_ord_id = name()
    live.dealer.say("8", fill(cl_ord_id, t31="99,0"))
    kept = live.recorded("FillQuarantined", placement_id=cl_ord_id)
    assert kept["reason"] == "a fill for nothing we ordered"
    with AdminClient(live.desk.socket) as client:
        waiting = client.call("quarantine.list", state="open")["fills"]
        [mine] = [each for each in waiting if client.call("quarantine.show", fill=each["fill"])["names"] == cl_ord_id]
        done = client.call("quarantine.reject", fill=mine["fill"], reason="not ours")
        assert (done["state"], done["settled"]["dealer_told"]) == ("rejected", "sent")
    no = live.dealer.expect(t35="Q")
    assert (no[17], no[127], no[58], no[55]) == (kept["dealer_exec_id"], "D", "not ours", "[N/A]")
    before = len(live.dealer.heard)
    live.dealer.say("2", [(7, no[34]), (16, no[34])])
    assert live.recorded("DontKnowTradeUnsent", fill_id=mine["fill"])["lost"]
    live.dealer.still_answered()
    kinds = [said.kind for said in live.dealer.heard[before:]]
    assert set(kinds) <= {"4", "0"}, "filled over, and not said again by itself"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"t9999": "theirs"}, id="a tag nobody defined"),
        pytest.param({"t18": "?"}, id="a value nobody defined"),
        pytest.param({"t381": "lots"}, id="an amount that is no number"),
        pytest.param({"t75": "tomorrow"}, id="a date that is none"),
        pytest.param({"t31": "par"}, id="a price that is no number"),
        pytest.param({"t60": None}, id="no TransactTime"),
    ],
)
def test_a_report_is_never_refused_over_its_form(live: Live, values: dict[str, str | None]) -> None:
    before, cl_ord_id = len(live.dealer.heard), name()
    live.dealer.say("8", fill(cl_ord_id, **values))
    live.recorded("FillQuarantined", placement_id=cl_ord_id)
    live.dealer.still_answered()
    assert [said.kind for said in live.dealer.heard[before:]] == ["0"]


def test_other_things_of_dealers_that_lead_nowhere(live: Live) -> None:
    number = live.dealer.say("S", quote("x", t131=None))
    assert live.dealer.expect(t35="j", t45=str(number)).has(t372="S", t380="5")
    number = live.dealer.say("S", quote("x", t132="ninety-nine"))
    assert live.dealer.expect(t35="3", t45=str(number)).has(t373="6", t371="132")
    number = live.dealer.say("D", flat(order(name(), ISIN, 1_000_000)))
    assert live.dealer.expect(t35="j", t45=str(number)).has(t372="D", t380="3")
    live.dealer.say("AG", [(131, "NEVER-ASKED-2"), (658, "9"), (146, "1"), (55, "[N/A]"), (48, ISIN), (22, "4")])
    live.recorded("StrayMessage", kind="QuoteRequestReject", reference="NEVER-ASKED-2")
    live.dealer.say("Z", [(131, "NEVER-ASKED-3"), (117, "Q"), (298, "1")])
    live.recorded("StrayMessage", kind="QuoteCancel", reference="NEVER-ASKED-3")
    live.dealer.say("8", fill("NEVER-ORDERED-2", t150="8", t39="8"))
    live.recorded("StrayMessage", kind="ExecutionReport", reference="NEVER-ORDERED-2")
    live.dealer.say("3", [(45, "99999"), (58, "we did not like that one")])
    live.dealer.say("j", [(45, "99999"), (372, "D"), (380, "0")])
    live.dealer.still_answered()


# --- and after all that ----------------------------------------------------------------------------


@pytest.fixture
def fair(live: Live) -> None:
    """A price for the bond these orders are in: without one no rule executes."""
    subscribed = live.marks.expect(t35="V")
    sides = [(268, "2"), (269, "0"), (270, "99.45"), (269, "1"), (270, "99.55")]
    live.marks.say("W", [(262, subscribed[262]), (55, "[N/A]"), (48, OTHER_ISIN), (22, "4"), *sides])
    live.marks.still_answered()


def ask(live: Live, oms: RawPeer) -> tuple[str, Said]:
    """A good order: its ClOrdID, and the request it led to."""
    cl_ord_id, before = name(), sum(said.kind == "R" for said in live.dealer.heard)
    oms.say("D", flat(order(cl_ord_id, OTHER_ISIN, 2_000_000)))
    return cl_ord_id, live.dealer.expect(before + 1, t35="R")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"t133": "0"}, id="a price of zero"),
        pytest.param({"t133": "-99.6"}, id="a price below zero"),
        pytest.param({"t135": "5"}, id="a size of five dollars"),
        pytest.param({"t48": ISIN}, id="another bond"),
        pytest.param({"t537": "0"}, id="indicative"),
        pytest.param({"t423": "9"}, id="a yield"),
        pytest.param({"t62": "20200101-00:00:00.000"}, id="over for years"),
    ],
)
@pytest.mark.usefixtures("fair")
def test_a_quote_that_cannot_be_taken_is_kept_with_its_problem(
    live: Live, oms: RawPeer, values: dict[str, str | None]
) -> None:
    cl_ord_id, asked = ask(live, oms)
    accepted = sum(said.kind == "D" for said in live.dealer.heard)
    quote_id = name()
    body = flat(DealerDesk("alder").quote(asked)[1])
    live.dealer.say("S", changed(body, **{"t117": quote_id, **values}))
    assert live.quoted(quote_id)["problem"]
    live.dealer.still_answered()
    assert sum(said.kind == "D" for said in live.dealer.heard) == accepted
    oms.say("H", [(11, cl_ord_id), (55, "[N/A]"), (48, OTHER_ISIN), (22, "4"), (54, "1")])
    assert oms.expect(t35="8", t11=cl_ord_id, t150="I")[39] == "0", "it is the trader's now"


@pytest.mark.usefixtures("fair")
def test_an_order_still_comes_to_its_end_and_is_filled_once(live: Live, oms: RawPeer) -> None:
    """The same fill three times, and once with another price: booked once, the odd one put aside."""
    cl_ord_id, asked = ask(live, oms)
    desk = DealerDesk("alder")
    live.dealer.say("S", changed(flat(desk.quote(asked)[1]), t117=f"GOOD-{cl_ord_id}"))
    taken = live.dealer.expect(t35="D", t117=f"GOOD-{cl_ord_id}")
    desk.orders[taken[11]] = taken
    ((kind, report),) = desk.release(taken[11])
    for _ in range(3):
        live.dealer.say(kind, flat(report))
    live.dealer.say(kind, changed(flat(report), t31="99.70"))
    live.recorded("FillQuarantined", placement_id=taken[11])
    booked = oms.expect(t35="8", t11=cl_ord_id, t150="F")
    assert (booked[39], booked[32], booked[31]) == ("2", "2000000", taken[44])
    oms.still_answered()
    assert sum(said.has(t11=cl_ord_id, t150="F") for said in oms.heard) == 1


def test_nothing_that_came_over_a_session_was_lost(live: Live) -> None:
    """What the dealer sent stands in the journal under its number, but for what it heard a Reject(3) of."""
    live.dealer.say("8", fill("NEVER-ORDERED-EITHER"))
    live.dealer.still_answered()
    rejected = {int(said[45]) for said in live.dealer.heard if said.kind == "3"}
    sent = {number for number, kind in live.dealer.said.items() if kind not in "A0124"} - rejected
    sql = "SELECT seq FROM fix_messages WHERE session = 'alder' AND direction = 'in' AND bytes IS NOT NULL"
    assert sent == {number for (number,) in journal_rows(live.desk.journal, sql)}
