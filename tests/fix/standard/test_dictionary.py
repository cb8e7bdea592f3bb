from __future__ import annotations

from collections.abc import Iterable

import pytest
from wire_support import dictionary_text

from engine.errors import ConfigError
from engine.fix.capture import value_names
from engine.fix.standard.definitions import GroupDef, Section
from engine.fix.standard.dictionaries import built_in, load_quickfix_xml
from engine.fix.standard.dictionary import DATA_LENGTH_TAGS, Dictionary
from engine.fix.standard.forms import Form
from engine.fix.standard.notation import read_section, read_values
from engine.fix.standard.tags import MsgType, Tag

VERSIONS = {
    "FIX.4.2": built_in("FIX.4.2"),
    "FIX.4.4": built_in("FIX.4.4"),
    "FIXT.1.1": built_in("FIXT.1.1"),
}


def from_files(begin_string: str) -> Dictionary:
    if begin_string != "FIXT.1.1":
        return load_quickfix_xml(dictionary_text(begin_string.replace(".", "") + ".xml"))
    application = load_quickfix_xml(dictionary_text("FIX50SP2.xml"))
    return application.with_transport(load_quickfix_xml(dictionary_text("FIXT11.xml")))


def groups_of(section: Section) -> Iterable[GroupDef]:
    for group in section.groups.values():
        yield group
        yield from groups_of(group.section)


class TestBuiltIn:
    def test_what_the_engine_speaks(self) -> None:
        spoken = [*"012345A689BCDFGHQRSVWXYZabcdhjxy", "AE", "AG", "AI", "AJ", "AR"]
        for version in ("FIX.4.4", "FIXT.1.1"):
            assert set(spoken) <= VERSIONS[version].messages.keys()
        assert set("012345A89CDFGHdj") == VERSIONS["FIX.4.2"].messages.keys()

    def test_no_number_has_two_names(self) -> None:
        """A slip of one digit mostly hits a neighbour, and would make one tag an alias of another without a word."""
        assert len(Tag.__members__) == len(set(Tag))

    def test_every_msg_type_named_is_known(self) -> None:
        assert {str(kind) for kind in MsgType} <= VERSIONS["FIXT.1.1"].known_types
        assert {"AB", "E"} <= VERSIONS["FIX.4.4"].known_types - VERSIONS["FIX.4.4"].messages.keys()
        assert not {"CW", "U1", "*"} & VERSIONS["FIX.4.4"].known_types
        assert "n" not in VERSIONS["FIX.4.2"].known_types

    def test_a_version_has_its_own_tags_only(self) -> None:
        assert {version: max(dictionary.fields) for version, dictionary in VERSIONS.items()} == {
            "FIX.4.2": 442,
            "FIX.4.4": 947,
            "FIXT.1.1": 2534,
        }

    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            (Tag.Price, Form.DECIMAL),
            (Tag.MsgSeqNum, Form.LENGTH),
            (Tag.SendingTime, Form.TIMESTAMP),
            (Tag.TradeDate, Form.DATE),
            (Tag.MDEntryTime, Form.TIME),
            (Tag.PossDupFlag, Form.BOOLEAN),
            (Tag.Side, Form.CHAR),
            (Tag.RawData, Form.DATA),
            (Tag.Text, Form.TEXT),
        ],
    )
    def test_forms(self, tag: Tag, expected: Form) -> None:
        assert VERSIONS["FIX.4.4"].fields[tag].form is expected

    def test_values_with_a_name_are_values_of_the_newest_dictionary(self) -> None:
        fields = {field.name: field for field in VERSIONS["FIXT.1.1"].fields.values()}
        for name, named in value_names.names().items():
            if name in ("MsgType", "ExecTransType"):  # checked by type; gone from 5.0
                continue
            old = {"1", "2"} if name == "ExecType" else set()  # 4.2's fills
            assert named.keys() - old <= fields[name].values, name

    def test_values_mean_what_they_are_called(self) -> None:
        fields = VERSIONS["FIX.4.4"].fields
        assert value_names.meanings(fields[Tag.Side]) == {"1": "Buy", "2": "Sell"}
        assert value_names.meanings(fields[Tag.SessionRejectReason])["5"] == "ValueIncorrect"
        assert value_names.meanings(fields[Tag.Text]) == {}

    def test_required(self) -> None:
        newest, usual = VERSIONS["FIXT.1.1"].messages, VERSIONS["FIX.4.4"].messages
        assert set(usual["8"].section.required) == {37, 17, 150, 39, 54, 151, 14, 6}
        assert set(newest["8"].section.required) == {37, 17, 150, 39, 54, 151, 14}
        assert set(usual["D"].section.required) == {11, 54, 60, 40}
        assert {571, 570, 32, 31, 75, 60, 552} == set(usual["AE"].section.required)
        assert usual["AE"].required_anywhere >= {37, 54}
        assert 1137 in newest["A"].section.required

    def test_asked_once(self) -> None:
        assert built_in("FIX.4.4") is VERSIONS["FIX.4.4"]
        assert built_in("FIXT.1.1", "9").messages.keys() == VERSIONS["FIXT.1.1"].messages.keys()

    @pytest.mark.parametrize(("version", "appl_ver_id"), [("FIX.4.0", None), ("FIXT.1.1", "7"), ("", None)])
    def test_a_version_there_is_none_of(self, version: str, appl_ver_id: str | None) -> None:
        with pytest.raises(ValueError, match="no built-in dictionary"):
            built_in(version, appl_ver_id)

    @pytest.mark.parametrize("version", VERSIONS)
    def test_sections_are_consistent(self, version: str) -> None:
        dictionary = VERSIONS[version]
        sections = [dictionary.header, dictionary.trailer, *(m.section for m in dictionary.messages.values())]
        for section in sections:
            parts = [section, *(group.section for group in groups_of(section))]
            for part in parts:
                assert len(set(part.members)) == len(part.members)
                assert set(part.required) <= set(part.members)
                assert set(part.members) <= dictionary.fields.keys()
                assert part.groups.keys() <= set(part.members)
                counts = {tag for tag in part.members if dictionary.fields[tag].type == "NUMINGROUP"}
                assert counts == part.groups.keys()
            for group in groups_of(section):
                assert group.delimiter == group.section.members[0]


