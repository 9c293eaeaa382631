"""The pages in a real browser: quiet, self-contained, accessible, whole on a phone, reached by keyboard, printable.

Every page is opened; what depends on the layout alone is looked at on one page of each kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import atlas_release as small
import pytest

from support.browser import Browser, Page

KINDS = ("index", "country-kgz", "chain-grapes_raisins_wine", "methods", "sources", "glossary", "quality")
PHONE, DESKTOP = 360, 1280
MAPS = "[...document.querySelectorAll('svg.map')].filter((e) => e.getClientRects().length).map((e) => e.classList[1])"
COVERED = "[...document.querySelectorAll('.scroll')].filter((e) => getComputedStyle(e).overflowX !== 'auto').length"
LINKS = """[...document.querySelectorAll('a[href], summary, .scroll')].filter((e) => e.getClientRects().length
  && !e.closest('details:not([open]) > :not(summary)')).length"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with browser.page() as opened:
        yield opened


def test_every_page_is_quiet_loads_itself_alone_and_fits_a_phone(made: small.Made, page: Page) -> None:
    page.resize(PHONE, mobile=True)
    files = sorted(made.folder.rglob("*.html"))
    assert len(files) > 60
    for file in files:
        page.open(file)
        assert (page.errors, page.requests) == ([], [file.as_uri()])
        assert page.outside() == [], file.name


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_page_is_accessible_by_eye_ear_and_keyboard(made: small.Made, page: Page, name: str) -> None:
    for lang, width in (("en", DESKTOP), ("ru", PHONE)):
        page.resize(width, mobile=width == PHONE)
        page.open(made.folder / lang / f"{name}.html")
        assert page.outside() == []
        assert page.evaluate(COVERED) == 0
        fits = {PHONE: "narrow", DESKTOP: "wide"}[width]
        assert set(page.evaluate(MAPS)) == ({fits} if name in {"index", "country-kgz"} else set())
        if width == DESKTOP or name == "country-kgz":  # the rules look at what all kinds of pages share
            assert page.axe("serious", "critical") == []
    page.resize(DESKTOP)
    reached = page.open(made.folder / "en" / f"{name}.html").tab_order()
    assert reached[0]["href"] == "#content"
    assert len(reached) == page.evaluate(LINKS)


def test_enter_follows_the_way_to_the_content_and_to_another_language(made: small.Made, page: Page) -> None:
    start = made.folder / "en" / "index.html"
    page.open(start)
    page.press("Tab")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    while (at := page.focused()) is None or at["href"] != "../ru/index.html":
        page.press("Tab", shift=True)
    page.press("Enter")
    page.wait_for(lambda: page.requests[-1].endswith("ru/index.html"), "the page in Russian")


def test_the_entrance_is_accessible(made: small.Made, page: Page) -> None:
    page.open(made.folder / "index.html")
    assert page.axe("serious", "critical") == []


@pytest.mark.parametrize("name", ["country-kgz", "chain-dairy"])
def test_pages_print_with_the_mark_of_sample_data(made: small.Made, page: Page, name: str) -> None:
    page.resize(DESKTOP)
    printed = page.open(made.folder / "ru" / f"{name}.html").pdf()
    sheets = len(re.findall(rb"/Type /Page\b", printed))
    assert 1 <= sheets <= 14
    assert re.search(rb"/MediaBox \[0 0 84[12]", printed)  # A4 on its side
    page.command("Emulation.setEmulatedMedia", media="print")
    stamp = page.evaluate("getComputedStyle(document.querySelector('.stamp')).position")
    page.command("Emulation.setEmulatedMedia", media="")
    assert stamp == "fixed"


def test_the_page_beside_the_releases_leads_to_the_current_one(made: small.Made, page: Page, tmp_path: Path) -> None:
    from agrocluster.atlas.site import lead_to

    (tmp_path / "small").symlink_to(made.folder)
    (tmp_path / "index.html").write_bytes(lead_to("small"))
    page.open(tmp_path / "index.html")
    page.wait_for(lambda: page.requests[-1].endswith("/small/index.html"), "being led on")
    assert page.errors == []
