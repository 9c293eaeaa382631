"""Briefs of a release as files: which countries and languages, and what a file is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agrocluster.atlas.content import Content, read
from agrocluster.atlas.view import View, slug
from agrocluster.atlas.words import words
from agrocluster.brief import pages, typeset
from agrocluster.errors import UsageError
from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.explain.lookup import find_country
from agrocluster.storage import atomic

ALL = "all"


def write(folder: Path, country: str, release: str | None = None, languages: Sequence[Lang] = LANGUAGES) -> list[Path]:
    """Write the briefs of ``country``, by code or name, or of all, into the new ``folder``; returns the files.

    Raises UsageError when ``folder`` exists, or where the release or the country is not there.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already.", remedy="Name a folder that does not exist; nothing was changed.")
    wanted = None if country == ALL else find_country(country)
    content = read(release)
    shown = [line["iso3"] for line in content.countries if wanted in {None, line["iso3"]}]
    if not shown:
        focus = ", ".join(line["iso3"] for line in content.countries)
        raise UsageError(f"There is no brief of {country!r}.", remedy=f"Use one of: {focus}, or `all`.")
    with atomic.folder(folder) as temporary:
        for name, data in files(content, shown, tuple(dict.fromkeys(languages))):
            (temporary / name).write_bytes(data)
    return sorted(folder.iterdir())


def files(content: Content, countries: Sequence[str], languages: Sequence[Lang]) -> Iterator[tuple[str, bytes]]:
    """File name and content of every brief."""
    for lang in languages:
        view = View(content, words(lang))
        for iso3 in countries:
            yield file_of(iso3, lang), typeset.pdf(pages.brief(view, iso3))


def file_of(iso3: str, lang: str) -> str:
    """What the brief of a country is called; safe whatever the code holds."""
    return f"brief-{slug(iso3)}-{lang}.pdf"
