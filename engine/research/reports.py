"""The reports of a journal: each reads the file and makes a page. `rfqctl` writes it.

A journal is read as of one moment and never changed; no daemon is needed, and none is disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine import __version__
from engine.errors import ConfigError
from engine.journal.archive import ReadOnly
from engine.research import words
from engine.research.order_report import order_page, story_of
from engine.research.page import Page
from engine.research.progress import Progress, silent
from engine.research.retold import Retold, Texts, retell


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
