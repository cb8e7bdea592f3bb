"""What people and programs ask over the admin socket, carried out as the table says: one way in for all of it.

A command that only looks records nothing. One that changes something records who did it and, where the desk wants
one, why. Every mistake is a CommandError whose text says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from engine.commands.desk_call import Call, SessionsView, need
from engine.commands.parameters import did_you_mean, read
from engine.commands.session_call import SessionCall
from engine.commands.table import COMMANDS, By, Command
from engine.desk.draft import Draft
from engine.errors import CommandError
from engine.turn.draft import TurnDraft
from engine.turn.inputs import CommandGiven

Answer = dict[str, Any] | None
"""Ready for JSON; None if a later turn has it."""


class Answering:
    """What the machine hands commands to."""

    def run(self, draft: TurnDraft, given: CommandGiven) -> Answer:
        """Carry one command out on the draft.

        Raises CommandError, nothing of it stays: code `unknown_command`, `role`, `params`, `unknown` (no such order,
        dealer, bond, session), `state` (not while things stand as they do), `protection`, `risk`, or `refused`.
        """
        command, values = understood(given.name, given.params, given.actor, given.role)
        if command.by is By.desk:
            desk = Call(given.name, draft.desk, values, given.actor, given.role, draft.standing)
            return HANDLERS[command.name](desk)
        call = SessionCall(draft, values, given.actor, given.role, given.traffic, given.ref)
        return HANDLERS[command.name](call)


def run_on_desk(
    draft: Draft, name: str, params: Mapping[str, Any], actor: str, role: str, sessions: SessionsView
) -> Answer:
    """Carry one of the desk's own commands out where there is no turn around the desk. Raises CommandError."""
    command, values = understood(name, params, actor, role)
    assert command.by is By.desk, name
    return HANDLERS[name](Call(name, draft, values, actor, role, sessions))


def understood(name: str, params: Mapping[str, Any], actor: str, role: str) -> tuple[Command, dict[str, Any]]:
    """The command that is meant and the values of its parameters, if this person may give it. Raises CommandError."""
    command = COMMANDS.get(name)
    if command is None:
        near = did_you_mean(name, COMMANDS) or f": known are {', '.join(COMMANDS)}"
        raise CommandError(f"no command '{name}'{near}", code="unknown_command")
    need(role, command.role, name, actor)
    return command, read(name, command.params, params)


def listed(call: Call) -> dict[str, Any]:
    """Every command with its parameters."""
    return {
        "commands": [
            {
                "name": command.name,
                "role": command.role,
                "doc": command.doc,
                "params": [
                    {"name": param.name, "required": param.required, "doc": param.doc} for param in command.params
                ],
            }
            for command in COMMANDS.values()
        ]
    }


def _handler(command: Command) -> Callable[[Any], Answer]:
    module, _, function = command.carried_out.partition(".")
    if module == "answering":
        return listed
    handler: Callable[[Any], Answer] = getattr(import_module(f"engine.commands.{module}"), function)
    return handler


HANDLERS: Final[Mapping[str, Callable[[Any], Answer]]] = {
    command.name: _handler(command) for command in COMMANDS.values() if command.by is not By.record
}
"""By command: found when the daemon starts, so that a name that is none is noticed then."""
