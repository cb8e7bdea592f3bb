"""The reports of a journal: each reads the file and makes a page. `rfqctl` writes it.

A journal is read as of one moment and never changed; no daemon is needed, and none is disturbed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from engine import __version__
from engine.clock import NS_PER_DAY
from engine.domain import events as e
from engine.domain.leak import LeakTable
from engine.errors import ConfigError
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec
from engine.market.calendars import day_number, utc_date
from engine.research import words
from engine.research.dealer_days import DealerDays
from engine.research.order_report import order_page
from engine.research.order_story import story_of
from engine.research.page import Page
from engine.research.past import Past, Source
from engine.research.period_report import Period, lines_of, period_page
from engine.research.progress import Progress, silent
from engine.research.retold import Retold, Texts, retell
from engine.research.scorecard import Asked, scorecard_page

USUAL_DAYS: Final = 90
"""What a report is of where nobody says: so many days, up to the last event of the journal."""


def of_order(journal: Path, name: str, made_ns: int, progress: Progress = silent) -> Page:
    """Best execution of the order that is called `O-000012`, `12`, or by its ClOrdID(11).

    Raises JournalError where the file cannot be read, ConfigError where it has no such order.
    """
    with ReadOnly(journal) as file:
        order_id = f"O-{int(name):06d}" if name.isascii() and name.isdigit() else name.upper()
        found = retell(file, lambda order: order.order_id == order_id, order_id, progress)
        if order_id not in found.events:
            order_id = _called(file, name)
            found = retell(file, lambda order: order.order_id == order_id, order_id)
        return order_page(story_of(found, order_id), Texts(file), _about(file, found, made_ns))


def of_period(journal: Path, begin: date | None, end: date | None, made_ns: int, progress: Progress = silent) -> Page:
    """Best execution of the orders that came in on these UTC days, both included.

    Raises JournalError where the file cannot be read, ConfigError where there are more than `retold.ORDERS_MAX`.
    """
    with ReadOnly(journal) as file:
        first, last = span_of(begin, end, _last_ns(file))
        since, until = _ns(first), _ns(last) + NS_PER_DAY
        found = retell(file, lambda order: since <= order.at_ns < until, progress=progress)
        refused = file.query(
            "SELECT json_extract(body, '$.reason') FROM events"
            " WHERE type = 'OrderRefused' AND utc_ns >= ? AND utc_ns < ?",
            (since, until),
        )
        reasons = Counter(str(reason) for (reason,) in refused)
        period = Period(first, last, Texts(file).base_currency, reasons)
        return period_page(period, lines_of(found), _about(file, found, made_ns))


def of_dealer(
    journal: Path,
    dealer: str,
    begin: date | None,
    end: date | None,
    made_ns: int,
    progress: Progress = silent,
) -> Page:
    """The scorecard of a dealer, to be shown to it: requests of these UTC days, both included.

    Raises JournalError where the file cannot be read, ConfigError for a dealer that it does not know.
    """
    with ReadOnly(journal) as file:
        texts, last_ns = Texts(file), _last_ns(file)
        first, last = span_of(begin, end, last_ns)
        leaks = _leaks(file, last)
    days = DealerDays()
    with Past() as past:
        [told] = past.read([Source(journal)], progress)
        days.take(past.rounds(_ns(first), _ns(last) + NS_PER_DAY), told.desk)
    if dealer not in days.asks and dealer not in texts.dealers:
        known = ", ".join(sorted({*days.asks, *texts.dealers})) or "none"
        raise ConfigError(f"{journal}: no dealer '{dealer}' in this time: known are {known}")
    asked = Asked(dealer, texts.dealers.get(dealer, dealer), first, last)
    about = (
        f"Made {words.moment(made_ns)} of what our desk has on record until {words.moment(last_ns)}.",
        "Days and times are UTC.",
    )
    return scorecard_page(asked, days, leaks, about)


def span_of(begin: date | None, end: date | None, last_ns: int) -> tuple[date, date]:
    """First and last day. Raises ConfigError where they are the wrong way about."""
    last = end if end is not None else utc_date(last_ns)
    first = begin if begin is not None else last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise ConfigError(f"the first day, {first}, is after the last, {last}")
    return first, last


def _ns(day: date) -> int:
    return day_number(day) * NS_PER_DAY


def _last_ns(file: ReadOnly) -> int:
    rows = file.query("SELECT utc_ns FROM events ORDER BY seq DESC LIMIT 1")
    return int(rows[0][0]) if rows else 0


def _leaks(file: ReadOnly, last: date) -> LeakTable | None:
    """What the last batch of these days found."""
    rows = file.query(
        "SELECT version, body FROM events WHERE type = 'LeakSolved' AND utc_ns < ? ORDER BY seq DESC LIMIT 1",
        (_ns(last) + NS_PER_DAY,),
    )
    if not rows:
        return None
    version, body = rows[0]
    event = events_codec().decode("LeakSolved", version, body)
    assert isinstance(event, e.LeakSolved)
    return event.table


def _called(file: ReadOnly, name: str) -> str:
    """The last order of this ClOrdID(11)."""
    rows = file.query(
        "SELECT json_extract(body, '$.order_id') FROM events WHERE type = 'OrderReceived'"
        " AND json_extract(body, '$.terms.cl_ord_id') = ? ORDER BY seq DESC LIMIT 1",
        (name,),
    )
    if rows:
        return str(rows[0][0])
    refused = file.query(
        "SELECT json_extract(body, '$.reason') FROM events WHERE type = 'OrderRefused'"
        " AND json_extract(body, '$.cl_ord_id') = ? ORDER BY seq DESC LIMIT 1",
        (name,),
    )
    if refused:
        raise ConfigError(f"{name} never became an order: it was refused ({refused[0][0]})")
    raise ConfigError(f"{file.path}: no order {name}: `rfqctl orders --state all` lists them")


def _about(file: ReadOnly, found: Retold, made_ns: int) -> Sequence[str]:
    """Of which record it was made, so that anybody can make it again."""
    head = file.head()
    return (
        f"Made {words.moment(made_ns)} by rfq-engine {__version__} from the journal {file.path.name} "
        f"({file.meta['journal_id']}) alone, as of event {head.event_seq:,} of {words.moment(found.last_ns)}.",
        f"The head of its chain then: {head.hash.hex()}. "
        "`rfqctl audit verify` tells whether the record is what was written.",
        "All times are UTC. Prices are clean, in percent of par; quantities are face amounts.",
    )
