"""`rfqctl backtest` on journals that a desk wrote: what it says, what it refuses, and that it changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from drawn_rounds import Habit, true_cost_bps
from worked_journal import worked, write_journal

from engine.admin import cli
from engine.research import backtest
from engine.research.choices import Choices
from engine.research.past import Past, source_of, wherever
from engine.research.spread import Item
from engine.research.warehouse.export import export
from engine.selection.request import NO_EXPLORING, Exploring

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

HABITS: Final = {
    "ash": Habit(0.9, -4.0),
    "beech": Habit(0.9, -9.0),
    "cedar": Habit(0.7, -7.0),
    "hazel": Habit(0.95, -2.0),
}
ORDERS: Final = 440
"""Twenty-two days of them."""
CONFIG: Final = str(Path(__file__).parents[2] / "engine.toml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`on.db` with exploration, `off.db` without."""
    found = tmp_path_factory.mktemp("worked")
    write_journal(found / "on.db", worked(HABITS, ORDERS, Exploring(0.5, 0.5, 0.1)).events)
    write_journal(found / "off.db", worked(HABITS, 60, NO_EXPLORING).events)
    return found


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = cli.main(["backtest", *map(str, words), "--config", CONFIG])
    out, err = capsys.readouterr()
    return status, out, err


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    _, out, _ = run(capsys, *words, "--json")
    found: dict[str, Any] = json.loads(out)
    return found


def test_what_chance_has_asked_is_told_with_its_interval(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, folder / "on.db", "--policy", "static:ash", "--policy", "classic")
    assert (status, err) == (0, "")
    head, _, *lines = out.splitlines()
    assert head == "2026-11-23 to 2026-12-22: 440 of 440 rounds, 440 of them with a draw"
    assert [line.split()[0] for line in lines[:4]] == ["policy", "logged", "static:ash", "classic"]
    assert lines[2].endswith("dearer")
    assert "static:ash is dearer than what the desk chose by " in out
    assert "classic asks the same panels as what the desk chose in all 440 rounds: nothing to tell apart." in out


def test_the_journal_is_only_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = folder / "off.db"
    before = hashlib.sha256(journal.read_bytes()).hexdigest()
    run(capsys, journal, "--policy", "random")
    assert hashlib.sha256(journal.read_bytes()).hexdigest() == before


def test_without_exploration_no_claim_is_made_and_it_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder / "off.db", "--policy", "static:hazel,cedar", "--policy", "classic")
    assert status == 1
    assert (
        "No claim for static:hazel,cedar beside what the desk chose: nothing was left to chance, "
        "support 0% (needs 95%), ESS 0 (needs 50), 3 days (needs 20)."
    ) in out
    assert "switch exploration on (`explore.epsilon` and `explore.epsilon_drop` in scoring.toml)" in out
    found = told(capsys, folder / "off.db", "--policy", "static:hazel,cedar")["policies"][0]
    assert found["lacking"] == ["draw", "support", "ess", "days"]
    assert found["unsupported"] == {"fixed": found["differing"]}
    assert (found["cost_bps"], found["difference_bps"], found["snips_bps"]) == (None, None, None)


def test_every_figure_has_its_interval_and_its_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, folder / "on.db", "--policy", "static:hazel")["policies"][0]
    assert found["verdict"] in ("dearer", "cannot tell", "cheaper")
    names = (
        "cost_bps",
        "against_cost_bps",
        "difference_bps",
        "replay_bps",
        "at_half_c_fail_bps",
        "at_twice_c_fail_bps",
    )
    for name in names:
        figure = found[name]
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["n"] > 100
        assert figure["days"] == 22
    assert found["ess"] > 50
    assert found["leak_bps"]["low"] <= found["leak_bps"]["value"] <= found["leak_bps"]["high"]


