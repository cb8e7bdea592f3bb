"""What one head says: a request, or why it is none. A row for each clause of RFC 9112 and 9110 that counts here."""

from __future__ import annotations

import pytest

from engine.metrics.http_request import Refusal, Request, end_of_head, read_head, without_empty_lines

METRICS = Request("GET", "/metrics")


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["GET /metrics HTTP/1.1", "Host: x"], METRICS, id="as Prometheus asks"),
        pytest.param(["GET /metrics?a=b HTTP/1.1", "Host: x"], METRICS, id="a query is no part of the path"),
        pytest.param(["GET /metrics?name[]={a|b} HTTP/1.1", "Host: x"], METRICS, id="a query that was not escaped"),
        pytest.param(["GET /%6Detric%73 HTTP/1.1", "Host: x"], METRICS, id="needless escapes"),
        pytest.param(["GET /a%2fb HTTP/1.1", "Host: x"], Request("GET", "/a%2Fb"), id="an escape that is needed"),
        pytest.param(["GET http://127.0.0.1:9464/metrics HTTP/1.1", "Host: x"], METRICS, id="absolute form"),
        pytest.param(["GET HTTP://[::1]:9464/metrics?x HTTP/1.1", "Host: y"], METRICS, id="absolute form of IPv6"),
        pytest.param(["GET http://x HTTP/1.1", "Host: x"], Request("GET", "/"), id="absolute form without a path"),
        pytest.param(["GET http://x?y HTTP/1.1", "Host: x"], Request("GET", "/"), id="absolute form, query alone"),
        pytest.param(["OPTIONS * HTTP/1.1", "Host: x"], Request("OPTIONS", "*"), id="asterisk form"),
        pytest.param(["OPTIONS http://x HTTP/1.1", "Host: x"], Request("OPTIONS", "*"), id="asterisk form of a proxy"),
        pytest.param(["CONNECT x:80 HTTP/1.1", "Host: x"], Request("CONNECT", ""), id="authority form"),
        pytest.param(["GET /metrics HTTP/1.2", "Host: x"], METRICS, id="a later minor version"),
        pytest.param(["GET /metrics HTTP/1.9", "Host: x"], METRICS, id="the last minor version"),
        pytest.param(["GET /metrics HTTP/1.0"], Request("GET", "/metrics", keep_alive=False), id="1.0 without Host"),
        pytest.param(["GET /metrics HTTP/1.1", "Host:"], METRICS, id="an empty Host"),
        pytest.param(["GET /metrics HTTP/1.1", "hOsT:\t[::1]:9464 \t"], METRICS, id="blanks around a value"),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Accept: a", "ACCEPT: b;q=0"],
            Request("GET", "/metrics", "a, b;q=0"),
            id="a list in two fields",
        ),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Connection: keep-alive", "Connection: Close"],
            Request("GET", "/metrics", keep_alive=False),
            id="close counts more",
        ),
        pytest.param(["GET /metrics HTTP/1.0", "Connection: Keep-Alive"], METRICS, id="1.0 that stays"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Content-Length: 0"], METRICS, id="no body"),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Content-Length: 5, 05"],
            Request("GET", "/metrics", has_body=True),
            id="a length said twice",
        ),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked"],
            Request("GET", "/metrics", has_body=True),
            id="chunks",
        ),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Expect: 100-Continue"], METRICS, id="100-continue"),
        pytest.param(
            ["GET /metrics HTTP/1.0", "Expect: tea"], Request("GET", "/metrics", keep_alive=False), id="1.0 expects"
        ),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "X: caf\xe9"], METRICS, id="a value beyond ASCII"),
    ],
)
def test_requests(lines: list[str], expected: Request) -> None:
    assert read_head(head(*lines)) == expected
    assert read_head("\n".join(lines).encode("latin-1")) == expected, "with bare line feeds"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param([""], 400, id="nothing"),
        pytest.param(["GET /metrics"], 400, id="HTTP/0.9"),
        pytest.param(["GET /metrics HTTP/1.1 ", "Host: x"], 400, id="a blank behind the version"),
        pytest.param(["GET\t/metrics\tHTTP/1.1", "Host: x"], 400, id="tabs"),
        pytest.param(["GET /me trics HTTP/1.1", "Host: x"], 400, id="a blank in the target"),
        pytest.param(["GET /metrics http/1.1", "Host: x"], 400, id="version in small letters"),
        pytest.param(["GET /metrics HTTP/1.10", "Host: x"], 400, id="a version of two digits"),
        pytest.param(["GET /metrics HTTP/11", "Host: x"], 400, id="a version without a point"),
        pytest.param(["PRI * HTTP/2.0"], 505, id="the preface of HTTP/2"),
        pytest.param(["GET /metrics HTTP/0.9", "Host: x"], 505, id="HTTP/0.9 by name"),
        pytest.param(["GET /metrics HTTP/3.0", "Host: x"], 505, id="HTTP/3"),
        pytest.param(["GE(T /metrics HTTP/1.1", "Host: x"], 400, id="a method that is no token"),
        pytest.param(["FETCH /metrics HTTP/1.1", "Host: x"], 501, id="an unknown method"),
        pytest.param(["get /metrics HTTP/1.1", "Host: x"], 501, id="methods are case-sensitive"),
        pytest.param(["GET * HTTP/1.1", "Host: x"], 400, id="GET of everything"),
        pytest.param(["GET metrics HTTP/1.1", "Host: x"], 400, id="a target without a slash"),
        pytest.param(["GET x:80 HTTP/1.1", "Host: x"], 400, id="authority form for GET"),
        pytest.param(["CONNECT /metrics HTTP/1.1", "Host: x"], 400, id="CONNECT to a path"),
        pytest.param(["GET /metrics#a HTTP/1.1", "Host: x"], 400, id="a fragment"),
        pytest.param(["GET /metrics%zz HTTP/1.1", "Host: x"], 400, id="an escape that is none"),
        pytest.param(["GET /met\x0brics HTTP/1.1", "Host: x"], 400, id="a control character in the target"),
        pytest.param(["GET http:///metrics HTTP/1.1", "Host: x"], 400, id="absolute form without a host"),
        pytest.param(["GET http://:80/metrics HTTP/1.1", "Host: x"], 400, id="absolute form, port alone"),
        pytest.param(["GET http://kim@x/metrics HTTP/1.1", "Host: x"], 400, id="absolute form with a name"),
        pytest.param(["GET http://x:y/metrics HTTP/1.1", "Host: x"], 400, id="a port that is none"),
        pytest.param(["GET https://x/metrics HTTP/1.1", "Host: x"], 421, id="another scheme"),
        pytest.param(["GET http://x/metrics HTTP/1.1"], 400, id="absolute form without Host"),
        pytest.param(["GET /metrics HTTP/1.1"], 400, id="no Host"),
        pytest.param(["GET /metrics HTTP/1.2"], 400, id="no Host in a later version"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Host: x"], 400, id="Host twice"),
        pytest.param(["GET /metrics HTTP/1.0", "Host: x", "Host: y"], 400, id="Host twice in 1.0"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x y"], 400, id="Host of two words"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: http://x"], 400, id="Host with a scheme"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x/y"], 400, id="Host with a path"),
        pytest.param(["GET /metrics HTTP/1.1", "Host : x"], 400, id="a blank before the colon"),
        pytest.param(["GET /metrics HTTP/1.1", " Host: x"], 400, id="a blank before the first field"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "X: y", "\tz"], 400, id="a folded field"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "X: y", " a: z"], 400, id="a folded field with a colon"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "nonsense"], 400, id="no colon"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", ": y"], 400, id="no name"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "X: a\0b"], 400, id="NUL in a value"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "X: a\rY: b"], 400, id="a bare CR in a value"),
        pytest.param(["GET /metrics HTTP/1.1\rHost: x"], 400, id="a bare CR for a line end"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Content-Length: -1"], 400, id="a negative length"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Content-Length: +1"], 400, id="a length with a sign"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Content-Length:"], 400, id="an empty length"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Content-Length: 1, 2"], 400, id="two lengths"),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Content-Length: 1", "Content-Length: 2"], 400, id="length twice"
        ),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", f"Content-Length: {'9' * 5000}"], 413, id="a huge length"),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Content-Length: 5", "Transfer-Encoding: chunked"],
            400,
            id="length and chunks",
        ),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Transfer-Encoding: gzip"], 400, id="not chunked"),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Transfer-Encoding: chunked, chunked"], 400, id="chunked twice"
        ),
        pytest.param(
            ["GET /metrics HTTP/1.1", "Host: x", "Transfer-Encoding: gzip, chunked"], 501, id="an unknown coding"
        ),
        pytest.param(["GET /metrics HTTP/1.0", "Transfer-Encoding: chunked"], 400, id="chunks in 1.0"),
        pytest.param(["GET /metrics HTTP/1.1", "Host: x", "Expect: tea"], 417, id="an unknown expectation"),
    ],
)
def test_what_is_no_request(lines: list[str], status: int) -> None:
    refusal = read_head(head(*lines))
    assert isinstance(refusal, Refusal), refusal
    assert refusal.status == status


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"a\r\nb\r\n", None, id="not yet"),
        pytest.param(b"a\r\n\r", None, id="nearly"),
        pytest.param(b"a\r\n\r\nb", (1, 5), id="CRLF"),
        pytest.param(b"a\n\nb", (1, 3), id="LF"),
        pytest.param(b"a\r\n\nb", (1, 4), id="CRLF, LF"),
        pytest.param(b"a\n\r\nb\n\n", (1, 4), id="LF, CRLF"),
    ],
)
def test_where_a_head_ends(data: bytes, expected: tuple[int, int] | None) -> None:
    assert end_of_head(data) == expected


def test_empty_lines_before_a_request_are_nothing() -> None:
    assert without_empty_lines(b"\r\n\n\r\nGET\r\n\r\n") == b"GET\r\n\r\n"
    assert without_empty_lines(b"\r") == b"\r", "its line feed is on the way"
    assert without_empty_lines(b"\r\n") == b""
