"""What `scripts/bench` measures, one module a measurement. Every figure is set beside a peer of the same run.

    measuring     rounds that alternate, medians, lines       messages      what everybody reads and writes
    peers         who is installed                            client        one FIX client for all acceptors
    decoding      wire to message, validated                  acceptors     ours, its floor, the peers: processes
    encoding      values to wire                              sessions      round trip and throughput
    deciding      one decision of a rule book                 trading_desk  order in to first request out
    choosing      the panel and the sequence of fifty
    recommending  whom to ask, of a thousand dealers          committing    the journal's appends
    waiting       a hundred thousand deadlines                parts         where the time of one order goes
    growing       memory over a million messages              main          the command line and the table

Absolute figures wander with the machine; only ratios of one run mean anything. Garbage collection stays on, as
in the daemon.
"""
