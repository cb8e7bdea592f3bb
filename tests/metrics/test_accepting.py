"""Which format an Accept field prefers."""

from __future__ import annotations

import pytest

from engine.metrics.accepting import preferred

OM = "application/openmetrics-text"
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", "text/plain", id="nothing said"),
        pytest.param("*/*", "text/plain", id="anything"),
        pytest.param("text/html, */*;q=0.1", "text/plain", id="a browser"),
        pytest.param(PROMETHEUS_3, f"{OM}; version=1.0.0; escaping=allow-utf-8", id="Prometheus"),
        pytest.param(f"{OM};version=0.0.1,text/plain;version=0.0.4;q=0.5", "text/plain; version=0.0.4", id="too old"),
        pytest.param(f"{OM};version=9.0.0,text/plain;q=0.5", "text/plain", id="too new"),
        pytest.param(f"{OM};q=0, text/plain", "text/plain", id="OpenMetrics excluded"),
        pytest.param(f"{OM};q=0.000, */*", "text/plain", id="excluded, anything else"),
        pytest.param(f"text/plain;q=0, {OM}", OM, id="text excluded"),
        pytest.param("text/plain;q=0, */*", OM, id="text excluded, anything else"),
        pytest.param("text/plain;q=0", "text/plain", id="nothing that there is"),
        pytest.param(f"{OM};q=0.5, text/plain;q=0.9", "text/plain", id="text preferred"),
        pytest.param(f"text/plain;q=0.5, {OM};q=0.9", OM, id="OpenMetrics preferred"),
        pytest.param(f"{OM}, text/plain", OM, id="the first of equals"),
        pytest.param(f"text/plain , {OM}", "text/plain", id="the first of equals again"),
        pytest.param("application/*", OM, id="a range"),
        pytest.param("text/*;q=0.4, application/*;q=0.6", OM, id="two ranges"),
        pytest.param(f"{OM};q=0.1, */*;q=0.9", "text/plain", id="a range that counts more"),
        pytest.param('Application/OpenMetrics-Text; Version="1.0.0" ; Q=1', f"{OM}; version=1.0.0", id="spelling"),
        pytest.param(f'text/plain;x="a,{OM};q=1";q=0.3', "text/plain", id="a comma in quotes"),
        pytest.param(f"{OM};q=2, text/plain;q=0.1", "text/plain", id="a quality that is none"),
        pytest.param(f"{OM};q=-1", "text/plain", id="a negative quality"),
        pytest.param(f"{OM};q=0.5;version=7", OM, id="an extension behind the quality"),
        pytest.param(";;,,=;q,", "text/plain", id="nonsense"),
    ],
)
def test_the_preferred_format(accept: str, expected: str) -> None:
    assert preferred(accept) == expected
