"""Files that were read anew, put in the place of what was in force: all together between two turns, or none of them.

Files are the shell's to read, so a reload takes two turns: the command's asks for them (`ReadFiles`), and what came of
them is an input. What is open may speak against it. If nothing does, it is recorded, taken up as this turn is adopted,
and the shell exchanges its own share once the turn is durable (`Settled`). Connections that are up go on, but for
sessions that were taken away: they are logged out.
"""

from __future__ import annotations

from typing import Any, Final

from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.fix.session import protocol
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.settings import SessionSettings
from engine.turn import steps
from engine.turn.draft import TurnDraft
from engine.turn.inputs import FilesRead
from engine.turn.outcome import Change, Reply, Settled
from engine.turn.tls_files import described

TLS: Final = "tls"
IDENTITY: Final = (
    "begin_string",
    "sender_comp_id",
    "sender_sub_id",
    "sender_location_id",
    "target_comp_id",
    "target_sub_id",
    "target_location_id",
    "role",
    "initiator",
    "appl_ver_id",
)
"""What a session is known by: it does not change while it is connected."""


def on_files_read(draft: TurnDraft, given: FilesRead) -> None:
    """Take up what was read, or say what is wrong with it and leave everything as it was."""
    turn, change = draft.turn, given.change
    turn.actor, turn.ref = given.actor, ",".join(given.kinds)
    if draft.refused is not None:
        text = f"reload: {type(draft.refused).__name__}: {draft.refused}"
        draft.standing.application.refuse(draft.desk, "command", text, draft.refused, None)
        turn.effects.append(Settled(given.kinds, None))
        turn.effects.append(Reply(given.ref, error=f"this command could not be handled: {text}", code="bug"))
        return
    problems = given.problems if change is None else tuple(_objections(draft, change))
    if change is None or problems:
        what = "TLS goes on with what it has" if given.kinds == (TLS,) else "everything goes on as it was"
        text = f"nothing was taken up, {what}: {'; '.join(problems)}"
        code = TLS if given.kinds == (TLS,) else "reload"
        refused = e.ReloadRefused(draft.desk.now_ns, given.kinds, tuple(problems), f"person:{given.actor}")
        draft.desk.record(refused)
        turn.effects.append(Settled(given.kinds, None, problems))
        turn.effects.append(Reply(given.ref, error=text, code=code))
        return
    turn.effects.append(Settled(given.kinds, change.keep, warnings=change.warnings))
    _record(draft, given, change)
    for key in _gone(draft, change):
        if draft.state(key).phase is not Phase.DISCONNECTED:
            ending = Ending(DisconnectReason.OPERATOR_LOGOUT, given.reason, f"person:{given.actor}")
            steps.take(draft, key, protocol.logout(draft.settings(key), draft.state(key), ending, draft.now))
    for key, settings in (change.settings or {}).items():
        before = draft.standing.settings.get(key)
        if settings.schedule is not None or (before is not None and before.schedule is not None):
            draft.touch(Timer(TimerKind.schedule, key))
    turn.change = change


def _record(draft: TurnDraft, given: FilesRead, change: Change) -> None:
    desk, turn, standing = draft.desk, draft.turn, draft.standing
    by = f"person:{given.actor}"
    desk.record(e.Reloaded(desk.now_ns, given.kinds, change.in_force, by, given.reason, tuple(change.changed)))
    for kind in given.kinds:
        scope = standing.application.file_switch(kind)
        if scope is not None:
            desk.record(e.KillSwitched(desk.now_ns, scope, False, by, given.reason))
    standing.application.files_taken(desk, given.kinds)
    reply: dict[str, Any] = {
        "kinds": list(given.kinds),
        "changed": list(change.changed),
        "warnings": list(change.warnings),
    }
    if TLS in given.kinds:
        before = {file.key: file.digest for file in standing.tls_files}
        files = change.tls_files
        used = tuple(e.TlsFileUsed(each.key, each.subject, each.sha256, each.digest, each.ends_s) for each in files)
        changed = [file.key for file in files if before.get(file.key) != file.digest]
        desk.record(e.TlsReloaded(desk.now_ns, used, by, given.reason, tuple(changed)))
        reply["files"] = [{**described(file, draft.now.utc_ns), "changed": file.key in changed} for file in files]
    if change.settings is not None:
        reply["sessions_added"] = [key for key in change.settings if key not in standing.known()]
        reply["sessions_gone"] = _gone(draft, change)
    turn.effects.append(Reply(given.ref, result=reply))


# --- what speaks against it ------------------------------------------------------------------------


def _gone(draft: TurnDraft, change: Change) -> list[str]:
    return [] if change.settings is None else [key for key in draft.standing.known() if key not in change.settings]


def _objections(draft: TurnDraft, change: Change) -> list[str]:
    """What is open and would be lost, as lines."""
    standing, gone = draft.standing, _gone(draft, change)
    problems = standing.application.objections(change, gone)
    for key in gone:
        link = standing.links[key]
        if link.waiting:
            problems.append(
                f"sessions: {key} is gone, and {len(link.waiting)} message(s) wait for it: let it log on first"
            )
        elif link.last_report is not None and not link.proven(link.state.epoch, link.last_report):
            text = f"sessions: {key} is gone, and has not confirmed the last reports it was sent"
            problems.append(f"{text}: `rfqctl session test-request {key}` while it is logged on")
    for key, after in (change.settings or {}).items():
        before = standing.settings.get(key)
        if before is None or standing.state(key).phase is Phase.DISCONNECTED:
            continue
        if different := _differing(before, after):
            text = f"sessions: {key} is connected, and {', '.join(different)} would be another"
            problems.append(f"{text}: `rfqctl session disable {key}` first")
    return problems


def _differing(before: SessionSettings, after: SessionSettings) -> list[str]:
    return [name for name in IDENTITY if getattr(before, name) != getattr(after, name)]
