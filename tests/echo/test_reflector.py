"""What an echo acceptor says to a message: the message, in the order a suite expects, or that it takes none such."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from echo.reflector import Answer, Reflector

from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import Message

HEADER = "34=7|49=TW44|52=20260102-10:11:12.123|56=ISLD|"


def message(text: str, begin_string: str = "FIX.4.4") -> Message:
    kind, _, rest = text.partition("|")
    content = f"{kind}|{HEADER}{rest}".replace("|", "\x01").encode()
    head = f"8={begin_string}\x019={len(content)}\x01".encode() + content
    return codec.decode(head + f"10={sum(head) % 256:03d}\x01".encode(), built_in(begin_string))


def shown(answer: Answer | None) -> str:
    assert answer is not None
    header = "".join(f"{tag}={value.decode()}|" for tag, value in answer.header)
    return f"35={answer.msg_type}|{header}{answer.body.decode()}".replace("\x01", "|")


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        pytest.param(
            "35=D|60=20260102-10:11:12|11=a|55=MSFT|54=1|40=1|",
            "35=D|11=a|40=1|54=1|55=MSFT|60=20260102-10:11:12|",
            id="ascending tags, whatever the order they came in",
        ),
        pytest.param(
            "35=D|43=Y|97=Y|122=20260102-10:11:11|115=JCD|11=a|",
            "35=D|97=Y|115=JCD|11=a|",
            id="97 and routing are kept, 43 and 122 are not",
        ),
        pytest.param(
            "35=D|11=a|453=2|448=AAA|447=D|452=1|448=BBB|447=N|452=17|802=1|523=x|803=1|1=ACC|",
            "35=D|1=ACC|11=a|453=2|448=AAA|447=D|452=1|448=BBB|447=N|452=17|802=1|523=x|803=1|",
            id="entries of groups, nested ones too, in the order of the dictionary",
        ),
        pytest.param("35=d|320=r|322=s|323=6|454=0|", "35=d|320=r|322=s|323=6|454=0|", id="a group without entries"),
        pytest.param(
            "35=C|164=1|94=0|147=subject|33=1|58=one|95=3|96=a|b|",
            "35=C|33=1|58=one|94=0|95=3|96=a|b|147=subject|164=1|",
            id="an Email, with SOH in its data",
        ),
        pytest.param(
            "35=D|11=a|93=3|89=x|y|",
            "35=D|11=a|93=3|89=x|y|",
            id="a length before its data although its tag is higher",
        ),
        pytest.param(
            "35=C|354=99|147=subject|355=text|",
            "35=C|147=subject|354=4|355=text|",
            id="a length that was not before its data says the data's own",
        ),
        pytest.param(
            "35=|11=a|", "35=j|45=7|58=Unsupported Message Type|380=3|", id="a message without a type, validation off"
        ),
        pytest.param(
            "35=8|37=o|17=e|",
            "35=j|45=7|58=Unsupported Message Type|372=8|380=3|",
            id="anything else is an unsupported type",
        ),
    ],
)
def test_answers(came: str, goes: str) -> None:
    assert shown(Reflector(built_in("FIX.4.4")).answer(message(came))) == goes


def test_a_group_that_other_messages_have_with_other_members() -> None:
    """NoRelatedSym(146) counts UnderlyingSymbol(311) in a SecurityDefinition(d) of FIX.4.2, RelatdSym(46) elsewhere."""
    text = "35=d|146=2|311=MSFT|54=1|311=IBM|309=459200|320=r|322=s|323=4|"
    assert shown(Reflector(built_in("FIX.4.2")).answer(message(text, "FIX.4.2"))) == text


def test_on_fixt_an_unsupported_type_is_answered_with_the_version() -> None:
    came = message("35=8|37=o|", "FIXT.1.1")
    answer = Reflector(built_in("FIXT.1.1"), "9").answer(came)
    assert shown(answer) == "35=j|45=7|58=Unsupported Message Type|372=8|380=3|1137=9|"


def test_an_order_that_may_be_a_repetition_comes_back_only_if_it_is_none() -> None:
    reflector = Reflector(built_in("FIX.4.4"))
    again = message("35=D|97=Y|11=a|")
    assert reflector.answer(again) is not None, "not seen before"
    assert reflector.answer(again) is None
    assert reflector.answer(message("35=D|11=a|")) is not None, "it does not say that it may be one"
    reflector.logged_on()
    assert reflector.answer(again) is not None, "remembered since the logon only"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echo.reflector.SEEN_MAX", 2)
    reflector = Reflector(built_in("FIX.4.4"))
    for name in "abc":
        reflector.answer(message(f"35=D|11={name}|"))
    assert reflector.answer(message("35=D|97=Y|11=a|")) is not None, "forgotten"
    assert reflector.answer(message("35=D|97=Y|11=c|")) is None
