"""Desks of the past made of a journal's own texts: through reloads, restarts and a tape that has lost its beginning."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from kept_days import KeptDays, installation, written

from engine.clock import NS_PER_DAY
from engine.config import Config, ConfigProblems, recalled
from engine.desk.fields import catalogue
from engine.domain.recommendation import Recommendation, Scalar
from engine.errors import CommandError, ConfigError
from engine.journal.archive import ReadOnly
from engine.research import in_force
from engine.research.facts import FactsThen
from engine.research.in_force import TextsThen, dealers_ever
from engine.research.moments import FOREVER_NS, Held, Moments
from engine.rules import Book, Source, compile_book

DAY_S = 86_400
pytestmark = pytest.mark.starts("noon")  # They have a clock of their own.


@pytest.fixture
def days(tmp_path: Path) -> Iterator[KeptDays]:
    made = KeptDays(installation(tmp_path))
    yield made
    made.close()


def bonds(days: KeptDays, count: int) -> list[str]:
    return list(days.trading.desk.securities)[:count]


def a_day(days: KeptDays, count: int = 6, *, quiet: bool = False) -> None:
    """Prices, orders of several sizes, quotes, and what becomes of them."""
    for at, bond in enumerate(bonds(days, count)):
        if not quiet:
            days.price(bond, f"{100 + at / 8}")
        order = days.order(bond, "buy" if at % 2 else "sell", 200_000 + 400_000 * at)
        if days.state.orders[order].state == "with_trader" and days.state.recommendations[order].plan is not None:
            days.command("send", order=order)
        if days.state.orders[order].state == "asking":
            days.quote(order, [5.0 - at, -3.0, 2.0, 1.0], 100 + at / 8)
            days.over(order)


def edit(days: KeptDays, name: str, pattern: str, instead: str) -> None:
    path = days.config.parent / name
    text = path.read_text()
    changed, count = re.subn(pattern, instead, text, flags=re.MULTILINE)
    assert count, pattern
    path.write_text(changed)
    written(path, days.now_ns)


def again(path: Path, config: Path, end_ns: int = FOREVER_NS) -> list[tuple[Recommendation, Recommendation]]:
    """Every answer, as it was and as it comes out again."""
    facts = FactsThen()
    with ReadOnly(path) as file:
        texts = TextsThen(file, config, facts)
        moments = Moments(file, texts, facts)
        found = []
        for moment in moments.between(0, end_ns):
            book = texts.book(moment.made.book_hash)
            assert book is not None
            found.append((moment.made, moment.decide(book)))
        assert not moments.skipped
    return found


def same(days: KeptDays) -> int:
    found = again(days.path, days.config)
    for made, repeated in found:
        assert repeated == made
    return len(found)


def test_a_day_comes_out_again_whatever_the_files_say_by_now(days: KeptDays) -> None:
    days.start()
    days.log_on()
    a_day(days)
    for name in ("dealers.toml", "scoring.toml", "rules/30-credit.rules", "securities/sample.csv"):
        (days.config.parent / "config" / name).write_text("nonsense")
    days.config.unlink()
    assert same(days) >= 6


@pytest.mark.parametrize(
    ("kind", "name", "pattern", "instead"),
    [
        pytest.param("rules", "config/rules/90-default.rules", "ask top 3", "ask top 2", id="rules"),
        pytest.param("dealers", "config/dealers.toml", r'^id = "birch"$', 'paused = true\nid = "birch"', id="dealers"),
        pytest.param("scoring", "config/scoring.toml", r"^half_life_days = 30.0", "half_life_days = 5.0", id="scores"),
        pytest.param("scoring", "config/scoring.toml", r"^c_fail_bps = 20.0", "c_fail_bps = 3.5", id="the model"),
        pytest.param("limits", "engine.toml", r"^wait_s = .*$", "wait_s = 77.5", id="limits"),
        pytest.param("securities", "config/securities/sample.csv", r",BBB-?,", ",B,", id="ratings"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True], ids=["reloaded", "at a restart"])
def test_what_was_in_force_decides_each_order(
    days: KeptDays, kind: str, name: str, pattern: str, instead: str, restarts: bool
) -> None:
    days.start()
    days.log_on()
    a_day(days)
    days.advance(DAY_S)
    edit(days, name, pattern, instead)
    if restarts:
        days.start()
        days.log_on()
    else:
        days.reload(kind)
    a_day(days)
    days.advance(DAY_S)
    a_day(days)
    assert same(days) >= 18


def test_who_was_logged_off_is_not_asked(days: KeptDays) -> None:
    days.start()
    a_day(days, 2)
    days.log_on("birch", "cedar")
    days.advance(600)
    a_day(days, 2)
    days.advance(600)
    days.log_on()
    days.log_off("birch")
    a_day(days, 2)
    assert same(days) >= 6


def test_a_tape_that_has_lost_its_beginning_changes_nothing_that_was_read(days: KeptDays) -> None:
    days.start()
    days.log_on()
    a_day(days)
    days.advance(2 * DAY_S)
    a_day(days)
    changed = sqlite3.connect(days.path)
    changed.execute("DELETE FROM tape_marks WHERE heard_ns < ?", (days.now_ns - NS_PER_DAY,))
    changed.commit()
    changed.close()
    assert same(days) >= 12


def test_everybody_who_ever_was_a_dealer_is_known(days: KeptDays) -> None:
    days.start()
    with ReadOnly(days.path) as file:
        assert {"alder", "birch", "cedar"} <= dealers_ever(file)


def test_texts_that_this_build_cannot_read_have_stand_ins(days: KeptDays, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first days the next that can be read, later the one before; a book that is none any more is named."""
    days.start()
    days.log_on()
    a_day(days, 2)
    for old, new in (("wait_s = 120", "wait_s = 110"), ("wait_s = 110", "wait_s = 100")):
        days.advance(DAY_S)
        edit(days, "engine.toml", old, new)
        days.reload("limits")
        a_day(days, 2)

    def refusing(*unread: str) -> list[str]:
        def read(path: Path, texts: Mapping[str, str]) -> Config:
            if any(each in texts["limits"] for each in unread):
                raise ConfigProblems(["engine.toml: former: unknown key"])
            return recalled(path, texts)

        monkeypatch.setattr(in_force, "recalled", read)
        facts = FactsThen()
        with ReadOnly(days.path) as file:
            texts = TextsThen(file, days.config, facts)
            waits = [each.desk.clocks.wait_ns // 10**9 for each in Moments(file, texts, facts).between(0, FOREVER_NS)]
        assert len(texts.stand_ins) == len(unread)
        return [str(each) for each in dict.fromkeys(waits)]

    assert refusing() == ["120", "110", "100"]
    assert refusing('"wait_s": "120.0"') == ["110", "100"]
    assert refusing('"wait_s": "110.0"') == ["120", "100"]
    assert refusing('"wait_s": "110.0"', '"wait_s": "100.0"') == ["120"]
    with pytest.raises(ConfigProblems, match="former"):
        refusing("wait_s")


def test_a_book_that_makes_no_book_any_more_keeps_nobody_from_asking_others(
    days: KeptDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.start()
    days.log_on()
    a_day(days, 2)
    facts = FactsThen()
    other = compile_book([Source("other.rules", 'rule "all"\n  when true\n  ask all\n')], facts.over(catalogue(None)))
    monkeypatch.setattr(in_force, "apart", lambda text: [Source("old.rules", "rule of another language")])
    with ReadOnly(days.path) as file:
        texts = TextsThen(file, days.config, facts)
        moments = rules_of(Moments(file, texts, facts), other)
        assert texts.book(days.trading.desk.book.hash) is None
        with pytest.raises(ConfigError, match="makes no book any more"):
            texts.running()
    assert len(moments) == 2


def rules_of(moments: Moments, book: Book) -> list[str]:
    return [each.decide(book).rule for each in moments.between(0, FOREVER_NS)]


# --- tomorrow ----------------------------------------------------------------------------------------


def test_what_came_later_is_not_known_earlier(days: KeptDays, tmp_path: Path) -> None:
    """Tomorrow's prices, said to be of yesterday, and tomorrow's quotes: the answers of today stay as they are."""
    days.start()
    days.log_on()
    a_day(days)
    days.advance(DAY_S)
    a_day(days)
    today_ns = days.now_ns + 1
    expected = again(days.path, days.config)
    with sqlite3.connect(days.path) as live, sqlite3.connect(tmp_path / "today.db") as copy:
        live.backup(copy)
    for bond in bonds(days, 6):
        # Heard tomorrow, of a moment before the orders.
        days.advance(DAY_S / 12)
        days.price(bond, "55.5", quoted_s_ago=2 * DAY_S)
    for _ in range(3):
        days.advance(DAY_S)
        a_day(days)
    edit(days, "config/securities/sample.csv", r",BBB-?,", ",CCC,")
    days.reload("securities")
    whole = again(days.path, days.config)
    assert len(whole) > len(expected)
    assert whole[: len(expected)] == expected
    assert again(days.path, days.config, today_ns) == expected
    assert again(tmp_path / "today.db", days.config) == expected


def look_again(days: KeptDays) -> None:
    """The rule book is asked once more about everything that is with the trader: nobody has looked anything up then."""
    for order in days.state.open_orders():
        days.advance(30)
        if order.state == "with_trader":
            with suppress(CommandError):
                days.command("send", order=order.order_id, fresh=True)


def test_another_book_sees_no_more(days: KeptDays) -> None:
    """It reads what nobody read then: made of the tape as far as that had come, not of what is in it by now."""
    days.start()
    days.log_on()
    for day in range(21):
        for at, bond in enumerate(bonds(days, 6)):
            days.price(bond, f"{100 + (day * day + at) % 7 / 4}")
            days.print(bond, 100_000 * (at + 1), "100.5")
        days.advance(DAY_S)
    a_day(days)
    look_again(days)
    today, read = answers_of_another(days)
    assert {each.rule for each in today} == {"dear", "rest"}
    assert {each["fair"] for each in read} != {None}
    assert {each["adv(10d)"] for each in read} != {None}
    assert {each["volatility"] for each in read} != {None}
    for bond in bonds(days, 6):
        days.advance(DAY_S / 12)
        days.price(bond, "85.5", quoted_s_ago=DAY_S)
        days.price(bond, "115.5", quoted_s_ago=2 * DAY_S)
        days.print(bond, 70_000_000)
    days.advance(DAY_S)
    a_day(days)
    whole, _ = answers_of_another(days)
    assert len(whole) > len(today)
    assert whole[: len(today)] == today


def answers_of_another(days: KeptDays) -> tuple[list[Recommendation], list[Mapping[str, Scalar]]]:
    """What it says at each moment, and what it read."""
    text = """
rule "dear"
  when fair > 100.2 and (market_value > 300k or volatility > 1bp or adv(10d) > 1k)
  rank by 60% hit_rate + 40% price_improvement over 45d
  ask top 4
rule "rest"
  when true
  rank by model
  ask top 2 where edge(30d) is unknown or edge(30d) >= -100bp
"""
    facts = FactsThen()
    with ReadOnly(days.path) as file:
        texts = TextsThen(file, days.config, facts)
        book = compile_book([Source("other.rules", text)], facts.over(catalogue(None)))
        texts.want(book.windows())
        held = Held()
        found = [each.decide(book, held) for each in Moments(file, texts, facts).between(0, FOREVER_NS)]
    return found, [each.read for each in found if each.read is not None]


def test_closes_that_outlive_the_tape_are_known_once_their_days_are_over(days: KeptDays) -> None:
    days.start()
    days.log_on()
    for day in range(21):
        for at, bond in enumerate(bonds(days, 3)):
            days.price(bond, f"{100 + (day * day + at) % 7 / 4}")
        days.advance(DAY_S)
    a_day(days, 3)
    look_again(days)
    _, before = answers_of_another(days)
    changed = sqlite3.connect(days.path)
    changed.execute("DELETE FROM tape_marks WHERE heard_ns < ?", (days.now_ns - NS_PER_DAY,))
    changed.commit()
    changed.close()
    _, after = answers_of_another(days)
    assert [each["volatility"] for each in after] == [each["volatility"] for each in before]
    assert {each["volatility"] for each in after} != {None}


def test_what_others_told_is_known_from_when_it_was_learnt(days: KeptDays) -> None:
    """Before that it waits, as it did; the model decides by it and by nothing else."""
    edit(days, "config/rules/90-default.rules", "ask top 3", "rank by model\n  ask top 3")
    days.start()
    days.log_on()
    a_day(days)
    bond = bonds(days, 1)[0]
    told = {
        "rfq_id": "1",
        "sent_at": "2026-11-02T10:00:00Z",
        "security": bond,
        "side": "buy",
        "quantity": "500000",
        "n_asked": "3",
        "mark_sent": "100",
        "mark_source": "marks",
        "mark_age_s": "0",
    }
    rows = [
        {**told, "rfq_id": str(number), "dealer": dealer, "answer": "none" if dealer == "alder" else "quote"}
        | ({} if dealer == "alder" else {"price": "99.99", "answered_at": "2026-11-02T10:00:05Z"})
        for number in range(20)
        for dealer in ("alder", "birch", "cedar")
    ]
    days.tell(rows[:30])
    days.advance(600)
    a_day(days)
    days.tell(rows[30:])
    days.advance(DAY_S)
    a_day(days)
    assert same(days) >= 18


def test_nothing_is_written_and_nothing_drawn(days: KeptDays) -> None:
    days.start()
    days.log_on()
    a_day(days)
    before = days.path.read_bytes(), Path(f"{days.path}-wal").read_bytes()
    first, second = again(days.path, days.config), again(days.path, days.config)
    assert first == second
    assert (days.path.read_bytes(), Path(f"{days.path}-wal").read_bytes()) == before
    assert any(made.selection is not None and made.selection.draw is not None for made, _ in first)