# Where we differ from QuickFIX's 5.0 SP2 on purpose: NoMsgTypes in Logon, TargetParties (used by hubs) in R,
# groups without which a message says nothing, and LastUpdateTime(779), which few providers send.
ADDED = {("FIXT.1.1", "A", 384), ("FIXT.1.1", "R", 1461)}
STRICTER = {("FIXT.1.1", *pair) for pair in (("R", 146), ("AG", 146), ("V", 267), ("V", 146), ("W", 268), ("X", 268))}
LAXER = {("FIXT.1.1", "W", 779)}


@pytest.mark.parametrize("version", VERSIONS)
class TestAgainstQuickFix:
    """The built-in texts are our own; a vendor's files are a second opinion on every fact in them."""

    def test_fields(self, version: str) -> None:
        ours, theirs = VERSIONS[version], from_files(version)
        for tag, field in ours.fields.items():
            other = theirs.fields.get(tag)
            if other is None:
                continue  # gone from, or not yet in, that version
            # 4.2's types were fewer: a count is an INT there, a CHAR may be enumerated by strings.
            if version == "FIX.4.4":
                assert (field.name, field.form, field.is_multiple) == (other.name, other.form, other.is_multiple)
            if field.values and other.values:
                missing = {value for value in other.values if value not in field.values}
                assert not missing, f"{field.name} lacks {sorted(missing)}"

    def test_messages(self, version: str) -> None:
        ours, theirs = VERSIONS[version], from_files(version)
        for msg_type, message in ours.messages.items():
            other = theirs.messages[msg_type]
            assert message.is_admin == other.is_admin
            assert message.name == {"MassQuoteAck": "MassQuoteAcknowledgement"}.get(other.name, other.name)
            members, required = set(message.section.members), set(message.section.required)
            for tag in members - set(other.section.members):
                assert (version, msg_type, tag) in ADDED
            for tag in required - set(other.section.required):
                assert (version, msg_type, tag) in STRICTER
            for tag in (set(other.section.required) & members) - required:
                assert (version, msg_type, tag) in LAXER
            self.check_groups(message.section, other.section)

    def test_header_and_trailer(self, version: str) -> None:
        ours, theirs = VERSIONS[version], from_files(version)
        for part, other in ((ours.header, theirs.header), (ours.trailer, theirs.trailer)):
            assert set(part.members) == set(other.members) - {1351, 1352, 1353, 1354}  # application extensions, unused
            assert set(part.required) == set(other.required)

    def check_groups(self, ours: Section, theirs: Section) -> None:
        for tag, group in ours.groups.items():
            other = theirs.groups.get(tag)
            if other is None:
                continue
            assert group.delimiter == other.delimiter
            assert set(group.section.members) <= set(other.section.members)
            order = [member for member in other.section.members if member in group.section.members]
            assert list(group.section.members) == order
            assert set(group.section.required) == set(other.section.required) & set(group.section.members)
            self.check_groups(group.section, other.section)

    def test_known_types(self, version: str) -> None:
        assert from_files(version).messages.keys() <= VERSIONS[version].known_types | {"n"}


