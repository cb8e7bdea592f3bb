"""How values are written: the forms that the standard's some thirty field types fall into.

Every pattern is written so that no text can be matched in two ways: a hostile value costs one pass.

Reference: FIX 4.4, Volume 1, "FIX Field Types".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final


class Form(StrEnum):
    """What a value of a field must look like."""

    TEXT = "text"
    INTEGER = "integer"
    LENGTH = "length"
    DECIMAL = "decimal"
    CHAR = "character"
    BOOLEAN = "Y or N"
    TIMESTAMP = "UTC timestamp"
    TIME = "time of day"
    DATE = "date"
    MONTH = "month"
    DATA = "data"


# Types not named here are text: STRING, CURRENCY, EXCHANGE, COUNTRY, the multiple-value lists, TZTIME...
FORMS: Final[Mapping[str, Form]] = {
    "INT": Form.INTEGER,
    "DAYOFMONTH": Form.INTEGER,
    "SEQNUM": Form.LENGTH,
    "NUMINGROUP": Form.LENGTH,
    "LENGTH": Form.LENGTH,
    "TAGNUM": Form.LENGTH,
    "FLOAT": Form.DECIMAL,
    "QTY": Form.DECIMAL,
    "PRICE": Form.DECIMAL,
    "PRICEOFFSET": Form.DECIMAL,
    "AMT": Form.DECIMAL,
    "PERCENTAGE": Form.DECIMAL,
    "CHAR": Form.CHAR,
    "BOOLEAN": Form.BOOLEAN,
    "UTCTIMESTAMP": Form.TIMESTAMP,
    "UTCTIMEONLY": Form.TIME,
    "UTCDATEONLY": Form.DATE,
    "UTCDATE": Form.DATE,
    "LOCALMKTDATE": Form.DATE,
    "MONTHYEAR": Form.MONTH,
    "DATA": Form.DATA,
    "XMLDATA": Form.DATA,
}

MULTIPLE_VALUE_TYPES: Final = frozenset({"MULTIPLEVALUESTRING", "MULTIPLESTRINGVALUE", "MULTIPLECHARVALUE"})

_DAY: Final = (
    r"[0-9]{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    r"|02(?:0[1-9]|1[0-9]|2[0-9]))"
)
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,12})?+"

# A sign is a minus: a leading plus is a format error by session test case 14f.
_PATTERNS: Final[Mapping[Form, str]] = {
    Form.INTEGER: r"-?+[0-9]++",
    Form.LENGTH: r"[0-9]++",
    Form.DECIMAL: r"-?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)",
    Form.CHAR: r"[^\x01]",
    Form.BOOLEAN: r"[YN]",
    Form.TIMESTAMP: f"{_DAY}-{_TIME}",
    Form.TIME: _TIME,
    Form.DATE: _DAY,
    Form.MONTH: r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]|w[1-5])?+",
}

Matcher = Callable[[str], object]

MATCH_ONE: Final[Mapping[Form, Matcher]] = {form: re.compile(pattern).fullmatch for form, pattern in _PATTERNS.items()}
"""One value of a form: None when it is not written so."""

SECTIONS: Final = (Form.LENGTH, Form.INTEGER, Form.DECIMAL, Form.TIMESTAMP, Form.DATE)
"""The forms most values of a message have, checked all at once by `MATCH_SECTIONS`."""

MATCH_SECTIONS: Final[Matcher] = re.compile(
    "".join(rf"(?:{_PATTERNS[form]}\x01)*+FIX[^\x01]*+\x01" for form in SECTIONS)
).fullmatch
"""Values in the order of `SECTIONS`, SOH after each, BeginString(8) after each section.

No value of these forms begins with FIX, and the number of sections is fixed: a value cannot pass for
the end of its section.
"""


def is_well_formed(form: Form, value: str) -> bool:
    """Whether `value` is written as `form` demands; text and data always are."""
    match = MATCH_ONE.get(form)
    return match is None or match(value) is not None
