"""One HTTP request: where its head ends in what has come, and what the head says. Bytes in, a value out; no socket.

Why it is ours: of the standard library, `http.server` and `http.client` read from a file that blocks, take folded
lines, repeated Hosts and control characters, and the daemon has one loop and no thread. `Request` holds what three
small resources need; the grammar is all of RFC 9112 but for bodies, which are never read: a connection whose request
has one ends behind the answer.

Reference: RFC 9112 (messages), RFC 9110 (fields, methods, status), RFC 3986 (targets). `# 9112-3.2.2` names a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import Final

METHODS: Final = ("GET", "HEAD", "OPTIONS")
"""What is answered; other methods that are registered are known and not allowed."""

_KNOWN: Final = frozenset(HTTPMethod)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(r"HTTP/([0-9])\.([0-9])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_HOST: Final = re.compile(
    rf"(?:\[[0-9A-Fa-f:.]+\]|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+\]|{_NAME}*)(?::[0-9]*)?"
)
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)((?:[/?].*)?)")
_TARGET: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2}|[\x80-\xff\"<>\\^`{|}])+")
"""Also what browsers and shells leave unescaped in a query; no blank, no control character, no fragment."""
_ESCAPED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_LENGTH: Final = re.compile(r"[0-9]+(?:[ \t]*,[ \t]*[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Request:
    """What a head asks for. `path` has neither query nor needless escapes; `*` is the server as a whole."""

    method: str
    path: str
    accept: str = ""
    keep_alive: bool = True
    has_body: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A head that is not answered as asked. The connection ends behind it: what follows cannot be told."""

    status: HTTPStatus
    text: str


def may_begin(data: bytes) -> bool:
    """Whether a request may begin so: TLS and other protocols do not, and need not wait for a time to be over."""
    return not data or _TOKEN.match(data[:1].decode("latin-1")) is not None


def without_empty_lines(data: bytes) -> bytes:
    """What has come, from the first line on that is not empty: some clients end a body with one.  # 9112-2.2"""
    start = 0
    while data.startswith((b"\r\n", b"\n"), start):
        start = data.index(b"\n", start) + 1
    return data[start:]


def end_of_head(data: bytes) -> tuple[int, int] | None:
    """Where a head ends and where what follows it begins; a bare LF ends a line as CRLF does.  # 9112-2.2"""
    ends = [(at, at + len(mark)) for mark in (b"\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    if not ends:
        return None
    at, after = min(ends)
    return at - data.endswith(b"\r", 0, at), after


def read_head(head: bytes) -> Request | Refusal:
    """A request, or why it is none; `head` has no line end at its end."""
    first, *lines = (line.removesuffix("\r") for line in head.decode("latin-1").split("\n"))
    words = first.split(" ")
    version = _VERSION.fullmatch(words[-1])
    if len(words) != 3 or version is None or not _TOKEN.fullmatch(words[0]):
        return _bad("expected a request line such as 'GET /metrics HTTP/1.1'")
    if version[1] != "1":
        return Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are spoken here")
    method, target = words[0], words[1]
    is_newer = version[2] != "0"  # 9110-2.5: a higher minor version is answered as 1.1.
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        # 9112-5.1, 5.2: no blank before the colon, no folded line. 9110-5.5: no control character.
        if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            return _bad("expected fields such as 'Host: localhost', each on one line")
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    wrong = _wrong_host(fields.get("host", ()), is_needed=is_newer) or _wrong_framing(fields, is_newer=is_newer)
    if wrong is not None:
        return wrong
    if method not in _KNOWN:
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, f"known methods are {', '.join(METHODS)}")  # 9110-9.1
    # 9110-10.1.1: of an HTTP/1.0 client no expectation is heard; the final answer spares the 100.
    if is_newer and any(each != "100-continue" for each in _listed(fields.get("expect", ()))):
        return Refusal(HTTPStatus.EXPECTATION_FAILED, "of expectations 100-continue is known")
    path = _path(method, target)
    if isinstance(path, Refusal):
        return path
    wishes = _listed(fields.get("connection", ()))
    return Request(
        method,
        path,
        ", ".join(fields.get("accept", ())),
        "close" not in wishes and (is_newer or "keep-alive" in wishes),  # 9112-9.3
        "transfer-encoding" in fields or any(int(each) for each in _listed(fields.get("content-length", ()))),
    )


def _path(method: str, target: str) -> str | Refusal:
    """The path of a target in any of its four forms.  # 9112-3.2"""
    if method == "CONNECT":
        return "" if target.rpartition(":")[0] and _HOST.fullmatch(target) else _bad("expected CONNECT HOST:PORT")
    if target == "*":
        return target if method == "OPTIONS" else _bad("only OPTIONS is for *")
    if not _TARGET.fullmatch(target):
        return _bad("expected a target such as /metrics")
    path = target
    if not target.startswith("/"):
        # 9112-3.2.2: a server takes the absolute form in every request, and no notice of Host.
        absolute = _ABSOLUTE.fullmatch(target)
        # 9110-4.2.1, 4.2.4: no empty host, and nobody's name before it.
        if absolute is None or absolute[2][:1] in ("", ":") or not _HOST.fullmatch(absolute[2]):
            return _bad("expected a target such as /metrics or http://localhost/metrics")
        if absolute[1].lower() != "http":
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "http is spoken here")  # 9110-7.4
        path = absolute[3] or ("*" if method == "OPTIONS" else "/")  # 9112-3.2.4
    return _ESCAPED.sub(_unescaped, path.partition("?")[0]) or "/"


def _unescaped(escape: re.Match[str]) -> str:
    """A character that needs no escape is the same with one.  # 3986-6.2.2.2"""
    char = chr(int(escape[1], 16))
    return char if _UNRESERVED.fullmatch(char) else escape[0].upper()


def _wrong_host(hosts: Iterable[str], *, is_needed: bool) -> Refusal | None:
    """9112-3.2: one Host and a valid one; HTTP/1.0 may do without."""
    found = list(hosts)
    if len(found) > 1 or (is_needed and not found):
        return _bad("HTTP/1.1 needs one Host field")
    return None if all(_HOST.fullmatch(each) for each in found) else _bad("expected a Host such as localhost:9464")


def _wrong_framing(fields: dict[str, list[str]], *, is_newer: bool) -> Refusal | None:
    """9112-6: a body whose end can be told, by one of the two ways."""
    lengths, codings = fields.get("content-length"), fields.get("transfer-encoding")
    if lengths is not None:
        if (
            not all(_LENGTH.fullmatch(each) for each in lengths)
            or len({each.lstrip("0") for each in _listed(lengths)}) > 1
        ):
            return _bad("expected one Content-Length, a number of bytes")
        if any(len(each) > 18 for each in _listed(lengths)):
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bodies are not read here")
    if codings is None:
        return None
    named = _listed(codings)
    if lengths is not None or not is_newer or not named or named[-1] != "chunked" or "chunked" in named[:-1]:
        return _bad("expected Transfer-Encoding: chunked alone, in HTTP/1.1")
    if len(named) > 1:
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, "of transfer codings chunked is known")  # 9112-6.1
    return None


def _listed(values: Iterable[str]) -> list[str]:
    """The members of a list field, in small letters; empty ones are none.  # 9110-5.6.1"""
    return [word for value in values for each in value.split(",") if (word := each.strip(" \t").lower())]


def _bad(text: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, text)