def test_a_few_days_are_too_few_and_how_many_more_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--policy", "static:ash,cedar", "--from", "2026-12-10", "--to", "2026-12-11")
    status, out, _ = run(capsys, folder / "on.db", *words)
    assert status == 1
    assert out.startswith("2026-12-10 to 2026-12-11: 40 of 40 rounds")
    assert "2 days (needs 20)" in out
    assert "18 days of trading more" in out
    [line] = [line for line in out.splitlines() if line.startswith("logged")]
    assert line.split(maxsplit=2)[2].strip() == "cannot tell from 2 days"
    replayed = told(capsys, folder / "on.db", "--policy", "static:ash", *words[2:])["policies"][0]
    assert (replayed["replay_bps"]["value"], replayed["replay_bps"]["days"]) == (None, 2)
    assert any(each.endswith("both were asked: cannot tell from 2 days") for each in replayed["reasons"])
    assert "rounds more (" in out
    assert "as busy as these) make an ESS of 50" in out


def test_the_period_may_be_empty(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder / "on.db", "--policy", "model", "--from", "2030-01-01")
    assert status == 1
    assert out.startswith("none of 0 rounds of the period could be used")
    assert "No claim for model beside what the desk chose: no round of the period could be used." in out


def test_the_record_of_a_choice_is_found_by_its_round(folder: Path) -> None:
    with Past() as past, Choices() as choices:
        (source,) = past.read([source_of(str(folder / "on.db"))])
        choices.read(folder / "on.db", source.desk)
        rounds = list(past.rounds())
        assert len(rounds) == ORDERS
        for each in rounds:
            choice = choices.of(each.seen, ())
            assert choice.is_kept
            assert choice.candidates
            assert sorted(choice.candidates) == sorted(HABITS)
            assert choice.draws.sent == {ask.dealer for ask in each.seen.asks}
            assert choice.draws.p_of(choice.draws.sent) == pytest.approx(each.seen.p_panel)


def test_a_page_holds_it_all(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "backtest.html"
    words = ("--policy", "static:hazel,cedar", "--policy", "random", "--html", page)
    run(capsys, folder / "off.db", *words)
    written = page.read_text()
    assert "No claim for static:hazel,cedar beside what the desk chose" in written
    assert "<svg" in written
    tags = Tags()
    tags.feed(written)
    assert not tags.open
    status, _, err = run(capsys, folder / "off.db", *words)
    assert status == 2
    assert "is there already: name another file, or --force to write over it" in err
    assert run(capsys, folder / "off.db", *words, "--force")[0] == 1


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "link", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_rows_of_files_are_completed_by_the_configured_bonds_and_what_is_refused_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row leaves out what today's security file has of its bond, as in an import."""
    blotter = tmp_path / "blotter.csv"
    rows = ["rfq_id,sent_at,security,side,quantity,dealer,answer"]
    rows += [f"r{day},2026-10-{day:02d}T10:00:00Z,US99L011AD71,buy,1000000,ash,pass" for day in range(1, 21)]
    blotter.write_text("\n".join([*rows, "r99,2026-10-21T10:00:00Z,US99L011AD71,buy,many,ash,pass"]) + "\n")
    found = told(capsys, blotter, "--policy", "static:ash")
    assert found["told"] == 20
    [refused] = found["refused"]
    assert refused.startswith("not used: 1 rows of blotter.csv, refused; the first, line 22: quantity")
    assert refused in found["notes"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "modle"), "policy 'modle': expected model, classic, random"),
        (("--policy", "model", "--policy", "model"), "the same policy is named twice"),
        (("--policy", "model", "--against", "nobody"), "policy 'nobody': expected"),
        (("--policy", "model", "--from", "2026-12-02", "--to", "2026-12-01"), "expected --from no later than --to"),
        (("nowhere.db", "--policy", "model"), "nowhere.db: no such journal, history file or warehouse"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    sources = () if words[0] == "nowhere.db" else (folder / "off.db",)
    status, out, err = run(capsys, *sources, *words)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_policy_may_be_held_against_itself_in_other_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder / "off.db", "--policy", "static:ash,cedar", "--against", "static:ash, cedar")
    assert status == 0
    assert "asks the same panels as static:ash,cedar in all 60 rounds" in out


