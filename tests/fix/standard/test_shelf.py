"""Which dictionary a message is read with, and what is said where there is none of its version."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError
from engine.fix.standard.dictionaries import load_quickfix_xml
from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.shelf import Shelf, shelf_of

FILE = """<fix type="{kind}" major="{major}" minor="{minor}">
  <header>{header}</header><trailer>{trailer}</trailer>
  <messages><message name="Note" msgtype="U1" msgcat="app"><field name="Word" required="Y"/></message></messages>
  <components/>
  <fields>
    <field number="8" name="BeginString" type="STRING"/><field number="10" name="CheckSum" type="STRING"/>
    <field number="5001" name="Word" type="CHAR"><value enum="Y" description="YES_INDEED"/></field>
  </fields>
</fix>"""


def file(version: str) -> Dictionary:
    kind, major, minor = version.split(".")
    header, trailer = ('<field name="BeginString" required="Y"/>', '<field name="CheckSum" required="Y"/>')
    if version == "FIX.5.0":
        header = trailer = ""
    return load_quickfix_xml(FILE.format(kind=kind, major=major, minor=minor, header=header, trailer=trailer))


@pytest.mark.parametrize(
    ("begin_string", "appl_ver_id", "name", "instead_of"),
    [
        ("FIX.4.2", None, "FIX.4.2", ""),
        ("FIX.4.4", None, "FIX.4.4", ""),
        ("FIXT.1.1", None, "FIXT.1.1 with FIX.5.0 SP2", ""),
        ("FIXT.1.1", "9", "FIXT.1.1 with FIX.5.0 SP2", ""),
        ("FIXT.1.1", "6", "FIXT.1.1 with FIX.4.4", ""),
        ("FIXT.1.1", "5", "FIXT.1.1 with FIX.4.4", "FIXT.1.1 with FIX.4.3"),
        ("FIXT.1.1", "7", "FIXT.1.1 with FIX.5.0 SP2", "FIXT.1.1 with FIX.5.0"),
        ("FIXT.1.1", "X", "FIXT.1.1 with FIX.5.0 SP2", "FIXT.1.1 with ApplVerID X"),
        ("FIX.4.0", None, "FIX.4.2", "FIX.4.0"),
        ("FIX.4.1", None, "FIX.4.2", "FIX.4.1"),
        ("FIX.4.3", None, "FIX.4.4", "FIX.4.3"),
        ("FIX.5.0", None, "FIXT.1.1 with FIX.5.0 SP2", "FIX.5.0"),
        ("FIX.9.9", None, "FIX.4.4", "FIX.9.9"),
        ("", None, "FIX.4.4", "an unknown version"),
    ],
)
def test_without_files(begin_string: str, appl_ver_id: str | None, name: str, instead_of: str) -> None:
    choice = Shelf().choose(begin_string, appl_ver_id)
    assert (choice.name, choice.instead_of) == (name, instead_of)
    assert choice.dictionary.messages["A"].name == "Logon"


def test_a_file_stands_before_the_built_in_one() -> None:
    own = file("FIX.4.4")
    shelf = shelf_of([own], None, None)
    assert shelf.choose("FIX.4.4").dictionary is own
    assert shelf.choose("FIX.4.2").dictionary is not own


def test_an_application_is_carried_by_the_transport() -> None:
    transport = file("FIXT.1.1")
    for shelf in (shelf_of([file("FIX.5.0")], transport, None), shelf_of([file("FIX.5.0"), transport], None, None)):
        dictionary = shelf.choose("FIXT.1.1").dictionary
        assert dictionary.header is transport.header
        assert "U1" in dictionary.messages


def test_without_a_transport_the_built_in_session_layer_carries_it() -> None:
    dictionary = shelf_of([file("FIX.5.0")], None, None).choose("FIXT.1.1", "9").dictionary
    assert dictionary.messages.keys() == {*"012345A", "U1"}
    assert dictionary.fields[5001].meanings == {"Y": "YES_INDEED"}
    assert {8, 9, 35, 1128} <= dictionary.header.tags


def test_one_version_for_every_message() -> None:
    shelf = shelf_of([], None, "FIX.4.4")
    assert shelf.choose("FIX.4.0").name == "FIX.4.4"
    assert shelf.choose("FIXT.1.1", "9").name == "FIX.4.4"
    assert shelf.choose("FIX.4.0").instead_of == ""


def test_mistakes_of_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"two dictionaries of FIX\.4\.4"):
        shelf_of([file("FIX.4.4"), file("FIX.4.4")], None, None)
    with pytest.raises(
        ConfigError, match=r"no dictionary of FIX\.4\.3: expected one of FIX\.4\.2, FIX\.4\.4, FIXT\.1\.1"
    ):
        shelf_of([], None, "FIX.4.3")


def test_the_application_version_of_a_session_comes_from_its_logon() -> None:
    shelf = Shelf()
    assert shelf.appl_ver_id(None, None, "A", "B") is None
    assert shelf.appl_ver_id(None, "7", "A", "B") == "7"
    assert shelf.appl_ver_id(None, None, "A", "B") == "7"
    assert shelf.appl_ver_id(None, None, "B", "A") == "7"
    assert shelf.appl_ver_id("9", None, "A", "B") == "9"


def test_it_keeps_few_versions_and_sessions() -> None:
    shelf = Shelf()
    for number in range(2_000):
        shelf.choose(f"FIX.{number}")
        shelf.appl_ver_id(None, "9", f"A{number}", "B")
    assert len(shelf._chosen) == 100
    assert len(shelf._defaults) == 1_000
