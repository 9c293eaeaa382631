"""Builds one mart: runs its SQL (or Python) over what is staged and writes it to its contract.

A mart is ``catalog/marts/<mart>.yaml`` (what it promises) and ``marts/<mart>.sql`` or ``marts/<mart>.py`` with
``build(con)`` (how it is made). DuckDB runs single-threaded here because the order in which floating-point
sums are taken decides their last bit, and equal inputs must give equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import duckdb
import pyarrow as pa

from agrocluster.errors import StorageError, UsageError
from agrocluster.marts import relations
from agrocluster.marts.parameters import define_lookups
from agrocluster.model.loader import catalog
from agrocluster.storage.kept import Kept
from agrocluster.storage.parquet import WriteResult, write_table
from agrocluster.storage.vintages import Vintage

NOTHING_KEPT = Kept()

HERE = Path(__file__).resolve().parent


def connect(work: Path, *, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that spills into ``work`` and gives the same answer on every machine."""
    con = duckdb.connect()
    con.execute("SET threads = ?", [threads])
    con.execute("SET memory_limit = '2GB'")
    con.execute("SET temp_directory = ?", [str(work / ".spill")])
    con.execute("SET TimeZone = 'UTC'")
    return con


def build(
    name: str,
    folder: Path,
    vintages: Sequence[Vintage],
    metadata: dict[str, str],
    kept: Kept = NOTHING_KEPT,
) -> WriteResult:
    """Build mart ``name`` into ``folder/<name>.parquet`` from accepted ``vintages`` and earlier marts there.

    Args:
        name: a mart of the catalogue.
        folder: the build folder; must hold the marts that this one reads.
        vintages: accepted vintages, oldest first per dataset.
        metadata: key-value metadata of the Parquet file (release, data mode ...).
        kept: frozen baselines and practitioner overlay of the same world.

    Raises DataGateError when the result does not have the contract's columns.
    """
    contract = catalog().marts[name]
    folder.mkdir(parents=True, exist_ok=True)
    with connect(folder) as con:
        # Nothing but what the contract names: a mart that reads more fails here, not where its task runs too early.
        relations.register_catalog(con, contract.inputs)
        relations.register_staged(con, vintages, contract.inputs)
        relations.register_frozen(con, kept.frozen, contract.inputs)
        if "practitioner_overlay" in contract.inputs:
            relations.register_overlay(con, kept.overlay)
        relations.register_marts(con, folder, [i for i in contract.inputs if i in catalog().marts])
        order = ", ".join(contract.sort)
        try:
            rows = con.sql(f"SELECT * FROM ({_select(name, con)}) ORDER BY {order}")
            return write_table(rows.to_arrow_reader(122_880), folder / f"{name}.parquet", contract, metadata)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise StorageError(
                f"There is no room to build {name} (memory, or disk for what does not fit into it): {error}",
                remedy=f"Free space on the disk of {folder} and run again; everything published before is intact.",
            ) from error


def _select(name: str, con: duckdb.DuckDBPyConnection) -> str:
    if "method_parameters" in catalog().marts[name].inputs:
        define_lookups(con)
    sql = HERE / f"{name}.sql"
    if sql.exists():
        return sql.read_text(encoding="utf-8").rstrip().rstrip(";")
    if not (HERE / f"{name}.py").exists():
        raise UsageError(f"Mart {name} has a contract but neither marts/{name}.sql nor marts/{name}.py.")
    built = import_module(f"agrocluster.marts.{name}").build(con)
    table = built if isinstance(built, pa.Table) else built.to_arrow_table()
    con.register("built", table)
    return "SELECT * FROM built"
