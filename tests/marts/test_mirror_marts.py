"""Marts over mirrored cells: gaps, reporters, the region, BACI beside ours, months, the variant of chain indices."""

from __future__ import annotations

import numpy as np
import pytest
from world import World, one

GRAIN, FLOUR, PASTA, OIL = "100199", "110100", "190219", "270900"


def gap(con, **where: object):
    listed = " AND ".join(f"{key} = '{value}'" for key, value in ({"year": 2020} | where).items())
    return one(con, f"FROM mart_mirror_gap WHERE {listed}")


@pytest.fixture(scope="module")
def region():
    """Wheat, flour and oil among the four and with China; Tajikistan never reports."""
    world = World()
    for year in (2019, 2020):
        for exporter, importer, code, x, m in (
            ("KAZ", "UZB", GRAIN, 80_000, 106_000),
            ("KAZ", "UZB", FLOUR, 100_000, 0),
            ("KAZ", "TJK", GRAIN, 60_000, None),
            ("KAZ", "CHN", OIL, 900_000, 1_060_000),
            ("UZB", "KAZ", PASTA, 50_000, 53_000),
            ("CHN", "KGZ", FLOUR, 300_000, 106_000),
        ):
            world.report(exporter, "X", importer, code, x, [year])
            if m:
                world.report(importer, "M", exporter, code, m, [year])
        world.report("KGZ", "X", "CHN", PASTA, 1_000, [year])
        for country, usd in (("KAZ", 50e6), ("UZB", 20e6), ("USA", 1e9)):
            world.exports(country, GRAIN, [year], usd, **({"UZB": 0.5} if country == "KAZ" else {}))
            world.exports(country, OIL, [year], usd)
    return world.build()


def test_gaps_by_chain_chapter_and_over_all_goods(region) -> None:
    grain = gap(region, reporter="KAZ", partner="UZB", flow="X", level="chapter", code="10")
    assert grain["lgap"] == pytest.approx(np.log(100 / 80))
    assert grain["agap"] == pytest.approx(20 / 180)
    chain = gap(region, reporter="KAZ", partner="UZB", flow="X", level="chain", code="wheat_flour")
    assert (chain["exporter_usd"], chain["importer_fob_usd"]) == (180_000, pytest.approx(100_000))
    assert chain["agap"] == pytest.approx((20 + 100) / (180 + 100))
    assert chain["mirror_agreement"] == pytest.approx(1 - 120 / 280)
    assert chain["orphan_share"] == pytest.approx(100 / (100 + 90))
    assert (chain["n_cells"], chain["n_matched"]) == (2, 1)
    same = gap(region, reporter="UZB", partner="KAZ", flow="M", level="chain", code="wheat_flour")
    assert same["lgap"] == chain["lgap"], "seen from the other side it is the same flow"


def test_a_partner_who_did_not_file_has_no_gap(region) -> None:
    found = gap(region, reporter="KAZ", partner="TJK", flow="X", level="total")
    assert found["lgap"] is None
    assert found["agap"] is None
    assert found["importer_fob_usd"] is None
    assert found["orphan_share"] == 1
    world = gap(region, reporter="KAZ", partner="WLD", flow="X", level="total")
    assert world["exporter_usd"] == 80_000 + 100_000 + 60_000 + 900_000
    assert world["n_cells"] == 4


def test_trade_within_the_region_in_three_variants(region) -> None:
    def pair(variant: str, exporter: str, importer: str, chain: str = "TOTAL"):
        return one(
            region,
            f"FROM mart_intra_regional WHERE variant = '{variant}' AND exporter = '{exporter}' AND year = 2020 "
            f"AND importer = '{importer}' AND chain = '{chain}'",
        )

    assert pair("reported", "KAZ", "UZB")["trade_usd"] == 180_000
    assert pair("mirror", "KAZ", "UZB")["trade_usd"] == pytest.approx(100_000)
    assert pair("reported", "KAZ", "TJK")["trade_usd"] == 60_000
    assert pair("mirror", "KAZ", "TJK")["trade_usd"] is None, "nobody in Tajikistan reported"
    assert pair("mirror", "KAZ", "TJK")["coverage"] == 0
    whole = pair("reconciled", "REG", "REG", "wheat_flour")
    inside = sum(
        pair("reconciled", *flow, "wheat_flour")["trade_usd"]
        for flow in (("KAZ", "UZB"), ("KAZ", "TJK"), ("UZB", "KAZ"))
    )
    assert whole["within_usd"] == pytest.approx(2 * inside)
    assert whole["world_usd"] == pytest.approx(2 * 1_070e6)
    assert whole["itii"] == pytest.approx(
        (whole["within_usd"] / whole["region_usd"]) / (whole["region_usd"] / whole["world_usd"])
    )
    assert -1 <= whole["sti"] <= 1


