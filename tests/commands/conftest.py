"""The desk's commands run once per start with `--full`: the seeded desk takes its time."""

from __future__ import annotations

from desk_start import desk_start

__all__ = ["desk_start"]
