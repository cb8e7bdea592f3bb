"""What README promises to be there is there: tests, files, commands, tables of engine.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from engine.admin.cli import main as rfqctl

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_tests_of_the_guarantees_are_the_ones_named() -> None:
    named = set(re.findall(r"^ +(test_guarantee_\w+)$", README, re.MULTILINE))
    written = set(
        re.findall(r"^def (test_guarantee_\w+)", (ROOT / "tests/test_guarantees.py").read_text(), re.MULTILINE)
    )
    assert named == written


def test_every_file_that_is_named_is_there() -> None:
    text = README + CHANGELOG
    found = set(re.findall(r"`((?:engine|config|scripts|tests)/[\w./-]+)", text))
    assert len(found) >= 10
    assert [name for name in sorted(found) if not (ROOT / name.rstrip("./")).exists()] == []


def _commands() -> list[str]:
    table = README[README.index("| rfqctl |") : README.index("Who somebody is")]
    cells = [line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")]
    words = [re.match(r"[a-z -]*[a-z]", code) for cell in cells for code in re.findall(r"`([a-z][^`]*)`", cell)]
    return sorted({re.sub(r" (sell|buy)$| --?[a-z].*$", "", word[0]).strip() for word in words if word is not None})


@pytest.mark.parametrize("command", _commands())
def test_every_command_that_is_named_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        rfqctl([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"rfqctl {command}" in capsys.readouterr().out


def test_every_table_of_the_configuration_is_named_for_operators() -> None:
    tables = tomllib.loads((ROOT / "engine.toml").read_text())
    for name, value in tables.items():
        assert (f"[[{name}]]" if isinstance(value, list) else f"[{name}]") in CHANGELOG
