"""Livestock chains read step by step, and the stage at which a chain is tightest."""

from __future__ import annotations

import numpy as np
import pytest
from world import World, one

from agrocluster.marts import relations
from agrocluster.measures.bottleneck import STAGES, bottleneck
from agrocluster.model.loader import catalog

MILK, CATTLE, BEEF, SHEEP, WOOL = "882", "866", "867", "976", "987"
MILKING_MACHINE, SEED_WHEAT = "843410", "100191"
YEARS = range(2016, 2021)
PEERS = ("RUS", "UKR", "TUR", "CHN", "IRN")


def milk_world() -> World:
    """Five peers milk 2,000 to 4,000 kg a cow; the four countries 1,000, 2,500, 3,000 and unknown."""
    world = World()
    yields = dict(zip(PEERS, (2000, 2500, 3000, 3500, 4000), strict=True)) | {"TJK": 1000, "UZB": 3000, "KAZ": 4500}
    for iso3, kg in yields.items():
        world.farm(iso3, MILK, YEARS, qcl_5510=1e3 * kg, qcl_5318=1e6)
    return world


def readings(con, measure: str, chain_id: str = "dairy") -> dict[str, str]:
    query = f"SELECT iso3, reading FROM mart_livestock_chain WHERE measure = '{measure}' AND chain = '{chain_id}'"
    return dict(con.sql(f"{query} AND year = 2020").fetchall())


def test_a_value_is_read_against_the_quarters_of_the_peers() -> None:
    con = milk_world().build("mart_livestock_chain")
    found = one(con, "FROM mart_livestock_chain WHERE iso3 = 'TJK' AND measure = 'milk_yield' AND year = 2020")
    known = [2000, 2500, 3000, 3500, 4000, 1000, 3000, 4500]
    assert (found["value"], found["unit"], found["step"]) == (1000, "kg/head", "animal_productivity")
    assert found["n_peers"] == 8, "focus countries are peers too"
    assert found["peer_median"] == pytest.approx(np.median(known))
    assert found["peer_p90"] == pytest.approx(np.quantile(known, 0.9))
    assert readings(con, "milk_yield") == {
        "TJK": "weak", "RUS": "weak", "UKR": "typical", "TUR": "typical", "UZB": "typical", "IRN": "strong",
        "CHN": "typical", "KAZ": "strong", "KGZ": "unknown",
    }  # fmt: skip
    assert readings(con, "yield_gap")["TJK"] == "weak", "a large gap is the weak side"
    assert "DEU" not in readings(con, "milk_yield"), "Germany is no peer"


def test_what_is_not_known_keeps_its_row_and_reason_in_the_four_countries() -> None:
    world = milk_world()
    world.farm("KGZ", CATTLE, YEARS, qcl_5111=1e6)
    con = world.build("mart_livestock_chain")
    rows = con.sql(
        "SELECT DISTINCT measure, reading, reason FROM mart_livestock_chain "
        "WHERE iso3 = 'KGZ' AND chain = 'dairy' AND year = 2020 AND measure IN ('milk_yield', 'lq_lsu') ORDER BY ALL"
    ).fetchall()
    assert rows == [("lq_lsu", "unknown", "no_oblast_data"), ("milk_yield", "unknown", "no_source")]
    few = readings(con, "herd", "beef_cattle")
    assert few["KGZ"] == "context"


def test_fewer_than_five_peers_are_no_comparison() -> None:
    world = World()
    for iso3 in ("RUS", "UKR", "KGZ"):
        world.farm(iso3, MILK, YEARS, qcl_5510=1e6, qcl_5318=1e6)
    con = world.build("mart_livestock_chain")
    found = one(con, "FROM mart_livestock_chain WHERE iso3 = 'KGZ' AND measure = 'milk_yield' AND year = 2020")
    assert (found["n_peers"], found["peer_median"], found["reading"]) == (3, None, "not_compared")


