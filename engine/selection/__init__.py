"""Whom to ask: the scores that dealers are ranked by, their order kept current, and what a tier is."""
