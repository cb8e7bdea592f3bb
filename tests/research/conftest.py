"""Every test of the desk runs once per start; those that are slow, or about something else, say `starts`."""

from __future__ import annotations

from desk_start import desk_start

__all__ = ["desk_start"]
