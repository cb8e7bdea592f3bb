r"""Credentials are shown to nobody: the one place that says which fields they are, and takes them out of text.

Password(554), NewPassword(925), their encrypted forms (1402, 1404) and RawData(96), wherever something looks like FIX:
in the log, in errors, in what people are told and in what is kept of an input that could not be handled. Username(553)
is no secret. Who has the fields of a message apart masks by `SECRET_TAGS`, everybody else by `masked`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

MASK: Final = "***"
SECRET_TAGS: Final = frozenset({96, 554, 925, 1402, 1404})
_DATA_TAGS: Final = frozenset({96, 1402, 1404})
"""Those of them whose length stands in the field before."""

# A field begins behind a delimiter, as it is or as repr() and JSON write SOH, or at least not in the middle of a number
# or word. Zeros before a tag and blanks after it are no FIX; whoever writes so may mean a password all the same. Data
# fields have their length in the field before.
_SOH: Final = r"(?:\x01|\\x01|\\u0001|\^A|\|)"
_SECRET: Final = re.compile(
    r"(?:(?<![\w.])|(?<=\\x01)|(?<=\\u0001)|(?<=\^A))"
    rf"0*(?:(?:95=(?P<raw>\d{{1,9}}){_SOH}96|1401=(?P<old>\d{{1,9}}){_SOH}1402|1403=(?P<new>\d{{1,9}}){_SOH}1404)"
    r"|554|925|96|1402|1404)[ \t]*="
)
_MAY_BE_SECRET: Final = re.compile(r"(?:554|925|96|140[24])[ \t]*=").search
_END: Final = re.compile(r"\x01|\\x01|\\u0001|\^A|\||\n|\Z")
_END_BY_SOH: Final = re.compile(r"\x01|\Z")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def masked(text: str) -> str:
    """The text with the values of credential fields replaced, wherever something in it looks like FIX.

    A value ends at its delimiter. Where the text has SOH only that is one, so a password may have `|` in it; where
    there is no delimiter left, everything to the end of the line goes: too much is masked rather than too little.
    """
    if _MAY_BE_SECRET(text) is None:
        return text
    ends = _END_BY_SOH if "\x01" in text else _END
    pieces: list[str] = []
    at = 0
    while found := _SECRET.search(text, at):
        pieces += text[at : found.end()], MASK
        length = int(found["raw"] or found["old"] or found["new"] or 0)
        end = ends.search(text, min(len(text), found.end() + length))
        assert end is not None  # The end of the text is one.
        at = end.start()
    return "".join((*pieces, text[at:])) if pieces else text


def masked_values(value: Any) -> Any:
    """What is about to become JSON, every text in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked_values(key): masked_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked_values(each) for each in value]
    return value


def may_hold_secret(data: bytes) -> bool:
    """Is it worth looking closer? Cheap, and right whenever it says no."""
    return b"=" in data and _MAY_BE_SECRET(data.decode("latin-1")) is not None


def for_keeping(fields: Iterable[tuple[int, bytes]]) -> bytes:
    """A message of these fields as the journal keeps it for years: without credentials.

    A data field is covered byte for byte, so that it still ends where its length field says; BodyLength(9) and
    CheckSum(10) stay those that came. Logons are never kept: this is for whoever sends a credential elsewhere.
    """
    return b"".join(b"%d=%b\x01" % (tag, _kept(tag, value)) for tag, value in fields)


def _kept(tag: int, value: bytes) -> bytes:
    if tag in _DATA_TAGS:
        return b"*" * len(value)
    return MASK.encode() if tag in SECRET_TAGS else value


def wire(data: bytes) -> str:
    """A FIX message for people: SOH as `|`, credentials masked, what is not printable escaped."""
    return one_line(masked(data.decode("latin-1")))


def printable(text: str) -> str:
    """SOH as `|`, other control characters but the line feed as escapes."""
    return _CONTROL.sub(_shown, text)


def one_line(text: str) -> str:
    return printable(text).replace("\n", "\\n")


def _shown(control: re.Match[str]) -> str:
    return "|" if control[0] == "\x01" else control[0].encode("unicode_escape").decode()
