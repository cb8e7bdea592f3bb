"""The journal: what happened, in order, in one SQLite file, chained.

`opening` makes a file or finds where it ended, `writer` keeps batches of turns, `event_codec` spells events as JSON,
`chain` makes the record tamper-evident. `reader` answers the daemon while it runs, `archive` reads whole files,
`recover` checks what it finds and folds it into state. `schema` has the tables, `views` what people look at.
"""
