"""The farm side of the chains on a world computed by hand."""

from __future__ import annotations

import math

import pytest
from world import World, one

from agrocluster.measures import chain

WHEAT, SEED_COTTON, LINT, MILK, CATTLE, BEEF, CHICKEN, EGGS = (
    "15",
    "328",
    "767",
    "882",
    "866",
    "867",
    "1058",
    "1062",
)
YEARS = range(2015, 2021)
PEERS = ("RUS", "UKR", "TUR", "CHN", "IRN")


def row(con, iso3: str, chain_id: str, year: int = 2020):
    return one(con, f"FROM mart_chain_production WHERE iso3 = '{iso3}' AND chain = '{chain_id}' AND year = {year}")


def peers(world: World) -> World:
    """Five peers with wheat yields of 2.0, 2.4, 2.8, 3.2 and 3.6 t/ha: their P90 is 3.44."""
    for i, iso3 in enumerate(PEERS):
        world.farm(iso3, WHEAT, YEARS, qcl_5510=(2.0 + 0.4 * i) * 1e6, qcl_5312=1e6)
    return world


def test_the_yield_gap_is_measured_against_the_p90_of_the_peers() -> None:
    world = peers(World())
    world.farm("MDA", WHEAT, YEARS, qcl_5510=400.0, qcl_5312=100.0)
    world.farm("DEU", WHEAT, YEARS, qcl_5510=8e6, qcl_5312=1e6)
    world.farm("USA", WHEAT, YEARS, qcl_5510=2e6, qcl_5312=1e6)
    con = world.build("mart_chain_production")
    found = row(con, "USA", "wheat_flour")
    assert found["yield"] == pytest.approx(2.0)
    assert found["yield_unit"] == "t/ha"
    assert found["yield_ref_a"] == pytest.approx(3.44)
    assert found["n_yield_peers"] == 5, "Moldova's 100 ha and Germany, no peer, set no reference"
    assert found["yield_gap_w3"] == pytest.approx(float(chain.yield_gap(2.0, 3.44)))
    assert row(con, "DEU", "wheat_flour")["yield_gap_w3"] == 0
    small = row(con, "MDA", "wheat_flour")
    assert small["yield"] == pytest.approx(4)
    assert small["yield_gap_w3"] is None
    assert "yield_not_compared" in small["flag"]


def test_one_harvest_makes_no_peer() -> None:
    """A reference is what peers reach over five years; a country that tells one of them is left out."""
    world = peers(World())
    world.farm("MDA", WHEAT, [2020], qcl_5510=9e6, qcl_5312=1e6)
    found = row(world.build("mart_chain_production"), "RUS", "wheat_flour")
    assert (found["n_yield_peers"], found["yield_ref_a"]) == (5, pytest.approx(3.44))
    world.farm("MDA", WHEAT, [2018, 2019], qcl_5510=9e6, qcl_5312=1e6)
    assert row(world.build("mart_chain_production"), "RUS", "wheat_flour")["n_yield_peers"] == 6


def test_too_few_peers_set_no_reference() -> None:
    world = World()
    for iso3 in PEERS[:3]:
        world.farm(iso3, WHEAT, YEARS, qcl_5510=2e6, qcl_5312=1e6)
    found = row(world.build("mart_chain_production"), "RUS", "wheat_flour")
    assert found["yield_ref_a"] is None
    assert found["yield_gap_w3"] is None


def test_windows_divide_sums_instead_of_averaging_ratios() -> None:
    world = World()
    for year, tonnes, hectares in ((2018, 1000.0, 1000.0), (2019, 3000.0, 1000.0), (2020, 16000.0, 4000.0)):
        world.farm("UZB", WHEAT, [year], qcl_5510=tonnes, qcl_5312=hectares)
    found = row(world.build("mart_chain_production"), "UZB", "wheat_flour")
    assert found["yield"] == pytest.approx(4)
    assert found["yield_w3"] == pytest.approx(20000 / 6000)


def test_cotton_is_counted_once_although_seed_cotton_becomes_lint() -> None:
    world = World()
    world.farm("UZB", SEED_COTTON, YEARS, qcl_5510=3e6, qcl_5312=1e6, qv_152=9e8)
    world.farm("UZB", LINT, YEARS, qcl_5510=1e6)
    found = row(world.build("mart_chain_production"), "UZB", "cotton")
    assert found["production_t"] == 3e6
    assert found["yield"] == pytest.approx(3)


