"""Trade by chain where something is absent, thin, new or gone (method 0.4 and the edges of section 1)."""

from __future__ import annotations

import pytest
from world import Row, World, one

OIL, GRAIN, FLOUR, PASTA, BREAD = "270900", "100199", "110100", "190219", "190590"
YEARS = range(2015, 2021)


def trading() -> World:
    """Kazakhstan and the USA sell grain, flour and oil to Uzbekistan and China, who sell oil back."""
    world = World()
    for exporter, usd in (("KAZ", 20e6), ("USA", 60e6)):
        for code in (GRAIN, FLOUR, OIL):
            world.exports(exporter, code, YEARS, usd, UZB=0.5, CHN=0.5)
    for exporter in ("UZB", "CHN"):
        world.exports(exporter, OIL, YEARS, 30e6, KAZ=1.0)
    return world


def row(world: World, iso3: str, stage: str, year: int = 2020) -> Row:
    con = world.build("mart_chain_trade")
    return one(
        con,
        "FROM mart_chain_trade WHERE chain = 'wheat_flour' "
        f"AND iso3 = '{iso3}' AND stage = '{stage}' AND year = {year}",
    )


BASKET = ("hhi_prod", "theil", "theil_between", "theil_within", "ruv", "gl", "gl_adjusted")


def test_a_non_reporter_has_no_measures() -> None:
    found = row(trading(), "TJK", "total")
    for column in (
        *BASKET,
        *(f"{c}_w3" for c in BASKET),
        "lafay",
        "rta",
        "share_rus",
        "tci_top_w3",
        "dynamic_class",
        "cms_growth",
    ):
        assert found[column] is None, column


def test_nothing_traded_is_a_zero_of_lafay_and_no_share() -> None:
    found = row(trading(), "KAZ", "final")
    assert found["exports_usd"] == found["imports_usd"] == found["lafay"] == found["lafay_w3"] == 0
    for column in (*BASKET, "share_rus", "share_largest", "largest_market", "tci_top_w3", "cms_growth"):
        assert found[column] is None, column
    assert found["n_markets"] == 0


def test_trade_in_one_direction_has_no_adjusted_two_way_trade() -> None:
    found = row(trading(), "KAZ", "total")
    assert (found["gl"], found["gl_adjusted"]) == (0, None)
    assert found["lafay"] > 0


def test_thin_markets_have_no_advantage_of_trade_and_no_class() -> None:
    world = trading()
    world.exports("KAZ", PASTA, YEARS, 1000.0, UZB=1.0)
    found = row(world, "KAZ", "final")
    assert found["thin_market"] is True
    assert (found["rta"], found["rta_w3"], found["dynamic_class"]) == (None, None, None)
    assert found["lafay"] != 0
    assert found["hhi_prod"] == 1


def test_entry_and_exit_are_classes_without_a_logarithm() -> None:
    world = trading()
    world.exports("USA", PASTA, YEARS, 50e6, CHN=1.0)
    world.exports("KAZ", PASTA, range(2018, 2021), 10e6, UZB=1.0)
    entered = row(world, "KAZ", "final")
    assert entered["dynamic_class"] == "entry"
    assert entered["d_ln_rca"] is None
    assert entered["cms_growth"] is None, "growth from nothing has no rate"
    gone = trading()
    gone.exports("USA", PASTA, YEARS, 50e6, CHN=1.0)
    gone.exports("KAZ", PASTA, range(2015, 2018), 10e6, UZB=1.0)
    left = row(gone, "KAZ", "final")
    assert left["dynamic_class"] == "exit"
    assert left["cms_growth"] == pytest.approx(-100 / 3)


def test_a_new_market_leaves_the_growth_of_the_others_as_it_was() -> None:
    """Kazakh pasta in China grows from 10 to 12 of 110 and 122 million; Mongolia opens with 100, 5 of it Kazakh."""
    world = trading()
    for exporter, years, usd, markets in (
        ("USA", range(2015, 2018), 100e6, {"CHN": 1.0}),
        ("USA", range(2018, 2021), 205e6, {"CHN": 110 / 205, "MNG": 95 / 205}),
        ("KAZ", range(2015, 2018), 10e6, {"CHN": 1.0}),
        ("KAZ", range(2018, 2021), 17e6, {"CHN": 12 / 17, "MNG": 5 / 17}),
    ):
        world.exports(exporter, PASTA, years, usd, **markets)
    found = row(world, "KAZ", "final")
    points = 100 / 10 / 3
    assert found["cms_midpoint_share"] == pytest.approx(5 / 27)
    assert found["cms_growth"] == pytest.approx(7 * points)
    # In China over the base period; in Mongolia half the weight (5 + 0) / 2 at the growth 2 is all of the 5.
    assert found["cms_residual"] == pytest.approx((12 - 10 - 10 * 12 / 110) * points)
    assert found["cms_world"] == pytest.approx((10 * 112 / 110 + 2.5 * 2 * 112 / 332) * points)
    assert found["cms_composition"] == pytest.approx(0), "there is one good"
    parts = sum(found[f"cms_{part}"] for part in ("world", "composition", "market", "residual"))
    assert found["cms_growth"] == pytest.approx(parts, rel=1e-12)


