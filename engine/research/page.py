"""One report as one HTML file: it is read in a browser, printed, and handed over without anything beside it.

Owns what a report looks like and how it is written; not what it says. The file holds no script and asks for nothing
from elsewhere (its own Content-Security-Policy forbids it), so it shows the same in ten years. All text is taken as
text: what came from a counterparty cannot become markup.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from engine.errors import ConfigError

FILE_MODE: Final = 0o600
"""A report tells of clients' orders and dealers' prices: its writer alone reads it, until they hand it over."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """Names and what they are, one under the other."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table; `is_number` sets it to the right."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first cell of each names its row. `nothing` stands where there are no rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    nothing: str = "nothing"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of `pictures`: `svg` is markup of our own, `described` says what it shows to who cannot see it."""

    svg: str
    title: str
    described: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """Remarks, each a point of a list."""

    items: Sequence[str]


Block = Paragraph | Definitions | Table | Picture | Notes


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """A report: what it is of, the verdict in its first sentences, then what it rests on.

    `about` stands in the foot: sources, versions, when it was made.
    """

    title: str
    subject: str
    verdict: Sequence[str]
    sections: Sequence[Section]
    about: Sequence[str] = ()


def html(page: Page) -> str:
    """The whole file."""
    first, *more = page.verdict or ("",)
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{text(page.title)}: {text(page.subject)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        "<header>",
        f"<h1>{text(page.title)}</h1>",
        f'<p class="subject">{text(page.subject)}</p>',
        '<div class="verdict">',
        f'<p class="first">{text(first)}</p>',
        *(f"<p>{text(each)}</p>" for each in more),
        "</div>",
        "</header>",
    ]
    figures = 0
    for section in page.sections:
        lines += ["<section>", f"<h2>{text(section.title)}</h2>"]
        for block in section.blocks:
            figures += isinstance(block, Picture)
            lines += _block(block, figures)
        lines.append("</section>")
    if page.about:
        lines += ["<footer>", *(f"<p>{text(each)}</p>" for each in page.about), "</footer>"]
    return "\n".join([*lines, "</main>", "</body>", "</html>", ""])


def text(words: str) -> str:
    """Text as it may stand in markup.

    Signs that cannot stand in a file, or would turn the order of those beside them about, become U+FFFD: what is read
    is what is there.
    """
    return escape(_UNFIT.sub("\ufffd", words))


def refuse_taken(path: Path, replaces: bool) -> None:
    """Raises ConfigError for what cannot be written: said before any work is done.

    Something of that name is there and is not to be replaced, or is a folder; or there is no folder to write it in.
    """
    if path.exists() and not replaces:
        raise ConfigError(f"{path} is there already: name another file, or --force to write over it")
    if path.is_dir():
        raise ConfigError(f"{path}: cannot be written: {os.strerror(errno.EISDIR)}")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: cannot be written: {os.strerror(errno.ENOENT)}")


def save(written: str, path: Path, replaces: bool) -> None:
    """Write a report whole or not at all, for its owner alone.

    Raises ConfigError if something of that name is there and it `replaces` nothing, or the file cannot be written.
    """
    refuse_taken(path, replaces)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
            if replaces:
                part.replace(path)
            else:
                path.hardlink_to(part)  # Unlike a rename it never takes the place of a file.
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already: name another file, or --force to write over it") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


# --- blocks --------------------------------------------------------------------------------------


def _block(block: Block, figure: int) -> Iterator[str]:
    match block:
        case Paragraph(words):
            yield f"<p>{text(words)}</p>"
        case Definitions(rows):
            yield "<dl>"
            yield from (f"<div><dt>{text(name)}</dt><dd>{text(words)}</dd></div>" for name, words in rows)
            yield "</dl>"
        case Table():
            yield from _table(block)
        case Picture():
            yield "<figure>"
            # A screen reader has the title from the drawing itself.
            yield f'<p class="title" aria-hidden="true">{text(block.title)}</p>'
            yield _named(block, f"f{figure}")
            if block.caption:
                yield f"<figcaption>{text(block.caption)}</figcaption>"
            yield "</figure>"
        case Notes(items):
            yield '<ul class="notes">'
            yield from (f"<li>{text(item)}</li>" for item in items)
            yield "</ul>"


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        lead = f"{table.caption}: " if table.caption else ""
        yield f'<p class="nothing">{text(lead + table.nothing)}</p>'
        return
    # It may be wider than a telephone: it is then moved in its own frame, by a finger or by the keys.
    name = table.caption or table.columns[0].title
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{text(name)}">'
    yield "<table>"
    if table.caption:
        yield f"<caption><span>{text(table.caption)}</span></caption>"
    heads = "".join(f'<th scope="col"{_number(each)}>{text(each.title)}</th>' for each in table.columns)
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    first, *others = table.columns
    for row in table.rows:
        head, *cells = row
        told = "".join(
            f"<td{_number(column, cell)}>{_told(column, cell)}</td>" for column, cell in zip(others, cells, strict=True)
        )
        kind = _number(first) or (' class="k"' if len(head) <= _SHORT else "")
        yield f'<tr><th scope="row"{kind}>{text(head)}</th>{told}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def _told(column: Column, cell: str) -> str:
    """A number's interval stays in one piece, if need be on a line of its own."""
    value, bracket, rest = cell.partition(" (")
    if not column.is_number or not bracket:
        return text(cell)
    return f"{text(value)} <span>{text(bracket[1:] + rest)}</span>"


