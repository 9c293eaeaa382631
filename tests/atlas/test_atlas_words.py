"""Both languages say everything: the same keys and fields, and words for every code the contracts allow."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from string import Formatter

import atlas_release as small
import pytest
import yaml

import agrocluster.atlas
from agrocluster.atlas.shown import HELP, SHOWN
from agrocluster.atlas.words import words
from agrocluster.explain.language import LANGUAGES
from agrocluster.model.loader import ROOT, catalog

PACKAGE = Path(agrocluster.atlas.__file__).parent
CODES = {
    "quadrant": ("mart_cluster_baseline", "quadrant"),
    "advice": ("mart_cluster_baseline", "quadrant"),
    "typology": ("mart_cluster_baseline", "typology"),
    "verdict": ("mart_cluster_progress", "verdict"),
}
ALIKE = {*(("text", key) for key in ("years", "within", "map_group", "stage_value", "other_language"))}
"""Texts that are no words of a language."""


def read(lang: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / "atlas" / f"{lang}.yaml").read_text(encoding="utf-8"))


def texts(lang: str) -> dict[tuple[str, str], str]:
    """Every text of a language by section and key."""
    found = {}
    for section, held in read(lang).items():
        if isinstance(held, dict):
            found |= {(section, key): text for key, text in held.items()}
        else:
            found |= {(section, str(n)): part["heading"] + part["text"] for n, part in enumerate(held)}  # type: ignore[arg-type]
    return found


def column(mart: str, name: str) -> object:
    return next(c for c in catalog().marts[mart].columns if c.name == name)


def test_languages_have_the_same_texts_with_the_same_fields() -> None:
    by_language = [texts(lang) for lang in LANGUAGES]
    for a, b in pairwise(by_language):
        assert a.keys() == b.keys()
        for key in a:
            assert _fields(a[key]) == _fields(b[key]), key
    assert all(text.strip() for held in by_language for text in held.values())


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_russian_is_russian() -> None:
    latin = [key for key, text in texts("ru").items() if not re.search("[а-яё]", text.lower())]
    assert set(latin) <= ALIKE


def test_no_text_is_left_unused() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for p in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html")))
    for section, key in texts("en"):
        if section in ("text", "column"):
            assert re.search(rf"[\"']{key}[\"']", code), f"{section}.{key}"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_code_of_the_contracts_has_words(lang: str) -> None:
    held = words(lang).texts  # type: ignore[arg-type]
    for kind, (mart, name) in CODES.items():
        allowed = set(str(column(mart, name).codelist).split("|"))  # type: ignore[attr-defined]
        assert allowed <= set(getattr(held, kind)), kind
    stages = set(str(column("mart_cluster_baseline", "bottleneck").codelist).split("|"))  # type: ignore[attr-defined]
    assert stages <= {*held.stage, *held.bottleneck}
    assert {c["chain"] for c in small.chains()} == set(held.short)
    reasons = column("mart_chain_jobs", "reason").text.en  # type: ignore[attr-defined]
    assert set(re.findall(r"no_\w+", reasons)) <= set(held.reason)
    assert len(held.text["stage_letters"]) == 5


def test_every_column_shown_exists() -> None:
    for mart, names in SHOWN.items():
        held = {c.name for c in catalog().marts[mart].columns}
        assert {name.format(lang=lang) for name in names for lang in LANGUAGES} <= held


def test_headings_lead_to_columns_that_are_shown() -> None:
    for target in HELP.values():
        mart, _, name = target.partition(".")
        assert name in SHOWN[mart]


def test_a_figure_that_is_not_known_says_so() -> None:
    w = words("en")
    for value in (None, float("nan"), float("inf")):
        assert {w.points(value), w.raw(value), w.money(value), w.share(value), w.thousands(value)} == {"unknown"}
    assert w.within(40.0, None, 50.0) == "40.0"
    assert w.within(40.0, 35.0, 50.0) == "40.0 (35.0–50.0)"
