"""What a dealer is shown: its own numbers as they were planted, a third among peers, and nothing of anybody else."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from desk_scene import BOND, MM, scene
from kept_journal import keep
from report_journal import MADE_NS, kept
from seen_rounds import DAY_NS, FIRST_DAY, asked, seen
from test_order_report import said, table
from test_page import read

from engine.domain import events as e
from engine.domain.leak import LeakOf, LeakOutcome, LeakTable
from engine.domain.measure import Identified, Measure
from engine.domain.observation import RoundSeen, RoundTold, Taken
from engine.errors import ConfigError
from engine.research import reports
from engine.research.dealer_days import ALL, MEASURES, DealerDays
from engine.research.page import Page, html
from engine.research.scorecard import COUNT_MIN, PEERS_MIN, months_of, place

pytestmark = pytest.mark.starts("noon")

D = Decimal
NAMES = tuple(f"dealer{letter}" for letter in "abcdefgh")


def rounds(names: tuple[str, ...] = NAMES, days: int = 60, a_day: int = 4, seed: int = 1) -> list[RoundSeen]:
    """Everybody is asked in every round; the n-th of eight answers with 0.95 - n / 10 and an edge of -5 n bp."""
    rng = random.Random(seed)
    found = []
    for day in range(days):
        for number in range(a_day):
            at = day + (number + 1) / (a_day + 2)
            asks = []
            for nth, name in enumerate(names):
                edge = -5.0 * nth + rng.gauss(0, 2) if rng.random() < 0.95 - nth / 10 else None
                changes: dict[str, Any] = {"position": nth + 1}
                if edge is not None and rng.random() < 0.5:
                    is_filled = rng.random() < 0.8
                    changes |= {"taken": Taken.filled if is_filled else Taken.rejected, "accepted_ns": 1}
                    changes |= {"filled": D(MM) if is_filled else D(0)}
                asks.append(asked(name, at, edge, price=D("97.123"), **changes))
            found.append(seen(f"R{day}-{number}", asks, at))
    return found


def journal(told: list[RoundSeen], path: Path, *extra: e.Event) -> Path:
    keep((*(e.RoundObserved(each.closed_ns, each) for each in told), *extra), path)
    return path


def days_of(told: list[RoundSeen]) -> DealerDays:
    days = DealerDays()
    days.take(RoundTold(each) for each in told)
    return days


def card(path: Path, dealer: str, begin: date | None = None, end: date | None = None) -> Page:
    page = reports.of_dealer(path, dealer, begin, end, MADE_NS)
    read(html(page))
    return page


# --- numbers -------------------------------------------------------------------------------------


def test_its_numbers_are_those_that_were_planted() -> None:
    days = days_of(rounds(days=120))
    for nth, name in enumerate(NAMES[:6]):
        for measure, truth in (("response", 0.95 - nth / 10), ("edge", -5.0 * nth), ("firmness", 0.8)):
            found = days.interval(name, measure)
            assert found.low is not None
            assert found.high is not None
            assert found.low - 2 * found.se < truth < found.high + 2 * found.se, (name, measure)
    time = days.interval("dealera", "time")
    assert time.value == pytest.approx(10.0)
    assert days.interval("dealera", "fill").value == pytest.approx(MM)


def test_intervals_hold_what_they_promise() -> None:
    """Of a hundred desks, about 95 have the truth in the interval of a dealer's response."""
    held = 0
    for seed in range(100):
        found = days_of(rounds(NAMES[:1], days=30, a_day=3, seed=seed)).interval("dealera", "response")
        held += found.holds(0.95)
    assert held >= 90


def test_a_rate_without_a_miss_is_not_called_certain() -> None:
    days = days_of([seen(f"R{day}", [asked("dealera", day, 1.0)], day) for day in range(30)])
    found = days.interval("dealera", "response")
    assert (found.value, found.high, found.n) == (1.0, 1.0, 30)
    assert found.low == pytest.approx(0.886, abs=0.01), "Wilson's bound of 30 of 30"


def test_few_days_tell_nothing(tmp_path: Path) -> None:
    page = card(journal(rounds(days=3), tmp_path / "j.db"), "dealera")
    assert all("of 3 days: cannot tell" in row["Value (95 % interval)"] for row in table(page, "All requests"))


def test_a_mistyped_price_is_no_edge() -> None:
    told = [seen(f"R{day}", [asked("dealera", day, 1.0 if day else 9_999.0)], day) for day in range(30)]
    days = days_of(told)
    assert days.interval("dealera", "edge").value == pytest.approx(1.0)
    assert days.left_out == {"dealera": 1}


