"""Both sides of exports by chain, and exports of a country's own making in the mart that indices read."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from world import Row, World, one

SHIRTS, LINT, FLOUR, OIL = "610910", "520100", "110100", "270900"
YEARS = range(2018, 2021)


def border_hub() -> World:
    """Kyrgyzstan sells shirts, of which it reports 30 % as re-exports, and flour; the partner sees more of both."""
    world = World()
    for code, usd in ((SHIRTS, 50e6), (FLOUR, 10e6), (OIL, 40e6)):
        world.exports("KGZ", code, YEARS, usd, RUS=1.0)
        world.exports("CHN", code, YEARS, 9 * usd)
    for code, usd in ((SHIRTS, 40e6), (FLOUR, 10e6), (OIL, 30e6)):
        world.report("KGZ", "X", "RUS", code, usd, YEARS)
        world.report("RUS", "M", "KGZ", code, 1.06 * 1.25 * usd, YEARS)
    world.report("KGZ", "RX", "RUS", SHIRTS, 12e6, YEARS)
    return world


@pytest.fixture(scope="module")
def hub() -> duckdb.DuckDBPyConnection:
    return border_hub().build("mart_chain_trade")


def both_sides(con: duckdb.DuckDBPyConnection, chain: str, stage: str = "total") -> Row:
    return one(
        con, f"FROM mart_chain_mirror WHERE iso3 = 'KGZ' AND chain = '{chain}' AND stage = '{stage}' AND year = 2020"
    )


def index(con: duckdb.DuckDBPyConnection, chain: str, stage: str, year: int = 2020) -> Row:
    return one(
        con,
        f"FROM mart_chain_trade WHERE iso3 = 'KGZ' AND chain = '{chain}' AND stage = '{stage}' AND year = {year}",
    )


def test_three_figures_stand_side_by_side(hub: duckdb.DuckDBPyConnection) -> None:
    shirts = both_sides(hub, "cotton")
    assert shirts["x_reported_usd"] == 40e6
    assert shirts["m_mirror_fob_usd"] == pytest.approx(50e6)
    assert 40e6 < shirts["v_reconciled_usd"] < 50e6
    assert shirts["mirror_agreement"] == pytest.approx(1 - 10 / 90)
    everything = both_sides(hub, "TOTAL")
    assert everything["x_reported_usd"] == 80e6
    assert shirts["rca_reported"] == pytest.approx((40 / 80) / (500 / 1000))
    assert shirts["rca_mirror"] == pytest.approx((50 / 100) / (500 / 1000))
    assert index(hub, "cotton", "final")["mirror_agreement"] == pytest.approx(1 - 10 / 90)
    assert index(hub, "cotton", "final")["mirror_agreement_w3"] == pytest.approx(1 - 10 / 90)


def test_reexports_leave_the_domestic_figures(hub: duckdb.DuckDBPyConnection) -> None:
    """28 of 40 million are Kyrgyz shirts; so are 35 of BACI's 50, of 85 % domestic exports in all."""
    shirts = index(hub, "cotton", "final")
    assert shirts["exports_usd"] == 50e6
    assert shirts["exports_dom_usd"] == pytest.approx(35e6)
    assert shirts["exports_dom_usd_w3"] == pytest.approx(3 * 35e6)
    everything = 100e6 * 68 / 80
    for column in ("rca_all_dom", "rca_all_dom_w3"):
        assert shirts[column] == pytest.approx((35e6 / everything) / (500 / 1000)), column
    assert shirts["rca_all"] == pytest.approx(1)
    assert shirts["nrca_ppm_dom"] == pytest.approx(1e6 * (35e6 / 1e9 - everything / 1e9 * 500e6 / 1e9))
    assert shirts["reexport_flag"] == "reported"
    flour = index(hub, "wheat_flour", "processed")
    assert flour["exports_dom_usd"] == pytest.approx(10e6)
    assert flour["rca_agri_dom"] == pytest.approx(flour["rca_agri"]), "shirts are no part of the farm base"
    assert flour["reexport_flag"] == ""


