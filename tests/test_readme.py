"""What README and the pages behind it promise to be there is there: tests, files, commands, tables of engine.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from engine.admin.cli import main as rfqctl

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    "README.md",
    "CHANGELOG.md",
    "config/README.md",
    "config/rules/README.md",
    "config/fix/README.md",
    "config/fix/scenarios.md",
    "config/history/README.md",
    "config/warehouse/README.md",
    "config/research/README.md",
    "config/research/reports.md",
    "tests/README.md",
    # Made by programs, one by one as there is something to tell.
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "evidence").glob("*.md")),
)
PAGES = {name: (ROOT / name).read_text() for name in NAMES}


def test_the_tests_of_the_guarantees_are_the_ones_named() -> None:
    named = set(re.findall(r"^ +(test_guarantee_\w+)$", PAGES["tests/README.md"], re.MULTILINE))
    written = set(
        re.findall(r"^def (test_guarantee_\w+)", (ROOT / "tests/test_guarantees.py").read_text(), re.MULTILINE)
    )
    assert named == written


def test_every_page_is_checked() -> None:
    kept = [
        path
        for folder in ("", "config", "tests", "scripts")
        for path in (ROOT / folder).glob("**/*.md" if folder else "*.md")
    ]
    assert {path.relative_to(ROOT).as_posix() for path in kept} == set(NAMES)


@pytest.mark.parametrize("page", NAMES)
def test_every_file_that_is_named_is_there(page: str) -> None:
    found = set(re.findall(r"`((?:engine|config|scripts|tests)/[\w./-]+)", PAGES[page]))
    assert [name for name in sorted(found) if not (ROOT / name.rstrip("./")).exists()] == []


@pytest.mark.parametrize("page", NAMES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert there.exists(), target
        titles = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, (
            target
        )


def test_the_tour_is_short() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 220


def _commands() -> list[str]:
    page = PAGES["config/README.md"]
    begin = page.index("| rfqctl |")
    table = page[begin : page.index("\n\n", begin)]
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
        assert (f"[[{name}]]" if isinstance(value, list) else f"[{name}]") in PAGES["CHANGELOG.md"]
