"""Mirrored cells on worlds of a few reports: both sides are kept, absent is zero only where somebody filed."""

from __future__ import annotations

import numpy as np
import pytest
from world import World, one

GRAIN, FLOUR, PASTA, FIBRE = "100199", "110100", "190219", "520100"


def cell(con, exporter: str, importer: str, code: str = FLOUR, year: int = 2020):
    return one(
        con,
        f"FROM mart_trade_cell WHERE exporter = '{exporter}' AND importer = '{importer}' AND hs_code = '{code}' "
        f"AND year = {year}",
    )


def flags(row) -> set[str]:
    return set(filter(None, row["flag"].split(";")))


def test_both_sides_stand_beside_each_other_and_the_value_between_them() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 80_000)
    world.report("UZB", "M", "KAZ", FLOUR, 106_000)
    found = cell(world.build("mart_trade_cell"), "KAZ", "UZB")
    assert found["x_reported_usd"] == 80_000
    assert found["m_mirror_cif_usd"] == 106_000
    assert found["tau"] == pytest.approx(0.06)
    assert found["tau_basis"] == "flat"
    assert found["m_mirror_fob_usd"] == pytest.approx(100_000)
    assert found["lgap"] == pytest.approx(np.log(1.25))
    assert found["sgap"] == pytest.approx(0.2222222222)
    # One flow says nothing about who is better: both have the level of the window.
    assert found["sigma_x"] == found["sigma_m"] == pytest.approx(np.log(1.25))
    assert found["v_reconciled_usd"] == pytest.approx(np.sqrt(80_000 * 100_000))
    assert found["n_sides"] == 2
    assert flags(found) == set()


def test_a_reporter_who_filed_without_the_flow_says_zero() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 200_000)
    world.report("KAZ", "X", "UZB", GRAIN, 40_000)
    world.report("UZB", "M", "KAZ", PASTA, 1_000)
    con = world.build("mart_trade_cell")
    found = cell(con, "KAZ", "UZB")
    assert found["m_mirror_cif_usd"] == found["m_mirror_fob_usd"] == 0
    assert found["v_reconciled_usd"] == pytest.approx(100_000)
    assert found["tau"] is None
    assert found["sgap"] == -2
    assert flags(found) == {"zero_reported", "one_sided"}
    assert cell(con, "KAZ", "UZB", GRAIN)["v_reconciled_usd"] == 0, "too small to be believed against a filed zero"


def test_a_reporter_who_did_not_file_is_unknown_and_the_partner_stands_in() -> None:
    world = World()
    world.report("KAZ", "X", "TJK", FLOUR, 30_000)
    world.report("KAZ", "M", "TJK", FIBRE, 10_600)
    con = world.build("mart_trade_cell")
    exported, imported = cell(con, "KAZ", "TJK"), cell(con, "TJK", "KAZ", FIBRE)
    assert exported["m_mirror_cif_usd"] is None
    assert exported["v_reconciled_usd"] == 30_000
    assert exported["sigma_lnv"] == pytest.approx(1.5 * 0.25), "no doubly reported flow: the default stands in"
    assert flags(exported) == {"no_mirror"}
    assert imported["x_reported_usd"] is None
    assert imported["v_reconciled_usd"] == pytest.approx(10_000)
    assert imported["n_sides"] == exported["n_sides"] == 1
    assert flags(imported) == {"mirror"}


def test_a_direction_that_a_focus_country_did_not_file_is_unknown() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 200_000)
    world.report("UZB", "X", "CHN", FIBRE, 200_000)
    world.report("CHN", "M", "KAZ", PASTA, 1_000)
    con = world.build("mart_trade_cell")
    assert cell(con, "KAZ", "UZB")["m_mirror_cif_usd"] is None, "Uzbekistan filed exports only"
    assert cell(con, "UZB", "CHN", FIBRE)["m_mirror_cif_usd"] == 0, "China filed"


def test_of_a_selection_of_goods_absence_elsewhere_says_nothing() -> None:
    world = World(customs_scope="partial")
    world.report("KAZ", "X", "UZB", FLOUR, 200_000)
    world.report("KAZ", "X", "UZB", FIBRE, 200_000)
    world.report("UZB", "M", "RUS", "110290", 1_000)
    con = world.build("mart_trade_cell")
    assert cell(con, "KAZ", "UZB")["m_mirror_cif_usd"] == 0, "the chapter is held"
    assert cell(con, "KAZ", "UZB", FIBRE)["m_mirror_cif_usd"] is None, "the chapter is not held"


