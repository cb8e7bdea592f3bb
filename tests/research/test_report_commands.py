"""Reports as commands: files that are whole, for their owner, and fit a telephone."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from browser import overflow
from desk_scene import placed
from report_journal import kept
from test_page import read

from engine.admin import cli

pytestmark = pytest.mark.starts("noon")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    world, order_id = placed()
    world.fills(order_id)
    return kept(world, tmp_path)


def test_an_order_is_reported_in_a_file_and_its_verdict_on_the_screen(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "order.html"
    line = ["best-execution", "1", "--html", str(path), "--journal", str(journal)]
    assert cli.main(line) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Best execution of order O-000001"
    assert said[1].strip().startswith("Filled in full at 99.95 with ash")
    assert said[-1] == f"written to {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read(path.read_text())

    assert cli.main(line) == 2
    assert "is there already: name another file, or --force" in capsys.readouterr().err
    assert cli.main([*line, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Best execution of order O-000001"


@pytest.mark.parametrize(
    "line",
    [
        ["backtest", "none.db", "--policy", "model"],
        ["calibrate", "none.db"],
        ["rules", "backtest", "journal", "running", "--journal", "none.db"],
        ["scorecard", "ash", "--journal", "none.db"],
        ["best-execution", "--journal", "none.db"],
        ["history", "report", "none.db"],
    ],
    ids=" ".join,
)
def test_where_a_report_cannot_go_is_said_before_any_work(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, why in (
        (tmp_path / "nowhere" / "page.html", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        assert cli.main([*line, "--html", str(path), "--force"]) == 2
        assert f"{path}: cannot be written: {why}" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["calibrate"], ["warehouse", "scores"], ["backtest", "--policy", "model"]])
def test_a_period_that_ends_before_it_begins_is_a_mistake(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*line, str(tmp_path), "--from", "2026-12-02", "--to", "2026-12-01"]) == 2
    said = "expected --from no later than --to, found 2026-12-02 and 2026-12-01"
    assert said in capsys.readouterr().err


def test_what_cannot_be_made_leaves_no_file(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "order.html"
    assert cli.main(["best-execution", "99", "--html", str(path), "--journal", str(journal)]) == 2
    assert "no order 99" in capsys.readouterr().err
    assert cli.main(["best-execution", "1", "--html", str(path), "--journal", str(tmp_path / "none.db")]) == 1
    assert not path.exists()


def test_days_are_reported(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "days.html"
    line = ["best-execution", "--html", str(path), "--journal", str(journal), "--from", "2026-11-01"]
    assert cli.main(line) == 0
    assert capsys.readouterr().out.startswith("Best execution\n  Where another price could be had")
    assert json.loads(overflow(path, 390, tmp_path)) == [390, [], 0]
    assert cli.main([*line, "1", "--force"]) == 2
    assert "expected an ORDER, or --from and --to, found both" in capsys.readouterr().err


def test_a_dealer_is_shown_its_card(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.html"
    line = ["scorecard", "ash", "--html", str(path), "--journal", str(journal), "--from", "2026-11-01"]
    assert cli.main(line) == 0
    assert capsys.readouterr().out.startswith("Scorecard of Ash & Co")
    read(path.read_text())
    assert json.loads(overflow(path, 390, tmp_path)) == [390, [], 0]
    assert cli.main(["scorecard", "nobody", "--html", str(path), "--force", "--journal", str(journal)]) == 2
    assert "no dealer 'nobody'" in capsys.readouterr().err


def test_it_fits_a_telephone_and_a_desk(journal: Path, tmp_path: Path) -> None:
    path = tmp_path / "order.html"
    assert cli.main(["best-execution", "1", "--html", str(path), "--journal", str(journal)]) == 0
    for width in (390, 1280):
        assert json.loads(overflow(path, width, tmp_path)) == [width, [], 1]
