"""What people read of a decision, word for word: reasons, kinds of rules, scores by parts.

`golden/decisions.txt` holds the answers of `rules.explain` for recorded decisions, `golden/decisions_told_by_1.txt`
those for decisions of earlier engines. A decision stays told as it was made: whoever changes a word there changes what
is said of decisions of last year.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from desk_builder import make_desk, make_world
from desk_past import DEALERS, HIGH_YIELD, ILLIQUID, LIQUID, MUNICIPAL, THIN, UNKNOWN_VOLUME, dealer, past_events
from desk_scene import MM, Scene, book, scene

from engine.admin.advice import explain
from engine.admin.tables import Paper
from engine.boot.earlier_books import earlier_books
from engine.boot.take_over import fold
from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.explaining import tell
from engine.desk.setting import EARLIER_BOOKS_MAX
from engine.domain import events as e
from engine.domain.instrument import AssetClass
from engine.journal.archive import ReadOnly
from engine.journal.batch import RULE_BOOK, EventRow, StagedTurn, TextRow
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.turn.trading import Trading

pytestmark = pytest.mark.starts("noon")
# The figures are those of one day.

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "decisions.txt"
EARLIER: Final = GOLDEN.with_name("decisions_told_by_1.txt")
"""The same of decisions that were told by version 1 of the words."""
OLD: Final = GOLDEN.with_name("recommended_version_1.txt")
"""Events of these decisions as they were written when an event kept the words."""
TOLD_BY_1: Final = GOLDEN.with_name("recommended_told_by_1.txt")
"""Events of these decisions, with the numbers and codes of version 1 of the words."""

BOOK: Final = """
define illiquid as days_since_trade > 7 or liquidity_score <= 3
define block    as notional >= 10mm

tiers for asset_class == municipal by classic over 90d
  tier 1 when rank in top 20% and asks >= 20
  tier 2 when rank in top 50%

protect "thin" when notional > 10% of adv(30d)
  stagger 5s
  at most 3 dealers
protect "not ash" when account == SHY
  never ask {ash}

rule "whisper" when asset_class == corporate and side == sell and illiquid and block
  consider dealers where quoted_similar(180d) and not name == beech
  rank by 50% leakage + 30% fill_rate + 20% price_improvement
  ask top 4 one at a time, wait 20s, accept within 25bp price of fair
rule "high yield" when asset_class == corporate and rating < BBB and notional > 5mm
  rank by 60% hit_rate + 40% price_improvement over 90d
  ask top 3
rule "municipal" when asset_class == municipal and rating is NR and notional > 2mm
  consider dealers where specialty has municipal
  ask all of tier 1 and top 2 of tier 2
rule "no tiers" when account == LOOSE
  ask top 1 of tier 1
rule "named" when account == NAMED
  ask everyone in {maple, ash, larch}
rule "never" when account == APART
  ask top 2  never ask {ash}
rule "named too" when account == BOTH
  ask top 1, ask everyone in {larch, maple}
rule "nobody" when account == NOBODY
  consider dealers where trades(90d) > 500 or last_asked < 1d
  ask top 3
rule "by speed" when account == SPEED
  rank by speed over 2w
  ask all
rule "small" when notional <= 500k and liquidity_score >= 7
  ask top 5  wait 60s  send automatically
  execute automatically when within 15bp price of fair and at least 2 quotes, else ask trader
rule "everything else" when true
  ask top 3
  wait 120s
"""

NEW: Final = dealer("aspen", asset_classes=(AssetClass.CORPORATE, AssetClass.MUNICIPAL), specialties=("municipal",))


def past(**desk: Any) -> Scene:
    world = scene(BOOK, **desk)
    for event in past_events():
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def plainly(security: Any, side: str, quantity: int, **changes: Any) -> Callable[[], tuple[Scene, str]]:
    def made() -> tuple[Scene, str]:
        world = past()
        return world, world.order(security, side, quantity, **changes)

    return made


def in_trouble() -> tuple[Scene, str]:
    """One is paused, one has a small limit, one is cut off, one is closed, one is stopped, one was never tried."""
    changed = {"cedar": {"paused": True}, "fir": {"notional_max": Decimal(800_000)}}
    world = past(dealers=[*(replace(each, **changed.get(each.id, {})) for each in DEALERS), NEW])
    world.drop("hazel")
    world.close("larch", "08:00 America/New_York")
    world.command("kill", scope="dealer:maple", on=True, reason="test")
    return world, world.order(HIGH_YIELD, "buy", MM)


def all_stopped() -> tuple[Scene, str]:
    world = past()
    world.command("kill", scope="all", on=True, reason="test")
    return world, world.order(LIQUID, "buy", MM)


def nobody_known() -> tuple[Scene, str]:
    world = scene(BOOK)
    return world, world.order(LIQUID, "buy", MM)


def no_dealers() -> tuple[Scene, str]:
    world = scene('rule "r" when true\n  ask top 2', dealers=())
    return world, world.order(LIQUID, "buy", MM)


def second_under_protection() -> tuple[Scene, str]:
    """The first order's dealers count for the second, and what protects it stays on."""
    world = past()
    first = world.order(THIN, "buy", 400_000)
    world.advance(60)
    world.cancel(first)
    return world, world.order(THIN, "buy", 100_000)


