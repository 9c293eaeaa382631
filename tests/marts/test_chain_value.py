"""Balances, value added and prices of the chains on a world computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from world import World, one

from agrocluster.measures import chain

WHEAT_GRAIN, FLOUR, BRAN, PASTA, MILKING_MACHINE = "100199", "110100", "230230", "190219", "843410"
MAIZE_MEAL = "110313"
WHEAT, CATTLE, BEEF, MILK, SEED_COTTON = "15", "866", "867", "882", "328"
YEARS = range(2016, 2021)


def imports(world: World, importer: str, hs_code: str, years, usd: float, kg: float | None = None) -> None:
    """An importer's total of the whole world, and the same value as a flow from China."""
    for year in years:
        for exporter in ("WLD", "CHN"):
            world.trade.append(
                {
                    "exporter": exporter,
                    "importer": importer,
                    "hs_edition": "HS12",
                    "hs_code": hs_code,
                    "year": year,
                    "flow_variant": "reconciled",
                    "value_usd": usd,
                    "net_kg": kg,
                    "flag": "" if kg else "q_missing",
                }
            )


def row(world: World, mart: str, iso3: str, chain_id: str, year: int = 2020):
    return one(world.build(mart), f"FROM {mart} WHERE iso3 = '{iso3}' AND chain = '{chain_id}' AND year = {year}")


def wheat() -> World:
    """Kazakh grain at 200 and flour at 300 dollars a tonne, Turkish grain at 250 and flour at 500."""
    world = World()
    world.exports("KAZ", WHEAT_GRAIN, YEARS, 2e6, kg=10e6)
    world.exports("KAZ", FLOUR, YEARS, 6e5, kg=2e6)
    world.exports("TUR", WHEAT_GRAIN, YEARS, 1e6, kg=4e6)
    world.exports("TUR", FLOUR, YEARS, 5e6, kg=10e6)
    return world


def test_processing_multiplies_the_value_of_what_it_takes() -> None:
    con = wheat().build("mart_chain_value")
    rate = one(con, "FROM cat_extraction WHERE chain = 'wheat_flour' AND processed_sub = 'flour'")["extraction"]
    found = one(con, "FROM mart_chain_value WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = 2020")
    assert found["vam"] == pytest.approx(float(chain.value_addition_multiple(300, 200, rate)))
    assert found["vam_w3"] == pytest.approx(found["vam"])
    world_multiple = float(chain.value_addition_multiple(5.6e6 / 12e3, 3e6 / 14e3, rate))
    assert found["vam_world"] == pytest.approx(world_multiple)
    assert found["processing_gap_usd"] == pytest.approx(float(chain.processing_gap(2e6, world_multiple)))
    assert found["dpr"] == pytest.approx(float(chain.dpr(2e6, 6e5, 0)))


def test_an_estimated_weight_makes_no_multiple() -> None:
    world = wheat()
    world.exports("UZB", WHEAT_GRAIN, YEARS, 1e6, kg=5e6)
    world.exports("UZB", FLOUR, YEARS, 1e6, kg=None)
    found = row(world, "mart_chain_value", "UZB", "wheat_flour")
    assert found["vam"] is None
    assert "vam_not_measured" in found["flag"]
    thin = wheat()
    thin.exports("KGZ", WHEAT_GRAIN, YEARS, 9e3, kg=5e4)
    thin.exports("KGZ", FLOUR, YEARS, 1e6, kg=2e6)
    assert row(thin, "mart_chain_value", "KGZ", "wheat_flour")["vam"] is None, "9,000 dollars of grain set no price"


def test_a_by_product_takes_no_grain_of_its_own() -> None:
    world = wheat()
    world.exports("KAZ", BRAN, YEARS, 3e6, kg=30e6)
    assert row(world, "mart_chain_value", "KAZ", "wheat_flour")["vam"] == pytest.approx(1.17)


