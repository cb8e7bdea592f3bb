"""`rfqctl session messages`: what the journal has of a session, by name, masked, from the file alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.admin import cli
from engine.clock import NS_PER_S
from engine.fix.wire import codec
from engine.journal.batch import NumberRow, SessionRow, StagedTurn, TakenIn
from engine.journal.writer import Journal

START_NS = 1_795_446_000 * NS_PER_S
SECRET = "hunter2"


def frame(msg_type: str, seq: int, *fields: tuple[int, str], poss_resend: bool = False) -> bytes:
    return codec.frame(
        begin_string="FIX.4.4",
        msg_type=msg_type,
        seq_num=seq,
        sender="OMS",
        target="BUYSIDE",
        sending_time="20261123-15:00:00.000",
        body=codec.encode_body(fields),
        poss_resend=poss_resend,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """An OMS: a Logon each way, an order, its report, a reset, the report again, a message with secrets in it."""
    order = frame("D", 2, (11, "o1"), (54, "1"), (453, "1"), (448, "KIM"), (447, "D"), (452, "11"))
    report = frame("8", 2, (37, "O-1"), (150, "0"), (39, "0"))
    again = frame("8", 2, (37, "O-1"), (150, "0"), (39, "0"), poss_resend=True)
    secret = frame("BE", 2, (553, "kim"), (95, "7"), (96, SECRET), (554, SECRET), (925, SECRET))
    rows: list[tuple[int, str, int, bytes | None]] = [
        (1, "out", 1, None),
        (1, "in", 2, order),
        (1, "out", 2, report),
        (2, "out", 1, None),
        (2, "out", 2, again),
        (2, "in", 2, secret),
    ]
    path = tmp_path / "journal.db"
    file = Journal(path, "normal", reserve_bytes=0)
    try:
        turns = []
        for number, (epoch, direction, seq, data) in enumerate(rows, 1):
            utc_ns = START_NS + number * NS_PER_S
            session = SessionRow("oms", epoch, 3, 3, 0, utc_ns)
            turn = StagedTurn(number, utc_ns, "Received", "", "", sessions=(session,))
            if direction == "in":
                assert data is not None
                turns.append(turn._replace(taken_in=TakenIn("oms", epoch, seq, data)))
            else:
                row = NumberRow("oms", epoch, seq, None, data, poss_resend=int(data is again))
                turns.append(turn._replace(sent=(row,)))
        file.commit(turns)
    finally:
        file.close()
    return path


def shown(capsys: pytest.CaptureFixture[str], journal: Path, *words: str, status: int = 0) -> list[str]:
    assert cli.main(["session", "messages", *words, "--journal", str(journal)]) == status
    caught = capsys.readouterr()
    assert SECRET not in caught.out + caught.err
    return (caught.err if status else caught.out).splitlines()


def test_a_line_a_message_oldest_first_with_names(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, journal, "oms") == [
        "2026-11-23T15:00:01.000Z > 1:1 session message: its bytes are not kept",
        "2026-11-23T15:00:02.000Z < 1:2 NewOrderSingle(D) ClOrdID=o1 Side=1(Buy) NoPartyIDs=1 PartyID=KIM "
        "PartyIDSource=D(Proprietary) PartyRole=11(OrderOriginationTrader)",
        "2026-11-23T15:00:03.000Z > 1:2 ExecutionReport(8) OrderID=O-1 ExecType=0(New) OrdStatus=0(New)",
        "2026-11-23T15:00:04.000Z > 2:1 session message: its bytes are not kept",
        "2026-11-23T15:00:05.000Z > 2:2 ExecutionReport(8) PossResend=Y OrderID=O-1 ExecType=0(New) OrdStatus=0(New)",
        "2026-11-23T15:00:06.000Z < 2:2 UserRequest(BE) Username=kim RawDataLength=7 RawData=*** Password=*** "
        "NewPassword=***",
    ]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        pytest.param(["--last", "2"], ["> 2:2", "< 2:2"], id="the last two"),
        pytest.param(["--direction", "in"], ["< 1:2", "< 2:2"], id="one way"),
        pytest.param(["--from", "2"], ["> 2:2", "< 2:2"], id="numbers are those of the latest epoch"),
        pytest.param(["--from", "1", "--to", "1"], ["> 2:1"], id="from and to"),
        pytest.param(["--epoch", "1", "--to", "2"], ["> 1:1", "< 1:2", "> 1:2"], id="of an epoch"),
        pytest.param(["--epoch", "1", "--last", "1"], ["> 1:2"], id="the last of an epoch"),
        pytest.param(["--from", "7"], [], id="none"),
    ],
)
def test_which_messages(
    journal: Path, capsys: pytest.CaptureFixture[str], words: list[str], numbers: list[str]
) -> None:
    assert [" ".join(line.split()[1:3]) for line in shown(capsys, journal, "oms", *words)] == numbers


def test_raw_is_the_message_as_it_is_but_for_secrets(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = shown(capsys, journal, "oms", "--last", "1", "--raw")
    assert line.partition("(BE) ")[2].startswith("8=FIX.4.4|9=")
    assert "|553=kim|95=7|96=***|554=***|925=***|10=" in line


def test_a_field_a_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, journal, "oms", "--from", "2", "--epoch", "1", "--direction", "in", "--fields")
    assert lines[0] == "2026-11-23T15:00:02.000Z < 1:2 NewOrderSingle(D)"
    assert "54 Side = 1 (Buy)" in [line.strip() for line in lines]


def test_json_is_a_message_a_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [json.loads(line) for line in shown(capsys, journal, "oms", "--json", "--raw")]
    assert [each["seq_num"] for each in found] == [1, 2, 2, 1, 2, 2]
    assert [each["poss_resend"] for each in found].count(True) == 1
    assert found[0]["fields"] == []
    assert (found[2]["epoch"], found[2]["direction"], found[2]["name"]) == (1, "out", "ExecutionReport")
    assert found[5]["raw"].startswith("8=FIX.4.4|")


def test_a_session_there_is_not(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = shown(capsys, journal, "osm", status=1)
    assert line.endswith("journal.db has no session 'osm': it has oms")


def test_a_number_that_is_none(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["session", "messages", "oms", "--from", "0", "--journal", str(journal)])
    assert ended.value.code == 2
    assert "argument --from: expected a number from 1, found '0'" in capsys.readouterr().err
