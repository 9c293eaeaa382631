"""The baseline: what it says, what it refuses to say, and how its numbers come about."""

from __future__ import annotations

import random

import pytest
from world import World, one

from agrocluster.marts import relations
from agrocluster.measures import composite
from agrocluster.model.loader import catalog

# One code per chain, so that measures that all countries of a chain share have enough different values for a scale.
CHAINS = {
    line["chain"]: line["code"]
    for line in relations.catalog_tables(catalog())["cat_chain_code"].to_pylist()
    if line["system"] == "HS12" and line["role"] == "own" and line["stage"] != "input"
}
STAGED = ("100199", "110100", "190219", "520100", "520511", "610910", "040120", "040210", "040610", "270900")
CODES = sorted({*STAGED, *CHAINS.values()})
CROPS = {"15": 500.0, "328": 900.0, "116": 300.0}
FOCUS = ("KAZ", "KGZ", "TJK", "UZB")
PANEL = sorted(c.iso3 for c in catalog().countries.values() if c.panel)[::2]
COUNTRIES = sorted({*PANEL, *FOCUS})
YEARS = range(2012, 2023)


def traded(world: World) -> World:
    draw = random.Random(7)
    world.prices(YEARS, percent=2.0)
    for iso3 in COUNTRIES:
        markets = {"CHN": 0.5, "RUS": 0.3, "AFG": 0.2} if iso3 in FOCUS else {}
        for code in CODES:
            usd = draw.lognormvariate(17, 1.5)
            for year in YEARS:
                world.exports(iso3, code, [year], usd * draw.uniform(0.8, 1.2) * 1.03 ** (year - 2012), **markets)
    return world


def farmed(world: World) -> World:
    draw = random.Random(11)
    for iso3 in COUNTRIES:
        for item, price in CROPS.items():
            area, output = draw.uniform(1e4, 1e6), draw.uniform(1, 4)
            for year in YEARS:
                tonnes = area * output * draw.uniform(0.9, 1.1)
                world.farm(iso3, item, [year], qcl_5510=tonnes, qcl_5312=area, qv_152=tonnes * price)
        cows = draw.uniform(1e4, 1e6)
        world.farm(iso3, "882", YEARS, qcl_5510=cows * draw.uniform(1, 4), qcl_5318=cows, qv_152=cows * 900)
    return world


def measured(world: World) -> World:
    for i, iso3 in enumerate(COUNTRIES):
        world.measure(iso3, "FX.OWN.TOTL.ZS", 2017, 20.0 + i)
        world.measure(iso3, "LP.LPI.OVRL.XQ", 2018, 2.0 + i / 20)
        world.measure(iso3, "IT.NET.USER.ZS", 2020, 30.0 + i)
    return world


@pytest.fixture(scope="module")
def con():
    return measured(farmed(traded(World()))).build()


def violations(con) -> dict[str, int]:
    """Broken critical SQL and range rules of all marts."""
    broken = {}
    for name, contract in catalog().marts.items():
        for rule in contract.rules:
            query = rule.query
            if rule.kind == "between":
                where = " OR ".join(
                    f'"{rule.column}" {sign} {limit}'
                    for sign, limit in (("<", rule.min), (">", rule.max))
                    if limit is not None
                )
                query = f"FROM {{table}} WHERE ({where}) AND ({rule.where or 'true'})"
            if query and rule.severity == "critical":
                rows = con.sql(query.replace("{table}", name)).fetchall()
                if rows:
                    broken[f"{name}.{rule.id}"] = len(rows)
    return broken


def test_every_critical_rule_holds_on_a_full_world(con) -> None:
    assert violations(con) == {}


@pytest.mark.parametrize("parts", [[], [traded], [farmed], [measured]], ids=["nothing", "trade", "farm", "indicators"])
def test_marts_build_and_keep_their_rules_when_whole_sources_are_missing(parts) -> None:
    world = World()
    for part in parts:
        part(world)
    con = world.build()
    assert violations(con) == {}
    found = one(
        con,
        "SELECT count(*) AS n, count(potential) AS known, count(p4) AS p4 FROM mart_cluster_baseline WHERE focus",
    )
    assert found["n"] == 2 * 4 * 23
    assert found["p4"] == 0
    if not parts:
        assert found["known"] == 0
        cell = one(
            con,
            "FROM mart_cluster_baseline WHERE baseline_id = 'Bcurrent' AND iso3 = 'KAZ' AND chain = 'cotton'",
        )
        assert cell["reasons"].startswith("no_baseline_window;position:too_few_pillars;headroom:too_few_pillars")
        assert cell["coverage"] == 0
        assert cell["grade"] is None


