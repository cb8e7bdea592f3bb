"""A report as a file: whole, readable by machines, closed against what its text says, never over another one."""

from __future__ import annotations

import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.research.page import Column, Definitions, Notes, Page, Paragraph, Picture, Section, Table, html, save

VOID = {"meta", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Follows every tag; what is left open, or closed by another, is kept as a fault."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._began(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._began(tag, attrs)

    def _began(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    assert not reader.faults
    assert len(reader.ids) == len(set(reader.ids)), "an identifier stands twice"
    return reader


HOSTILE = "<script>alert(1)</script> \"A\" & 'B' \x00\x1b[31m \u202egnp.exe \ud800"
SVG = '<svg viewBox="0 0 9 9"><defs><path id="m1" d="M0 0"/></defs><use href="#m1" clip-path="url(#m1)"/></svg>'


def page(words: str = "word") -> Page:
    return Page(
        title=words,
        subject=words,
        verdict=(words, words),
        sections=(
            Section(
                words,
                (
                    Paragraph(words),
                    Definitions(((words, words),)),
                    Table((Column(words), Column("bp", True)), ((words, "1.2"), (words, "3")), caption=words),
                    Table((Column(words),), (), caption=words, nothing=words),
                    Picture(SVG, words, words, caption=words),
                    Picture(SVG, words, words),
                    Notes((words,)),
                ),
            ),
        ),
        about=(words,),
    )


def test_it_is_well_formed_and_says_what_it_was_given() -> None:
    reader = read(html(page()))
    assert reader.words.count("word") == 21
    assert {"h1", "h2", "dl", "table", "caption", "th", "td", "figure", "svg", "title", "desc", "ul"} <= set(
        reader.tags
    )
    heads = [value for tag, name, value in reader.attributes if tag == "th" and name == "scope"]
    assert heads == ["col", "col", "row", "row"]
    assert ("td", "class", "n") in reader.attributes


def test_text_from_outside_stays_text() -> None:
    written = html(page(HOSTILE))
    reader = read(written)
    assert "script" not in reader.tags
    assert not {sign for sign in "\x00\x1b\u202e\ud800" if sign in written}
    assert written.encode()
    said = "<script>alert(1)</script> \"A\" & 'B' \ufffd\ufffd[31m \ufffdgnp.exe \ufffd"
    assert reader.words.count(said) == 21
    assert ("div", "aria-label", said) in reader.attributes


def test_nothing_is_asked_for_from_elsewhere() -> None:
    reader = read(html(page()))
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(reader.tags)
    assert not [name for _, name, _ in reader.attributes if name in ("src", "srcset", "action") or name[:2] == "on"]
    assert {value[0] for _, name, value in reader.attributes if name == "href"} == {"#"}
    policy = [value for tag, name, value in reader.attributes if tag == "meta" and "default-src" in value]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert "@import" not in html(page())


def test_pictures_have_names_of_their_own() -> None:
    reader = read(html(page()))
    assert {"f1-m1", "f2-m1", "f1-title", "f1-desc", "f2-title", "f2-desc"} == set(reader.ids)
    used = [value for _, name, value in reader.attributes if name in ("href", "clip-path")]
    assert used == ["#f1-m1", "url(#f1-m1)", "#f2-m1", "url(#f2-m1)"]
    assert [value for _, name, value in reader.attributes if name == "aria-labelledby"] == [
        "f1-title f1-desc",
        "f2-title f2-desc",
    ]


def test_a_row_that_does_not_fit_its_table_is_a_mistake() -> None:
    table = Table((Column("a"), Column("b")), (("one",),))
    with pytest.raises(ValueError, match="zip"):
        html(Page("t", "s", ("v",), (Section("x", (table,)),)))


def test_the_same_page_is_the_same_file() -> None:
    assert html(page()) == html(page())


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    save("one", path, replaces=False)
    assert path.read_text() == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_it_takes_no_other_files_place_unasked(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("kept")
    with pytest.raises(ConfigError, match=r"report.html is there already: name another file, or --force"):
        save("new", path, replaces=False)
    assert path.read_text() == "kept"
    save("new", path, replaces=True)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        save("new", tmp_path / "nowhere" / "report.html", replaces=False)
    path = tmp_path / "report.html"
    path.write_text("kept")
    with pytest.raises(UnicodeEncodeError):
        save("\ud800", path, replaces=True)
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]
