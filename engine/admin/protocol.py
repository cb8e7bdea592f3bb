"""What goes over the admin socket: newline-delimited JSON-RPC 2.0, one object a line.

    > {"jsonrpc":"2.0","id":1,"method":"orders","params":{"state":"open"}}
    < {"jsonrpc":"2.0","id":1,"result":{...}}
    < {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no order 7 ...","data":{"code":"unknown"}}}
    < {"jsonrpc":"2.0","method":"notice","params":{"topic":"fill","time":"...","seq":7,"body":{...}}}

`notice` lines follow a `subscribe`; each has the journal seq of its event, every result the seq that it reflects.

`error.data.code` is the word a program branches on. Batches are not taken: lines are answered in any order.
Reference: JSON-RPC 2.0 specification, sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine.clock import iso_timestamp
from engine.masking import masked_values, may_hold_secret

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REFUSED: Final = -32000
BUSY: Final = -32001
FORBIDDEN: Final = -32002

_LINE: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
_CODES: Final[Mapping[str, int]] = {
    "unknown_command": METHOD_NOT_FOUND,
    "params": INVALID_PARAMS,
    "bug": INTERNAL_ERROR,
    "busy": BUSY,
    "role": FORBIDDEN,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `id` is the caller's own, any text or number."""

    id: str | int
    method: str
    params: Mapping[str, Any]


class BadRequest(Exception):
    """A line that is no request: `code` of JSON-RPC, and the id if one could be read."""

    def __init__(self, code: int, text: str, request_id: str | int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.request_id = request_id


def read_request(line: bytes) -> Request:
    """Raises BadRequest with what is wrong."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRequest(PARSE_ERROR, f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadRequest(INVALID_REQUEST, "expected one JSON object a line")
    request_id = found.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise BadRequest(INVALID_REQUEST, "expected an 'id', a text or a whole number: every call is answered")
    if found.get("jsonrpc") != "2.0":
        raise BadRequest(INVALID_REQUEST, "expected 'jsonrpc' to be '2.0'", request_id)
    method, params = found.get("method"), found.get("params", {})
    if not isinstance(method, str):
        raise BadRequest(INVALID_REQUEST, "expected a 'method'", request_id)
    if not isinstance(params, dict):
        raise BadRequest(INVALID_PARAMS, "expected 'params' by name, an object", request_id)
    return Request(request_id, method, params)


def result_line(request_id: str | int, result: Any) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_line(request_id: str | int | None, code: int, text: str, word: str) -> bytes:
    error = {"code": code, "message": text, "data": {"code": word}}
    return _line({"jsonrpc": "2.0", "id": request_id, "error": error})


def refusal_line(request_id: str | int, text: str, word: str) -> bytes:
    """The answer to a command that was not carried out; `word` is the CommandError's code."""
    return error_line(request_id, _CODES.get(word, REFUSED), text, word)


def notice_line(topic: str, seq: int, body: Mapping[str, Any], utc_ns: int) -> bytes:
    params = {"topic": topic, "time": iso_timestamp(utc_ns), "seq": seq, "body": body}
    return _line({"jsonrpc": "2.0", "method": "notice", "params": params})


def request_line(request: Request) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request.id, "method": request.method, "params": request.params})


def _line(value: Mapping[str, Any]) -> bytes:
    """One line, without credentials: nobody is told one, whatever it was that went wrong."""
    line = orjson.dumps(value, default=str, option=_LINE)
    return orjson.dumps(masked_values(orjson.loads(line)), option=_LINE) if may_hold_secret(line) else line
