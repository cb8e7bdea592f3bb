"""The real program: rounds of another system in, leaks solved by its child, the same after kill -9 and by a replay."""

from __future__ import annotations

import csv
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from ports import free_port

from engine.admin import cli

DEALERS = ("alder", "birch", "cedar", "doyle", "elder")
LEAKER = "birch"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    peers = [Peer("oms", "oms"), Peer("alder", "dealer")]
    yield Desk(tmp_path / "rfqd", run_dir, free_port(), peers)
    shutil.rmtree(run_dir)


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.write())
    daemon.start()
    yield daemon
    daemon.end()


def blotter(path: Path, rounds: int = 150) -> Path:
    """One dealer moves the mid 10 bps when it is asked, and never wins; noise 8 bps."""
    rng, began = random.Random(1), datetime.now(UTC) - timedelta(days=rounds // 5 + 1)
    rows = []
    for at in range(rounds):
        sent = began + timedelta(days=at / 5)
        panel = rng.sample(DEALERS, 3)
        drift = rng.gauss(10.0 if LEAKER in panel else 0.0, 8.0)
        won = next(each for each in panel if each != LEAKER)
        for place, dealer in enumerate(panel, 1):
            rows.append({
                "source": "blotter", "rfq_id": f"B{at}", "sent_at": sent.isoformat(), "security": ISIN, "side": "buy",
                "quantity": "1000000", "dealer": dealer, "position": place, "answer": "quote", "price": "100.2",
                "answered_at": (sent + timedelta(seconds=30)).isoformat(), "outcome": "filled" if dealer == won else "",
                "accepted_at": (sent + timedelta(seconds=60)).isoformat() if dealer == won else "", "mark_sent": "100",
                "mark_decision": f"{100 + drift / 100:.4f}", "mark_30m": f"{100 + (drift + rng.gauss(0, 8)) / 100:.4f}",
            })  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_leaker_is_found_by_a_child_and_known_after_a_kill(
    desk: Desk, running: Rfqd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rfqctl(*words: str) -> Any:
        status = cli.main([*words, "--socket", str(desk.socket), "--json"])
        said = capsys.readouterr()
        assert status == 0, said
        return json.loads(said.out)

    assert rfqctl("leak", "show")["as_of"] is None
    rfqctl("history", "import", str(blotter(tmp_path / "blotter.csv")))
    told = rfqctl("leak", "solve", "--reason", "to see")
    assert (told["rounds"], told["rows_in"], told["rows_post"], told["dealers"]) == (150, 150, 150, 5)
    shown = rfqctl("leak", "show")
    worst, *others = shown["leak_in"]["dealers"]
    assert worst["dealer"] == LEAKER
    assert worst["low_bps"] > 0
    assert worst["identified"] == "relative"
    assert all(abs(each["bps"]) <= 2 * each["sd_bps"] for each in others)
    assert all(each["low_bps"] <= 0 for each in shown["leak_post"]["dealers"])

    running.kill()
    running.start()
    again = rfqctl("leak", "show")
    assert {**again, "seq": 0} == {**shown, "seq": 0}
    assert running.stop() == 0
