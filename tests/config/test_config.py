"""engine/config: what a wrong file is told, and what a right one gives."""

from __future__ import annotations

import datetime
import os
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from engine.boot import session_settings
from engine.config import (
    AdminConfig,
    Config,
    ConfigProblems,
    Durability,
    Role,
    SessionRole,
    Validation,
    check,
    load,
    load_echo,
    loopback_only,
    with_clock,
    with_passphrases,
)
from engine.config.choosing import choice_parameters
from engine.dealers.axes import AxeParameters
from engine.dealers.book import Undelivered
from engine.domain.instrument import AssetClass
from engine.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]

ENGINE = """\
[engine]
dealers = "dealers.toml"
scoring = "scoring.toml"
[journal]
path = "var/journal.db"
[admin]
socket = "var/rfqd.sock"
[risk]
notional_max = 50_000_000
[rules]
directory = "rules"
[reference]
securities = "securities.csv"
"""
OMS = """\
[[session]]
key = "oms"
role = "oms"
sender_comp_id = "BUYSIDE"
target_comp_id = "OMS"
connection_type = "acceptor"
"""
DEALER = """\
[[session]]
key = "alder"
role = "dealer"
sender_comp_id = "BUYSIDE"
target_comp_id = "ALDER"
connection_type = "initiator"
host = "127.0.0.1"
port = 9901
"""
DEALERS = """\
[[dealer]]
id = "alder"
name = "Alder Securities"
lei = "0000DEMOALDER0000026"
session = "alder"
asset_classes = ["corporate"]
"""


