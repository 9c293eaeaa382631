"""A change that was planted in the data comes out of the whole engine as what it is: progress, revision or prices."""

from __future__ import annotations

import random

import duckdb
import pytest
from test_baseline import CODES, COUNTRIES, CROPS, FOCUS, measured
from world import World, one

from agrocluster.marts.method_tables import INDEX_VERSION
from agrocluster.storage import frozen

pytestmark = pytest.mark.slow

YEARS, BEFORE, AFTER = range(2010, 2025), range(2018, 2021), range(2022, 2025)
IMPROVED = ("KAZ", ("040210", "040610"), 40.0)
"""Processed and final dairy of Kazakhstan sell forty times as much after the baseline window."""
REVISED = ("UZB", ("110100", "190219"), 8.0)
"""Flour exports of Uzbekistan in the baseline window turn out to have been eight times what was first reported."""
PRICED = ("520100", 5.0)
"""The world price of raw cotton rises fivefold after the baseline window; nobody sells a kilogram more."""
FEW = {"mc_draws": 200, "progress_z": 0.4}
"""Few draws, and a narrow limit: the drawn errors of so small a world are wide."""


def told(*, later: bool) -> World:
    """The same figures in all years, but for what is planted; ``later`` is the vintage after the changes."""
    world, draw = World(parameters=dict(FEW)), random.Random(7)
    world.prices(YEARS)
    for iso3 in COUNTRIES:
        markets = {"CHN": 0.5, "RUS": 0.3, "AFG": 0.2} if iso3 in FOCUS else {}
        for code in CODES:
            usd = draw.lognormvariate(17, 1.5)
            for year in YEARS:
                sold, price = 1.0, 1.0
                if later and iso3 == IMPROVED[0] and code in IMPROVED[1] and year in AFTER:
                    sold = IMPROVED[2]
                if not later and iso3 == REVISED[0] and code in REVISED[1] and year in BEFORE:
                    sold = 1 / REVISED[2]
                if later and code == PRICED[0] and year in AFTER:
                    price = PRICED[1]
                world.exports(iso3, code, [year], usd * sold * price, kg=usd * sold / 2, **markets)
    grown = random.Random(11)
    for iso3 in COUNTRIES:
        for item, price in CROPS.items():
            area, yields = grown.uniform(1e4, 1e6), grown.uniform(1, 4)
            tonnes = area * yields
            world.farm(iso3, item, YEARS, qcl_5510=tonnes, qcl_5312=area, qv_152=tonnes * price)
        cows = grown.uniform(1e4, 1e6)
        world.farm(iso3, "882", YEARS, qcl_5510=cows * grown.uniform(1, 4), qcl_5318=cows, qv_152=cows * 900)
    return measured(world)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The later vintage, against the baseline that was frozen from the earlier one."""
    first = told(later=False).build("mart_cluster_baseline")
    rows = {
        "mart_cluster_baseline": "FROM mart_cluster_baseline WHERE baseline_id = 'B2018_2020'",
        "mart_goalposts": "FROM mart_goalposts",
    }
    facts = {"name": "B2018_2020", "data_mode": "sample", "frozen_at": "2021", "index_version": INDEX_VERSION}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AGROCLUSTER_DATA", str(tmp_path_factory.mktemp("frozen")))
        tables = {name: first.sql(query).to_arrow_table() for name, query in rows.items()}
        kept = frozen.write("B2018_2020@v1", tables, facts)
    assert kept is not None
    later = told(later=True)
    later.frozen.append(kept)
    con = later.build("mart_cluster_progress")
    con.register("first", tables["mart_cluster_baseline"])
    return con


def cell(con: duckdb.DuckDBPyConnection, iso3: str, chain: str) -> dict[str, object]:
    return one(con, f"FROM mart_cluster_progress WHERE iso3 = '{iso3}' AND chain = '{chain}'")


def test_more_sold_at_the_same_price_is_progress(con) -> None:
    row = cell(con, IMPROVED[0], "dairy")
    assert (row["verdict"], row["position_verdict"]) == ("improved", "improved")
    assert (row["revised"], row["frozen_id"]) == (False, "B2018_2020@v1")
    assert row["world_price_part"] == pytest.approx(0, abs=0.2)


def test_a_past_that_was_revised_is_no_progress(con) -> None:
    row = cell(con, REVISED[0], "wheat_flour")
    assert (row["verdict"], row["position_verdict"], row["revised"]) == ("no_detectable_change",) * 2 + (True,)
    then = one(con, f"FROM first WHERE iso3 = '{REVISED[0]}' AND chain = 'wheat_flour'")
    now = one(
        con,
        f"FROM mart_cluster_baseline WHERE iso3 = '{REVISED[0]}' AND chain = 'wheat_flour' "
        "AND baseline_id = 'B2018_2020'",
    )
    assert row["d_revision"] == now["potential"] - then["potential"]
    assert abs(float(row["d_real"])) < 0.1 * abs(float(row["d_revision"]))
    assert row["d_total"] == pytest.approx(float(row["d_revision"]) + float(row["d_real"]))


def test_what_the_world_price_did_is_no_progress(con) -> None:
    moved = con.sql(
        "SELECT iso3, d_real, world_price_part FROM mart_cluster_progress "
        "WHERE chain = 'cotton' AND verdict = 'moved_with_world_prices' AND iso3 <> 'KAZ'"
    ).fetchall()
    assert len(moved) >= 2
    for _, change, prices in moved:
        assert abs(change) > 2
        assert prices == pytest.approx(change, rel=0.15)
    said = con.sql(
        "SELECT DISTINCT verdict FROM mart_cluster_progress WHERE chain = 'cotton' AND mdc IS NOT NULL"
    ).fetchall()
    assert {v for (v,) in said} <= {"moved_with_world_prices", "no_detectable_change"}


def test_nothing_else_is_reported_as_progress_or_revision(con) -> None:
    told = con.sql(
        "SELECT iso3, chain FROM mart_cluster_progress WHERE verdict IN ('improved', 'declined') AND iso3 <> 'KAZ'"
    ).fetchall()
    assert told == [], "in Kazakhstan itself, what dairy gained other chains have lost in relative terms"
    revised = con.sql("SELECT iso3, chain FROM mart_cluster_progress WHERE revised").fetchall()
    assert revised == [(REVISED[0], "wheat_flour")]


def test_the_scale_is_that_of_the_frozen_baseline(con) -> None:
    scales = con.sql(
        "SELECT DISTINCT goalpost_id FROM mart_cluster_progress UNION SELECT DISTINCT goalpost_id FROM first"
    )
    assert len(scales.fetchall()) == 1
    assert con.sql("SELECT count(*) FROM mart_goalposts WHERE status = 'frozen'").fetchall()[0][0] > 10
