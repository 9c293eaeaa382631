"""What is shown beside the releases: whole or not at all, in step with them, and never in their way."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import atlas_release as small
import pytest
from atlas_pages import parse

from agrocluster import shelf
from agrocluster.atlas.content import Content
from agrocluster.errors import UsageError
from agrocluster.storage.paths import layout


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One language, and the brief of one country: how they look is tested elsewhere."""
    real, briefs = shelf.write, shelf.briefs

    def few(content: Content, countries: list[str], languages: tuple[str, ...]) -> object:
        return briefs(content, countries[:1], languages)  # type: ignore[arg-type]

    monkeypatch.setattr(shelf, "briefs", few)
    monkeypatch.setattr(shelf, "write", partial(real, languages=["en"]))


def shown() -> list[str]:
    return sorted(path.name for path in layout().atlases.iterdir() if path.is_dir())


def led_to() -> set[str]:
    return {a.attributes["href"] for a in parse(layout().atlases / "index.html").all("a")}


def test_releases_are_shown_once_readers_are_led_there_and_what_is_gone_goes(data_root: Path, quick: None) -> None:
    small.write("first", small.tables())
    done = shelf.put("first")
    assert (done["release"], done["pages"], done["briefs"]) == ("first", 33, 1)
    page = Path(done["index"])
    before = page.stat().st_mtime_ns
    country = parse(page.parent / "en/country-kaz.html")
    assert "../briefs/brief-kaz-en.pdf" in {a.attributes["href"] for a in country.all("a")}
    small.write("second", small.tables())
    shelf.put("second")
    assert (shown(), led_to()) == (["first", "second"], {"second/index.html"})
    assert shelf.put("first") == done
    assert (page.stat().st_mtime_ns, led_to()) == (before, {"first/index.html"})
    shutil.rmtree(layout().releases / "second")
    assert shelf.prune() == ["second"]
    assert shown() == ["first"]


def test_a_failure_leaves_nothing_behind_and_the_release_as_it_is(
    data_root: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.write("first", small.tables())
    before = sorted((layout().releases / "first").iterdir()), layout().latest.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(shelf.site, "_downloads", lambda view: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shelf.put("first")
    assert shown() == []
    assert not (layout().atlases / "index.html").exists()
    with pytest.raises(UsageError, match="no release 'none'"):
        shelf.put("none")
    shelf.put("first")
    assert (sorted((layout().releases / "first").iterdir()), layout().latest.read_bytes()) == before