class Folder:
    """A folder with a right configuration, of which a test spoils one part."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("engine.toml", ENGINE + OMS + DEALER)
        self.write("dealers.toml", DEALERS)
        self.write("scoring.toml", "")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, environ: dict[str, str] | None = None) -> Config:
        return load(self.path / "engine.toml", environ or {})

    def problems(self, environ: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigProblems) as caught:
            self.load(environ)
        assert str(caught.value) == "\n".join(caught.value.problems)
        return list(caught.value.problems)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def spoiled(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is not once in the text"
    return text.replace(old, new)


WRONG_ENGINE = [
    pytest.param(
        "[rfq]\nwait_seconds = 5\n",
        "rfq.wait_seconds: unknown key (did you mean 'wait_s'?)",
        id="unknown key, near one",
    ),
    pytest.param(
        "[rfq]\nundelivered_aks_s = 5\n",
        "rfq.undelivered_aks_s: unknown key (did you mean 'undelivered_ask_s'?)",
        id="unknown key, two letters swapped",
    ),
    pytest.param(
        "[tca]\nzzz = 1\n",
        "tca.zzz: unknown key (known: reversion_s, day_end, day_end_zone, prefer_outside)",
        id="unknown key, near none",
    ),
    pytest.param("[metrix]\nport = 1\n", "metrix: unknown table (did you mean 'metrics'?)", id="unknown table"),
    pytest.param(
        "speed = 1\n",
        "speed: unknown key (known: engine, clock, journal, admin, metrics, fix, session, risk, rfq, tca, axes, market,"
        " rules, reference)",
        id="a key of no table",
    ),
    pytest.param(
        '[rfq]\nwait_s = "two minutes"\n',
        'rfq.wait_s: expected a number above 0 and at most 86400, found the text "two minutes"',
        id="a text for a number",
    ),
    pytest.param(
        "[rfq]\nwait_s = true\n", "rfq.wait_s: expected a number above 0 and at most 86400, found true", id="true"
    ),
    pytest.param(
        "[rfq]\nwait_s = inf\n", "rfq.wait_s: expected a number above 0 and at most 86400, found Infinity", id="inf"
    ),
    pytest.param("[rfq]\nwait_s = 0\n", "rfq.wait_s: expected a number above 0 and at most 86400, found 0", id="zero"),
    pytest.param(
        "[rfq]\nexpiry_guard_ms = 2.5\n",
        "rfq.expiry_guard_ms: expected a whole number from 0 to 60000, found 2.5",
        id="half a millisecond",
    ),
    pytest.param(
        "[metrics]\nport = 70000\n",
        "metrics.port: expected a whole number from 0 to 65535, found 70000",
        id="a port that cannot be",
    ),
    pytest.param(
        '[metrics]\nhost = ""\n', "metrics.host: expected a text that is not empty, found an empty text", id="empty"
    ),
    pytest.param("metrics = 5\n", "metrics: expected a table [metrics], found 5", id="a number for a table"),
    pytest.param(
        '[[metrics]]\nhost = "::1"\n', "metrics: expected a table [metrics], found a list", id="two brackets too many"
    ),
    pytest.param(
        "[clock]\norigin = 2026-01-05T14:30:00\n",
        "clock.origin: expected a date and time with an offset, as in 2026-01-05T14:30:00Z, found 2026-01-05 14:30:00",
        id="an origin without a zone",
    ),
    pytest.param(
        "[clock]\nspeed = 60\n",
        "clock.origin: missing: a clock of speed 60 needs the instant it started from",
        id="a fast clock from nowhere",
    ),
    pytest.param(
        "[fix]\nheart_bt_int_s_min = 60\nheart_bt_int_s_max = 30\n",
        "fix.heart_bt_int_s_max: expected at least heart_bt_int_s_min (60), found 30",
        id="bounds crossed",
    ),
    pytest.param(
        spoiled(OMS, '"oms"\nrole', '"oms2"\nrole').replace("OMS", "OMS2") + "heart_bt_int_s = 301\n",
        "session[oms2].heart_bt_int_s: expected 1 to 300 (fix.heart_bt_int_s_min and _max), found 301",
        id="heartbeat out of its bounds",
    ),
    pytest.param(
        '[[admin.people]]\nactor = "m.taylor"\nrole = "trader"\n',
        "admin.people[m.taylor]: expected either uid or user, found neither",
        id="a person that is nobody",
    ),
    pytest.param(
        '[[admin.people]]\nuid = 7\nuser = "x"\nactor = "m.taylor"\nrole = "trader"\n',
        "admin.people[m.taylor]: expected either uid or user, found both",
        id="a person twice over",
    ),
    pytest.param(
        '[[admin.people]]\nuser = "no-such-user-here"\nactor = "m.taylor"\nrole = "trader"\n',
        "admin.people[m.taylor].user: there is no user 'no-such-user-here' on this machine",
        id="a person this machine does not know",
    ),
    pytest.param(
        '[[admin.people]]\nuid = 7\nactor = "a"\nrole = "trader"\n'
        '[[admin.people]]\nuid = 7\nactor = "b"\nrole = "viewer"\n',
        "admin.people[b]: uid 7 is 'a' already: one user is one person",
        id="two people, one user",
    ),
    pytest.param(
        '[[admin.people]]\nuid = 7\nactor = "a"\nrole = "boss"\n',
        "admin.people[a].role: expected one of 'viewer', 'trader', 'operator', 'feed', found the text \"boss\"",
        id="a role there is not",
    ),
    pytest.param(
        '[[session]]\nkey = "x"\nrole = "market"\nsender_comp_id = "A"\ntarget_comp_id = "B"\n',
        "session[x].connection_type: missing: expected one of 'initiator', 'acceptor'",
        id="a key that must be there",
    ),
    pytest.param(
        '[[session]]\nkey = "x"\nrole = "market"\nsender_comp_id = "A"\ntarget_comp_id = "B"\n'
        'connection_type = "acceptor"\n',
        "session[x].connection_type: expected 'initiator' for role 'market': the engine calls the provider",
        id="a provider that calls us",
    ),
    pytest.param(OMS, "session[oms].key: a second session of this key", id="a session twice"),
    pytest.param(
        spoiled(OMS, '"oms"\nrole', '"oms2"\nrole'),
        "session[oms2].target_comp_id: the same names as session 'oms':"
        " BeginString, CompIDs, SubIDs; messages could not be told apart",
        id="two sessions, one identity",
    ),
]


@pytest.mark.parametrize(("addition", "problem"), WRONG_ENGINE)
def test_a_wrong_table_is_named_with_its_path(folder: Folder, addition: str, problem: str) -> None:
    text = ENGINE + OMS + DEALER
    # A bare key belongs above the first table.
    folder.write("engine.toml", text + addition if addition.startswith("[") else addition + text)
    assert folder.problems() == [f"engine.toml: {problem}"]


NINE_TO_FIVE = 'schedule = { time_zone = "Europe/London", start = "09:00", end = "17:30" }'

WRONG_SESSIONS = [
    pytest.param(
        'host = "127.0.0.1"\n', "", "host: missing: an initiator needs the host and port it connects to", id="no host"
    ),
    pytest.param(
        "port = 9901\n", "", "port: missing: an initiator needs the host and port it connects to", id="no port"
    ),
    pytest.param(
        "port = 9901",
        'port = "9901"',
        'port: expected a whole number from 1 to 65535, found the text "9901"',
        id="a port in quotes",
    ),
    pytest.param(
        "port = 9901",
        'port = 9901\nbackup = ["10.0.0.2"]',
        'backup[1]: expected host:port, found the text "10.0.0.2"',
        id="a backup without a port",
    ),
    pytest.param(
        "port = 9901",
        'port = 9901\nbackup = "10.0.0.2:9901"',
        'backup: expected a list of which each is a text, found the text "10.0.0.2:9901"',
        id="a backup that is no list",
    ),
    pytest.param(
        '"ALDER"',
        '"ALDER NY"',
        'target_comp_id: expected up to 64 printable characters without blanks, found the text "ALDER NY"',
        id="a blank in a CompID",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nbegin_string = "FIX.4.3"',
        "begin_string: expected one of 'FIX.4.2', 'FIX.4.4', 'FIXT.1.1', found the text \"FIX.4.3\"",
        id="a version there is not",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nbegin_string = "FIX.4.2"',
        "begin_string: expected 'FIX.4.4' or 'FIXT.1.1' for an application role, found 'FIX.4.2'",
        id="a version without the application messages",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nappl_ver_id = "9"',
        "appl_ver_id: DefaultApplVerID(1137) belongs to FIXT.1.1, not FIX.4.4",
        id="an application version where there is none",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nbegin_string = "FIXT.1.1"\nappl_ver_id = "FIX.5.0SP2"',
        'appl_ver_id: expected an ApplVerID(1128): "9" for FIX 5.0 SP2, "8" for SP1, "7" for 5.0, "6" for 4.4,'
        ' found the text "FIX.5.0SP2"',
        id="an application version by its name",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\npassword = "sesame"',
        "password: secrets do not live in this file, which is read, copied and journaled: put the password into an"
        " environment variable and name it in password_env, or into a file and name that in password_file",
        id="a password in the file",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nusername = "us"',
        "username: credentials do not live in this file: put the user name into an environment variable"
        " and name it in username_env",
        id="a user name in the file",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\npassword_env = "ALDER_PASSWORD"',
        "password_env: the environment variable ALDER_PASSWORD is not set, or empty",
        id="a variable that is not set",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nreconnect_min_s = 10\nreconnect_max_s = 5',
        "reconnect_max_s: expected at least reconnect_min_s (10), found 5",
        id="pauses that shrink",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "echo"',
        "role: expected one of 'oms', 'dropcopy', 'dealer', 'market' in this file, found 'echo'",
        id="an echo among the desk's sessions",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dropcopy"',
        "connection_type: expected 'acceptor' for role 'dropcopy': the peer calls the engine",
        id="a drop copy that we call",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nallow = ["10.0.0.0/8"]',
        "allow: an initiator lets nobody in: the addresses it connects to are host and backup",
        id="an initiator that lets in",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls_ca = "ca.pem"',
        "tls_ca: of no use without tls = true",
        id="terms of TLS without it",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls = true\ntls_crl = "dealers.crl"',
        "tls_crl: of no use without tls_ca: a list is of one of the authorities named there",
        id="revocations of nobody",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls_pin_file = "alder.pem"',
        "tls_pin_file: a certificate is shown over TLS alone: set tls = true",
        id="a pin without TLS",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls = true\ntls_key = "us.key"',
        "tls_certificate: missing: tls_key is given, and one is of no use without the other",
        id="a key without its certificate",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls = true\ntls_pin_sha256 = ["AB:CD"]',
        "tls_pin_sha256[1]: expected a certificate's SHA-256 fingerprint, 64 hex digits with or without colons,"
        ' found the text "AB:CD"',
        id="a pin that is none",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\ntls_key_password = "sesame"',
        "tls_key_password: secrets do not live in this file, which is read, copied and journaled: put the passphrase"
        " into an environment variable and name it in tls_key_password_env, or into a file and name that in"
        " tls_key_password_file",
        id="a passphrase in the file",
    ),
    pytest.param(
        '"initiator"',
        '"acceptor"',
        "host: an acceptor has no address of its own: its peer connects to fix.listen_port",
        id="an acceptor with an address",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace("Europe/London", "Europe/Londn"),
        "schedule.time_zone: expected an IANA time zone, as in 'Europe/London' (did you mean 'Europe/London'?),"
        ' found the text "Europe/Londn"',
        id="a time zone there is not",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace("Europe/London", "Europe"),
        "schedule.time_zone: expected an IANA time zone, as in 'Europe/London' (did you mean 'Europe/Rome'?),"
        ' found the text "Europe"',
        id="a continent for a time zone",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace("17:30", "24:00"),
        'schedule.end: expected a time of day from "00:00" to "23:59", as in "08:00" (midnight is "00:00", at the'
        ' end of a day too), found the text "24:00"',
        id="an hour there is not",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ", days = [] }"),
        "schedule.days: expected at least one day, found an empty list: leave it out to mean every day",
        id="no day",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ', days = ["monday"] }'),
        "schedule.days[1]: expected one of 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', found the text \"monday\"",
        id="a day in full",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ', days = ["mon", "tue", "mon"] }'),
        "schedule.days: expected each day once, found 'mon' twice",
        id="a day twice",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ', days = ["mon"], start_day = "sun" }'),
        "schedule.days: days are those of daily windows, start_day belongs to a weekly one: leave one of them out",
        id="daily and weekly",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ', start_day = "sun" }'),
        "schedule.end_day: missing: a weekly window has both start_day and end_day, found start_day alone",
        id="half a week",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\nreset_on_logon = true\n' + NINE_TO_FIVE.replace(" }", ', reset = "period" }'),
        "schedule.reset: reset_on_logon of this session restarts the numbers at every Logon(A) already",
        id="two kinds of reset",
    ),
    pytest.param(
        'role = "dealer"',
        'role = "dealer"\n' + NINE_TO_FIVE.replace(" }", ', reset = "daily" }'),
        "schedule.reset: expected one of 'never', 'period', found the text \"daily\"",
        id="another kind of reset",
    ),
]


@pytest.mark.parametrize(("old", "new", "problem"), WRONG_SESSIONS)
def test_a_wrong_session_is_named_by_its_key(folder: Folder, old: str, new: str, problem: str) -> None:
    folder.write("engine.toml", ENGINE + OMS + spoiled(DEALER, old, new))
    assert folder.problems()[0] == f"engine.toml: session[alder].{problem}"


WRONG_DEALERS = [
    pytest.param(
        '"0000DEMOALDER0000026"',
        '"0000DEMOALDER0000027"',
        'lei: expected an LEI whose check digits (the last two) fit, found the text "0000DEMOALDER0000027"',
        id="an LEI mistyped",
    ),
    pytest.param(
        '"0000DEMOALDER0000026"',
        '"ALDER"',
        'lei: expected an LEI of 20 capital letters and digits, found the text "ALDER"',
        id="no LEI",
    ),
    pytest.param(
        'session = "alder"',
        'session = "oms"',
        "session: expected the key of a session of role 'dealer' ('alder'), found 'oms'",
        id="a session of another role",
    ),
    pytest.param(
        '["corporate"]',
        "[]",
        "asset_classes: expected at least one asset class, found an empty list",
        id="good for nothing",
    ),
    pytest.param(
        '["corporate"]',
        '["corporate", "muni"]',
        "asset_classes[2]: expected one of 'corporate', 'municipal', 'government', 'agency', 'other',"
        ' found the text "muni"',
        id="an asset class there is not",
    ),
    pytest.param(
        'session = "alder"',
        'session = "alder"\nnotional_max = -1',
        "notional_max: expected a number above 0, found -1",
        id="a limit below nothing",
    ),
    pytest.param(
        'session = "alder"',
        'session = "alder"\nacept = "order"',
        "acept: unknown key (did you mean 'accept'?)",
        id="a misspelt key",
    ),
    pytest.param(
        'session = "alder"',
        'session = "alder"\naccept = "phone"',
        "accept: expected one of 'order', 'response', found the text \"phone\"",
        id="a dialect there is not",
    ),
    pytest.param(
        'session = "alder"',
        'session = "alder"\npaused = "no"',
        'paused: expected true or false, found the text "no"',
        id="a text for a truth",
    ),
]


@pytest.mark.parametrize(("old", "new", "problem"), WRONG_DEALERS)
def test_a_wrong_dealer_is_named_by_its_id(folder: Folder, old: str, new: str, problem: str) -> None:
    folder.write("dealers.toml", spoiled(DEALERS, old, new))
    assert folder.problems() == [f"dealers.toml: dealer[alder].{problem}"]


def test_two_dealers_cannot_share_session_and_route(folder: Folder) -> None:
    folder.write("dealers.toml", DEALERS + spoiled(DEALERS, '"alder"\nname', '"ash"\nname'))
    assert folder.problems() == [
        "dealers.toml: dealer[ash].route: the same session and route as dealer 'alder': one of them needs another"
    ]
    folder.write("dealers.toml", DEALERS + spoiled(DEALERS, '"alder"\nname', '"ash"\nroute = "ASH"\nname'))
    assert [dealer.route for dealer in folder.load().dealers] == ["", "ASH"]


def test_weights_add_to_one(folder: Folder) -> None:
    folder.write("scoring.toml", "[classic]\nspeed = 0.2\n")
    assert folder.problems() == ["scoring.toml: classic: expected weights that add to 1, found 1.1"]
    folder.write("scoring.toml", "[classic]\nspeed = 0.2\nleakage = 0.1\n")
    assert folder.load().scoring.classic.percent == (
        ("fill_rate", 30),
        ("price_improvement", 40),
        ("leakage", 10),
        ("speed", 20),
    )


def test_a_weight_of_nothing_is_left_out(folder: Folder) -> None:
    folder.write("scoring.toml", "[classic]\nleakage = 0\nspeed = 0.3\n")
    assert [metric for metric, _ in folder.load().scoring.classic.percent] == [
        "fill_rate",
        "price_improvement",
        "speed",
    ]


def test_weights_add_up_as_decimals(folder: Folder) -> None:
    # In binary these add to 0.9999999999999999.
    folder.write("scoring.toml", "[classic]\nfill_rate = 0.7\nprice_improvement = 0.1\nleakage = 0.1\nspeed = 0.1\n")
    assert folder.load().scoring.classic.fill_rate == Decimal("0.7")
    folder.write("scoring.toml", "[classic]\nfill_rate = 0.3000000000001\n")
    assert folder.problems() == ["scoring.toml: classic: expected weights that add to 1, found 1.0000000000001"]


def test_a_dealer_in_the_desks_words(folder: Folder) -> None:
    folder.write("dealers.toml", DEALERS + 'undelivered = "person"\nfirm_time_s = 15\n')
    (dealer,) = folder.load().dealers
    profile = dealer.profile()
    assert (profile.id, profile.lei, profile.undelivered) == ("alder", "0000DEMOALDER0000026", Undelivered.PERSON)
    assert (profile.firm_time_s, profile.trades(AssetClass.CORPORATE)) == (15.0, True)


PROFILE = """
legal_name = "Alder Securities LLC"
notes = ["asks for two-way"]

