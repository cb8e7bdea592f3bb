"""Dealers: their profiles, and what each of them did, counted from what `desk.apply` teaches of every event."""
