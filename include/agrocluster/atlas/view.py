"""A release in one language: names, windows and file names that every page uses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agrocluster.atlas.content import Content, Row
from agrocluster.atlas.words import Words
from agrocluster.model.loader import catalog


@dataclass(frozen=True)
class View:
    """A release in one language."""

    content: Content
    words: Words

    def country(self, iso3: str | None) -> str:
        """Name of a country; its code where it has none."""
        if iso3 is None:
            return self.words.say("unknown")
        return self.words.name(self.content.names[iso3]) if iso3 in self.content.names else iso3

    def short(self, chain: str) -> str:
        """Name of a chain short enough for the map, its full name where it has none."""
        return self.words.texts.short.get(chain) or self.chain(chain)

    def chain(self, chain: str) -> str:
        """Name of a chain."""
        return next((self.words.name(c, "chain") for c in self.content.chains if c["chain"] == chain), chain)

    def dataset(self, line: Row) -> str:
        """Name of a dataset: as it was published with the release in English, as the catalogue has it otherwise."""
        spec = catalog().datasets.get(f"{line['source']}__{line['dataset']}")
        published = str(line["title"])
        return published if spec is None or self.words.lang == "en" else str(getattr(spec.title, self.words.lang))

    def of_country(self, iso3: str) -> list[Row]:
        """Cells of a country by rank."""
        return [cell for (country, _), cell in self.content.cells.items() if country == iso3]

    def ranked(self, iso3: str) -> int:
        """Number of ranked chains of a country."""
        return sum(cell["rank_country"] is not None for cell in self.of_country(iso3))

    @property
    def window(self) -> str:
        """Years that the pages speak of."""
        return self.words.window(self.content.baseline)

    @property
    def before(self) -> str:
        """Years of the reference window; empty where it is the one shown."""
        shown = self.content.earlier is not None and bool(self.content.progress)
        return self.words.window(self.content.earlier or {}) if shown else ""

    @property
    def frozen(self) -> str:
        """The frozen baseline that change is measured against; empty where none is frozen."""
        moved = (self.content.progress or {}).values()
        return next((str(line["frozen_id"]) for line in moved if line["frozen_id"]), "")


def page_of(kind: str, code: str) -> str:
    """File name of the page of a country or chain; safe whatever the code holds."""
    return f"{kind}-{slug(code)}.html"


def slug(code: str) -> str:
    """A code as part of a file name."""
    return re.sub(r"[^a-z0-9_]", "-", code.lower())