def test_baci_stands_beside_our_reconciliation(region) -> None:
    found = one(
        region,
        "FROM mart_baci_comparison WHERE exporter = 'KAZ' AND importer = 'UZB' AND level = 'chain' AND year = 2020",
    )
    assert found["baci_usd"] == 25e6
    assert found["ln_ratio"] == pytest.approx(np.log(found["v_reconciled_usd"] / 25e6))
    assert found["held"] == "both"
    assert (
        one(
            region,
            "FROM mart_baci_comparison WHERE exporter = 'CHN' AND importer = 'KGZ' AND level = 'total' AND year = 2020",
        )["held"]
        == "ours_only"
    )


def test_a_year_without_a_report_is_seen(region) -> None:
    rows = region.sql("FROM mart_reporting WHERE reporter = 'TJK'").to_arrow_table().to_pylist()
    assert {(r["year"], r["flow"], r["reporter_present"], r["flag"]) for r in rows} == {
        (year, flow, False, "not_filed") for year in (2019, 2020) for flow in "XM"
    }
    assert region.sql("SELECT bool_and(reporter_present) FROM mart_reporting WHERE reporter = 'KAZ'").fetchall() == [
        (True,)
    ]


def test_a_window_without_pairs_has_no_usual_discrepancy_and_the_cautious_sigma() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", FLOUR, 100_000, [2020])
    con = world.build("mart_reporting_quality")
    rows = con.sql("FROM mart_reporting_quality WHERE focus").to_arrow_table().to_pylist()
    assert {(row["level"], row["effect"], row["n_observations"]) for row in rows} == {(None, None, 0)}
    assert min(row["sigma"] for row in rows) > 0


def test_checks_before_use() -> None:
    world = World()
    for year, usd in ((2019, 100_000), (2020, 200_000)):
        world.report("KAZ", "X", "UZB", FLOUR, usd, [year])
        world.report("KAZ", "X", "X899", FLOUR, usd / 4, [year], net_kg=None)
        world.report("KAZ", "X", "WLD", FLOUR, usd * 1.25, [year])
        world.report("KAZ", "X", "WLD", "TOTAL", usd * (1.25 if year == 2019 else 1.5), [year])
    world.report("KAZ", "X", "UZB", "999999", 10_000, [2020])
    con = world.build("mart_reporting")
    before, after = (
        one(con, f"FROM mart_reporting WHERE reporter = 'KAZ' AND flow = 'X' AND year = {year}")
        for year in (2019, 2020)
    )
    assert before["codes_share"] == 1
    assert before["flag"] == "unspecified_partners"
    assert before["unspecified_share"] == pytest.approx(0.2)
    assert before["weighed_share"] == pytest.approx(0.8)
    assert before["change"] is None
    assert after["codes_share"] == pytest.approx(1.25 / 1.5)
    assert after["no_code_share"] == pytest.approx(10 / 260)
    assert after["change"] == pytest.approx(300 / 125 - 1)
    assert set(after["flag"].split(";")) == {"total_differs", "unspecified_partners", "jump"}
    assert after["converted_share"] >= 1


def test_a_jump_of_a_country_of_which_a_part_is_held_is_none() -> None:
    world = World()
    for year, usd in ((2019, 1_000), (2020, 900_000)):
        world.report("CHN", "X", "KAZ", FLOUR, usd, [year])
    con = world.build("mart_reporting")
    found = one(con, "FROM mart_reporting WHERE reporter = 'CHN' AND flow = 'X' AND year = 2020")
    assert found["change"] is None
    assert found["flag"] == ""


def test_within_the_region_too_little_may_be_known_though_the_whole_is() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", OIL, 900_000)
    world.report("CHN", "M", "KAZ", OIL, 954_000)
    world.report("KAZ", "X", "TJK", GRAIN, 60_000)
    con = world.build("mart_intra_regional")

    def whole(variant: str):
        return one(
            con, f"FROM mart_intra_regional WHERE exporter = 'REG' AND chain = 'TOTAL' AND variant = '{variant}'"
        )

    mirror, reconciled = whole("mirror"), whole("reconciled")
    assert mirror["coverage"] > 0.8
    assert mirror["coverage_within"] == pytest.approx(0.5), "Kazakhstan's export stands in for Tajik imports only"
    assert mirror["within_usd"] is None
    assert mirror["sti"] is None
    assert mirror["flag"] == "within_unknown"
    assert reconciled["within_usd"] == pytest.approx(120_000)
    assert reconciled["flag"] == ""


