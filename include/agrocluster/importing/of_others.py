"""Names files of publishers that no dataset reads yet, after ``other_publishers.yaml``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agrocluster.importing.findings import Recognised

RULES = Path(__file__).with_name("other_publishers.yaml")
NOTE = "No dataset reads files of this layout yet."


def by_columns(names: Sequence[str]) -> Recognised | None:
    """A table, by its column names."""
    found = {name.casefold() for name in names}
    return _first("csv", lambda rule: set(rule["columns"]) <= found)


def by_sheets(names: Iterable[str]) -> Recognised | None:
    """A workbook, by the names of its sheets."""
    sheets = list(names)
    return _first("sheets", lambda rule: any(re.search(rule["match"], sheet) for sheet in sheets))


def by_keys(document: Any) -> Recognised | None:
    """A JSON document, by the keys of its first object."""
    keys = _keys(document)
    return _first("json", lambda rule: bool(keys) and set(rule["keys"]) <= keys)


def by_beginning(text: str) -> Recognised | None:
    """An XML document, by its first lines."""
    return _first("xml", lambda rule: rule["contains"].casefold() in text.casefold())


def by_members(names: Iterable[str]) -> Recognised | None:
    """An archive, by the names of its members."""
    members = list(names)
    return _first("members", lambda rule: any(re.search(rule["match"], name) for name in members))


def _keys(document: Any) -> set[str]:
    first = document[0] if isinstance(document, list) and document else document
    return set(first) if isinstance(first, dict) else set()


def _first(section: str, fits: Callable[[dict[str, Any]], bool]) -> Recognised | None:
    for rule in _rules()[section]:
        if fits(rule):
            return Recognised(rule["what"], kind="other", note=NOTE)
    return None


@cache
def _rules() -> dict[str, list[dict[str, Any]]]:
    return dict(yaml.safe_load(RULES.read_text(encoding="utf-8")))
