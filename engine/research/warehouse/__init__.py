"""Journals of many desks and years as Parquet files, for tools that count columns; and read again as rounds.

`tables` says what there is, `rows` makes rows of events, `parts` keeps them in files, `export` drives these over a
journal from where the last run ended, `reading` gives back the rounds that a journal tells of.
"""
