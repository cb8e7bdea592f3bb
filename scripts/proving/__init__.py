"""The evidence: seven policies in a hundred invented markets that nobody has tuned anything in, run once a version.

The market is `scripts/worlds`, which knows nothing of the engine; policies are played in it by `scripts/judging`. Here
is what is measured beside their costs, the block that a version of the model has, the table with an interval for every
figure, and the sentences that the figures allow: each claim is made by code from an interval, win or lose.

    block       which worlds a version has, who plays in them, and what was kept of them
    measured    what the model expected beside what happened, as sums of one world
    listening   a street that notes who moved its mid
    leaking     what dealers truly leak, beside what was estimated
    playing     one world: all policies, by the same luck; the piece of work that is handed to a process
    figures     a value with its interval, each world one observation
    found       everything that the table shows, from the rows of worlds
    words       the table as text
    report      the same as a page with pictures
    banks       two real banks, day by day: who is better tomorrow
    prints      a real tape of trades: what volume and volatility known before say of a day
    real        figures and words of both
    main        the command line
"""
