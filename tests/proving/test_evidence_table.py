"""Figures, the sentences that they allow, and which block is played when."""

from __future__ import annotations

import copy
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
from proving import block, main, words
from proving.block import evidence_of, must_be_ours, tried
from proving.figures import NOTHING, Figure, mean, ratio, share, told
from proving.found import Found, found, shows_no_difference
from proving.playing import world_played
from proving.report import page
from proving.words import Sentence, markdown, sentences

from engine.errors import ConfigError
from engine.research.page import html
from engine.selection.model import MODEL_VERSION

EVIDENCE = Path(__file__).parents[1] / "evidence"
SHOWN = sorted(EVIDENCE.glob("model-*.json"))
ABOUT = {
    "version": None, "model_version": 1, "worlds": "worlds 1 to 10", "rounds": 10, "at_most": 5, "code": "c",
    "commit": "d", "day": "2026-01-01", "again": 0,
}  # fmt: skip


# --- figures ---------------------------------------------------------------------------------------


def test_intervals_hold_what_was_planted() -> None:
    """Of 400 sets of twelve worlds, 95 % within three standard errors."""
    chance, held, of = random.Random(1), {"mean": 0, "ratio": 0}, 400
    for _ in range(of):
        values = [chance.gauss(2.0, 3.0) for _ in range(12)]
        held["mean"] += mean(values).low <= 2.0 <= mean(values).high
        pairs = []
        for _ in range(12):
            count = chance.randrange(20, 60)
            rate = min(max(chance.gauss(0.3, 0.1), 0.0), 1.0)
            pairs.append((float(sum(chance.random() < rate for _ in range(count))), float(count)))
        held["ratio"] += ratio(pairs).low <= 0.3 <= ratio(pairs).high
    error = math.sqrt(0.95 * 0.05 / of)
    assert all(abs(count / of - 0.95) < 3 * error for count in held.values()), held


def test_one_world_has_no_interval_and_none_no_value() -> None:
    assert told(mean([2.0])) == "2.00 (one world)"
    assert told(NOTHING) == told(mean([])) == told(ratio([(1.0, 0.0)])) == "nothing"
    assert not mean([2.0]).is_above
    assert told(Figure(1.0, 0.5, 1.5, 9)) == "1.00 (0.50, 1.50)"


def test_a_share_that_never_varied_is_not_known_for_sure() -> None:
    never = share([(0.0, 9.0)] * 10)
    assert (never.value, never.low) == (0.0, 0.0)
    assert never.high == pytest.approx(1 - 0.05**0.1)
    always = share([(9.0, 9.0)] * 10)
    assert (always.value, always.high) == (1.0, 1.0)
    assert always.low == pytest.approx(0.05**0.1)
    assert share([(1.0, 9.0), (0.0, 9.0), (0.0, 9.0)]).low == 0.0


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure(0.1, -0.2, 0.4, 10), True),
        (Figure(0.1, -4.9, 5.1, 10), None),
        (Figure(0.1, -0.6, 0.4, 10), None),
        (Figure(0.2, 0.1, 0.3, 10), False),
        (Figure(-9.0, -12.0, -6.0, 10), False),
        (Figure(0.0, -math.inf, math.inf, 1), None),
    ],
)
def test_not_knowing_is_no_equality(figure: Figure, verdict: bool | None) -> None:
    assert shows_no_difference(figure) is verdict