def test_scores_are_what_the_indicators_behind_them_give(con) -> None:
    cells = con.sql("FROM mart_cluster_baseline WHERE potential IS NOT NULL AND focus").to_arrow_table().to_pylist()
    assert len(cells) >= 20
    for cell in cells[:12]:
        parts = (
            con.sql(
                f"FROM mart_baseline_indicators WHERE baseline_id = '{cell['baseline_id']}' "
                f"AND iso3 = '{cell['iso3']}' AND chain = '{cell['chain']}' AND score IS NOT NULL"
            )
            .to_arrow_table()
            .to_pylist()
        )
        for part in parts:
            expected = composite.score(part["transformed"], part["goalpost_low"], part["goalpost_high"])
            assert part["score"] == pytest.approx(float(expected))
        for index, pillars in (("position", ("p1", "p2", "p3")), ("headroom", ("h1", "h2", "h3"))):
            scores = [
                composite.arithmetic_mean([p["score"] for p in parts if p["pillar"] == pillar and p["pillar_exists"]])
                for pillar in pillars
            ]
            assert cell[index] == pytest.approx(composite.geometric_mean(scores))
        assert cell["potential"] == pytest.approx(float(composite.potential(cell["position"], cell["headroom"])))
        assert cell["potential_adj"] == pytest.approx(
            float(composite.adjusted_potential(cell["potential"], cell["enabling"]))
        )
        mirror = catalog().parameters["mirror_unknown"].value if cell["c_mir"] is None else cell["c_mir"]
        assert cell["c_cov"] == pytest.approx((cell["coverage_position"] + cell["coverage_headroom"]) / 2)
        assert cell["confidence"] == pytest.approx(
            float(composite.confidence([cell["c_cov"], cell["c_src"], mirror, cell["c_time"]]))
        )


def test_coverage_counts_against_the_full_method_not_against_what_is_known(con) -> None:
    cell = one(
        con,
        "FROM mart_cluster_baseline WHERE baseline_id = 'Bcurrent' AND iso3 = 'KAZ' AND chain = 'cotton'",
    )
    used = one(
        con,
        "SELECT sum(nominal_weight) FILTER (weight_in_pillar > 0) AS w, "
        "count(*) FILTER (pillar = 'p4' AND reason = 'no_oblast_data') AS p4 FROM mart_baseline_indicators "
        "WHERE baseline_id = 'Bcurrent' AND iso3 = 'KAZ' AND chain = 'cotton' AND sub_index = 'position'",
    )
    assert cell["coverage_position"] == pytest.approx(used["w"])
    assert used["p4"] == 3
    assert cell["coverage_position"] <= 0.75, "a fourth of POSITION needs oblast data"
    assert "p4:no_oblast_data" in cell["reasons"]


def test_ranks_order_focus_chains_by_potential(con) -> None:
    rows = con.sql(
        "SELECT rank_country, potential FROM mart_cluster_baseline "
        "WHERE iso3 = 'UZB' AND baseline_id = 'Bcurrent' AND rank_country IS NOT NULL ORDER BY potential DESC"
    ).fetchall()
    assert [rank for rank, _ in rows] == list(range(1, len(rows) + 1))
    assert one(con, "SELECT count(rank_country) AS n FROM mart_cluster_baseline WHERE NOT focus")["n"] == 0


def test_quadrants_cut_at_the_panel_medians(con) -> None:
    found = one(
        con,
        "SELECT count(*) FILTER (quadrant IN ('build', 'defend')) AS high, count(quadrant) AS n "
        "FROM mart_cluster_baseline WHERE panel AND baseline_id = 'Bcurrent'",
    )
    assert 0.35 < found["high"] / found["n"] < 0.65
    labels = one(
        con,
        "SELECT count(*) AS n FROM mart_cluster_baseline WHERE (quadrant IS NULL) <> (quadrant_ru IS NULL)",
    )
    assert labels["n"] == 0


def test_an_indicator_that_only_focus_countries_have_moves_no_quadrant(con) -> None:
    """Destinations are known for the four alone: whatever they are, nobody in the panel can be compared by them."""

    def cells(of) -> dict[tuple[str, str], tuple[str, float, float]]:
        query = (
            "SELECT iso3, chain, quadrant, headroom_common, headroom FROM mart_cluster_baseline "
            "WHERE focus AND baseline_id = 'Bcurrent' AND quadrant IS NOT NULL"
        )
        return {(i, c): (q, common, own) for i, c, q, common, own in of.sql(query).fetchall()}

    spread = cells(con)
    world = measured(farmed(traded(World())))
    for line in world.trade:
        if line["importer"] not in ("WLD", "CHN"):
            line["value_usd"] = 0.0
    single = cells(world.build("mart_cluster_baseline"))
    assert len(spread) > 10
    assert spread.keys() == single.keys()
    for cell, (quadrant, common, own) in spread.items():
        assert single[cell][0] == quadrant, cell
        assert single[cell][1] == pytest.approx(common)
        assert single[cell][2] < own, "HEADROOM itself still sees the single market"


