"""What may be asked over the admin socket besides the desk's own commands: of sessions and of TLS, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.commands.calls import Command, need
from engine.commands.parameters import read
from engine.turn import session_commands, tls_commands
from engine.turn.session_call import SessionCall

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding
    from engine.turn.inputs import CommandGiven

COMMANDS: Final[Mapping[str, Command[SessionCall]]] = {**session_commands.COMMANDS, **tls_commands.COMMANDS}


def run(turn: Deciding, given: CommandGiven) -> dict[str, Any] | None:
    """Carry one command out on the turn; the answer, ready for JSON, or None if a later turn has it.

    Raises CommandError: nothing of it stays.
    """
    command = COMMANDS[given.name]
    need(given.role, command.role, given.name, given.actor)
    values = read(given.name, command.params, given.params)
    return command.handler(SessionCall(turn, values, given.actor, given.unsent_bytes, given.ref))
