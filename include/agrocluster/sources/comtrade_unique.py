"""Keeps every flow of a file once: a second row with the same key goes to quarantine.

A key is counted exactly, as one number made of the places of its parts in their lists of distinct texts; nothing is
hashed. Rows of one file are held in memory for this, about 150 bytes each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.errors import SourceContractError
from agrocluster.model.arrays import to_arrow
from agrocluster.model.fetching import StageLog
from agrocluster.sources.coded import coded

KEY = ("reporter", "partner", "flow", "period", "hs_edition", "hs_code")


def unrepeated(batches: Sequence[pa.RecordBatch], log: StageLog) -> Iterator[pa.RecordBatch]:
    """``batches`` in their order without the rows whose key an earlier row of theirs has."""
    if not batches:
        return
    rows = pa.Table.from_batches(batches).unify_dictionaries()
    first = np.zeros(rows.num_rows, dtype=bool)
    first[np.unique(_keys(rows), return_index=True)[1]] = True
    if first.all():
        yield from batches
        return
    log.reject(
        "repeated_flow",
        "An earlier row of the same answer has this reporter, partner, flow, period, edition and product.",
        rows.filter(to_arrow(~first)).cast(pa.schema([(name, pa.string()) for name in rows.column_names])),
    )
    yield from rows.filter(to_arrow(first)).to_batches()


def _keys(rows: pa.Table) -> NDArray[np.int64]:
    key, size = np.zeros(rows.num_rows, dtype=np.int64), 1
    for name in KEY:
        column = coded(rows[name])
        size *= len(column.texts)
        key = key * len(column.texts) + column.index
    if size >= 1 << 63:
        raise SourceContractError(
            "An answer names too many different areas, periods and products to be told apart.",
            source="comtrade",
            remedy="Compare the file with the contract of the API; a real answer has a few thousand codes.",
        )
    return key
