"""engine/boot/reload.py: what a reload does when the daemon stops meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_builder import make_desk
from seen_rounds import asked, asking, seen

from engine.boot.configured import KINDS, Configured, notices, read, read_again
from engine.boot.reload import STOPPING, Reloading, _soon_switching, _unlooked_at
from engine.config import ConfigProblems, load
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.desk.learning import Learning
from engine.desk.setting import TellsOfBonds
from engine.desk.state_rows import Kill
from engine.domain.instrument import Security
from engine.journal.writer import Journal
from engine.turn import FilesRead, ReadFiles, Settled
from engine.turn.trading import Trading

NEVER_DURABLE = 10
"""An event that was decided, and that the journal never takes."""


class Stage:
    """A reload over an empty journal, with all that it asks of the runtime noted."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db", "normal")
        self.given: list[FilesRead] = []
        self.taken_up: list[Configured] = []
        runtime = SimpleNamespace(
            release=SimpleNamespace(),
            clock=SimpleNamespace(now=lambda: SimpleNamespace(utc_ns=0)),
            entropy=lambda: bytes(16),
            metrics=SimpleNamespace(reloaded=lambda *_: None),
            event_seq=NEVER_DURABLE,
            submit=lambda given, _: self.given.append(given),
        )
        configured: Any = SimpleNamespace(config=SimpleNamespace(journal=SimpleNamespace(path=self.journal.path)))
        made: Any = runtime
        self.reloading = Reloading(configured, made, Trading(make_desk()), self.taken_up.append)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.journal.close()


def test_a_fold_that_waits_for_a_journal_that_failed_ends_with_the_daemon(stage: Stage) -> None:
    """A process does not end before its threads: it would neither serve nor be started again."""
    thread = threading.Thread(target=_folded, args=(stage.reloading,), daemon=True)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()

    stage.reloading.close()

    thread.join(5)
    assert not thread.is_alive()


def _folded(reloading: Reloading) -> None:
    with pytest.raises(Exception, match=STOPPING):
        reloading._folded(make_desk(), NEVER_DURABLE)


def test_while_the_daemon_stops_nothing_is_read(stage: Stage) -> None:
    stage.reloading.close()

    stage.reloading._wanted(ReadFiles(7, ("rules",), "jane", "why"))

    [given] = stage.given
    assert (given.ref, given.problems, given.change) == (7, (STOPPING,), None)


@pytest.mark.parametrize("stopping", [False, True])
def test_ports_and_calls_that_are_closed_are_not_opened_by_what_was_on_its_way(stage: Stage, stopping: bool) -> None:
    taken = Configured(*[None] * 5)  # type: ignore[arg-type]
    if stopping:
        stage.reloading.close()

    stage.reloading._settled(Settled(("sessions",), taken))

    assert stage.taken_up == ([] if stopping else [taken])
    assert stage.reloading.configured is taken


