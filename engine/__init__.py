"""Dynamic dealer selection for illiquid bonds: an asyncio FIX engine. This is the map.

One turn
--------
Everything that happens is a turn: an input arrives, pure code decides, the outcome becomes durable, and only then
does anything leave.

    inputs    bytes, connections, timers, commands, pages read back: each with an Instant (both clocks)
    decide    turn.Machine.decide(input) -> Turn: events, messages, session states, effects; changes nothing
    adopt     the Turn becomes the state; its events go through desk.apply, the same live and on restart
    stage     recording makes rows of it, which join the open batch; memory is now ahead of the disk
    commit    journal.writer: one SQLite transaction a batch, message bytes and every number given out included
    release   after the commit and in turn order: bytes to sockets, replies, notices

`runtime` is the shell that does this. `release.write_out` is the one place that writes to a FIX socket.

The parts
---------
    app           `rfqd`: start, housekeeping, the end
    securing      the files of TLS as contexts and pins, at the start and when they were renewed
    connecting    ports and initiators
    assembly      from configuration to the parts below
    sessions      a [[session]] table as what the session layer is told, and its dictionary
    runtime       inputs in, commits, and what waits or pauses while a disk is slow
    hub           the open FIX connections, and what is heard of them
    alarms        when each session, order and RFQ is looked at again; a timeout task per open RFQ
    timers        one heap of deadlines
    readback      what a turn wants of the journal, for a later turn: pages of a resend, undelivered reports
    release       effects out, once they are durable; who waits for replies and notices
    entropy       random bytes for inputs
    memory        what the garbage collector is told
    turn          decide and adopt; who is let in, numbers, refusals, commands about sessions
    trading       the desk as the application of the turn
    recording     a turn as the journal's rows
    recovery      a journal taken over: the state is the fold of its events
    metrics       what Prometheus is told; `session_levels` of sessions, `tally` counts, `metrics_endpoint` serves
    logs          one masked line a record
    masking       which fields are secret, and how they are taken out of text
    clock         Instant, and the one place that reads a clock
    errors        everything raised on purpose

    domain/       vocabulary: instruments, orders, RFQs, quotes, placements, events, what is heard and said
    fix/          the wire: framing, messages, dictionaries, validation, sessions, dialects, flows
    orders/       what may become of an order
    rfq/          what may become of a round of asking; which quotes count
    dealers/      who they are, what they did, what they are ranked by
    rules/        the rule language, from text to plan; knows nothing of the rest
    analytics/    marks, the cost of a trade, bond arithmetic
    reference/    the security master, holdings files, settlement days
    desk/         where the cores meet: intake, recommendation, gate, asking, execution, reports, commands, `apply`
    journal/      the SQLite record: schema, chain, writer, readers, audit, views
    config/       engine.toml and the files it names, as one typed tree
    admin/        the socket of people and programs, and `rfqctl`

Imports point inward
--------------------
    clock, errors and masking know nobody, domain knows them. On domain stand fix, orders, rfq, dealers, analytics,
    reference and journal, none of which knows another. rules knows errors alone.
    desk takes orders, rfq, dealers, rules, analytics and reference; it sees neither fix nor journal.
    turn sees fix and desk together; trading, recording, recovery and metrics stand on it.
    config knows domain, dealers and reference. admin sees config, desk, journal and rules, never a session or a turn;
    `rfqctl fix decode` alone, where no daemon is, sees the codec and the dictionaries of fix.
    alarms, hub, readback and release are parts of runtime.
    app, securing, connecting, runtime, sessions and assembly wire everything.

Cores never touch asyncio, clocks, randomness, sockets, files or SQLite; shells do. `tests/test_architecture.py` holds
both tables and reads the imports.
"""