def test_a_chain_is_read_with_the_chains_it_is_linked_with() -> None:
    world = World()
    world.farm("KGZ", SHEEP, YEARS, qcl_5111=6e6)
    world.farm("KGZ", WOOL, YEARS, qcl_5510=9e3)
    world.exports("KGZ", "510529", YEARS, 3e5)
    world.exports("KGZ", "510111", YEARS, 1e5)
    con = world.build("mart_livestock_chain")
    where = "iso3 = 'KGZ' AND year = 2020"
    herd = one(con, f"FROM mart_livestock_chain WHERE {where} AND chain = 'wool_cashmere' AND measure = 'herd_behind'")
    assert (herd["read_chain"], herd["value"]) == ("sheep_goat", 6e6)
    fleece = one(con, f"FROM mart_livestock_chain WHERE {where} AND measure = 'wool_yield'")
    assert fleece["value"] == pytest.approx(1.5)
    rows = con.sql(
        f"SELECT read_chain, value FROM mart_livestock_chain WHERE {where} AND chain = 'sheep_goat' "
        "AND measure = 'by_product_dpr' ORDER BY ALL"
    ).fetchall()
    assert rows == [("hides_leather", None), ("wool_cashmere", pytest.approx(0.75))]
    fed = con.sql(
        f"SELECT read_chain FROM mart_livestock_chain WHERE {where} AND chain = 'sheep_goat' "
        "AND measure = 'feed_growth' ORDER BY ALL"
    ).fetchall()
    linked = con.sql(
        "SELECT chain_a FROM dim_chain_link WHERE chain_b = 'sheep_goat' AND link_type = 'feed' ORDER BY ALL"
    ).fetchall()
    assert fed == linked != []


def test_support_is_the_countrys_and_stands_at_every_chain() -> None:
    world = milk_world()
    world.measure("KGZ", "IC.FRM.FIN.FIN14", 2019, 30.0, dataset="enterprise_surveys")
    con = world.build("mart_livestock_chain")
    rows = con.sql(
        "SELECT DISTINCT chain, value FROM mart_livestock_chain "
        "WHERE iso3 = 'KGZ' AND measure = 'bank_loan' AND year = 2019 ORDER BY chain"
    ).fetchall()
    assert rows == [
        (c, 30.0) for c in ("beef_cattle", "dairy", "hides_leather", "poultry_eggs", "sheep_goat", "wool_cashmere")
    ]


def test_every_line_of_the_catalogue_reads_an_input_of_the_mart_and_a_column_with_its_unit() -> None:
    inputs, tables = set(catalog().marts["mart_livestock_chain"].inputs), relations.catalog_tables(catalog())
    lines = tables["cat_chain_measure"].to_pylist()
    steps = ("feed", "herd", "animal_productivity", "processing", "market", "by_products", "support")
    order = [steps.index(line["step"]) for line in lines]
    assert order == sorted(order), "positions follow the reading order"
    assert len({line["position"] for line in lines}) == len(lines)
    for line in lines:
        assert bool(line["expression"]) != bool(line["reason"]), line
        if not line["expression"]:
            continue
        assert line["mart"] in inputs
        contract = catalog().marts[line["mart"]]
        if line["expression"] in {column.name for column in contract.columns}:
            unit = contract.column(line["expression"]).unit
            assert unit is None or unit == line["unit"], line


def test_a_line_asks_a_chain_only_for_what_its_sources_can_hold() -> None:
    """Multiples need an extraction rate, leakage a food balance; a chain without says so instead of no_source."""
    tables = relations.catalog_tables(catalog())
    lines, extraction = tables["cat_chain_measure"].to_pylist(), tables["cat_extraction"].to_pylist()
    codes = tables["cat_chain_code"].to_pylist()
    able = {
        "no_extraction_rate": {line["chain"] for line in extraction},
        "no_food_balance": {c["chain"] for c in codes if c["system"] == "FAO" and "FBS" in (c["domains"] or "")},
    }
    needs = {"vam": "no_extraction_rate", "processing_gap": "no_extraction_rate", "import_leakage": "no_food_balance"}
    asked = {(line["measure"], chain): line for line in lines for chain in line["chains"].split()}
    for (measure, chain), line in asked.items():
        if measure in needs:
            assert (line["reason"] or "") == ("" if chain in able[needs[measure]] else needs[measure]), (measure, chain)
    assert {m for m, c in asked if c == "hides_leather"} >= set(needs), "the question stays, with its answer"


NAMED = ("cat_extraction", "cat_border_product", "cat_raw_material", "cat_feed_item", "cat_chain_link")


