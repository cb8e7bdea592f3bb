"""engine/admin/leak_views.py: what asking costs, worst first, and in words where nothing is known."""

from __future__ import annotations

from leak_rounds import solved, victim_rounds

from engine.admin import leak_views
from engine.admin.tables import Paper
from engine.clock import iso_timestamp
from engine.commands.leak_commands import _outcome
from engine.domain.leak import LeakTable

PAPER = Paper(False, 0)


def answer(table: LeakTable) -> dict[str, object]:
    outcomes = {"leak_in": _outcome(table.leak_in), "leak_post": _outcome(table.leak_post)}
    return {"as_of": iso_timestamp(table.at_ns), **outcomes, "digest": table.digest}


def test_a_table_is_read_worst_first() -> None:
    lines = leak_views.shown(PAPER, answer(solved(victim_rounds(1))))
    assert lines[0] == "as of 1970-01-15T21:36:00.000Z; bps, positive is what asking costs"
    assert lines[2] == "until the decision, on the whole size"
    assert lines[3].startswith("  150 windows, noise ")
    assert lines[4].split() == ["dealer", "leak", "90", "%", "n_eff", "asks", "lost", "identified"]
    assert lines[5].split()[0] == "d02"
    assert lines[5].split()[-1] == "relative"
    assert lines[-2:] == ["after it, on what is left", "  no window was seen"]


def test_who_leaks_beyond_doubt_is_red() -> None:
    lines = leak_views.shown(Paper(True, 0), answer(solved(victim_rounds(1))))
    assert [line for line in lines if "\x1b[31m" in line] == [lines[5]]


def test_before_the_first_batch_it_says_how_to_have_one() -> None:
    nothing: dict[str, object] = dict.fromkeys(("as_of", "leak_in", "leak_post", "digest"))
    assert leak_views.shown(PAPER, nothing) == ["not solved yet: `rfqctl leak solve --reason REASON` does"]


def test_a_batch_tells_what_it_rests_on() -> None:
    told = {"rounds": 1_150, "rows_in": 1_100, "rows_post": 1_020, "dealers": 5, "took_s": 1.25}
    assert leak_views.solved(PAPER, told) == [
        "solved in 1.2 s: 1,150 rounds, 5 dealers; 1,100 windows until the decision, 1,020 after it"
    ]
