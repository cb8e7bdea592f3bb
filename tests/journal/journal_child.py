"""A writer to be killed: commits batches, reports every commit on stdout, stops dead in the phase it was told."""

from __future__ import annotations

import os
import signal
import sys

from journal_rows import turns_after

from engine.journal.writer import Journal


def main(path: str, durability: str, fatal_phase: str, fatal_batch: int) -> None:
    batch = 0

    def on_phase(phase: str) -> None:
        if phase == fatal_phase and batch == fatal_batch:
            os.kill(os.getpid(), signal.SIGKILL)

    journal = Journal(path, durability, on_phase=on_phase, reserve_bytes=0)  # type: ignore[arg-type]
    while True:
        batch += 1
        journal.commit(turns_after(journal.head, 3, padding=3000))
        journal.anchor(batch)
        os.write(1, f"{journal.head.turn_seq} {journal.head.hash.hex()}\n".encode())  # Released: it must be kept.


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
