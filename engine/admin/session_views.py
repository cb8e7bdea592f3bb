"""FIX sessions as people read them: all in a table, one in detail, and what became of a command."""

from __future__ import annotations

from typing import Final

from engine.admin import tls_views
from engine.admin.tables import Cell, Column, Paper, seconds, table
from engine.admin.views import Answer, Lines, state, who
from engine.masking import one_line

_NAME_WIDTH: Final = 13
_ALARMING: Final = frozenset(
    {
        "cannot_connect",
        "disconnect",
        "disabled",
        "gap_timeout",
        "resend_loop",
        "logon_refused",
        "input_refused",
        "peer_expects",
    }
)


def sessions(paper: Paper, answer: Answer) -> Lines:
    columns = [
        Column("session"),
        Column("role"),
        Column("peer"),
        Column("state"),
        Column("epoch", right=True),
        Column("next in", right=True),
        Column("next out", right=True),
        Column("confirmed", right=True),
        Column("waiting", right=True),
        Column("peer expects", right=True),
        Column("last reason"),
    ]
    rows = [
        (
            each["session"],
            each["role"],
            each["peer"],
            _standing(each),
            str(each["epoch"]),
            str(each["next_in"]),
            str(each["next_out"]),
            str(each["confirmed_out"]),
            str(each["waiting"] or ""),
            str(each["peer_expects"] or ""),
            one_line(each["reason"] or ""),
        )
        for each in answer["sessions"]
    ]
    return table(paper, columns, rows)


def _standing(each: Answer) -> Cell:
    if each["resending"]:
        return Cell("resending", "yellow")
    if each["closed"] and each["state"] == "disconnected":
        return Cell(each["closed"], "yellow")
    if not each["enabled"] and each["state"] != "disabled":
        return Cell(f"{each['state'].replace('_', ' ')}, disabled", "yellow")
    return state(each["state"])


def show(paper: Paper, answer: Answer) -> Lines:
    """One session in detail; what there is nothing to say of is left out."""
    rows: list[tuple[str, Cell | str]] = [
        ("session", f"{answer['session']}, role {answer['role']}, {answer['begin_string']}"),
        ("we are", f"{answer['ours']}, the peer is {answer['peer']}"),
        ("connects", _connects(answer)),
        ("state", _since(paper, answer)),
        *([("hours", answer["hours"]["text"])] if answer["hours"] is not None else []),
        ("epoch", str(answer["epoch"])),
        ("next in", str(answer["next_in"])),
        ("next out", f"{answer['next_out']}, confirmed up to {answer['confirmed_out']}"),
    ]
    if answer["peer_expects"] is not None:
        rows.append(("peer expects", Cell(str(answer["peer_expects"]), "red")))
    rows.append(("HeartBtInt", f"{answer['heart_bt_int_s']} s"))
    if answer["last_received"] or answer["last_sent"]:
        rows.append(("last received", answer["last_received"] or "never"))
        rows.append(("last sent", answer["last_sent"] or "never"))
    if answer["test_request"]:
        rows.append(("TestRequest", f"{answer['test_request']} is unanswered"))
    if answer["round_trip_s"] is not None:
        rows.append(("round trip", seconds(answer["round_trip_s"])))
    rows += _certificates(answer)
    rows += _outstanding(answer)
    if answer["switch"] is not None:
        switch = answer["switch"]
        words = f"{who(switch['actor'])} at {switch['since']}: {switch['reason']}"
        rows.append(("enabled by", words) if switch["enabled"] else ("DISABLED by", Cell(words, "red")))
    last = answer["last_disconnect"]
    if last is not None:
        words = f"{last['code']} at {last['time']}, by {who(last['by'])}"
        words += f": {one_line(last['text'])}" if last["text"] else ""
        rows += [("last end", Cell(words, "yellow")), ("  it means", last["meaning"]), ("  what to do", last["advice"])]
    lines = [f"{paper.styled(f'{name:<{_NAME_WIDTH}}', 'dim')} {paper.show(value)}" for name, value in rows]
    return [*lines, "", *_events(paper, answer)]


def _connects(answer: Answer) -> str:
    words = "we connect" if answer["connects"] == "we" else "the peer connects"
    if answer["address"]:
        words += f", now with {answer['address']}" + (" over TLS" if answer["tls"] else "")
    return words + (f", certificate {answer['certificate']}" if answer["certificate"] else "")


