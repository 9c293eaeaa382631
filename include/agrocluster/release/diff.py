"""What one release says differently from another: cells of the baseline, marts, columns, contracts, vintages.

Compares what was published and judges nothing; whether a change of a contract may be published is decided in
``compatibility``, and whether a cell really changed in ``agrocluster.baseline.compare``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agrocluster.release import reading
from agrocluster.storage.places import Place, Root

BASELINE = "mart_cluster_baseline"
KEY = ("baseline_id", "iso3", "chain")
SHOWN = {"potential": "DOUBLE", "grade": "VARCHAR", "rank_country": "INTEGER", "quadrant": "VARCHAR"}
"""Columns of a cell that people look at first, with the type of those that an older release lacks."""
FACTS = ("type", "unit", "nullable", "codelist")
"""What a manifest says about a column that readers rely on; older ones do not say all of it."""

_CELLS = """
WITH pair AS (
    SELECT {key}, coalesce(b.focus, a.focus) AS focus, a.iso3 IS NULL AS added, b.iso3 IS NULL AS removed, {shown},
        {differs} AS differs
    FROM before a FULL JOIN after b USING ({key})
)
SELECT * EXCLUDE (differs), potential_after - potential_before AS change
FROM pair WHERE differs OR added OR removed
ORDER BY focus DESC, abs(change) DESC NULLS FIRST, {key}
"""


def diff(old: str, new: str, root: Root = None) -> dict[str, Any]:
    """What ``new`` says differently from ``old``, both ids of releases.

    Returns, JSON-able: ``old`` and ``new`` (release, data_mode, label, version), ``same_mode``; ``cells``: changed,
    new and lost cells of the focus countries with potential (points), grade, rank_country and quadrant as
    ``<name>_before`` and ``<name>_after``, ``change`` (points), ``added``, ``removed``, those without a difference of
    points first, then the largest; ``cells_compared`` (of focus countries) and ``panel_cells_changed``;
    ``marts``: ``added``, ``removed`` (names), ``changed`` (see ``changed_mart``) and the number ``unchanged``;
    ``vintages``: ``added``, ``removed``.

    Raises UsageError when there is no such release, StorageError when a file of it cannot be read.
    """
    (before, old_place), (after, new_place) = reading.locate(old, root), reading.locate(new, root)
    return between(before, old_place, after, new_place)


def between(before: dict[str, Any], old: Place, after: dict[str, Any], new: Place) -> dict[str, Any]:
    """See ``diff``; for releases given by manifest and folder."""
    facts = ("release", "data_mode", "label", "version")
    sides = {name: {k: m.get(k, "") for k in facts} for name, m in (("old", before), ("new", after))}
    return {
        **sides,
        "same_mode": before["data_mode"] == after["data_mode"],
        **_cells(before, old, after, new),
        "marts": _marts(before, after),
        "vintages": _vintages(before, after),
    }


def changed_mart(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """How two manifest entries of one mart differ: ``name``, ``rows_before``, ``rows_after``, ``contract_before``,
    ``contract_after`` and what ``changed_columns`` says."""
    return {
        "name": after["name"],
        "rows_before": before["rows"],
        "rows_after": after["rows"],
        "contract_before": before.get("contract_version", ""),
        "contract_after": after.get("contract_version", ""),
        **changed_columns(before, after),
    }


def changed_columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """How the columns of two manifest entries differ: ``columns_added``, ``columns_removed`` (names) and
    ``columns_changed`` (``name``, ``what`` of ``FACTS``, ``before``, ``after``)."""
    was, now = _columns(before), _columns(after)
    changed = [
        {"name": name, "what": fact, "before": was[name][fact], "after": now[name].get(fact)}
        for name in now
        for fact in FACTS
        if name in was and fact in was[name] and was[name][fact] != now[name].get(fact)
    ]
    return {
        "columns_added": [name for name in now if name not in was],
        "columns_removed": [name for name in was if name not in now],
        "columns_changed": changed,
    }


def moved(cell: Mapping[str, Any], name: str) -> str:
    """One of ``SHOWN`` of a cell before and after, for people: ``60.72 -> 71.00``, once where both look the same."""
    before, after = (_figure(cell[f"{name}_{side}"]) for side in ("before", "after"))
    return before if before == after else f"{before or '?'} -> {after or '?'}"


def visible(cell: Mapping[str, Any]) -> bool:
    """Whether people see a difference in what ``moved`` says, or the cell is new or gone."""
    return bool(cell["added"] or cell["removed"] or any("->" in moved(cell, name) for name in SHOWN))


def _figure(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _columns(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in entry.get("columns", ())}


def _marts(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    was, now = ({mart["name"]: mart for mart in m["marts"]} for m in (before, after))
    both = [name for name in sorted(now) if name in was]
    differs = [name for name in both if _differ(was[name], now[name])]
    return {
        "added": [name for name in sorted(now) if name not in was],
        "removed": [name for name in sorted(was) if name not in now],
        "changed": [changed_mart(was[name], now[name]) for name in differs],
        "unchanged": len(both) - len(differs),
    }


def _differ(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether rows or contract differ; of older releases, which have no hash of rows alone, nobody knows better."""
    rows = "rows_sha256" if "rows_sha256" in before and "rows_sha256" in after else "sha256"
    return any(before.get(key) != after.get(key) for key in (rows, "contract_version", "columns"))


def _vintages(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    was, now = ({v["vintage_id"] for v in m["vintages"]} for m in (before, after))
    return {"added": sorted(now - was), "removed": sorted(was - now)}


def _cells(before: dict[str, Any], old: Place, after: dict[str, Any], new: Place) -> dict[str, Any]:
    import duckdb

    was, now = _scores(before, old), _scores(after, new)
    if was is None or now is None:
        return {"cells": [], "cells_compared": 0, "panel_cells_changed": 0}
    shown = ", ".join(f"a.{name} AS {name}_before, b.{name} AS {name}_after" for name in SHOWN)
    differs = " OR ".join(f"a.{name} IS DISTINCT FROM b.{name}" for name in SHOWN)
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        for name, rows in (("before", was), ("after", now)):
            con.register("rows", rows)
            lacking = [f"NULL::{kind} AS {c}" for c, kind in SHOWN.items() if c not in rows.column_names]
            con.execute(f"CREATE TABLE {name} AS SELECT {', '.join(['*', *lacking])} FROM rows")
            con.unregister("rows")
        found = con.sql(_CELLS.format(key=", ".join(KEY), shown=shown, differs=differs)).to_arrow_table().to_pylist()
        compared = f"SELECT count(*) FROM before a JOIN after b USING ({', '.join(KEY)}) WHERE b.focus"
        ((number,),) = con.sql(compared).fetchall()
    cells = [{k: v for k, v in cell.items() if k != "focus"} for cell in found if cell["focus"]]
    return {"cells": cells, "cells_compared": number, "panel_cells_changed": len(found) - len(cells)}


def _scores(manifest: dict[str, Any], place: Place) -> Any:
    """What the release says about the cells, or None where it has no baseline."""
    import pyarrow.parquet as pq

    entry = next((mart for mart in manifest["marts"] if mart["name"] == BASELINE), None)
    if entry is None:
        return None
    where = reading.file(entry, place)
    try:
        with pq.ParquetFile(where.store.open(where.path) if where.store else where.path) as file:
            there = set(file.schema_arrow.names)
            return file.read(columns=[name for name in (*KEY, "focus", *SHOWN) if name in there])
    except OSError as error:
        raise reading.unreadable(BASELINE, place, error) from error