def test_several_ways_through_a_chain_are_weighed_by_what_they_took() -> None:
    world = World()
    world.exports("UZB", "520100", YEARS, 3e6, kg=2e6)
    world.exports("UZB", "520512", YEARS, 5e6, kg=2e6)
    world.exports("UZB", "120729", YEARS, 2e5, kg=1e6)
    world.exports("UZB", "151221", YEARS, 1e6, kg=1e6)
    con = world.build("mart_chain_value")
    yarn, oil = (
        one(con, f"FROM cat_extraction WHERE chain = 'cotton' AND processed_sub = '{sub}'")["extraction"]
        for sub in ("yarn", "cottonseed_oil")
    )
    found = one(con, "FROM mart_chain_value WHERE iso3 = 'UZB' AND chain = 'cotton' AND year = 2020")
    assert found["vam"] == pytest.approx(6e6 / (2e3 / yarn * 1500 + 1e3 / oil * 200))
    world.exports("KAZ", "520100", YEARS, 3e6, kg=2e6)
    world.exports("KAZ", "520512", YEARS, 5e6, kg=2e6)
    world.exports("KAZ", "151221", YEARS, 9e6, kg=1e6)
    assert row(world, "mart_chain_value", "KAZ", "cotton")["vam"] is None, "most of it has no price of its seed"


def test_what_is_unknown_is_no_zero() -> None:
    """No path from raw hides to leather is in the catalogue, no food balance of melons, no import of Turkey."""
    world = wheat()
    world.exports("KAZ", "410150", YEARS, 1e6)
    world.exports("UZB", "080711", YEARS, 1e6)
    imports(world, "UZB", "120770", YEARS, 1e5)
    world.farm("UZB", "567", YEARS, qcl_5510=1e5, pp_5532=100.0)
    con = world.build("mart_chain_value")
    hides = one(con, "FROM mart_chain_value WHERE iso3 = 'KAZ' AND chain = 'hides_leather' AND year = 2020")
    assert (hides["vam_world"], hides["processing_gap_usd"]) == (None, None)
    assert "no_extraction_rate" in hides["flag"]
    melons = one(con, "FROM mart_chain_value WHERE iso3 = 'UZB' AND chain = 'melons' AND year = 2020")
    assert melons["import_leakage"] is None
    turkey = one(con, "FROM mart_chain_value WHERE iso3 = 'TUR' AND chain = 'wheat_flour' AND year = 2020")
    assert (turkey["import_leakage"], turkey["input_dependence"]) == (None, None)


def test_imports_leak_what_home_output_could_have_been() -> None:
    world = wheat()
    imports(world, "KGZ", FLOUR, YEARS, 3e6, 8e6)
    imports(world, "KGZ", PASTA, YEARS, 1e6, 1e6)
    imports(world, "KGZ", WHEAT_GRAIN, YEARS, 9e6, 4e7)
    world.farm("KGZ", "2511", YEARS, fbs_5511=1e5, fbs_5611=5e4, fbs_5911=2e4, fbs_5072=0.0, fbs_5301=1.3e5)
    world.farm("KGZ", WHEAT, YEARS, qcl_5510=1e5, pp_5532=150.0)
    found = row(world, "mart_chain_value", "KGZ", "wheat_flour")
    assert found["import_leakage"] == pytest.approx(float(chain.import_leakage(3e6, 1e6, 8e4 * 150)))


def test_dependence_on_inputs_sums_five_years_of_machines_and_output() -> None:
    world = wheat()
    imports(world, "KAZ", MILKING_MACHINE, [2017], 5e6)
    imports(world, "KAZ", FLOUR, YEARS, 1e6)
    world.farm("KAZ", MILK, range(2016, 2020), qcl_5510=1e5, qv_57=1e7)
    found = row(world, "mart_chain_value", "KAZ", "dairy", 2019)
    expected = chain.input_dependence([0, 5e6, 0, 0], [1e7] * 4, min_years=3)
    assert found["input_dependence"] == pytest.approx(float(expected))
    assert row(world, "mart_chain_value", "KAZ", "dairy", 2017)["input_dependence"] is None, "two years of five"


