"""Writes the generated tables of the pages in this folder: ``python docs/methods/tables.py``, or ``make docs``.

A page holds ``<!-- parameters: name other_name prefix_* -->``, ``<!-- columns: mart name prefix_* -->`` or
``<!-- indicators: pillar other_pillar -->``; whatever stands between it and ``<!-- end -->`` is replaced by a table
made from the catalogue. Tests hold pages and catalogue together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from agrocluster.marts.relations import catalog_tables
from agrocluster.model.loader import catalog

HERE = Path(__file__).resolve().parent
BLOCK = re.compile(r"(<!-- (parameters|columns|indicators): ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """``text`` with every generated table renewed. KeyError for a mart, ValueError for a name that matches nothing."""
    return BLOCK.sub(lambda found: f"{found[1]}{_table(found[2], found[3].split())}{found[4]}", text)


def parameters_of(text: str) -> set[str]:
    """Names of the parameters that a page lists."""
    blocks = [found[3].split() for found in BLOCK.finditer(text) if found[2] == "parameters"]
    return {name for names in blocks for name in _matching(catalog().parameters, names)}


def _table(kind: str, names: list[str]) -> str:
    if kind == "parameters":
        known = catalog().parameters
        rows = [
            (f"`{name}`", _short(known[name].value, known[name].unit), known[name].unit, known[name].reason)
            for name in _matching(known, names)
        ]
        return _markdown(("parameter", "value", "unit", "why"), rows)
    if kind == "indicators":
        lines = catalog_tables(catalog())["cat_index_indicator"].to_pylist()
        rows = [
            (
                line["pillar"],
                line["en"],
                line["transform"] or "",
                line["noise"],
                f"`{line['mart']}`" if line["mart"] else line["reason"],
            )
            for line in lines
            if line["pillar"] in names
        ]
        return _markdown(("pillar", "indicator", "scale", "error", "from"), rows)
    mart, *chosen = names
    columns = {column.name: column for column in catalog().marts[mart].columns}
    rows = [(f"`{n}`", columns[n].unit or "", columns[n].text.en) for n in _matching(columns, chosen)]
    return _markdown((f"column of `{mart}`", "unit", "meaning"), rows)


def _matching(known: Iterable[str], patterns: list[str]) -> list[str]:
    listed = list(known)
    found: dict[str, None] = {}
    for pattern in patterns:
        hits = [name for name in listed if fnmatch(name, pattern)]
        if not hits:
            raise ValueError(f"{pattern!r} names nothing in the catalogue")
        found |= dict.fromkeys(hits)
    return list(found)


def _short(value: float | str, unit: str) -> str:
    """A number as people read it; years and codes are names and have no thousands."""
    if isinstance(value, str):
        return value
    return f"{value:.10g}" if unit == "year" or unit.endswith("code") else f"{value:,.10g}"


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for page in sorted(HERE.glob("*.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
