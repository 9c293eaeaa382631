"""The browser that other tests rely on: what is wrong with a page must not escape it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.browser import Browser, BrowserError

BAD = """<!doctype html><html lang="en"><head><title>Bad</title></head><body><main><h1>Bad</h1>
<p style="width:900px">wide</p><div style="overflow:auto"><p style="width:900px">wide in a box</p></div>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<a href="#one">one</a><button id="one">two</button><a tabindex="-1" href="#two">never</a>
<script>console.error("first"); fetch("http://elsewhere.invalid/x"); throw new Error("second");</script>
</main></body></html>"""
GOOD = '<!doctype html><html lang="en"><head><title>Good</title></head><body><main><h1>Good</h1></main></body></html>'


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.html"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_errors_requests_and_findings_are_noticed(browser: Browser, bad: Path) -> None:
    with browser.page(360, mobile=True) as page:
        page.open(bad)
        page.wait_for(lambda: any("ERR_NAME_NOT_RESOLVED" in e for e in page.errors), "a request that fails")
        assert any("first" in e for e in page.errors)
        assert any("second" in e for e in page.errors)
        assert page.requests == [bad.as_uri(), "http://elsewhere.invalid/x"]
        assert "image-alt" in {f.id for f in page.axe("critical")}
        assert "image-alt" not in {f.id for f in page.axe("serious")}


def test_only_what_is_not_held_by_a_box_sticks_out(browser: Browser, bad: Path) -> None:
    with browser.page(360) as page:
        told = page.open(bad).outside()
        assert [t for t in told if ">wide<" in t]
        assert not [t for t in told if "wide in a box" in t]
        page.resize(1280)
        assert page.outside() == []


def test_the_tab_key_reaches_what_takes_the_keyboard(browser: Browser, bad: Path) -> None:
    with browser.page(1280) as page:
        reached = page.open(bad).tab_order()
        assert [(at["tag"], at["text"]) for at in reached] == [("a", "one"), ("button", "two")]


def test_a_page_starts_clean(browser: Browser, bad: Path, tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(GOOD, encoding="utf-8")
    with browser.page() as page:
        page.open(bad)
        page.open(tmp_path / "good.html")
        assert (page.errors, page.outside(), page.axe(), page.tab_order()) == ([], [], [], [])
        assert page.pdf().startswith(b"%PDF")
        with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"):
            page.open(tmp_path / "none.html")
