"""The truth table against the wire files, recomputed with DuckDB over what a client downloads."""

from __future__ import annotations

import ast
import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import pytest
import requests

import agrocluster.sample
from agrocluster.sample import wire_baci, wire_faostat
from agrocluster.sample.store import Store
from agrocluster.sample.truth import KINDS

DATA = Path(agrocluster.sample.__file__).parent / "data"
CROSSWALK = Path(agrocluster.sample.__file__).parent.parent / "catalog" / "value_chains" / "crosswalk.csv"


@pytest.fixture(scope="module")
def database(sample_server, tmp_path_factory):
    """Flows, production and truth as tables, read from the server's answers alone."""
    folder = tmp_path_factory.mktemp("wire")
    paths = {
        "baci": "/cepii/DATA_DOWNLOAD/baci/data/BACI_HS12_V202601.zip",
        "qcl": "/faostat/production/Production_Crops_Livestock_E_All_Data_(Normalized).zip",
        "fbs": "/faostat/production/FoodBalanceSheets_E_All_Data_(Normalized).zip",
    }
    for name, path in paths.items():
        body = requests.get(sample_server.url + path, timeout=60).content
        zipfile.ZipFile(io.BytesIO(body)).extractall(folder / name)
    (folder / "truth.parquet").write_bytes(
        requests.get(f"{sample_server.url}/_sample/truth.parquet", timeout=60).content
    )
    connection = duckdb.connect()
    connection.execute(f"""
        create table flow as select t::int as year, i, j, k, v * 1000 as usd, try_cast(trim(q) as double) as q
        from read_csv('{folder}/baci/BACI_*.csv', columns={{'t':'int','i':'int','j':'int','k':'varchar',
                      'v':'decimal(18,3)','q':'varchar'}}, header=true);
        create table country as select country_code as code, country_iso3 as iso3
        from read_csv('{folder}/baci/country_codes*.csv', all_varchar=true);
        create table qcl as select * from read_csv('{folder}/qcl/*All_Data*.csv', all_varchar=true);
        create table fbs as select * from read_csv('{folder}/fbs/*All_Data*.csv', all_varchar=true);
        create table truth as select * from '{folder}/truth.parquet';
    """)
    with CROSSWALK.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["system"] == "HS12" and "role=shared" not in row["note"]]
    connection.execute("create table cell (chain varchar, stage varchar, k varchar)")
    connection.executemany("insert into cell values (?, ?, ?)", [(r["chain"], r["stage"], r["code"]) for r in rows])
    return connection


def test_every_kind_is_documented_and_there(database):
    kinds = {kind for (kind,) in database.execute("select distinct kind from truth").fetchall()}
    assert kinds == set(KINDS)


@pytest.mark.parametrize(("kind", "side"), [("export_value", "i"), ("import_value", "j")])
def test_chain_values_are_the_sums_of_the_flows(database, kind, side):
    worst, count = database.execute(f"""
        with computed as (
            select iso3, chain, stage, year, sum(usd) as usd from flow join cell using (k)
            join country on code = {side}::varchar group by all)
        select max(abs(coalesce(usd, 0) - value)), count(*)
        from truth left join computed using (iso3, chain, stage, year)
        where kind = '{kind}' and iso3 in ('KAZ', 'KGZ', 'TJK', 'UZB')
    """).fetchone()
    assert worst == 0
    assert count == 4056  # 78 chain stages, four economies, thirteen years


def test_specialisation_on_all_goods_and_on_the_agri_food_base(database):
    base = "(left(k, 2)::int <= 24 or left(k, 4) in ('4101','4102','4103','4301','5001','5002','5003','5101',"
    base += "'5102','5103','5201','5202','5203','5301','5302'))"
    for kind, where in (("rca_all", "true"), ("rca_agri", base)):
        worst, count = database.execute(f"""
            with f as (select *, country.iso3 as iso3 from flow join country on code = i::varchar where {where}),
            cc as (select iso3, chain, stage, year, sum(usd)::double as x from f join cell using (k) group by all),
            wc as (select chain, stage, year, sum(usd)::double as x from f join cell using (k) group by all),
            ct as (select iso3, year, sum(usd)::double as x from f group by all),
            wt as (select year, sum(usd)::double as x from f group by all)
            select max(abs(value - coalesce(cc.x, 0) / ct.x / (wc.x / wt.x)) / greatest(value, 1e-9)), count(*)
            from truth join wc using (chain, stage, year) join wt using (year)
            join ct on ct.iso3 = truth.iso3 and ct.year = truth.year
            left join cc on cc.iso3 = truth.iso3 and cc.chain = truth.chain and cc.stage = truth.stage
                 and cc.year = truth.year
            where kind = '{kind}'
        """).fetchone()
        assert worst < 1e-9
        assert count > 3000


