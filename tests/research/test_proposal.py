"""What a calibration writes: files that the engine's own readers take, with every figure beside its interval."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from costly_trades import costly
from desk_past import bond as bond_of
from seen_rounds import drawn_dealers
from told_past import gathered, planted

from engine.admin import cli
from engine.config import ScoringConfig, numbers
from engine.market.appraisal import Appraisal, MarketParameters
from engine.market.volatility import Volatility
from engine.research import calibrating
from engine.research.bootstrap import NOTHING, Interval
from engine.research.calibrating import Calibration, Finding, Knob
from engine.research.calibration_page import page
from engine.research.impact import ImpactFit, ImpactParameters, Point
from engine.research.page import html
from engine.research.proposal import Proposal
from engine.research.scores import Rows, report
from engine.research.spread import Item

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

BETTER = Interval(-0.0211, -0.0312, -0.0110, 3_000, 40, 0.004)
LOSS = Interval(2.7, 2.6, 2.8, 3_000, 40, 0.05)
LAW = ImpactParameters(1.2, 0.2, 140.0, 0.42, -0.05, 1.1, 0.03, 0.31, -0.12)


def finding(key: str, now: float, found: float, is_proposed: bool) -> Finding:
    knob = Knob(f"estimates.{key}", "how it is", now, (found,), "all")
    why = "better on days that had no say" if is_proposed else "no other value was better"
    judged = BETTER if is_proposed else NOTHING
    return Finding(knob, found, BETTER, judged, LOSS, replace(LOSS, value=2.679), is_proposed, why)


def proposal(is_proposed: bool = True, source: str = "journal.db") -> Proposal:
    findings = (
        finding("half_life_days", 30.0, 12.0, is_proposed),
        finding("strength", 1.0, 2.0, False),
        finding("panel_slope", -0.3, -0.6, is_proposed),
        finding("size_slope", -0.1, 0.0, is_proposed),
        finding("mark_sd_bps", 5.0, 1.5, is_proposed),
    )
    calibration = Calibration(9_000, 120, 3_000, 40, 0.99, findings, BETTER if is_proposed else None, report(Rows()))
    points = tuple(
        Point(at / 2 - 2, Interval(at + 5.0, at + 4.0, at + 6.0, 99, 30, 0.5), at, at + 5.0) for at in range(8)
    )
    law = ImpactFit(900, 80, ImpactParameters(), LAW, BETTER, LOSS, LOSS, is_proposed, "nearer", points)
    return Proposal(calibration, "", law, (source,), "2026-11-30T12:00:00.000Z")


def written(folder: Path, scoring: str, engine: str = "") -> Path:
    """A configuration of these texts."""
    tables = (
        '[engine]\ndealers = "dealers.toml"\nscoring = "scoring.toml"',
        '[journal]\npath = "journal.db"',
        '[admin]\nsocket = "rfqd.sock"',
        "[risk]\nnotional_max = 100_000_000",
        '[rules]\ndirectory = "rules"',
        '[reference]\nsecurities = "securities.csv"',
        engine,
    )
    (folder / "engine.toml").write_text("\n".join(tables), encoding="utf-8")
    (folder / "scoring.toml").write_text(scoring, encoding="utf-8")
    return folder / "engine.toml"


def test_the_engine_reads_what_is_proposed(tmp_path: Path) -> None:
    proposed = proposal()
    found = numbers(written(tmp_path, proposed.scoring, proposed.engine))
    p = found.scoring.estimate_parameters
    shipped = ScoringConfig().estimate_parameters
    assert (p.half_life_days, p.panel_slope, p.size_slope, p.mark_sd_bps) == (12, -0.6, 0.0, 1.5)
    assert p.strengths == shipped.strengths, "what is kept is as it was"
    assert found.market.impact.parameters == LAW


def test_every_figure_stands_beside_what_it_rests_on() -> None:
    text = proposal().scoring
    assert "9,000 asks on 120 days; judged by the last 3,000 asks on 40 days" in text
    assert "half_life_days = 12  # was 30" in text
    assert "2.7000 (2.6000 to 2.8000) -> 2.6790 (2.6000 to 2.8000)" in text
    assert "-0.0211 (-0.0312 to -0.0110) at 99 %" in text
    assert "# keep strength = 1: no other value was better." in text
    assert "rfqctl reload scoring" in text
    assert "rfqctl reload limits" in proposal().engine


def test_nothing_proposed_changes_nothing(tmp_path: Path) -> None:
    none = proposal(is_proposed=False)
    assert none.engine == ""
    assert numbers(written(tmp_path, none.scoring)).scoring == ScoringConfig()


def test_a_path_ends_no_comment(tmp_path: Path) -> None:
    odd = proposal(source='a\n[estimates]\nanswers = 0.1\r\x0b".db')
    assert numbers(written(tmp_path, odd.scoring)).scoring.estimates.answers == 0.6


def test_rules_see_the_law_that_was_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the file is copied and read again, `expected_impact` is another."""
    bond = bond_of(1, "Acme", rating="BB", adv_30d=Decimal(5_000_000), issue_date=None)
    monkeypatch.setattr(Appraisal, "volatility", lambda *_: Volatility(35.0, 100, "made"))

    def expected(engine: str) -> float:
        parameters = numbers(written(tmp_path, "", engine)).market.impact.parameters
        found = Appraisal({bond.security_id: bond}, MarketParameters(impact=parameters)).expected_impact(
            bond, Decimal(10**7), 10**18
        )
        assert found is not None
        return found.bps

    assert expected("") == pytest.approx(24.7, abs=0.05)
    # y x sigma x 2 ^ power x 10 ^ size_power x e ^ high_yield
    assert expected(proposal().engine) == pytest.approx(1.2 * 35 * 2**0.42 * 10**-0.05 * 2.718281828**0.31, rel=1e-6)