DECISIONS: Final[dict[str, Callable[[], tuple[Scene, str]]]] = {
    "a high yield block": plainly(HIGH_YIELD, "buy", 6 * MM),
    "a whisper": plainly(ILLIQUID, "sell", 12 * MM),
    "municipal tiers": plainly(MUNICIPAL, "buy", 3 * MM),
    "no tiers for it": plainly(LIQUID, "buy", MM, account="LOOSE"),
    "named dealers": plainly(LIQUID, "buy", MM, account="NAMED"),
    "named beside others": plainly(LIQUID, "buy", MM, account="BOTH"),
    "one is never asked by a rule": plainly(LIQUID, "buy", MM, account="APART"),
    "nobody fits": plainly(HIGH_YIELD, "buy", MM, account="NOBODY"),
    "by one metric, all of them": plainly(HIGH_YIELD, "buy", MM, account="SPEED"),
    "a protection holds": plainly(THIN, "buy", 400_000),
    "volume is unknown": plainly(UNKNOWN_VOLUME, "buy", MM),
    "one is never asked by a protection": plainly(HIGH_YIELD, "buy", MM, account="SHY"),
    "everybody in trouble": in_trouble,
    "all are stopped": all_stopped,
    "nobody has a past": nobody_known,
    "no dealers": no_dealers,
    "the second order": second_under_protection,
}


def told(world: Scene, order_id: str) -> list[str]:
    """The answer as rfqctl prints it, then as a program reads it: one line a dealer."""
    answer = world.command("rules__explain", role="viewer", order=order_id)
    lines = explain(Paper(width=200), answer)
    del answer["book_hash"]
    for name in ("notes", "axes"):
        if not answer[name]:
            del answer[name]  # Earlier engines had none.
    rest = {key: value for key, value in answer.items() if key != "lines"}
    return [*lines, json.dumps(rest, sort_keys=True), *(json.dumps(line, sort_keys=True) for line in answer["lines"])]


def told_later(world: Scene, order_id: str) -> list[str]:
    """The same under another rule book, but for what says so."""
    return [line.replace('"book_is_current": false', '"book_is_current": true') for line in told(world, order_id)[1:]]


def written() -> str:
    parts = []
    for name, made in DECISIONS.items():
        parts += [f"=== {name}", *told(*made())]
    return "\n".join(parts) + "\n"


def golden(name: str, file: Path = GOLDEN) -> list[str]:
    texts = dict(part.split("\n", 1) for part in file.read_text().removeprefix("=== ").split("\n=== "))
    return texts[name].removesuffix("\n").split("\n")


def event_of(world: Scene, order_id: str) -> e.OrderRecommended:
    [found] = [each for each in world.recorded(e.OrderRecommended) if each.order_id == order_id]
    assert isinstance(found, e.OrderRecommended)
    return found


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_is_told_in_these_words(name: str) -> None:
    assert told(*DECISIONS[name]()) == golden(name)


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_that_was_read_back_is_told_in_the_same_words(name: str) -> None:
    """What the journal keeps of it is all that is needed, with the book that decided."""
    world, order_id = DECISIONS[name]()
    codec = events_codec()
    event = codec.decode(*codec.encode(event_of(world, order_id)))
    assert event == event_of(world, order_id)
    apply(world.state, event)
    assert told(world, order_id) == golden(name)


@pytest.mark.parametrize("line", OLD.read_text().splitlines(), ids=lambda line: str(line).split("\t")[0])
def test_an_event_that_kept_the_words_is_told_as_it_stands(line: str) -> None:
    name, body = line.split("\t")
    world, order_id = DECISIONS[json.loads(name)]()
    event = events_codec().decode("OrderRecommended", 1, body)
    # The book has changed since: nothing of it is asked.
    world.desk.book = book('rule "new" when true\n  ask top 1\n', world.desk.dealers.ids)
    apply(world.state, event)
    assert told(world, order_id)[0].startswith(f"{order_id} as it was decided by an earlier rule book")
    assert told_later(world, order_id) == golden(json.loads(name), EARLIER)[1:]


@pytest.mark.parametrize("line", TOLD_BY_1.read_text().splitlines(), ids=lambda line: str(line).split("\t")[0])
def test_a_decision_that_was_told_by_version_1_stays_told_so(line: str, tmp_path: Path) -> None:
    """What a dealer lacked counted in another way then; the journal's view knows it, too."""
    name, version, body = line.split("\t")
    world, order_id = DECISIONS[json.loads(name)]()
    event = events_codec().decode("OrderRecommended", int(version), body)
    assert isinstance(event, e.OrderRecommended)
    apply(world.state, event)
    assert told(world, order_id) == golden(json.loads(name), EARLIER)
    view_says_the_same(world, order_id, event, tmp_path)