def test_several_processes_and_one_find_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Policies of one desk shared out, and two desks that knew nothing of each other."""
    policies = [word for each in ("static:hazel", "random", "classic") for word in ("--policy", each)]
    alone = told(capsys, folder / "off.db", *policies, "--against", "static:ash")
    assert told(capsys, folder / "off.db", *policies, "--against", "static:ash", "--processes", "2") == alone
    words = (folder / "off.db", folder / "on.db", *policies, "--by-desk")
    apart = told(capsys, *words)
    assert (apart["judged"], apart["drawn"]) == (ORDERS + 60, ORDERS)
    assert told(capsys, *words, "--processes", "2") == apart
    together = told(capsys, *(word for word in words if word != "--by-desk"))
    assert (together["judged"], together["drawn"]) == (ORDERS + 60, ORDERS)
    assert together["policies"] != apart["policies"], "one desk that saw both knows more"


def test_workers_that_were_started_in_another_folder_find_the_sources(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster's workers are started wherever it suits; the command line names what is here."""
    monkeypatch.chdir(folder)
    alone = told(capsys, "off.db", "--policy", "static:hazel")

    def elsewhere(work: Any, items: list[Item], **_: Any) -> Iterator[tuple[str, Any]]:
        for each in items:
            with monkeypatch.context() as there:
                there.chdir(tmp_path)
                result = work(each.what)
            yield each.key, result

    monkeypatch.setattr(backtest, "spread", elsewhere)
    assert told(capsys, "off.db", "--policy", "static:hazel", "--scheduler", "tcp://127.0.0.1:9") == alone
    assert wherever("a.csv:b.toml") == f"{folder}/a.csv:{folder}/b.toml"


def test_a_warehouse_tells_what_its_journals_tell(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export([folder / "off.db"], tmp_path / "warehouse", None, lambda done, total: None)
    policies = ("--policy", "static:hazel", "--policy", "classic")
    found, journal = (told(capsys, source, *policies) for source in (tmp_path / "warehouse", folder / "off.db"))
    assert {**found, "about": journal["about"]} == journal
    assert found["imported"] == 0


@pytest.mark.full
def test_the_model_is_worth_what_it_is_worth_where_chance_has_asked_its_panels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule that ranks by who answers never comes to ask ash, who is the best: by 1.7 bps, and so it is told."""
    habits = {"ash": Habit(0.85, -0.5), "beech": Habit(0.97, -4.0), "cedar": Habit(0.95, -4.2), "hazel": Habit(0.6, -9)}
    for name, exploring in (("on", Exploring(0.4, 0.4, 0.05)), ("off", NO_EXPLORING)):
        write_journal(tmp_path / f"{name}.db", worked(habits, 800, exploring, ranking="100% quote_rate").events)
    found = told(capsys, tmp_path / "on.db", "--policy", "model")
    (model,) = found["policies"]
    assert (model["verdict"], model["lacking"]) == ("cheaper", [])
    costs = [true_cost_bps(habits, panel, found["c_fail_bps"])[0] for panel in (("ash", "beech"), ("beech", "cedar"))]
    difference = model["difference_bps"]
    assert difference["low"] < costs[0] - costs[1] < difference["high"] < 0
    (refused,) = told(capsys, tmp_path / "off.db", "--policy", "model")["policies"]
    assert (refused["verdict"], refused["difference_bps"]) == ("refused", None)
    assert "draw" in refused["lacking"]


@pytest.mark.full
def test_a_cluster_finds_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from distributed import LocalCluster

    policies = ("--policy", "static:hazel", "--policy", "model")
    alone = told(capsys, folder / "off.db", *policies)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        assert told(capsys, folder / "off.db", *policies, "--scheduler", cluster.scheduler_address) == alone