def test_prices_are_read_at_the_border_the_country_trades_at() -> None:
    world = wheat()
    imports(world, "UZB", WHEAT_GRAIN, YEARS, 22e5, 10e6)
    for iso3, price in (("KAZ", 187.0), ("UZB", 121.0), ("TJK", 150.0)):
        world.farm(iso3, WHEAT, YEARS, qcl_5510=1e5, pp_5532=price)
    con = world.build("mart_chain_value")
    kaz, uzb, tjk = (
        one(con, f"FROM mart_chain_value WHERE iso3 = '{i}' AND chain = 'wheat_flour' AND year = 2020")
        for i in ("KAZ", "UZB", "TJK")
    )
    border = 3e6 / 14e3
    assert (kaz["nrp_basis"], kaz["border_usd_t"]) == ("export", pytest.approx(200))
    assert kaz["nrp_lite"] == pytest.approx(float(chain.nrp_lite(187, 200, 0.15 * 200)))
    assert kaz["pr_ratio"] == pytest.approx(float(chain.price_ratio(187, border, 0.15 * border)))
    assert kaz["nrp_lite_confidence"] == 0.4
    assert (kaz["freight"], kaz["freight_basis"]) == (None, None)
    cif = 220 * 1.06
    assert (uzb["nrp_basis"], uzb["border_usd_t"]) == ("import", pytest.approx(cif))
    assert (uzb["freight"], uzb["freight_basis"]) == (0.06, "flat")
    assert uzb["nrp_lite"] == pytest.approx(float(chain.nrp_lite(121, cif, 0.1 * cif, False)))
    assert (tjk["nrp_lite"], tjk["nrp_lite_confidence"]) == (None, None)
    assert "no_border_price" in tjk["flag"]
    early = one(con, "FROM mart_chain_value WHERE iso3 = 'UZB' AND chain = 'wheat_flour' AND year = 2017")
    assert "official_exchange_rate" in early["flag"]
    assert "official_exchange_rate" not in uzb["flag"]


def test_importers_pay_the_freight_of_their_flows_where_enough_of_it_is_known() -> None:
    """Grain at 220 dollars FOB: 10 and 30 % freight are declared on 15 and 3 of 22 hundred thousand dollars."""
    world = wheat()
    imports(world, "UZB", WHEAT_GRAIN, YEARS, 22e5, 10e6)
    world.farm("UZB", WHEAT, YEARS, qcl_5510=1e5, pp_5532=121.0)
    for partner, fob, share, years in (
        ("KAZ", 15e5, 0.1, YEARS),
        ("RUS", 3e5, 0.3, [2019, 2020]),
        ("TUR", 1e5, 0, [2020]),
    ):
        world.report("UZB", "M", partner, WHEAT_GRAIN, fob * (1 + share), years, cif_usd=fob * (1 + share), fob_usd=fob)
    world.report("UZB", "M", "WLD", "TOTAL", 1e7, YEARS)
    con = world.build("mart_chain_value")
    found, early = (
        one(con, f"FROM mart_chain_value WHERE iso3 = 'UZB' AND chain = 'wheat_flour' AND year = {year}")
        for year in (2020, 2016)
    )
    assert found["freight"] == pytest.approx((1.5 + 0.9) / 18), "what is published FOB has no freight to tell"
    assert (found["freight_basis"], early["freight_basis"]) == ("cells", "cells")
    assert early["freight"] == pytest.approx(0.1)
    cif = 220 * (1 + 2.4 / 18)
    assert found["border_usd_t"] == pytest.approx(cif)
    assert found["nrp_lite"] == pytest.approx(float(chain.nrp_lite(121, cif, 0.1 * cif, False)))


def test_seed_cotton_is_worth_the_lint_in_it() -> None:
    world = World()
    world.exports("UZB", "520100", YEARS, 3e6, kg=2e6)
    world.farm("UZB", SEED_COTTON, YEARS, qcl_5510=3e6, pp_5532=330.0)
    found = row(world, "mart_chain_value", "UZB", "cotton")
    assert found["border_usd_t"] == pytest.approx(1500 * 0.33)
    assert found["nrp_lite"] == pytest.approx(330 / (495 * 0.85) - 1)


