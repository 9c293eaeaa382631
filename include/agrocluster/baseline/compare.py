"""Two baselines side by side: how much of the difference is change, and how much is other data about the past.

Either side is a frozen baseline or one of a release. Between them stands the first one's window as the second one's
data see it: from the first to it the data were revised, from it to the second the chain has changed (method 9.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from agrocluster.baseline.freeze import DRAWS, SCORES, release_rows
from agrocluster.errors import UsageError
from agrocluster.marts.change import MEASURES, changes, judged, spread_query
from agrocluster.model.loader import catalog
from agrocluster.release import publish, reading
from agrocluster.storage import frozen
from agrocluster.storage.paths import layout

NO_DRAWS = pa.schema(
    [("baseline_id", pa.string()), ("iso3", pa.string()), ("chain", pa.string()), ("draw", pa.int64())]
    + [(m, pa.float64()) for m in MEASURES]
)

_CELLS = """
WITH spread AS ({spread})
SELECT coalesce(a.iso3, b.iso3) AS iso3, coalesce(a.chain, b.chain) AS chain,
    {scores}, {changes}, s.* EXCLUDE (iso3, chain)
FROM (FROM scores_a WHERE focus) a
FULL JOIN (FROM scores_b WHERE focus) b ON a.iso3 = b.iso3 AND a.chain = b.chain
LEFT JOIN scores_between m ON m.iso3 = b.iso3 AND m.chain = b.chain
LEFT JOIN spread s ON s.iso3 = b.iso3 AND s.chain = b.chain
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Side:
    """One baseline to compare: its rows of ``mart_cluster_baseline`` and, where there are, its draws."""

    label: str
    release_id: str
    sample: bool
    scores: pa.Table
    draws: pa.Table

    @property
    def window(self) -> tuple[int, int]:
        """First and last year."""
        return int(self._first("first_year")), int(self._first("last_year"))

    @property
    def scale(self) -> tuple[str, str, str]:
        """Index version, goalposts and panel; scores compare only where all three are equal."""
        return self._first("index_version"), self._first("goalpost_id"), self._first("panel_id")

    def _first(self, column: str) -> Any:
        return self.scores[column][0].as_py()

    def described(self) -> dict[str, Any]:
        """What a reader needs to know about it."""
        index_version, goalpost_id, panel_id = self.scale
        scale = {"index_version": index_version, "goalpost_id": goalpost_id, "panel_id": panel_id}
        return {"id": self.label, "release_id": self.release_id, "window": list(self.window), **scale}


def compare(before: str, after: str) -> dict[str, Any]:
    """Compare two baselines of the focus countries.

    Args:
        before, after: ``<name>@v<N>`` (frozen), ``<baseline>`` (of the current release) or ``<release>/<baseline>``.

    Returns ``before, after`` (ids, windows, scale), ``notes`` and ``cells``: per country and chain each measure's
    ``<m>_before``, ``_between`` (the first window in the second one's data), ``_after``, ``_total``, ``_real``,
    ``_revision``, ``_price``, ``_mdc`` and ``_verdict``. What cannot be told is None, and ``notes`` say why.

    Raises UsageError for an id that does not exist, and where one side is sample data and the other is not.
    """
    a, b = _side(before), _side(after)
    if a.sample != b.sample:
        raise UsageError(
            f"Of {a.label} and {b.label} one is sample data.", remedy="Compare sample with sample, or real with real."
        )
    notes = []
    between = _between(a, b)
    if a.scale != b.scale:
        notes.append("Index version, goalposts or panel differ, so the scores do not compare.")
    elif between is None:
        notes.append(
            f"The window {a.window[0]}-{a.window[1]} is not known from the data of {b.label} "
            f"(release {b.release_id}), so change and revision cannot be told apart."
        )
    elif not between.draws.num_rows or not b.draws.num_rows:
        notes.append(f"{b.label} has no Monte Carlo draws, so nothing can be told from noise.")
    comparable = a.scale == b.scale
    cells = _cells(a, between, b, comparable)
    return {"before": a.described(), "after": b.described(), "notes": notes, "cells": cells}


