"""What an operator may ask of the process itself: files read again, what the log tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.commands.calls import Command, need
from engine.commands.parameters import Param, choice, names, text
from engine.commands.session_call import SessionCall
from engine.domain import events as e
from engine.turn.effects import ReadFiles, SetLogLevel

RULES: Final = "rules"
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


def reload(call: SessionCall) -> None:
    """Ask for the files; the answer is given once they were looked at."""
    kinds: tuple[str, ...] = tuple(call.given["kinds"] or ())
    if kinds != (RULES,):
        # A rule book is its writers' own, who are traders; all else is how the engine is set up.
        need(call.role, "operator", "reload", call.actor)
    call.draft.turn.effects.append(ReadFiles(call.ref, kinds, call.actor, call.reason))


def log_level(call: SessionCall) -> dict[str, Any]:
    """Have the log tell more, or less, until the process ends; secrets stay masked at every level."""
    level: str = call.given["level"]
    desk = call.draft.desk
    desk.record(e.LogLevelSet(desk.now_ns, level, call.by, call.reason))
    call.draft.turn.effects.append(SetLogLevel(level))
    return {"level": level}


_REASON: Final = Param("reason", text, "why, for the record", required=True)

COMMANDS: Final[Mapping[str, Command[SessionCall]]] = {
    command.name: command
    for command in (
        Command(
            "reload",
            "trader",
            reload,
            "read files again and put them in force together, or say what is wrong; all but rules needs role operator",
            (
                Param(
                    "kinds", names, "of rules, scoring, dealers, limits, people, securities, sessions, tls; default all"
                ),
                _REASON,
            ),
        ),
        Command(
            "log.level",
            "operator",
            log_level,
            "what the log tells until the process ends; DEBUG shows the wire, secrets masked",
            (Param("level", choice(*LEVELS), f"one of {', '.join(LEVELS)}", required=True), _REASON),
        ),
    )
}
