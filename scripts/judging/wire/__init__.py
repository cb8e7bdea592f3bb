"""Decision quality through the running program: the daemon as a process, and a street that it reaches over FIX.

What `judging.small` measures through the choice and the statistics alone is done once more by everything that stands
between an order and a number on a screen: sessions, rules, draws, quotes, fills, marks, timers, the batch of leaks. The
street's truth is planted; what came of it is read over the admin socket, as a person or a feed would.

    street     the other side, in a process of its own: dealers, marks and order system of `scripts/paper`
    desk       a folder with a daemon's configuration, and both processes
    heard      events behind a cursor: orders, whom they asked, marks that came due
    measure    the two measurements and their tables

The daemon's clock runs fast, which it refuses unless every session is on loopback. All else is as shipped where a
measurement does not say otherwise.
"""