def test_growth_is_not_told_of_a_window_with_a_missing_year() -> None:
    assert row(trading(), "KAZ", "total")["cms_growth"] == pytest.approx(0)
    world = trading()
    world.trade = [r for r in world.trade if not (r["exporter"] == "KAZ" and r["year"] == 2016)]
    found = row(world, "KAZ", "total")
    assert found["reporter_present"] is True
    assert found["cms_growth"] is None


def test_imports_that_are_not_known_leave_exports_alone() -> None:
    world = trading()
    world.trade = [r for r in world.trade if r["importer"] != "KAZ"]
    found = row(world, "KAZ", "total")
    assert found["exports_usd"] == 40e6
    assert found["hhi_prod"] == pytest.approx(0.5)
    for column in ("imports_usd", "lafay", "lafay_w3", "rta", "gl", "gl_w3", "sti"):
        assert found[column] is None, column


def test_a_price_speaks_for_a_basket_only_if_it_covers_most_of_it() -> None:
    world = World()
    for exporter in ("KAZ", "USA", "CHN"):
        world.exports(exporter, PASTA, YEARS, 4e6, kg=1e6)
        world.exports(exporter, BREAD, YEARS, 6e6, kg=None)
    found = row(world, "KAZ", "final")
    assert found["ruv_coverage_w3"] == pytest.approx(0.4)
    assert (found["ruv_w3"], found["ruv_class_w3"]) == (None, None)
    for line in world.trade:
        line["net_kg"], line["flag"] = 1e6, ""
    found = row(world, "KAZ", "final")
    assert found["ruv_w3"] == pytest.approx(1)
    assert found["ruv_class_w3"] == "mid"


def test_the_complementary_partner_is_one_of_the_largest_markets() -> None:
    world = trading()
    world.parameters = {"tci_top_partners": 1}
    world.exports("KAZ", OIL, YEARS, 900e6, RUS=1.0)
    world.exports("USA", GRAIN, YEARS, 10e6, RUS=1.0)
    found = row(world, "KAZ", "total")
    assert found["tci_partner_w3"] == "RUS"
    assert found["tci_top_w3"] == pytest.approx(50), (
        "Russia buys grain only, half of what Kazakhstan sells of the chain"
    )


def test_estimated_weights_make_no_price_and_are_told() -> None:
    """Unit values of the focus countries' own reports rest on weighed goods only."""
    for estimated, uv, share in ((PASTA, 6.0, 0.25), (BREAD, None, 0.75)):
        world = trading()
        world.parameters = {"trade_variant": "reported"}
        for code, usd in ((PASTA, 1e6), (BREAD, 3e6)):
            world.exports("USA", code, YEARS, 50e6, kg=10e6, CHN=1.0)
            world.report("KAZ", "X", "UZB", code, usd, YEARS, net_kg=5e5, net_kg_estimated=code == estimated)
        found = row(world, "KAZ", "final")
        for suffix in ("", "_w3"):
            assert found[f"uv{suffix}"] == uv
            assert found[f"estimated_weight_share{suffix}"] == share
            assert (found[f"ruv{suffix}"] is None) == (uv is None)
        assert ("estimated_weights" in found["flag"]) == (uv is None)
    assert row(trading(), "KAZ", "total")["estimated_weight_share"] is None, "BACI does not tell"


def test_markets_and_thresholds_that_a_measure_names_are_parameters() -> None:
    world = trading()
    world.exports("KAZ", PASTA, YEARS, 10e6, UZB=0.75, RUS=0.25)
    world.exports("USA", PASTA, YEARS, 10e6, CHN=1.0)
    found = row(world, "KAZ", "final")
    assert found["share_rus_w3"] == 0.25
    assert row(world, "KAZ", "total")["stage_coverage_w3"] == pytest.approx(1 / 3), "pasta alone has 1.8"
    world.parameters = {"reference_market": "UZB", "rca_threshold": 0.5}
    assert row(world, "KAZ", "final")["share_rus_w3"] == 0.75
    assert row(world, "KAZ", "total")["stage_coverage_w3"] == pytest.approx(1), "grain and flour have 0.9"
