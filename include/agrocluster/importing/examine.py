"""Reads a recognised file to its end, once, without keeping a row: what would come out of it, and what is wrong.

A file is landed only if its reader gets through it. So a damaged table or an area nobody knows is named beside the
file that holds it, and the other files go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from agrocluster.errors import AgroclusterError
from agrocluster.importing.findings import Scope, Use, in_words
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.registry import reader

logger = logging.getLogger(__name__)

EMPTY = "Not one row of it belongs to the dataset."


@dataclass(frozen=True)
class Extent:
    """What a dataset's reader finds in a file; ``problem`` says why it finds nothing usable.

    ``marks`` are the distinct flags and published units, which tell the age of a FAOSTAT table.
    """

    dataset_id: str
    format: str
    scope: Scope
    rows: int = 0
    first_year: int | None = None
    last_year: int | None = None
    countries: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    marks: tuple[str, ...] = ()
    problem: str = ""


def examine(path: Path, use: Use, sha256: str) -> Extent:
    """Read ``path`` for one dataset. Never raises for what the file holds."""
    spec = catalog().dataset(use.dataset_id)
    file = RawFile(path.name, use.format, path.name, sha256, path.stat().st_size, "")
    log, tally = StageLog(), _Tally(spec.kind.country)
    try:
        for batch in reader(use.format)(path, file, spec, log):
            tally.add(batch)
        problem = "" if tally.rows else EMPTY
    except AgroclusterError as error:
        problem = in_words(error)
    except Exception as error:
        # As in ``recognise``: whatever a damaged file makes a reader raise, the other files go on.
        logger.info("Reading %s failed", path, exc_info=True)
        problem = f"It does not have the form its publisher documents ({str(error)[:200]})."
    return Extent(
        use.dataset_id,
        use.format,
        use.scope,
        tally.rows,
        min(tally.years, default=None),
        max(tally.years, default=None),
        len(tally.countries),
        dict(sorted(log.excluded.items())),
        sum(rows.num_rows for _, _, rows in log.rejected),
        tuple(sorted(tally.marks)),
        problem,
    )


@dataclass
class _Tally:
    country: str
    rows: int = 0
    years: set[int] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.years |= _distinct(batch, "year")
        self.countries |= _distinct(batch, self.country)
        for name in ("flag", "unit_raw"):
            if name in batch.schema.names:
                self.marks |= _distinct(batch, name)


def _distinct(batch: pa.RecordBatch, name: str) -> set[Any]:
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return set(pc.unique(column).to_pylist()) - {None}
