"""What is made of years of records: back-tests, calibration, the record of one trade, reports that can be handed over.

It runs in the client's process, on journals opened read-only or on files, and needs the extra `research` (numpy, scipy,
matplotlib, DuckDB, Arrow, Dask). The daemon imports none of it, and nothing here changes what a daemon does: what it
proposes is a file for a person to review.
"""