def test_every_number_has_its_interval_and_its_count(tmp_path: Path) -> None:
    page = card(journal(rounds(), tmp_path / "j.db"), "dealerb")
    for row in table(page, "All requests"):
        assert re.fullmatch(r"[+-]?[\d.]+ (%|s|bp|mm) \([+-]?[\d.]+ to [+-]?[\d.]+\)", row["Value (95 % interval)"])
        assert int(row["Of"]) > 0
    for caption in ("Month by month", "Your numbers by"):
        for row in table(page, caption):
            for cell in list(row.values())[1:]:
                assert re.search(r"\(.*(to|cannot tell).*\) of [\d,]+$", cell), cell


# --- peers ---------------------------------------------------------------------------------------


def test_a_place_is_a_third_among_enough_peers() -> None:
    days = days_of(rounds())
    found = [place(name, "edge", "corporate", days) for name in NAMES]
    assert found == [*["best third"] * 3, *["middle third"] * 3, *["last third"] * 2]
    assert place("dealera", "response", "corporate", days).startswith("best third")


def test_too_few_peers_are_not_given_away() -> None:
    for many in range(1, PEERS_MIN + 1):
        assert place("dealera", "edge", "corporate", days_of(rounds(NAMES[:many]))) == ""
    assert place("dealera", "edge", "corporate", days_of(rounds(NAMES[: PEERS_MIN + 1]))) == "best third"


def test_a_peer_of_whom_little_is_known_is_none() -> None:
    told = rounds(NAMES[:PEERS_MIN])
    told += [seen(f"S{day}", [asked("dealerz", day, 1.0)], day) for day in range(COUNT_MIN - 1)]
    assert place("dealera", "edge", "corporate", days_of(told)) == ""


def test_every_third_has_two_dealers_or_more() -> None:
    for many in range(PEERS_MIN + 1, len(NAMES) + 1):
        days = days_of(rounds(NAMES[:many]))
        found = [place(name, "edge", "corporate", days).split()[0] for name in NAMES[:many]]
        assert min(found.count(third) for third in ("best", "middle", "last")) >= 2


def test_a_place_that_its_interval_does_not_settle_says_so() -> None:
    """Equal dealers: nobody is called best whose interval reaches from the best to the last."""
    rng = random.Random(3)
    told = [seen(f"R{day}", [asked(name, day, rng.gauss(0, 10)) for name in NAMES], day) for day in range(60)]
    days = days_of(told)
    found = [place(name, "edge", "corporate", days) for name in NAMES]
    assert found.count("cannot be told") >= len(NAMES) - 2
    assert days.interval(NAMES[0], "edge").is_told


def test_peers_are_compared_where_they_did_the_same(tmp_path: Path) -> None:
    """In another asset class there are too few."""
    told = rounds()
    told += [seen(f"M{day}", [asked("dealera", day, 1.0)], day, "municipal|NR|3-7y|500k-2mm|buy") for day in range(60)]
    page = card(journal(told, tmp_path / "j.db"), "dealera")
    [row] = [row for row in table(page, "Your third") if row["Measure"] == "Price against our mark"]
    assert (row["corporate"], row["municipal"]) == ("best third", "cannot be said")


# --- what is not there ---------------------------------------------------------------------------


