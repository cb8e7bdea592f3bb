"""Dealers: their profiles, what each of them did, the scores and ranks that follow from it."""
