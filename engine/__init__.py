"""Dynamic dealer selection for illiquid bonds: an asyncio FIX engine. This is the map.

One turn
--------
Everything that happens is a turn: an input arrives, pure code decides, the outcome becomes durable, and only then
does anything leave.

    inputs    bytes, connections, timers, commands, pages read back: each with an Instant (both clocks)
    decide    turn.Machine.decide(input) -> Turn: events, messages, links of sessions, effects; changes nothing
    adopt     the Turn becomes the state: the rows its events have written are taken over, a restart folds the events
    stage     runtime.staging makes rows of it, which join the open batch; memory is now ahead of the disk
    commit    journal.writer: one SQLite transaction a batch, message bytes and every number given out included
    release   after the commit and in turn order: bytes to sockets, requests to dealers first; replies, notices. A
              request is looked at once more (kill switch, its time, its session); what is kept back is "withheld"

`runtime.loop` is the shell that does this. `runtime.release.write_out` is the one place that writes to a FIX socket.

The rooms
---------
    app           `rfqd`: start, housekeeping, the end
    clock         Instant, and the one place that reads a clock
    errors        everything raised on purpose
    masking       which fields are secret, and how they are taken out of text
    logs          one masked line a record

    domain/       vocabulary: bonds, orders, RFQs, quotes, placements, every legal move of them; events; what messages
                  say once they are read, and what is to be said
    fix/          the wire, in six folders of which each knows those before it
      standard/     tags, values, types, and the dictionaries that say what a message may hold
      wire/         framing, the message as a value, encoding and decoding, validation
      session/      one session: logon to logout, numbers, its schedule and its settings; `liveness` has heartbeats and
                    how long a silent peer is borne with, `step` asks for what is missing, `serving` sends again
      flows/        reads what an OMS, a dealer, a market data provider say, and spells what the desk says to them; it
                    decides no value. `dialect` is how values are spelled, and how each wants it otherwise
      sockets/      ports, calls, TLS, who may connect at all
      capture/      messages found in logs: what `rfqctl fix decode` is made of
    market/       the security master, marks and their age, settlement days, bond arithmetic, what a trade cost
    dealers/      who the dealers are, and what each of them did. `stats` counts for the house score, from what
                  `desk.classic_lessons` makes of an event: a number there is a line in `stats.METRICS`, rules filter
                  and rank by it. `estimates` is what the model expects, with errors, of rounds as they were seen;
                  `leak` what asking costs, `failing` what not trading does; an `Outlook` is all of it for one dealer
                  and request
    selection/    whom to ask: candidates, tiers, one entry `choose`, which keeps to limits and protections; the words
                  for what was chosen. `ranking` keeps the order by a weighted sum of measures, `panel` and `sequence`
                  choose by what dealers are worth together, `explore` draws; another arithmetic is a module and a
                  line in `scorers.NAMED`
    rules/        the rule language, from text to plan; which fields and scorers there are is handed in
    desk/         where the cores meet: the state and its indexes, `apply`, the draft of a decision. `decide` is the
                  entry of every message heard, timer due and session up or down, and knows every deadline; `fields` is
                  the list of what rules may name, with kind, meaning and value; `notices` is what watchers get of
                  each event, so what they are to hear is an event first; `axes` takes what dealers advertise;
                  `learning` folds rounds into estimates, `leak_rows` and `costs` the marks that followed them
      past/         rounds that other systems asked: rows of a blotter in, kept as what was seen, and out again
      order/        `intake` (also what holds an order for a person, and an order cancelled, its round with it),
                    `reporting` (what the OMS is told, when and with which values), how an order ends or comes back to
                    its trader; of an OMS no trader is known
      round/        one round: `asking`, from its opening to its end (who is due, what is next); `quotes`, which of
                    them count and which is best; `seen`, what the round comes to for whoever learns from it
      placement/    one acceptance at a dealer: `placing` sends it, `answers` hears of it, `counting` weighs what is
                    said, `booking` books fills, `quarantine` keeps what cannot be, `doubting` asks, `ending` ends it;
                    `trade_reports` hears of trades beside the 8s, `recognising` tells them from those that are booked,
                    `acknowledging` answers them
      gate/         the risk checks before every request and acceptance: what they stop is "blocked"; how much of a
                    bond a protection counts; `credit` holds what feeds deliver of limits against what was dealt
    turn/         decide and adopt: what is kept of each session and waits for it, the handler of every input, numbers,
                  who is let in; the one place that sees fix and desk together
    commands/     what people and programs may ask: one table, from which rfqctl is made too, and its handlers; what an
                  answer holds of orders, rounds and fills is in `as_json`
    journal/      the record of everything, in SQLite: opening (a new file, and which one it continues), schema, chain,
                  writer, readers, audit, views
    runtime/      the shell around the turn: inputs in, commits, effects out; connections, timers, reading back
    boot/         from configuration to a running engine: parts made, the state folded from the journal's file, ports
                  and TLS opened; files read again while it runs
    metrics/      what Prometheus is told: `collector`, which the runtime calls with each turn, commit and write; and
                  the endpoint that serves it
    config/       engine.toml and the files it names, as one typed tree
    history/      files of rounds: another system's blotter, and what an engine saw
    research/     what is made of years of records, aside: never the daemon's. `past` is the way in, to all rounds that
                  journals, files and warehouses tell of
    admin/        the socket of people and programs, and how `rfqctl` shows an answer: `views` lists and status,
                  `order_views` one order, `dealer_views` one dealer; no command is defined here, the table says which
                  view it gets. `record` answers from the journal's file, beside the work: events from a cursor on,
                  executions, what changed of a dealer

Imports point inward
--------------------
    clock, errors and masking know nobody, domain knows them. On domain stand fix, market, dealers and journal, none
    which knows another; selection sees dealers and market. rules knows errors alone. Its plan types, which know nobody,
    are how domain and selection call a mode, a tolerance and what a rule asks for.
    desk takes domain, market, dealers, selection and rules; it sees neither fix nor journal.
    turn sees fix and desk together; commands, runtime and metrics stand on it.
    config knows domain, dealers and market, and the settings of selection. history stands on desk and config, research
    on both and on journal. admin sees config, desk, commands, journal, history, rules and research, never a session or
    a turn; `rfqctl fix decode` and `session messages` alone, where no daemon is, read fix.
    app and boot wire everything.

Cores never touch asyncio, clocks, randomness, sockets, files or SQLite; the shells do: app, clock, logs, boot, runtime,
metrics, admin, history, research, fix.sockets, and what reads files in journal and config. No two modules import each
other, however far round. `tests/test_architecture.py` holds the table and reads the imports.
"""

__version__ = "0.1.0"
