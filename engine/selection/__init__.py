"""Whom to ask: who may be, the scores that dealers are ranked by, their order kept current, the choice, its words."""
