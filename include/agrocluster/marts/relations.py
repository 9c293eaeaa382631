"""What a mart's SQL can read: catalogue tables (``cat_*``), staged rows, vintages, frozen baselines, earlier marts."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml

from agrocluster.marts.method_tables import method_tables
from agrocluster.model.loader import Catalog, catalog, read_csv
from agrocluster.storage import overlays
from agrocluster.storage.frozen import Frozen, rows_query
from agrocluster.storage.vintages import Vintage, all_query, current_query

VINTAGE = pa.schema(
    [(name, pa.string()) for name in ("dataset_id", "source", "dataset", "kind", "vintage_id", "stamp", "scope")]
    + [("snapshot_id", pa.string()), ("data_mode", pa.string())]
    + [(name, pa.int64()) for name in ("rows", "rows_excluded", "rows_quarantined")]
    + [("first_year", pa.int16()), ("last_year", pa.int16())]
    + [(name, pa.string()) for name in ("licence", "attribution", "title")]
)
FILE = pa.schema(
    [(name, pa.string()) for name in ("vintage_id", "name", "format", "url", "sha256")]
    + [("bytes", pa.int64()), ("retrieved_at", pa.string()), ("source_updated_at", pa.string())]
)


FROZEN = {
    "frozen_baseline": "mart_cluster_baseline",
    "frozen_indicators": "mart_baseline_indicators",
    "frozen_goalposts": "mart_goalposts",
}
"""Relation -> the mart whose rows it holds."""


def register_catalog(con: duckdb.DuckDBPyConnection, names: Container[str]) -> None:
    """Create those of the ``cat_*`` tables that ``names`` holds in ``con``."""
    for name, table in catalog_tables(catalog()).items():
        if name in names:
            _create(con, name, table)


def register_staged(con: duckdb.DuckDBPyConnection, vintages: Iterable[Vintage], names: Container[str]) -> None:
    """Create ``current_<kind>``, ``all_<kind>``, ``vintages`` and ``vintage_files`` over accepted vintages, where
    ``names`` holds them."""
    listed = list(vintages)
    for kind, contract in catalog().tables.items():
        mine = [v for v in listed if v.kind is kind]
        for name, query in ((f"current_{kind}", current_query), (f"all_{kind}", all_query)):
            if name in names:
                con.execute(f"CREATE VIEW {name} AS {query(contract, mine)}")
    if "vintages" in names:
        _create(con, "vintages", pa.Table.from_pylist([_vintage_row(v) for v in listed], schema=VINTAGE))
    if "vintage_files" in names:
        files = [_file_row(v.vintage_id, file) for v in listed for file in v.report["files"]]
        _create(con, "vintage_files", pa.Table.from_pylist(files, schema=FILE))


def register_overlay(con: duckdb.DuckDBPyConnection, overlay: overlays.Overlay | None) -> None:
    """Create ``practitioner_overlay``: accepted lines of the form, all as text; no line where nothing was imported."""
    columns = catalog_tables(catalog())["cat_overlay_form"]["field"].to_pylist()
    _create(con, "practitioner_overlay", overlays.table(overlay, columns))


def register_frozen(con: duckdb.DuckDBPyConnection, frozen: Sequence[Frozen], names: Container[str]) -> None:
    """Create those of the views of ``FROZEN`` that ``names`` holds: rows of frozen baselines with ``frozen_id`` and
    ``frozen_order``, the place in the order of freezing. Their columns are those of today's marts, whether or not
    anything is frozen."""
    for name, mart in FROZEN.items():
        if name in names:
            con.execute(f"CREATE VIEW {name} AS {rows_query(mart, catalog().marts[mart], frozen)}")


def register_marts(con: duckdb.DuckDBPyConnection, folder: Path, names: Iterable[str]) -> None:
    """Create a view for each finished mart in ``folder``."""
    for name in names:
        path = str(folder / f"{name}.parquet").replace("'", "''")
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")


def catalog_tables(found: Catalog) -> dict[str, pa.Table]:
    """The catalogue as Arrow tables: countries, chains, crosswalk, indicators, parameters, datasets, sources."""
    lists = {
        "cat_country": [
            {
                "iso3": c.iso3,
                "iso2": c.iso2,
                "m49": c.m49,
                "fao_code": c.fao_code,
                "comtrade_code": c.comtrade_code,
                "wb_code": c.wb_code,
                "name_en": c.name.en,
                "name_ru": c.name.ru,
                "region": c.region,
                "focus": c.focus,
                "panel": c.panel,
                "yield_peer": c.yield_peer,
            }
            for c in found.countries.values()
        ],
        "cat_indicator": [
            {
                "indicator": i.code,
                "dataset_id": i.dataset,
                "source": found.datasets[i.dataset].source,
                "dataset": found.datasets[i.dataset].dataset,
                "theme": i.theme,
                "unit": i.unit,
                "direction": i.direction,
                "name_en": i.text.en,
                "name_ru": i.text.ru,
                "se_code": i.se_code,
                "enabling": i.enabling,
                "archived": i.archived,
            }
            for specs in found.indicators.values()
            for i in specs
        ],
        "cat_parameter": [
            {
                "name": p.name,
                "value": None if isinstance(p.value, str) else p.value,
                "text": str(p.value),
                "unit": p.unit,
                "reason": p.reason,
                "version": p.version,
            }
            for p in found.parameters.values()
        ],
        "cat_dataset": [
            {
                "dataset_id": d.id,
                "source": d.source,
                "dataset": d.dataset,
                "kind": str(d.kind),
                "title_en": d.title.en,
                "title_ru": d.title.ru,
                "citation": d.citation,
                "licence": d.licence or found.sources[d.source].licence,
                "cadence_days": d.cadence_days,
                "expected_lag_days": d.expected_lag_days,
            }
            for d in found.datasets.values()
        ],
        "cat_source": [
            {
                "source": s.id,
                "title_en": s.title.en,
                "title_ru": s.title.ru,
                "homepage": s.homepage,
                "licence": s.licence,
                "licence_url": s.licence_url,
                "attribution": s.attribution,
                "redistribution": s.redistribution,
            }
            for s in found.sources.values()
        ],
    }
    tables = {name: pa.Table.from_pylist(rows) for name, rows in lists.items()}
    return tables | chain_tables(found.root) | method_tables(found.root)


@cache
def chain_tables(root: Path) -> dict[str, pa.Table]:
    """The relations ``cat_chain`` and ``cat_chain_code`` from the catalogue under ``root``."""
    chains = yaml.safe_load((root / "value_chains" / "chains.yaml").read_text(encoding="utf-8"))
    return {
        "cat_chain": pa.Table.from_pylist(chains),
        "cat_chain_code": crosswalk(read_csv(root / "value_chains" / "crosswalk.csv")),
    }


def crosswalk(raw: pa.Table) -> pa.Table:
    """The crosswalk with its ``note`` (``key=value`` pairs) taken apart into ``NOTE_KEYS``."""
    con = duckdb.connect()
    con.register("raw", raw)
    parts = ", ".join(f"nullif(regexp_extract(note, '(?:^|;){key}=([^;]*)', 1), '') AS {key}" for key in NOTE_KEYS)
    return con.sql(f"SELECT chain, stage, system, code, label, {parts}, note FROM raw").to_arrow_table()


NOTE_KEYS = ("tier", "role", "sub", "domains", "fao_hs12", "bec_divergent")


def _create(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    con.register(f"arrow_{name}", table)
    con.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_{name}")
    con.unregister(f"arrow_{name}")


def _vintage_row(vintage: Vintage) -> dict[str, object]:
    spec = catalog().datasets[vintage.dataset_id]
    source = catalog().sources[spec.source]
    staged = vintage.report
    return {
        "dataset_id": vintage.dataset_id,
        "source": spec.source,
        "dataset": spec.dataset,
        "kind": str(spec.kind),
        "vintage_id": vintage.vintage_id,
        "stamp": vintage.stamp,
        "scope": vintage.scope,
        "snapshot_id": staged["snapshot_id"],
        "data_mode": staged["mode"],
        "rows": staged["rows"],
        "rows_excluded": sum(staged["excluded"].values()),
        "rows_quarantined": sum(staged["quarantined"].values()),
        "first_year": staged["first_year"],
        "last_year": staged["last_year"],
        "licence": spec.licence or source.licence,
        "attribution": source.attribution,
        "title": spec.title.en,
    }


def _file_row(vintage_id: str, file: dict[str, object]) -> dict[str, object]:
    return {
        "vintage_id": vintage_id,
        "name": file["name"],
        "format": file["format"],
        "url": file["url"],
        "sha256": file["sha256"],
        "bytes": file["size"],
        "retrieved_at": file["retrieved_at"],
        "source_updated_at": file["last_modified"],
    }
