"""engine/research/past.py: every round once, in order, whatever tells of it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from desk_scene import BOND, MM, Scene, scene
from kept_journal import keep

from engine.clock import NS_PER_S
from engine.desk.past.reading import Known, Row, read_rows
from engine.desk.past.telling import rounds_told
from engine.desk.past.writing import rows_of
from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.domain.rows import changed
from engine.errors import ConfigError, JournalError
from engine.history.files import Blotter, write_rows
from engine.research import past
from engine.research.past import Past, Source, past_of, source_of

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


def lived(rounds: int = 4) -> Scene:
    """Rounds with trades and without, marked later; the last one has an answer that came after its end."""
    world = scene()
    for at in range(rounds):
        order_id = world.order(BOND, "buy", MM + at, account="PARALLEL")
        world.advance(3)
        world.says("ash", f"99.{90 + at}", order_id)
        if at % 2:
            world.declines("beech", order_id, "no inventory")
        world.command("execute", order=order_id)
        world.advance(1)
        world.fills(order_id)
        world.advance(20)
        if not at % 2:
            world.says("beech", "100.1", order_id)
        world.advance(40)
        world.price(BOND, f"100.0{at}")
        world.advance(400)
    return world


def as_told(events: Iterable[e.Event], desk: str) -> list[RoundTold]:
    """What the events tell, by the desk's name, in order."""
    rounds = (changed(told, seen=changed(told.seen, source=told.seen.source or desk)) for told in rounds_told(events))
    return sorted(rounds, key=lambda told: told.seen.sent_ns)


def all_of(*paths: Path) -> list[RoundTold]:
    return list(past_of([Source(path) for path in paths]))


def test_a_journal_gives_its_rounds_as_they_became(tmp_path: Path) -> None:
    world = lived()
    keep(world.events, tmp_path / "a.db", "credit")
    found = all_of(tmp_path / "a.db")
    assert found == as_told(world.events, "credit")
    assert len(found) == 4
    assert all(len(told.after) >= 2 for told in found)


def test_marks_and_last_words_find_a_round_that_waits_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "HELD_MAX", 1)
    world = lived()
    observed = [each for each in world.events if isinstance(each, e.RoundObserved)]
    others = [each for each in world.events if not isinstance(each, e.RoundObserved)]
    keep([*observed, *others], tmp_path / "a.db", "credit")
    assert all_of(tmp_path / "a.db") == as_told(world.events, "credit")


def test_a_copy_of_a_journal_tells_nothing_twice_and_its_newer_end_once(tmp_path: Path) -> None:
    world = lived()
    half = len(world.events) // 2
    last, _ = keep(world.events[:half], tmp_path / "a.db", "credit")
    shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    keep(world.events[half:], tmp_path / "b.db", "credit", after=last)
    assert all_of(tmp_path / "a.db", tmp_path / "b.db") == as_told(world.events, "credit")
    assert all_of(tmp_path / "b.db", tmp_path / "a.db") == as_told(world.events, "credit")


def test_a_journal_that_goes_on_where_another_ended_is_the_same_desk(tmp_path: Path) -> None:
    """Marks of a round come in the next file."""
    world = lived()
    cut = 1 + next(at for at, each in enumerate(world.events) if isinstance(each, e.RoundObserved))
    _, head = keep(world.events[:cut], tmp_path / "a.db", "credit")
    keep(world.events[cut:], tmp_path / "b.db", previous_head=head)
    assert all_of(tmp_path / "a.db", tmp_path / "b.db") == as_told(world.events, "credit")


def test_two_desks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    keep(lived(2).events, tmp_path / "paris.db", "credit")
    keep(lived(3).events, tmp_path / "london.db", "credit")
    keep(lived(1).events, tmp_path / "munis.db", "munis")
    found = all_of(tmp_path / "paris.db", tmp_path / "london.db", tmp_path / "munis.db")
    assert sorted(told.seen.source for told in found) == [*["credit"] * 2, *["credit@london"] * 3, "munis"]


def exported(rounds: Iterable[RoundTold], path: Path, name: str = "credit") -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        write_rows((cells for told in rounds for cells in rows_of(told, name)), out)


def test_a_history_file_gives_what_the_import_would_take(tmp_path: Path) -> None:
    world = lived()
    exported(rounds_told(world.events), tmp_path / "old.csv")
    known = Known(world.desk.securities, world.now.utc_ns, 900 * NS_PER_S)
    with Past() as gathered:
        [told] = gathered.read([Source(tmp_path / "old.csv")], known=known)
        found = list(gathered.rounds())
    rows = [cells for each in rounds_told(world.events) for cells in rows_of(each, "credit")]
    wanted, _ = read_rows([Row(line, cells) for line, cells in enumerate(rows, 2)], known, "old")
    assert found == wanted
    assert (told.rounds, told.known, told.refused) == (4, 0, 0)


