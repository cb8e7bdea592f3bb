"""Rounds that other systems asked: read from rows of text, kept as what was seen, written as rows again."""