@pytest.mark.parametrize("name", NAMED)
def test_the_chain_catalogues_name_what_the_crosswalk_holds(name: str) -> None:
    tables = relations.catalog_tables(catalog())
    codes = tables["cat_chain_code"].to_pylist()
    subs = {(c["chain"], c["stage"], c["sub"]) for c in codes if c["system"] == "HS12" and c["role"] in ("own", "dual")}
    items = {c["code"] for c in codes if c["system"] == "FAO"}
    hs_codes = {c["code"] for c in codes if c["system"] == "HS12"}
    for line in tables[name].to_pylist():
        if name == "cat_extraction":
            assert (line["chain"], "processed", line["processed_sub"]) in subs, line
            assert (line["chain"], "primary", line["primary_sub"]) in subs, line
            assert 0 < line["extraction"] <= 1
        elif name == "cat_border_product":
            assert line["item_code"] in items
            assert line["hs_code"] in hs_codes
        elif name == "cat_raw_material":
            own = {c["code"] for c in codes if c["chain"] == line["chain"] and c["system"] == "HS12"}
            assert set(line["hs_codes"].split("+")) <= own, line
            assert set(line["item_codes"].split("+")) <= items, line
            assert line["reason"]
        elif name == "cat_feed_item":
            assert line["role"] in {"feed", "feed_grain", "meat", "milk"}
        else:
            assert {line["chain_a"], line["chain_b"]} <= {c["chain"] for c in codes}


def dairy_trade(world: World) -> World:
    """What lets dairy be scored: a panel that trades milk, powder and cheese in different mixes, and its markets."""
    panel = [c.iso3 for c in catalog().countries.values() if c.panel][:30]
    for i, iso3 in enumerate([*panel, "KAZ"]):
        world.exports(iso3, "040120", range(2015, 2021), 1e6 * (1 + i % 5), KAZ=0.1)
        world.exports(iso3, "040210", range(2015, 2021), 1e6 * (1 + i % 3), RUS=0.7, UZB=0.3)
        world.exports(iso3, "040690", range(2015, 2021), 1e6 * (1 + i % 2), RUS=1.0)
        world.exports(iso3, "100199", range(2015, 2021), 1e6 * (1 + i))
        world.exports(iso3, "270900", range(2015, 2021), 1e8 * (1 + i % 7))
        world.farm(iso3, MILK, range(2015, 2021), qcl_5510=1e6, qcl_5318=(3 + i % 4) * 1e5, qv_152=1e8 * (1 + i % 6))
        world.farm(iso3, "15", range(2015, 2021), qv_152=1e9)
    world.prices(range(2010, 2021))
    return world


def test_the_tightest_stage_is_the_one_the_measure_names() -> None:
    con = dairy_trade(World()).build("mart_chain_bottleneck")
    rows = con.sql(
        f"SELECT {', '.join(f'b_{stage}' for stage in STAGES)}, bottleneck, margin, n_stages, chain "
        "FROM mart_chain_bottleneck WHERE baseline_id = 'B2018_2020'"
    ).fetchall()
    vector = np.array([[np.nan if v is None else v for v in row[:5]] for row in rows])
    stages, margins = bottleneck(vector, 5)
    unnamed = ["too_few_stages" if few else "none_clear" for few in np.isnan(margins)]
    named = [STAGES[stage] if stage >= 0 else label for stage, label in zip(stages, unnamed, strict=True)]
    assert {"too_few_stages", "none_clear"} < set(named)
    assert named == [row[5] for row in rows]
    np.testing.assert_allclose(margins, [np.nan if row[6] is None else row[6] for row in rows])
    assert [(~np.isnan(v)).sum() for v in vector] == [row[7] for row in rows]
    assert len({row[5] for row in rows if row[8] == "dairy"}) > 1, "the world is too plain to tell stages apart"


