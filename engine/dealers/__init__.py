"""Dealers: their profiles, and what each of them did, counted from what `desk.classic_lessons` makes of every event."""
