"""A real browser without a screen, for what pages look like; tests are skipped where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update"),
    *("--disable-background-networking", "--disable-sync", "--hide-scrollbars", "--allow-file-access-from-files"),
)
_FRAME = """<!DOCTYPE html><title>-</title><body style="margin:0"><iframe id="f" style="border:0;width:{width}px;
height:900px" src="{page}"></iframe><script>
document.getElementById("f").onload = (event) => {{
  const page = event.target.contentDocument, root = page.documentElement;
  const wide = [...page.querySelectorAll(".wide")];
  const out = [...page.body.querySelectorAll("*")].filter((each) => !wide.some((one) => one.contains(each))
    && each.getBoundingClientRect().right > {width} + 1).map((each) => each.tagName);
  document.title = JSON.stringify([root.scrollWidth, out.slice(0, 5), page.querySelectorAll("svg").length]);
}};
</script>"""


def overflow(page: Path, width: int, folder: Path) -> str:
    """`[scroll width, elements that reach beyond it, figures]` in a window of so many pixels; tables have frames."""
    if CHROMIUM is None:
        pytest.skip("there is no browser here")
    frame = folder / f"frame-{width}.html"
    frame.write_text(_FRAME.format(width=width, page=page.as_uri()))
    profile = folder / f"profile-{width}"
    done = subprocess.run(
        [CHROMIUM, *_QUIET, f"--user-data-dir={profile}", "--virtual-time-budget=4000", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"<title>(\[.*?\])</title>", done.stdout)
    if found is None:
        pytest.skip("the browser does not start here")
    return found[1]