SMALL = """<fix type="FIX" major="4" minor="4">
 <header><field name="BeginString" required="Y"/>
  <group name="NoHops" required="N"><field name="HopCompID"/></group></header>
 <trailer><field name="CheckSum" required="Y"/></trailer>
 <messages>
  <message name="Note" msgtype="U1" msgcat="app">
   <component name="Outer" required="N"/>
   <component name="Inner" required="Y"/>
  </message>
 </messages>
 <components>
  <component name="Outer"><field name="Text" required="Y"/></component>
  <component name="Inner"><group name="NoLines" required="Y">
   <field name="Line" required="Y"/><field name="Blob"/></group></component>
 </components>
 <fields>
  <field number="8" name="BeginString" type="STRING"/><field number="10" name="CheckSum" type="STRING"/>
  <field number="627" name="NoHops" type="NUMINGROUP"/><field number="628" name="HopCompID" type="STRING"/>
  <field number="58" name="Text" type="STRING"/><field number="33" name="NoLines" type="NUMINGROUP"/>
  <field number="5001" name="Line" type="CHAR">
   <value enum="a" description="A"/><value enum="b" description="B"/></field>
  <field number="5002" name="BlobLen" type="LENGTH"/><field number="5003" name="Blob" type="DATA"/>
  <field number="43" name="Flag" type="BOOLEAN"><value enum="Y"/><value enum="N"/></field>
 </fields>
</fix>"""


