"""Reading the current release: one DuckDB connection with every mart as a view."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.release import publish
from agrocluster.storage import vintages
from agrocluster.storage.paths import layout


def current() -> dict[str, Any]:
    """Manifest of the current release. UsageError if nothing was published yet."""
    pointer = publish.latest()
    if pointer is None:
        raise UsageError("No release has been published yet.", remedy="Run `make run EXIT=1` first.")
    return publish.manifest(pointer["release"])


def release(name: str | None = None) -> dict[str, Any]:
    """Manifest of the release called ``name``, of the current one by default; UsageError lists those there are."""
    if name is None:
        return current()
    known = sorted(path.parent.name for path in layout().releases.glob("*/manifest.json"))
    if name not in known:
        raise UsageError(f"There is no release {name!r}.", remedy=f"Use one of: {', '.join(known) or 'none yet'}.")
    return publish.manifest(name)


def folder(manifest: dict[str, Any]) -> Path:
    """Where the Parquet files of a release lie."""
    return layout().releases / str(manifest["release"])


def mart(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """The manifest's entry of one mart; UsageError names the marts there are."""
    for entry in manifest["marts"]:
        if entry["name"] == name:
            return dict(entry)
    known = ", ".join(entry["name"] for entry in manifest["marts"])
    raise UsageError(f"There is no mart {name!r}.", remedy=f"Use one of: {known}.")


def connect(manifest: dict[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
    """DuckDB over a release, the current one by default: a view per mart, all from the same release."""
    found = manifest or current()
    con = duckdb.connect()
    for entry in found["marts"]:
        path = str(folder(found) / entry["path"]).replace("'", "''")
        con.execute(f"CREATE VIEW {entry['name']} AS FROM '{path}'")
    return con


def connect_as_of(day: str) -> duckdb.DuckDBPyConnection:
    """DuckDB over the facts as they were known on ``day`` (YYYY-MM-DD): ``fact_indicator``, ``fact_production``,
    ``fact_trade``, each from the vintages that had been published by then; sample or real, as the current release.

    UsageError when ``day`` is no such date.
    """
    try:
        when = date.fromisoformat(day).isoformat()
    except ValueError:
        raise UsageError(f"{day!r} is not a date.", remedy="Write it as 2023-12-31.") from None
    pointer = publish.latest()
    world = {True: "sample", False: "real"}[pointer["data_mode"] == "sample"] if pointer else None
    known = vintages.accepted(catalog().datasets, as_of=when, world=world)
    con = duckdb.connect()
    for kind, contract in catalog().tables.items():
        rows = vintages.current_query(contract, [v for v in known if v.kind is kind])
        con.execute(f"CREATE VIEW fact_{kind} AS {rows}")
    return con


def query(sql: str, as_of: str | None = None) -> pa.Table:
    """Rows of a query over the marts of the current release, or over the facts as known on a date.

    UsageError says what DuckDB did not understand.
    """
    with connect_as_of(as_of) if as_of else connect() as con:
        try:
            statements = con.extract_statements(sql)
            if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
                raise UsageError("That is not one query.", remedy="Write a single SELECT, FROM or DESCRIBE.")
            return con.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(
                f"DuckDB refuses the query: {error}", remedy="`agrocluster show <mart>` lists the columns of a mart."
            ) from error


def headline(manifest: dict[str, Any]) -> str:
    """One line that says which release this is and, for sample data, that they are none."""
    label = f" - {manifest['label']}" if manifest["label"] else ""
    return f"Release {manifest['release']}{label}"