def test_volatility_is_that_of_ten_changes_of_which_seven_are_known() -> None:
    levels = np.array([1.0, 2.0, 1.5, 3.0, 1.0, 4.0, 2.0, 3.0, 5.0])
    world = World()
    for year, level in enumerate(levels, start=2012):
        world.exports("KAZ", WHEAT_GRAIN, [year], 1e6 * level, kg=2e6 * level**2)
        world.farm("KAZ", WHEAT, [year], qcl_5510=1e5 * level)
    con = world.build("mart_chain_production")
    found, early = (
        one(con, f"FROM mart_chain_production WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = {year}")
        for year in (2020, 2018)
    )
    for column, series in (("vol_x", levels), ("vol_p", levels), ("vol_uv", 1 / levels)):
        assert found[column] == pytest.approx(float(chain.volatility(series, 7))), column
        assert early[column] is None, "six changes"


def test_balances_tell_export_orientation_and_processing() -> None:
    world = World()
    world.farm(
        "KAZ", "2511", [2020], fbs_5511=120.0, fbs_5611=30.0, fbs_5911=50.0, fbs_5072=20.0, fbs_5301=80.0, fbs_5131=15.0
    )
    found = row(world, "mart_chain_balance", "KAZ", "wheat_flour")
    assert found["xor"] == pytest.approx(float(chain.export_orientation(120, 30, 50)))
    assert found["retained_processing"] == pytest.approx(float(chain.retained_processing(15, 120, 30)))
    assert found["ds_sign"] == chain.stock_sign(120, 30, 50, 20, 80, 0.01) == -1
    assert found["home_use_t"] == pytest.approx(50)
    world.farm("KAZ", "2513", [2020], fbs_5511=1.0, fbs_5611=0.0, fbs_5911=2.0, fbs_5072=0.0, fbs_5301=-1.0)
    assert "xor_above_one" in row(world, "mart_chain_balance", "KAZ", "feed_grains")["flag"]


def test_balances_of_which_too_little_is_known_are_unknown() -> None:
    """Maize weighs 800 of the usual 1,000 tonnes of supply; barley alone tells nothing of feed grains."""
    world = World()
    parts = {"fbs_5611": 0.0, "fbs_5911": 0.0, "fbs_5072": 0.0}
    world.farm("KAZ", "2513", [2018, 2019, 2020], fbs_5511=200.0, fbs_5301=200.0, fbs_5131=20.0, **parts)
    world.farm("KAZ", "2514", [2018, 2019], fbs_5511=800.0, fbs_5301=800.0, **parts)
    world.farm("KAZ", "2514", [2020], fbs_5511=800.0, fbs_5301=500.0, **parts)
    con = world.build("mart_chain_balance")
    whole, part = (
        one(con, f"FROM mart_chain_balance WHERE iso3 = 'KAZ' AND chain = 'feed_grains' AND year = {year}")
        for year in (2019, 2020)
    )
    assert (whole["coverage_balance"], whole["ssr"], whole["home_use_t"]) == (1, 1, 1000)
    assert whole["retained_processing"] is None, "processing is known of a fifth"
    assert part["coverage_balance"] == pytest.approx(0.2), "the balance of maize closes in other years only"
    assert [part[column] for column in ("supply_t", "home_use_t", "ssr", "idr")] == [None] * 4
    assert part["xor"] == 0, "exports, production and imports of both are known"
    assert part["flag"].split(";") == ["fbs_unbalanced", "known_balance_too_small"]


