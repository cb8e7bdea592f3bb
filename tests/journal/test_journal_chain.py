"""The chain: the same rows give the same hash, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_rows import turn_after, turns_after

from engine.journal.anchor import Anchor
from engine.journal.batch import Answer, AnsweredRow, EventRow, Head, NumberRow, OutboxRow, StagedTurn, TakenIn, TextRow
from engine.journal.chain import ChainError, follow, genesis, read_sums, row_spellings, seal
from engine.journal.recover import KeptTurn, verify

START = Head(0, 0, 0, genesis("id", 1, ""))
number = st.integers(0, 200)
text = st.text(alphabet="a|:1\x01é", max_size=4)
blob = st.binary(max_size=4)
ROWS = st.one_of(
    st.builds(EventRow, number, number, text, number, number, blob),
    st.builds(OutboxRow, number, number, st.none() | number, text, text, st.none() | number, text, blob),
    st.builds(
        NumberRow, text, number, number, *(st.none() | each for each in (number, blob, text, number, text, number)),
        st.integers(0, 1), st.none() | number,
    ),
    st.builds(TextRow, text, text, number, text),
)  # fmt: skip
KIND = {EventRow: "events", OutboxRow: "outbox", NumberRow: "sent", TextRow: "texts"}


def spelt(row: Any) -> bytes:
    return row_spellings(StagedTurn(0, 0, "", "", "", **{KIND[type(row)]: (row,)}))[0]


@given(ROWS, ROWS)
def test_two_rows_are_spelt_alike_only_if_they_are_alike(left: Any, right: Any) -> None:
    assert (spelt(left) == spelt(right)) == (left == right and type(left) is type(right))


@given(st.lists(ROWS, max_size=3), st.lists(ROWS, max_size=3))
def test_no_row_can_pose_as_part_of_its_neighbour(left: list[Any], right: list[Any]) -> None:
    assert (b"".join(map(spelt, left)) == b"".join(map(spelt, right))) == (
        left == right and list(map(type, left)) == list(map(type, right))
    )


NO_ROWS = {each: st.just(()) for each in ("events", "outbox", "sent", "sessions", "marks", "trades", "texts")}
TURNS = st.builds(
    StagedTurn, number, number, text, text, text, **NO_ROWS,
    taken_in=st.none() | st.builds(TakenIn, text, number, number, blob),
    answer=st.none() | st.builds(
        Answer, text, number, number, number, blob, text, st.none() | st.integers(1, 200), text, number
    ),
)  # fmt: skip


@given(TURNS, TURNS)
def test_two_turns_have_the_same_hash_only_if_they_are_alike(left: StagedTurn, right: StagedTurn) -> None:
    assert (seal(b"before", left) == seal(b"before", right)) == (left == right)


@given(TURNS, st.data())
def test_no_word_of_a_turn_can_pose_as_part_of_its_neighbour(turn: StagedTurn, data: st.DataObject) -> None:
    """The same words, divided otherwise among the texts that stand side by side."""
    parts = (turn.input_kind, turn.input_ref, turn.actor)
    words = "".join(parts)
    first, second = sorted(data.draw(st.integers(0, len(words))) for _ in range(2))
    moved = words[:first], words[first:second], words[second:]
    other = turn._replace(input_kind=moved[0], input_ref=moved[1], actor=moved[2])
    assert (seal(b"before", turn) == seal(b"before", other)) == (moved == parts)


def test_hash_is_pinned() -> None:
    # A journal written today must verify with every later build: this value may never change.
    turn = turn_after(START)
    assert START.hash.hex() == "81ea20a12dfb30ddbca93ddb0255f1e1919ccf7ae43dfedc3cfcc1d9ab798d0c"
    assert seal(START.hash, turn).hash.hex() == "b6721191d5729c494e7c75952261fe986e977b4a3318c93017c41504719d530b"


WHOLE_OUTBOX = OutboxRow(7, 5, 9, "alder", "at_most_once", 1_700, "R", b"131=q\x01")
WHOLE_NUMBER = NumberRow("alder", 2, 3, 7, b"8=FIX.4.4\x01", "at_most_once", 9, "R", 4, 1, 1_700)
WHOLE_ANSWER = Answer("oms", 2, 3, 7, b"8=FIX.4.4\x01", "report", 9, "8", 4)


def without(row: Any, *names: str) -> list[Any]:
    """The row itself, with each of its values that may lack missing alone, and with none of them."""
    return [row, *(row._replace(**{name: None}) for name in names), row._replace(**dict.fromkeys(names))]


@pytest.mark.parametrize(
    ("rows", "pinned"),
    [
        pytest.param(
            [EventRow(9, 5, "OrderSeen", 2, 1_700, b"{}")],
            "22c0f91d41f30c0c6d96546528d126d978b9c52e190fe1188757da6ba2678881",
            id="event",
        ),
        pytest.param(
            without(WHOLE_OUTBOX, "event_seq", "not_after_ns"),
            "c68b01627cc2ceae562d4b8e712fcbc777d22d096daf2b2363092186ea50ac81",
            id="outbox",
        ),
        pytest.param(
            without(
                WHOLE_NUMBER, "outbox_id", "data", "message_class", "event_seq", "msg_type", "body_at", "not_after_ns"
            ),
            "f642fb8cafb333382ce8186edbdad13715e8b17b389a3e37e054bfc9775ae566",
            id="number",
        ),
        pytest.param(
            [TextRow("rule_book", "ab", 5, "é")],
            "9891945f2ec5d1e42e6dbf28a47516abbc6063e150b55ddd8c60f8499b3553e0",
            id="text",
        ),
    ],
)
def test_how_a_row_is_spelt_is_pinned(rows: list[Any], pinned: str) -> None:
    """Also where something is missing: two builds may each tell all rows apart and not agree on one of them."""
    assert sha256(b"".join(map(spelt, rows))).hexdigest() == pinned


def test_how_the_answer_in_a_turns_own_row_is_spelt_is_pinned() -> None:
    turn = turn_after(START)._replace(outbox=(), sent=())
    taken = TakenIn("oms", 1, 1, b"8=FIX.4.4\x01")
    turns = [turn._replace(taken_in=None, answer=answer) for answer in without(WHOLE_ANSWER, "event_seq")]
    turns += [turn._replace(taken_in=taken_in, answer=None) for taken_in in (None, taken)]
    hashes = b"".join(seal(START.hash, each).hash for each in turns)
    assert sha256(hashes).hexdigest() == "2c09afe2ef414efb5753e5d7f205108d9a0bb77519a7ed60c96e168ba32786cf"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda turn: turn._replace(utc_ns=turn.utc_ns + 1), id="time"),
        pytest.param(lambda turn: turn._replace(input_kind="timer"), id="input kind"),
        pytest.param(lambda turn: turn._replace(input_ref="oms:2"), id="input"),
        pytest.param(lambda turn: turn._replace(actor="eve"), id="actor"),
        pytest.param(lambda turn: turn._replace(input_kind="", actor=turn.actor + turn.input_kind), id="moved text"),
        pytest.param(lambda turn: turn._replace(events=turn.events[:1]), id="event dropped"),
        pytest.param(lambda turn: turn._replace(events=turn.events[::-1]), id="events swapped"),
        pytest.param(lambda turn: turn._replace(outbox=()), id="outbox dropped"),
        pytest.param(lambda turn: turn._replace(taken_in=None), id="message taken in dropped"),
        pytest.param(lambda turn: turn._replace(sent=turn.sent * 2), id="number twice"),
        pytest.param(lambda turn: turn._replace(texts=()), id="texts dropped"),
    ],
)
def test_any_change_changes_the_hash(change: Callable[[StagedTurn], StagedTurn]) -> None:
    turn = turn_after(START)
    assert seal(START.hash, change(turn)).hash != seal(START.hash, turn).hash


def test_hash_depends_on_everything_before() -> None:
    turn = turn_after(START)
    other = genesis("id", 1, "00")
    assert other != START.hash
    assert seal(other, turn).hash != seal(START.hash, turn).hash


def test_row_sums_count_every_kind() -> None:
    sums = read_sums(seal(START.hash, turn_after(START)).row_sums)
    assert {kind: len(values) for kind, values in sums.items()} == {"events": 2, "outbox": 1, "sent": 1, "texts": 2}


@pytest.mark.parametrize("sums", [b"", b"\x01\x00\x00\x00" * 4, bytes(17)])
def test_row_sums_of_a_wrong_length_are_refused(sums: bytes) -> None:
    with pytest.raises(ValueError, match="row_sums"):
        read_sums(sums)


def decided_again(turn: StagedTurn, outbox_id: int = 1) -> StagedTurn:
    """`turn`, its message out being an entry by itself."""
    return turn._replace(
        sent=(turn.sent[0]._replace(outbox_id=outbox_id, message_class="report", msg_type="8", body_at=1),)
    )


def test_entries_are_numbered_on_wherever_they_stand() -> None:
    turn = decided_again(turn_after(START), outbox_id=2)
    assert follow(START, [turn]).head.outbox_id == START.outbox_id + 2


def an_answer(outbox_id: int) -> Answer:
    return Answer("oms", 1, 1, outbox_id, b"", "report", None, "8", 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda turn: turn._replace(turn_seq=2), id="turn skipped"),
        pytest.param(lambda turn: turn._replace(turn_seq=0), id="turn repeated"),
        pytest.param(lambda turn: turn._replace(events=turn.events[1:]), id="event skipped"),
        pytest.param(lambda turn: turn._replace(events=(turn.events[0]._replace(turn_seq=7),)), id="event of another"),
        pytest.param(lambda turn: turn._replace(outbox=(turn.outbox[0]._replace(id=2),)), id="outbox skipped"),
        pytest.param(lambda turn: turn._replace(outbox=(turn.outbox[0]._replace(turn_seq=9),)), id="outbox of another"),
        pytest.param(lambda turn: decided_again(turn), id="outbox entry twice"),
        pytest.param(lambda turn: decided_again(turn, outbox_id=3), id="outbox skipped by a message"),
        pytest.param(lambda turn: turn._replace(answer=an_answer(1)), id="outbox entry twice, once as the answer"),
        pytest.param(lambda turn: turn._replace(answer=an_answer(3)), id="outbox skipped by the answer"),
        pytest.param(lambda turn: turn._replace(texts=(turn.texts[0]._replace(turn_seq=9),)), id="text"),
    ],
)
def test_turns_that_do_not_follow_are_refused(change: Callable[[StagedTurn], StagedTurn]) -> None:
    with pytest.raises(ChainError):
        follow(START, [change(turn_after(START))])


def answered(turn_seq: int, to: str, epoch: int, seq: int, entry: int = 0, **more: Any) -> StagedTurn:
    answer = Answer(to, epoch, seq, entry or turn_seq, b"8=FIX.4.4\x01", "report", None, "8", 1)
    return StagedTurn(turn_seq, 1_700, "Received", to, "", answer=answer, **more)


def test_where_the_answers_of_a_batch_stand_is_told_by_session_and_epoch() -> None:
    turns = [
        answered(1, "oms", 1, 4),
        answered(2, "alder", 1, 4),
        answered(3, "oms", 1, 6, sent=(NumberRow("oms", 1, 7, None, None), NumberRow("birch", 1, 2, None, None))),
        StagedTurn(4, 1_700, "TimerDue", "", "", sent=(NumberRow("oms", 1, 8, None, None),)),
        answered(5, "oms", 1, 9, entry=4),
        answered(6, "oms", 2, 1, entry=5),
    ]
    assert follow(START, turns).answered == [
        AnsweredRow("oms", 1, 9, first_seq=4, first_turn=1, last_turn=5),
        AnsweredRow("alder", 1, 4, first_seq=4, first_turn=2, last_turn=2),
        AnsweredRow("oms", 2, 1, first_seq=1, first_turn=6, last_turn=6),
    ]


APART = (NumberRow("oms", 1, 7, None, None),)


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([answered(1, "oms", 1, 7), answered(2, "oms", 1, 7)], id="answer, answer"),
        pytest.param([answered(1, "oms", 1, 7), answered(2, "oms", 1, 6)], id="answer, one below"),
        pytest.param(
            [answered(1, "oms", 1, 7), answered(2, "ash", 1, 7), answered(3, "oms", 1, 7)], id="others between"
        ),
        pytest.param([answered(1, "oms", 1, 7, sent=APART)], id="in one turn"),
        pytest.param([answered(1, "oms", 1, 7), answered(2, "ash", 1, 1, sent=APART)], id="answer, apart"),
        pytest.param([answered(1, "ash", 1, 1, sent=APART), answered(2, "oms", 1, 7)], id="apart, answer"),
        pytest.param([answered(1, "ash", 1, 1, sent=APART * 2)], id="apart, apart"),
    ],
)
def test_no_number_is_given_out_twice_in_a_batch(turns: list[StagedTurn]) -> None:
    with pytest.raises(ChainError, match=r"out [67]"):
        follow(START, turns)


def kept(count: int) -> list[KeptTurn]:
    return sealed(turns_after(START, count))


def sealed(turns: list[StagedTurn]) -> list[KeptTurn]:
    rows = follow(START, turns).rows
    return [KeptTurn(turn, *map(bytes, row[-2:])) for turn, row in zip(turns, rows, strict=True)]  # type: ignore[arg-type]


def anchor_of(turn: KeptTurn, utc_ns: int) -> Anchor:
    return Anchor(utc_ns, turn.turn.turn_seq, turn.hash, "id")


def test_an_untouched_record_holds_up_to_its_last_anchor() -> None:
    chain = kept(9)
    verdict = verify(START.hash, chain, [anchor_of(chain[6], 70), anchor_of(chain[3], 40)])
    assert (verdict.holds, verdict.turns, verdict.unanchored_since_ns) == (True, 9, 70)


def test_a_tail_cut_before_an_anchor_is_found() -> None:
    chain = kept(9)
    verdict = verify(START.hash, chain[:5], [anchor_of(chain[3], 40), anchor_of(chain[6], 70)])
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.turns, verdict.unanchored_since_ns) == (6, 5, 40)
    assert "saw turn 7" in verdict.bad.problem


def test_a_tail_cut_after_the_last_anchor_cannot_be_told_and_says_since_when() -> None:
    chain = kept(9)
    verdict = verify(START.hash, chain[:7], [anchor_of(chain[6], 70)])
    assert (verdict.holds, verdict.unanchored_since_ns) == (True, 70)


def test_without_anchors_nothing_is_sure() -> None:
    assert verify(START.hash, kept(2), []).unanchored_since_ns == 0


def test_a_record_chained_anew_contradicts_its_anchor() -> None:
    chain = kept(4)
    turns = [one.turn._replace(actor="eve") if one.turn.turn_seq == 2 else one.turn for one in chain]
    forged = sealed(turns)
    assert verify(START.hash, forged, []).holds
    verdict = verify(START.hash, forged, [anchor_of(chain[0], 10), anchor_of(chain[2], 30)])
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.unanchored_since_ns) == (3, 10)
    assert "rewritten" in verdict.bad.problem