def test_policy_driven_concentration_in_uzbek_cotton_is_marked(con) -> None:
    rows = con.sql("SELECT DISTINCT iso3, chain FROM mart_cluster_baseline WHERE policy_klaster_flag").fetchall()
    assert rows == [("UZB", "cotton")]


def test_both_baselines_of_a_release_share_one_scale(con) -> None:
    assert one(con, "SELECT count(DISTINCT goalpost_id) AS n FROM mart_cluster_baseline")["n"] == 1
    windows = con.sql("SELECT DISTINCT baseline_id FROM mart_goalposts WHERE status = 'reference_window'").fetchall()
    assert windows == [("B2018_2020",)]
    assert one(con, "FROM dim_baseline WHERE baseline_id = 'Bcurrent'")["last_year"] == 2022


def test_a_revision_of_the_reference_years_shows_in_the_name_of_the_scale(con) -> None:
    def scale(of) -> tuple[str, ...]:
        return tuple(i for (i,) in of.sql("SELECT DISTINCT goalpost_id FROM mart_goalposts").fetchall())

    world = measured(farmed(traded(World())))
    world.measure("USA", "IT.NET.USER.ZS", 2014, 50.0)
    unmoved = world.build("mart_goalposts")
    for line in world.production:
        if line["iso3"] == "KAZ" and line["year"] == 2019 and line["dataset"] == "qv":
            line["value"] *= 1.5
    assert scale(unmoved) == scale(con), "what does not enter the reference window does not name it anew"
    assert scale(world.build("mart_goalposts")) != scale(con)


def test_a_value_that_all_countries_of_a_chain_share_is_one_value() -> None:
    """World demand knows as many values as chains; counted per country, three of them would make a scale."""
    world = World()
    world.prices(YEARS)
    for iso3 in COUNTRIES:
        for i, code in enumerate(STAGED[:6]):
            for year in YEARS:
                world.exports(iso3, code, [year], 5e7 * (1.02 + i / 100) ** (year - 2012))
    found = one(world.build("mart_goalposts"), "FROM mart_goalposts WHERE indicator = 'demand_growth'")
    assert (found["status"], found["goalpost_low"]) == ("too_few_values", None)


def test_inflation_alone_leaves_demand_where_it_was() -> None:
    """Between the windows prices rise by a third and quantities do not: chains still differ, and none is at the top."""

    def scores(rates: dict[int, float]) -> list[float]:
        draw, world, level = random.Random(3), World(), 1.0
        for year in YEARS:
            level *= 1 + rates.get(year, 0.0) / 100
            world.prices([year], rates.get(year, 0.0))
            for code in CODES:
                world.exports("KAZ", code, [year], 5e7 * level * draw.uniform(0.9, 1.1))
                world.exports("USA", code, [year], 5e7 * level)
        con = world.build("mart_chain_trade")
        query = (
            "FROM mart_chain_trade WHERE year = 2022 AND stage = 'total' AND iso3 = 'KAZ' AND world_growth IS NOT NULL"
        )
        return sorted(v for (v,) in con.sql(f"SELECT world_growth {query}").fetchall())

    assert scores({2021: 15.0, 2022: 15.0}) == pytest.approx(scores({}), abs=1e-9)


def test_the_current_window_ends_with_the_slower_of_trade_and_farm_statistics() -> None:
    world = farmed(traded(World()))
    world.production = [r for r in world.production if r["year"] <= 2021]
    con = world.build("dim_baseline")
    found = one(con, "FROM dim_baseline WHERE baseline_id = 'Bcurrent'")
    assert (found["first_year"], found["last_year"]) == (2019, 2021)


def test_a_few_late_files_do_not_make_a_complete_year() -> None:
    world = farmed(World())
    world.farm("UKR", "15", range(2023, 2027), qcl_5510=2e7, qcl_5312=6e6)
    found = one(world.build("dim_baseline"), "FROM dim_baseline WHERE baseline_id = 'Bcurrent'")
    assert (found["first_year"], found["last_year"]) == (2020, 2022)


