"""A blotter's file, handed to a desk's own `history.add` in pieces: taken, known before, refused line by line."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from desk_builder import DeskWorld, make_desk, make_world

from engine.admin import cli
from engine.commands import history_commands
from engine.desk.past.reading import Refused
from engine.domain import events as e
from engine.errors import CommandError, ConfigError
from engine.history.delivery import (
    OTHER_REASONS,
    REASONS_KEPT,
    REFUSED_KEPT,
    ROWS_AT_ONCE,
    Imported,
    RefusedRows,
    deliver,
)
from engine.history.files import HistoryFile
from engine.history.mapping import Blotter, read_blotter
from engine.journal.writer import Journal

HEADER = "rfq_id,sent_at,security,side,quantity,dealer,answer,answered_at,price,mark_sent,asset_class,outcome\n"


def line(rfq: str, dealer: str = "ash", price: str = "99.85", outcome: str = "") -> str:
    at = "2026-01-02T14:05:"
    return f"{rfq},{at}00Z,XS0000000009,buy,1000000,{dealer},quote,{at}10Z,{price},99.8,corporate,{outcome}\n"


@pytest.fixture
def world() -> DeskWorld:
    return make_world(make_desk())


class Running:
    """A desk as the import sees the daemon."""

    def __init__(self, world: DeskWorld, origin: str, dry_run: bool) -> None:
        self.world, self.origin, self.dry_run = world, origin, dry_run
        self.rows: list[int] = []
        """Of each call that handed some over."""

    def known(self, rounds: list[dict[str, Any]]) -> Sequence[bool]:
        answer: Mapping[str, Any] = self.world.command("history.known", role="feed", rows=rounds, origin=self.origin)
        known: Sequence[bool] = answer["known"]
        return known

    def add(self, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
        self.rows.append(len(rows))
        answer: Mapping[str, Any] = self.world.command(
            "history.add", role="feed", rows=rows, origin=self.origin, dry_run=self.dry_run
        )
        return answer


def given(
    world: DeskWorld,
    path: Path,
    blotter: Blotter | None = None,
    *,
    dry_run: bool = False,
    refused: RefusedRows | None = None,
    running: Running | None = None,
) -> Imported:
    engine = running or Running(world, path.stem, dry_run)
    file = HistoryFile(path, blotter if blotter is not None else Blotter())
    return deliver(file, engine, refused or RefusedRows(), lambda done, total: None)


def refusals(done: Imported) -> list[Refused]:
    return sorted(done.refused.kept)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_right_is_taken_and_the_same_file_again_changes_nothing(world: DeskWorld, tmp_path: Path) -> None:
    path = write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-1", "beech", outcome="filled") + line("T-2"))
    done = given(world, path)
    assert (done.rows, done.taken, done.known, done.rounds, done.refused.count) == (3, 3, 0, 2, 0)
    digest, count = world.state.digest(), len(world.events)
    again = given(world, path)
    assert (again.taken, again.known, again.refused.count) == (0, 3, 0)
    assert (world.state.digest(), len(world.events)) == (digest, count)


def test_a_dry_run_says_the_same_and_takes_nothing(world: DeskWorld, tmp_path: Path) -> None:
    path = write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-2", price="-1"))
    dry = given(world, path, dry_run=True)
    assert (dry.taken, dry.refused.count) == (1, 1)
    assert not world.recorded(e.HistoryAdded)
    assert given(world, path).plain() == dry.plain()


def test_another_dealer_of_a_known_round_is_new(world: DeskWorld, tmp_path: Path) -> None:
    given(world, write(tmp_path / "old.csv", HEADER + line("T-1")))
    more = given(world, write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-1", "beech")))
    assert (more.taken, more.known) == (1, 1)


def test_imported_rounds_teach_the_classic_measures(world: DeskWorld, tmp_path: Path) -> None:
    rows = [line(f"T-{n}", outcome="filled" if n % 2 else "") for n in range(20)]
    given(world, write(tmp_path / "old.csv", HEADER + "".join(rows)))
    found = world.desk.stats.metrics("ash", "corporate", 365, world.now.utc_ns)
    assert (found.asks, found.quotes, found.trades, found.fill_rate) == (20, 20, 10, 0.5)
    # 5 cents above the mark at the request.
    assert found.price_improvement_bps == pytest.approx(-5.01, abs=0.01)


def test_more_rounds_than_are_kept_are_refused_and_those_before_stay(
    world: DeskWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_commands, "ROUNDS_TOLD_MAX", 2)
    given(world, write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-2")))
    with pytest.raises(CommandError, match="no more than 2 rounds of others are kept"):
        given(world, write(tmp_path / "more.csv", HEADER + line("T-3")))
    assert given(world, tmp_path / "old.csv").known == 2


def test_rows_of_a_round_go_together_wherever_they_stand(world: DeskWorld, tmp_path: Path) -> None:
    """Two dealers of each round, the second ones at the end of the file: more rows than one call takes."""
    rounds = 2 * ROWS_AT_ONCE
    rows = [line(f"T-{n}") for n in range(rounds)] + [line(f"T-{n}", "beech") for n in range(rounds)]
    running = Running(world, "old", False)
    done = given(world, write(tmp_path / "old.csv", HEADER + "".join(rows)), running=running)
    assert (done.taken, done.rounds) == (2 * rounds, rounds)
    assert len(world.recorded(e.HistoryAdded)) == 2 * rounds // ROWS_AT_ONCE
    assert set(running.rows) == {ROWS_AT_ONCE}


def test_every_kind_of_bad_line_is_named_and_the_rest_is_taken(world: DeskWorld, tmp_path: Path) -> None:
    text = HEADER + line("T-1") + "T-2,too,short\n" + line("T-3", price="9.985") + "\n" + line("T-4") + line("T-4")
    done = given(world, write(tmp_path / "old.csv", text))
    assert done.taken == 2
    assert {each.line: each.reason for each in refusals(done)} == {
        3: "expected 12 cells as in the header, found 3",
        4: "price: 9.985 against a mark of 99.8: one of them is a slip",
        7: "dealer: ash stands twice in round 1 of T-4",
    }


MAPPING = """
source = "tickets"
delimiter = ";"
ignore = ["Comment"]
time_zone = "America/New_York"
time_format = "%d/%m/%Y %H:%M:%S"

