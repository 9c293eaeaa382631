"""What the sample world knows about itself, as one tidy table.

End-to-end tests compare marts with these rows. Trade cells, totals and specialisation indices are computed here
from the world's own flows with plain numpy; farm values are those the wire files carry, before any file exists.
Nothing here reads a wire file or uses the pipeline. Kinds and their exact meaning: ``KINDS``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from agrocluster.sample import indicators, truth_comtrade, wire_faostat
from agrocluster.sample.faostat_trade import LAST_ADDED_YEAR
from agrocluster.sample.planted import plants
from agrocluster.sample.tables import FOUR, YEARS, economies, goods
from agrocluster.sample.trade import MISSING_QUANTITIES, MISSING_REPORTERS, released
from agrocluster.sample.truth_trade import (
    COLUMNS,
    chain_stages,
    export_sums,
    frame,
    release_years,
    specialisation,
    trade_values,
)

KINDS = {
    "export_value": "USD, sum over the own and dual HS12 codes of chain and stage; every economy, the four with zeros",
    "import_value": "the same for imports (FOB values as BACI gives them)",
    "world_value": "the same for all exporters of the release together, iso3 WLD",
    "export_total": "USD, all goods; every economy and WLD",
    "export_total_agri": "USD, agri-food and fibre codes only; every economy and WLD",
    "import_total": "USD, all goods; the four",
    "rca_all": "Balassa index of one year on all goods; the four",
    "rca_agri": "Balassa index of one year, both sides restricted to agri-food and fibre codes; the four",
    "rca_all_w3": "the same over the window year-2..year, sums before ratios",
    "rca_agri_w3": "the same over the window year-2..year, sums before ratios",
    "specialisation_high": "planted: the three-year RCA on all goods, at least 2; year is the last of the window",
    "specialisation_low": "planted: the three-year RCA on all goods, at most 0.5; year is the last of the window",
    "production": "QCL 5510, peers and the four",
    "area": "QCL 5312 ha",
    "yield": "QCL rates in their published unit: 5412, 5417, 5420, 5424, 5410",
    "stock": "QCL 5111, 5112, 5114 in their published unit",
    "animals": "QCL 5320, 5321, 5318, 5313 in their published unit",
    "gpv": "QV 152, 57, 55, the four",
    "price": "PP annual values, the four",
    "fbs": "food balance elements, the four",
    "fbs_ds_sign": "+1: supply = P+M-X+dS, -1: supply = P+M-X-dS; years of one sign for all",
    "fao_trade": "TCL, the four",
    "land": "RL 5110, the four",
    "livestock_units": "EK 5118 and 7213, the four",
    "yield_reference": "P90 (linear quantile) among peers of output over area, both summed over the five years to year",
    "yield_gap": "1 - own output over area of the three years to year / reference, at least 0",
    "wb_value": "World Bank values of the four and WLD; no row where the source answers null",
    "missing_reporter": "no exports in this year's file",
    "missing_quantity": "number of flows of this exporter, code and year, all without quantity",
    "missing_quantity_rows": "number of flows of the year without quantity",
    "flow_rows": "number of flows of the year",
    "absent_row": "this cell has no row in QCL",
    "empty_value": "this cell has a row with this flag and no value",
    "planted_flag": "this cell carries this flag",
    "explicit_zero": "this cell has a row with value 0 and this flag",
    "revision": "current value of a cell that the older release had differently",
    "revision_previous": "the older release's value of the same cell; 0 where it had none",
    "dataset_rows": "data rows of a FAOSTAT domain's file",
    **truth_comtrade.KINDS,
}


def _facts(code: str, vintage: str, wanted: tuple[str, ...]) -> pd.DataFrame:
    world = economies()
    table = wire_faostat.facts(code, vintage if code == "QCL" else "current").to_pandas()
    name_of = {int(fao): str(iso3) for fao, iso3 in zip(world.text["fao_code"], world.text["iso3"], strict=True)}
    table["iso3"] = table.area_code.map(name_of)
    return table[table.iso3.isin(wanted) & (table.months_code == "7021")]


_QCL_KIND = {"5510": "production", "5312": "area", "5111": "stock", "5112": "stock", "5114": "stock"}
_QCL_KIND |= dict.fromkeys(("5412", "5417", "5420", "5424", "5410"), "yield")
_QCL_KIND |= dict.fromkeys(("5320", "5321", "5318", "5313"), "animals")
_DOMAINS = {"QV": "gpv", "PP": "price", "FBS": "fbs", "TCL": "fao_trade", "RL": "land", "EK": "livestock_units"}


def _peers() -> tuple[str, ...]:
    return tuple(str(iso3) for iso3 in economies().text["iso3"][economies().number["peer"] == 1])


def _as_truth(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(note="flag=" + table.flag).dropna(subset=["value"]).reindex(columns=list(COLUMNS))


def _farm_values(vintage: str) -> list[pd.DataFrame]:
    qcl = _facts("QCL", vintage, _peers())
    qcl = qcl.assign(kind=qcl.element_code.map(_QCL_KIND)).dropna(subset=["kind"])
    frames = [_as_truth(qcl), *_yield_gaps(qcl)]
    for code, kind in _DOMAINS.items():
        frames.append(_as_truth(_facts(code, vintage, FOUR).assign(kind=kind)))
    signs = np.where(YEARS <= LAST_ADDED_YEAR, 1.0, -1.0)
    frames.append(frame("fbs_ds_sign", year=YEARS, value=signs, unit="sign", element_code="5072"))
    rows = [
        (code, wire_faostat.facts(code, vintage if code == "QCL" else "current").num_rows)
        for code in wire_faostat.served()
    ]
    frames.append(frame("dataset_rows", indicator=[c for c, _ in rows], value=[float(n) for _, n in rows], unit="rows"))
    return frames


def _rate(table: pd.DataFrame, last: int, length: int, known: int) -> pd.Series:
    """Tonnes per hectare by item and country: sums over the window's years with both, of areas worth comparing."""
    window = table[table.year > last - length]
    sums = window.groupby(["item_code", "iso3"])[["tonnes", "area"]].agg(["sum", "count"])
    years = sums["area", "count"]
    kept = sums[(years >= known) & (sums["area", "sum"] >= 500 * years)]
    return kept["tonnes", "sum"] / kept["area", "sum"]