def test_a_balance_that_is_absent_counts_as_unknown() -> None:
    world = wheat()
    imports(world, "KGZ", MAIZE_MEAL, YEARS, 3e6, 8e6)
    parts = {"fbs_5611": 5e4, "fbs_5911": 2e4, "fbs_5072": 0.0}
    world.farm("KGZ", "2513", YEARS, fbs_5511=1e5, fbs_5301=1.3e5, **parts)
    world.farm("KGZ", "2514", range(2016, 2020), fbs_5511=3e5, fbs_5301=3.3e5, **parts)
    world.farm("KGZ", "44", YEARS, qcl_5510=1e5, pp_5532=150.0)
    con = world.build("mart_chain_value")
    whole, part = (
        one(con, f"FROM mart_chain_value WHERE iso3 = 'KGZ' AND chain = 'feed_grains' AND year = {year}")
        for year in (2019, 2020)
    )
    assert whole["import_leakage"] == pytest.approx(float(chain.import_leakage(3e6, 0, 36e4 * 150)))
    assert "home_use_not_known" not in whole["flag"]
    assert part["import_leakage"] is None, "home use is known of three tenths"
    assert "home_use_not_known" in part["flag"]


def test_items_whose_stocks_carry_different_signs_have_no_common_one() -> None:
    world = World()
    world.farm("KAZ", "2513", [2020], fbs_5511=100.0, fbs_5611=0.0, fbs_5911=0.0, fbs_5072=20.0, fbs_5301=80.0)
    world.farm("KAZ", "2514", [2020], fbs_5511=100.0, fbs_5611=0.0, fbs_5911=0.0, fbs_5072=0.0, fbs_5301=100.0)
    assert row(world, "mart_chain_balance", "KAZ", "feed_grains")["ds_sign"] == -1, "no change fits either sign"
    world.farm("KAZ", "2516", [2020], fbs_5511=100.0, fbs_5611=0.0, fbs_5911=0.0, fbs_5072=20.0, fbs_5301=120.0)
    assert row(world, "mart_chain_balance", "KAZ", "feed_grains")["ds_sign"] is None


def test_feed_is_the_countrys_and_stands_at_every_chain_it_feeds() -> None:
    world = World()
    world.farm("UZB", "2511", YEARS, fbs_5511=6e6, fbs_5521=2e6)
    world.farm("UZB", "2513", YEARS, fbs_5511=5e5, fbs_5521=4e5)
    world.farm("UZB", "2514", YEARS, fbs_5511=4e5, fbs_5521=1e6)
    world.farm("UZB", "2848", YEARS, fbs_5511=1.1e7)
    world.farm("UZB", "2731", YEARS, fbs_5511=1e6)
    con = world.build("mart_chain_balance")
    fed = con.sql("FROM mart_chain_balance WHERE year = 2020 AND feed_t IS NOT NULL").to_arrow_table().to_pylist()
    assert {r["chain"] for r in fed} == {"dairy", "beef_cattle", "sheep_goat", "poultry_eggs", "horse_camel"}
    for found in fed:
        assert found["feed_t"] == pytest.approx(3.4e6)
        assert found["feed_out"] == pytest.approx(float(chain.feed_to_output(3.4e6, 1.1e7, 1e6)))
        assert found["feed_selfrel"] == pytest.approx(float(chain.feed_self_reliance(9e5, 3.4e6)))


def test_feed_of_which_too_little_is_known_is_unknown() -> None:
    world = World()
    world.farm("UZB", "2511", range(2016, 2020), fbs_5521=2e6)
    world.farm("UZB", "2513", YEARS, fbs_5521=4e5)
    con = world.build("mart_chain_balance")
    found = con.sql("SELECT year, feed_t FROM mart_chain_balance WHERE chain = 'dairy' ORDER BY year").fetchall()
    assert found[-2:] == [(2019, 2.4e6), (2020, None)]


