"""Certificates, keys and lists that were read anew: taken up all together, or not at all.

Files are the shell's to read, so a reload takes two turns: the command's asks for them (`ReadTlsFiles`), and what was
found comes back as an input. Only if all of it can be used it replaces what was there, is recorded, and is used for
handshakes from then on. Connections that are up are not touched, whatever they were made with.
"""

from __future__ import annotations

from typing import Any

from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.domain import events as e
from engine.fix.session.certificates import TlsFile
from engine.turn.draft import TurnDraft
from engine.turn.effects import Reply, TakeUpTls
from engine.turn.inputs import TlsFilesRead
from engine.turn.outcome import Secured


def on_files_read(draft: TurnDraft, given: TlsFilesRead) -> None:
    """Take up what was read, or say what is wrong with it and leave everything as it was."""
    turn, standing = draft.turn, draft.standing
    turn.actor = given.actor
    if draft.refused is not None:
        text = f"tls.reload: {type(draft.refused).__name__}: {draft.refused}"
        standing.application.refuse(draft.desk, "command", text, draft.refused, None)
        turn.effects.append(Reply(given.ref, error=f"this command could not be handled: {text}", code="bug"))
        return
    if given.problems:
        words = "; ".join(given.problems)
        text = f"nothing was taken up, TLS goes on with what it has: {words}"
        turn.effects.append(Reply(given.ref, error=text, code="tls"))
        return
    before = {file.key: file.digest for file in standing.tls_files}
    used = tuple(e.TlsFileUsed(each.key, each.subject, each.sha256, each.digest, each.ends_s) for each in given.files)
    desk = draft.desk
    desk.record(e.TlsReloaded(desk.now_ns, used, f"person:{given.actor}", given.reason))
    changed = [file.key for file in given.files if before.get(file.key) != file.digest]
    desk.notify("tls", state="reloaded", changed=changed, actor=given.actor, reason=given.reason)
    turn.secured = Secured(given.files, given.pins)
    turn.effects.append(TakeUpTls(given.secured))
    rows = [{**described(file, draft.now.utc_ns), "changed": file.key in changed} for file in given.files]
    turn.effects.append(Reply(given.ref, result={"files": rows}))


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
