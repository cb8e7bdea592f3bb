"""What a feed delivers of prices and trades: taken, known, refused by name, and what is known of a bond by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from admin_daemon import Daemon
from desk_builder import DeskWorld, seeded_desk
from desk_past import HIGH_YIELD, LIQUID

from engine.admin.cli import main
from engine.admin.client import AdminClient
from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.errors import CommandError
from engine.market.appraisal import MarketParameters
from engine.market.calendars import EVERY_WEEKDAY

pytestmark = pytest.mark.starts("noon")

BOND, OTHER = LIQUID.security_id, HIGH_YIELD.security_id


@pytest.fixture
def world() -> DeskWorld:
    return seeded_desk()


def put(world: DeskWorld, what: str, *rows: dict[str, Any], role: str = "feed", **more: Any) -> dict[str, Any]:
    return world.command(f"{what}.put", actor="vendor", role=role, rows=list(rows), **more)


def ago(world: DeskWorld, days: float) -> str:
    return iso_timestamp(world.now.utc_ns - int(days * NS_PER_DAY))


def trade(world: DeskWorld, days: float = 1, **more: Any) -> dict[str, Any]:
    row = {"security": BOND, "price": "99.5", "quantity": "2mm", "time": ago(world, days), "id": f"t{days}"}
    return {**row, **more}


# --- marks ---------------------------------------------------------------------------------------


def test_a_mark_is_used_at_once(world: DeskWorld) -> None:
    world.desk.marks.withdraw(BOND, "marks")
    answer = put(world, "marks", {"security": BOND, "bid": "99", "offer": "99.4", "quality": "composite"})
    assert answer == {"taken": 1, "refused": []}
    [mark] = world.desk.marks.marks(BOND)
    assert (mark.source, str(mark.price), str(mark.half_spread)) == ("feed:vendor", "99.2", "0.2")
    shown = world.command("bond", security=BOND, role="viewer")
    assert (shown["fair"]["price"], shown["fair"]["source"]) == ("99.2", "feed:vendor")
    assert shown["half_spread_bps"] == pytest.approx(0.2 / 99.2 * 10_000)


BAD_MARKS = [
    pytest.param({"security": "nobody's", "price": "99"}, "unknown_security", "not in the security master", id="bond"),
    pytest.param({"bid": "99"}, "one_sided", "found only the bid", id="bid alone"),
    pytest.param({"offer": "99"}, "one_sided", "found only the offer", id="offer alone"),
    pytest.param({}, "one_sided", "found no price", id="nothing"),
    pytest.param({"bid": "101", "offer": "100"}, "crossed", "bid 101 is above offer 100", id="crossed"),
    pytest.param({"price": "0"}, "not_positive", "more than 0", id="zero"),
    pytest.param({"price": "-99"}, "not_positive", "more than 0", id="negative"),
    pytest.param({"bid": "-1", "offer": "99"}, "not_positive", "more than 0", id="negative bid"),
    pytest.param({"price": "NaN"}, "not_positive", "more than 0", id="no number"),
    pytest.param({"price": "9.95"}, "absurd", "25% away from 100", id="decimal point"),
    pytest.param({"price": "1000"}, "absurd", "below 1000", id="a thousand"),
    pytest.param({"price": "99", "time": "2030-01-01T00:00:00Z"}, "future", "in the future", id="future"),
    pytest.param({"price": "99", "time": "1999-01-01T00:00:00Z"}, "too_old", "before what the tape keeps", id="old"),
    pytest.param({"price": "99", "bid": "98"}, "malformed", "either a price, or bid and offer", id="both"),
    pytest.param({"price": 99.5}, "malformed", "a number as text", id="a float"),
    pytest.param({"price": "99", "quality": "great"}, "malformed", "one of composite", id="quality"),
    pytest.param({"price": "99", "time": "noon"}, "malformed", "a time with its zone", id="time"),
    pytest.param({"prise": "99"}, "malformed", "did you mean 'price'?", id="misspelt"),
    pytest.param({"security": None, "price": "99"}, "malformed", "missing parameter 'security'", id="of what"),
]


@pytest.mark.parametrize(("row", "why", "said"), BAD_MARKS)
def test_a_bad_mark_is_named_and_the_rest_is_taken(world: DeskWorld, row: dict[str, Any], why: str, said: str) -> None:
    answer = put(world, "marks", {"security": BOND, **row}, {"security": OTHER, "price": "99.9"})
    assert answer["taken"] == 1
    [refused] = answer["refused"]
    assert (refused["line"], refused["why"]) == (1, why)
    assert said in refused["reason"]
    assert world.desk.marks.of(OTHER, "feed:vendor") is not None
    assert world.desk.marks.of(BOND, "feed:vendor") is None
    shown = world.command("bond", security=BOND, role="viewer")["refused"]
    assert [(each["source"], each["why"], each["count"]) for each in shown] == [("feed:vendor", why, 1)]


def test_the_level_of_a_benchmark_is_a_mark_of_no_bond(world: DeskWorld) -> None:
    world.desk.appraisal.parameters = MarketParameters(benchmarks={"corporate": "HOUSE-IG"})
    draft = world.draft()
    assert draft.index_of("corporate|BBB|3-7y|5mm-10mm|buy") is None
    put(world, "marks", {"security": "HOUSE-IG", "price": "2345.5", "quality": "composite"})
    draft = world.draft()
    assert str(draft.index_of("corporate|BBB|3-7y|5mm-10mm|buy")) == "2345.5"
    assert draft.index_of("municipal|NR|3-7y") is None


def test_history_that_is_put_makes_a_volatility(world: DeskWorld) -> None:
    """40 days ago to yesterday, in one delivery: closes of business days, of which the newest does not win alone."""
    rows = [
        {"security": BOND, "price": str(99 + (days % 2) / 2), "time": ago(world, days)} for days in range(40, 0, -1)
    ]
    assert put(world, "marks", *rows)["taken"] == 40
    found = world.desk.appraisal.volatility(BOND, world.now.utc_ns)
    assert found is not None
    assert found.n >= 25
    order_id = world.order(LIQUID, "buy", 5_000_000)
    facts = world.state.orders[order_id].facts
    assert (facts.volatility_bps, facts.volatility_n) == (pytest.approx(found.bps, abs=1e-3), found.n)


# --- trades --------------------------------------------------------------------------------------


def test_trades_make_an_average_where_they_are_complete(world: DeskWorld) -> None:
    since = ago(world, 60)[:10]
    answer = put(world, "trades", trade(world, 1), trade(world, 9), trade(world, 20), complete_from=since)
    assert answer == {"taken": 3, "known": 0, "refused": [], "complete": ["corporate"]}
    shown = world.command("bond", security=BOND, quantity="5mm", role="viewer")
    assert (shown["adv"], shown["days_since_trade"], shown["trades_known_from"]) == ("200000", 1, since)
    assert world.command("bond", security=OTHER, role="viewer")["adv"] == "0", "known not to have traded"
    facts = world.state.orders[world.order(LIQUID, "buy", 5_000_000)].facts
    assert (str(facts.adv_30d), facts.days_since_trade) == ("200000", 1)


def test_the_same_delivery_again_changes_nothing_and_a_correction_corrects(world: DeskWorld) -> None:
    rows = [trade(world, 1), trade(world, 9), trade(world, 9, id="unnamed", quantity="1mm")]
    assert put(world, "trades", *rows)["taken"] == 3
    before = world.desk.appraisal.tape.dump()
    assert put(world, "trades", *rows) == {"taken": 0, "known": 3, "refused": [], "complete": []}
    assert world.desk.appraisal.tape.dump() == before
    assert put(world, "trades", trade(world, 1, quantity="3mm"), trade(world, 9, canceled=True))["taken"] == 2
    today = world.now.utc_ns // NS_PER_DAY
    assert world.desk.appraisal.tape.traded(BOND, 30, today) == (2, 4_000_000)
    assert put(world, "trades", {"security": BOND, "id": "t1", "canceled": True})["taken"] == 1
    assert world.desk.appraisal.tape.traded(BOND, 30, today) == (1, 1_000_000)


def test_twice_in_one_delivery_is_once(world: DeskWorld) -> None:
    answer = put(world, "trades", trade(world), trade(world), trade(world, id=None), trade(world, id=None))
    assert (answer["taken"], answer["known"]) == (2, 2)


BAD_TRADES = [
    pytest.param({"security": "nobody's"}, "unknown_security", "not in the security master", id="bond"),
    pytest.param({"quantity": None}, "no_size", "found none", id="no size"),
    pytest.param({"time": None}, "no_time", "a date and a time", id="no time"),
    pytest.param({"price": None}, "malformed", "has a price", id="no price"),
    pytest.param({"price": "-5"}, "not_positive", "more than 0", id="negative"),
    pytest.param({"quantity": "900bn"}, "absurd", "that there is of it", id="more than there is"),
    pytest.param({"quantity": "0"}, "malformed", "an amount above 0", id="nothing"),
    pytest.param({"time": "2030-01-01T00:00:00Z"}, "future", "in the future", id="future"),
    pytest.param({"time": "1999-01-01T00:00:00Z"}, "too_old", "before what the tape keeps", id="old"),
    pytest.param({"canceled": "yes"}, "malformed", "true or false", id="flag"),
]


@pytest.mark.parametrize(("changes", "why", "said"), BAD_TRADES)
def test_a_bad_trade_is_named_and_the_rest_is_taken(
    world: DeskWorld, changes: dict[str, Any], why: str, said: str
) -> None:
    answer = put(world, "trades", trade(world, 1), {**trade(world, 2), **changes})
    assert (answer["taken"], answer["known"]) == (1, 0)
    [refused] = answer["refused"]
    assert (refused["line"], refused["why"]) == (2, why)
    assert said in refused["reason"]


def test_an_absurd_trade_of_today_is_held_against_the_mark(world: DeskWorld) -> None:
    row = trade(world, 0, price="55", time=iso_timestamp(world.now.utc_ns))
    assert put(world, "trades", row)["refused"][0]["why"] == "absurd"


# --- who may, and whose --------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["marks", "trades"])
@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_who_delivers_nothing_puts_nothing(world: DeskWorld, what: str, role: str) -> None:
    with pytest.raises(CommandError, match=f"{what}.put needs role feed; vendor is {role}"):
        put(world, what, trade(world), role=role)


@pytest.mark.parametrize("what", ["marks", "trades"])
def test_nobody_speaks_for_a_session_of_the_market(world: DeskWorld, what: str) -> None:
    world.desk.market_sessions = ("marks",)
    with pytest.raises(CommandError, match="marks is a session of the market"):
        put(world, what, trade(world), source="marks")


def test_completeness_is_of_the_past(world: DeskWorld) -> None:
    with pytest.raises(CommandError, match="complete_from: trades are complete since a day of the past"):
        put(world, "trades", trade(world), complete_from="2031-01-01")
    assert world.desk.appraisal.tape.dump()["trades"] == []


# --- over a real socket --------------------------------------------------------------------------


def test_the_interest_of_an_amount_or_why_it_is_not_known(world: DeskWorld) -> None:
    """5 % on 15 June and 15 December, so half a year less a day of it."""
    shown = world.command("bond", security=BOND, quantity="1mm", settlement="2028-12-14", role="viewer")
    assert (shown["settlement"], shown["accrued"], shown["accrued_unknown"]) == ("2028-12-14", "24861.11", None)
    late = world.command("bond", security=BOND, quantity="1mm", settlement="2033-06-15", role="viewer")
    assert late["accrued"] is None
    assert late["accrued_unknown"] == "settlement 2033-06-15 is not before maturity 2033-06-15"
    usual = world.command("bond", security=BOND, quantity="1mm", role="viewer")
    assert usual["settlement"] == str(EVERY_WEEKDAY.settlement(EVERY_WEEKDAY.trade_date(world.now.utc_ns)))


@pytest.fixture
def daemon(tmp_path: Path, world: DeskWorld) -> Iterator[Daemon]:
    running = Daemon(tmp_path, world)
    yield running
    running.close()


def test_a_feed_delivers_over_the_socket_and_a_person_looks(
    daemon: Daemon, world: DeskWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    with AdminClient(daemon.socket, 20) as feed:
        marks = feed.call(
            "marks.put", rows=[{"security": BOND, "bid": "99.8", "offer": "100.2"}, {"security": OTHER, "bid": "1"}]
        )
        trades = feed.call("trades.put", rows=[trade(world, 3)], source="tape", complete_from=ago(world, 90)[:10])
    assert (marks["taken"], marks["refused"][0]["why"]) == (1, "one_sided")
    assert (trades["taken"], trades["complete"]) == (1, ["corporate"])
    assert main(["bond", BOND, "5mm", "--window", "10", "--socket", str(daemon.socket)]) == 0
    shown = capsys.readouterr().out
    for words in ("average day, 10 of them", "200,000", "3 days ago", "feed:local", "one sided", "unknown"):
        assert words in shown
    assert main(["bond", BOND, "1mm", "--settlement", "2028-12-14", "--socket", str(daemon.socket)]) == 0
    assert "24,861.11" in capsys.readouterr().out
    assert main(["bond", BOND, "1mm", "--settlement", "2033-06-15", "--socket", str(daemon.socket)]) == 0
    assert "unknown: settlement 2033-06-15 is not before maturity 2033-06-15" in capsys.readouterr().out
    assert main(["bond", BOND, "--json", "--socket", str(daemon.socket)]) == 0
    assert orjson.loads(capsys.readouterr().out)["days_since_trade"] == 3


def test_a_file_of_prices_is_taken_row_by_row(
    daemon: Daemon, world: DeskWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In pieces, each row by itself; one without a time would be taken for a price of now, so it is not taken."""
    file = tmp_path / "closes.csv"
    old = [f"{BOND},,,{98 + day / 100},{ago(world, day)}" for day in range(1, 700)]
    bad = [f"{BOND},99,,,{ago(world, 0.01)}", f"{OTHER},,,98,", f"nobody's,,,98,{ago(world, 1)}"]
    good = f"{OTHER},98,98.4,,{ago(world, 0.001)}"
    file.write_text("\n".join(["security,bid,offer,price,time", *old[:199], *bad, good]) + "\n")
    command = ["marks", "import", str(file), "--socket", str(daemon.socket)]
    assert main([*command, "--dry-run"]) == 1
    assert "200 of 203 rows would be taken, 3 refused" in capsys.readouterr().out
    assert world.desk.marks.of(OTHER, "closes") is None
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines() == [
        "line 202: time: expected a time with its zone (such as '2026-11-30T15:00:00Z'), found nothing",
        "line 201: a mark is the middle of bid and offer, found only the bid",
        "line 203: unknown security 'nobody's': it is not in the security master",
        "200 of 203 rows taken, 3 refused",
    ]
    assert world.desk.marks.of(OTHER, "closes") is not None
    assert world.desk.appraisal.volatility(BOND, world.now.utc_ns) is not None