def test_animal_chains_have_herds_and_yields_per_animal() -> None:
    world = World()
    world.farm("KAZ", CATTLE, YEARS, qcl_5111=7e6)
    world.farm("KAZ", BEEF, YEARS, qcl_5510=450e3, qcl_5320=2.5e6)
    world.farm("KAZ", MILK, YEARS, qcl_5510=6e6, qcl_5318=2.4e6)
    world.farm("KAZ", EGGS, YEARS, qcl_5510=270e3, qcl_5313=20e6, qv_152=3e8)
    world.farm("KAZ", CHICKEN, YEARS, qcl_5510=200e3, qcl_5321=1e8, qv_152=4e8)
    world.farm("KAZ", "1746", YEARS, ek_7213=0.03)
    con = world.build("mart_chain_production")
    beef, dairy, poultry = (row(con, "KAZ", c) for c in ("beef_cattle", "dairy", "poultry_eggs"))
    assert (beef["herd_head"], beef["producing_animals"]) == (7e6, 2.5e6)
    assert beef["carcass_yield_kg"] == pytest.approx(180)
    assert beef["lsu_ha"] == 0.03
    assert dairy["milk_yield_kg"] == pytest.approx(2500)
    assert dairy["herd_head"] is None, "the herd belongs to one chain, or it would be counted twice"
    assert poultry["yield_item_code"] == CHICKEN, "the item worth most stands for the chain"
    assert poultry["egg_yield_kg"] == pytest.approx(13.5)
    assert poultry["carcass_yield_kg"] == pytest.approx(2)


def test_growth_compares_windows_over_items_known_in_all_six_years() -> None:
    world = World()
    world.farm("UZB", "388", range(2015, 2018), qcl_5510=1000.0)
    world.farm("UZB", "388", range(2018, 2021), qcl_5510=1500.0)
    world.farm("UZB", "403", range(2019, 2021), qcl_5510=500.0)
    found = row(world.build("mart_chain_production"), "UZB", "vegetables")
    assert found["growth_production"] == pytest.approx(math.log(1.5) / 3)


def test_a_sum_with_too_little_known_is_unknown() -> None:
    world = World()
    world.farm("UZB", "388", range(2015, 2020), qcl_5510=1000.0)
    world.farm("UZB", "403", YEARS, qcl_5510=500.0)
    con = world.build("mart_chain_production")
    complete, partial = row(con, "UZB", "vegetables", 2019), row(con, "UZB", "vegetables", 2020)
    assert (complete["production_t"], complete["coverage"]) == (1500, 1)
    assert partial["production_t"] is None
    assert partial["coverage"] == pytest.approx(1 / 3)
    assert "known_part_too_small" in partial["flag"]


def test_value_area_and_herd_with_too_little_known_are_unknown() -> None:
    world = World()
    world.farm("UZB", "388", range(2015, 2020), qcl_5312=700.0, qv_152=700.0)
    world.farm("UZB", "403", YEARS, qcl_5312=300.0, qv_152=300.0)
    world.farm("UZB", WHEAT, YEARS, qv_152=3000.0)
    world.farm("UZB", CATTLE, range(2015, 2020), qcl_5111=700.0)
    world.farm("UZB", "946", YEARS, qcl_5111=300.0)
    world.farm("UZB", BEEF, range(2015, 2020), qcl_5320=70.0)
    world.farm("UZB", "947", YEARS, qcl_5320=30.0)
    con = world.build("mart_chain_production")
    complete, partial = row(con, "UZB", "vegetables", 2019), row(con, "UZB", "vegetables", 2020)
    assert (complete["area_ha"], complete["gpv_intl_usd"], complete["gpv_share"]) == (1000, 1000, 0.25)
    assert "too_small" not in complete["flag"]
    for column in ("area_ha", "gpv_intl_usd", "gpv_share", "plq"):
        assert partial[column] is None, column
    assert (partial["coverage_area"], partial["coverage_gpv"]) == (pytest.approx(0.3), pytest.approx(0.3))
    assert {"known_area_too_small", "known_value_too_small"} <= set(partial["flag"].split(";"))
    herd = row(con, "UZB", "beef_cattle", 2020)
    assert (herd["herd_head"], herd["producing_animals"]) == (None, None)
    assert (herd["coverage_herd"], herd["coverage_animals"]) == (pytest.approx(0.3), pytest.approx(0.3))
    assert {"known_herd_too_small", "known_animals_too_small"} <= set(herd["flag"].split(";"))
    assert row(con, "UZB", "wheat_flour", 2020)["gpv_share"] == pytest.approx(3000 / 3300), (
        "82 % of farm value is known"
    )


