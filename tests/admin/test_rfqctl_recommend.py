"""`rfqctl recommend` for the desk's own examples, on a journal: written, verified, taken over, asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from admin_daemon import Daemon
from desk_builder import seeded_desk
from desk_past import HIGH_YIELD, ILLIQUID, MUNICIPAL, THIN
from seeded_journal import world_of_journal, write_seeded_journal

from engine.admin import cli
from engine.domain.instrument import Security


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    assert write_seeded_journal(path) > 5000
    return path


@pytest.fixture(scope="module")
def daemon(journal: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    running = Daemon(tmp_path_factory.mktemp("s"), world_of_journal(journal))
    yield running
    running.close()


def test_the_journal_folds_into_what_was_seeded(daemon: Daemon) -> None:
    assert daemon.world.state.digest() == seeded_desk().state.digest()


def test_the_journal_holds(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "verify", "--journal", str(journal)]) == 0
    assert "the record holds" in capsys.readouterr().out


def test_the_tail_of_the_journal(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "tail", "-n", "2", "--journal", str(journal)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "OrderReturned" in lines[0]
    assert "OrderCanceled order_id=O-000870 reason=canceled on request" in lines[1]


@pytest.mark.parametrize(
    ("security", "side", "quantity", "first", "asked", "part"),
    [
        pytest.param(
            HIGH_YIELD,
            "buy",
            "6mm",
            "rule “large high yield”: ask 3 in parallel, wait 120 s, send after approval, execute by trader",
            ["cedar", "beech", "ash"],
            "80.0%  0.800           +1.0bp  1.100     0  .* asked as no. 1: top 3",
            id="C2 high yield",
        ),
        pytest.param(
            MUNICIPAL,
            "buy",
            "3mm",
            "rule “non-rated municipal”: ask 3 in parallel, wait 120 s, send after approval, execute by trader",
            ["larch", "poplar", "pine"],
            "90.0%  0.900           +4.0bp  1.400  +0.0bp  1.000   6.0s  0.900",
            id="C2 municipal",
        ),
        pytest.param(
            THIN,
            "buy",
            "400k",
            "rule “small and liquid”: ask 3 staggered, 5 s apart, wait 60 s, send automatically",
            ["cedar", "maple", "fir"],
            'at most 3 dealers: protect "large against volume"',
            id="C3",
        ),
        pytest.param(
            ILLIQUID,
            "sell",
            "12mm",
            "rule “whisper block sale”: ask 4 one at a time, wait 20 s, accept within 25 bp price of fair",
            ["fir", "maple", "beech", "cedar"],
            "+2.0bp  1.200    50.0%  0.500           +1.0bp  1.100     0  .* asked as no. 1: top 4",
            id="C4",
        ),
    ],
)
def test_the_desks_own_examples(
    daemon: Daemon,
    capsys: pytest.CaptureFixture[str],
    security: Security,
    side: str,
    quantity: str,
    first: str,
    asked: list[str],
    part: str,
) -> None:
    """The list, the parts and the reasons, as a trader sees them."""
    # Its rule ranks by the model, for which nobody here differs: by the classic score the order can be told.
    ranked = ["--rank", "classic"] if security is THIN else []
    words = ["recommend", side, quantity, security.security_id, *ranked, "--socket", str(daemon.socket)]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert first in out
    # What the model adds beside a score is none of the rule's.
    shown = [re.escape(each) for each in part.split(" .* ")]
    assert re.search(".* ".join(shown), out)
    rows = [line.split() for line in out.splitlines() if "asked as no." in line]
    assert [row[2] for row in rows] == asked
    assert [row[0] for row in rows] == [str(place) for place in range(1, len(asked) + 1)]