def test_planted_specialisations_came_out(database):
    rows = database.execute(
        "select kind, min(value), max(value), count(*) from truth where kind like 'specialisation%' group by 1"
    ).fetchall()
    found = {kind: (low, high, count) for kind, low, high, count in rows}
    assert found["specialisation_high"][0] >= 2
    assert found["specialisation_low"][1] <= 0.5
    assert found["specialisation_high"][2] > 20
    assert found["specialisation_low"][2] > 8


def test_production_and_yields_are_those_of_the_file(database):
    mismatch, count = database.execute("""
        select count(*) filter (where truth.value is distinct from qcl."Value"::double), count(*)
        from truth left join qcl on truth.item_code = qcl."Item Code" and truth.element_code = qcl."Element Code"
             and truth.year = qcl."Year"::int
             and qcl."Area Code" = case truth.iso3 when 'KAZ' then '108' when 'KGZ' then '113' when 'TJK' then '208'
                                   when 'UZB' then '235' end
        where kind in ('production', 'yield', 'area', 'stock', 'animals') and iso3 in ('KAZ', 'KGZ', 'TJK', 'UZB')
    """).fetchone()
    assert mismatch == 0
    assert count > 10_000


def test_food_balances_balance_with_the_sign_the_truth_states(database):
    worst = database.execute("""
        with wide as (
            pivot (select "Area Code" as area, "Item Code" as item, "Year"::int as year, "Element Code" as element,
                          "Value"::double as value from fbs where "Area Code"::int < 351 and "Item Code" <> '2501')
            on element using first(value))
        select max(abs("5511" + "5611" - "5911" + sign.value * "5072" - "5301")),
               max(abs("5521" + "5527" + "5123" + "5131" + "5154" + "5142" - "5301")), count(*)
        from wide join truth sign using (year) where sign.kind = 'fbs_ds_sign'
    """).fetchone()
    assert worst[0] < 0.011
    assert worst[1] < 0.011
    assert worst[2] > 20_000


def test_planted_defects_are_in_the_files(database):
    (reporters,) = database.execute("""
        select count(*) from flow join country on code = i::varchar join truth using (iso3, year)
        where kind = 'missing_reporter'""").fetchone()
    assert reporters == 0
    absent = database.execute("""
        select count(*) from qcl where "Area Code" = '208' and "Item Code" = '222' and "Year"::int <= 2014""")
    assert absent.fetchone() == (0,)
    empty = database.execute("""
        select distinct "Value", "Flag" from qcl where "Area Code" = '208' and "Item Code" = '826'
        and "Element Code" = '5510' and "Year"::int between 2016 and 2018""")
    assert empty.fetchall() in ([("", "M")], [(None, "M")])
    zeros = database.execute("""
        select distinct "Value"::double, "Flag" from qcl where "Area Code" = '235' and "Item Code" = '157'""")
    assert zeros.fetchall() == [(0.0, "A")]
    quantities = database.execute("""
        select truth.value, count(*), count(q) from truth join country using (iso3)
        join flow on flow.i::varchar = country.code and flow.k = truth.hs_code and flow.year = truth.year
        where kind = 'missing_quantity' group by all""").fetchall()
    assert quantities
    assert all(value == rows and known == 0 for value, rows, known in quantities)


def test_published_figures_are_reproduced(database):
    with (DATA / "calibration.csv").open(encoding="utf-8", newline="") as handle:
        figures = list(csv.DictReader(handle))
    assert all(row["citation"] for row in figures)
    truth = database.execute(
        "select kind, iso3, item_code, element_code, indicator, year, value from truth where iso3 <> ''"
    ).fetchall()
    known = {(k, iso3, item, element, ind, year): value for k, iso3, item, element, ind, year, value in truth}
    checked = 0
    for row in figures:
        iso3, year, value = row["iso3"], int(row["year"]), float(row["value"])
        key = {
            "qcl": ("production" if row["element"] == "5510" else "stock", iso3, row["code"], row["element"], "", year),
            "wb": ("wb_value", iso3, "", "", row["code"], year),
            "fbs": ("fbs", iso3, row["code"], row["element"], "", year),
            "pp": ("price", iso3, row["code"], row["element"], "", year),
        }.get(row["series"])
        if row["series"] == "trade":
            key, value = _trade_key(row["code"], iso3, year), value * 1e6
        if key in known:
            precision = {"trade": 2e-3, "fbs": 1e-6}.get(row["series"], 1e-6)
            assert known[key] == pytest.approx(value, rel=precision, abs=1e-9), row
            checked += 1
    assert checked > 250