def test_shares_of_what_a_country_made_itself() -> None:
    world = border_hub()
    world.exports("KGZ", LINT, YEARS, 20e6, RUS=1.0)
    world.exports("CHN", LINT, YEARS, 180e6)
    world.report("KGZ", "X", "RUS", LINT, 20e6, YEARS)
    con = world.build("mart_chain_trade")
    shirts, chain = index(con, "cotton", "final"), index(con, "cotton", "total")
    for suffix in ("", "_w3"):
        assert shirts[f"share_world{suffix}"] == pytest.approx(0.1)
        assert shirts[f"share_world_dom{suffix}"] == pytest.approx(0.07)
        assert chain[f"dpr{suffix}"] == chain[f"ui{suffix}"] == pytest.approx(50 / 70)
        assert chain[f"dpr_dom{suffix}"] == chain[f"ui_dom{suffix}"] == pytest.approx(35 / 55)
        assert shirts[f"dpr_dom{suffix}"] is None, "a share of the whole chain"
    world.customs = [r for r in world.customs if not (r["reporter"] == "KGZ" and r["year"] == 2019)]
    gap = index(world.build("mart_chain_trade"), "cotton", "total")
    assert gap["dpr_dom"] == pytest.approx(35 / 55)
    for column in ("share_world_dom_w3", "dpr_dom_w3", "ui_dom_w3"):
        assert gap[column] is None, column


def test_the_range_of_advantage_rests_on_both_reports(hub: duckdb.DuckDBPyConnection) -> None:
    """Oil has no cell of its own, flows of other goods than farm goods are held by chapter: the default stands in."""
    found = index(hub, "cotton", "final")
    assert found["index_base"] == "all"
    cells = hub.sql("SELECT hs_code, sigma_lnv FROM mart_trade_cell WHERE exporter = 'KGZ' AND year = 2020").fetchall()
    sigma = dict(cells)
    assert 0 < sigma[SHIRTS] != 0.25
    rest = np.hypot(10 * sigma[FLOUR], 40 * 0.25) / 50
    off = (1 - 50 / 100) * np.hypot(sigma[SHIRTS], rest)
    rca = found["rca_all_w3"]
    for name, z in (("rsca_p05", -1.6448536), ("rsca_p50", 0), ("rsca_p95", 1.6448536)):
        assert found[name] == pytest.approx(np.tanh(np.log(rca * np.exp(z * off)) / 2), abs=1e-7)
    lint = index(hub, "cotton", "primary")
    assert lint["rsca_p05"] == lint["rsca_p95"], "nothing sold is sold by no less"


def test_zero_stays_zero_and_unknown_unknown(hub: duckdb.DuckDBPyConnection) -> None:
    lint = index(hub, "cotton", "primary")
    assert (lint["exports_usd"], lint["exports_dom_usd"]) == (0, 0)
    silent = border_hub()
    silent.customs = [r for r in silent.customs if r["reporter"] != "KGZ"]
    con = silent.build("mart_chain_trade")
    shirts = index(con, "cotton", "final")
    assert shirts["exports_usd"] == 50e6
    for column in ("exports_dom_usd", "exports_dom_usd_w3", "rca_all_dom", "rsca_all_dom_w3", "reexport_flag"):
        assert shirts[column] is None, column
    assert shirts["mirror_agreement"] is None
    other_side = both_sides(con, "cotton")
    assert other_side["x_reported_usd"] is None
    assert other_side["flag"] == "reported_unknown"
    assert other_side["m_mirror_fob_usd"] == pytest.approx(50e6)


def test_a_window_with_a_year_that_is_not_reported_has_no_domestic_exports() -> None:
    world = border_hub()
    world.customs = [r for r in world.customs if not (r["reporter"] == "KGZ" and r["year"] == 2019)]
    con = world.build("mart_chain_trade")
    shirts = index(con, "cotton", "final")
    assert shirts["exports_dom_usd"] == pytest.approx(35e6)
    assert shirts["exports_dom_usd_w3"] is None
    assert index(con, "cotton", "final", 2019)["exports_dom_usd"] is None


@pytest.mark.parametrize("name", ["reported", "mirror", "reconciled"])
def test_the_sides_do_not_depend_on_the_variant(name: str) -> None:
    world = border_hub()
    world.parameters = {"trade_variant": name}
    con = world.build("mart_chain_trade")
    assert both_sides(con, "cotton")["x_reported_usd"] == 40e6
    shirts = index(con, "cotton", "final")
    assert shirts["exports_dom_usd"] == pytest.approx(0.7 * shirts["exports_usd"])
    assert shirts["exports_usd"] == pytest.approx(
        both_sides(con, "cotton")[
            {"reported": "x_reported_usd", "mirror": "m_mirror_fob_usd", "reconciled": "v_reconciled_usd"}[name]
        ]
    )
