"""What an operator may ask of the process itself: files read again, what the log tells."""

from __future__ import annotations

from typing import Any, Final

from engine.commands.desk_call import need
from engine.commands.session_call import SessionCall
from engine.domain import events as e
from engine.turn.outcome import ReadFiles, SetLogLevel

RULES: Final = "rules"


def reload(call: SessionCall) -> None:
    """Ask for the files; the answer is given once they were looked at."""
    kinds: tuple[str, ...] = tuple(call.given["kinds"] or ())
    if kinds != (RULES,):
        # A rule book is its writers' own, who are traders; all else is how the engine is set up.
        need(call.role, "operator", "reload", call.actor)
    _ask(call, kinds)


def reload_rules(call: SessionCall) -> None:
    """Ask for the rule book alone, as `reload` of this one kind does."""
    _ask(call, (RULES,))


def _ask(call: SessionCall, kinds: tuple[str, ...]) -> None:
    call.draft.turn.effects.append(ReadFiles(call.ref, kinds, call.actor, call.reason))


def log_level(call: SessionCall) -> dict[str, Any]:
    """Have the log tell more, or less, until the process ends; secrets stay masked at every level."""
    level: str = call.given["level"]
    desk = call.draft.desk
    desk.record(e.LogLevelSet(desk.now_ns, level, call.by, call.reason))
    call.draft.turn.effects.append(SetLogLevel(level))
    return {"level": level}