[[dealer.desk]]
name = "Credit"
asset_classes = ["corporate"]

[[dealer.desk]]
name = "Other"
note = "closes early"

[[dealer.contact]]
name = "Ann"
desk = "Credit"
email = "ann@example.com"
phone = "+1 555 0100"

[[dealer.agreements]]
kind = "master"
begins = 2026-01-05
ends = 2026-12-31
reference = "MA-1"
"""


def test_desks_contacts_and_agreements_of_a_dealer(folder: Folder) -> None:
    folder.write("dealers.toml", DEALERS + PROFILE)
    (dealer,) = (each.profile() for each in folder.load().dealers)
    assert (dealer.legal_name, dealer.notes) == ("Alder Securities LLC", ("asks for two-way",))
    credit, other = dealer.desks
    assert (credit.name, credit.asset_classes, other.asset_classes) == ("Credit", (AssetClass.CORPORATE,), ())
    (ann,) = dealer.contacts
    assert (ann.name, ann.desk, ann.email, ann.phone) == ("Ann", "Credit", "ann@example.com", "+1 555 0100")
    (agreement,) = dealer.agreements
    assert (agreement.begins, agreement.ends) == (datetime.date(2026, 1, 5), datetime.date(2026, 12, 31))


def test_plain_texts_stand_for_desk_contact_and_agreements(folder: Folder) -> None:
    folder.write("dealers.toml", DEALERS + 'desk = "Credit"\ncontact = "a@b"\nagreements = ["master", "clearing"]\n')
    (dealer,) = (each.profile() for each in folder.load().dealers)
    assert ([each.name for each in dealer.desks], [each.name for each in dealer.contacts]) == (["Credit"], ["a@b"])
    assert dealer.agreements_on(datetime.date(1990, 1, 1)) == ("master", "clearing")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("desk = 3", "desk: expected tables [[dealer.desk]], or a text, found 3", id="a number"),
        pytest.param('desk = ""', "desk: expected a text that is not empty, found an empty text", id="an empty text"),
        pytest.param(
            "agreements = [1]", "agreements[1]: expected a table [dealer.agreements], or a text, found 1", id="1"
        ),
        pytest.param("[[dealer.desk]]", "desk[1].name: missing: expected a text", id="a desk without a name"),
        pytest.param(
            '[[dealer.desk]]\nname = "A"\nnam = "B"',
            "desk[A].nam: unknown key (did you mean 'name'?)",
            id="a word that is none",
        ),
        pytest.param('desk = ["A", "A"]', "desk[A]: a second desk of this name", id="two desks of a name"),
        pytest.param(
            '[[dealer.desk]]\nname = "A"\nasset_classes = ["municipal"]',
            "desk[A].asset_classes: expected some of the dealer's own ('corporate'), found 'municipal'",
            id="a desk beyond its dealer",
        ),
        pytest.param(
            '[[dealer.contact]]\nname = "Ann"\ndesk = "B"',
            "contact[Ann].desk: expected the name of a [[dealer.desk]] (there is none), found 'B'",
            id="a contact at no desk",
        ),
        pytest.param(
            'contact = ["Ann", "Ann"]', "contact[Ann]: a second contact of this name", id="two contacts of a name"
        ),
        pytest.param(
            '[[dealer.contact]]\nname = "Ann"\nphone = "later"',
            "contact[Ann].phone: expected a phone number: digits, blanks, '+' first, found the text \"later\"",
            id="no phone number",
        ),
        pytest.param(
            '[[dealer.agreements]]\nkind = "m"\nbegins = "2026-01-05"',
            'agreements[m].begins: expected a date, as in 2026-01-05, found the text "2026-01-05"',
            id="a date that is a text",
        ),
        pytest.param(
            '[[dealer.agreements]]\nkind = "m"\nbegins = 2026-01-05T00:00:00Z',
            "agreements[m].begins: expected a date, as in 2026-01-05, found 2026-01-05 00:00:00+00:00",
            id="a date with a time",
        ),
        pytest.param(
            '[[dealer.agreements]]\nkind = "m"\nbegins = 2026-01-05\nends = 2026-01-04',
            "agreements[m].ends: expected a day from begins (2026-01-05) on, found 2026-01-04",
            id="ends before it begins",
        ),
    ],
)
def test_a_wrong_line_of_a_profile_is_named(folder: Folder, text: str, problem: str) -> None:
    folder.write("dealers.toml", DEALERS + text + "\n")
    assert folder.problems() == [f"dealers.toml: dealer[alder].{problem}"]


def test_mistakes_of_all_files_come_together(folder: Folder) -> None:
    folder.write("engine.toml", ENGINE + OMS + DEALER + "[fix]\nheart_bt_int_s_max = 20\n")
    folder.write("dealers.toml", DEALERS + "x = 1\ny = 2\n")
    folder.write("scoring.toml", "window_days = 0\n[classic]\nspeed = 2\n")
    assert folder.problems() == [
        "engine.toml: session[oms].heart_bt_int_s: expected 1 to 20 (fix.heart_bt_int_s_min and _max), found 30",
        "engine.toml: session[alder].heart_bt_int_s: expected 1 to 20 (fix.heart_bt_int_s_min and _max), found 30",
        "dealers.toml: dealer[alder].x: unknown key (known: id, name, lei, session, route, legal_name, desk, contact,"
        " agreements, notes, asset_classes, specialties, notional_max, firm_time_s, accept, undelivered, quantity_unit,"
        " loser_notice, paused)",
        "dealers.toml: dealer[alder].y: unknown key (known: id, name, lei, session, route, legal_name, desk, contact,"
        " agreements, notes, asset_classes, specialties, notional_max, firm_time_s, accept, undelivered, quantity_unit,"
        " loser_notice, paused)",
        "scoring.toml: window_days: expected a whole number from 1 to 3650, found 0",
        "scoring.toml: classic.speed: expected a number from 0 to 1, found 2",
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        pytest.param(
            "engine.toml",
            "[engine]\nname rfq\n",
            "line 2, column 6: expected '=' after a key in a key/value pair",
            id="syntax",
        ),
        pytest.param("scoring.toml", "a = 1\na = 2\n", "line 2, column 6: cannot overwrite a value", id="a key twice"),
    ],
)
def test_a_syntax_error_says_where(folder: Folder, name: str, text: str, problem: str) -> None:
    folder.write(name, text)
    assert [line for line in folder.problems() if line.startswith(name)] == [f"{name}: {problem}"]


def test_a_file_that_is_not_there(folder: Folder) -> None:
    (folder.path / "dealers.toml").unlink()
    assert folder.problems() == [
        f"dealers.toml: cannot be read: No such file or directory ({folder.path / 'dealers.toml'})"
    ]


def test_a_file_that_is_no_text(folder: Folder) -> None:
    (folder.path / "scoring.toml").write_bytes(b"window_days = 9 # \xff\n")
    (line,) = folder.problems()
    assert line.startswith("scoring.toml: expected UTF-8, found byte 0xff at offset 18, line 1, in 'ÿ' if it is")


def test_files_with_a_byte_order_mark_are_the_same_files(folder: Folder) -> None:
    for path in folder.path.glob("*.toml"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [each.key for each in folder.load().sessions] == ["oms", "alder"]


def test_a_missing_table_names_what_it_would_need(folder: Folder) -> None:
    folder.write("engine.toml", spoiled(ENGINE, "[risk]\nnotional_max = 50_000_000\n", "") + OMS + DEALER)
    assert folder.problems() == ["engine.toml: risk: missing: expected a table"]


# What a right configuration gives.


def test_defaults_and_paths(folder: Folder) -> None:
    config = folder.load()
    assert config.journal.path == folder.path / "var/journal.db"
    assert config.journal.durability is Durability.FULL
    assert config.reference.securities == folder.path / "securities.csv"
    assert config.risk.notional_max == Decimal(50_000_000)
    assert (config.rfq.wait_s, config.rfq.stale_order_s, config.tca.reversion_s) == (120.0, 60.0, 1800.0)
    assert config.session("alder").addresses == (("127.0.0.1", 9901),)
    assert config.session("oms").addresses == ()
    assert [session.key for session in config.sessions_of(SessionRole.DEALER)] == ["alder"]
    with pytest.raises(KeyError):
        config.session("birch")


def test_decimals_are_what_the_file_says(folder: Folder) -> None:
    folder.write("dealers.toml", DEALERS + "notional_max = 1000000.10\n")
    assert folder.load().dealers[0].notional_max == Decimal("1000000.10")


def test_backups_follow_the_first_address(folder: Folder) -> None:
    folder.write("engine.toml", ENGINE + OMS + DEALER + 'backup = ["10.0.0.2:9911", "[::1]:9912"]\n')
    assert folder.load().session("alder").addresses == (("127.0.0.1", 9901), ("10.0.0.2", 9911), ("::1", 9912))


@pytest.mark.parametrize(
    ("table", "described"),
    [
        pytest.param('start = "09:00"\nend = "17:30"', "open until 17:30 Europe/London", id="every day"),
        pytest.param(
            'days = ["mon", "tue", "fri"]\nstart = "18:00"\nend = "06:00"\nreset = "period"',
            "closed until Fri 18:00 Europe/London; numbers begin anew Fri 18:00 Europe/London",
            id="overnight, some days",
        ),
        pytest.param(
            'start_day = "sun"\nend_day = "fri"\nstart = "22:00"\nend = "21:00:30"',
            "open until Fri 21:00:30 Europe/London",
            id="a week",
        ),
        pytest.param('start = "00:00"\nend = "00:00"', "always open", id="around the clock"),
    ],
)
def test_a_schedule(folder: Folder, table: str, described: str) -> None:
    """The same as an inline table or as a table of its own below its session."""
    folder.write("engine.toml", ENGINE + OMS + f'\n[session.schedule]\ntime_zone = "Europe/London"\n{table}\n' + DEALER)
    config = folder.load()
    assert config.session("alder").schedule is None
    schedule = session_settings.settings(config.fix, config.session("oms")).schedule
    assert schedule is not None
    wednesday_noon = 1_795_608_000 * 1_000_000_000
    assert schedule.describe(wednesday_noon) == described


def test_secrets_come_from_the_environment_and_stay_out_of_sight(folder: Folder) -> None:
    keys = 'username_env = "ALDER_USER"\npassword_env = "ALDER_PASSWORD"\n'
    folder.write("engine.toml", ENGINE + OMS + DEALER + keys)
    config = folder.load({"ALDER_USER": "desk7", "ALDER_PASSWORD": "open sesame"})
    session = config.session("alder")
    assert (session.username, session.password) == ("desk7", "open sesame")
    assert "sesame" not in repr(config)
    assert "desk7" not in repr(config)
    assert all("sesame" not in text.text for text in config.texts)


def test_a_secret_file_is_for_its_owner_alone(folder: Folder) -> None:
    secret = folder.write("alder.password", "open sesame\nnot this\n")
    folder.write("engine.toml", ENGINE + OMS + DEALER + 'password_file = "alder.password"\n')
    secret.chmod(0o644)
    assert folder.problems() == [
        f"engine.toml: session[alder].password_file: others can read {secret} (mode 644): chmod 600 it"
    ]
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert folder.load().session("alder").password == "open sesame"
    secret.write_text("\n")
    assert folder.problems() == [
        f"engine.toml: session[alder].password_file: {secret} has no password in its first line"
    ]
    secret.unlink()
    assert folder.problems() == [
        f"engine.toml: session[alder].password_file: {secret} cannot be read: No such file or directory"
    ]


def test_a_password_is_named_once(folder: Folder) -> None:
    folder.write("p", "x\n").chmod(0o600)
    folder.write("engine.toml", ENGINE + OMS + DEALER + 'password_env = "P"\npassword_file = "p"\n')
    assert folder.problems({"P": "x"}) == [
        "engine.toml: session[alder].password_file: the password is named twice:"
        " keep one of password_env and password_file"
    ]


def test_a_table_of_an_entry_is_asked_for_as_it_is_written(folder: Folder) -> None:
    folder.write("engine.toml", ENGINE + OMS + DEALER + "schedule = 5\n")
    assert folder.problems() == ["engine.toml: session[alder].schedule: expected a table [session.schedule], found 5"]


TLS = '[fix.tls]\ncertificate = "us.pem"\nkey = "us.key"\n'


@pytest.mark.parametrize(
    ("fix", "of_oms", "problem"),
    [
        pytest.param(
            "[fix]\nlisten_plain = false\n",
            "",
            "fix.listen_plain: expected true without a table [fix.tls]: acceptors need a port",
            id="no port at all",
        ),
        pytest.param(
            f"[fix]\nlisten_plain = false\n{TLS}",
            "",
            "session[oms].tls: expected true: there is no plain port, fix.listen_plain is false",
            id="no port that it takes",
        ),
        pytest.param(
            "", "tls = true\n", "session[oms].tls: there is no port for TLS: a table [fix.tls] is missing", id="no TLS"
        ),
        pytest.param(
            TLS,
            f'tls = true\ntls_pin_sha256 = ["{"ab" * 32}"]\n',
            "session[oms].tls_pin_sha256: no certificate of a client is ever asked for: fix.tls.client_ca is missing",
            id="a pin to what nobody shows",
        ),
        pytest.param(
            TLS,
            'tls = true\ntls_pin_file = "oms.pem"\n',
            "session[oms].tls_pin_file: no certificate of a client is ever asked for: fix.tls.client_ca is missing",
            id="pinned certificates that nobody shows",
        ),
        pytest.param(
            f'{TLS}client_crl = "clients.crl"\n',
            "",
            "fix.tls.client_crl: of no use without client_ca: a list is of one of the authorities named there",
            id="revocations of nobody",
        ),
        pytest.param(
            TLS,
            'tls = true\ntls_server_name = "us"\n',
            "session[oms].tls_server_name: this is an initiator's: what the engine shows and accepts as a server is"
            " [fix.tls]",
            id="an acceptor with terms of an initiator",
        ),
        pytest.param(
            f'{TLS}key_password_env = "NO_SUCH"\n',
            "",
            "fix.tls.key_password_env: the environment variable NO_SUCH is not set, or empty",
            id="a passphrase that is not there",
        ),
        pytest.param(
            '[fix]\nallow = ["10.1.2.3/8"]\n',
            "",
            "fix.allow[1]: expected an address or a network without host bits, such as 10.1.0.0/16, 192.0.2.7 or"
            ' 2001:db8::/32, found the text "10.1.2.3/8"',
            id="a network that is none",
        ),
    ],
)
def test_ports_and_sessions_fit_together(folder: Folder, fix: str, of_oms: str, problem: str) -> None:
    folder.write("engine.toml", ENGINE + fix + OMS + of_oms + DEALER)
    assert folder.problems() == [f"engine.toml: {problem}"]


def test_terms_of_tls(folder: Folder) -> None:
    secret = folder.write("us.pass", "open sesame\n")
    secret.chmod(0o600)
    listening = f'{TLS}client_ca = "clients.pem"\nkey_password_file = "us.pass"\n'
    pinned = f'tls = true\ntls_pin_sha256 = ["{":".join(["AB"] * 32)}"]\nallow = ["10.1.0.0/16", "2001:db8::1"]\n'
    folder.write("engine.toml", ENGINE + listening + OMS + pinned + DEALER)
    config = folder.load()
    assert config.fix.tls is not None
    assert config.fix.tls.certificate == folder.path / "us.pem"
    assert (config.fix.tls.key_password, config.fix.tls_host) == ("open sesame", "127.0.0.1")
    assert "sesame" not in repr(config)
    assert config.session("oms").tls


def test_passphrases_are_read_anew_and_nothing_else(folder: Folder) -> None:
    def seal(name: str, words: str) -> None:
        folder.write(name, words).chmod(0o600)

    seal("us.pass", "open sesame\n")
    seal("calls.pass", "open calls\n")
    seal("alder.password", "fish\n")
    listening = f'{TLS}client_ca = "clients.pem"\nkey_password_file = "us.pass"\n'
    calls = 'tls = true\ntls_certificate = "us.pem"\ntls_key = "us.key"\ntls_key_password_file = "calls.pass"\n'
    folder.write(
        "engine.toml",
        ENGINE + listening + OMS + DEALER + calls + 'username_env = "U"\npassword_file = "alder.password"\n',
    )
    config = folder.load({"U": "us"})
    seal("us.pass", "open barley\n")
    seal("calls.pass", "open oats\n")
    seal("alder.password", "fowl\n")
    renewed = with_passphrases(config, {})
    assert renewed.fix.tls is not None
    assert renewed.fix.tls.key_password == "open barley"
    alder = renewed.session("alder")
    assert (alder.tls_key_password, alder.username, alder.password) == ("open oats", "us", "fish")
    (folder.path / "us.pass").chmod(0o644)
    with pytest.raises(ConfigProblems) as caught:
        with_passphrases(config, {})
    assert [problem.partition(" (")[0] for problem in caught.value.problems] == [
        f"engine.toml: fix.tls.key_password_file: others can read {folder.path / 'us.pass'}"
    ]


FAST = "[clock]\nspeed = 60\norigin = 2026-01-05T14:30:00+01:00\n"


def test_a_scaled_clock_on_loopback(folder: Folder) -> None:
    folder.write("engine.toml", ENGINE + OMS + DEALER + FAST)
    config = folder.load()
    assert config.clock.speed == 60
    assert config.clock.origin_utc_ns == 1_767_619_800_000_000_000
    assert loopback_only(config)


@pytest.mark.parametrize(
    ("old", "new", "who"),
    [
        pytest.param(
            'host = "127.0.0.1"', 'host = "10.1.2.3"', "session[alder] (10.1.2.3:9901)", id="a dealer far away"
        ),
        pytest.param(
            'host = "127.0.0.1"',
            'host = "dealer.example"',
            "session[alder] (dealer.example:9901)",
            id="a name, not looked up",
        ),
        pytest.param(
            "port = 9901",
            'port = 9901\nbackup = ["192.0.2.1:5"]',
            "session[alder] (192.0.2.1:5)",
            id="a backup far away",
        ),
        pytest.param(
            "[[session]]", '[fix]\nlisten_host = "0.0.0.0"\n[[session]]', "fix.listen_host (0.0.0.0)", id="open to all"
        ),
    ],
)
def test_a_scaled_clock_beyond_loopback_is_refused(folder: Folder, old: str, new: str, who: str) -> None:
    text = ENGINE + OMS + spoiled(DEALER, old, new)
    folder.write("engine.toml", text + FAST)
    problem = (
        "clock.speed: expected 1, found 60: a scaled clock is for demonstrations, where every session is on loopback;"
        f" not so {who}"
    )
    assert folder.problems() == [f"engine.toml: {problem}"]
    folder.write("engine.toml", text)
    config = folder.load()
    assert not loopback_only(config)
    with pytest.raises(ConfigError, match="every session is on loopback"):
        with_clock(config, 60, datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC))


def test_another_clock_keeps_the_rest(folder: Folder) -> None:
    config = folder.load()
    faster = with_clock(config, 2, datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC))
    assert (faster.clock.speed, faster.sessions) == (2, config.sessions)
    with pytest.raises(ConfigProblems, match="expected a number above 0, found 0"):
        with_clock(config, 0, None)


def test_hash_follows_every_file(folder: Folder) -> None:
    before = folder.load()
    assert [text.name for text in before.texts] == ["engine.toml", "dealers.toml", "scoring.toml"]
    assert before.sha256 == folder.load().sha256
    folder.write("scoring.toml", "# a remark\n")
    after = folder.load()
    assert after.sha256 != before.sha256
    assert after.texts[0].sha256 == before.texts[0].sha256


def test_people_at_the_socket() -> None:
    admin = AdminConfig(socket=Path("x"), own_role=Role.TRADER, people=())
    own = admin.person(1000, own_uid=1000)
    assert own is not None
    assert (own.actor, own.role) == ("local", Role.TRADER)
    assert admin.person(1001, own_uid=1000) is None


def test_people_by_uid_and_by_name(folder: Folder) -> None:
    folder.write(
        "engine.toml",
        ENGINE
        + OMS
        + DEALER
        + '[[admin.people]]\nuid = 7\nactor = "m.taylor"\nrole = "trader"\n'
        + '[[admin.people]]\nuser = "root"\nactor = "admin"\nrole = "operator"\n',
    )
    admin = folder.load().admin
    trader, operator = admin.person(7, own_uid=1000), admin.person(0, own_uid=0)
    assert trader is not None
    assert operator is not None
    assert (trader.actor, trader.role) == ("m.taylor", Role.TRADER)
    # An entry of one's own goes before the default role.
    assert (operator.actor, operator.role) == ("admin", Role.OPERATOR)


def test_an_echo_file(folder: Folder) -> None:
    echo = spoiled(
        spoiled(OMS, '"oms"\nrole = "oms"', '"tw42"\nrole = "echo"\nbegin_string = "FIX.4.2"'), "OMS", "TW42"
    )
    path = folder.write(
        "echo.toml", "[fix]\nlisten_port = 0\n" + echo + 'validation = "strict"\nreset_on_logon = true\n'
    )
    file = load_echo(path, {})
    assert file.fix.listen_port == 0
    assert (file.session[0].begin_string, file.session[0].validation) == ("FIX.4.2", Validation.STRICT)
    folder.write("echo.toml", '[fix]\nallow = ["10.0.0.0/8"]\n' + echo + 'allow = ["10.0.0.0/8"]\n' + NINE_TO_FIVE)
    with pytest.raises(ConfigProblems) as caught:
        load_echo(path, {})
    assert caught.value.problems == tuple(
        f"echo.toml: {key}: an echo acceptor does not heed it: leave it out"
        for key in ("fix.allow", "session[tw42].schedule", "session[tw42].allow")
    )
    folder.write("echo.toml", OMS)
    with pytest.raises(ConfigProblems) as caught:
        load_echo(path, {})
    assert caught.value.problems == ("echo.toml: session[oms].role: expected 'echo' in this file, found 'oms'",)


# The files as shipped.


def test_the_shipped_configuration_is_for_the_paper_market() -> None:
    config = load(ROOT / "engine.toml", {})
    assert loopback_only(config)
    assert [session.key for session in config.sessions_of(SessionRole.DEALER)] == [
        dealer.id for dealer in config.dealers
    ]
    assert {session.sender_comp_id for session in config.sessions} == {"BUYSIDE"}
    assert AssetClass.MUNICIPAL in next(dealer for dealer in config.dealers if dealer.id == "elm").asset_classes


def test_every_key_of_the_shipped_files_is_explained() -> None:
    for name in ("engine.toml", "config/dealers.toml", "config/scoring.toml"):
        lines = (ROOT / name).read_text().splitlines()
        words = {word for line in lines for word in line.partition("#")[2].replace(",", " ").split()}
        for line in lines:
            key, found, rest = line.partition("=")
            if found and not line.startswith("#"):
                assert "#" in rest or key.strip() in words, f"{name}: nothing explains {line!r}"


# What can be verified without starting.


def ready(folder: Folder) -> Folder:
    (folder.path / "rules").mkdir()
    folder.write("rules/default.rules", "")
    folder.write(
        "securities.csv",
        "isin,name,issuer,asset_class\nUS99B001AB35,Quillmere 4.35 2031,Quillmere Foods plc,corporate\n",
    )
    return folder


def test_check_finds_nothing_wrong(folder: Folder) -> None:
    assert check(ready(folder).load()) == []
    assert not (folder.path / "var").exists()


def test_check_names_what_is_not_there(folder: Folder) -> None:
    assert check(folder.load()) == [
        f"rules.directory: {folder.path / 'rules'} is no folder",
        f"reference.securities: {folder.path / 'securities.csv'} cannot be read: No such file or directory",
    ]


def test_check_names_lines_of_the_security_file(folder: Folder) -> None:
    ready(folder)
    folder.write(
        "securities.csv", "isin,name,issuer,asset_class\n" + "US99B001AB36,Quillmere 2031,Quillmere,corporate\n" * 22
    )
    lines = check(folder.load())
    assert lines[0] == (
        "securities.csv:2: Quillmere 2031: isin: expected an ISIN with the right check digit, found 'US99B001AB36'"
    )
    assert lines[-2:] == [
        "securities.csv: and 2 more lines that cannot be used",
        "securities.csv: there is no security in it",
    ]


def test_check_names_a_socket_path_that_is_too_long(folder: Folder) -> None:
    ready(folder)
    name = "s" * 108
    folder.write("engine.toml", spoiled(ENGINE, "var/rfqd.sock", name) + OMS + DEALER)
    length = len(os.fsencode(folder.path)) + 1 + 108
    assert check(folder.load()) == [
        "admin.socket: expected a path of at most 107 bytes, the most a unix socket can have, found " + str(length)
    ]


def test_check_names_sessions_and_dealers_without_work(folder: Folder) -> None:
    ready(folder)
    folder.write("dealers.toml", "")
    assert check(folder.load()) == [
        "session[alder]: no dealer of dealers.toml is reached by it",
        "dealers.toml: there is no dealer in it, nobody can be asked",
    ]
    folder.write("dealers.toml", DEALERS + "paused = true\n")
    assert check(folder.load()) == ["dealers.toml: every dealer is paused, nobody can be asked"]


def test_check_names_a_rule_folder_without_rules(folder: Folder) -> None:
    ready(folder)
    (folder.path / "rules/default.rules").unlink()
    assert check(folder.load()) == [f"rules.directory: {folder.path / 'rules'} has no *.rules file"]


def test_check_names_a_journal_that_is_a_folder(folder: Folder) -> None:
    ready(folder)
    (folder.path / "var/journal.db").mkdir(parents=True)
    assert check(folder.load()) == [
        f"journal.path: {folder.path / 'var/journal.db'} is a folder, expected a file in one"
    ]


def test_what_an_interest_adds_is_the_desks_own(folder: Folder) -> None:
    folder.write("scoring.toml", "[model]\naxe_logit = 0.5\naxe_edge_bps = 3\n")
    assert choice_parameters(folder.load().scoring).axes == AxeParameters(0.5, 3.0)