def test_goods_without_a_code_make_the_rest_unknown_and_are_not_counted_twice() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 100_000)
    world.report("KAZ", "X", "UZB", "TOTAL", 400_000)
    world.report("UZB", "M", "KAZ", FLOUR, 106_000)
    world.report("UZB", "M", "KAZ", PASTA, 212_000)
    con = world.build("mart_trade_cell")
    pasta, rest = cell(con, "KAZ", "UZB", PASTA), cell(con, "KAZ", "UZB", "??????")
    assert pasta["x_reported_usd"] is None, "it may be among the goods without a code"
    assert pasta["v_reconciled_usd"] == pytest.approx(200_000)
    assert flags(pasta) == {"suppressed"}
    assert rest["x_reported_usd"] == 300_000
    assert rest["m_mirror_cif_usd"] is None
    assert rest["v_reconciled_usd"] == pytest.approx(100_000), "what the partner placed is taken off"
    assert flags(rest) == {"unallocated"}


def test_goods_not_specified_are_goods_without_a_code() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 100_000)
    world.report("KAZ", "X", "UZB", "999999", 300_000)
    world.report("UZB", "M", "KAZ", FLOUR, 106_000)
    world.report("UZB", "M", "KAZ", "710812", 212_000)
    con = world.build("mart_trade_cell")
    gold, rest = cell(con, "KAZ", "UZB", "71XXXX"), cell(con, "KAZ", "UZB", "??????")
    assert gold["x_reported_usd"] is None
    assert flags(gold) == {"suppressed"}
    assert gold["v_reconciled_usd"] == pytest.approx(200_000)
    assert rest["x_reported_usd"] == 300_000
    assert rest["m_mirror_cif_usd"] is None
    assert rest["v_reconciled_usd"] == pytest.approx(100_000)


def test_two_reports_without_a_code_are_not_taken_for_the_same_goods() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "284410", 50_000)
    world.report("KAZ", "X", "UZB", "999999", 300_000)
    world.report("UZB", "M", "KAZ", "999999", 106_000)
    rest = cell(world.build("mart_trade_cell"), "KAZ", "UZB", "??????")
    assert rest["v_reconciled_usd"] == pytest.approx(300_000)
    assert flags(rest) == {"unallocated"}


@pytest.mark.parametrize("code", [FIBRE, "999999"])
def test_a_good_without_a_partner_may_have_gone_to_any_and_counts_once(code: str) -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 100_000)
    world.report("KAZ", "X", "X899", code, 500_000)
    world.report("UZB", "M", "KAZ", FLOUR, 106_000)
    world.report("UZB", "M", "KAZ", FIBRE, 212_000)
    world.report("CHN", "M", "KAZ", FIBRE, 106_000)
    world.report("CHN", "M", "KAZ", PASTA, 106_000)
    con = world.build("mart_trade_cell")
    sent = cell(con, "KAZ", "UZB", FIBRE)
    assert sent["x_reported_usd"] is None
    assert sent["v_reconciled_usd"] == pytest.approx(200_000)
    assert flags(sent) == {"suppressed"}
    pasta = cell(con, "KAZ", "CHN", PASTA)
    assert pasta["x_reported_usd"] == (0 if code == FIBRE else None), "another good is not hidden by this one"
    rest = cell(con, "KAZ", "X899", FIBRE if code == FIBRE else "??????")
    assert rest["v_reconciled_usd"] == pytest.approx(200_000 if code == FIBRE else 100_000)
    assert {"unspecified_partner"} <= flags(rest)


def test_few_goods_without_code_and_partner_leave_zeros_alone() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 1_000_000)
    world.report("KAZ", "X", "X899", "999999", 40_000)
    world.report("CHN", "M", "KAZ", PASTA, 106_000)
    con = world.build("mart_trade_cell")
    assert cell(con, "KAZ", "CHN", PASTA)["x_reported_usd"] == 0
    assert cell(con, "KAZ", "X899", "??????")["v_reconciled_usd"] == 40_000


