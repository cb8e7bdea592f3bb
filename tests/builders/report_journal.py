"""A journal of what a scene lived through, with its rule book and its dealers, as reports read it."""

from __future__ import annotations

from pathlib import Path

from desk_scene import Scene
from kept_journal import keep

from engine.domain import events as e
from engine.journal.batch import RULE_BOOK, TextRow
from engine.rules.source import joined

MADE_NS = 1_796_126_400 * 10**9
"""When reports of tests are made: 2026-12-01 12:00 UTC."""


def _checked(lei: str) -> str:
    """With the check digits of ISO 7064, which scenes go without."""
    digits = "".join(str(int(sign, 36)) for sign in lei[:18])
    return f"{lei[:18]}{98 - int(digits + '00') % 97:02}"


def kept(world: Scene, folder: Path, *extra: e.Event) -> Path:
    """The scene's events behind a start that names its texts."""
    book = world.desk.book
    in_force = (e.TextInForce("rules", book.hash), e.TextInForce("engine", "ee"), e.TextInForce("dealers", "dd"))
    begun = (*world.before, *world.events)
    first = e.EngineStarted(begun[0].at_ns, 5, "ee", "dd", "ss", book.hash, True, in_force)
    dealers = "".join(
        f'[[dealer]]\nid = "{each.id}"\nname = "{each.name}"\nlei = "{_checked(each.lei)}"\n'
        f'session = "{each.session}"\n'
        f"asset_classes = {[str(one) for one in each.asset_classes]}\n"
        for each in world.desk.dealers
    )
    texts = (
        TextRow(RULE_BOOK, book.hash, 1, joined(book.texts)),
        TextRow("engine.toml", "ee", 1, '[engine]\nbase_currency = "USD"\n'),
        TextRow("config/dealers.toml", "dd", 1, dealers),
    )
    path = folder / "journal.db"
    keep((first, *begun, *extra), path, texts=texts)
    return path
