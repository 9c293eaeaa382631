"""Real FAOSTAT files: what is staged equals what an independent reading of the same file gives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.faostat import read_bulk, read_csv

pytestmark = pytest.mark.real

WEBSITE = {
    "qcl_download/FAOSTAT_data_7-8-2022-All_Countries_2000_2017.csv.gz": "qcl",
    "qcl_download/FAOSTAT_data_en_production_EECA_2001_2017.csv.gz": "qcl",
    "qcl_download/FAOSTAT_data_UKR_2014_plus_with_Note.csv.gz": "qcl",
    "livestock_2022/qcl_livestock_stocks_2022.csv": "qcl",
    "livestock_2022/pp_livestock_usd_2022.csv": "pp",
    "pp_download/producer_prices_poultry_2000_2012_semicolon.csv.gz": "pp",
    "fbs_download/fbs_wheat_2014_2016.csv.gz": "fbs",
    "fbs_download/fbs_maize_2014_2016.csv.gz": "fbs",
    "fbs_download/fbs_population_2014_2016.csv.gz": "fbs",
    "fbs_download/fbs_meat_milk_eggs_production_2014_2016.csv.gz": "fbs",
    "ek_download/FAOSTAT_livestock_patterns_major.csv.gz": "ek",
}
NO_COUNTRY = ["China", "Sudan (former)", "Serbia and Montenegro", "World", "Belgium-Luxembourg"]
NO_COUNTRY += ["Netherlands Antilles (former)"]


def staged(path: Path, dataset: str) -> tuple[pd.DataFrame, StageLog]:
    log, spec = StageLog(), catalog().dataset(f"faostat__{dataset}")
    batches = list((read_bulk if path.suffix == ".zip" else read_csv)(path, spec, log))
    return pa.Table.from_batches([b.cast(batches[0].schema) for b in batches]).to_pandas(), log


def published(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, sep=None, engine="python", encoding="utf-8-sig")


@pytest.mark.parametrize("name", sorted(WEBSITE))
def test_every_row_of_a_website_download_is_staged_or_counted(real_data, name):
    path = real_data / "faostat" / name
    rows, log = staged(path, WEBSITE[name])
    raw = published(path)
    china_of_prices = raw["Area"].eq("China") & (raw["Domain Code"].eq("PP"))
    kept = raw[(~raw["Area"].isin(NO_COUNTRY) | china_of_prices) & ((raw["Value"] != "") | (raw["Flag"] != ""))]
    assert not log.rejected
    assert len(rows) == len(kept)
    assert len(rows) + sum(log.excluded.values()) == len(raw)
    assert not rows.duplicated(["iso3", "year", "item_code", "element_code"]).any()
    numbers = pd.to_numeric(kept["Value"])
    assert rows["value_raw"].sum() == pytest.approx(numbers.sum(), rel=1e-12)
    assert rows["value_raw"].isna().sum() == numbers.isna().sum()
    assert rows["flag"].astype(str).value_counts().to_dict() == kept["Flag"].value_counts().to_dict()


@pytest.mark.parametrize(
    ("name", "iso3", "year", "item", "element", "value", "unit"),
    [
        ("qcl_download/FAOSTAT_data_en_production_EECA_2001_2017.csv.gz", "KAZ", 2010, "15", "5510", 9638400, "t"),
        ("qcl_download/FAOSTAT_data_7-8-2022-All_Countries_2000_2017.csv.gz", "KAZ", 2010, "15", "5510", 9638400, "t"),
        ("fbs_download/fbs_wheat_2014_2016.csv.gz", "UZB", 2015, "2511", "5301", 8_818_000, "t"),
    ],
)
def test_published_figures_come_out_exactly(real_data, name, iso3, year, item, element, value, unit):
    rows, _ = staged(real_data / "faostat" / name, WEBSITE[name])
    found = rows.query("iso3 == @iso3 and year == @year and item_code == @item and element_code == @element")
    assert found[["value", "unit"]].to_numpy().tolist() == [[value, unit]]


def test_the_wide_archive_of_2016_gives_every_filled_cell_once(real_data):
    path = real_data / "faostat" / "bulk" / "Production_LivestockPrimary_E_All_Data.zip"
    rows, log = staged(path, "qcl")
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        raw = pd.read_csv(member, dtype=str, keep_default_na=False, encoding="cp1252")
    wide = raw[raw["Country Code"] == "235"]
    values = wide.melt(wide.columns[:7], [c for c in wide if c[-1] != "F" and c[0] == "Y" and c[1:].isdigit()])
    values = values[values["value"] != ""]
    mine = rows[(rows["iso3"] == "UZB") & rows["value_raw"].notna()]
    assert len(mine) == len(values)
    assert mine["value_raw"].sum() == pytest.approx(values["value"].astype(float).sum(), rel=1e-12)
    assert log.notes["encoding"] == "cp1252"
    assert len(rows) + sum(log.excluded.values()) == len(raw) * 53
    assert not rows.duplicated(["iso3", "year", "item_code", "element_code"]).any()
    meat = rows.query("iso3 == 'UZB' and year == 2013 and element_code == '5417'")
    assert meat["unit"].unique().tolist() == ["kg/head"]


def test_cpc_codes_meet_the_same_products_as_fao_codes(real_data):
    folder = real_data / "faostat" / "qcl_download"
    new, _ = staged(folder / "FAOSTAT_data_en_production_EECA_2001_2017.csv.gz", "qcl")
    old, _ = staged(folder / "FAOSTAT_data_7-8-2022-All_Countries_2000_2017.csv.gz", "qcl")
    both = new.merge(old, on=["iso3", "year", "item_code"], suffixes=("", "_old")).dropna(subset=["value", "value_old"])
    same = (both["value"] - both["value_old"]).abs() <= 0.005 * both["value"]
    assert both["item_code"].nunique() > 100
    assert not new["item_code"].str.startswith("cpc:").any()
    assert same.groupby(both["item_code"]).mean().min() > 0.6


@pytest.mark.parametrize(
    ("name", "dataset", "problem"),
    [
        ("bulk/Food_Security_Data_E_All_Data_(Normalized).zip", "qcl", "span of years 19992001"),
        ("pe_download/exchange_rates_2000_2018_semicolon.csv.gz", "pp", "lacks the column"),
        ("tm_download/tm_rice_2014_2016.csv.gz", "tcl", "lacks the column"),
    ],
)
def test_files_of_other_domains_are_refused_with_the_reason(real_data, name, dataset, problem):
    with pytest.raises(SourceContractError, match=problem):
        staged(real_data / "faostat" / name, dataset)