def test_a_stage_score_is_the_mean_of_its_two_parts() -> None:
    con = dairy_trade(World()).build("mart_chain_bottleneck")
    where = "iso3 = 'KAZ' AND chain = 'dairy'"
    found = one(con, f"FROM mart_chain_bottleneck WHERE {where} AND baseline_id = 'B2018_2020'")
    total = one(con, f"FROM mart_chain_trade WHERE {where} AND stage = 'total' AND year = 2020")
    made = one(con, f"FROM mart_chain_trade WHERE {where} AND stage = 'processed' AND year = 2020")
    scale = one(con, "FROM mart_goalposts WHERE indicator = 'rsca_agri'")
    low, high = scale["goalpost_low"], scale["goalpost_high"]
    norm = 100 * np.clip((made["rsca_agri_w3"] - low) / (high - low), 0, 1)
    assert found["b_processed"] == pytest.approx((norm + 100 * total["dpr_w3"]) / 2)
    potential = one(
        con, f"FROM mart_export_potential_chain WHERE {where} AND market = 'WLD' AND baseline_id = 'B2018_2020'"
    )
    parts = 100 * potential["realised_share"], 100 * (1 - total["hhi_dest_norm_w3"])
    assert found["b_market"] == pytest.approx(sum(parts) / 2)
    assert found["known_parts"] == (
        "primary:yield_gap;processed:rsca_processed+dpr;final:rsca_final+ui;market:realised+hhi_dest"
    )
    assert found["b_input"] is None, "no machine was bought: dependence has no scale"
    nothing = one(
        con, "FROM mart_chain_bottleneck WHERE iso3 = 'TJK' AND chain = 'silk' AND baseline_id = 'B2018_2020'"
    )
    assert (nothing["bottleneck"], nothing["n_stages"], nothing["margin"]) == ("too_few_stages", 0, None)
    assert nothing["known_parts"] is None


def test_inputs_are_scored_on_the_scale_of_their_chain() -> None:
    """Machines for milk run from a thousandth to several times its farm value, seed wheat is a hundred times less."""
    world = dairy_trade(World())
    panel = [c.iso3 for c in catalog().countries.values() if c.panel][:30]
    for i, iso3 in enumerate([*panel, "KAZ"]):
        for code, usd in ((MILKING_MACHINE, 1e5 * 10 ** (i / 8)), (SEED_WHEAT, 1e3 * 10 ** (i / 8))):
            for exporter in ("WLD", "DEU"):
                flow = {"exporter": exporter, "importer": iso3, "hs_edition": "HS12", "hs_code": code, "net_kg": 1.0}
                for year in range(2016, 2021):
                    world.trade.append(
                        flow | {"year": year, "flow_variant": "reconciled", "value_usd": usd, "flag": ""}
                    )
        world.farm(iso3, MILK, range(2016, 2021), qv_57=1e8 if i else 9.9e6)
        world.farm(iso3, "15", range(2016, 2021), qv_57=1e8)
    con = world.build("mart_chain_bottleneck")
    unit, least = (
        one(con, f"FROM method_parameters WHERE name = '{name}'")["value_number"]
        for name in ("input_dependence_unit", "input_min_gpv_usd")
    )
    assert 9.9e6 < least <= 1e8
    small = one(con, f"FROM mart_chain_production WHERE iso3 = '{panel[0]}' AND chain = 'dairy' AND year = 2020")
    assert small["input_dependence"] is None
    assert "input_base_too_small" in small["flag"].split(";")
    for chain, first, usd in (("dairy", 1, 1e5), ("wheat_flour", 0, 1e3)):
        y = np.arcsinh(usd * 10 ** (np.arange(first, 31) / 8) / 1e8 / unit)
        low, high = np.quantile(y, [0.05, 0.95])
        rows = con.sql(
            f"SELECT b_input, known_parts FROM mart_chain_bottleneck WHERE chain = '{chain}' AND n_stages > 0 "
            "AND baseline_id = 'B2018_2020' AND b_input IS NOT NULL ORDER BY b_input DESC"
        ).fetchall()
        np.testing.assert_allclose([row[0] for row in rows], 100 - 100 * np.clip((y - low) / (high - low), 0, 1))
        assert all(row[1].startswith("input:input_dependence;") for row in rows)


def test_a_chain_without_final_products_has_no_final_stage() -> None:
    world = dairy_trade(World())
    world.exports("KAZ", "100630", range(2015, 2021), 5e6, RUS=1.0)
    found = one(
        world.build("mart_chain_bottleneck"),
        "FROM mart_chain_bottleneck WHERE iso3 = 'KAZ' AND chain = 'rice' AND baseline_id = 'B2018_2020'",
    )
    assert found["b_final"] is None
    assert found["b_processed"] == pytest.approx(100), "all of it is milled"