SHIPPED = Path(__file__).parents[2]
DICTIONARY = """<fix type="FIX" major="4" minor="4">
 <header><field name="BeginString" required="Y"/></header><trailer><field name="CheckSum" required="Y"/></trailer>
 <messages><message name="{note}" msgtype="U1" msgcat="app"/></messages><components/>
 <fields><field number="8" name="BeginString" type="STRING"/><field number="10" name="CheckSum" type="STRING"/></fields>
</fix>"""


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The configuration as it is shipped, with a dictionary of its own for the OMS; engine.toml of it."""
    shutil.copytree(SHIPPED / "config", tmp_path / "config")
    text = (SHIPPED / "engine.toml").read_text()
    named = text.replace('\n[[session]]\nkey = "oms" ', '\n[[session]]\ndictionary = "oms.xml"\nkey = "oms" ')
    assert named != text
    (tmp_path / "oms.xml").write_text(DICTIONARY.format(note="Before"))
    (tmp_path / "engine.toml").write_text(named)
    return tmp_path / "engine.toml"


@pytest.mark.parametrize("text", [DICTIONARY.format(note="After"), "half a file"], ids=["another", "broken"])
def test_a_dictionary_is_read_again_with_the_sessions_and_with_nothing_else(shipped: Path, text: str) -> None:
    """What nobody asked for stays as it is, whatever its file says by now."""
    before = read(load(shipped)).configured
    (shipped.parent / "oms.xml").write_text(text)

    others = read_again(before, [kind for kind in KINDS if kind != "sessions"]).parts()

    assert others.dictionaries["oms"].messages["U1"].name == "Before"
    if "After" in text:
        assert read_again(before, ["sessions"]).parts().dictionaries["oms"].messages["U1"].name == "After"
    else:
        with pytest.raises(ConfigProblems, match=r"session\[oms\].dictionary"):
            read_again(before, ["sessions"])


KIM = '[[admin.people]]\nuid = 7\nactor = "kim"\nrole = "viewer"'
CHANGED = {
    "limits": ("duplicate_window_s = 60.0 ", "duplicate_window_s = 61.5 ", '"duplicate_window_s": "61.5"'),
    "people": ("\n[metrics]\n", f"\n{KIM}\n[metrics]\n", '"actor": "kim"'),
    "sessions": ('key = "marks" ', 'heart_bt_int_s = 17\nkey = "marks" ', '"heart_bt_int_s": 17'),
}
"""By kind: what stands in engine.toml, what is put in its place, and how the journal has it."""


def hashes(configured: Configured) -> dict[str, str]:
    return {text.kind: text.hash for text in configured.in_force().texts}


def replaced(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)


@pytest.mark.parametrize("kind", CHANGED)
def test_what_was_taken_of_the_main_file_is_on_record_and_nothing_else_of_it(shipped: Path, kind: str) -> None:
    """All its tables are other ones by now, and those of this kind alone are in force."""
    before = read(load(shipped)).configured
    replaced(shipped, *((old, new) for old, new, _ in CHANGED.values()))

    after = read_again(before, [kind])

    was = hashes(before)
    assert {name for name, found in hashes(after).items() if found != was[name]} == {kind}
    [row] = [row for row in after.in_force().rows if row.hash == hashes(after)[kind]]
    assert row.kind == f"engine.toml: {kind}"
    assert {name for name, (_, _, kept) in CHANGED.items() if kept in row.text} == {kind}
    assert hashes(read_again(after, KINDS)) == hashes(read(load(shipped)).configured) | {"engine": was["engine"]}


def test_remarks_and_keys_that_wait_for_a_start_change_nothing_in_force(shipped: Path) -> None:
    before = read(load(shipped)).configured
    replaced(shipped, ("port = 9464 ", "port = 9465 "), ("\n[metrics]\n", "\n# A remark.\n[metrics]\n"))

    assert hashes(read_again(before, KINDS)) == hashes(before)


# --- what a reload leaves behind ---------------------------------------------------------------------


class Aside:
    """A reload that has folded the journal for other statistics, and comes to its end."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.live = stage.reloading._trading.desk.stats
        self.folded = Trading(make_desk())
        self.folded.state.kills.put("all", Kill(True, "a row of it", "kim", 1))
        for stats in (self.live, self.folded.desk.stats):
            stats.asked("ash", Segment("corporate"), 1)
        self.learning = stage.reloading._trading.desk.learning
        for learning in (self.learning, self.folded.desk.learning):
            learning.estimates.learn(seen("Q-1", [asked("ash", edge_bps=-3.0)]))
        stage.reloading._aside = (self.folded, self.live, self.learning)

    def settled(self, taken: Configured | None) -> None:
        async def play() -> None:
            self.stage.reloading._settled(Settled(("scoring",), taken))
            letting_go = self.stage.reloading._letting_go
            assert letting_go
            await asyncio.gather(*letting_go)

        asyncio.run(play())


def asks_in(learning: Learning) -> int:
    return learning.estimates.outlook("ash", asking()).asks


