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
BUILT = {"040120": 5.0, "040210": 15.0, "040610": 15.0, "210500": 15.0}
"""Dairy at all stages is built up in all focus countries after the baseline window: more is sold, on more markets."""
SOLD = dict.fromkeys(BUILT, 3e6) | {"520100": 7e7, "520511": 1e6, "610910": 1e6, "621320": 1e6}
SOLD |= {"100199": 2e7, "110100": 1.5e8, "190219": 1.5e8, "190590": 2e7}
"""What a focus country sells of some products before, USD: little dairy, cotton mostly raw, wheat mostly as flour."""
HERD, MILK = 1.3, (1.2, 1.5)
"""How many times as many cows there are, and how much milk each gives before and after."""
REVISED = ("UZB", ("110100", "190219"), 8.0)
"""Flour exports of Uzbekistan in the baseline window turn out to have been eight times what was first reported."""
FLOUR = 2e7
"""What they are after the revision, dollars per code: so little that the revision hardly moves what the world sells."""
PRICED = ("520100", 16.0)
"""The world price of raw cotton rises sixteenfold after the baseline window; nobody sells a kilogram more."""
PAST = dict.fromkeys(range(2015, 2018), lambda level: level) | {2021: lambda level: 3 * level - 2}
"""Exports of years outside both windows, given their level before them: the three before either have the same mean.
Momentum differs between countries, so that it has a scale, and not between windows."""
MARKETS = {"CHN": 0.5, "RUS": 0.3, "AFG": 0.2}
MORE_MARKETS = {"CHN": 0.3, "RUS": 0.2, "AFG": 0.15, "TUR": 0.15, "IRN": 0.1, "ARE": 0.1}


def told(*, later: bool) -> World:
    """The same figures in all years, but for what is planted; ``later`` is the vintage after the changes."""
    world, draw, levels = World(), random.Random(7), random.Random(13)
    world.prices(YEARS)
    for iso3 in COUNTRIES:
        focus = iso3 in FOCUS
        for code in CODES:
            usd, past = draw.lognormvariate(17, 1.5), min(max(levels.lognormvariate(0, 0.25), 0.7), 1.5)
            usd = usual(iso3, code, usd)
            for year in YEARS:
                sold, price, markets = PAST.get(year, lambda _: 1.0)(past), 1.0, MARKETS if focus else {}
                after = later and year in AFTER
                if after and focus and code in BUILT:
                    sold, markets = BUILT[code], MORE_MARKETS
                if not later and is_revised(iso3, code) and year in BEFORE:
                    sold = 1 / REVISED[2]
                if after and code == PRICED[0]:
                    price = PRICED[1]
                world.exports(iso3, code, [year], usd * sold * price, kg=usd * sold / 2, **markets)
    farmed(world, later=later)
    return measured(world)


def is_revised(iso3: str, code: str) -> bool:
    return iso3 == REVISED[0] and code in REVISED[1]


def usual(iso3: str, code: str, drawn: float) -> float:
    """Exports before anything happens, dollars; raw cotton is a fifth of what was drawn, not to move all trade."""
    if iso3 in FOCUS:
        return FLOUR if is_revised(iso3, code) else SOLD.get(code, drawn)
    return drawn / 5 if code == PRICED[0] else drawn


def farmed(world: World, *, later: bool) -> None:
    """Crops as they always were, and cows."""
    grown = random.Random(11)
    for iso3 in COUNTRIES:
        for item, price in CROPS.items():
            area, yields = grown.uniform(1e4, 1e6), grown.uniform(1, 4)
            if iso3 in FOCUS and item == "328":
                yields = 1.5
            tonnes = area * yields
            world.farm(iso3, item, YEARS, qcl_5510=tonnes, qcl_5312=area, qv_152=tonnes * price)
        cows, yields = grown.uniform(1e4, 1e6), grown.uniform(1, 4)
        for year in YEARS:
            built = later and iso3 in FOCUS and year in AFTER
            herd, milk = cows * (HERD if built else 1), MILK[built] if iso3 in FOCUS else yields
            world.farm(iso3, "882", [year], qcl_5510=herd * milk, qcl_5318=herd, qv_152=herd * milk * 300)


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


def test_what_size_of_change_is_seen(con) -> None:
    """A cell's potential must change by some ten points: small panels leave the choice of a scale much to decide."""
    seen = one(con, "SELECT count(mdc) AS n, min(mdc) AS least, max(mdc) AS most FROM mart_cluster_progress")
    assert seen["n"] >= 12
    assert 4 < float(seen["least"]) < float(seen["most"]) < 16


@pytest.mark.parametrize("iso3", FOCUS)
def test_a_chain_that_was_built_up_is_progress(con, iso3: str) -> None:
    row = cell(con, iso3, "dairy")
    assert (row["verdict"], row["position_verdict"]) == ("improved", "improved")
    assert (row["revised"], row["frozen_id"]) == (False, "B2018_2020@v1")
    assert float(row["world_price_part"]) < 0.5, "dearer cotton, if anything, takes from the share of dairy"
    assert min(float(row[part]) for part in ("d_p1", "d_p2", "d_h1")) > 5, "more of it, further processed, more widely"
    assert float(row["d_h3"]) < -5, "a gap in yield that was closed leaves less headroom"


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
    assert abs(float(row["d_real"])) < 0.25 * abs(float(row["d_revision"]))
    assert row["d_total"] == pytest.approx(float(row["d_revision"]) + float(row["d_real"]))


@pytest.mark.parametrize("iso3", FOCUS)
def test_what_the_world_price_did_is_no_progress(con, iso3: str) -> None:
    row = cell(con, iso3, "cotton")
    change = float(row["d_real"])
    assert change > 8
    assert row["world_price_part"] == pytest.approx(change, rel=0.15)
    seen = change > float(row["mdc"])
    assert row["verdict"] == ("moved_with_world_prices" if seen else "no_detectable_change")


def test_nothing_else_is_reported_as_progress_or_revision(con) -> None:
    told = con.sql("SELECT iso3, chain, verdict FROM mart_cluster_progress WHERE d_real IS NOT NULL").fetchall()
    changed = {(iso3, chain) for iso3, chain, verdict in told if verdict in ("improved", "declined")}
    assert changed == {(iso3, "dairy") for iso3 in FOCUS}
    priced = {(iso3, chain) for iso3, chain, verdict in told if verdict == "moved_with_world_prices"}
    assert priced <= {(iso3, "cotton") for iso3 in FOCUS}
    assert len(priced) >= 3, "the change of ten points is about as large as the smallest one that is seen"
    assert len(told) >= 12, "there are chains in which nothing happened"
    revised = con.sql("SELECT iso3, chain FROM mart_cluster_progress WHERE revised").fetchall()
    assert revised == [(REVISED[0], "wheat_flour")]


def test_the_scale_is_that_of_the_frozen_baseline(con) -> None:
    scales = con.sql(
        "SELECT DISTINCT goalpost_id FROM mart_cluster_progress UNION SELECT DISTINCT goalpost_id FROM first"
    )
    assert len(scales.fetchall()) == 1
    assert con.sql("SELECT count(*) FROM mart_goalposts WHERE status = 'frozen'").fetchall()[0][0] > 10
