"""Change of a score between two windows: how far it spreads over common draws, and what can be said about it.

The same draw number means the same random numbers in every baseline (method 9.7), so noise that both windows have
in common, such as the choice of a method, cancels in their difference. What a draw is decides the Monte Carlo; which
windows are compared decide the caller's relations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from agrocluster.measures.progress import minimum_detectable_change, verdict
from agrocluster.model.arrays import to_arrow, to_numpy

MEASURES = ("potential", "position", "headroom")
"""Scores that are drawn and judged."""

PAIRS = """
    SELECT b.baseline_id, f.baseline_id AS followup_id, b.baseline_id AS before_id, f.baseline_id AS after_id,
        b.first_year, b.last_year, f.first_year AS followup_first_year, f.last_year AS followup_last_year
    FROM dim_baseline b JOIN dim_baseline f ON b.last_year < f.last_year
"""
"""Every baseline with every one that ends later; the windows may overlap."""

COMMON = f"""
    SELECT p.baseline_id, p.followup_id, b.iso3, b.chain, b.focus, b.panel,
        sqrt(f.position_common * f.headroom_common) - sqrt(b.position_common * b.headroom_common) AS change
    FROM ({PAIRS}) p
    JOIN mart_cluster_baseline b ON b.baseline_id = p.baseline_id
    JOIN mart_cluster_baseline f ON f.baseline_id = p.followup_id AND f.iso3 = b.iso3 AND f.chain = b.chain
"""
"""Change of potential on the indicators that focus and panel countries share: others cannot be held side by side."""

DECIMALS = 9
"""Published digits of a spread: sums over draws differ in the last ones between processors."""


def spread_query(before: str, after: str, pairs: str, keys: Sequence[str], min_draws: float) -> str:
    """A query with one row per cell: ``keys``, ``n_draws`` and, per measure, ``<measure>_se0``, ``_se1`` and ``_rho``.

    Args:
        before, after: relations like ``mart_baseline_draws`` with ``baseline_id, iso3, chain, draw`` and the measures.
        pairs: relation with ``before_id`` and ``after_id``, the baselines to compare, and those of ``keys`` that are
            not ``iso3`` or ``chain``.
        keys: names of the cell's key columns.
        min_draws: below so many common draws a spread is null.

    ``n_draws`` counts the common draws of potential. ``_rho`` is null where a score does not vary.
    """
    known = {m: f"FILTER (b.{m} IS NOT NULL AND f.{m} IS NOT NULL)" for m in MEASURES}
    parts = ", ".join(_spread(m, known[m], min_draws) for m in MEASURES)
    names = ", ".join(f"{'b' if key in ('iso3', 'chain') else 'p'}.{key}" for key in keys)
    return f"""
        SELECT {names}, count(*) {known["potential"]} AS n_draws, {parts}
        FROM {pairs} p
        JOIN {before} b ON b.baseline_id = p.before_id
        JOIN {after} f ON f.baseline_id = p.after_id AND f.iso3 = b.iso3 AND f.chain = b.chain AND f.draw = b.draw
        GROUP BY {names}"""


def changes(before: str, after: str) -> str:
    """Select list with, per measure, ``<measure>_change`` and ``<measure>_price``, its part from world unit values.

    Args: aliases of rows like those of ``mart_cluster_baseline``. The part is null where a score at the unit values of
    the reference window is unknown.
    """
    return ", ".join(
        f"{after}.{m} - {before}.{m} AS {m}_change, "
        f"({after}.{m} - {after}.{m}_base_prices) - ({before}.{m} - {before}.{m}_base_prices) AS {m}_price"
        for m in MEASURES
    )


def judged(cells: pa.Table, z: float, price_share_min: float) -> pa.Table:
    """``cells`` with ``<measure>_mdc`` and ``<measure>_verdict`` per measure.

    Args:
        cells: ``<measure>_change``, ``_price`` (points), ``_se0``, ``_se1`` and ``_rho`` per measure.
        z: see ``minimum_detectable_change``.
        price_share_min: see ``verdict``.
    """
    for m in MEASURES:
        change, price, se0, se1, rho = (
            to_numpy(cells[f"{m}_{part}"]) for part in ("change", "price", "se0", "se1", "rho")
        )
        mdc = minimum_detectable_change(se0, se1, np.nan_to_num(rho), z)  # what does not vary has no covariance
        cells = cells.append_column(f"{m}_mdc", to_arrow(mdc))
        said = verdict(change, mdc, price, price_share_min).tolist()
        cells = cells.append_column(f"{m}_verdict", pa.array(said, pa.string()))
    return cells


def _spread(measure: str, known: str, min_draws: float) -> str:
    spread = {
        "se0": f"stddev_samp(b.{measure} ORDER BY b.draw) {known}",
        "se1": f"stddev_samp(f.{measure} ORDER BY b.draw) {known}",
        "rho": f"corr(b.{measure}, f.{measure} ORDER BY b.draw) {known}",
    }
    return ", ".join(
        f"CASE WHEN count(*) {known} >= {min_draws} AND NOT isnan({sql}) THEN round({sql}, {DECIMALS}) END "
        f"AS {measure}_{name}"
        for name, sql in spread.items()
    )
