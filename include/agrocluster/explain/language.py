"""Words, numbers and plural forms of a language, from ``catalog/explain/<language>.yaml``.

It knows how a language writes a number and which plural form follows it (CLDR), and nothing of baselines.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache

import yaml
from pydantic import Field

from agrocluster.explain import LANGUAGES as LANGUAGES
from agrocluster.explain import Lang as Lang
from agrocluster.model.loader import ROOT
from agrocluster.model.specs import Spec

Forms = Mapping[str, str]

SCALES = (("dollar", 1.0), ("thousand", 1e3), ("million", 1e6), ("billion", 1e9))
"""Units money is told in; a figure keeps three significant digits."""


class Numbers(Spec):
    """How numbers are written: decimal sign, sign between thousands, percent, ranges, scales (whose ends may be
    negative); what stands between items of a list, and between names."""

    decimal: str
    group: str
    percent: str
    range: str
    scale: str
    list: str
    names: str


class Names(Spec):
    """Case forms of the focus countries and the chains, by code."""

    countries: dict[str, dict[str, str]]
    chains: dict[str, dict[str, str]]


class Language(Spec):
    """One language of the sentences. ``units`` hold plural forms, ``templates`` sentences with ``{fields}``."""

    plural: Lang
    numbers: Numbers
    names: Names
    units: dict[str, dict[str, str]]
    templates: dict[str, str]
    words: dict[str, dict[str, str]]
    report: dict[str, str] = Field(default_factory=dict)

    def say(self, template: str, **fields: str) -> str:
        """The template with its fields filled in."""
        return self.templates[template].format(**fields)

    def word(self, kind: str, code: str, otherwise: str = "reason_code") -> str:
        """The words for a code; a code without words is named as such rather than left out."""
        return self.words[kind].get(code) or self.say(otherwise, code=code)

    def number(self, value: float, decimals: int = 0) -> str:
        """``value`` with a fixed number of decimals, rounded half to even."""
        text = f"{value:,.{decimals}f}"
        text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
        signs = {",": self.numbers.group, ".": self.numbers.decimal}
        return "".join(signs.get(sign, sign) for sign in text)

    def significant(self, value: float) -> str:
        """``value`` with four significant digits."""
        return self.number(float(f"{value:.4g}"), _decimals(f"{value:.4g}"))

    def counted(self, unit: str, value: float, decimals: int = 0, **fields: str) -> str:
        """``value`` with its unit in the plural form that belongs to the number as it is written."""
        return self.counted_as(unit, f"{abs(value):.{decimals}f}", number=self.number(value, decimals), **fields)

    def counted_as(self, unit: str, digits: str, **fields: str) -> str:
        """The unit's form for a number whose digits are ``digits`` (``21``, ``1.5``), with its fields filled in."""
        return self.units[unit][plural_form(self.plural, digits)].format(**fields)

    def money(self, usd: float) -> str:
        """Dollars in thousands, millions or billions with three significant digits, and their unit."""
        rounded = float(f"{usd:.3g}")
        unit, scale = [(name, size) for name, size in SCALES if size <= max(1.0, abs(rounded))][-1]
        return self.counted(unit, rounded / scale, 0 if unit == "dollar" else _decimals(f"{rounded / scale:.3g}"))

    def percent(self, share: float) -> str:
        """A share between 0 and 1 in percent; one decimal below ten percent."""
        return self.numbers.percent.format(number=self.number(100 * share, 1 if 0 < share < 0.1 else 0))

    def range(self, low: float, high: float, decimals: int = 0) -> str:
        """``low-high``, or the one number where both are written alike."""
        ends = [self.number(value, decimals) for value in (low, high)]
        return ends[0] if ends[0] == ends[1] else self.numbers.range.format(low=ends[0], high=ends[1])

    def unit(self, code: str | None) -> str:
        """The name of a unit; empty where there is none, the unit itself where the catalogue does not name it."""
        return unit_names(self.plural).get(code, code) if code else ""

    def listed(self, parts: Sequence[str]) -> str:
        """The parts one after the other."""
        return self.numbers.list.join(parts)


class Aliases(Spec):
    """Further names of countries and chains, by code."""

    countries: dict[str, tuple[str, ...]]
    chains: dict[str, tuple[str, ...]]


@cache
def language(code: Lang) -> Language:
    """The language called ``code``, checked."""
    return Language.model_validate(_read(code))


@cache
def aliases() -> Aliases:
    """What countries and chains are called beside their names in the catalogue."""
    return Aliases.model_validate(_read("aliases"))


@cache
def unit_names(code: Lang) -> dict[str, str]:
    """What units are called in a language."""
    with (ROOT / "explain" / "units.csv").open(encoding="utf-8", newline="") as file:
        return {line["unit"]: line[code] for line in csv.DictReader(file)}


def plural_form(lang: Lang, digits: str) -> str:
    """CLDR category (one, few, many, other) of a number as it is written: ``"1"``, ``"21"``, ``"1.0"``.

    Source: Unicode CLDR, Language Plural Rules, cardinals of en and ru.
    """
    whole, _, fraction = digits.partition(".")
    if fraction:
        return "other"
    if lang == "en":
        return "one" if whole == "1" else "other"
    last, last_two = int(whole) % 10, int(whole) % 100
    if last == 1 and last_two != 11:
        return "one"
    return "few" if 2 <= last <= 4 and not 12 <= last_two <= 14 else "many"


def _decimals(text: str) -> int:
    """Decimals of a number written with ``g``: ``1.5`` has one, ``1.2e-05`` six."""
    digits, _, exponent = text.partition("e")
    return max(0, len(digits.partition(".")[2]) - int(exponent or 0))


def _read(name: str) -> object:
    return yaml.safe_load((ROOT / "explain" / f"{name}.yaml").read_text(encoding="utf-8"))
