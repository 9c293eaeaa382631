"""A world small enough to compute by hand, registered the way the mart runner registers a real one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import duckdb
import pyarrow as pa

from agrocluster.marts import build, relations
from agrocluster.model.loader import catalog
from agrocluster.storage.frozen import Frozen
from agrocluster.storage.overlays import Overlay
from agrocluster.storage.parquet import arrow_schema, conform

Row = dict[str, object]
DRAWS = 200
"""Draws of the baseline in tests: enough to see that intervals work, few enough to be quick."""
VINTAGES = {
    "indicator": ("worldbank", "wdi"),
    "production": ("faostat", "qcl"),
    "trade": ("cepii", "baci_hs12"),
    "customs": ("comtrade", "annual"),
}
UNITS = {"5510": "t", "5312": "ha", "152": "I$", "5532": "USD/t"}


@dataclass
class World:
    """Staged rows of all kinds. ``build`` makes marts from them, whatever is missing.

    ``parameters`` replaces defaults of the method; ``customs_scope`` is that of the customs vintage; ``frozen`` are
    baselines that were frozen before, ``overlay`` is the practitioner overlay.
    """

    trade: list[Row] = field(default_factory=list)
    production: list[Row] = field(default_factory=list)
    indicator: list[Row] = field(default_factory=list)
    customs: list[Row] = field(default_factory=list)
    customs_scope: str = "full"
    parameters: dict[str, float | str] = field(default_factory=dict)
    overlay: Overlay | None = None
    frozen: list[Frozen] = field(default_factory=list)

    def exports(self, exporter: str, hs_code: str, years: Iterable[int], usd: float, **destinations: float) -> None:
        """World total of an exporter and, by share, its single flows. ``kg`` may be among the keywords."""
        kg = destinations.pop("kg", usd / 2)
        for year in years:
            flows = {"WLD": 1.0, **destinations}
            for importer, share in flows.items():
                self.trade.append(
                    {
                        "exporter": exporter,
                        "importer": importer,
                        "hs_edition": "HS12",
                        "hs_code": hs_code,
                        "year": year,
                        "flow_variant": "reconciled",
                        "value_usd": usd * share,
                        "net_kg": None if kg is None else kg * share,
                        "flag": "q_missing" if kg is None else "",
                    }
                )

    def _with_importer_totals(self) -> list[Row]:
        """The flows and, as BACI is staged, importers' totals of them (exporter WLD), unless they are given."""
        names = ("importer", "hs_edition", "hs_code", "year", "flow_variant")
        given = {tuple(flow[n] for n in names) for flow in self.trade if flow["exporter"] == "WLD"}
        totals: dict[tuple[object, ...], Row] = {}
        for flow in self.trade:
            key = tuple(flow[n] for n in names)
            if "WLD" in (flow["importer"], flow["exporter"]) or key in given:
                continue
            total = totals.setdefault(key, flow | {"exporter": "WLD", "value_usd": 0.0, "net_kg": None})
            total["value_usd"] += flow["value_usd"]  # type: ignore[operator]
        return [*self.trade, *totals.values()]

    def farm(self, iso3: str, item_code: str, years: Iterable[int], flag: str = "A", **measures: float) -> None:
        """FAOSTAT values; a keyword is ``<dataset>_<element code>``, such as ``qcl_5510=1000``."""
        for year in years:
            for name, value in measures.items():
                dataset, element = name.split("_")
                self.production.append(
                    {
                        "iso3": iso3,
                        "year": year,
                        "item_code": item_code,
                        "item": f"Item {item_code}",
                        "element_code": element,
                        "element": f"Element {element}",
                        "value": value,
                        "unit": UNITS.get(element, "t"),
                        "value_raw": value,
                        "unit_raw": UNITS.get(element, "t"),
                        "flag": flag,
                        "dataset": dataset,
                    }
                )

    def measure(self, iso3: str, indicator: str, year: int, value: float, dataset: str = "wdi") -> None:
        """One indicator value."""
        self.indicator.append(
            {
                "iso3": iso3,
                "year": year,
                "indicator": indicator,
                "value": value,
                "unit": "%",
                "flag": "",
                "dataset": dataset,
            }
        )

    def report(
        self,
        reporter: str,
        flow: str,
        partner: str,
        hs_code: str,
        usd: float,
        years: Iterable[int] = (2020,),
        **more: object,
    ) -> None:
        """What a reporter's customs say: one row per year. ``more`` replaces any field; ``month`` makes it monthly."""
        for year in years:
            month = more.get("month")
            level = 0 if hs_code == "TOTAL" else len(hs_code)
            kind = "world" if partner == "WLD" else "unspecified" if partner[1:].isdigit() else "country"
            row = {
                "reporter": reporter,
                "partner": partner,
                "partner_kind": kind,
                "flow": flow,
                "freq": "M" if month else "A",
                "period": f"{year}{month:02}" if month else str(year),
                "year": year,
                "hs_edition": "HS12",
                "hs_code": hs_code,
                "hs_level": level,
                "value_usd": float(usd),
                "net_kg": usd / 2,
                "net_kg_estimated": False,
                "qty_estimated": False,
                "is_reported": True,
                "is_aggregate": False,
                "is_original": True,
                "flag": "",
            }
            self.customs.append(row | more)

    def prices(self, years: Iterable[int], percent: float = 0.0) -> None:
        """US consumer price inflation, in percent, which world trade is deflated by."""
        for year in years:
            self.measure("USA", "FP.CPI.TOTL.ZG", year, percent)

    def build(self, *marts: str) -> duckdb.DuckDBPyConnection:
        """A connection with ``marts`` (default: all) and every mart they read, each checked against its contract."""
        con = duckdb.connect()
        con.execute("SET threads = 1")
        for name, table in _catalog_tables().items():
            con.register(name, table)
        for name, value in ({"mc_draws": DRAWS} | self.parameters).items():
            text, number = str(value), "NULL" if isinstance(value, str) else value
            changed = f"CASE WHEN name = '{name}' THEN {{}} ELSE {{}} END"
            query = f"SELECT * REPLACE ({changed.format(number, 'value')} AS value, " + (
                changed.format(f"'{text}'", "text") + " AS text) FROM cat_parameter"
            )
            con.register("cat_parameter", con.sql(query).to_arrow_table())
        self._register(con)
        for name in _closure(marts or tuple(catalog().marts)):
            fixed = not self.parameters and name in _of_the_catalogue()
            kept = _FIXED.get(name) if fixed else None
            if kept is None:
                kept = _made(name, con)
            if fixed:
                _FIXED[name] = kept
            con.register("kept", kept)
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM kept")
        return con

    def _register(self, con: duckdb.DuckDBPyConnection) -> None:
        vintages = []
        for kind, contract in catalog().tables.items():
            source, dataset = VINTAGES[kind]
            given = self._with_importer_totals() if kind == "trade" else getattr(self, kind)
            rows = [{"source": source, "dataset": dataset, "vintage_id": f"{source}@1", **row} for row in given]
            con.register(f"current_{kind}", pa.Table.from_pylist(rows, schema=arrow_schema(contract)))
            con.register(f"all_{kind}", pa.Table.from_pylist(rows, schema=arrow_schema(contract)))
            if rows:
                scope = self.customs_scope if kind == "customs" else "full"
                for vintage_id in sorted({str(row["vintage_id"]) for row in rows}):
                    own = {"scope": scope, "vintage_id": vintage_id, "stamp": vintage_id.partition("@")[2]}
                    vintages.append(_vintage(kind, source, dataset, len(rows)) | own)
        files = [
            {
                "vintage_id": v["vintage_id"],
                "name": "file.csv",
                "format": "csv",
                "url": "",
                "sha256": "0",
                "bytes": 1,
            }
            for v in vintages
        ]
        con.register("vintages", pa.Table.from_pylist(vintages, schema=relations.VINTAGE))
        relations.register_frozen(con, self.frozen, relations.FROZEN)
        relations.register_overlay(con, self.overlay)
        con.register("vintage_files", pa.Table.from_pylist(files, schema=relations.FILE))


