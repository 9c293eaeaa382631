"""Staged vintages of one World Bank series, written by hand."""

from __future__ import annotations

import pyarrow as pa

from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.storage import vintages
from agrocluster.storage.parquet import write_table
from agrocluster.storage.paths import layout

DATASET = "worldbank__wdi"
CONTRACT = catalog().tables[TableKind.INDICATOR]


def put(name: str, scope: str, cells: dict[int, float], *, passed: bool = True) -> None:
    """Stage a vintage of one series by hand; ``cells`` is year -> value."""
    vintage_id = f"{DATASET}@{name}"
    rows = [
        {"iso3": "KGZ", "year": year, "indicator": "SP.POP.TOTL", "value": value, "unit": "persons", "flag": ""}
        | {"source": "worldbank", "dataset": "wdi", "vintage_id": vintage_id}
        for year, value in cells.items()
    ]
    write_table(pa.Table.from_pylist(rows), layout().vintage(vintage_id) / "data.parquet", CONTRACT, ordered=False)
    report = {"vintage_id": vintage_id, "dataset_id": DATASET, "kind": "indicator", "stamp": name[:10], "scope": scope}
    report |= {"world": "sample", "first_year": min(cells), "last_year": max(cells)}
    vintages.record(vintage_id, report)
    vintages.accept(vintage_id, {"passed": passed})
