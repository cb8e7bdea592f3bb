"""`rfqctl warehouse ...`: journals as files for tools that count columns."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import orjson

from engine.admin.extra import research

FOLDER: Final = "warehouse"
"""Beside the journal, where no other one is named."""


def export_journals(given: argparse.Namespace, journals: list[Path]) -> int:
    """Each journal from where the last export ended; one line each."""
    export = research("warehouse.export")
    progress = research("progress").progress_line(sys.stderr, "events")
    folder: Path = given.out if given.out is not None else journals[0].with_name(FOLDER)
    done = export.export(journals, folder, given.desk, progress)
    if given.json:
        told = [
            {
                "journal": str(each.journal),
                "desk": each.desk,
                "begun_at": each.begun_at,
                "upto": each.upto,
                "files": each.files,
                "rows": dict(sorted(each.rows.items())),
            }
            for each in done
        ]
        print(orjson.dumps({"folder": str(folder), "journals": told}, option=orjson.OPT_INDENT_2).decode())
        return 0
    for each in done:
        if each.upto == each.begun_at:
            print(f"{each.journal}: nothing new since event {each.upto:,}, desk {each.desk}")
            continue
        print(
            f"{each.journal}: events {each.begun_at + 1:,} to {each.upto:,} of desk {each.desk}, "
            f"{each.rows.total():,} rows, {each.files:,} files written in {folder}"
        )
        print("  " + ", ".join(f"{count:,} {name}" for name, count in sorted(each.rows.items())))
    return 0
