"""FIX acceptors that answer each NewOrderSingle(D) with one ExecutionReport(8): ours, its floor, and the peers.

Each is a process of its own that prints `port N` and serves until it is terminated. All are ready for one session,
BROKER with TRADER on FIX.4.4, and all answer the same fields.
"""