def _number(column: Column, cell: str = "") -> str:
    """Numbers stand to the right; those with an interval may take lines, on a telephone."""
    if not column.is_number:
        return ""
    return ' class="n"' if len(cell) <= _SHORT_NUMBER else ' class="n l"'


def _named(picture: Picture, prefix: str) -> str:
    """The drawing with its name and words for screen readers; its identifiers are its own in the whole page."""
    svg = _IDENTIFIER.sub(lambda found: f"{found[1]}{prefix}-{found[2]}", picture.svg)
    words = (
        f'<title id="{prefix}-title">{text(picture.title)}</title>'
        f'<desc id="{prefix}-desc">{text(picture.described)}</desc>'
    )
    opening, closing, rest = svg.partition(">")
    return f'{opening} role="img" aria-labelledby="{prefix}-title {prefix}-desc"{closing}{words}{rest}'


_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_IDENTIFIER: Final = re.compile(r'(\bid="|href="#|url\(#)([\w-]+)')
_SHORT: Final = 24
"""Characters of a row's name that is not broken."""
_SHORT_NUMBER: Final = 14
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"

# Light on paper and on a screen alike: a figure's colours are chosen against white.
_STYLE: Final = """
:root { color-scheme: light only; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans",
  Arial, sans-serif; overflow-wrap: break-word; -webkit-text-size-adjust: 100%; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid #bbb; }
p { margin: .5rem 0; max-width: 44rem; }
.subject { color: #444; margin: .2rem 0 1rem; }
.verdict { border-left: 4px solid #1f4e79; background: #f3f6f9; padding: .6rem .9rem; max-width: 46rem; }
.verdict p { margin: .3rem 0; }
.verdict .first { font-size: 1.1rem; font-weight: 600; }
dl { margin: .6rem 0; max-width: 46rem; }
dl div { display: grid; grid-template-columns: 12rem 1fr; gap: 0 1rem; padding: .25rem 0;
  border-bottom: 1px solid #e4e4e4; }
dt { color: #444; }
dd { margin: 0; min-width: 0; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 .3rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(44rem, calc(100vw - 2rem)); }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e4e4e4; }
thead th { color: #444; font-weight: 600; border-bottom: 1px solid #888; vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody th.k { white-space: nowrap; }
td.n, th.n { text-align: right; }
td.n, tbody th.n { white-space: nowrap; }
td.l { white-space: normal; }
td.l span { white-space: nowrap; }
td:not(.n) { min-width: 5rem; }
td:not(.n):last-child { min-width: 11rem; }
td.n + td:not(.n), th.n + td:not(.n), th.n + th:not(.n) { padding-left: .7rem; }
figure { margin: 1rem 0; max-width: 40rem; }
figure .title { font-weight: 600; margin: 0 0 .3rem; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { color: #444; font-size: .9rem; margin-top: .3rem; }
.notes { margin: .6rem 0; padding-left: 1.2rem; max-width: 44rem; }
.notes li { margin: .25rem 0; }
.nothing { color: #444; }
footer { margin-top: 2.5rem; padding-top: .6rem; border-top: 1px solid #bbb; color: #444; font-size: .85rem; }
@media (max-width: 40rem) {
  tbody th:not(.k):not(.n) { min-width: 9rem; }
  dl div { grid-template-columns: 1fr; }
  h1 { font-size: 1.4rem; }
}
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-right { content: counter(page) " of " counter(pages);
  font: 8pt sans-serif; color: #444; } }
@media print {
  body { font-size: 10pt; line-height: 1.4; }
  main { max-width: none; padding: 0; }
  .verdict { background: none; }
  .wide { overflow: visible; }
  table { font-size: 8pt; }
  td:not(.n), td:not(.n):last-child { min-width: 0; }
  th, td { padding-right: .5rem; }
  figure { max-width: 13.5cm; }
  h2 { break-after: avoid; }
  figure, tr, dl div, .verdict, li { break-inside: avoid; }
  thead { display: table-header-group; break-after: avoid; }
  caption { break-after: avoid; }
  tbody tr:first-child { break-before: avoid; }
  p { orphans: 3; widows: 3; }
}
"""
