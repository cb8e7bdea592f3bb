"""The journal: what happened, in order, in one SQLite file, chained.

`writer` keeps batches of turns, `reader` gives them back, `records` spells events as JSON, `chain` makes the record
tamper-evident and `recover` checks it and folds it into state.
"""