def test_a_decision_of_an_earlier_book_is_told_in_its_words_while_that_is_at_hand() -> None:
    world, order_id = DECISIONS["nobody fits"]()
    before = world.desk.book
    world.desk.book = book('rule "new" when true\n  ask top 1\n', world.desk.dealers.ids)
    words = told(world, order_id)
    assert any("is not at hand" in line for line in words)
    assert any("asset_class is corporate" in line for line in words)
    assert any("not considered: trades(90d) > 500 or last_asked < 1d" in line for line in words)
    world.desk.earlier_books = {before.hash: before}
    assert told_later(world, order_id) == golden("nobody fits")[1:]


def test_a_book_that_was_exchanged_stays_at_hand_and_the_earliest_go_first() -> None:
    world, order_id = DECISIONS["nobody fits"]()
    first, exchanged = world.desk.book, [world.desk.book]
    for number in range(1, EARLIER_BOOKS_MAX + 3):
        other = book(f'rule "new {number}" when true\n  ask top 1\n', world.desk.dealers.ids)
        world.desk.take_up(make_desk(book=other), with_stats=False)
        if number == 1:
            assert told_later(world, order_id) == golden("nobody fits")[1:]
        exchanged.append(other)
    assert len(world.desk.earlier_books) == EARLIER_BOOKS_MAX
    assert world.desk.book_of(first.hash) is None
    assert [world.desk.book_of(each.hash) for each in exchanged[-EARLIER_BOOKS_MAX:]] == exchanged[-EARLIER_BOOKS_MAX:]


@pytest.mark.parametrize(
    ("name", "makes_a_book"),
    [("a whisper", True), ("municipal tiers", True), ("nobody fits", True), ("nobody fits", False)],
)
def test_after_a_start_with_another_book_it_is_told_in_the_words_of_its_own(
    name: str, makes_a_book: bool, tmp_path: Path
) -> None:
    """The journal keeps the text of every book; one that makes no book any more leaves the values."""
    world, order_id = DECISIONS[name]()
    codec, before = events_codec(), world.desk.book
    rows = []
    for seq, event in enumerate((*past_events(), *world.events), 1):
        kind, version, body = codec.encode(event)
        rows.append(EventRow(seq, 1, kind, version, event.at_ns, body))
    text = f"### scene.rules\n{before.texts[0].text if makes_a_book else 'rule'}"
    with Journal(tmp_path / "journal.db", "normal", reserve_bytes=0) as journal:
        staged = StagedTurn(1, 1, "test", "", "", tuple(rows))
        journal.commit([staged._replace(texts=(TextRow(RULE_BOOK, before.hash, 1, text),))])
    again = make_world(make_desk(book=book('rule "new" when true\n  ask top 1\n', world.desk.dealers.ids)))
    trading = Trading(again.desk)
    with ReadOnly(tmp_path / "journal.db") as file:
        fold(file, trading, codec)
        again.desk.earlier_books = earlier_books(file, trading)
    again.state = trading.state
    words = told_later(Scene(again.desk, again.machine, again.state, now=world.now), order_id)
    assert (words == golden(name)[1:]) is makes_a_book
    assert any("is not at hand" in line for line in words) is not makes_a_book


@pytest.mark.parametrize("name", DECISIONS)
def test_the_journals_view_says_the_same(name: str, tmp_path: Path) -> None:
    """To whoever opens the file with sqlite3; of a condition about dealers it knows the values alone."""
    world, order_id = DECISIONS[name]()
    view_says_the_same(world, order_id, event_of(world, order_id), tmp_path)


def view_says_the_same(world: Scene, order_id: str, event: e.OrderRecommended, tmp_path: Path) -> None:
    kind, version, body = events_codec().encode(event)
    with Journal(tmp_path / "journal.db", "normal", reserve_bytes=0) as journal:
        journal.commit([StagedTurn(1, 1, "test", "", "", (EventRow(1, 1, kind, version, 1, body),))])
    with ReadOnly(tmp_path / "journal.db") as file:
        rows = file.query("SELECT dealer, chosen, rank, score, parts, reason FROM v_dealer_scores")
    lines = tell(world.desk.book_of, world.state.recommendations[order_id]).lines
    assert {row[0]: row[1:5] for row in rows} == {
        line.dealer: (
            line.chosen,
            line.rank,
            line.score,
            ", ".join(f"{part.metric}={part.contribution:.4f} ({part.source})" for part in line.parts) or None,
        )
        for line in lines
    }
    said = {row[0]: row[5] for row in rows}
    for line in lines:
        if line.reason.startswith("not considered: "):
            assert said[line.dealer].startswith("not considered: ")
        else:
            assert said[line.dealer] == line.reason
