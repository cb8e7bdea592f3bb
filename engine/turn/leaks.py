"""The outcome of a batch that found what asking dealers costs: recorded, and told to whoever asked for it.

The batch is the shell's: a child process that reads the journal. Its table is taken up as this turn is adopted, and
again by a restart, from the record.
"""

from __future__ import annotations

from engine.domain.rows import changed
from engine.turn.draft import TurnDraft
from engine.turn.inputs import LeaksFound
from engine.turn.outcome import Reply

CODE = "leak"


def on_leaks_found(draft: TurnDraft, given: LeaksFound) -> None:
    """Record what was found. What came to nothing changes nothing: what was known before goes on."""
    turn, found = draft.turn, given.found
    turn.actor, turn.ref = given.actor, CODE
    problem, code = given.problem, CODE
    if draft.refused is not None:
        text = f"leaks: {type(draft.refused).__name__}: {draft.refused}"
        draft.standing.application.refuse(draft.desk, "command", text, draft.refused, None)
        problem, code = f"what was found could not be taken up: {text}", "bug"
    elif found is not None:
        draft.desk.record(changed(found, at_ns=draft.desk.now_ns))
        table = found.table
        told = {
            "rounds": found.rounds,
            "rows_in": table.leak_in.rows,
            "rows_post": table.leak_post.rows,
            "dealers": len({each.dealer for outcome in (table.leak_in, table.leak_post) for each in outcome.dealers}),
            "took_s": found.took_s,
        }
        turn.effects.extend(Reply(ref, result=told) for ref in given.refs)
        return
    turn.effects.extend(Reply(ref, error=problem, code=code) for ref in given.refs)