def test_an_importer_that_publishes_fob_or_both_needs_no_model() -> None:
    world = World()
    for code, usd, both in (
        (FLOUR, 100, (None, 100)),
        (GRAIN, 120, (120, 100)),
        (PASTA, 300, (300, 100)),
        (FIBRE, 106, (None, None)),
    ):
        world.report("KAZ", "X", "UZB", code, 100)
        world.report("UZB", "M", "KAZ", code, usd, cif_usd=both[0], fob_usd=both[1])
    con = world.build("mart_trade_cell")
    found = {code: cell(con, "KAZ", "UZB", code) for code in (FLOUR, GRAIN, PASTA, FIBRE)}
    assert {code: (r["tau_basis"], pytest.approx(r["tau"])) for code, r in found.items()} == {
        FLOUR: ("fob", 0),
        GRAIN: ("reported", 0.2),
        PASTA: ("reported", 0.4),
        FIBRE: ("flat", 0.06),
    }


def test_the_freight_model_takes_over_where_it_can_be_estimated() -> None:
    world = World(parameters={"cif_min_observations": 20})
    codes = [GRAIN, FLOUR, PASTA, FIBRE, "040210", "040310", "080221", "520511"]
    for rank, partner in enumerate(("UZB", "KGZ", "RUS", "TUR", "CHN")):
        for n, code in enumerate(codes):
            world.exports("USA", code, [2020], 1e6 * (n + 1), kg=5e5)
            world.report("KAZ", "X", partner, code, 100_000)
            world.report(partner, "M", "KAZ", code, 100_000 * (1.02 + 0.03 * rank))
    con = world.build("mart_trade_cell")
    near, far = cell(con, "KAZ", "UZB"), cell(con, "KAZ", "CHN")
    assert near["tau_basis"] == far["tau_basis"] == "model"
    assert 0 <= near["tau"] < far["tau"] <= 0.4
    assert near["tau_sensitivity"] in {0.06, 0.1, 0.15, 0.2}
    flat = World(parameters={"cif_min_observations": 20, "cif_model": "flat"}, customs=world.customs, trade=world.trade)
    assert cell(flat.build("mart_trade_cell"), "KAZ", "CHN")["tau"] == pytest.approx(0.06)


def test_a_folded_chapter_has_the_world_prices_of_its_codes_and_goods_without_price_a_model_without() -> None:
    world = World(parameters={"cif_min_observations": 10})
    for rank, partner in enumerate(("UZB", "KGZ", "RUS", "TUR", "CHN", "DEU")):
        for code, price, extra in ((GRAIN, 0.2, 0.1), (FLOUR, 0.4, 0.08), (PASTA, 1, 0.06), ("880230", 800, -0.02)):
            world.exports("USA", code, [2020], 1e6, kg=1e6 / price)
            world.report("KAZ", "X", partner, code, 100_000)
            world.report(partner, "M", "KAZ", code, 100_000 * (1.05 + 0.01 * rank + extra))
        world.report("KAZ", "X", partner, FIBRE, 100_000)
        world.report(partner, "M", "KAZ", FIBRE, 100_000 * (1.1 + 0.01 * rank))
    con = world.build("mart_trade_cell")
    found = {code: cell(con, "KAZ", "DEU", code) for code in (GRAIN, FIBRE, "88XXXX")}
    assert {r["tau_basis"] for r in found.values()} == {"model"}
    assert found["88XXXX"]["tau"] < found[FIBRE]["tau"] < found[GRAIN]["tau"]


def test_the_better_reporter_weighs_more_and_cells_rest_on_the_published_quality() -> None:
    world = World()
    rng = np.random.default_rng(3)
    for code in (GRAIN, FLOUR, PASTA, FIBRE):
        for partner in ("UZB", "RUS", "CHN", "TUR", "DEU"):
            for year in range(2016, 2021):
                noise = rng.normal(0, 0.02 if partner != "UZB" else 0.8)
                world.report("KAZ", "X", partner, code, 1e6, [year])
                world.report(partner, "M", "KAZ", code, 1.06e6 * np.exp(noise), [year])
    con = world.build("mart_trade_cell", "mart_reporting_quality")
    good, bad = cell(con, "KAZ", "DEU"), cell(con, "KAZ", "UZB")
    assert bad["sigma_m"] > good["sigma_m"]
    assert bad["w_x"] > good["w_x"]
    quality = one(con, "FROM mart_reporting_quality WHERE iso3 = 'UZB' AND role = 'importer' AND year = 2020")
    assert quality["sigma"] == bad["sigma_m"]
    assert (quality["first_year"], quality["n_observations"]) == (2016, 20)
    assert quality["effect"] > 0


