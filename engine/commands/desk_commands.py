"""What people and programs may ask of the desk over the admin socket: one table, one entry point.

A command that only looks records nothing. One that changes something records who did it and, where the desk wants
one, why. Every mistake is a CommandError whose text says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from engine.commands import control, enquiries
from engine.commands import trading as trading_commands
from engine.commands.calls import Call, Command, SessionsView
from engine.commands.parameters import did_you_mean, read
from engine.desk.draft import Draft
from engine.errors import CommandError


def run(
    draft: Draft,
    given_name: str,
    params: Mapping[str, Any],
    actor: str,
    role: str,
    sessions: SessionsView,
    beside: Mapping[str, Command[Any]] = MappingProxyType({}),
) -> dict[str, Any] | None:
    """Carry one command out on the draft; the answer, ready for JSON. `beside` are those that are not the desk's.

    Raises CommandError: code `unknown_command`, `role`, `params`, `unknown` (no such order, dealer, bond), `state` (not
    while things stand as they do), `protection`, `risk`, or `refused`.
    """
    command = COMMANDS.get(given_name)
    if command is None:
        known = {**COMMANDS, **beside}
        near = did_you_mean(given_name, known) or f": known are {', '.join(known)}"
        raise CommandError(f"no command '{given_name}'{near}", code="unknown_command")
    call = Call(given_name, draft, {}, actor, role, sessions, beside)
    call.need(command.role, given_name)
    given = read(given_name, command.params, params)
    return command.handler(Call(given_name, draft, given, actor, role, sessions, beside))


def _help(call: Call) -> dict[str, Any]:
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
            for command in (*COMMANDS.values(), *call.beside.values())
        ]
    }


COMMANDS: Final[dict[str, Command[Call]]] = {
    command.name: command
    for command in (
        *enquiries.COMMANDS,
        *trading_commands.COMMANDS,
        *control.COMMANDS,
        Command("help", "viewer", _help, "every command with its parameters"),
    )
}
