"""`rfqctl rules try` and `rules backtest`: what people see of them.

The golden transcript holds commands as they are typed beside a journal of three days, `kept.db`, and these files:
`narrower/`, the shipped book whose last rule asks two; `05-small.rules`, a rule for small orders;
`whole.rules`, a book by itself; `broken.rules` and `worse.rules`, with mistakes.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from kept_days import KeptDays, installation

from engine.admin import cli
from engine.domain.recommendation import Recommendation
from engine.research.moments import Held, Moment
from engine.rules import Book

TRANSCRIPT = Path(__file__).parents[1] / "golden" / "rule_books.txt"
pytestmark = pytest.mark.starts("noon")  # The days have a clock of their own.

SMALL = """rule "small"
  when notional <= 700k and asset_class == corporate
  ask top 2
  wait 30s
"""
WHOLE = """rule "all alike"
  when true
  ask top 3
  wait 120s
  send automatically
"""
BROKEN = """rule "misspelt"
  when notionl > 5mm
  ask top 3
"""
WORSE = """rule "endless"
  when rating < BBB
  ask top 0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days: prices, orders, quotes, a rule book reloaded on the second, a stop at the end."""
    folder = tmp_path_factory.mktemp("desk")
    config = installation(folder)
    # No rule by the model: what that makes of the same past is not what is told here.
    credit = folder / "config" / "rules" / "30-credit.rules"
    credit.write_text(credit.read_text().replace("best panel of at most 5", "top 4"))
    days = KeptDays(config)
    days.start()
    days.log_on()
    bonds = list(days.trading.desk.securities)[:6]
    for day in range(3):
        if day == 1:
            path = folder / "config" / "rules" / "90-default.rules"
            path.write_text(path.read_text().replace("wait 120s", "wait 90s"))
            days.reload("rules")
        for at, bond in enumerate(bonds):
            days.advance(120)
            days.price(bond, f"{99 + at / 4}")
            order = days.order(bond, ("buy", "sell")[at % 2], 250_000 + 450_000 * ((at * 2 + day) % 6))
            if days.state.orders[order].state == "with_trader":
                if at == 1:
                    days.command("override", order=order, dealers=["birch", "alder"], reason="they were active")
                else:
                    days.command("send", order=order)
            if at < 4 and days.state.orders[order].state == "asking":
                days.quote(order, [4.0 - at, 1.0, -2.0], 99 + at / 4)
                if at == 2:
                    days.trade(order)
                days.over(order)
        days.now_ns = (days.now_ns // 86_400_000_000_000 + 1) * 86_400_000_000_000 + 14 * 3_600_000_000_000
    days.close()
    shutil.copytree(folder / "config" / "rules", folder / "narrower")
    last = folder / "narrower" / "90-default.rules"
    last.write_text(last.read_text().replace("ask top 3", "ask top 2"))
    for name, text in (
        ("05-small.rules", SMALL),
        ("whole.rules", WHOLE),
        ("broken.rules", BROKEN),
        ("worse.rules", WORSE),
    ):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def typed(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    status = cli.main([*shlex.split(line)[2:], "--journal", "kept.db"])
    shown = capsys.readouterr()
    end = f"[exit {status}]" if status else ""
    return "\n".join(part.strip("\n") for part in (shown.out, shown.err, end) if part.strip("\n"))


def test_the_transcript(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With RULE_BOOKS_WRITE=1 it is written anew."""
    head, *pieces = re.split(r"^(\$ .*)\n", TRANSCRIPT.read_text(), flags=re.MULTILINE)
    told = head
    for line, expected in zip(pieces[::2], pieces[1::2], strict=True):
        found = typed(line, capsys)
        told += f"{line}\n{found}\n\n"
        if "RULE_BOOKS_WRITE" not in os.environ:
            assert found == expected.strip("\n"), line
    if "RULE_BOOKS_WRITE" in os.environ:
        TRANSCRIPT.write_text(told.rstrip("\n") + "\n")


