"""What a history can support, by histories of which it is known what they lack."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from kept_journal import keep
from seen_rounds import asked, seen

from engine.admin import cli
from engine.domain import events as e
from engine.domain.observation import Answer, Horizon, MarkAfter, RoundTold, Taken
from engine.domain.order import MarkUsed
from engine.research.page import html
from engine.research.support import Gathering, Share, gathered, page, plain, verdict

MARK = MarkUsed(Decimal(100), "made", 0, "firm", 2.0)
NAMES = tuple(f"D{number}" for number in range(1, 9))
RATES = {name: 0.2 + 0.1 * at for at, name in enumerate(NAMES)}


def told(
    number: int, names: Sequence[str], answer: Sequence[bool], *, day: float | None = None, **changes: object
) -> RoundTold:
    day = number / 10 if day is None else day
    asks = [
        asked(name, day, -10.0, position=at, mark_sent=MARK) if yes else asked(name, day, position=at, mark_sent=MARK)
        for at, (name, yes) in enumerate(zip(names, answer, strict=True), 1)
    ]
    return RoundTold(
        replace(seen(f"T-{number}", asks, day), source="planted", mark_decision=MARK, **changes),  # type: ignore[arg-type]
        (MarkAfter(Horizon.half_hour, MARK),),
    )


def drawn(count: int, panels: Sequence[int] = (1, 2, 3, 4), seed: int = 1) -> Iterator[RoundTold]:
    dice = random.Random(seed)
    for number in range(count):
        names = dice.sample(NAMES, dice.choice(panels))
        yield told(number, names, [dice.random() < RATES[name] for name in names])


def said(found: Gathering, words: str) -> str:
    (line,) = [line for line in verdict(found) if words in line]
    return line


# --- shares ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yes", "of", "low", "high"),
    [
        # By Wilson's formula, z = 1.645.
        pytest.param(0, 0, 0.0, 1.0, id="nothing known"),
        pytest.param(0, 10, 0.0, 0.2129, id="never"),
        pytest.param(10, 10, 0.7871, 1.0, id="always"),
        pytest.param(50, 100, 0.4188, 0.5812, id="half"),
    ],
)
def test_a_share_has_its_interval(yes: int, of: int, low: float, high: float) -> None:
    assert Share(yes, of).interval == pytest.approx((low, high), abs=1e-4)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    dice, held, count = random.Random(7), 0, 4_000
    for _ in range(count):
        rate = dice.uniform(0.1, 0.9)
        low, high = Share(sum(dice.random() < rate for _ in range(60)), 60).interval
        held += low <= rate <= high
    assert held / count == pytest.approx(0.9, abs=4 * (0.09 / count) ** 0.5)


@pytest.mark.parametrize(("yes", "of"), [(0, 0), (3, 10), (10, 10), (40, 100), (0, 5)])
def test_so_many_more_are_enough_and_one_fewer_is_not(yes: int, of: int) -> None:
    share = Share(yes, of)
    rate, more = (yes / of if of else 0.5), share.more(0.05)
    assert Share(round(rate * (of + more)), of + more).half <= 0.05
    assert Share(round(rate * (of + more - 2)), of + more - 2).half > 0.0499
    assert Share(600, 1_000).more(0.05) == 0


# --- what it is enough for ---------------------------------------------------------------------------


def test_of_whom_enough_is_known_is_counted() -> None:
    rounds = [*drawn(1_000), told(1_001, ["rare"], [True])]
    found = gathered(rounds)
    rare = found.dealers["rare"]
    assert (rare.asks, rare.answers) == (1, 1)
    assert said(found, "(q)").startswith("Enough for the chance of an answer (q) of 8 of 9 dealers, to 5 points")
    assert f"all of them {rare.q.more(0.05):,}." in said(found, "(q)")
    for name in NAMES:
        low, high = found.dealers[name].q.interval
        assert low - 0.04 < RATES[name] < high + 0.04
    assert "firmness (f) of 0 of 9 dealers" in said(found, "(f)")


def test_a_level_of_leaks_needs_panels_of_several_sizes() -> None:
    assert said(gathered(drawn(300)), "Of leaks") == (
        "Of leaks: leaks can be told apart, and their level: from 1 to 4 were asked."
    )
    assert said(gathered(drawn(300, panels=(3,))), "leak") == (
        "Of leaks: no leak level can be known: the number asked never varied (always 3)."
    )


def test_dealers_that_were_only_asked_together_cannot_be_told_apart() -> None:
    dice = random.Random(3)
    rounds = []
    for number in range(200):
        names = ["always", *dice.sample(("A", "B", "C"), dice.choice((1, 2)))]
        names += ["twin", "other twin"] if dice.random() < 0.5 else []
        rounds.append(told(number, names, [True] * len(names)))
    line = said(gathered(rounds), "Of leaks")
    assert "always was asked in every round" in line
    assert "other twin and twin were only ever asked together" in line
    assert plain(gathered(rounds))["only_together"] == [["other twin", "twin"]]


def test_where_the_panel_never_varied_no_leak_can_be_known() -> None:
    rounds = [told(number, ["A", "B", "C"], [True, False, True]) for number in range(50)]
    assert said(gathered(rounds), "leak").startswith("No leak can be known: the panel never varied")


def test_without_marks_neither_edge_nor_leak_can_be_known() -> None:
    rounds = [
        RoundTold(seen(f"T-{n}", [asked("A", n, None, answer=Answer.quote, answered_ns=1), asked("B", n)], n))
        for n in range(20)
    ]
    found = gathered(rounds)
    assert "No edge can be known: no quote has a mark beside it." in verdict(found)
    assert "No leak can be known: no mark follows any round." in verdict(found)
    assert plain(found)["marks_missing"]["30m"] == 20


def test_who_fell_silent_is_named_with_its_last_answer_and_nobody_who_never_said_much() -> None:
    dice, rounds = random.Random(5), []
    for number in range(400):
        names = ["steady", "rare", "gone"]
        rounds.append(told(number, names, [dice.random() < 0.7, dice.random() < 0.05, number < 300]))
    found = gathered(rounds)
    last = plain(found)["dealers"][0]["last_answered"]
    assert said(found, "Fell silent") == f"Fell silent, though asked since: gone (last answer {last})."
    assert not found.dealers["rare"].fell_silent


def test_who_is_asked_no_more_is_named() -> None:
    rounds = [told(n, ["left", "stayed"], [True, False], day=n) for n in range(10)]
    rounds += [told(n, ["stayed"], [False], day=n) for n in range(10, 120)]
    assert "left (last asked" in said(gathered(rounds), "Not asked any more")


def test_a_file_of_answers_alone_is_suspected() -> None:
    rounds = [told(n, NAMES[:3], [True, True, n % 2 == 0]) for n in range(40)]
    assert said(gathered(rounds), "if the file has answers alone").startswith("D1 and D2 answered every one")


def test_what_was_drawn_with_a_known_chance_is_counted() -> None:
    assert "0 of 40 rounds were drawn with a known chance" in said(gathered(drawn(40)), "known chance")
    rounds = [told(n, ["A", "B"], [True, True], p_panel=0.5, is_drawn=n % 2 == 0) for n in range(40)]
    assert said(gathered(rounds), "known chance").startswith("20 of 40 rounds were drawn with a known chance")


def test_firmness_counts_what_was_accepted() -> None:
    asks = [asked("A", 0.0, -9.0, taken=Taken.filled), asked("B", 0.0, -9.0, taken=Taken.rejected)]
    found = gathered([RoundTold(seen("T-1", asks))])
    assert (found.dealers["A"].f, found.dealers["B"].f, found.trades) == (Share(1, 1), Share(0, 1), 1)


def test_of_nothing_nothing_is_said() -> None:
    assert verdict(gathered([])) == ["There are no rounds in it: it supports nothing."]
    assert "supports nothing" in html(page(gathered([]), "nothing"))


# --- the command -------------------------------------------------------------------------------------


def test_the_command_reads_journals_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = tmp_path / "journal.db"
    keep([e.HistoryAdded(2_000_000_000_000_000_000, tuple(drawn(120)), "old", "person:kim")], journal, "desk")
    file = tmp_path / "old.csv"
    file.write_text(
        "rfq_id,sent_at,security,side,quantity,dealer,answer,asset_class\n"
        "X-1,2026-01-02T14:05:00Z,XS0000000009,buy,1000000,ash,pass,corporate\n"
        "X-1,2026-01-02T14:05:00Z,XS0000000009,buy,1000000,beech,shrug,corporate\n"
    )
    where = tmp_path / "report.html"
    assert cli.main(["history", "report", str(journal), str(file), "--html", str(where)]) == 0
    told_of = capsys.readouterr().out
    assert told_of.startswith("121 rounds, ")
    assert "no leak" not in told_of
    assert "1 rows were refused" in told_of
    assert "ash" in told_of
    assert "<h1>What this history can support</h1>" in where.read_text()
    assert cli.main(["history", "report", "--journal", str(journal), "--json", "--within", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rounds"], found["within"], len(found["dealers"])) == (120, 0.1, 8)
    assert cli.main(["history", "report", str(journal), "--html", str(where)]) != 0
    assert "is there already" in capsys.readouterr().err


def test_what_rows_leave_open_of_bonds_is_as_in_the_configured_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(__file__).resolve().parents[2]
    sample = shipped / "config" / "history" / "sample.csv"
    assert cli.main(["history", "report", str(sample), "--config", str(shipped / "engine.toml")]) == 0
    told_of = capsys.readouterr().out
    assert "refused" not in told_of
    assert "alder" in told_of
    # Nobody knows what bonds they are without it.
    (tmp_path / "old.csv").write_text("".join(sample.read_text().splitlines(keepends=True)[:5]))
    assert cli.main(["history", "report", str(tmp_path / "old.csv"), "--config", str(_other(tmp_path))]) == 0
    told_of = capsys.readouterr().out
    assert "old.csv, line 2: asset_class: " in told_of
    assert "line 5" not in told_of


def _other(folder: Path) -> Path:
    """A configuration whose file of securities has no bond."""
    shipped = Path(__file__).resolve().parents[2]
    text = (shipped / "engine.toml").read_text().replace("config/securities/sample.csv", "none.csv")
    header = next(
        line
        for line in (shipped / "config" / "securities" / "sample.csv").read_text().splitlines()
        if not line.startswith("#")
    )
    (folder / "none.csv").write_text(header + "\n")
    (folder / "config").mkdir()
    (folder / "config" / "scoring.toml").write_text((shipped / "config" / "scoring.toml").read_text())
    (folder / "engine.toml").write_text(text)
    return folder / "engine.toml"
