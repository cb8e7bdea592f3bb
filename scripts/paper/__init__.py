"""The paper market: dealers, an order system, a drop copy reader and a price provider, each its own process.

They speak FIX 4.4 through `simplefix` and share no code with the engine, so that a mistake made twice
is not taken for agreement. Every party keeps its own durable record (`store`), and `reconcile` reads
those records alone: it never asks the engine what happened.

    clock     scaled time, agreed without talking          prices       a fair price per bond and moment
    wire      frames checked, messages read and written    dealer       quotes by its style, orders taken
    store     numbers, messages and facts, fsynced         execution    last look, fills, what is taken back
    session   one FIX session, initiator or acceptor       oms          orders out, reports and copies in
    party     turns: commit first, then speak              market_data  snapshots and updates
    main      the command line; `market` starts it all     reconcile    what the stores say happened
"""
