"""What is made of years of records: back-tests, calibration, the record of one trade, reports that can be handed over.

It runs in the client's process, on journals opened read-only or on files, and needs the extra `research` (numpy, scipy,
matplotlib, DuckDB, Arrow, Dask). The daemon imports none of it, and nothing here changes what a daemon does: what it
proposes is a file for a person to review.

What stands on what, each group on those above it:

- by itself: `progress`, `words` (numbers as people read them), `bootstrap` (intervals by drawing days again) and
  `normal` (by the normal law), `figures` (the same in words), `page` and `pictures` (one HTML file),
  `code` and `spread` (work over processes or a cluster)
- the record: `past` (all rounds of all sources, in order) from what `sources` were typed, `choices` with their `draws`
  (whom else chance could have asked), `warehouse` (journals as Parquet files, and read again), `retold` (orders with
  all that became of them)
- what was known then: `knowledge` (of dealers, by the model and the classic measures), `simple` (rates and means),
  `facts`, `tape_copy`, `in_force` and `moments` (the whole desk, wherever a rule book was asked)
- were estimates right: `walk`, `scores`, `calibrating`, `impact`, then `proposal`, `calibration_page`; of many desks
  `warehouse.scoring`; `support` (what a history is enough for)
- other policies: `contenders` (policies by name), `outcomes` (what a panel costs in a round), `off_policy` (the
  estimators), `gathering` (all rounds decided again), `valuing`, `backtest`, then `value_words`, `value_page`
- other rule books: `book_files`, `two_books`, `rule_books`
- reports of a journal: `order_story`, `chronicle`, `order_costs`, `best_price`, `dealer_days`, then `order_report`,
  `period_report`, `scorecard`; `reports` reads the file and makes each
"""