def test_a_round_that_two_sources_tell_of_comes_once_by_the_journal(tmp_path: Path) -> None:
    world = lived()
    keep(world.events, tmp_path / "a.db", "credit")
    exported(rounds_told(world.events), tmp_path / "old.csv")
    with Past() as gathered:
        told = gathered.read([Source(tmp_path / "old.csv"), Source(tmp_path / "a.db")])
        assert list(gathered.rounds()) == as_told(world.events, "credit")
        assert (gathered.count, gathered.asks) == (4, 12)
    assert [(each.path.name, each.rounds, each.known) for each in told] == [("a.db", 4, 0), ("old.csv", 4, 4)]


def test_dealers_that_only_the_second_source_knows_join_the_round(tmp_path: Path) -> None:
    [one] = list(rounds_told(lived(1).events))
    first, *others = one.seen.asks
    exported([dataclasses.replace(one, seen=dataclasses.replace(one.seen, asks=(first,)))], tmp_path / "a.csv")
    exported([dataclasses.replace(one, seen=dataclasses.replace(one.seen, asks=tuple(others)))], tmp_path / "b.csv")
    [found] = all_of(tmp_path / "a.csv", tmp_path / "b.csv")
    assert [ask.dealer for ask in found.seen.asks] == [ask.dealer for ask in one.seen.asks]
    assert len(found.after) == len(one.after)


def test_dates_cut_by_the_time_of_sending(tmp_path: Path) -> None:
    world = lived()
    keep(world.events, tmp_path / "a.db", "credit")
    every = as_told(world.events, "credit")
    second, last = every[1].seen.sent_ns, every[3].seen.sent_ns
    assert list(past_of([Source(tmp_path / "a.db")], second, last)) == every[1:3]


def test_rows_that_cannot_be_used_are_counted_with_the_first_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "REFUSED_KEPT", 2)
    row = "{},2026-11-02T14:05:00Z,X1,{},1000000,alder,pass,corporate\n"
    lines = "".join(row.format(f"T-{at}", "buy" if at < 3 else "both") for at in range(8))
    (tmp_path / "old.csv").write_text("rfq_id,sent_at,security,side,quantity,dealer,answer,asset_class\n" + lines)
    with Past() as gathered:
        [told] = gathered.read([Source(tmp_path / "old.csv")])
        assert gathered.count == 3
    assert (told.rounds, told.refused, len(told.why)) == (3, 5, 2)
    assert "both" in told.why[0].reason


def test_a_mapping_stands_behind_a_colon(tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text('source = "blotter"\n[columns]\nrfq_id = "Ticket"\n')
    (tmp_path / "old.csv").write_text(
        "Ticket,sent_at,security,side,quantity,dealer,answer,asset_class\n"
        "T-1,2026-11-02T14:05:00Z,X1,buy,1000000,alder,pass,corporate\n"
    )
    source = source_of(f"{tmp_path / 'old.csv'}:{tmp_path / 'names.toml'}")
    assert source.blotter == Blotter(source="blotter", columns={"rfq_id": ("Ticket",)})
    [told] = past_of([source])
    assert (told.seen.source, told.seen.rfq_id) == ("blotter", "T-1")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.db: no such journal, history file or warehouse"):
        source_of(str(tmp_path / "nothing.db"))
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"x" * 100)
    with pytest.raises(JournalError):
        all_of(tmp_path / "broken.db")
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="column 'rfq_id' is missing"):
        all_of(tmp_path / "list.csv")


def test_the_file_is_gone_with_it(tmp_path: Path) -> None:
    keep(lived(1).events, tmp_path / "a.db", "credit")
    with Past() as gathered:
        gathered.read([Source(tmp_path / "a.db")])
        path = gathered.path
        assert len(list(past.rounds_in(path))) == 1
    assert not path.parent.exists()
    with pytest.raises(ConfigError, match="set TMPDIR to a folder that this program and all workers share"):
        list(past.rounds_in(path))
    assert not path.exists()


def test_progress_is_told_of_each_source(tmp_path: Path) -> None:
    world = lived(2)
    keep(world.events, tmp_path / "a.db", "credit")
    exported(rounds_told(world.events), tmp_path / "old.csv", "other")
    heard: list[tuple[int, int]] = []
    with Past() as gathered:
        gathered.read(
            [Source(tmp_path / "a.db"), Source(tmp_path / "old.csv")],
            lambda done, total: heard.append((done, total)),
        )
    ends = [(done, total) for done, total in heard if done == total]
    assert ends[0] == (len(world.events), len(world.events))
    rows = len((tmp_path / "old.csv").read_text().splitlines()) - 1
    assert heard[-1] == (rows, rows)
