"""engine/config/rates.py and [market.rates]: the file of rates, what is wrong with it said by its lines, read again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from test_config import DEALER, ENGINE, OMS, Folder, spoiled

from engine.config import ConfigProblems, load
from engine.config.load import reread
from engine.config.rates import PROBLEMS_SHOWN_MAX, parse_rates
from engine.domain.exchange import Rate

AT = "2026-11-30T16:00:00Z"
AT_NS = int(datetime(2026, 11, 30, 16, tzinfo=UTC).timestamp()) * 1_000_000_000
FILE = f"pair,price,time\nEUR/USD,1.0850,{AT}\nUSDJPY,155.2,2026-11-30T17:00:00+01:00\n"
RATES = (Rate("EUR/USD", Decimal("1.0850"), AT_NS, "rates.csv"), Rate("USD/JPY", Decimal("155.2"), AT_NS, "rates.csv"))
MARKET = """\
[[session]]
key = "md"
role = "market"
sender_comp_id = "BUYSIDE"
target_comp_id = "MD"
connection_type = "initiator"
host = "127.0.0.1"
port = 9902
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    listed = 'securities = "securities.csv"\nrates = "rates.csv"\n'
    made.write("engine.toml", spoiled(ENGINE, 'securities = "securities.csv"\n', listed) + OMS + DEALER)
    made.write("rates.csv", FILE)
    return made


