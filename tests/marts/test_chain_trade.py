"""Trade by chain: the worked example, the rules for absent and small traders, and the identities on random worlds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World, one

from agrocluster.measures import chain, concentration, specialisation

OIL, GRAIN, FLOUR, PASTA, SHARED = "270900", "100199", "110100", "190219", "230990"
EXPORTERS = {"KAZ": (10, 20, 30, 40), "KGZ": (30, 40, 30, 0), "UZB": (60, 40, 0, 0), "USA": (100, 0, 0, 0)}
YEARS = range(2015, 2021)
STAGES = {"primary": GRAIN, "processed": FLOUR, "final": PASTA}


def worked_example(unit: float = 1e6) -> World:
    """The example A-D of the method: oil, wheat, flour and pasta in millions of dollars, the same every year."""
    world = World()
    for exporter, values in EXPORTERS.items():
        for code, value in zip((OIL, GRAIN, FLOUR, PASTA), values, strict=True):
            if value:
                world.exports(exporter, code, YEARS, value * unit)
    return world


def row(con, iso3: str, stage: str, year: int = 2020, chain_id: str = "wheat_flour"):
    return one(
        con,
        f"FROM mart_chain_trade WHERE iso3 = '{iso3}' AND chain = '{chain_id}' AND stage = '{stage}' AND year = {year}",
    )


@pytest.fixture(scope="module")
def example():
    return worked_example().build("mart_chain_trade")


def test_stages_have_the_advantage_of_the_worked_example(example) -> None:
    for exporter, expected in {"KAZ": (0.8, 2, 4), "KGZ": (1.6, 2, 0), "UZB": (1.6, 0, 0)}.items():
        for stage, value in zip(STAGES, expected, strict=True):
            found = row(example, exporter, stage)
            assert found["rca_all"] == pytest.approx(value, abs=1e-9)
            assert found["rca_all_w3"] == pytest.approx(value, abs=1e-9)
            assert found["rsca_all"] == pytest.approx((value - 1) / (value + 1), abs=1e-9)
    assert row(example, "KAZ", "final")["nrca_ppm"] == pytest.approx(75_000, abs=1e-3)
    assert row(example, "KAZ", "final")["share_world"] == 1


def test_the_agri_base_leaves_oil_out(example) -> None:
    found = row(example, "KAZ", "processed")
    assert found["exports_agri_usd"] == 90e6
    assert found["rca_agri"] == pytest.approx((30 / 90) / (60 / 200), abs=1e-9)


def test_garments_are_no_part_of_farm_exports() -> None:
    """Lint is in the agri-food and fibre base, yarn and garments are not: they may not stand in its numerator."""
    world = worked_example()
    for exporter, lint, yarn, shirts in (("UZB", 30e6, 100e6, 50e6), ("USA", 70e6, 100e6, 950e6)):
        for code, usd in (("520100", lint), ("520511", yarn), ("610910", shirts)):
            world.exports(exporter, code, YEARS, usd)
    con = world.build("mart_chain_trade")
    farm, every = {"UZB": 40e6 + 30e6, "USA": 70e6}, 200e6 + 100e6
    for exporter, lint in (("UZB", 30e6), ("USA", 70e6)):
        for stage in ("primary", "total"):
            found = row(con, exporter, stage, chain_id="cotton")
            for column in ("rca_agri", "rca_agri_w3"):
                assert found[column] == pytest.approx((lint / farm[exporter]) / (100e6 / every)), (exporter, stage)
        shirts = row(con, exporter, "final", chain_id="cotton")
        assert (shirts["rca_agri"], shirts["rsca_agri_w3"]) == (None, None)
        assert "outside_agri_base" in shirts["flag"]
        assert shirts["rca_all_w3"] > 0


def test_advantage_beyond_the_farm_base_is_rated_on_all_goods() -> None:
    """A cotton chain that became yarn and shirts has stages with advantage, although farm exports hold none of them."""
    world = worked_example()
    for exporter, shirts in (("UZB", 400e6), ("USA", 100e6)):
        for code in ("520100", "520511", "610910"):
            world.exports(exporter, code, YEARS, shirts)
    con = world.build("mart_chain_trade")
    stages = ("primary", "processed", "final", "total")
    bases = {s: row(con, "UZB", s, chain_id="cotton")["index_base"] for s in stages}
    assert bases == {"primary": "agri", "processed": "all", "final": "all", "total": "all"}
    assert row(con, "UZB", "total")["index_base"] == "agri"
    assert row(con, "UZB", "final", chain_id="cotton")["rca_all_w3"] > 1
    assert row(con, "UZB", "total", chain_id="cotton")["stage_coverage_w3"] == 1


def test_a_chain_is_measured_on_sums_and_its_nrca_is_the_sum_of_its_stages(example) -> None:
    total = row(example, "KAZ", "total")
    assert total["exports_usd"] == 90e6
    assert total["rca_all"] == pytest.approx((90 / 100) / (200 / 400), abs=1e-9)
    assert total["nrca_ppm"] == pytest.approx(sum(row(example, "KAZ", s)["nrca_ppm"] for s in STAGES), abs=1e-6)
    assert total["dpr"] == pytest.approx(70 / 90)
    assert total["ui"] == pytest.approx((30 + 2 * 40) / (2 * 90))
    assert total["stage_coverage_w3"] == pytest.approx(2 / 3)


def test_a_country_that_traded_but_not_in_these_goods_exported_zero(example) -> None:
    found = row(example, "USA", "primary")
    assert found["exports_usd"] == 0
    assert found["rca_all"] == 0
    assert "zero_reported" in found["flag"]


def test_a_country_that_did_not_report_is_unknown_not_zero(example) -> None:
    found = row(example, "TJK", "primary")
    assert found["reporter_present"] is False
    for column in (
        "exports_usd",
        "imports_usd",
        "rca_all",
        "rca_all_w3",
        "nrca_ppm",
        "share_world",
        "n_markets",
    ):
        assert found[column] is None, column
    assert found["coverage"] == 0
    assert found["flag"].startswith("no_source")


def test_a_missing_year_is_left_out_of_numerator_and_denominator_of_the_window() -> None:
    world = worked_example()
    world.trade = [r for r in world.trade if not (r["exporter"] == "KGZ" and r["year"] == 2019)]
    con = world.build("mart_chain_trade")
    assert row(con, "KGZ", "primary", 2019)["exports_usd"] is None
    window = row(con, "KGZ", "primary", 2020)
    assert window["n_years_w3"] == 2
    assert window["coverage"] == pytest.approx(2 / 3)
    assert window["rca_all_w3"] == pytest.approx(1.6)
    assert row(con, "KAZ", "primary", 2019)["world_completeness"] == pytest.approx(0.75)
    assert row(con, "KAZ", "primary", 2019)["world_partial"] is True


def test_noise_is_suppressed_in_thin_markets_but_nrca_stays_defined() -> None:
    world = worked_example()
    world.exports("UZB", PASTA, YEARS, 1000.0)
    found = row(world.build("mart_chain_trade"), "UZB", "final")
    assert found["thin_market"] is True
    assert found["rca_all"] is None
    assert found["rca_all_w3"] is None
    assert found["nrca_ppm"] < 0
    small_world = row(worked_example(unit=10_000).build("mart_chain_trade"), "KAZ", "final")
    assert small_world["thin_market"] is True


def test_codes_shared_between_chains_are_never_counted() -> None:
    world = worked_example()
    before = row(world.build("mart_chain_trade"), "KAZ", "total", chain_id="dairy")["world_exports_usd"]
    world.exports("KAZ", SHARED, YEARS, 50e6)
    con = world.build("mart_chain_trade")
    assert one(con, f"FROM dim_product WHERE hs_code = '{SHARED}'")["shared_chains"]
    dairy = one(con, "SELECT sum(world_exports_usd) AS v FROM mart_chain_trade WHERE chain = 'dairy'")
    assert dairy["v"] == before == 0


def test_markets_imports_and_weights_of_the_focus_countries() -> None:
    world = worked_example()
    world.exports("KAZ", "040610", YEARS, 10e6, kg=2e6, UZB=0.6, AFG=0.3, RUS=0.1)
    world.exports("USA", "040610", YEARS, 20e6, kg=None, UZB=0.5)
    con = world.build("mart_chain_trade")
    cheese = row(con, "KAZ", "final", chain_id="dairy")
    assert cheese["hhi_dest"] == pytest.approx(0.46)
    assert cheese["n_markets"] == 3
    assert cheese["uv"] == pytest.approx(5)
    n = one(con, "SELECT count(*) - 1 AS n FROM dim_country")["n"]
    assert cheese["hhi_dest_norm_w3"] == pytest.approx(concentration.hhi_norm([6, 3, 1], n=n))
    assert row(con, "UZB", "final", chain_id="dairy")["imports_usd"] == pytest.approx(16e6)
    abroad = row(con, "USA", "final", chain_id="dairy")
    assert abroad["imports_usd"] is None
    assert abroad["uv"] is None, "a price without weights is no price"
    assert "bilateral_not_held" in abroad["flag"]


def test_a_stage_too_thin_to_rate_is_unknown_not_without_advantage() -> None:
    """Kazakhstan: advantage in flour and pasta, none in grain. A thin stage leaves the count above and below."""
    world = worked_example()
    assert row(world.build("mart_chain_trade"), "KAZ", "total")["stage_coverage_w3"] == pytest.approx(2 / 3)
    world.trade = [r for r in world.trade if not (r["hs_code"] == PASTA and r["exporter"] == "KAZ")]
    world.exports("USA", PASTA, YEARS, 40e6)
    world.exports("KAZ", PASTA, YEARS, 1000.0)
    con = world.build("mart_chain_trade")
    assert row(con, "KAZ", "final")["thin_market"] is True
    assert row(con, "KAZ", "total")["stage_coverage_w3"] == pytest.approx(1 / 2)
    world.trade = [r for r in world.trade if not (r["hs_code"] == GRAIN and r["exporter"] == "KAZ")]
    world.exports("KAZ", GRAIN, YEARS, 1000.0)
    found = row(world.build("mart_chain_trade"), "KAZ", "total")
    assert found["stage_coverage_w3"] is None, "one rated stage of three says nothing about the chain"


def test_a_weight_that_covers_little_of_the_exports_is_no_weight() -> None:
    world = World()
    world.exports("KAZ", "040610", YEARS, 4e6, kg=1e6)
    world.exports("KAZ", "040690", YEARS, 6e6, kg=None)
    world.exports("UZB", "040610", YEARS, 6e6, kg=1e6)
    world.exports("UZB", "040690", YEARS, 4e6, kg=None)
    con = world.build("mart_chain_trade")
    assert row(con, "KAZ", "final", chain_id="dairy")["exports_kg"] is None
    assert row(con, "UZB", "final", chain_id="dairy")["exports_kg"] == 1e6


def test_one_year_of_destinations_is_no_window() -> None:
    world = World()
    world.exports("KAZ", GRAIN, [2015, 2016], 50e6, UZB=0.6, AFG=0.4)
    con = world.build("mart_chain_trade")
    first, second = row(con, "KAZ", "primary", 2015), row(con, "KAZ", "primary", 2016)
    for column in ("hhi_dest_w3", "hhi_dest_norm_w3", "n_markets_w3"):
        assert first[column] is None, column
        assert second[column] is not None, column


def test_change_of_advantage_compares_two_windows() -> None:
    world = World()
    for exporter, early, late in (("KAZ", 2e6, 3e6), ("USA", 98e6, 97e6)):
        world.exports(exporter, GRAIN, range(2015, 2018), early / 2)
        world.exports(exporter, GRAIN, range(2018, 2021), late / 2 * 1.2)
        world.exports(exporter, OIL, range(2015, 2021), 100e6)
    world.prices(range(2015, 2021))
    found = row(world.build("mart_chain_trade"), "KAZ", "primary")
    now, before = (1.8e6 / 101.8e6, 1e6 / 101e6)
    world_now, world_before = (60e6 / 260e6, 50e6 / 250e6)
    assert found["d_ln_rca"] == pytest.approx(float(specialisation.d_ln_rca(now, before, world_now, world_before)))
    assert found["world_growth"] == pytest.approx(np.log(1.2) / 3)


def test_demand_grows_in_constant_dollars() -> None:
    """World trade that grows with US consumer prices does not grow."""
    world = World()
    for year in YEARS:
        world.exports("KAZ", GRAIN, [year], 50e6 * 1.05 ** (year - 2015))
        world.exports("USA", FLOUR, [year], 50e6 * 1.08 ** (year - 2015))
    world.prices(range(2014, 2021), percent=5.0)
    con = world.build("mart_chain_trade")
    assert row(con, "KAZ", "primary")["world_growth"] == pytest.approx(0, abs=1e-12)
    assert row(con, "KAZ", "processed")["world_growth"] == pytest.approx(np.log(1.08 / 1.05), rel=0.01)


def test_growth_over_a_gap_in_the_price_series_is_unknown() -> None:
    world = worked_example()
    world.prices(year for year in YEARS if year != 2018)
    found = row(world.build("mart_chain_trade"), "KAZ", "primary")
    assert found["world_growth"] is None
    assert "no_deflator" in found["flag"]
    world.prices([2018])
    found = row(world.build("mart_chain_trade"), "KAZ", "primary")
    assert found["world_growth"] == 0
    assert "no_deflator" not in found["flag"]


def test_a_year_that_no_file_covers_is_unknown_world_trade_not_none() -> None:
    world = World()
    for year in (2015, 2016, 2017, 2018, 2020):
        for exporter in ("KAZ", "USA"):
            world.exports(exporter, GRAIN, [year], 50e6 * 1.06 ** (year - 2015))
    world.prices(range(2015, 2021))
    con = world.build("mart_chain_trade")
    gap = row(con, "KAZ", "primary", 2019)
    assert (gap["world_exports_usd"], gap["exports_usd"]) == (None, None)
    assert row(con, "KAZ", "primary", 2015, chain_id="cotton")["world_exports_usd"] == 0
    assert row(con, "KAZ", "primary", 2020)["world_growth"] == pytest.approx(np.log(1.06), rel=0.01)
    assert row(con, "KAZ", "primary", 2018)["world_growth"] is None, "one year is no window"


COUNTRIES, CODES = ("KAZ", "UZB", "USA", "CHN"), (GRAIN, FLOUR, PASTA, OIL)
AMOUNTS = st.lists(st.floats(1e6, 1e9), min_size=16, max_size=16)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(AMOUNTS, st.sampled_from([1e-3, 1.0, 1e3]))
def test_the_mart_equals_the_formulas_on_any_world_and_in_any_currency(amounts: list[float], unit: float) -> None:
    matrix = np.array(amounts).reshape(4, 4) * 1e4
    world = World()
    for exporter, values in zip(COUNTRIES, matrix, strict=True):
        for code, value in zip(CODES, values, strict=True):
            world.exports(exporter, code, (2019, 2020), value * unit)
    con = world.build("mart_chain_trade")
    advantage = specialisation.rca(matrix)
    normalised = specialisation.nrca(matrix)
    for i, exporter in enumerate(COUNTRIES):
        for k, stage in enumerate(STAGES):
            found = row(con, exporter, stage)
            assert found["rca_all"] == pytest.approx(advantage[i, k], rel=1e-9)
            assert found["nrca_ppm"] == pytest.approx(1e6 * normalised[i, k], rel=1e-9, abs=1e-6)
        total = row(con, exporter, "total")
        assert total["dpr"] == pytest.approx(float(chain.dpr(*matrix[i, :3])))
        assert total["ui"] == pytest.approx(float(chain.upgrading_index(*matrix[i, :3])))
