"""The languages of the atlas: its words from ``catalog/atlas/<language>.yaml``, numbers as the sentences write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from agrocluster.explain.language import Lang, Language, language
from agrocluster.model.loader import ROOT
from agrocluster.model.specs import Spec


class Section(Spec):
    """A paragraph of the page of methods with its heading."""

    heading: str
    text: str


class Texts(Spec):
    """One language of the atlas; every mapping has the same keys in all languages."""

    short: dict[str, str]
    quadrant: dict[str, str]
    advice: dict[str, str]
    typology: dict[str, str]
    verdict: dict[str, str]
    bottleneck: dict[str, str]
    reason: dict[str, str]
    stage: dict[str, str]
    scale: dict[str, str]
    column: dict[str, str]
    text: dict[str, str]
    methods: tuple[Section, ...]


@dataclass(frozen=True)
class Words:
    """Words and numbers of one language. A figure that is None or not finite reads as unknown."""

    lang: Lang
    texts: Texts
    language: Language

    def say(self, key: str, **fields: object) -> str:
        """A text with its fields filled in."""
        return self.texts.text[key].format(**fields)

    def column(self, key: str) -> str:
        """The heading of a column."""
        return self.texts.column[key]

    def of(self, kind: str, code: str | None) -> str:
        """The words for a code of ``quadrant``, ``typology`` and the like; an unknown code stays as it is."""
        listed: Mapping[str, str] = getattr(self.texts, kind)
        return self.say("unknown") if code is None else listed.get(code, code)

    def unit(self, code: str | None) -> str:
        """The name of a unit; empty where there is none."""
        return self.language.unit(code)

    def name(self, row: Mapping[str, Any], kind: str = "name") -> str:
        """The name in a row that has one per language (``name_en``, ``chain_ru``)."""
        return str(row[f"{kind}_{self.lang}"])

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A number with fixed decimals."""
        return self.say("unknown") if not known(value) else self.language.number(float(value or 0.0), decimals)

    def points(self, value: float | None) -> str:
        """A score with one decimal."""
        return self.number(value, 1)

    def raw(self, value: float | None) -> str:
        """A value with four significant digits."""
        return self.say("unknown") if not known(value) else self.language.significant(float(value or 0.0))

    def money(self, value: float | None) -> str:
        """Dollars, rounded to three digits."""
        return self.say("unknown") if not known(value) else self.language.money(float(value or 0.0))

    def thousands(self, value: float | None) -> str:
        """Dollars in thousands, for tables whose heading says so."""
        return self.number(value / 1e3 if value is not None else None)

    def share(self, value: float | None) -> str:
        """A share in percent."""
        return self.say("unknown") if not known(value) else self.language.percent(float(value or 0.0))

    def within(self, value: float | None, low: float | None, high: float | None, decimals: int = 1) -> str:
        """A figure with its interval, without one where that is unknown."""
        if not (known(low) and known(high)):
            return self.number(value, decimals)
        ends = {"low": self.number(low, decimals), "high": self.number(high, decimals)}
        return self.say("within", value=self.number(value, decimals), **ends)

    def window(self, row: Mapping[str, Any]) -> str:
        """The years of a window."""
        return self.say("years", first=row["first_year"], last=row["last_year"])

    def reason(self, code: str) -> str:
        """Why something is missing."""
        return self.texts.reason.get(code) or self.language.word("reason", code)

    def caveat(self, code: str) -> str:
        """What a caveat means."""
        return self.language.word("caveat", code, "caveat_code")

    def part(self, code: str) -> str:
        """The name of a pillar or sub-index."""
        return self.language.words["part"][code]


@cache
def words(lang: Lang) -> Words:
    """The words of ``lang``, checked."""
    read = yaml.safe_load((ROOT / "atlas" / f"{lang}.yaml").read_text(encoding="utf-8"))
    return Words(lang, Texts.model_validate(read), language(lang))


def known(value: float | None) -> bool:
    """Whether there is a figure."""
    return value is not None and math.isfinite(value)
