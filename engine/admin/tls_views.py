"""Certificates and revocation lists as people read them: which are in use, when each ends, what has changed."""

from __future__ import annotations

from typing import Final

from engine.admin.tables import Cell, Column, Paper, table
from engine.admin.views import Answer, Lines
from engine.masking import one_line

SOON_DAYS: Final = 30
URGENT_DAYS: Final = 7


def show(paper: Paper, answer: Answer) -> Lines:
    if not answer["files"] and not answer["peers"]:
        return ["no file of certificates is configured, and nobody is connected over TLS with one"]
    lines = list(_files(paper, answer["files"]))
    if answer["peers"]:
        rows = [
            (each["session"], until(each) if each["ends"] else "not known", each["sha256"]) for each in answer["peers"]
        ]
        lines += ["", *table(paper, [Column("peer now"), Column("ends"), Column("certificate's SHA-256")], rows)]
    return lines


def reloaded(paper: Paper, answer: Answer) -> Lines:
    changed = [each for each in answer["files"] if each["changed"]]
    if not changed:
        return ["read again: nothing in them has changed", *_files(paper, answer["files"])]
    what = f"taken up, {len(changed)} of {len(answer['files'])} file(s) changed"
    return [
        paper.styled(what, "green") + ": new connections use them, those that are up go on as they are",
        *_files(paper, answer["files"]),
    ]


def _files(paper: Paper, files: list[Answer]) -> Lines:
    if not files:
        return ["no file of certificates is configured"]
    columns = [Column("file"), Column("of"), Column("ends"), Column("SHA-256"), Column("")]
    rows = [
        (
            each["key"],
            one_line(each["subject"]) + (f" and {each['count'] - 1} more" if each["count"] > 1 else ""),
            until(each),
            each["sha256"][:16],
            Cell("changed", "green") if each.get("changed") else "",
        )
        for each in files
    ]
    return table(paper, columns, rows)


def until(each: Answer, lead: str = "") -> Cell:
    """`2027-03-01, in 96 days`, the nearer the louder."""
    days = each["days"]
    if days is None:
        return Cell(f"{lead}without an end")
    left = "is over" if days < 0 else f"in {days} days" if days > 1 else f"in {('less than a', 'a')[days]} day"
    when = f"{each['ends'][:10]}, {left}"
    # A revocation list lives for days, not for years.
    soon, urgent = (1, 0) if each.get("kind") == "revocations" else (SOON_DAYS, URGENT_DAYS)
    return Cell(f"{lead}{when}", "red" if days < urgent else "yellow" if days < soon else "")