def test_nothing_of_anybody_else_is_in_the_whole_file(tmp_path: Path) -> None:
    """A desk's real day beside a record of months: names, clients, bonds, orders and prices stay away."""
    world = scene()
    secrets = {"SECRET-FUND", "secretacc", BOND.security_id, BOND.issuer, "99.87", "99.91", "97.123", "kim", "journal"}
    order_id = world.order(BOND, "buy", MM, account="SECRET-FUND", cl_ord_id="secretacc")
    world.command("send", order=order_id)
    world.says("ash", "99.87", order_id)
    world.says("beech", "99.91", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    secrets |= {world.the(order_id).order_id, world.rfq(order_id).rfq_id, world.placement(order_id).placement_id}
    told = rounds(tuple(each.id for each in world.desk.dealers))
    moved = (world.now.utc_ns // DAY_NS - FIRST_DAY - 70) * DAY_NS
    later = [
        dataclasses.replace(
            each,
            sent_ns=each.sent_ns + moved,
            closed_ns=each.closed_ns + moved,
            asks=tuple(
                dataclasses.replace(
                    ask,
                    sent_ns=ask.sent_ns + moved,
                    answered_ns=None if ask.answered_ns is None else ask.answered_ns + moved,
                )
                for ask in each.asks
            ),
        )
        for each in told
    ]
    last = world.now.utc_ns
    path = kept(world, tmp_path, *(e.RoundObserved(last, each) for each in later))
    for dealer in world.desk.dealers:
        written = html(card(path, dealer.id))
        others = {each for one in world.desk.dealers if one.id != dealer.id for each in (one.id, one.name, one.lei)}
        words = re.sub(r"<style>.*?</style>", "", written, flags=re.DOTALL)
        for secret in (*secrets, *others):
            assert not re.search(rf"(?<![\w.]){re.escape(secret)}(?![\w])", words, re.IGNORECASE), (dealer.id, secret)
        assert escape(dealer.name) in words
    empty = card(path, "ash", date(2020, 1, 1), date(2020, 2, 1))
    assert empty.verdict == ["We did not ask you in this time."]


def leaks(identified: Identified, value: float, sd: float) -> e.LeakSolved:
    none = Measure(0.0, 1.0, -1.6, 1.6, 0.0)
    mine = LeakOf("dealera", Measure(value, sd, value - 1.64 * sd, value + 1.64 * sd, 90.0), sd, identified, 240)
    outcome = LeakOutcome((mine,), none, none, identified, 0.0, 1.0, 8.0, 240, 0)
    at_ns = (FIRST_DAY + 60) * DAY_NS
    return e.LeakSolved(at_ns, LeakTable(at_ns, outcome, outcome, "x"), 240, 1, 1, 0.1, "engine", "daily")


@pytest.mark.parametrize(
    ("identified", "value", "sd", "is_told"),
    [
        pytest.param(Identified.level, 8.0, 1.0, True, id="told apart, and there"),
        pytest.param(Identified.level, 1.0, 1.0, False, id="told apart, and may be nothing"),
        pytest.param(Identified.relative, 8.0, 1.0, False, id="against others alone"),
        pytest.param(Identified.none, 8.0, 1.0, False, id="whoever was asked was always asked"),
    ],
)
def test_no_leak_is_alleged_that_is_not_identified(
    tmp_path: Path, identified: Identified, value: float, sd: float, is_told: bool
) -> None:
    page = card(journal(rounds(), tmp_path / "j.db", leaks(identified, value, sd)), "dealera")
    words = said(page)
    assert ("+8.0 bp against us (6.0 to 10.0)" in words) is is_told
    assert bool(re.search(r"leak|against us|moved", words)) is is_told
    assert "dealera" in words


# --- times ---------------------------------------------------------------------------------------


def test_only_what_was_asked_for_is_counted(tmp_path: Path) -> None:
    path = journal(rounds(), tmp_path / "j.db")
    whole = card(path, "dealera", date(2020, 1, 1))
    begin = date.fromordinal(date(1970, 1, 1).toordinal() + FIRST_DAY + 10)
    part = card(path, "dealera", begin, date.fromordinal(begin.toordinal() + 19))
    assert "240 requests" in whole.subject
    assert "80 requests" in part.subject
    with pytest.raises(ConfigError, match="is after the last"):
        card(path, "dealera", date(2030, 1, 1), date(2029, 1, 1))
    with pytest.raises(ConfigError, match="no dealer 'nobody' in this time: known are dealera"):
        card(path, "nobody")
    with pytest.raises(ConfigError, match="no dealer 'dealera' in this time: known are none"):
        card(path, "dealera", date(2021, 1, 1), date(2021, 2, 1))


def test_months_are_calendar_months_cut_at_the_ends() -> None:
    assert months_of(date(2026, 9, 2), date(2026, 11, 30)) == [
        (date(2026, 9, 2), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 11, 1), date(2026, 11, 30)),
    ]
    assert months_of(date(2026, 1, 20), date(2026, 1, 25)) == [(date(2026, 1, 20), date(2026, 1, 25))]
    assert len(months_of(date(2020, 1, 1), date(2026, 1, 25))) == 3


def test_measures_that_no_request_says_anything_of_are_nothing() -> None:
    days = days_of([seen("R", [asked("dealera")])])
    assert [measure for measure in MEASURES if days.interval("dealera", measure, ALL).n] == ["response"]
    assert math.isnan(days.interval("dealera", "edge").value)
