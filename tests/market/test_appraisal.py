"""What is known of a bond: from the tape, from its file while that is believed, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.domain.instrument import AssetClass, Security
from engine.market.appraisal import Appraisal, MarketParameters, Quoting
from engine.market.business_days import WEEKDAYS, BusinessDays
from engine.market.calendars import EVERY_WEEKDAY, Calendar, Calendars
from engine.market.impact import ImpactParameters
from engine.market.liquidity import Groups
from engine.market.tape import CompleteFrom, Trade

TODAY = date(2026, 11, 24)
DAY = (TODAY - date(1970, 1, 1)).days
NOW = DAY * NS_PER_DAY + 15 * 3600 * NS_PER_S
MM = 1_000_000


def bond(name: str = "A", **fields: object) -> Security:
    known = {"amount_outstanding": Decimal(500 * MM), **fields}
    return Security(
        security_id=name,
        name=name,
        issuer="issuer of " + name,
        asset_class=AssetClass.CORPORATE,
        **known,  # type: ignore[arg-type]
    )


TOLD = {"adv_30d": Decimal(3 * MM), "last_trade_date": TODAY - timedelta(days=4), "liquidity_score": 7}


def known(*bonds: Security, groups: dict[str, str] | None = None, **parameters: object) -> Appraisal:
    chosen = MarketParameters(**parameters)  # type: ignore[arg-type]
    return Appraisal({each.security_id: each for each in bonds}, chosen, Groups(groups or {}))


def heard(appraisal: Appraisal, security: Security, ago: int, mm: float, heard_ago: int = 0) -> None:
    at_ns = NOW - ago * NS_PER_DAY
    name = f"{security.security_id} {ago} {mm}"
    trade = Trade(security.security_id, "corporate", Decimal(99), Decimal(int(mm * MM)), at_ns, "feed", name)
    appraisal.tape.take(trade, NOW - heard_ago * NS_PER_DAY)


def covered(appraisal: Appraisal, ago: int) -> None:
    appraisal.tape.complete_from(CompleteFrom("corporate", "feed", DAY - ago), NOW)


# --- the file's word -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days_old", "believed"),
    [
        pytest.param(0, True, id="of today"),
        pytest.param(10, True, id="ten days old"),
        pytest.param(11, False, id="older"),
        pytest.param(None, True, id="of a day that nobody said"),
    ],
)
def test_a_files_word_on_trading_is_believed_for_ten_days(days_old: int | None, believed: bool) -> None:
    as_of = None if days_old is None else TODAY - timedelta(days=days_old)
    security = bond(**TOLD, liquidity_as_of=as_of)
    appraisal = known(security)
    assert appraisal.adv(security, 30, NOW) == (3 * MM if believed else None)
    assert appraisal.days_since_trade(security, NOW) == (4 if believed else None)
    assert appraisal.liquidity_score(security, NOW) == (7 if believed else None)


def test_a_file_knows_its_own_window_alone() -> None:
    security = bond(**TOLD)
    assert [known(security).adv(security, window, NOW) for window in (5, 29, 31, 60)] == [None] * 4


def test_of_a_bond_that_nobody_told_of_nothing_is_known() -> None:
    security = bond()
    appraisal = known(security)
    assert appraisal.adv(security, 30, NOW) is None
    assert appraisal.days_since_trade(security, NOW) is None
    assert appraisal.liquidity_score(security, NOW) is None
    assert appraisal.volatility("A", NOW) is None
    assert appraisal.expected_impact(security, Decimal(MM), NOW) is None
    assert appraisal.expected_cost(security, Decimal(MM), 5.0, NOW) is None


# --- the tape's ----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 5, 30, 60, 120])
def test_any_window_that_the_tape_covers(window: int) -> None:
    security = bond(**TOLD)
    appraisal = known(security)
    covered(appraisal, 190)
    for ago in (1, 7, 30, 80):
        heard(appraisal, security, ago, 6)
    inside = sum(DAY - ago >= WEEKDAYS.before(DAY, window) for ago in (1, 7, 30, 80))
    assert appraisal.adv(security, window, NOW) == round(Decimal(6 * MM * inside) / window)


def market(name: str, currency: str, *closed: date) -> Calendar:
    return replace(EVERY_WEEKDAY, name=name, currencies=(currency,), closed=frozenset(closed))


def test_a_window_counts_the_business_days_of_the_bonds_market() -> None:
    """Five days before Tuesday, with Monday closed, reach one weekday further back."""
    dollars, euros = bond("A", currency="USD"), bond("B", currency="EUR")
    calendars = Calendars([market("us", "USD", TODAY - timedelta(days=1)), market("eu", "EUR")])
    appraisal = Appraisal({each.security_id: each for each in (dollars, euros)}, calendars=calendars)
    covered(appraisal, 100)
    for security in (dollars, euros):
        heard(appraisal, security, 8, 10)  # Monday of the week before.
        heard(appraisal, security, 4, 20)
    assert [appraisal.adv(each, 5, NOW) for each in (dollars, euros)] == [6 * MM, 4 * MM]
    after = Appraisal(appraisal.bonds)
    appraisal.take_up(after)
    assert appraisal.adv(dollars, 5, NOW) == 4 * MM, "calendars that were read again count at once"


def test_a_holiday_is_no_silence_of_a_feed() -> None:
    security = bond()
    appraisal = known(security)
    appraisal.tape.quiet_days_max = 1
    heard(appraisal, security, 4, 6, heard_ago=4)
    assert appraisal.tape.covered_from("corporate", DAY) is None, "since Friday nobody has said anything"
    appraisal.tape.business_days = BusinessDays([TODAY - timedelta(days=1)])
    assert appraisal.tape.covered_from("corporate", DAY) is not None


def test_a_bond_that_is_known_not_to_have_traded_has_an_average_of_zero() -> None:
    security = bond()
    appraisal = known(security)
    covered(appraisal, 60)
    assert appraisal.adv(security, 30, NOW) == 0
    assert appraisal.adv(security, 60, NOW) is None


def test_days_before_the_tape_began_count_as_the_file_says() -> None:
    security = bond(**TOLD)
    appraisal = known(security)
    covered(appraisal, 7)  # Since Tuesday a week ago: five whole business days.
    heard(appraisal, security, 6, 12)
    assert appraisal.adv(security, 30, NOW) == round(Decimal(12 * MM + 25 * 3 * MM) / 30)
    stale = replace(security, liquidity_as_of=TODAY - timedelta(days=11))
    assert appraisal.adv(stale, 30, NOW) is None
    assert appraisal.adv(stale, 5, NOW) == round(Decimal(12 * MM) / 5)


def test_todays_trades_count_tomorrow() -> None:
    security = bond()
    appraisal = known(security)
    covered(appraisal, 60)
    heard(appraisal, security, 0, 30)
    assert appraisal.adv(security, 30, NOW) == 0
    assert appraisal.adv(security, 30, NOW + NS_PER_DAY) == MM
    assert appraisal.days_since_trade(security, NOW) == 0


def test_days_since_a_trade_are_known_from_the_tape_at_once() -> None:
    security = bond(**TOLD)
    appraisal = known(security)
    heard(appraisal, security, 0, 1)
    assert appraisal.days_since_trade(security, NOW) == 0
    assert appraisal.days_since_trade(security, NOW + 3 * NS_PER_DAY) == 3


def test_days_since_the_files_trade_go_on_where_the_tape_took_over() -> None:
    """The file said on the 14th that it last traded on the 10th; since then every trade is on the tape."""
    told = {"last_trade_date": date(2026, 11, 10), "liquidity_as_of": date(2026, 11, 12)}
    security = bond(**told)
    appraisal = known(security)
    assert appraisal.days_since_trade(security, NOW) is None
    covered(appraisal, 12)
    assert appraisal.days_since_trade(security, NOW) == 14
    later = known(security)
    covered(later, 5)
    assert later.days_since_trade(security, NOW) is None


def test_a_feed_that_fell_silent_leaves_the_file() -> None:
    security = bond(**TOLD, liquidity_as_of=TODAY)
    appraisal = known(security)
    covered(appraisal, 190)
    assert appraisal.adv(security, 60, NOW) == 0
    in_ten_days = NOW + 10 * NS_PER_DAY
    assert appraisal.adv(security, 60, in_ten_days) is None
    assert appraisal.adv(security, 30, in_ten_days) == 3 * MM
    assert appraisal.adv(security, 30, in_ten_days + NS_PER_DAY) is None


# --- price, impact, score ------------------------------------------------------------------------


def test_impact_and_cost_of_what_is_known() -> None:
    security = bond(adv_30d=Decimal(5 * MM))
    appraisal = known(security, impact=ImpactParameters(y=0.5, cap_bps=150))
    price = 100.0
    for number in range(31):
        appraisal.closes.take("A", "marks", NOW - (50 - number) * NS_PER_DAY, price)
        price *= 1 + (35 if number % 2 else -35) / 10_000 / 1.4826
    volatility = appraisal.volatility("A", NOW)
    assert volatility is not None
    found = appraisal.expected_impact(security, Decimal(10 * MM), NOW)
    assert found is not None
    assert found.bps == pytest.approx(0.5 * volatility.bps * 2**0.5)
    cost = appraisal.expected_cost(security, Decimal(10 * MM), 6.0, NOW)
    assert cost is not None
    assert cost.total.bps == pytest.approx(6 + found.bps)


def test_the_score_is_the_place_in_the_group_once_the_tape_covers_it() -> None:
    bonds = [bond(f"B{number}", liquidity_score=1) for number in range(10)]
    groups = {each.security_id: "corporate|BBB" for each in bonds}
    appraisal = known(*bonds, bond("alone"), groups=groups)
    covered(appraisal, 20)
    for number, security in enumerate(bonds):
        for ago in range(1, number + 1):
            heard(appraisal, security, ago, 1)
    assert {appraisal.liquidity_score(each, NOW) for each in bonds} == {1}  # The file's: 20 days are no 30.
    covered(appraisal, 60)
    scores = [appraisal.liquidity_score(each, NOW) for each in bonds]
    assert scores == sorted(scores, key=lambda score: score or 0)
    assert (scores[0], scores[-1]) == (1, 8)  # Of nine that traded yesterday none is more recent than the others.
    assert appraisal.liquidity_score(bond("alone"), NOW) is None


def test_files_read_again_leave_what_was_heard() -> None:
    security = bond()
    appraisal = known(security)
    covered(appraisal, 60)
    heard(appraisal, security, 1, 30)
    appraisal.take_up(known(security, file_days=3))
    assert (appraisal.parameters.file_days, appraisal.adv(security, 30, NOW)) == (3, MM)


def test_quoting_is_a_mean_that_moves() -> None:
    quoting = Quoting(bonds_max=2)
    assert quoting.of("A") == (None, None)
    quoting.take("A", 5, None)
    quoting.take("A", 0, 10.0)
    assert quoting.of("A") == (4.0, 10.0)
    quoting.take("B", 1, None)
    quoting.take("C", 1, None)
    assert quoting.of("A") == (None, None)