def answer(line: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert cli.main([*shlex.split(line), "--journal", "kept.db", "--json"]) == 0
    found: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return found


def test_an_open_order_is_decided_as_things_stand(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the book that runs, which is another one than that of its first day; with the model's numbers of everybody."""
    found = answer("rules try 05-small.rules --order 1", capsys)
    now, decided = found, answer("rules try 05-small.rules --order 1 --decided", capsys)
    assert (now["as_of"], decided["as_of"]) == ("now", "decided")
    assert str(now["at"]) > str(decided["at"])
    for each in (now, decided):
        tried, present = each["tried"], each["present"]
        assert isinstance(tried, dict)
        assert isinstance(present, dict)
        assert (tried["rule"], present["rule"]) == ("small", "small and liquid")
        assert len(tried["dealers"]) == 2
        # By now others in the bond are open, too: together they are large against its volume.
        assert len(present["dealers"]) == (3 if each is now else 4)
        assert isinstance(each["differs"], list)
        assert {*each["differs"]} - {"dealers"} == {"rule", "number", "how", "execution", "to_person"}
    assert now["tried"]["worth_by_count"]  # type: ignore[index]
    assert cli.main(["rules", "try", "05-small.rules", "--order", "1", "--journal", "kept.db"]) == 0
    assert "as things stood at 2026-11-04" in capsys.readouterr().out


def test_the_end_of_a_running_engines_journal_is_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has logged off is not asked now; with a stopped engine it is as if everybody were logged on."""
    days = KeptDays(installation(tmp_path))
    days.start()
    days.log_on()
    bond = next(iter(days.trading.desk.securities))
    days.price(bond, "100")
    days.order(bond, "buy", 3_000_000)
    days.log_off("birch", "cedar")
    (tmp_path / "whole.rules").write_text(WHOLE.replace("top 3", "all"))

    def asked() -> set[str]:
        line = ["rules", "try", str(tmp_path / "whole.rules"), "--order", "1", "--journal", str(days.path)]
        assert cli.main([*line, "--config", str(days.config), "--json"]) == 0
        found = orjson.loads(capsys.readouterr().out)
        assert found["everybody_up"] is stopped
        return set(found["tried"]["dealers"])

    stopped = False
    assert asked()
    assert not asked() & {"birch", "cedar"}
    days.stop()
    stopped = True
    assert {"birch", "cedar"} < asked()
    days.close()


def test_json_has_what_the_screen_has_and_every_difference(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer("rules backtest running narrower --limit 0", capsys)
    differences = found["differences"]
    assert isinstance(differences, list)
    assert len(differences) == found["rounds_differing"] > 0
    assert found["as_recorded"] == found["answered"]
    assert differences[0]["old"]["plan"]["dealers"] != differences[0]["new"]["plan"]["dealers"]


def test_a_page_is_written_whole_and_not_over_another(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["rules", "backtest", "running", "narrower", "--journal", "kept.db", "--html", "two.html"]
    assert cli.main(line) == 0
    page = (here / "two.html").read_text()
    assert "They differ on" in page
    assert "O-000002" in page
    assert "<script" not in page
    capsys.readouterr()
    assert cli.main(line) == 2
    assert "--force" in capsys.readouterr().err
    assert cli.main([*line, "--force"]) == 0


def test_no_file_is_changed_by_looking(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file() and path.suffix != ".html"}
    assert cli.main(["rules", "try", "05-small.rules", "--order", "1", "--journal", "kept.db"]) == 0
    assert cli.main(["rules", "backtest", "running", "whole.rules", "--journal", "kept.db"]) == 0
    capsys.readouterr()
    assert {path: path.read_bytes() for path in before} == before


def test_answers_that_do_not_come_out_again_are_named(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a newer build chooses otherwise."""

    def another(self: Moment, book: Book, held: Held | None = None) -> Recommendation:
        made = decide(self, book, held)
        plan = made.plan
        return made if plan is None else replace(made, plan=replace(plan, dealers=plan.dealers[:1]))

    decide = Moment.decide
    monkeypatch.setattr(Moment, "decide", another)
    assert cli.main(["rules", "backtest", "running", "narrower", "--journal", "kept.db", "--limit", "0"]) == 0
    shown = capsys.readouterr().out
    assert "0 of 18 answers of then come out again" in shown
    assert "not as recorded: O-000001" in shown
    assert "differs in number" in shown
    assert "has learnt to choose otherwise" in shown
