"""When each reporter-period of the sample was first and last released, per vintage.

Dates follow from the reporter and the period: annual returns come out in the second half of the next year, months
after a quarter. What is planted as revised, new, or released anew without a change carries a date after the older
vintage was taken; that vintage shows the date before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from agrocluster.sample.comtrade_tables import EU, plants, reporters, union_members
from agrocluster.sample.noise import hashed

TAKEN = {"previous": datetime(2025, 12, 1), "current": datetime(2026, 9, 1)}
"""The day on which each vintage of the service is looked at."""
_SECOND = timedelta(seconds=1)


def _changed() -> set[tuple[int, int]]:
    """(reporter, year or month) with a release between the two vintages."""
    code = reporters().code
    found: set[tuple[int, int]] = set()
    for plant in plants("revision", "touched", "new", "new_months"):
        reporter, years = int(code[plant.reporter_index]), plant.years.tolist()
        found.update((reporter, year) for year in years)
        # A revised year also revises its months, and a revised member the group it belongs to.
        found.update((reporter, year * 100 + month) for year in years for month in range(1, 13))
        if plant.kind == "revision" and plant.reporter_index in union_members():
            found.update((EU, year) for year in years)
    return found


def _first(freq: str, period: int, reporter: int, draw: float) -> datetime:
    if freq == "A":
        start = datetime(period + 1, 6 + reporter % 5, 1 + reporter % 27, 9)
    else:
        year, month = divmod(period // 100 * 12 + period % 100 - 1 + 4, 12)  # a third of a year later
        start = datetime(year, month + 1, 1 + reporter % 20, 9)
    return start + int(draw * 30_000) * _SECOND


def release_dates(held: pa.Table, vintage: str) -> pa.Table:
    """``held`` (freq, period, reporter) with the ISO times of its first and last release."""
    table = held.read_all() if isinstance(held, pa.RecordBatchReader) else held
    keys = [table[name].to_pylist() for name in ("freq", "period", "reporter")]
    draws = hashed("comtrade release", np.array(keys[1]), np.array(keys[2]))
    again = hashed("comtrade second release", np.array(keys[1]), np.array(keys[2]))
    changed, first, last = _changed(), [], []
    for freq, period, reporter, draw, later in zip(*keys, draws.tolist(), again.tolist(), strict=True):
        born = _first(freq, period, reporter, draw)
        seen = min(born + timedelta(days=int(150 * later)), TAKEN["previous"] - timedelta(days=1))
        if (reporter, period) in changed and vintage == "current":
            seen = datetime(2026, 2, 1, 8) + timedelta(days=int(120 * later), seconds=reporter)
            born = min(born, seen)
        first.append(min(born, seen).isoformat())
        last.append(seen.isoformat())
    return table.append_column("first_released", pa.array(first)).append_column("last_released", pa.array(last))
