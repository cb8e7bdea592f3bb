"""A journal whose one session has been sent so many reports, made without a desk: by the journal's own writer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.clock import fix_timestamp
from engine.fix.wire import codec
from engine.journal.batch import TRAILER_BYTES, NumberRow, SessionRow, StagedTurn
from engine.journal.writer import Journal

ROWS_A_TURN: Final = 2_000
SENT_UTC_NS: Final = 1_767_600_000_000_000_000
_TEXT: Final = "x" * 120
"""Reports are of some 300 bytes."""


def write_sent_reports(path: Path, session: str, target_comp_id: str, count: int) -> None:
    """Reports 1 to `count` of epoch 1, all of them known to have arrived; the peer's next number is 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = fix_timestamp(SENT_UTC_NS)
    with Journal(path, "normal") as journal:
        for turn, first in enumerate(range(1, count + 1, ROWS_A_TURN), 1):
            numbers = range(first, min(first + ROWS_A_TURN, count + 1))
            bodies = [_body(number) for number in numbers]
            sent = tuple(
                _row(session, number, _frame(number, target_comp_id, time, body), body)
                for number, body in zip(numbers, bodies, strict=True)
            )
            last = numbers[-1]
            sessions = (SessionRow(session, 1, 1, last + 1, last, SENT_UTC_NS),)
            journal.commit([StagedTurn(turn, SENT_UTC_NS, "Seeded", "", "", sent=sent, sessions=sessions)])


def _row(session: str, number: int, data: bytes, body: bytes) -> NumberRow:
    body_at = len(data) - TRAILER_BYTES - len(body) + 1
    return NumberRow(session, 1, number, number, data, "report", None, "8", body_at)


def _frame(number: int, target_comp_id: str, time: str, body: bytes) -> bytes:
    return codec.frame(
        begin_string="FIX.4.4",
        msg_type="8",
        seq_num=number,
        sender="BUYSIDE",
        target=target_comp_id,
        sending_time=time,
        body=body,
    )


def _body(number: int) -> bytes:
    fields = [(6, "0"), (11, f"C-{number}"), (14, "0"), (17, f"X-{number}"), (37, f"O-{number}"), (38, "1000000")]
    return codec.encode_body([*fields, (39, "0"), (54, "1"), (55, "[N/A]"), (58, _TEXT), (150, "0"), (151, "1000000")])