def test_months_with_the_world_and_the_largest_partners() -> None:
    world = World(parameters={"monthly_top_partners": 1})
    for month in (1, 2):
        world.report("KAZ", "X", "UZB", FLOUR, 100, month=month)
        world.report("KAZ", "X", "AFG", GRAIN, 30, month=month, net_kg=None)
        world.report("KAZ", "X", "AFG", OIL, 999, month=month)
    world.report("KAZ", "X", "WLD", FLOUR, 110, month=2)
    con = world.build("mart_trade_monthly")

    def row(partner: str, stage: str, month: int):
        return one(
            con, f"FROM mart_trade_monthly WHERE partner = '{partner}' AND stage = '{stage}' AND month = {month}"
        )

    assert row("WLD", "total", 1)["value_usd"] == 130, "the sum over partners where the world is not stated"
    assert row("WLD", "total", 2)["value_usd"] == 110
    total = row("WLD", "total", 1)
    assert total["net_kg"] is None
    assert total["coverage"] == pytest.approx(100 / 130)
    assert total["unit_value"] == pytest.approx(2)
    assert row("WLD", "primary", 1)["unit_value"] is None
    assert con.sql("SELECT DISTINCT partner FROM mart_trade_monthly ORDER BY 1").fetchall() == [("UZB",), ("WLD",)]


def variant(name: str) -> World:
    world = World(parameters={"trade_variant": name})
    for year in range(2018, 2021):
        world.exports("USA", FLOUR, [year], 90e6)
        world.exports("KAZ", FLOUR, [year], 10e6, UZB=1.0)
        world.exports("KGZ", FLOUR, [year], 5e6, UZB=1.0)
        world.report("KAZ", "X", "UZB", FLOUR, 8e6, [year])
        world.report("KAZ", "X", "UZB", OIL, 12e6, [year])
        world.report("UZB", "M", "KAZ", FLOUR, 10.6e6, [year])
        world.report("UZB", "M", "KAZ", OIL, 12.72e6, [year])
    return world


@pytest.mark.parametrize(("name", "flour", "everything"), [("reported", 8e6, 20e6), ("mirror", 10e6, 22e6)])
def test_chain_indices_read_the_variant_that_the_method_names(name: str, flour: float, everything: float) -> None:
    con = variant(name).build("mart_chain_trade")
    found = one(
        con,
        "FROM mart_chain_trade WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND stage = 'processed' AND year = 2020",
    )
    assert found["exports_usd"] == pytest.approx(flour)
    assert found["exports_all_goods_usd"] == pytest.approx(everything)
    assert found["world_exports_usd"] == 105e6, "the world stays BACI's"
    assert found["rca_all"] == pytest.approx((flour / everything) / (105 / 105))
    assert found["n_markets"] == 1
    importer = one(
        con,
        "FROM mart_chain_trade WHERE iso3 = 'UZB' AND chain = 'wheat_flour' AND stage = 'processed' AND year = 2020",
    )
    assert importer["imports_usd"] == pytest.approx({"reported": 10e6, "mirror": 8e6}[name])
    silent = one(
        con,
        "FROM mart_chain_trade WHERE iso3 = 'KGZ' AND chain = 'wheat_flour' AND stage = 'processed' AND year = 2020",
    )
    assert silent["reporter_present"] is False
    assert silent["exports_usd"] is None, "BACI's figure does not slip in where the variant knows nothing"


def test_the_reconciled_variant_lies_between_and_the_default_ignores_reports() -> None:
    query = (
        "SELECT exports_usd FROM mart_chain_trade "
        "WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND stage = 'total' AND year = 2020"
    )
    assert 8e6 < variant("reconciled").build("mart_chain_trade").sql(query).fetchall()[0][0] < 10e6
    with_reports, without = variant("baci"), variant("baci")
    without.customs = []
    # What the reports alone can tell stands beside the indices in any variant.
    everything = (
        "SELECT COLUMNS(lambda c: NOT regexp_matches(c, '_dom|reexport|mirror')) FROM mart_chain_trade ORDER BY ALL"
    )
    assert (
        with_reports.build("mart_chain_trade")
        .sql(everything)
        .to_arrow_table()
        .equals(without.build("mart_chain_trade").sql(everything).to_arrow_table())
    )
