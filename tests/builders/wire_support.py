"""Frames for the codec's tests, written without the codec: `|` stands for SOH, 8, 9 and 10 are filled in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

DATA = Path(os.environ.get("RFQ_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "fix"

HEADER = "34=7|49=ALDER|52=20260102-10:11:12.123|56=BUYSIDE|"

# 46 fields with 8, 9 and 10, Parties among them: what a dealer's fill looks like.
FILL = (
    f"35=8|{HEADER}37=O-12|11=CL-99812-AB|453=2|448=AAA|447=D|452=1|448=CCC|447=N|452=17|17=EX100|150=F|39=2|1=ACC|"
    "63=0|64=20260105|55=[N/A]|48=US0378331005|22=4|460=3|167=CORP|54=1|38=1000000|40=D|44=99.875|59=4|423=1|15=USD|"
    "32=1000000|31=99.875|151=0|14=1000000|6=99.875|75=20260102|60=20260102-10:11:12.100|381=998750|159=1234.5|"
    "118=1000000|58=done|"
)


def wire(text: str, *, begin_string: str = "FIX.4.4", length_off_by: int = 0, checksum_off_by: int = 0) -> bytes:
    """A frame around `text`, which starts at 35."""
    body = text.replace("|", "\x01").encode()
    head = f"8={begin_string}\x019={len(body) + length_off_by}\x01".encode() + body
    return head + f"10={(sum(head) + checksum_off_by) % 256:03d}\x01".encode()


def log_path(name: str) -> Path:
    """A captured stream, or the test is skipped."""
    path = DATA / "logs" / name
    if not path.exists():
        pytest.skip(f"no captured streams: {path} is not there (RFQ_TEST_DATA names the data folder)")
    return path


def dictionary_text(name: str) -> str:
    """A QuickFIX dictionary file, or the test is skipped."""
    path = DATA / "dict" / name
    if not path.exists():
        pytest.skip(f"no dictionary files: {path} is not there (RFQ_TEST_DATA names the data folder)")
    return path.read_text(encoding="utf-8")


def raw_frames(data: bytes) -> list[bytes]:
    """Frames of a captured stream, found by their ends alone: whatever stands between them falls away."""
    return re.findall(rb"8=FIX[^\n]*?\x0110=[0-9]{3}\x01", data)
