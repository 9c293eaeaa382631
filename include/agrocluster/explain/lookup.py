"""Which country or chain is meant: by code, by its name in English or Russian, or by what people call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache

import yaml

from agrocluster.errors import UsageError
from agrocluster.explain.language import aliases
from agrocluster.model.loader import catalog

SUGGESTIONS = 3
LIKENESS = 0.6
"""How alike a name must be to be suggested (difflib ratio)."""


def find_country(text: str) -> str:
    """ISO3 code of the focus or panel country that ``text`` names. UsageError suggests names like it."""
    return _find(text, _countries(), "country", remedy=f"Use one of: {', '.join(catalog().focus())}.")


def find_chain(text: str) -> str:
    """Code of the chain that ``text`` names. UsageError suggests names like it."""
    return _find(text, _chains(), "chain", remedy=f"Use one of: {', '.join(sorted(set(_chains().values())))}.")


@cache
def _countries() -> Mapping[str, str]:
    also = aliases().countries
    return _by_name(
        (c.iso3, (c.iso3, c.iso2, c.name.en, c.name.ru, *also.get(c.iso3, ())))
        for c in catalog().countries.values()
        if c.focus or c.panel
    )


@cache
def _chains() -> Mapping[str, str]:
    also = aliases().chains
    listed = yaml.safe_load((catalog().root / "value_chains" / "chains.yaml").read_text(encoding="utf-8"))
    return _by_name((c["chain"], (c["chain"], c["en"], c["ru"], *also.get(c["chain"], ()))) for c in listed)


def _by_name(entries: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    return {_key(name): code for code, names in entries for name in names}


def _find(text: str, known: Mapping[str, str], what: str, *, remedy: str) -> str:
    if (code := known.get(_key(text))) is not None:
        return code
    like = dict.fromkeys(known[name] for name in get_close_matches(_key(text), known, SUGGESTIONS, LIKENESS))
    hint = f" Did you mean {' or '.join(like)}?" if like else ""
    raise UsageError(f"There is no {what} {text!r} in the baselines.{hint}", remedy=remedy)


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("ё", "е").replace("_", " ").split())