def test_world_rows_own_trade_and_foreign_pairs_are_no_cells() -> None:
    world = World()
    world.report("KAZ", "X", "WLD", FLOUR, 500)
    world.report("KAZ", "M", "KAZ", FLOUR, 500)
    world.report("KAZ", "X", "X899", FLOUR, 500)
    world.report("CHN", "X", "DEU", FLOUR, 500)
    con = world.build("mart_trade_cell")
    found = one(con, "FROM mart_trade_cell")
    assert (found["exporter"], found["importer"]) == ("KAZ", "X899")
    assert flags(found) == {"no_mirror", "unspecified_partner"}


def test_exports_that_only_pass_through_are_damped() -> None:
    world = World()
    for partner, usd in (("RUS", 60_000), ("KAZ", 40_000)):
        world.report("KGZ", "X", partner, FIBRE, usd, net_kg=usd / 2)
    world.report("KGZ", "M", "CHN", FIBRE, 125_000, net_kg=62_500)
    world.report("KGZ", "X", "RUS", GRAIN, 9_000)
    world.report("KGZ", "RX", "RUS", GRAIN, 4_000)
    world.farm("KGZ", "328", range(2018, 2021), qcl_5510=1)
    con = world.build("mart_trade_cell")
    through, grain = cell(con, "KGZ", "RUS", FIBRE), cell(con, "KGZ", "RUS", GRAIN)
    assert through["transit_suspect"] is True
    assert through["x_conservative_usd"] == pytest.approx(60_000 * 100 / 125)
    assert grain["x_reexport_usd"] == 4_000
    assert grain["x_conservative_usd"] == 5_000
    assert grain["transit_suspect"] is False


def test_farm_output_says_nothing_of_processed_goods_and_a_folded_chapter_is_many() -> None:
    world = World()
    for code in (GRAIN, PASTA, "852872"):
        world.report("KAZ", "X", "RUS", code, 100_000, net_kg=50_000)
        world.report("KAZ", "M", "CHN", code, 110_000, net_kg=55_000)
    world.farm("KAZ", "15", range(2018, 2021), qcl_5510=1_000_000)
    con = world.build("mart_trade_cell")
    suspected = {code: cell(con, "KAZ", "RUS", code)["transit_suspect"] for code in (GRAIN, PASTA, "85XXXX")}
    assert suspected == {GRAIN: False, PASTA: True, "85XXXX": False}


def test_a_reconciled_weight_rests_on_the_side_that_weighed() -> None:
    world = World()
    for code, estimated in ((GRAIN, ("X",)), (FLOUR, ("X", "M"))):
        world.report("KAZ", "X", "UZB", code, 100_000, net_kg=9e4, net_kg_estimated="X" in estimated)
        world.report("UZB", "M", "KAZ", code, 106_000, net_kg=5e4, net_kg_estimated="M" in estimated)
    con = world.build("mart_trade_cell")
    grain, flour = cell(con, "KAZ", "UZB", GRAIN), cell(con, "KAZ", "UZB", FLOUR)
    assert (grain["x_net_kg"], grain["m_net_kg"], grain["net_kg"]) == (None, 5e4, 5e4)
    assert (grain["x_net_kg_estimated_share"], grain["net_kg_estimated_share"]) == (1, 0)
    assert (flour["net_kg"], flour["net_kg_estimated_share"]) == (None, 1)


def test_without_customs_reports_every_mart_is_empty_but_there() -> None:
    world = World()
    world.exports("KAZ", FLOUR, range(2018, 2021), 1e6, UZB=0.5)
    marts = (
        "mart_customs_hs12",
        "mart_trade_cell",
        "mart_reporting_quality",
        "mart_mirror_gap",
        "mart_trade_monthly",
        "mart_intra_regional",
        "mart_baci_comparison",
        "mart_reporting",
    )
    con = world.build(*marts)
    for mart in marts:
        assert con.sql(f"SELECT count(*) FROM {mart}").fetchall() == [(0,)], mart


def test_the_order_of_reports_does_not_matter_and_equal_reports_make_equal_cells() -> None:
    world = World()
    rng = np.random.default_rng(7)
    for partner in ("UZB", "RUS", "CHN"):
        for code in (GRAIN, FLOUR, "270900"):
            world.report("KAZ", "X", partner, code, float(rng.lognormal(12)), range(2018, 2021))
            world.report(partner, "M", "KAZ", code, float(rng.lognormal(12)), range(2018, 2021))
    one_way = world.build("mart_trade_cell").sql("FROM mart_trade_cell ORDER BY ALL").to_arrow_table()
    world.customs.reverse()
    assert world.build("mart_trade_cell").sql("FROM mart_trade_cell ORDER BY ALL").to_arrow_table().equals(one_way)
