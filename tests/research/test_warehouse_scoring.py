"""engine/research/warehouse/scoring.py: the table of many desks is one, wherever each of them was walked."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from kept_journal import keep
from seen_rounds import drawn_dealers, drawn_round
from test_spread import local_cluster
from warehouse_rows import exported

from engine.admin.cli import main as rfqctl
from engine.dealers.estimates import EstimateParameters
from engine.domain import events as e
from engine.research.knowledge import Then
from engine.research.past import Source, past_of
from engine.research.scores import Rows, report
from engine.research.spread import Where
from engine.research.walk import walk
from engine.research.warehouse.scoring import scores_of

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DESKS = ("credit", "london", "munis")
ONE = Where(processes=1)


def desks(folder: Path, days: int = 12, rounds: int = 10) -> Path:
    """A warehouse of three desks, each with dealers of its own whose truth differs."""
    for seed, desk in enumerate(DESKS):
        rng = random.Random(seed)
        dealers = drawn_dealers(rng, 6)
        seen = [
            drawn_round(rng, f"Q-{day:03}{at:03}", rng.sample(list(dealers), 3), dealers, day + 0.4 + at / 100)
            for day in range(days)
            for at in range(rounds)
        ]
        keep([e.RoundObserved(each.closed_ns, each) for each in seen], folder / f"{desk}.db", desk)
        exported(folder / f"{desk}.db", folder / "files")
    return folder / "files"


def test_a_desk_scores_as_its_journal_does(tmp_path: Path) -> None:
    files, p = desks(tmp_path), EstimateParameters()
    found = scores_of(files, p, where=ONE)
    assert [each.desk for each in found] == [*DESKS, ""]
    for desk, each in zip(DESKS, found, strict=False):
        rows = Rows()
        for _, predictions in walk(past_of([Source(tmp_path / f"{desk}.db")]), Then(p)):
            rows.extend(predictions)
        wanted = report(rows)
        assert (each.asks, each.rounds, each.days) == (wanted.rows, 120, 12)
        assert each.coverage.value == pytest.approx(wanted.coverage.value)
        for mine, theirs in zip(each.scores, wanted.scores, strict=True):
            assert (mine.name, mine.against, mine.ours.n) == (theirs.name, theirs.against, theirs.ours.n)
            for name in ("ours", "simple", "difference"):
                one, other = getattr(mine, name), getattr(theirs, name)
                assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high)), name
    together, alone = found[-1], found[:-1]
    assert together.asks == sum(each.asks for each in alone)
    assert together.days == 12, "a day of three desks is one day"
    first = [each.scores[0].ours for each in alone]
    assert together.scores[0].ours.value == pytest.approx(sum(each.value * each.n for each in first) / 1080)


def test_the_scores_are_the_same_in_one_process_and_on_a_cluster_of_two_workers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = desks(tmp_path)
    took = {}
    told = {}
    with local_cluster() as address:
        for name, words in (("one process", ["--processes", "1"]), ("two workers", ["--scheduler", address])):
            began = time.monotonic()
            assert rfqctl(["warehouse", "scores", str(files), "--json", *words]) == 0
            took[name] = time.monotonic() - began
            told[name] = capsys.readouterr().out
    print("; ".join(f"{name}: {seconds:.1f} s" for name, seconds in took.items()))
    assert told["one process"] == told["two workers"]
    assert [each["desk"] for each in json.loads(told["one process"])] == [*DESKS, None]


def test_what_is_kept_is_of_the_folder_as_it_was(tmp_path: Path) -> None:
    """A desk that has grown is walked again, the others are taken from the file."""
    files, kept, p = desks(tmp_path, days=3), tmp_path / "kept.jsonl", EstimateParameters()
    first = scores_of(files, p, where=ONE, kept=kept)
    assert scores_of(files, p, where=ONE, kept=kept) == first
    assert len(kept.read_text().splitlines()) == 3
    rng = random.Random(9)
    more = drawn_round(rng, "Q-more", ["D00", "D01"], drawn_dealers(rng, 2), 20.0)
    keep([e.RoundObserved(more.closed_ns, more)], tmp_path / "munis.db", after=30)
    exported(tmp_path / "munis.db", files)
    again = scores_of(files, p, where=ONE, kept=kept)
    assert len(kept.read_text().splitlines()) == 4
    assert again[:2] == first[:2]
    assert again[2].rounds == first[2].rounds + 1


def test_days_and_desks_are_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = desks(tmp_path, days=4)
    words = ["warehouse", "scores", str(files), "--desk", "munis", "--from", "2024-10-06", "--processes", "1"]
    assert rfqctl(words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("desk munis: 60 asks in 20 rounds on 2 days\n")
    assert "cannot tell from 2 days" in shown
    assert "all desks" not in shown
    assert rfqctl([*words, "--from", "2030-01-01"]) == 1
    assert rfqctl(["warehouse", "scores", str(tmp_path), "--processes", "1"]) == 2
    assert "no warehouse: make one with `rfqctl warehouse export`" in capsys.readouterr().err
    assert rfqctl(["warehouse", "scores", str(files), "--desk", "paris", "--processes", "1"]) == 2
    assert "no desk 'paris' there, only credit, london, munis" in capsys.readouterr().err