def test_values_a_year_behind_output_still_make_a_window() -> None:
    """FAOSTAT's value of production comes out after its tonnes; the window then knows two of its three years."""
    world = World()
    for iso3, cotton in (("UZB", 30.0), ("USA", 10.0)):
        world.farm(iso3, SEED_COTTON, YEARS, qcl_5510=1.0)
        world.farm(iso3, SEED_COTTON, range(2015, 2020), qv_152=cotton)
        world.farm(iso3, WHEAT, range(2015, 2020), qv_152=100.0 - cotton)
    con = world.build("mart_chain_production")
    found = row(con, "UZB", "cotton", 2020)
    assert (found["plq"], found["gpv_share"]) == (None, None)
    assert (found["plq_w3"], found["gpv_share_w3"]) == (pytest.approx(1.5), pytest.approx(0.3))
    assert row(con, "UZB", "cotton", 2015)["plq_w3"] is None, "one year is no window"
    world.farm("UZB", SEED_COTTON, [2021], qcl_5510=1.0)
    assert row(world.build("mart_chain_production"), "UZB", "cotton", 2021)["plq_w3"] is None


def test_a_world_that_mostly_has_not_reported_gives_no_quotient() -> None:
    world = World()
    for iso3, value in (("UZB", 100.0), ("USA", 900.0)):
        years = YEARS if iso3 == "UZB" else range(2015, 2020)
        for item in (WHEAT, SEED_COTTON):
            world.farm(iso3, item, years, qv_152=value)
    con = world.build("mart_chain_production")
    assert row(con, "UZB", "cotton", 2019)["plq"] == pytest.approx(1)
    found = row(con, "UZB", "cotton", 2020)
    assert (found["plq"], found["gpv_share"]) == (None, 0.5)


def test_specialisation_in_production_compares_shares_of_farm_value() -> None:
    world = World()
    world.farm("UZB", SEED_COTTON, YEARS, qv_152=300.0)
    world.farm("UZB", WHEAT, YEARS, qv_152=700.0)
    world.farm("USA", SEED_COTTON, YEARS, qv_152=700.0)
    world.farm("USA", "157", YEARS, qv_152=8300.0)
    world.farm("USA", "2051", YEARS, qv_152=9000.0)
    found = row(world.build("mart_chain_production"), "UZB", "cotton")
    assert found["gpv_share"] == pytest.approx(0.3)
    assert found["plq"] == pytest.approx(float(chain.plq(300, 1000, 1000, 10000)))
    assert found["plq_w3"] == pytest.approx(3), "the total of agriculture must not be added to its parts"


@pytest.mark.parametrize(
    ("stock", "supply", "sign", "ssr"),
    [(0.0, 100.0, 0, 1.2), (20.0, 80.0, -1, 1.5), (20.0, 120.0, 1, 1.0), (20.0, 200.0, None, None)],
)
def test_the_sign_of_stock_variation_is_tested_per_row(stock, supply, sign, ssr) -> None:
    world = World()
    world.farm("KAZ", "2511", [2020], fbs_5511=120.0, fbs_5611=30.0, fbs_5911=50.0, fbs_5072=stock, fbs_5301=supply)
    con = world.build("mart_chain_production")
    balance = one(con, "FROM mart_food_balance")
    assert (balance["ds_sign"], balance["fbs_unbalanced"]) == (sign, sign is None)
    found = row(con, "KAZ", "wheat_flour")
    assert found["ssr"] == (None if ssr is None else pytest.approx(ssr))
    assert ("fbs_unbalanced" in found["flag"]) is (sign is None)


def test_flags_say_how_much_of_the_output_is_official() -> None:
    world = World()
    world.farm("TJK", "388", YEARS, flag="A", qcl_5510=750.0)
    world.farm("TJK", "403", YEARS, flag="I", qcl_5510=250.0)
    found = row(world.build("mart_chain_production"), "TJK", "vegetables")
    assert (found["share_official"], found["share_imputed"]) == (0.75, 0.25)
    assert found["sigma_production"] == pytest.approx(0.75 * 0.05 + 0.25 * 0.30)


def test_focus_countries_keep_every_chain_and_year_with_a_reason_where_nothing_is_known() -> None:
    con = peers(World()).build("mart_chain_production")
    counted = one(con, "SELECT count(*) AS n, count(production_t) AS known FROM mart_chain_production WHERE focus")
    assert (counted["n"], counted["known"]) == (4 * 23 * 6, 0)
    found = row(con, "KAZ", "wheat_flour")
    assert found["flag"] == "no_source;rainfed"
    assert found["coverage"] == 0
