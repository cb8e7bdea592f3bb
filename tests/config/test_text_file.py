"""engine/config/text_file.py: files in other encodings get one kind line, from every reader of the product."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.admin import fix_decode, market_acts, offline, tca_acts
from engine.boot import assembly
from engine.config import ConfigProblems, load
from engine.config.text_file import NotText, open_table, read_text
from engine.errors import ConfigError
from engine.history.files import HistoryFile
from engine.history.mapping import Blotter, read_blotter

TEXT = "name,issuer\nSociété 4.35,Société\n"


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "bonds.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_utf_8_is_read_with_or_without_its_mark(tmp_path: Path, mark: bytes, ends: str) -> None:
    path = written(tmp_path, mark + TEXT.replace("\n", ends).encode())
    assert read_text(path) == TEXT
    with open_table(path) as table:
        assert table.read() == TEXT.replace("\n", ends)


def test_an_empty_file_is_an_empty_text(tmp_path: Path) -> None:
    assert read_text(written(tmp_path, b"")) == ""


@pytest.mark.parametrize(
    ("data", "found", "command"),
    [
        pytest.param(
            TEXT.encode("cp1252"),
            "expected UTF-8, found byte 0xe9 at offset 16, line 2, in 'Société' if it is Windows-1252: ",
            "iconv -f CP1252",
            id="Windows-1252",
        ),
        pytest.param(
            b"\xef\xbb\xbf" + "a\nb €".encode("cp1252"),
            "expected UTF-8, found byte 0x80 at offset 7, line 2, in '€' if it is Windows-1252: ",
            "iconv -f CP1252",
            id="Windows-1252 behind a mark of UTF-8",
        ),
        pytest.param(
            b"a\x81b", "expected UTF-8, found byte 0x81 at offset 1, line 1: ", "iconv -f CP1252", id="not that either"
        ),
        pytest.param(
            TEXT.encode()[:-1] + b"\xc3",
            f"expected UTF-8, found byte 0xc3 at offset {len(TEXT.encode()) - 1}, line 2, in 'SociÃ©tÃ©Ã' if",
            "iconv",
            id="cut off within a letter",
        ),
        pytest.param(
            TEXT.encode("utf-16"),
            "expected UTF-8, found UTF-16 (it begins with the bytes ff fe): ",
            "iconv -f UTF-16 ",
            id="UTF-16",
        ),
        pytest.param(
            b"\xfe\xff" + TEXT.encode("utf-16-be"),
            "expected UTF-8, found UTF-16 (it begins with the bytes fe ff): ",
            "iconv -f UTF-16 ",
            id="UTF-16, the high byte first",
        ),
        pytest.param(
            TEXT.encode("utf-16-le"),
            "expected UTF-8, found UTF-16LE (every other byte is 0x00): ",
            "iconv -f UTF-16LE ",
            id="UTF-16 without a mark",
        ),
        pytest.param(
            TEXT.encode("utf-16-be"),
            "expected UTF-8, found UTF-16BE (every other byte is 0x00): ",
            "iconv -f UTF-16BE ",
            id="UTF-16 without a mark, the high byte first",
        ),
        pytest.param(TEXT.encode("utf-32"), "expected UTF-8, found UTF-32 (it begins", "iconv -f UTF-32 ", id="UTF-32"),
    ],
)
def test_another_encoding_is_named_with_the_way_out(tmp_path: Path, data: bytes, found: str, command: str) -> None:
    path = written(tmp_path, data)
    for read in (read_text, open_table):
        with pytest.raises(NotText) as caught:
            read(path)
        line = str(caught.value)
        assert line.startswith(found)
        assert f"{command}" in line
        assert line.endswith(f"-t UTF-8 {path} > {path}.utf8")
        assert "\n" not in line


def test_a_zero_byte_is_in_no_text(tmp_path: Path) -> None:
    with pytest.raises(NotText, match="found byte 0x00 at offset 12, line 2: no text has it"):
        read_text(written(tmp_path, b"name,issuer\n\x00\n"))


def test_a_name_with_a_space_is_quoted_for_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "my bonds.csv"
    path.write_bytes(b"\xe9")
    with pytest.raises(NotText, match=f"UTF-8 '{path}' > '{path}.utf8'$"):
        read_text(path)


def test_of_a_secret_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotText) as caught:
        read_text(written(tmp_path, "passé\n".encode("cp1252")))
    assert "pass" not in caught.value.without_words.replace(str(tmp_path), "")
    assert "0xe9" not in caught.value.without_words


def _book(path: Path) -> None:
    offline.check_rules([path], None, None)


READERS: list[Callable[[Path], object]] = [
    assembly.security_file,
    _book,
    read_blotter,
    lambda path: list(market_acts._rows(path, market_acts.MARKS)),
    lambda path: list(market_acts._rows(path, market_acts.TRADES)),
    lambda path: HistoryFile(path, Blotter()).look(),
    lambda path: list(tca_acts._rows(path)),
    lambda path: fix_decode.load_shelf([path], None, None),
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: getattr(reader, "__name__", ""))
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
def test_every_reader_says_it_in_one_line(tmp_path: Path, reader: Callable[[Path], object], encoding: str) -> None:
    path = tmp_path / "90-file.rules"
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(ConfigError) as caught:
        reader(path)
    assert str(path) in str(caught.value)
    assert "iconv -f" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_the_configuration_says_it_in_one_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "engine.toml"
    path.write_bytes(f"# {TEXT}".encode(encoding))
    with pytest.raises(ConfigProblems) as caught:
        load(path, {})
    (line,) = caught.value.problems
    assert line.startswith("engine.toml: expected UTF-8, found ")
    assert "iconv -f" in line