def test_herds_are_slaughtered_sold_alive_and_graze() -> None:
    world = World()
    world.farm("KAZ", CATTLE, YEARS, qcl_5111=8e6, tcl_5908=3e5, tcl_5608=1e5)
    world.farm("KAZ", BEEF, YEARS, qcl_5510=5e5, qcl_5320=2e6)
    world.farm("KGZ", CATTLE, YEARS, qcl_5111=1e6)
    world.farm("KGZ", BEEF, YEARS, qcl_5510=1e5, qcl_5320=3e5)
    world.farm("KAZ", "1746", YEARS, ek_5118=5e6)
    world.farm("KAZ", "6610", YEARS, rl_5110=2e8)
    world.farm("KAZ", "6655", YEARS, rl_5110=1.8e8)
    con = world.build("mart_chain_production")
    kaz, kgz = (
        one(con, f"FROM mart_chain_production WHERE iso3 = '{i}' AND chain = 'beef_cattle' AND year = 2020")
        for i in ("KAZ", "KGZ")
    )
    assert kaz["offtake"] == pytest.approx(float(chain.offtake(2e6, 8e6)))
    assert kaz["offtake_net"] == pytest.approx(float(chain.offtake(2e6, 8e6, 2e5)))
    assert kaz["carcass_yield_kg"] == pytest.approx(float(chain.animal_yield(5e5, 2e6)))
    assert kaz["lsu_ha"] == pytest.approx(float(chain.livestock_density(5e6, 2e8)))
    assert kaz["lsu_ha_pasture"] == pytest.approx(5 / 180)
    assert (kgz["offtake"], kgz["offtake_net"]) == (pytest.approx(0.3), None), "live trade unknown is not none"
    assert (kaz["yield_ref_b"], kaz["yield_ref_c"]) == (None, None)


def test_the_whole_picture_holds_the_rows_of_its_parts_once() -> None:
    world = wheat()
    world.farm("KAZ", WHEAT, YEARS, qcl_5510=1e5)
    world.farm("DEU", "2511", [2020], fbs_5511=9.0, fbs_5611=1.0, fbs_5911=5.0, fbs_5072=0.0, fbs_5301=5.0)
    con = world.build("mart_chain_production")
    doubled = con.sql(
        "SELECT iso3 FROM mart_chain_production GROUP BY iso3, chain, year HAVING count(*) > 1"
    ).fetchall()
    assert doubled == []
    balanced_only = one(con, "FROM mart_chain_production WHERE iso3 = 'DEU'")
    assert (balanced_only["flag"], balanced_only["coverage"]) == ("no_source", 0)
    assert balanced_only["ssr"] == pytest.approx(1.8)


def test_leakage_of_a_window_divides_sums_instead_of_averaging_shares() -> None:
    world = wheat()
    usd, price = {2018: 1e6, 2019: 8e6, 2020: 3e6}, {2018: 100.0, 2019: 100.0, 2020: 300.0}
    balance = {"fbs_5511": 1e5, "fbs_5611": 5e4, "fbs_5911": 2e4, "fbs_5072": 0.0, "fbs_5301": 1.3e5}
    for year in usd:
        imports(world, "KGZ", FLOUR, [year], usd[year], 8e6)
        world.farm("KGZ", WHEAT, [year], qcl_5510=1e5, pp_5532=price[year])
    world.farm("KGZ", "2511", usd, **balance)
    found = row(world, "mart_chain_value", "KGZ", "wheat_flour")
    yearly = [float(chain.import_leakage(usd[y], 0, 8e4 * price[y])) for y in usd]
    assert found["import_leakage_w3"] == pytest.approx(float(chain.import_leakage(12e6, 0, 8e4 * 500)))
    assert found["import_leakage_w3"] != pytest.approx(np.mean(yearly), rel=0.01)
    assert found["import_leakage"] == pytest.approx(yearly[-1])


@pytest.mark.parametrize(
    ("priced", "usd_2020", "expected"),
    [([2018, 2019], 1e6, 2 / (2 + 16)), ([2018, 2019], 4e6, None), ([2019], 1e-3, None)],
)
def test_leakage_of_a_window_needs_two_years_and_most_of_the_imports(priced, usd_2020, expected) -> None:
    """Home use is worth 8 million dollars in each priced year; imports are 1 million in 2018 and in 2019."""
    world = wheat()
    imports(world, "KGZ", FLOUR, [2018, 2019], 1e6, 8e6)
    imports(world, "KGZ", FLOUR, [2020], usd_2020, 8e6)
    world.farm("KGZ", "2511", YEARS, fbs_5511=1e5, fbs_5611=5e4, fbs_5911=2e4, fbs_5072=0.0, fbs_5301=1.3e5)
    world.farm("KGZ", WHEAT, priced, qcl_5510=1e5, pp_5532=100.0)
    found = row(world, "mart_chain_value", "KGZ", "wheat_flour")
    assert found["import_leakage"] is None
    assert found["import_leakage_w3"] == (None if expected is None else pytest.approx(expected))


