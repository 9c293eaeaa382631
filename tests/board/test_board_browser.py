"""The board in a real browser, wide and narrow: no errors, nothing from elsewhere, accessible, nothing sticks out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import board_root
import pytest
import uvicorn
from fastapi import FastAPI

from support.browser import Browser, Page

pytestmark = pytest.mark.airflow
WIDE, NARROW = 1280, 360
PREFIX = "/agrocluster"
PAGES = {t: a for t, a in board_root.addresses().items() if not t.startswith("/api/") and t != "/board.css"}
NOT_THERE = "the server responded with a status of 404"
COOKIE = "_token"
"""Where Airflow's own pages keep the token."""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The board below Airflow's prefix on a free loopback port."""
    from agrocluster.board.app import app

    host = FastAPI()
    host.mount(PREFIX, app)
    server = uvicorn.Server(uvicorn.Config(host, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PREFIX}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    """A page of a viewer who has logged in to Airflow."""
    with browser.page(WIDE) as opened:
        opened.cookie(COOKIE, board_root.token("VIEWER"), served)
        yield opened


def look(page: Page, served: str, address: str, *, status: int = 200, narrow_axe: bool = False) -> None:
    """Open a page and hold it against everything a page must be, wide and narrow."""
    page.resize(WIDE)
    page.open(served + address)
    assert page.status == status, address
    assert page.evaluate("getComputedStyle(document.querySelector('.top')).display") == "flex", "the style sheet counts"
    assert page.evaluate("document.querySelector('h1').textContent.trim()"), address
    assert page.axe("serious", "critical") == [], address
    assert page.outside() == [], address
    page.resize(NARROW)
    assert page.outside() == [], address
    if narrow_axe:
        assert page.axe("serious", "critical") == [], address
    assert [e for e in page.errors if status == 200 or NOT_THERE not in e] == [], address
    assert {urlsplit(r).netloc for r in page.requests} == {urlsplit(served).netloc}, address


def test_every_page_is_well_built(full: Path, page: Page, served: str) -> None:
    for template, address in PAGES.items():
        look(page, served, address, narrow_axe=template in {"/", "/validation/{subject}", "/lineage/{mart}/{column}"})
    look(page, served, "/lineage/no_such_mart", status=404)


def test_empty_pages_are_well_built(data_root: Path, page: Page, served: str) -> None:
    for address in ("/", "/releases", "/releases/diff", "/validation", f"/sources/{board_root.DATASET}"):
        look(page, served, address)


def test_broken_pages_are_well_built(own: Path, page: Page, served: str) -> None:
    for damage in ("pointer", "results", "health", "snapshot", "quarantine", "budget"):
        board_root.damage(damage)
    for address in ("/", "/releases", "/validation", "/freshness", "/sources", f"/quarantine/{board_root.VINTAGE}"):
        look(page, served, address)
        assert page.evaluate("document.querySelectorAll('.problem[role=alert]').length") > 0, address


def test_the_keyboard_reaches_everything_in_order(full: Path, page: Page, served: str) -> None:
    page.open(f"{served}/releases")
    reached = page.tab_order()
    assert [at["text"] for at in reached][:4] == ["Skip to the content", "agrocluster", "Overview", "Releases"]
    assert {"a", "button", "input"} <= {at["tag"] for at in reached}
    page.open(f"{served}/releases")
    page.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "the focus can be seen"
    page.press("Enter")
    assert page.evaluate("location.hash") == "#content"


def test_a_stranger_gets_a_page_that_says_how_to_get_in(full: Path, browser: Browser, served: str) -> None:
    with browser.page(360) as page:
        page.open(f"{served}/")
        assert page.status == 401
        assert "Log in to Airflow" in page.evaluate("document.body.textContent")
        assert len(page.requests) == 1, "not even a style sheet"
        assert page.axe("serious", "critical") == []


def test_colours_keep_their_contrast_in_the_dark(full: Path, page: Page, served: str) -> None:
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    for address in ("/", f"/validation/{board_root.DATASET}", f"/lineage/{board_root.MART}/vam"):
        look(page, served, address)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 19)"