def _certificates(answer: Answer) -> list[tuple[str, Cell | str]]:
    """When what this session's handshakes need ends: what the peer has shown, and each file of ours."""
    rows: list[tuple[str, Cell | str]] = []
    if answer["certificate_ends"]["ends"] is not None:
        rows.append(("peer's TLS", tls_views.until(answer["certificate_ends"])))
    rows += [("our TLS", tls_views.until(each, f"{each['key']} ")) for each in answer["tls_files"]]
    return rows


def _since(paper: Paper, answer: Answer) -> str:
    cell = _standing(answer)
    return paper.show(cell) + (f" since {answer['since']}" if answer["since"] else "")


def _outstanding(answer: Answer) -> list[tuple[str, Cell | str]]:
    rows: list[tuple[str, Cell | str]] = []
    if answer["gap"] is not None:
        gap = answer["gap"]
        rows.append(("gap", Cell(f"asked the peer for {gap['begin']} to {gap['end']}", "yellow")))
    if answer["held"]:
        rows.append(("held", f"{answer['held']} message(s) that came too early"))
    if answer["serving"] is not None:
        serving = answer["serving"]
        words = f"{serving['begin']} to {serving['end']}, next is {serving['next']}"
        words += f"; {serving['more']} more request(s) wait" if serving["more"] else ""
        rows.append(("sending again", Cell(words, "yellow")))
    if answer["waiting"]:
        again = ", and what is to be said again after the reset" if answer["rebinding"] else ""
        rows.append(("waiting", f"{answer['waiting']} message(s) without a number{again}"))
    elif answer["rebinding"]:
        rows.append(("waiting", "what is to be said again after the reset"))
    if answer["unsent_bytes"]:
        rows.append(("unsent", f"{answer['unsent_bytes']:,} bytes that the peer has not read yet"))
    return rows


def _events(paper: Paper, answer: Answer) -> Lines:
    if not answer["events"]:
        return ["nothing happened yet"]
    rows = [
        (
            each["time"],
            Cell(each["what"].replace("_", " "), "red" if each["what"] in _ALARMING else ""),
            f"x{each['times']}" if each["times"] > 1 else "",
            one_line(each["text"].replace("person:", "")),
        )
        for each in answer["events"]
    ]
    return table(paper, [Column("last events"), Column("what"), Column("times", right=True), Column("text")], rows)


# --- what was done -------------------------------------------------------------------------------


def logged_on(paper: Paper, answer: Answer) -> Lines:
    return [f"{answer['session']}: connecting now; 'rfqctl session show {answer['session']}' says what comes of it"]


def logged_out(paper: Paper, answer: Answer) -> Lines:
    what = {
        "leaving": "asking whether anything is missing, then Logout(5)",
        "closed": "its own Logout(5) is answered, whatever is missing",
    }
    words = f"{answer['session']}: {what.get(answer['state'], 'Logout(5) sent, waiting for its answer')}"
    if answer["initiator"]:
        words += f"; it connects again by itself: 'rfqctl session disable {answer['session']}' keeps it off"
    return [words]


def disconnected(paper: Paper, answer: Answer) -> Lines:
    return [f"{answer['session']}: closed without Logout(5)"]


def enabled(paper: Paper, answer: Answer) -> Lines:
    what = "connecting now" if answer["initiator"] else "the peer may log on"
    return [paper.styled(f"{answer['session']} is enabled", "green") + f": {what}"]


def disabled(paper: Paper, answer: Answer) -> Lines:
    what = "logging out" if answer["state"] in ("leaving", "logout_sent") else "it was not logged on"
    return [paper.styled(f"{answer['session']} is disabled", "red") + f": {what}; no logon until it is enabled"]


def numbers(paper: Paper, answer: Answer) -> Lines:
    """The answer to `set-seq` and `reset`."""
    was = answer["was"]
    lines = [
        f"{answer['session']}: next in {was['next_in']} to {answer['next_in']}, "
        f"next out {was['next_out']} to {answer['next_out']}, epoch {was['epoch']} to {answer['epoch']}"
    ]
    if answer["again"]:
        lines.append("a new epoch: reports that nobody has confirmed are said again with PossResend(97)=Y")
    lines.append(paper.styled("the peer was not told: it has to set the same numbers", "yellow"))
    return lines


def test_requested(paper: Paper, answer: Answer) -> Lines:
    return [f"{answer['session']}: TestRequest(1) sent; 'rfqctl session show {answer['session']}' has the round trip"]


def sent_again(paper: Paper, answer: Answer) -> Lines:
    what = f"{answer['begin']} to {answer['end']}"
    return [f"{answer['session']}: sending {what} again with PossDupFlag(43)=Y, session messages filled over"]
