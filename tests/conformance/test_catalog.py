"""Every entry of the catalogue keeps the promises that all entries share."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from agrocluster.errors import UsageError
from agrocluster.model.loader import ROOT, catalog
from agrocluster.sources import registry
from agrocluster.storage.vintages import empty_query

CYRILLIC = re.compile("[а-яА-ЯёЁ]")
CONTRACTS = [*catalog().tables.values(), *catalog().marts.values()]


@pytest.mark.parametrize("dataset_id", sorted(catalog().datasets))
def test_a_dataset_can_be_fetched_and_says_whom_to_thank(dataset_id: str) -> None:
    spec = catalog().dataset(dataset_id)
    registry.adapter(spec.adapter)
    assert spec.citation
    assert spec.kind in catalog().tables
    assert 1960 < spec.first_year <= (spec.last_year or 2100)


@pytest.mark.parametrize("source_id", sorted(catalog().sources))
def test_a_source_is_asked_politely_and_over_tls(source_id: str) -> None:
    source = catalog().sources[source_id]
    assert source.base_url.startswith("https://")
    assert source.pool_slots >= 1
    assert source.max_bytes > 0
    assert source.licence
    assert source.attribution


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.name)
def test_a_contract_explains_every_column_in_both_languages(contract) -> None:
    for text in (contract.title, contract.description, *(c.text for c in contract.columns)):
        assert CYRILLIC.search(text.ru), text
        assert not CYRILLIC.search(text.en), text
    for column in contract.columns:
        assert len(column.text.en) > 8, f"{contract.name}.{column.name} is not explained"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.name)
def test_a_contract_has_a_total_order_and_a_complete_key(contract) -> None:
    assert contract.key
    assert set(contract.key) <= set(contract.sort), "sorting by less than the key leaves the order to chance"
    assert not [name for name in contract.key if contract.column(name).nullable]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.name)
def test_the_sql_conditions_of_a_contract_fit_its_columns(contract) -> None:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE probe AS {empty_query(contract)}")
    for rule in contract.row_rules:
        con.execute(f"SELECT count(*) FROM probe WHERE {rule.reject_if}")
    for rule in contract.rules:
        if rule.where:
            con.execute(f"SELECT count(*) FROM probe WHERE {rule.where}")
        if rule.column:
            contract.column(rule.column)


@pytest.mark.parametrize("mart", sorted(catalog().marts))
def test_a_mart_is_made_by_exactly_one_file(mart: str) -> None:
    folder = ROOT.parent / "marts"
    assert len([p for p in (folder / f"{mart}.sql", folder / f"{mart}.py") if p.exists()]) == 1


def test_rule_ids_are_unique_within_a_contract() -> None:
    for contract in CONTRACTS:
        ids = [rule.id for rule in (*contract.rules, *contract.row_rules)]
        assert len(ids) == len(set(ids)), contract.name


def test_the_four_countries_are_known_under_every_publisher_code() -> None:
    codes = {c.iso3: (c.m49, c.fao_code, c.comtrade_code, c.wb_code) for c in catalog().countries.values() if c.focus}
    assert codes == {
        "KAZ": (398, 108, 398, "KAZ"),
        "KGZ": (417, 113, 417, "KGZ"),
        "TJK": (762, 208, 762, "TJK"),
        "UZB": (860, 235, 860, "UZB"),
    }


def test_countries_have_unique_codes_and_russian_names() -> None:
    countries = catalog().countries.values()
    for field in ("iso2", "m49", "wb_code"):
        values = [getattr(c, field) for c in countries]
        assert len(values) == len(set(values)), field
    fao = [c.fao_code for c in countries if c.fao_code]
    assert len(fao) == len(set(fao))
    assert all(CYRILLIC.search(c.name.ru) for c in countries)
    assert {c.iso2 for c in countries} >= {"NA"}, "Namibia's code was read as missing"


def test_the_crosswalk_assigns_each_hs_code_once_per_edition() -> None:
    from agrocluster.marts.relations import catalog_tables

    con = duckdb.connect()
    con.register("codes", catalog_tables(catalog())["cat_chain_code"])
    doubled = con.sql(
        "SELECT system, code FROM codes WHERE system LIKE 'HS%' AND role IN ('own', 'dual') "
        "GROUP BY ALL HAVING count(DISTINCT chain || stage) > 1"
    ).fetchall()
    assert doubled == []
    assert con.sql("SELECT count(DISTINCT chain) FROM codes").fetchall() == [(23,)]


def copy_of_catalog(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "catalog")
    return tmp_path / "catalog"


def test_a_wrong_field_is_reported_with_file_and_field(tmp_path: Path) -> None:
    root = copy_of_catalog(tmp_path)
    path = root / "sources" / "faostat.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\ncolour: blue\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"sources/faostat\.yaml: colour"):
        catalog(root)


def test_an_indicator_listed_twice_is_refused(tmp_path: Path) -> None:
    root = copy_of_catalog(tmp_path)
    path = root / "indicators" / "worldbank__wdi.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="listed twice"):
        catalog(root)


def test_a_mart_that_reads_an_unknown_table_is_refused(tmp_path: Path) -> None:
    root = copy_of_catalog(tmp_path)
    path = root / "marts" / "fact_trade.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("current_trade", "current_trode"), encoding="utf-8")
    with pytest.raises(UsageError, match="current_trode"):
        catalog(root)