@pytest.mark.parametrize("words", [["--worlds", "1-2", "--rounds", "0"], ["--worlds", "1-2", "--real", "."]])
def test_what_cannot_be_run_is_refused_before_it_is(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 2
    assert "expected" in capsys.readouterr().err


# --- sentences -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played() -> list[dict[str, Any]]:
    """Rows of two worlds as they come, each then taken for three by other luck."""
    rows = [world_played({"world": world, "rounds": 8, "at_most": 4}) for world in (1, 2)]
    worlds = []
    for number in range(6):
        one = copy.deepcopy(rows[number % 2])
        one["world"] = number + 1
        worlds.append(one)
    return worlds


def with_savings(worlds: list[dict[str, Any]], savings: list[float]) -> list[dict[str, Any]]:
    """The same worlds, the model cheaper than `classic` by so much in each."""
    worlds = copy.deepcopy(worlds)
    for world, saving in zip(worlds, savings, strict=True):
        rows = {row["policy"]: row for row in world["policies"]}
        rows["model"]["cost_bps"] = rows["classic"]["cost_bps"] - saving
    return worlds


def said(worlds: list[dict[str, Any]], about: str) -> Sentence:
    [one] = [each for each in sentences(found(worlds)) if about in each.text]
    return one


@pytest.mark.parametrize(
    ("savings", "words", "holds"),
    [
        ([1.0, 1.2, 1.4, 0.8, 1.1, 1.3], "is cheaper than `classic` by 1.13", True),
        ([-1.0, -1.2, -1.4, -0.8, -1.1, -1.3], "is dearer than `classic` by 1.13", False),
        ([5.0, -5.0, 4.0, -4.0, 3.0, -3.0], "cannot be told", None),
    ],
)
def test_what_is_claimed_is_what_the_interval_allows(
    played: list[dict[str, Any]], savings: list[float], words: str, holds: bool | None
) -> None:
    worlds = with_savings(played, savings)
    for each in sentences(found(worlds)):
        if each.text.startswith("the model, all worlds together (6)") and "`classic`" in each.text:
            assert words in each.text
            assert each.holds is holds
            break
    else:
        pytest.fail("nothing is said of the whole")
    [bar] = [each for each in found(worlds).bars if each.what.startswith("the model saves beside classic")]
    assert bar.met is holds


def test_where_the_model_is_dearer_is_named(played: list[dict[str, Any]]) -> None:
    text = markdown(ABOUT, found(with_savings(played, [1.0, -1.0, 2.0, 3.0, -2.0, 1.0])))
    assert "dearer than `classic` in 2 of 6 worlds: 2 (equal), 5 (quiet)." in text
    assert "in 0 of 6 worlds." in markdown(ABOUT, found(with_savings(played, [1.0] * 6)))


def test_a_difference_where_nobody_leaks_is_said_to_be_wrong(played: list[dict[str, Any]]) -> None:
    worlds = copy.deepcopy(played)
    for world in worlds:
        rows = {row["policy"]: row for row in world["policies"]}
        rows["model-blind"]["cost_bps"] = rows["model"]["cost_bps"] + 1.0 + 0.01 * world["world"]
    assert said(worlds, "where nobody leaks (`quiet`)").holds is False
    for world in worlds:
        rows = {row["policy"]: row for row in world["policies"]}
        rows["model-blind"]["cost_bps"] = rows["model"]["cost_bps"] + (0.1 if world["world"] < 4 else -0.1)
    assert said(worlds, "where nobody leaks (`quiet`)").holds is not False


def figures_without_interval(text: str) -> list[str]:
    """Figures with a decimal point in tables that no interval follows; of one world none can be told."""
    found = []
    for line in text.splitlines():
        if not line.startswith("| "):
            continue
        for cell in line.strip("| ").split(" | ")[1:]:
            if re.match(r"^[-+]?\d+\.\d", cell) and not re.search(r"\(.+\)$", cell):
                found.append(cell)
    return found


def test_no_figure_stands_without_its_interval(played: list[dict[str, Any]]) -> None:
    text = markdown(ABOUT, found(played))
    assert figures_without_interval(text) == []
    assert figures_without_interval("| a | 1.2 | 3.4 (1.0, 5.0) |") == ["1.2"]
    assert "it is no evidence" in text


def test_the_report_is_one_small_page_with_every_table_and_picture(played: list[dict[str, Any]]) -> None:
    written = html(page(ABOUT, found(played)))
    assert len(written) < 300_000
    assert written.count("<svg") >= 9
    for head in (
        words.POLICY_HEAD,
        words.HABIT_HEAD,
        words.KIND_HEAD,
        words.TENTH_HEAD,
        words.EDGE_HEAD,
        words.LEAK_HEAD,
    ):
        assert f">{head[1]}</th>" in written
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", written).replace("http-equiv", "")


def test_a_run_that_was_run_again_says_so(played: list[dict[str, Any]]) -> None:
    again = markdown(ABOUT | {"version": 1, "again": 2}, found(played))
    assert "This is run 3 of this block" in again
    assert "of this block" not in markdown(ABOUT | {"version": 1}, found(played))


# --- blocks ----------------------------------------------------------------------------------------


def test_a_version_has_a_block_of_its_own_ten_worlds_of_each_kind() -> None:
    one = evidence_of(3)
    assert (one.first, one.last, len(one.items)) == (3_001, 3_100, 100)
    kinds = block.kinds_of(one)
    assert {kinds.count(kind) for kind in kinds} == {10}
    assert len({each.key for each in one.items}) == 100


@pytest.mark.parametrize("text", ["1001-1100", "0-4", "900-1001", "x", "5-2"])
def test_worlds_that_are_for_evidence_are_not_tried(text: str) -> None:
    with pytest.raises(ConfigError):
        tried(text, 10)


def test_a_block_is_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "SHOWN", tmp_path)
    monkeypatch.setattr(main, "ROOT", tmp_path)
    assert main.main(["--again"]) == 2
    assert "was not run yet" in capsys.readouterr().err
    (tmp_path / f"model-{MODEL_VERSION}.json").write_text("{}")
    assert main.main([]) == 2
    assert "a block is run once" in capsys.readouterr().err
    assert main.main(["--rounds", "10"]) == 2
    assert "run whole" in capsys.readouterr().err