def test_an_unreported_country_gets_no_position_from_production_alone() -> None:
    world = farmed(traded(World()))
    world.trade = [r for r in world.trade if r["exporter"] != "TJK"]
    con = world.build("mart_cluster_baseline")
    cell = one(
        con,
        "FROM mart_cluster_baseline WHERE baseline_id = 'B2018_2020' AND iso3 = 'TJK' AND chain = 'cotton'",
    )
    assert cell["p1"] is None, "two of five indicators are below the 60 % a pillar needs"
    assert cell["position"] is None
    assert cell["p2"] is None
    assert "p1:no_source" in cell["reasons"]


def test_enabling_values_are_carried_five_years_with_falling_confidence(con) -> None:
    rows = con.sql(
        "SELECT year, value, age, carried, decay, reason FROM mart_enabling "
        "WHERE iso3 = 'KAZ' AND indicator = 'LP.LPI.OVRL.XQ' ORDER BY year"
    ).fetchall()
    value = 2.0 + COUNTRIES.index("KAZ") / 20
    assert rows[0] == (2018, value, 0, False, 1.0, "")
    assert rows[2] == (2020, value, 2, True, 0.75, "")


def test_enabling_values_reach_the_end_of_the_current_window() -> None:
    world = measured(farmed(traded(World())))
    world.indicator = [r for r in world.indicator if r["indicator"] != "FP.CPI.TOTL.ZG"]
    con = world.build("mart_enabling")
    rows = con.sql(
        "SELECT year, value IS NOT NULL, age, decay FROM mart_enabling "
        "WHERE iso3 = 'KAZ' AND indicator = 'LP.LPI.OVRL.XQ' AND year > 2020 ORDER BY year"
    ).fetchall()
    assert rows == [(2021, True, 3, 0.6), (2022, True, 4, 0.45)], "trade and farm statistics end in 2022"


def test_knowing_less_about_a_country_never_raises_confidence(con) -> None:
    def confidence(of) -> dict[str, float]:
        query = "SELECT chain, confidence FROM mart_cluster_baseline WHERE iso3 = 'UZB' AND baseline_id = 'B2018_2020'"
        return dict(of.sql(f"{query} AND confidence IS NOT NULL").fetchall())

    full = confidence(con)
    silent, partly = measured(farmed(traded(World()))), measured(farmed(traded(World())))
    silent.indicator = [r for r in silent.indicator if r["indicator"] == "FP.CPI.TOTL.ZG"]
    partly.indicator = [r for r in partly.indicator if not (r["iso3"] == "UZB" and r["indicator"].startswith("FX."))]
    less, none = (confidence(w.build("mart_cluster_baseline")) for w in (partly, silent))
    assert len(full) > 10
    for chain, value in full.items():
        assert none[chain] < less[chain] < value, chain


def test_old_values_expire_and_missing_ones_have_a_reason() -> None:
    world = measured(World())
    world.measure("KAZ", "SL.AGR.EMPL.ZS", 2010, 25.0)
    world.measure("KAZ", "SL.AGR.EMPL.ZS", 2023, 15.0)
    con = world.build("mart_enabling")
    rows = dict(
        con.sql(
            "SELECT year, (value, age, reason) FROM mart_enabling WHERE iso3 = 'KAZ' AND indicator = 'SL.AGR.EMPL.ZS'"
        ).fetchall()
    )
    assert tuple(rows[2015])[:2] == (25.0, 5)
    assert tuple(rows[2016]) == (None, None, "no_source")
    assert tuple(rows[2023])[:2] == (15.0, 0)


def test_an_indicator_that_is_better_when_lower_scores_higher_when_lower() -> None:
    world = World()
    for i, iso3 in enumerate(COUNTRIES):
        world.measure(iso3, "IC.FRM.OUTG.ZS", 2019, float(i))
    con = world.build("mart_enabling")
    scores = [
        score
        for (score,) in con.sql(
            "SELECT score FROM mart_enabling WHERE indicator = 'IC.FRM.OUTG.ZS' AND value IS NOT NULL ORDER BY value"
        ).fetchall()
    ]
    assert scores[0] == 100
    assert scores[-1] == 1
    assert scores == sorted(scores, reverse=True)


def test_every_country_and_chain_can_be_read_in_both_languages(con) -> None:
    cell = one(con, "FROM mart_cluster_baseline WHERE baseline_id = 'Bcurrent' AND iso3 = 'KGZ' AND chain = 'nuts'")
    assert (cell["country_en"], cell["country_ru"]) == ("Kyrgyzstan", "Кыргызстан")
    assert (cell["chain_en"], cell["chain_ru"]) == ("Nuts", "Орехи")
