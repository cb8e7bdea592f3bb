"""From a [[session]] table to the session layer: the version that is spoken, and the dictionary of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.boot import session_settings
from engine.config import BeginString, ConnectionType, FixConfig, SessionConfig, SessionRole
from engine.errors import ConfigError
from engine.fix.standard.dictionaries import built_in

DICTIONARY = """<fix type="{kind}" major="{major}" minor="{minor}">
 <header><field name="BeginString" required="Y"/></header>
 <trailer><field name="CheckSum" required="Y"/></trailer>
 <messages><message name="Note" msgtype="U1" msgcat="{category}"><field name="Text" required="Y"/></message></messages>
 <fields>
  <field number="8" name="BeginString" type="STRING"/><field number="10" name="CheckSum" type="STRING"/>
  <field number="58" name="Text" type="STRING"/>
 </fields>
</fix>"""


def session_of(begin_string: str = "FIX.4.4", **more: object) -> SessionConfig:
    return SessionConfig(
        key="oms",
        role=SessionRole.OMS,
        begin_string=BeginString(begin_string),
        sender_comp_id="BUYSIDE",
        target_comp_id="OMS",
        connection_type=ConnectionType.ACCEPTOR,
        **more,  # type: ignore[arg-type]
    )


def file_of(folder: Path, version: str, category: str = "app") -> Path:
    kind, major, minor = version.split(".")
    path = folder / f"{version}.xml"
    path.write_text(DICTIONARY.format(kind=kind, major=major, minor=minor, category=category), encoding="utf-8")
    return path


class TestVersion:
    def test_over_fixt_it_is_5_0_sp2_unless_the_session_says_otherwise(self) -> None:
        assert session_settings.settings(FixConfig(), session_of("FIXT.1.1")).appl_ver_id == "9"
        assert session_settings.settings(FixConfig(), session_of("FIXT.1.1", appl_ver_id="7")).appl_ver_id == "7"
        assert session_settings.settings(FixConfig(), session_of()).appl_ver_id is None

    def test_built_in(self) -> None:
        assert session_settings.dictionary(session_of()) is built_in("FIX.4.4")
        assert session_settings.dictionary(session_of("FIXT.1.1")).begin_string == "FIXT.1.1"

    def test_one_that_is_not_built_in(self) -> None:
        with pytest.raises(ConfigError) as caught:
            session_settings.dictionary(session_of("FIXT.1.1", appl_ver_id="7"))
        assert str(caught.value) == (
            "session[oms].appl_ver_id: built in is FIX 5.0 SP2 ('9') alone, found '7': "
            "name the QuickFIX-format file of that version in 'dictionary'"
        )


class TestFiles:
    def test_of_a_whole_version(self, tmp_path: Path) -> None:
        found = session_settings.dictionary(session_of(dictionary=file_of(tmp_path, "FIX.4.4")))
        assert found.messages.keys() == {"U1"}

    def test_an_application_alone_is_carried_by_the_built_in_transport(self, tmp_path: Path) -> None:
        found = session_settings.dictionary(session_of("FIXT.1.1", dictionary=file_of(tmp_path, "FIX.5.0")))
        assert found.begin_string == "FIXT.1.1"
        assert {"U1", "A", "0"} <= found.messages.keys()
        assert "D" not in found.messages
        assert 49 in found.header.required

    def test_a_transport_alone_carries_the_built_in_application(self, tmp_path: Path) -> None:
        transport = file_of(tmp_path, "FIXT.1.1", "admin")
        found = session_settings.dictionary(session_of("FIXT.1.1", transport_dictionary=transport))
        assert {"U1", "D", "8"} <= found.messages.keys()
        assert found.header.required == (8,)

    def test_one_of_each(self, tmp_path: Path) -> None:
        paths = {
            "dictionary": file_of(tmp_path, "FIX.5.0"),
            "transport_dictionary": file_of(tmp_path, "FIXT.1.1", "admin"),
        }
        found = session_settings.dictionary(session_of("FIXT.1.1", **paths))
        assert (found.begin_string, found.messages.keys()) == ("FIXT.1.1", {"U1"})

    @pytest.mark.parametrize(
        ("begin_string", "name", "given", "expected"),
        [
            pytest.param("FIX.4.4", "dictionary", "FIX.4.2", "FIX.4.4", id="another version"),
            pytest.param("FIX.4.4", "dictionary", "FIX.5.0", "FIX.4.4", id="an application without its transport"),
            pytest.param("FIXT.1.1", "dictionary", "FIX.4.4", "FIX.5.0", id="a whole version for an application"),
            pytest.param("FIXT.1.1", "dictionary", "FIXT.1.1", "FIX.5.0", id="the transport for the application"),
            pytest.param("FIXT.1.1", "transport_dictionary", "FIX.5.0", "FIXT.1.1", id="the application for it"),
        ],
    )
    def test_of_another_version_than_is_spoken(
        self, tmp_path: Path, begin_string: str, name: str, given: str, expected: str
    ) -> None:
        path = file_of(tmp_path, given)
        with pytest.raises(ConfigError) as caught:
            session_settings.dictionary(session_of(begin_string, **{name: path}))
        text = f"session[oms].{name}: {path}: expected a dictionary of {expected}, found one of {given}"
        assert str(caught.value) == text

    def test_that_cannot_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
            session_settings.dictionary(session_of(dictionary=tmp_path / "FIX44.xml"))
        (tmp_path / "FIX44.xml").write_text("a letter home")
        with pytest.raises(ConfigError, match="the dictionary is no XML"):
            session_settings.dictionary(session_of(dictionary=tmp_path / "FIX44.xml"))