def flour_of_the_world(usd: dict[int, float]) -> World:
    """Kazakh grain at 200 dollars a tonne for ``usd`` of a year; Turkish flour makes a world multiple until 2019."""
    world = World()
    for year, value in usd.items():
        world.exports("KAZ", WHEAT_GRAIN, [year], value, kg=value * 5)
    for year, kg in ((2018, 10e6), (2019, 5e6)):
        world.exports("TUR", FLOUR, [year], 5e6, kg=kg)
    world.exports("TUR", FLOUR, [2020], 5e6, kg=None)
    return world


def test_the_processing_gap_of_a_window_sums_the_years_whose_multiple_is_known() -> None:
    world = flour_of_the_world({2018: 4e6, 2019: 1e6, 2020: 2e6})
    world.farm("KAZ", WHEAT, [2018, 2019, 2020], qcl_5510=1e5)
    con = world.build("mart_chain_production")
    rate = one(con, "FROM cat_extraction WHERE chain = 'wheat_flour' AND processed_sub = 'flour'")["extraction"]
    found = one(con, "FROM mart_chain_production WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = 2020")
    gaps = [
        float(chain.processing_gap(grain, float(chain.value_addition_multiple(flour, 200, rate))))
        for grain, flour in ((4e6, 500), (1e6, 1000))
    ]
    assert found["processing_gap_usd"] is None
    assert found["processing_gap_usd_w3"] == pytest.approx(sum(gaps))
    share = found["processing_gap_usd_w3"] / (found["processing_gap_usd_w3"] + 7e6)
    expression = one(con, "FROM cat_index_indicator WHERE indicator = 'value_lost'")["expression"]
    read = one(
        con,
        f"SELECT {expression} AS share FROM mart_chain_production m "
        "WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = 2020",
    )
    assert read["share"] == pytest.approx(share)


def test_the_processing_gap_of_a_window_is_unknown_where_most_exports_have_no_multiple() -> None:
    mostly_late = flour_of_the_world({2018: 1e6, 2019: 1e6, 2020: 4e6})
    assert row(mostly_late, "mart_chain_value", "KAZ", "wheat_flour")["processing_gap_usd_w3"] is None
    con = flour_of_the_world({2018: 4e6, 2019: 1e6, 2020: 2e6}).build("mart_chain_value")
    found = one(con, "FROM mart_chain_value WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = 2018")
    assert found["processing_gap_usd"] > 0
    assert found["processing_gap_usd_w3"] is None, "one year is no window"


def test_self_sufficiency_of_a_window_divides_sums_and_outlives_a_late_balance() -> None:
    world = World()
    produced, supply = {2018: 100.0, 2019: 900.0}, {2018: 400.0, 2019: 1000.0}
    for year in produced:
        world.farm(
            "KAZ", "2511", [year], fbs_5511=produced[year], fbs_5611=supply[year] - produced[year],
            fbs_5911=0.0, fbs_5072=0.0, fbs_5301=supply[year],
        )  # fmt: skip
    world.farm("KAZ", WHEAT, [2018, 2019, 2020, 2021], qcl_5510=100.0)
    con = world.build("mart_chain_production")
    by_year = {
        r["year"]: r
        for r in con.sql("FROM mart_chain_production WHERE iso3 = 'KAZ' AND chain = 'wheat_flour'")
        .to_arrow_table()
        .to_pylist()
    }
    assert by_year[2019]["ssr_w3"] == pytest.approx(1000 / 1400)
    assert by_year[2019]["ssr_w3"] != pytest.approx((100 / 400 + 900 / 1000) / 2, rel=0.01)
    assert (by_year[2020]["ssr"], by_year[2020]["ssr_w3"]) == (None, pytest.approx(1000 / 1400))
    assert (by_year[2018]["ssr_w3"], by_year[2021]["ssr_w3"]) == (None, None), "one year is no window"
