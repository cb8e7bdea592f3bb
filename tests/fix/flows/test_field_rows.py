"""The rows of fields are what the flows read, and the page has them.

`python tests/fix/flows/test_field_rows.py --write` puts the tables into the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from engine.errors import EngineError
from engine.fix.flows import field_rows, terms
from engine.fix.flows.naming import AS_NAMED
from engine.fix.flows.translation import Role, hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import FieldView, Group

PAGE: Final = Path(__file__).parents[3] / "config" / "fix" / "README.md"
BEGIN: Final = "<!-- written from engine/fix/flows/field_rows.py -->\n"
END: Final = "<!-- end -->\n"
DICTIONARY: Final = built_in("FIX.4.4")
AT: Final = "20261122-10:15:30.123"
BOND: Final = "48=US1|22=4|454=1|455=US1|456=4"
SEEN: Final = {
    "S": ("dealer", f"117=q|131=r|{BOND}|537=1|132=99|133=101|134=1|135=1|62={AT}"),
    "8": ("dealer", f"17=x|39=2|150=F|11=p|{BOND}|54=1|32=1|31=99|423=6|14=1|151=0|6=99|60={AT}"),
    "AE": ("dealer", f"571=t|570=N|17=x|{BOND}|32=1|31=99|423=6|75=20261122|60={AT}|39=2|552=1|54=1|37=k|11=p|58=x"),
    "Z": ("dealer", "117=q|298=1|131=r|295=1|55=[N/A]|48=US1|22=4"),
    "W": ("market", f"{BOND}|268=2|269=0|270=99|272=20261122|273=10:15:30|269=2|270=99|271=1|278=t"),
}


def read_of(monkeypatch: pytest.MonkeyPatch, msg_type: str, role: Role, text: str) -> set[int]:
    """The tags of the body that the flow looked for in a message."""
    found: set[int] = set()
    get, groups = FieldView.get, FieldView.groups

    def spying(self: FieldView, tag: int) -> str | None:
        found.add(tag)
        return get(self, tag)

    def spying_groups(self: FieldView, count_tag: int) -> tuple[Group, ...]:
        found.add(count_tag)
        return groups(self, count_tag)

    pairs = [(int(tag), value) for tag, _, value in (each.partition("=") for each in text.split("|"))]
    frame = codec.frame(
        begin_string="FIX.4.4", msg_type=msg_type, seq_num=7, sender="PEER", target="BUYSIDE", sending_time=AT,
        body=codec.encode_body(pairs),
    )  # fmt: skip
    message = codec.decode(frame, DICTIONARY)
    with monkeypatch.context() as patched:
        patched.setattr(FieldView, "get", spying)
        patched.setattr(FieldView, "groups", spying_groups)
        try:
            hear(role, message, names=AS_NAMED)
        except EngineError:
            assert "48=" not in text, "only a message without a bond is refused here"
    return found - {34, 97}


@pytest.mark.parametrize("msg_type", SEEN)
def test_the_rows_are_what_is_read(monkeypatch: pytest.MonkeyPatch, msg_type: str) -> None:
    role, text = SEEN[msg_type]
    read = read_of(monkeypatch, msg_type, role, text)  # type: ignore[arg-type]
    # What is read only where something else is missing.
    read |= read_of(
        monkeypatch, msg_type, role, re.sub(r"(\||^)(48|22|454|455|456|423|150)=[^|]*", "", text).strip("|")
    )  # type: ignore[arg-type]
    assert read == {tag for row in field_rows.ROWS[msg_type] for tag in row.tags}


@pytest.mark.parametrize("msg_type", ["D", *field_rows.ROWS])
def test_the_page_has_every_field_of_the_dictionary(msg_type: str) -> None:
    name = DICTIONARY.messages[msg_type].name
    table = PAGE.read_text().split(f"### {name}({msg_type})\n")[1].split("###")[0].split(END)[0]
    told = {
        int(tag)
        for tag in re.findall(r"\b\d+\b", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    }
    assert DICTIONARY.messages[msg_type].section.tags - told == set()


def test_no_field_has_two_rows() -> None:
    for rows in (terms.ROWS, *field_rows.ROWS.values()):
        tags = [tag for row in rows for tag in row.tags]
        assert len(tags) == len(set(tags))


def test_the_page_is_as_the_rows_are() -> None:
    written = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    assert written == field_rows.page(DICTIONARY), "write it anew: see the head of this file"


if __name__ == "__main__" and "--write" in sys.argv:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + field_rows.page(DICTIONARY) + END + rest.partition(END)[2])