class TestLoading:
    def test_a_small_file(self) -> None:
        dictionary = load_quickfix_xml(SMALL)
        assert dictionary.begin_string == "FIX.4.4"
        note = dictionary.messages["U1"]
        assert (note.name, note.is_admin) == ("Note", False)
        assert note.section.members == (58, 33)
        assert note.section.required == (33,), "a member of an optional component is not required"
        assert note.section.groups[33].section.members == (5001, 5003)
        assert note.required_anywhere == {33, 5001}
        assert dictionary.header.tags == {8, 627, 628}
        assert dictionary.fields[5001].values == {"a", "b"}
        assert dictionary.fields[43].values == frozenset()
        assert dictionary.fields[5001].meanings == {"a": "A", "b": "B"}
        assert dictionary.fields[43].meanings == {"Y": "", "N": ""}
        assert dictionary.data_lengths[5003] == 5002
        assert dictionary.known_types == {"U1"}

    def test_a_field_whose_list_is_open(self) -> None:
        text = SMALL.replace('name="Line" type="CHAR"', 'name="Line" type="CHAR" allowOtherValues="true"')
        line = load_quickfix_xml(text).fields[5001]
        assert (line.values, line.meanings) == (frozenset(), {"a": "A", "b": "B"})

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            pytest.param("<fix", "<fox", "no XML", id="not XML"),
            pytest.param(
                'name="Text" required', 'name="Txet" required', "field Txet is not defined", id="unknown field"
            ),
            pytest.param(
                'component name="Outer" req', 'component name="O" req', "component O is not", id="unknown component"
            ),
            pytest.param('number="58"', 'number="x8"', "field Text: number must be digits", id="no number"),
            pytest.param('number="58" ', "", "'number' is missing", id="no attribute"),
            pytest.param(
                '<field name="Text" required="Y"/>',
                '<component name="Outer"/>',
                "part of itself: Outer > Outer",
                id="part of itself",
            ),
            pytest.param('<field name="HopCompID"/>', "", "group NoHops has no members", id="empty group"),
        ],
    )
    def test_refused(self, old: str, new: str, message: str) -> None:
        assert old in SMALL
        with pytest.raises(ConfigError, match=message):
            load_quickfix_xml(SMALL.replace(old, new, 1))

    @pytest.mark.parametrize(("text", "message"), [("<a/>", "must be a <fix>"), ("<fix/>", "defines no <field>")])
    def test_no_dictionary(self, text: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            load_quickfix_xml(text)

    def test_an_application_under_a_transport(self) -> None:
        application = load_quickfix_xml(dictionary_text("FIX50SP2.xml"))
        assert not application.header.members
        whole = from_files("FIXT.1.1")
        assert whole.begin_string == "FIXT.1.1"
        assert {"A", "D", "AE", "n"} <= whole.messages.keys()
        assert 1137 in whole.fields
        assert 49 in whole.header.required


def test_notation() -> None:
    section = read_section(
        "ClOrdID! @Parties @Legs! Text", {"Parties": "NoPartyIDs!(PartyID! PartyRole)", "Legs": "Side!"}
    )
    assert section.members == (11, 453, 54, 58)
    assert section.required == (11, 54), "a required member of an optional component is not required"
    assert section.groups[453].section.required == (448,)
    assert section.tags == {11, 453, 448, 452, 54, 58}
    assert read_values("1..3 A..C 99 AA..AC") == {"1", "2", "3", "A", "B", "C", "99", "AA", "AB", "AC"}


DATA_FIELDS = {
    (93, 89): "Signature",
    (90, 91): "SecureData",
    (95, 96): "RawData",
    (212, 213): "XmlData",
    (348, 349): "EncodedIssuer",
    (350, 351): "EncodedSecurityDesc",
    (352, 353): "EncodedListExecInst",
    (354, 355): "EncodedText",
    (356, 357): "EncodedSubject",
    (358, 359): "EncodedHeadline",
    (360, 361): "EncodedAllocText",
    (362, 363): "EncodedUnderlyingIssuer",
    (364, 365): "EncodedUnderlyingSecurityDesc",
    (445, 446): "EncodedListStatusText",
    (618, 619): "EncodedLegIssuer",
    (621, 622): "EncodedLegSecurityDesc",
    (1397, 1398): "EncodedMktSegmDesc",
    (1401, 1402): "EncryptedPassword",
    (1403, 1404): "EncryptedNewPassword",
}
"""FIX 4.4 and FIX 5.0 SP2, Volume 6: length field and data field."""


def test_every_data_field_of_the_standard_has_its_own_length_field_before_it() -> None:
    assert {(length, data) for data, length in DATA_LENGTH_TAGS.items()} == set(DATA_FIELDS)
    for dictionary in VERSIONS.values():
        for (length, data), name in DATA_FIELDS.items():
            if data in dictionary.fields:
                assert dictionary.fields[data].name == name
                assert dictionary.fields[length].name in (f"{name}Len", f"{name}Length")


def test_standard_data_fields_are_known_to_every_dictionary() -> None:
    assert load_quickfix_xml(SMALL).data_lengths.items() >= DATA_LENGTH_TAGS.items()
    for dictionary in VERSIONS.values():
        for tag, field in dictionary.fields.items():
            if field.form is Form.DATA:
                assert dictionary.data_lengths[tag] in dictionary.fields