def test_a_file_is_read_line_by_line(folder: Folder) -> None:
    config = folder.load()
    assert config.rates == RATES
    assert [text.name for text in config.texts if text.kind == "rates"] == ["rates.csv"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"\ufeffpair,price,time\r\nEUR/USD,1.0850,{AT}\r\n\r\n", id="a spreadsheet's"),
        pytest.param(f"time, price ,pair\n{AT}, 1.0850 ,EUR/USD\n , , \n", id="columns in another order, blanks"),
    ],
)
def test_ways_to_write_the_same(folder: Folder, text: str) -> None:
    folder.write("rates.csv", text)
    assert folder.load().rates == RATES[:1]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param(f"CHF/USD,0,{AT}", "price: expected a rate from 0.000001 to 1000000, found '0'", id="nothing"),
        pytest.param(
            f"CHF/USD,-1,{AT}", "price: expected a rate in plain digits such as 1.0850, found '-1'", id="negative"
        ),
        pytest.param(f"CHF/USD,1E3,{AT}", "price: expected a rate in plain digits such as 1.0850, found '1E3'", id="E"),
        pytest.param(f'CHF/USD,"1,12",{AT}', "price: expected a rate in plain digits", id="a comma"),
        pytest.param(f"chf/usd,1.12,{AT}", "(did you mean 'CHF'?), found 'chf/usd'", id="lower case"),
        pytest.param(f"CHF/EUR,1.05,{AT}", "pair: CHF/EUR: neither is the base currency USD", id="without the base"),
        pytest.param(f"USD/EUR,.92,{AT}", "price: expected a rate in plain digits", id="no digit in front"),
        pytest.param(f"USD/EUR,0.92,{AT}", "pair: USD/EUR, and line 2 has EUR/USD already", id="twice, turned round"),
        pytest.param("CHF/USD,1.12,2026-11-30", "time: expected a time with its zone", id="a day"),
        pytest.param("CHF/USD,1.12,", "time: expected a time with its zone", id="no time"),
        pytest.param("CHF/USD,1.12", "expected 3 cells, found 2", id="a cell too few"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(folder: Folder, line: str, problem: str) -> None:
    folder.write("rates.csv", FILE + line + "\n")
    (found,) = folder.problems()
    assert found.startswith("rates.csv:4: ")
    assert problem in found


def test_a_file_that_is_no_table_of_rates(folder: Folder) -> None:
    folder.write("rates.csv", "EURUSD;1.085\n")
    assert folder.problems() == ["rates.csv:1: expected the columns pair,price,time, found EURUSD;1.085"]
    folder.write("rates.csv", "")
    assert folder.problems() == ["rates.csv:1: expected the columns pair,price,time, found nothing"]
    (folder.path / "rates.csv").write_bytes(FILE.encode("utf-16"))
    assert "expected UTF-8, found UTF-16" in folder.problems()[0]
    (folder.path / "rates.csv").unlink()
    assert folder.problems()[0].startswith("rates.csv: cannot be read: No such file or directory")


def test_all_that_is_wrong_comes_together_up_to_a_bound() -> None:
    text = "pair,price,time\n" + f"CHF/USD,x,{AT}\n" * 50
    rates, problems = parse_rates(text, "rates.csv", "USD")
    assert rates == ()
    assert len(problems) == PROBLEMS_SHOWN_MAX + 1
    assert problems[-1] == "rates.csv: and 30 more lines that cannot be used"


def test_it_is_read_again_by_itself(folder: Folder) -> None:
    before = folder.load()
    folder.write("rates.csv", f"pair,price,time\nEUR/USD,1.09,{AT}\n")
    assert reread(before, {"limits"}, {}).rates == RATES
    after = reread(before, {"rates"}, {})
    assert [each.price for each in after.rates] == [Decimal("1.09")]
    assert after.sha256 != before.sha256
    folder.write("rates.csv", "pair,price,time\nEUR/USD,0,\n")
    with pytest.raises(ConfigProblems) as caught:
        reread(before, {"rates"}, {})
    assert len(caught.value.problems) == 2, "of one line all that is wrong"


def test_a_file_that_is_broken_at_a_start_gives_way_to_its_text_last_in_force(folder: Folder) -> None:
    folder.write("rates.csv", "pair,price,time\nEUR/USD,0,\n")
    texts = {"rates": FILE}
    config = load(folder.path / "engine.toml", {}, lambda path, kind: texts.get(kind))
    assert config.rates == RATES
    assert list(config.fallen_back) == ["rates"]


def test_without_a_file_there_are_no_rates(tmp_path: Path) -> None:
    config = Folder(tmp_path).load()
    assert config.rates == ()
    assert reread(config, {"rates"}, {}).texts == config.texts


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        pytest.param("age_max_h = 0", "market.rates.age_max_h: expected a number above 0", id="no age"),
        pytest.param('stale = "maybe"', "market.rates.stale: expected one of 'stop', 'use'", id="no such way"),
        pytest.param(
            'session = "alder"', "expected a session of role market, found 'alder' (there are: md)", id="role"
        ),
        pytest.param(
            'pairs = ["EURUSD"]', "market.rates.pairs: nobody is asked for them: session is missing", id="who"
        ),
        pytest.param('session = "md"\npairs = ["eurusd"]', "did you mean 'EUR'", id="lower case"),
        pytest.param('session = "md"\npairs = ["EURGBP"]', "EUR/GBP: neither is the base currency USD", id="base"),
        pytest.param('session = "md"\npairs = ["EURUSD", "EUR/USD"]', "EUR/USD is there twice", id="twice"),
        pytest.param('session = "md"\npairs = ["EURUSD", "USDEUR"]', "USD/EUR and EUR/USD are one rate", id="turned"),
    ],
)
def test_what_is_wrong_with_the_settings(folder: Folder, table: str, problem: str) -> None:
    text = (folder.path / "engine.toml").read_text()
    folder.write("engine.toml", f"{text}{MARKET}[market.rates]\n{table}\n")
    (found,) = folder.problems()
    assert problem in found
    assert found.startswith("engine.toml: market.rates.")


def test_the_settings_come_to_limits(folder: Folder) -> None:
    text = (folder.path / "engine.toml").read_text()
    table = '[market.rates]\nage_max_h = 96\nstale = "use"\njump_max = 0.05\nsession = "md"\npairs = ["EURUSD"]\n'
    folder.write("engine.toml", f"{text}{MARKET}{table}")
    market = folder.load().market
    limits = market.rates.limits(market.ahead_max_s)
    assert (limits.age_ns_max, limits.uses_stale, limits.jump_max) == (96 * 3600 * 10**9, True, 0.05)