def _cells(a: Side, between: Side | None, b: Side, comparable: bool) -> list[dict[str, Any]]:
    defaults = catalog().parameters
    middle = between or Side(b.label, b.release_id, b.sample, b.scores.slice(0, 0), b.draws.slice(0, 0))
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        for name, side in (("a", a), ("between", middle), ("b", b)):
            con.register(f"scores_{name}", _priced(side.scores))
            con.register(f"draws_{name}", side.draws)
        con.execute(
            "CREATE TABLE pair AS SELECT (SELECT any_value(baseline_id) FROM scores_between) AS before_id, "
            "(SELECT any_value(baseline_id) FROM scores_b) AS after_id"
        )
        spread = spread_query(
            "draws_between", "draws_b", "pair", ("iso3", "chain"), float(defaults["progress_min_draws"].value)
        )
        scores = ", ".join(
            f"a.{m} AS {m}_before, m.{m} AS {m}_between, b.{m} AS {m}_after, b.{m} - a.{m} AS {m}_total, "
            f"m.{m} - a.{m} AS {m}_revision"
            for m in MEASURES
        )
        table = con.sql(_CELLS.format(spread=spread, scores=scores, changes=changes("m", "b"))).to_arrow_table()
    z, price_share = (float(defaults[name].value) for name in ("progress_z", "progress_price_share_min"))
    return [_plain(row, comparable) for row in judged(table, z, price_share).to_pylist()]


def _plain(row: dict[str, Any], comparable: bool) -> dict[str, Any]:
    """The row for readers; without a common scale the two scores alone."""
    kept = {"iso3": row["iso3"], "chain": row["chain"]}
    for m in MEASURES:
        kept[f"{m}_before"], kept[f"{m}_after"] = row[f"{m}_before"], row[f"{m}_after"]
        kept[f"{m}_between"] = row[f"{m}_between"]
        kept[f"{m}_real"] = row[f"{m}_change"] if comparable else None
        for part in ("total", "revision", "price", "mdc"):
            kept[f"{m}_{part}"] = row[f"{m}_{part}"] if comparable else None
        kept[f"{m}_verdict"] = row[f"{m}_verdict"] if comparable else "not_comparable"
    return kept


def _between(a: Side, b: Side) -> Side | None:
    """The window of ``a`` in the data of ``b``: itself where the windows are equal, else from the release of ``b``."""
    if a.window == b.window:
        return b
    if not (layout().releases / b.release_id / "manifest.json").exists():
        return None
    manifest = publish.manifest(b.release_id)
    rows = release_rows(manifest, SCORES)
    if rows is None:
        return None
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT DISTINCT baseline_id FROM rows WHERE first_year = ? AND last_year = ? ORDER BY 1", list(a.window)
        ).fetchall()
    return _of_release(manifest, found[0][0]) if found else None


def _side(text: str) -> Side:
    if frozen.is_frozen_id(text):
        kept = frozen.find(text)
        frozen.require_intact([kept])
        scores, draws = kept.require_table(SCORES), kept.table(DRAWS)
        no_draws = NO_DRAWS.empty_table()
        return Side(
            text, kept.manifest["release_id"], kept.world == "sample", scores, no_draws if draws is None else draws
        )
    release, _, baseline_id = text.rpartition("/")
    return _of_release(publish.manifest(release) if release else reading.current(), baseline_id)


def _of_release(manifest: dict[str, Any], baseline_id: str) -> Side:
    scores = release_rows(manifest, SCORES, baseline_id)
    if scores is None or not scores.num_rows:
        frozen_ids = ", ".join(f.frozen_id for f in frozen.known())
        raise UsageError(
            f"Release {manifest['release']} has no baseline {baseline_id!r}.",
            remedy="Name a baseline of the release, such as Bcurrent, <release>/<baseline>, or a frozen one"
            + (f": {frozen_ids}." if frozen_ids else "; none is frozen yet."),
        )
    draws = release_rows(manifest, DRAWS, baseline_id)
    label = f"{manifest['release']}/{baseline_id}"
    no_draws = NO_DRAWS.empty_table()
    return Side(
        label, manifest["release"], manifest["data_mode"] == "sample", scores, no_draws if draws is None else draws
    )


def _priced(scores: pa.Table) -> pa.Table:
    """``scores`` with the columns at reference prices, empty where a release did not have them."""
    for m in MEASURES:
        if f"{m}_base_prices" not in scores.column_names:
            scores = scores.append_column(f"{m}_base_prices", pa.nulls(scores.num_rows, pa.float64()))
    return scores