[columns]
rfq_id = "Ticket"
sent_at = "Sent"
security = "ISIN"
side = "B/S"
quantity = "Nominal"
dealer = "Counterparty"
answer = "Result"
price = "Level"

[fill]
asset_class = "corporate"

[values.side]
B = "buy"
S = "sell"

[values.answer]
Quoted = "quote"
DNQ = "pass"
"""
THEIRS = """Ticket;Sent;ISIN;B/S;Nominal;Counterparty;Result;Level;Comment
4711;02/01/2026 09:05:00;XS0000000009;S;1000000;ash;Quoted;99.85;nice
4711;02/01/2026 09:05:00;XS0000000009;S;1000000;beech;DNQ;;
4712;yesterday;XS0000000009;S;1000000;beech;DNQ;;
"""


def test_a_mapping_translates_columns_words_and_times(world: DeskWorld, tmp_path: Path) -> None:
    blotter = read_blotter(write(tmp_path / "map.toml", MAPPING))
    done = given(world, write(tmp_path / "theirs.csv", THEIRS), blotter)
    assert done.taken == 2
    assert [each.line for each in refusals(done)] == [4]
    (added,) = world.recorded(e.HistoryAdded)
    seen = added.rounds[0].seen
    assert [ask.answer.value for ask in seen.asks] == ["quote", "pass"]
    assert seen.sent_ns == 1_767_362_700_000_000_000, "09:05 in New York is 14:05 UTC"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "[columns]\nrfqid = 'T'", "'rfqid' is no column of a history (did you mean 'rfq_id'?)", id="column"
        ),
        pytest.param("colums = 1", "colums: unknown key (did you mean 'columns'?)", id="key"),
        pytest.param("delimiter = ';;'", "delimiter: expected one character", id="delimiter"),
        pytest.param("time_zone = 'Mars/Base'", "time_zone: expected a name such as America/New_York", id="zone"),
        pytest.param("[values]\nside = 'B'", "values.side: expected a table", id="values"),
        pytest.param("[fill]\nround = 1", "fill.round: expected text, found 1", id="fill"),
        pytest.param("source = ", "Invalid value", id="no TOML"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_blotter(write(tmp_path / "map.toml", text))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        pytest.param("rfq_id,sent_at,security,side,quantity,answer", "column 'dealer' is missing", id="one too few"),
        pytest.param(HEADER.strip() + ",desk", "column 'desk' is not known", id="one too many"),
        pytest.param(HEADER.strip() + ",quantty", "(did you mean 'quantity'?)", id="a slip"),
        pytest.param("", "its first line is empty: expected the names of columns", id="an empty first line"),
    ],
)
def test_a_wrong_header_takes_nothing(world: DeskWorld, tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        given(world, write(tmp_path / "old.csv", header + "\n" + line("T-1")))
    assert words in str(caught.value)
    assert not world.recorded(e.HistoryAdded)


def test_what_cannot_be_read_is_said(world: DeskWorld, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        given(world, tmp_path / "none.csv")
    with pytest.raises(ConfigError, match="its first line is empty"):
        given(world, write(tmp_path / "empty.csv", ""))
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + "T-\xe9".encode("latin-1"))
    with pytest.raises(ConfigError, match="expected UTF-8, found byte 0xe9"):
        given(world, tmp_path / "latin.csv")


# --- out -----------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    Journal(path, "normal", reserve_bytes=0).close()
    return path


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    try:
        status = cli.main(["history", "export", *words])
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().err


def test_a_file_that_is_there_is_not_written_over(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "out.csv", "mine")
    status, said = exported(capsys, str(path), "--journal", str(journal))
    assert status != 0
    assert "is there already: name another file, or --force" in said
    assert path.read_text() == "mine"
    assert exported(capsys, str(path), "--journal", str(journal), "--force")[0] == 0
    assert path.read_text().startswith("source,rfq_id,round,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nowhere/out.csv"], "cannot be written: No such file or directory", id="no such folder"),
        pytest.param(["out.csv", "--from", "yesterday"], "expected a date (such as '2026-11-30')", id="no date"),
        pytest.param(["out.csv", "--to", "2026-13-01"], "expected a date (such as '2026-11-30')", id="no such day"),
    ],
)
def test_what_cannot_be_exported_is_one_clear_line(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    status, told = exported(capsys, str(tmp_path / words[0]), *words[1:], "--journal", str(journal))
    assert status != 0
    assert said in told
    assert "Traceback" not in told


def test_without_a_journal_no_file_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = exported(capsys, str(tmp_path / "out.csv"), "--journal", str(tmp_path / "none.db"))
    assert status != 0
    assert [each.name for each in tmp_path.iterdir()] == []


def test_a_first_line_that_is_none_is_said(world: DeskWorld, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its first line is no header"):
        given(world, write(tmp_path / "big.csv", "rfq_id," + "x" * 200_000 + "\n"))


def test_one_of_their_columns_is_one_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'Time' is named for two columns"):
        read_blotter(write(tmp_path / "map.toml", "[columns]\nsent_at = 'Time'\nanswered_at = 'Time'"))


# --- large files -----------------------------------------------------------------------------------


def test_what_is_known_is_not_handed_over_again(world: DeskWorld, tmp_path: Path) -> None:
    """So that an import that was cut off goes on where it was."""
    rows = [line(f"T-{n}", dealer) for n in range(30) for dealer in ("ash", "beech")]
    given(world, write(tmp_path / "old.csv", HEADER + "".join(rows[:40])))
    digest = world.state.digest()
    running = Running(world, "old", False)
    done = given(world, write(tmp_path / "old.csv", HEADER + "".join(rows)), running=running)
    assert (done.taken, done.known, sum(running.rows)) == (20, 40, 20)
    again = Running(world, "old", False)
    given(world, tmp_path / "old.csv", running=again)
    assert again.rows == []
    whole = make_world(make_desk())
    given(whole, tmp_path / "old.csv")
    assert whole.state.digest() == world.state.digest() != digest


def test_a_round_of_which_one_dealer_is_new_is_handed_over_whole(world: DeskWorld, tmp_path: Path) -> None:
    """How many were asked is the same as if all of its rows had come together."""
    given(world, write(tmp_path / "old.csv", HEADER + line("T-1")))
    running = Running(world, "old", False)
    given(world, write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-1", "beech")), running=running)
    assert running.rows == [2]
    assert world.recorded(e.HistoryAdded)[-1].rounds[0].seen.n_asked == 2


def test_lines_that_are_refused_are_refused_again(world: DeskWorld, tmp_path: Path) -> None:
    path = write(tmp_path / "old.csv", HEADER + line("T-1") + line("T-1") + line("T-2", price="9.985"))
    assert refusals(given(world, path)) == refusals(given(world, path)) != []


@pytest.mark.parametrize(
    ("row", "known"),
    [
        pytest.param({"rfq_id": "T-1", "dealers": ["ash"]}, True, id="known"),
        pytest.param({"rfq_id": "T-1", "round": "1", "source": "old", "dealers": ["ash"]}, True, id="all of it"),
        pytest.param({"rfq_id": "T-1", "dealers": ["ash", "beech"]}, False, id="another dealer"),
        pytest.param({"rfq_id": "T-1", "round": "2", "dealers": ["ash"]}, False, id="another round"),
        pytest.param({"rfq_id": "T-1", "round": "one", "dealers": ["ash"]}, False, id="no round"),
        pytest.param({"rfq_id": "T-1", "dealers": []}, False, id="nobody"),
        pytest.param({"rfq_id": "T-1", "dealers": "ash"}, False, id="no list"),
        pytest.param({"dealers": ["ash"]}, False, id="no name"),
    ],
)
def test_what_is_known_can_be_asked(world: DeskWorld, tmp_path: Path, row: dict[str, Any], known: bool) -> None:
    given(world, write(tmp_path / "old.csv", HEADER + line("T-1")))
    answer = world.command("history.known", role="feed", rows=[row], origin="old")
    assert answer == {"known": [known]}


def test_a_flood_of_bad_lines_floods_nothing(world: DeskWorld, tmp_path: Path) -> None:
    bad = 3 * REFUSED_KEPT
    rows = [f"T-{n},too,short\n" if n % 2 else line(f"T-{n}", price=f"-{n}") for n in range(1, bad + 1)]
    path = write(tmp_path / "bad.csv", HEADER + "".join(rows) + line("T-0"))
    with RefusedRows(tmp_path / "refused.csv") as refused:
        done = given(world, path, refused=refused)
    assert (done.taken, refused.count, len(refused.kept)) == (1, bad, REFUSED_KEPT)
    assert dict(refused.reasons) == {
        "expected ... cells as in the header, found ...": bad // 2,
        "price: expected a price in percent of par, such as ... found ...": bad // 2,
    }
    written = (tmp_path / "refused.csv").read_text().splitlines()
    assert len(written) == bad + 1
    assert written[0] == "line,reason"


def test_reasons_that_are_counted_apart_have_a_bound() -> None:
    with RefusedRows() as refused:
        for number in range(3 * REASONS_KEPT):
            refused.add(Refused(number, "".join(chr(97 + int(digit)) for digit in str(number))))
    assert len(refused.reasons) == REASONS_KEPT + 1
    assert refused.reasons[OTHER_REASONS] == 2 * REASONS_KEPT


def test_a_file_for_refused_lines_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"), RefusedRows(tmp_path / "nowhere" / "refused.csv"):
        pass


def test_of_a_file_sorted_by_time_hardly_a_line_waits(tmp_path: Path) -> None:
    """A million rows are gone through in the memory of a few."""
    rows = [line(f"T-{n}", dealer) for n in range(2_000) for dealer in ("ash", "beech", "cedar")]
    file = HistoryFile(write(tmp_path / "old.csv", HEADER + "".join(rows)), Blotter())
    file.look()
    assert file.rows == 6_000
    tracemalloc.start()
    rounds = file.rounds(lambda refused: None)
    most = 0
    for _ in rounds:
        most = max(most, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert most < 200_000 < sum(map(len, rows))