def test_the_page_says_it_with_pictures_and_without_days_too() -> None:
    text = html(page(proposal()))
    assert "Proposed: estimates.half_life_days 30 -&gt; 12" in text
    assert "What trades cost beyond half a spread" in text
    assert text.count("<svg") == 2, "the coverage of nothing, and the law"
    none = replace(proposal(), calibration=None, why_none="too few days")
    assert "Cannot tell: too few days." in html(page(none))


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One number, tried in this process."""

    def one_by_one(work: Any, items: Sequence[Item], **_: object) -> Iterator[tuple[str, Any]]:
        return ((each.key, work(each.what)) for each in items)

    knob = Knob("estimates.half_life_days", "how fast the past fades", 30.0, (8.0,), "all")
    monkeypatch.setattr(calibrating, "spread", one_by_one)
    monkeypatch.setattr(calibrating, "knobs", lambda scoring: (knob,))


@pytest.mark.usefixtures("quick")
def test_a_journal_is_calibrated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(1)
    gathered(planted(rng, drawn_dealers(rng, 8), 48, 12, wander=0.5), tmp_path / "a.db")
    config = written(tmp_path, "# mine\n")
    files = ["--out", str(tmp_path / "new.toml"), "--html", str(tmp_path / "new.html")]
    line = ["calibrate", str(tmp_path / "a.db"), "--config", str(config), *files]
    assert cli.main(line) == 0
    out = capsys.readouterr().out
    assert "estimates.half_life_days" in out
    assert "propose: better on days that had no say in choosing it" in out
    assert "expected impact: keep: a law of impact needs 400 trades" in out
    assert "3,000 asks" not in out
    found = numbers(written(tmp_path, (tmp_path / "new.toml").read_text()))
    assert found.scoring.estimate_parameters.half_life_days == 8
    assert "<svg" in (tmp_path / "new.html").read_text()
    assert not (tmp_path / "new.engine.toml").exists()
    written(tmp_path, "")
    # Nothing is written over, and nothing is tried before that is said.
    assert cli.main(line) == 2
    assert "new.toml is there already" in capsys.readouterr().err
    assert cli.main([*line, "--force", "--json"]) == 0
    answer = orjson.loads(capsys.readouterr().out)
    assert answer["proposed"] == {"estimates.half_life_days": 8.0}
    [number] = answer["numbers"]
    assert number["judged"]["high"] < 0
    assert answer["impact"]["proposed"] is False


@pytest.mark.usefixtures("quick")
def test_too_little_is_said_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(2)
    gathered(planted(rng, drawn_dealers(rng, 6), 5, 5), tmp_path / "a.db")
    config = written(tmp_path, "")
    (tmp_path / "a.db").rename(tmp_path / "journal.db")
    line = ["calibrate", "--config", str(config), "--out", str(tmp_path / "new.toml")]
    assert cli.main(line) == 1, "the configured journal, where none is named"
    assert "cannot tell: a calibration needs 2,000 asks on 32 days at least, found" in capsys.readouterr().out
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.usefixtures("quick")
def test_a_law_of_impact_alone_is_proposed_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted_law = ImpactParameters(y=1.2, cap_bps=1_000)
    gathered([told for told, _ in costly(1, 1_200, planted_law, ages=False)], tmp_path / "a.db")
    config = written(tmp_path, "")
    files = ["--out", str(tmp_path / "new.toml"), "--html", str(tmp_path / "new.html")]
    assert cli.main(["calibrate", str(tmp_path / "a.db"), "--config", str(config), *files]) == 0
    out = capsys.readouterr().out
    assert "cannot tell: a calibration needs 2,000 asks" in out
    assert "expected impact: propose: nearer to what trades cost" in out
    assert not (tmp_path / "new.toml").exists()
    found = numbers(written(tmp_path, "", (tmp_path / "new.engine.toml").read_text())).market.impact.parameters
    assert found.y == pytest.approx(1.2, rel=0.2)
    assert found.power == pytest.approx(0.5, abs=0.08)
    assert "What trades cost beyond half a spread" in (tmp_path / "new.html").read_text()
