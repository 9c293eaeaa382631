"""The pages in a real browser: nothing sticks out on a phone, and the map that fits is the one that shows."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import atlas_release as small
import pytest

PAGES = ("index", "country-kgz", "chain-grapes_raisins_wine", "methods", "sources", "glossary")
WIDTHS = (360, 1280)
MEASURE = """<script>
const shown = (e) => e.getClientRects().length > 0;
const out = [...document.querySelectorAll("body *:not(.skip)")].filter(
  (e) => shown(e) && !e.closest(".scroll") && !e.closest("svg") && e.getBoundingClientRect().right > innerWidth + 1);
const maps = [...document.querySelectorAll("svg.map")].filter(shown).map((e) => e.getAttribute("class"));
const wrappers = [...document.querySelectorAll(".scroll")];
const covered = wrappers.filter((e) => getComputedStyle(e).overflowX !== "auto").length;
parent.postMessage({width: innerWidth, scroll: document.documentElement.scrollWidth, out: out.map((e) => e.outerHTML),
  maps: maps, covered: covered}, "*");
</script></body>"""
HOST = """<!doctype html><title></title><script>
addEventListener("message", (e) => { document.title = btoa(unescape(encodeURIComponent(JSON.stringify(e.data)))); });
</script><iframe src="page.html" width="WIDTH" height="900" style="border:0"></iframe>"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """A headless Chromium; tests are skipped, loudly, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        warnings.warn("There is no Chromium: tests of the atlas in a browser are SKIPPED", stacklevel=1)
        pytest.skip("no Chromium here")
    return found


def measured(chromium: str, page: Path, folder: Path, width: int) -> dict[str, object]:
    """What the browser says of a page that is ``width`` pixels wide; a script is added to a copy to ask it."""
    html = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8")).replace("</body>", MEASURE)
    (folder / "page.html").write_text(html, encoding="utf-8")
    host = folder / "host.html"
    host.write_text(HOST.replace("WIDTH", str(width)), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom", host.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (title,) = re.findall(r"<title>([^<]+)</title>", done.stdout)
    found: dict[str, object] = json.loads(base64.b64decode(title))
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_of_a_page(made: small.Made, chromium: str, tmp_path: Path, name: str, width: int) -> None:
    found = measured(chromium, made.folder / "ru" / f"{name}.html", tmp_path, width)
    assert found["width"] == width
    assert found["out"] == []
    assert found["scroll"] <= width  # type: ignore[operator]
    assert found["covered"] == 0
    fits = {360: "map narrow", 1280: "map wide"}[width]
    assert set(found["maps"]) == ({fits} if name in ("index", "country-kgz") else set())  # type: ignore[call-overload]