def one(con: duckdb.DuckDBPyConnection, query: str) -> Row:
    """The only row of a query, by column name."""
    rows = con.sql(query).to_arrow_table().to_pylist()
    assert len(rows) == 1, f"{len(rows)} rows: {query}"
    return rows[0]


_FIXED: dict[str, pa.Table] = {}
"""Marts of the catalogue alone, which are the same in every world."""


@cache
def _of_the_catalogue() -> set[str]:
    found: set[str] = set()
    for name in catalog().mart_order():
        if all(i.startswith("cat_") or i in found for i in catalog().marts[name].inputs):
            found.add(name)
    return found


def _made(name: str, con: duckdb.DuckDBPyConnection) -> pa.Table:
    contract = catalog().marts[name]
    try:
        rows = con.sql(f"SELECT * FROM ({build._select(name, con)}) ORDER BY {', '.join(contract.sort)}")
    except duckdb.Error as error:
        raise AssertionError(f"Mart {name}: {error}") from error
    return conform(rows.to_arrow_table(), contract)


@cache
def _catalog_tables() -> dict[str, pa.Table]:
    return relations.catalog_tables(catalog())


def _vintage(kind: str, source: str, dataset: str, rows: int) -> Row:
    return {
        "dataset_id": f"{source}__{dataset}",
        "source": source,
        "dataset": dataset,
        "kind": kind,
        "vintage_id": f"{source}@1",
        "stamp": "1",
        "scope": "full",
        "snapshot_id": "1",
        "data_mode": "sample",
        "rows": rows,
        "rows_excluded": 0,
        "rows_quarantined": 0,
        "first_year": 2012,
        "last_year": 2020,
        "licence": "CC-BY-4.0",
        "attribution": "test",
        "title": "test",
    }


def _closure(marts: Iterable[str]) -> list[str]:
    wanted: set[str] = set()
    left = list(marts)
    while left:
        name = left.pop()
        if name in catalog().marts and name not in wanted:
            wanted.add(name)
            left.extend(catalog().marts[name].inputs)
    return [name for name in catalog().mart_order() if name in wanted]