def test_a_block_is_of_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "SHOWN", tmp_path)
    monkeypatch.setattr(main, "commit_of_this", lambda: "abc+")
    assert main.main([]) == 2
    assert "evidence is of a commit" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_block_leaves_rows_table_and_report_and_says_when_it_was_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two small worlds for tuning in place of the block."""
    shown = tmp_path / "shown"
    monkeypatch.setattr(main, "SHOWN", shown)
    monkeypatch.setattr(main, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(main, "ROOT", tmp_path)
    monkeypatch.setattr(main, "commit_of_this", lambda: "abc")
    monkeypatch.setattr(main.blocks, "evidence_of", lambda version: block.Block(1, 2, version, rounds=6))
    assert main.main(["--processes", "2"]) == 0
    name = f"model-{MODEL_VERSION}"
    assert {path.name for path in shown.iterdir()} == {f"{name}.json", f"{name}.md", f"{name}.html"}
    about, worlds = block.read(shown / f"{name}.json")
    assert [each["world"] for each in worlds] == [1, 2]
    assert (about["version"], about["commit"], about["again"]) == (MODEL_VERSION, "abc", 0)
    table = (shown / f"{name}.md").read_text()
    assert capsys.readouterr().out == table == markdown(about, found(worlds))
    assert main.main([]) == 2
    assert main.main(["--table", str(MODEL_VERSION)]) == 0
    assert (shown / f"{name}.md").read_text() == table
    assert main.main(["--again", "--processes", "2"]) == 0
    assert "This is run 2 of this block" in (shown / f"{name}.md").read_text()
    assert len(list((tmp_path / "kept").iterdir())) == 2  # Nothing of the first run is taken for the second.


def test_a_block_is_not_gone_on_with_by_other_code(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    must_be_ours(kept, "ours")
    kept.write_text('{"key": "a", "code": "ours", "result": 1}\n{"key": "b", "co')
    must_be_ours(kept, "ours")
    with pytest.raises(ConfigError, match="other code"):
        must_be_ours(kept, "another")


def test_a_try_prints_its_table_and_keeps_what_it_is_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    words = ["--worlds", "1-2", "--rounds", "6", "--processes", "2", "--keep", str(kept)]
    assert main.main(words) == 0
    first = capsys.readouterr()
    assert "2 of 2 worlds" in first.err
    assert main.main(words) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err == ""  # Nothing was played.
    assert main.main([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert markdown(rows["about"], found(rows["worlds"])) == first.out


# --- what is committed -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_the_table_that_is_committed_is_that_of_its_rows(path: Path) -> None:
    about, worlds = block.read(path)
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    assert markdown(about, found(worlds)) == text
    assert figures_without_interval(text) == []


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_the_rows_that_are_committed_are_a_whole_block_of_their_version(path: Path) -> None:
    about, worlds = block.read(path)
    one = evidence_of(about["version"])
    assert path.stem == f"model-{about['version']}"
    assert about["version"] == about["model_version"]
    assert [each["world"] for each in worlds] == list(range(one.first, one.last + 1))
    assert {each["rounds"] for each in worlds} == {one.rounds}
    assert path.with_suffix(".html").stat().st_size < 300_000
    assert isinstance(found(worlds), Found)
