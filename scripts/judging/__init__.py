"""Policies judged by playing them in invented markets, and small worlds in which the answer is known.

The worlds (`scripts/worlds`) know nothing of the engine; here both meet. Policies are asked what to do with what a desk
can know, are told what a desk sees, and the engine's own policies go through `selection.choose` alone.

    sight       what a desk sees of a round, as the engine's own values
    policies    whom to ask: by chance, by an old list, by the truth, by the engine
    trading     one policy in one world from the first round to the last, and what it cost
    table       worlds and policies together: means, and intervals by world
    small       the measurements of decision quality, each with its bar
    wire        two of them through the running daemon, over FIX
    main        the command line
"""