def _yield_gaps(qcl: pd.DataFrame) -> list[pd.DataFrame]:
    last = int(qcl.year.max())
    wide = qcl[qcl.element_code.isin(("5510", "5312"))].pivot_table(
        index=["item_code", "iso3", "year"], columns="element_code", values="value", aggfunc="first"
    )
    both = wide.rename(columns={"5510": "tonnes", "5312": "area"}).dropna().query("area > 0").reset_index()
    peers = _rate(both, last, length=5, known=3).groupby("item_code")
    reference = peers.quantile(0.9)[peers.size() >= 5]
    own = _rate(both[both.iso3.isin(FOUR)], last, length=3, known=2)
    against = reference.reindex(own.index.get_level_values("item_code")).to_numpy()
    gap = (1 - own / against).clip(lower=0).dropna()
    return [
        frame("yield_reference", item_code=reference.index, value=reference.to_numpy(), unit="t/ha", year=last),
        frame(
            "yield_gap",
            iso3=gap.index.get_level_values("iso3"),
            item_code=gap.index.get_level_values("item_code"),
            value=gap.to_numpy(),
            unit="ratio",
            year=last,
        ),
    ]


def _bank_rows() -> list[tuple[str, int]]:
    known = indicators.known()
    rows = [(iso3, int(np.flatnonzero(known == economies().index(iso3))[0])) for iso3 in FOUR]
    return [*rows, ("WLD", len(known))]


def _bank_values(vintage: str) -> pd.DataFrame:
    frames = []
    for indicator in indicators.catalogue():
        table = indicators.values(indicator, vintage)
        for iso3, row in _bank_rows():
            there = ~np.isnan(table[row])
            frames.append(
                pd.DataFrame({"iso3": iso3, "indicator": indicator, "year": YEARS[there], "value": table[row][there]})
            )
    return pd.concat(frames).assign(kind="wb_value").reindex(columns=list(COLUMNS))