def dealers_in(stats: DealerStats) -> list[str]:
    return [dealer for dealer, _ in stats.dump()["dealers"]]


def test_the_state_that_was_folded_aside_is_freed_bit_by_bit_and_the_old_statistics_with_it(stage: Stage) -> None:
    aside = Aside(stage)

    aside.settled(Configured(*[None] * 5))  # type: ignore[arg-type]

    assert len(aside.folded.state.kills) == 0
    assert not dealers_in(aside.live)
    assert dealers_in(aside.folded.desk.stats) == ["ash"], "they are the live ones by now"
    assert asks_in(aside.learning) == 0
    assert asks_in(aside.folded.desk.learning) == 1


def test_what_was_folded_for_a_reload_that_is_refused_is_freed_and_nothing_that_lives(stage: Stage) -> None:
    aside = Aside(stage)

    aside.settled(None)

    assert len(aside.folded.state.kills) == 0
    assert dealers_in(aside.live) == ["ash"]
    assert asks_in(aside.folded.desk.learning) == 0
    assert asks_in(aside.learning) == 1
    assert not dealers_in(aside.folded.desk.stats)


def test_threads_take_turns_sooner_only_while_files_are_read() -> None:
    before = sys.getswitchinterval()
    with _soon_switching():
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before


def test_the_collector_goes_on_after_a_fold_that_failed() -> None:
    def fold() -> None:
        with _unlooked_at():
            assert not gc.isenabled()
            raise ConfigProblems(["stopping"])

    with pytest.raises(ConfigProblems):
        fold()
    assert gc.isenabled()


def test_bonds_whose_interest_cannot_be_computed_are_named(shipped: Path) -> None:
    """A line for every reason; nothing of a bond whose terms are known, or that pays nothing."""
    found = read(load(shipped)).configured
    desk = found.parts().desk
    bond, other = [*desk.securities.values()][:2]

    def named(*odd: Security) -> list[str]:
        desk.securities = {each.security_id: each for each in (bond, other, *odd)}
        lines = notices(found.config, found.securities, desk, 1_800_000_000_000_000_000)
        return [line for line in lines if line.startswith("securities: accrued")]

    assert named(replace(bond, security_id="Z", coupon_pct=Decimal(0), day_count="BUS/252")) == []
    assert named(
        replace(bond, security_id="A", coupon_pct=None),
        replace(bond, security_id="B", day_count="BUS/252"),
        replace(bond, security_id="C", coupon_pct=None),
        replace(bond, security_id="D", coupon_frequency=0, issue_date=None),
    ) == [
        "securities: accrued interest cannot be computed, coupon_pct is not known: A, C",
        "securities: accrued interest cannot be computed, day_count 'BUS/252' is none that we count: B",
        "securities: accrued interest cannot be computed, interest is paid at maturity, and dated_date and issue_date "
        "are not known: D",
    ]


def test_what_the_rules_read_in_vain_is_named(shipped: Path) -> None:
    """Nobody delivers trades, and what the file says is too old: the protection always holds, rules never fire."""
    os.utime(shipped.parent / "config" / "securities" / "sample.csv", (1_600_000_000, 1_600_000_000))
    found = read(load(shipped)).configured
    desk = found.parts().desk
    desk.told_of_bonds = TellsOfBonds(prices=True, trades=False)
    named = notices(found.config, found.securities, desk, 1_800_000_000_000_000_000)
    assert any(
        each.startswith("rules: 10-protection.rules:")
        and "'adv(30d)' is never known here, which counts as true in a protection" in each
        and "too old to be believed (add a session of role market" in each
        for each in named
    )
    assert any("'liquidity_score' is never known here, which counts as false in a rule" in each for each in named)
    desk.told_of_bonds = TellsOfBonds()
    named = notices(found.config, found.securities, desk, 1_800_000_000_000_000_000)
    assert not [each for each in named if each.startswith("rules")]
