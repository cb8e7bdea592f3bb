"""Every command that is answered over the admin socket, carried out on a turn: the desk's own, and those beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.commands import desk_commands, process_commands, session_commands, tls_commands
from engine.commands.calls import Command, need
from engine.commands.parameters import read
from engine.commands.session_call import SessionCall
from engine.turn.draft import TurnDraft
from engine.turn.inputs import CommandGiven

BESIDE_THE_DESK: Final[Mapping[str, Command[SessionCall]]] = {
    **session_commands.COMMANDS,
    **tls_commands.COMMANDS,
    **process_commands.COMMANDS,
}
"""What may be asked of sessions and of TLS."""


class AllCommands:
    """What the machine hands commands to."""

    def run(self, draft: TurnDraft, given: CommandGiven) -> dict[str, Any] | None:
        """Carry one command out on the draft; the answer, ready for JSON, or None if a later turn has it.

        Raises CommandError: nothing of it stays.
        """
        command = BESIDE_THE_DESK.get(given.name)
        if command is None:
            return desk_commands.run(
                draft.desk, given.name, given.params, given.actor, given.role, draft.standing, BESIDE_THE_DESK
            )
        need(given.role, command.role, given.name, given.actor)
        values = read(given.name, command.params, given.params)
        return command.handler(SessionCall(draft, values, given.actor, given.role, given.traffic, given.ref))