def _missing(vintage: str) -> list[pd.DataFrame]:
    flow, years = released(vintage), release_years(vintage)
    reporters = [(iso3, year) for iso3, year in MISSING_REPORTERS if year in years]
    frames = [
        frame("missing_reporter", iso3=[i for i, _ in reporters], year=[y for _, y in reporters]),
        frame("flow_rows", year=years, value=np.bincount(flow.year, minlength=len(YEARS))[: len(years)].astype(float)),
        frame(
            "missing_quantity_rows",
            year=years,
            value=np.bincount(flow.year[flow.kg < 0], minlength=len(YEARS))[: len(years)].astype(float),
        ),
    ]
    for iso3, code, year in MISSING_QUANTITIES:
        mine = (
            (flow.exporter == economies().index(iso3)) & (goods().code[flow.good] == code) & (YEARS[flow.year] == year)
        )
        frames.append(
            frame("missing_quantity", iso3=[iso3], hs_code=code, year=year, value=float(mine.sum()), unit="rows")
        )
    for source, kind in (
        ("absent", "absent_row"),
        ("missing", "empty_value"),
        ("flag", "planted_flag"),
        ("zero", "explicit_zero"),
    ):
        for plant in plants(source, "QCL"):
            element = "" if plant.element == "*" else plant.element
            note = f"flag={plant.value}" if plant.value else plant.note
            when = plant.years[plant.years <= years[-1]]
            frames.append(
                frame(kind, iso3=plant.iso3, item_code=plant.code, element_code=element, year=when, note=note)
            )
    return frames


def _both(rows: dict[str, Any], now: np.ndarray, before: np.ndarray) -> list[pd.DataFrame]:
    return [frame("revision", **rows, value=now), frame("revision_previous", **rows, value=before)]


def _revisions() -> list[pd.DataFrame]:
    frames: list[pd.DataFrame] = []
    area_of = {
        str(iso3): int(fao) for iso3, fao in zip(economies().text["iso3"], economies().text["fao_code"], strict=True)
    }
    releases = [wire_faostat.facts("QCL", vintage).to_pandas() for vintage in ("current", "previous")]
    for plant in plants("revision", "QCL"):
        picked = []
        for table in releases:
            mine = table[(table.area_code == area_of[plant.iso3]) & (table.item_code == plant.code)]
            mine = mine[(mine.element_code == plant.element) & mine.year.isin(plant.years)]
            picked.append(mine.sort_values("year"))
        rows: dict[str, Any] = {
            "iso3": plant.iso3,
            "item_code": plant.code,
            "element_code": plant.element,
            "indicator": "QCL",
        }
        frames += _both(
            rows | {"year": picked[0].year.to_numpy()}, picked[0].value.to_numpy(), picked[1].value.to_numpy()
        )
    row_of = dict(_bank_rows())
    for plant in plants("revision", "WDI"):
        rows = {"iso3": plant.iso3, "indicator": plant.code, "year": plant.years}
        pair = [indicators.values(plant.code, v)[row_of[plant.iso3]][plant.year_mask] for v in ("current", "previous")]
        frames += _both(rows, *pair)
    for plant in plants("revision", "BACI"):
        cell = chain_stages().index((plant.chain, plant.stage))
        i = economies().index(plant.iso3)
        rows = {
            "iso3": plant.iso3,
            "chain": plant.chain,
            "stage": plant.stage,
            "indicator": "BACI",
            "year": plant.years,
        }
        frames += _both(
            rows, export_sums("current")[cell, i, plant.year_mask], export_sums("previous")[cell, i, plant.year_mask]
        )
    return frames


_TEXT = tuple(name for name in COLUMNS if name not in ("year", "value"))


@cache
def truth(vintage: str = "current") -> pa.Table:
    """All kinds for one release of the sources; revisions always compare the two."""
    frames = [*trade_values(vintage), *specialisation(vintage), *_farm_values(vintage), _bank_values(vintage)]
    frames += [*_missing(vintage), *_revisions(), *truth_comtrade.frames(vintage)]
    table = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    text = {name: pa.array(table[name].fillna("").astype(str)) for name in _TEXT}
    year = pa.array(table.year.astype("Int32"), pa.int32(), from_pandas=True)
    value = pa.array(table.value.astype(float), pa.float64(), from_pandas=True)
    return pa.table({name: {"year": year, "value": value}.get(name, text.get(name)) for name in COLUMNS})
