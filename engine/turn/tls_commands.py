"""What an operator may ask of TLS over the admin socket: look at certificates, and have renewed files taken up.

Files are the shell's to read, so a reload takes two turns: the command's asks for them, and what was found comes back
as an input. Only if all of it can be used it replaces what was there, is recorded, and is used for handshakes from
then on. Connections that are up are not touched, whatever they were made with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.commands.calls import Command
from engine.commands.parameters import Param, text
from engine.domain import events as e
from engine.fix.session.certificates import TlsFile
from engine.fix.session.entrance import Origin
from engine.turn.effects import ReadTlsFiles, Reply, TakeUpTls
from engine.turn.session_call import SessionCall

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding
    from engine.turn.inputs import TlsFilesRead
    from engine.turn.machine import Machine


def show(call: SessionCall) -> dict[str, Any]:
    """Every file in use, and what the peers that are connected have shown."""
    machine, now_ns = call.machine, call.turn.now.utc_ns
    return {
        "files": [described(file, now_ns) for file in machine.tls_files],
        "peers": [
            {"session": key, "sha256": origin.certificate, **ending(origin.certificate_ends_s, now_ns)}
            for key, origin in _shown(machine)
        ],
    }


def _shown(machine: Machine) -> list[tuple[str, Origin]]:
    found = []
    for key, state in machine.sessions.items():
        origin = None if state.connection is None else machine.origins.get(state.connection)
        if origin is not None and origin.certificate:
            found.append((key, origin))
    return found


def of_session(machine: Machine, key: str, now_ns: int, *, tls: bool) -> list[dict[str, Any]]:
    """The files that handshakes of one session are made with; `tls`: it is over TLS just now."""
    settings = machine.settings[key]
    wanted = [f"session[{key}]."]
    if not settings.initiator and (tls or settings.tls):
        wanted.append("fix.tls.")
    return [described(file, now_ns) for file in machine.tls_files if file.key.startswith(tuple(wanted))]


def described(file: TlsFile, now_ns: int) -> dict[str, Any]:
    return {
        "key": file.key,
        "path": file.path,
        "kind": str(file.kind),
        "subject": file.subject,
        "sha256": file.sha256,
        "count": file.count,
        **ending(file.ends_s, now_ns),
    }


def ending(ends_s: int | None, now_ns: int) -> dict[str, Any]:
    """When something ends, and in how many whole days: below zero once it is over."""
    if ends_s is None:
        return {"ends": None, "days": None}
    ends_ns = ends_s * NS_PER_S
    return {"ends": iso_timestamp(ends_ns), "days": (ends_ns - now_ns) // NS_PER_DAY}


def reload(call: SessionCall) -> None:
    """Ask for the files; the answer is given once they were looked at."""
    call.turn.out.effects.append(ReadTlsFiles(call.ref, call.actor, call.reason))


def files_read(turn: Deciding, given: TlsFilesRead) -> None:
    """Take up what was read, or say what is wrong with it and leave everything as it was."""
    turn.out.actor = given.actor
    if turn.refused is not None:
        text_ = f"tls.reload: {type(turn.refused).__name__}: {turn.refused}"
        turn.machine.application.refuse(turn.draft(), "command", text_, turn.refused, "")
        turn.out.effects.append(Reply(given.ref, error=f"this command could not be handled: {text_}", code="bug"))
        return
    if given.problems:
        words = "; ".join(given.problems)
        text_ = f"nothing was taken up, TLS goes on with what it has: {words}"
        turn.out.effects.append(Reply(given.ref, error=text_, code="tls"))
        return
    before = {file.key: file.digest for file in turn.machine.tls_files}
    used = tuple(e.TlsFileUsed(each.key, each.subject, each.sha256, each.digest, each.ends_s) for each in given.files)
    by = f"person:{given.actor}"
    draft = turn.draft()
    draft.record(e.TlsReloaded(draft.now_ns, used, by, given.reason))
    changed = [file.key for file in given.files if before.get(file.key) != file.digest]
    draft.notify("tls", state="reloaded", changed=changed, actor=given.actor, reason=given.reason)
    turn.out.tls_files, turn.out.pins = given.files, given.pins
    turn.out.effects.append(TakeUpTls(given.secured))
    rows = [{**described(file, turn.now.utc_ns), "changed": file.key in changed} for file in given.files]
    turn.out.effects.append(Reply(given.ref, result={"files": rows}))


COMMANDS: Final[Mapping[str, Command[SessionCall]]] = {
    command.name: command
    for command in (
        Command("tls.show", "viewer", show, "certificates and revocation lists in use, and when each ends"),
        Command(
            "tls.reload",
            "operator",
            reload,
            "take up renewed certificates, keys, authorities, pins and revocation lists for new connections",
            (Param("reason", text, "why, for the record", required=True),),
        ),
    )
}