def _trade_key(code, iso3, year):
    kinds = {"exports total": "export_total", "exports agri": "export_total_agri", "imports total": "import_total"}
    return (kinds.get(code, ""), iso3, "", "", "", year)


def test_revisions_are_what_the_older_release_shows(sample_server, database, tmp_path):
    store: Store = sample_server.state.store
    old = zipfile.ZipFile(store.faostat("QCL", "previous").path)
    lines = old.read(old.namelist()[0]).decode()
    pairs = database.execute("""
        select n.iso3, n.item_code, n.element_code, n.year, n.value, p.value from truth n join truth p
        using (iso3, item_code, element_code, indicator, chain, stage, year)
        where n.kind = 'revision' and p.kind = 'revision_previous' and n.indicator = 'QCL'""").fetchall()
    assert len(pairs) == 10
    area = {"KAZ": 108, "KGZ": 113, "TJK": 208, "UZB": 235}
    for iso3, item, element, year, now, before in pairs:
        assert now != before
        row = next(
            line for line in lines.splitlines()
            if line.startswith(f'"{area[iso3]}",') and f'"{item}",' in line and f'"{element}",' in line
            and f'"{year}","{year}"' in line and line.split('","')[3] == item
        )  # fmt: skip
        assert f'"{before:.6f}"' in row
    assert '"2024","2024"' not in lines


def test_switching_to_the_previous_vintage_and_back(sample_server):
    base = sample_server.url
    population = f"{base}/worldbank/v2/country/KGZ/indicator/SP.POP.TOTL?format=json&date=2020"
    now = requests.get(population, timeout=60).json()
    requests.post(f"{base}/_sample/vintage", json={"vintage": "previous"}, timeout=120).raise_for_status()
    try:
        before = requests.get(population, timeout=60).json()
        page = requests.get(f"{base}/cepii/bdd_modele/bdd_modele_item.asp?id=37", timeout=60).text
        gone = requests.get(f"{base}/cepii/DATA_DOWNLOAD/baci/data/BACI_HS12_V202601.zip", timeout=60)
        catalogue = requests.get(f"{base}/faostat/production/datasets_E.json", timeout=60).content.decode("utf-8-sig")
    finally:
        requests.post(f"{base}/_sample/vintage", json={"vintage": "current"}, timeout=120).raise_for_status()
    assert before[0]["lastupdated"] == "2026-04-08"
    assert before[1][0]["value"] == pytest.approx(now[1][0]["value"] * 0.99)
    assert "V202501" in page
    assert "V202601" not in page
    assert gone.status_code == 404
    assert "2024-12-20T00:00:00" in catalogue


_DIGEST = """
import hashlib
from agrocluster.sample import indicators, wire_faostat
from agrocluster.sample.trade import flows
digest = hashlib.sha256()
for part in vars(flows()).values():
    digest.update(part.tobytes())
digest.update(repr(wire_faostat.facts("EK").to_pylist()[:20000]).encode())
digest.update(indicators.values("GOV_WGI_GE.EST").tobytes())
print(digest.hexdigest())
"""


def test_two_processes_generate_the_same_world():
    """Hash seeds differ on purpose: nothing may depend on the order of a set."""
    package = Path(agrocluster.sample.__file__).parent.parent.parent
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(package)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_generating_twice_gives_the_same_bytes(sample_server):
    store: Store = sample_server.state.store
    for code in ("RL", "EK"):
        assert wire_faostat.build(code) == store.faostat(code, "current").path.read_bytes()
    assert wire_baci.build("V202601") == store.baci("V202601").path.read_bytes()


def test_bank_values_are_served_as_the_truth_has_them(sample_server, database):
    rows = database.execute(
        "select iso3, year, value from truth where kind = 'wb_value' and indicator = 'NV.AGR.TOTL.ZS' and iso3 <> 'WLD'"
    ).fetchall()
    url = f"{sample_server.url}/worldbank/v2/country/KAZ;KGZ;TJK;UZB/indicator/NV.AGR.TOTL.ZS?format=json&per_page=500"
    served = {
        (row["countryiso3code"], int(row["date"])): row["value"]
        for row in requests.get(url, timeout=60).json()[1]
        if row["value"] is not None
    }
    assert served == {(iso3, year): value for iso3, year, value in rows}
    assert len(served) == 52
    assert np.isfinite(list(served.values())).all()


def test_the_sample_is_an_independent_witness():
    """No module of the package imports the pipeline it is meant to check."""
    for path in sorted(Path(agrocluster.sample.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("agrocluster") or name.startswith("agrocluster.sample"), path.name
