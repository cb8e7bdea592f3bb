"""What dealers advertise, over a session: the golden script, and that it is the same after a restart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from desk_past import LIQUID
from session_world import SessionWorld

from engine.clock import NS_PER_S, fix_timestamp
from engine.desk.apply import apply
from engine.desk.state import DeskState
from engine.fix.session.phases import Phase

SCRIPTS = (Path(__file__).parents[1] / "golden" / "interests.txt").read_text().split("\n---\n")[1:]


def name_of(script: str) -> str:
    return script.splitlines()[0].removeprefix("# ")


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_golden_script(script: str) -> None:
    world = SessionWorld()
    world.log_on("ash")
    heard: list[dict[int, str]] = []
    for line in script.splitlines()[1:]:
        sign, _, text = line.partition(" ")
        text = text.replace("{BOND}", LIQUID.security_id)
        text = re.sub(r"\{IN (\d+)\}", lambda found: fix_timestamp(world.now.utc_ns + int(found[1]) * NS_PER_S), text)
        pairs = (
            [(int(tag), value) for tag, _, value in (each.partition("=") for each in text.split("|"))]
            if "|" in text
            else []
        )
        if sign == ">":
            assert not heard, f"not in the script: {heard}"
            said = len(world.sent("ash"))
            world.say("ash", pairs[0][1], *pairs[1:])
            heard = [dict(each) for each in world.sent("ash")[said:]]
        elif sign == "<":
            answer = heard.pop(0)
            assert {tag: answer.get(tag) for tag, _ in pairs} == dict(pairs)
        elif sign == "=":
            live = world.trading.state.axes_of_dealer("ash", world.now.utc_ns)
            assert " ".join(sorted(each.axe_id for each in live)) == text
        else:
            world.advance(float(text))
    assert not heard, f"not in the script: {heard}"
    assert world.phase("ash") is Phase.ACTIVE
    folded = DeskState()
    for event in world.events:
        apply(folded, event)
    assert folded.digest() == world.trading.state.digest()