def test_a_file_of_trades_is_taken_once(
    daemon: Daemon, world: DeskWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prints.csv"
    rows = [f"{BOND},99.5,2mm,{ago(world, day)}," for day in range(1, 30)]
    file.write_text("\n".join(["security,price,quantity,time,canceled", *rows]) + "\n")
    since = ago(world, 90)[:10]
    command = ["trades", "import", str(file), "--source", "tape", "--socket", str(daemon.socket)]
    assert main([*command, "--complete-from", since]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "29 of 29 rows taken, 0 known before, none refused",
        f"all trades since {since} known of: corporate",
    ]
    assert world.desk.appraisal.adv(LIQUID, 20, world.now.utc_ns) > 0
    assert main(command) == 0
    assert capsys.readouterr().out == "0 of 29 rows taken, 29 known before, none refused\n"
    rows[0] = rows[0] + "yes"
    file.write_text("\n".join(["security,price,quantity,time,canceled", rows[0], f"{rows[1]}perhaps"]) + "\n")
    assert main([*command, "--json"]) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert (told["rows"], told["taken"], told["refused"][0]["line"]) == (2, 1, 3)
    assert "expected true or false, found 'perhaps'" in told["refused"][0]["reason"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        pytest.param("security,prise,time\n", "unknown column 'prise' (did you mean 'price'?)", id="a slip"),
        pytest.param("security,price\n", "column 'time' is missing", id="no time"),
        pytest.param("security,time,price,price\n", "column 'price' stands there twice", id="twice"),
        pytest.param(
            f"security,time,price\n{BOND},2026-01-01T00:00:00Z\n", "line 2: expected 3 cells", id="breaks off"
        ),
        pytest.param("", "column 'security' is missing", id="empty"),
    ],
)
def test_nothing_is_taken_of_a_file_that_is_no_such_table(
    daemon: Daemon, world: DeskWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, wrong: str
) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    assert main(["marks", "import", str(file), "--socket", str(daemon.socket)]) == 2
    assert wrong in capsys.readouterr().err
    assert world.desk.marks.of(BOND, "wrong") is None


def test_ages_of_marks_are_by_source(world: DeskWorld) -> None:
    world.desk.marks.withdraw(BOND, "marks")
    world.desk.appraisal.parameters = MarketParameters(age_ns_max={"feed:vendor": 60 * NS_PER_S})
    put(world, "marks", {"security": BOND, "price": "99.5", "quality": "composite"})
    assert world.draft().mark_of(BOND) is not None
    world.advance(61)
    assert world.draft().mark_of(BOND) is None
