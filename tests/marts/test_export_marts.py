"""Export potential as marts: the worked example, what is judged, factors of the extended form, candidates."""

from __future__ import annotations

import pytest
from world import World, one

from agrocluster.measures import export_potential

GRAIN, FLOUR, PASTA, OIL = "100199", "110100", "190219", "270900"
YEARS = range(2016, 2021)
# Block G of the worked examples: exporters KAZ and UZB, markets CHN and RUS, two products, millions.
FLOWS = {
    "KAZ": {GRAIN: {"CHN": 10, "RUS": 10}, FLOUR: {"RUS": 20}},
    "UZB": {GRAIN: {"CHN": 30, "RUS": 10}, FLOUR: {"CHN": 20, "RUS": 20}},
}
MARTS = ("mart_market_ease", "mart_export_potential", "mart_export_potential_chain")


def trade(flows: dict[str, dict[str, dict[str, float]]], years=YEARS, unit: float = 1e6) -> World:
    """A world that trades ``flows`` (exporter, product, market) every year, with totals of exporters and importers."""
    world = World()
    bought: dict[tuple[str, str], float] = {}
    for exporter, products in flows.items():
        for code, markets in products.items():
            total = sum(markets.values())
            world.exports(exporter, code, years, total * unit, **{m: v / total for m, v in markets.items()})
            for market, value in markets.items():
                bought[code, market] = bought.get((code, market), 0) + value
    # Everyone buys something else too, so that imports of these goods are known to be nothing where there are none.
    bought |= {("844391", exporter): 1 for exporter in flows}
    for (code, market), value in bought.items():
        world.exports("WLD", code, years, value * unit)
        for row in world.trade[-len(years) :]:
            row["importer"] = market
    return world


def growing(world: World, *economies: str, output: float = 0.0, people: float = 0.0, income: float = 0.0) -> World:
    """Yearly growth rates of the economies."""
    for iso3 in economies:
        for year in YEARS:
            t = year - YEARS[0]
            world.measure(iso3, "NY.GDP.MKTP.KD", year, 100 * (1 + output) ** t)
            world.measure(iso3, "SP.POP.TOTL", year, 100 * (1 + people) ** t)
            world.measure(iso3, "NY.GDP.PCAP.KD", year, 100 * (1 + income) ** t)
    return world


def pair(con, iso3: str, market: str):
    return one(
        con, f"FROM mart_market_ease WHERE baseline_id = 'B2018_2020' AND iso3 = '{iso3}' AND market = '{market}'"
    )


def cell(con, iso3: str, market: str, code: str):
    return one(
        con,
        f"FROM mart_export_potential WHERE baseline_id = 'B2018_2020' AND iso3 = '{iso3}' AND market = '{market}' "
        f"AND hs_code = '{code}'",
    )


@pytest.fixture(scope="module")
def example():
    return trade(FLOWS).build(*MARTS)


def test_the_worked_example(example) -> None:
    assert pair(example, "KAZ", "CHN")["ease"] == pytest.approx(0.5, abs=1e-9)
    assert pair(example, "KAZ", "RUS")["ease"] == pytest.approx(1.5, abs=1e-9)
    assert pair(example, "UZB", "CHN")["ease"] == pytest.approx(1.25, abs=1e-9)
    assert cell(example, "KAZ", "CHN", GRAIN)["epi_usd"] == pytest.approx(20e6 / 3, rel=1e-9)
    flour = cell(example, "KAZ", "CHN", FLOUR)
    assert flour["epi_usd"] == flour["untapped_usd"] == pytest.approx(10e6 / 3, rel=1e-9)
    assert (flour["actual_usd"], flour["realised_share"], flour["entry_or_deepen"]) == (0, 0, "entry")
    assert cell(example, "UZB", "CHN", GRAIN)["entry_or_deepen"] == "deepen"
    assert cell(example, "UZB", "CHN", FLOUR)["entry_or_deepen"] == "reached"


def test_potential_of_a_pair_adds_up_to_its_trade(example) -> None:
    found = pair(example, "KAZ", "CHN")
    assert found["epi_usd"] == pytest.approx(10e6, rel=1e-9)
    assert found["actual_usd"] == found["exports_usd"] == 10e6
    assert found["untapped_usd"] == pytest.approx(10e6 / 3)
    assert found["realised_share"] == pytest.approx(2 / 3)
    assert found["friction_share_entry"] == 1
    assert (found["n_products"], found["n_products_sold"]) == (2, 1)


def test_a_chain_adds_gaps_of_goods_and_markets(example) -> None:
    total = one(
        example,
        "FROM mart_export_potential_chain WHERE baseline_id = 'B2018_2020' AND iso3 = 'KAZ' AND chain = 'wheat_flour' "
        "AND market = 'WLD'",
    )
    assert total["untapped_usd"] == pytest.approx(10e6 / 3)
    assert total["realised_share"] == pytest.approx((40 - 10 / 3) / 40)
    assert total["friction_share_entry"] == 1
    assert total["ease"] == pytest.approx(1)
    assert total["evaluated_share"] == pytest.approx(1)
    assert (total["n_markets"], total["n_markets_sold"], total["top_markets"]) == (2, 2, "CHN")
    empty = one(
        example,
        "FROM mart_export_potential_chain WHERE baseline_id = 'B2018_2020' AND iso3 = 'TJK' AND chain = 'honey'",
    )
    assert (empty["market"], empty["epi_usd"], empty["flag"]) == ("WLD", None, "no_product")


def test_occasional_goods_and_fuels_are_not_judged_and_do_not_move_the_ease() -> None:
    world = trade(FLOWS)
    for code, usd, years in ((OIL, 500e6, YEARS), (PASTA, 40e6, [2018, 2019, 2020]), ("081310", 40_000, YEARS)):
        world.exports("KAZ", code, years, usd, CHN=1)
        world.exports("WLD", code, YEARS, usd)
        for row in world.trade[-len(YEARS) :]:
            row["importer"] = "CHN"
    con = world.build("mart_export_potential")
    found = pair(con, "KAZ", "CHN")
    assert found["ease"] == pytest.approx(0.5)
    assert found["actual_usd"] == pytest.approx(10e6)
    assert found["exports_usd"] == pytest.approx(10e6 + 40e6 * 3 / 5 + 40_000), "fuels are no part of the question"
    codes = con.sql("SELECT DISTINCT hs_code FROM mart_export_potential ORDER BY 1").fetchall()
    assert codes == [(GRAIN,), (FLOUR,)]


def test_goods_that_a_market_buys_now_and_then_are_not_judged() -> None:
    world = trade(FLOWS)
    for row in world.trade:
        if (row["exporter"], row["importer"], row["hs_code"]) == ("WLD", "CHN", FLOUR) and row["year"] < 2018:
            row["value_usd"] = 0.0
    con = world.build("mart_market_ease")
    assert pair(con, "UZB", "CHN")["n_products"] == 1
    assert pair(con, "UZB", "CHN")["actual_usd"] == pytest.approx(30e6)


def test_a_year_without_any_row_is_unknown_not_zero() -> None:
    """Kazakhstan's trade of 2016 is not held: its mean is over the four other years."""
    world = trade(FLOWS)
    world.trade = [r for r in world.trade if not (r["exporter"] == "KAZ" and r["year"] == 2016)]
    assert pair(world.build("mart_market_ease"), "KAZ", "RUS")["exports_usd"] == pytest.approx(30e6)


def test_a_market_without_a_link_is_shown_at_the_ease_of_the_neighbours() -> None:
    flows = FLOWS | {"TJK": {GRAIN: {"RUS": 8}}, "KGZ": {GRAIN: {"CHN": 4, "RUS": 4}}}
    con = trade(flows).build("mart_export_potential")
    found = pair(con, "TJK", "CHN")
    ease = sorted(pair(con, other, "CHN")["ease"] for other in ("KAZ", "KGZ", "UZB"))
    assert (found["ease"], found["epi_usd"], found["untapped_usd"]) == (0, 0, 0)
    assert found["ease_peer"] == pytest.approx(ease[1])
    assert "no_link" in found["flag"]
    grain = cell(con, "TJK", "CHN", GRAIN)
    assert grain["epi_peer_usd"] == pytest.approx(grain["supply_share"] * grain["demand_usd"] * ease[1])
    assert grain["epi_peer_usd"] == pytest.approx(found["epi_peer_usd"])
    assert (grain["epi_usd"], grain["entry_or_deepen"], grain["realised_share"]) == (0, None, None)
    assert pair(con, "KAZ", "CHN")["epi_peer_usd"] is None


def test_without_growth_there_is_no_extended_potential(example) -> None:
    found = pair(example, "KAZ", "RUS")
    assert found["epi_ext_usd"] is None
    assert "no_growth" in found["flag"]
    assert found["epi_usd"] > 0


@pytest.fixture(scope="module")
def grown():
    world = growing(trade(FLOWS), "KAZ", output=0.05)
    growing(world, "UZB", "CHN", "RUS", people=0.01, income=0.02)
    world.measure("RUS", "TM.TAX.MRCH.WM.AR.ZS", 2018, 10)
    world.measure("CHN", "TM.TAX.MRCH.WM.AR.ZS", 2014, 20)
    return world.build(*MARTS)


def test_free_trade_stands_against_the_mean_tariff(grown) -> None:
    russia, china = pair(grown, "KAZ", "RUS"), pair(grown, "KAZ", "CHN")
    assert (russia["tariff_basis"], russia["tariff_usual"]) == ("free_trade", pytest.approx(0.1))
    assert russia["tariff_factor"] == pytest.approx(1.1**3)
    assert "eaeu" in russia["regimes"].split(",")
    assert (china["tariff_basis"], china["tariff_factor"]) == ("no_tariff_data", 1), "a tariff of 2014 is too old"


def test_growth_carries_the_potential_forward(grown) -> None:
    """Five years of growth at the window's rates; the world grows as the sum of its economies does."""
    found = cell(grown, "KAZ", "CHN", GRAIN)
    last = 100 * 1.05**4
    world = (last * 1.05**5 + 300) / (last + 300)
    assert found["supply_factor"] == pytest.approx(1.05**5 / world)
    assert found["demand_factor"] == pytest.approx(1.01**5 * (1 + 0.8 * (1.02**5 - 1)))
    assert found["epi_ext_usd"] > 0


def test_nearness_moves_goods_within_a_pair_and_is_not_counted_twice() -> None:
    """Without growth the extended potential of a pair is its trade again, however near both are."""
    world = growing(trade(FLOWS), "KAZ", "UZB", "CHN", "RUS")
    world.measure("RUS", "TM.TAX.MRCH.WM.AR.ZS", 2018, 10)
    con = world.build("mart_export_potential")
    for iso3, market in (("KAZ", "CHN"), ("KAZ", "RUS"), ("UZB", "RUS")):
        found = pair(con, iso3, market)
        assert found["epi_ext_usd"] == pytest.approx(found["actual_usd"])
    assert cell(con, "KAZ", "RUS", GRAIN)["distance_factor"] > 1


def test_the_extended_potential_can_rest_on_the_static_ease() -> None:
    world = growing(trade(FLOWS), "KAZ", "UZB", "CHN", "RUS")
    world.parameters["epi_ext_ease"] = "static"
    con = world.build("mart_export_potential")
    found = cell(con, "KAZ", "RUS", GRAIN)
    factors = found["supply_factor"] * found["demand_factor"] * found["tariff_factor"] * found["distance_factor"]
    assert found["epi_ext_usd"] == pytest.approx(found["epi_usd"] * factors)


def test_usual_distance_is_that_of_the_world_s_suppliers(grown) -> None:
    km = dict(grown.sql("SELECT iso3, distance_km FROM dim_distance WHERE partner = 'RUS'").fetchall())
    usual = (20 * km["KAZ"] + 40 * km["UZB"]) / 60
    found = cell(grown, "KAZ", "RUS", GRAIN)
    assert found["distance_factor"] == pytest.approx(usual / km["KAZ"])
    assert pair(grown, "KAZ", "RUS")["distance_km"] == pytest.approx(km["KAZ"])


def test_re_exporters_are_damped() -> None:
    flows = FLOWS | {"USA": {GRAIN: {"KAZ": 80}}}
    world = growing(trade(flows), "KAZ", "UZB", "CHN", "RUS", "USA")
    con = world.build("mart_export_potential")
    assert cell(con, "KAZ", "CHN", GRAIN)["supply_factor"] == pytest.approx(20 / 80)
    assert cell(con, "KAZ", "CHN", FLOUR)["supply_factor"] == pytest.approx(1)


def test_regimes_are_dated() -> None:
    con = World().build("dim_preference_regime")
    in_force = """
        SELECT string_agg(regime, ' ' ORDER BY regime) AS regimes FROM dim_preference_regime
        WHERE exporter = '{}' AND importer = '{}' AND coalesce(first_year, 0) <= {year}
            AND coalesce(last_year, 9999) >= {year}
    """
    for year, expected in ((2020, "eu_gsp"), (2021, "eu_gsp_plus"), (2024, "eu_gsp_plus")):
        assert one(con, in_force.format("UZB", "DEU", year=year))["regimes"] == expected
    assert one(con, in_force.format("KAZ", "DEU", year=2013))["regimes"] == "eu_gsp"
    assert one(con, in_force.format("KAZ", "DEU", year=2014))["regimes"] is None
    assert one(con, in_force.format("KGZ", "KAZ", year=2014))["regimes"] == "cis_fta_1994 cis_fta_2011"
    assert one(con, in_force.format("KGZ", "KAZ", year=2015))["regimes"] == "cis_fta_1994 cis_fta_2011 eaeu"
    assert one(con, in_force.format("UZB", "TKM", year=2024))["regimes"] is None
    assert one(con, "SELECT count(*) AS n FROM dim_preference_regime WHERE exporter = importer")["n"] == 0


SUNFLOWER_OIL, SOYA_OIL, MARGARINE, APPLE_JUICE, PRUNES, JAM = (
    "151211",
    "150710",
    "151710",
    "200971",
    "081320",
    "200799",
)
CASHMERE, LIVE_SHEEP = "510211", "010410"
GATED = {
    SUNFLOWER_OIL: ("raw_material", True),
    SOYA_OIL: ("raw_material", False),
    MARGARINE: ("chain", True),
    APPLE_JUICE: ("raw_material", None),
    PRUNES: ("raw_material", True),
    JAM: ("chain", True),
    CASHMERE: ("raw_material", True),
    LIVE_SHEEP: ("raw_material", None),
}


@pytest.fixture(scope="module")
def candidates():
    """Uzbekistan exports grain and flour, pasta hardly; Kazakhstan and the USA export pasta and rice to China.

    Elsewhere those who mill flour make pasta too, some of them grow rice, and apples go with neither.
    """
    flows = FLOWS | {
        "USA": {PASTA: {"CHN": 90}, "100630": {"CHN": 60}, "080810": {"CHN": 5}},
        "KAZ": FLOWS["KAZ"] | {PASTA: {"RUS": 30}},
        "ITA": {GRAIN: {"DEU": 900}, FLOUR: {"DEU": 900}, PASTA: {"DEU": 900}},
        "TUR": {GRAIN: {"DEU": 900}, FLOUR: {"DEU": 900}, PASTA: {"DEU": 900}, "100630": {"DEU": 500}},
        "IND": {FLOUR: {"DEU": 200}, "100630": {"DEU": 900}, OIL: {"DEU": 400}},
        "FRA": {GRAIN: {"DEU": 900}, "080810": {"DEU": 300}},
        "POL": {"080810": {"DEU": 900}, OIL: {"DEU": 900}, PASTA: {"DEU": 50}},
    }
    world = growing(trade(flows), "KAZ", "UZB", "CHN", "RUS", "USA", "DEU")
    world.parameters |= {"complexity_min_exports_usd": 1e6, "complexity_min_population": 1}
    for exporter in ("ITA", "TUR", "IND", "FRA", "POL"):
        for year in YEARS:
            world.measure(exporter, "SP.POP.TOTL", year, 50e6)
    world.exports("UZB", PASTA, [2020], 9_000, RUS=1)
    world.farm("UZB", "15", YEARS, qcl_5510=1e6)
    world.farm("UZB", "27", YEARS, qcl_5510=0)
    return world.build("mart_diversification")


def candidate(con, code: str):
    return one(
        con, f"FROM mart_diversification WHERE baseline_id = 'B2018_2020' AND iso3 = 'UZB' AND hs_code = '{code}'"
    )


def test_candidates_are_what_is_not_exported_yet(candidates) -> None:
    of_uzbekistan = "mart_diversification WHERE baseline_id = 'B2018_2020' AND iso3 = 'UZB'"
    codes = {code for (code,) in candidates.sql(f"SELECT hs_code FROM {of_uzbekistan}").fetchall()}
    assert codes > {"080810", "100630", PASTA}
    assert not codes & {GRAIN, FLOUR}
    demanded = f"SELECT hs_code FROM {of_uzbekistan} AND pdi IS NOT NULL ORDER BY 1"
    assert candidates.sql(demanded).fetchall() == [("080810",), ("100630",), (PASTA,)]
    pasta = candidate(candidates, PASTA)
    assert (pasta["status"], pasta["exports_usd"]) == ("occasional", pytest.approx(9_000 / 5))
    assert (pasta["feasible"], pasta["gate"], pasta["reason"], pasta["pdi_rank"]) == (True, "chain", "ranked", 1)
    assert pasta["top_markets"].split()[0] == pasta["market"] == "CHN"


def test_a_country_without_any_return_has_no_candidates() -> None:
    con = trade(FLOWS).build(*MARTS, "mart_diversification")
    reporters = {iso3 for (iso3,) in con.execute("SELECT DISTINCT iso3 FROM mart_diversification").fetchall()}
    assert reporters <= {"KAZ", "UZB"}
    assert reporters


def test_what_does_not_grow_at_home_is_no_candidate(candidates) -> None:
    rice, apples = candidate(candidates, "100630"), candidate(candidates, "080810")
    assert (rice["feasible"], rice["reason"], rice["pdi_rank"]) == (False, "not_produced", None)
    assert (apples["feasible"], apples["gate"], apples["reason"]) == (None, "product", "no_source")


def test_processed_goods_need_the_raw_material_they_are_made_of() -> None:
    """Uzbekistan grows sunflower but no soya, plums but who knows which apples; goats are kept, sheep are not known."""
    world = trade(FLOWS | {"USA": {code: {"CHN": 50} for code in GATED}})
    for item, tonnes in (("267", 1e5), ("236", 0.0), ("536", 1e5), ("1017", 1e4)):
        world.farm("UZB", item, YEARS, qcl_5510=tonnes)
    world.farm("UZB", "515", [min(YEARS) - 5], qcl_5510=1e6)
    con = world.build("mart_diversification")
    found = {code: candidate(con, code) for code in GATED}
    assert {code: (row["gate"], row["feasible"]) for code, row in found.items()} == GATED
    for code, row in found.items():
        expected = {False: "not_produced", None: "no_source"}.get(GATED[code][1])
        assert expected is None or (row["reason"], row["pdi_rank"]) == (expected, None), code
        assert expected is not None or row["reason"] not in {"not_produced", "no_source"}, code


def test_closeness_ease_and_demand_make_the_index(candidates) -> None:
    """Three candidates, of which China buys all and Russia only pasta; China is the closer tie of Uzbekistan."""
    found = {c: candidate(candidates, c) for c in (PASTA, "100630", "080810")}
    closeness = export_potential.percentile_rank([f["density"] for f in found.values()])
    assert found[PASTA]["density"] > found["100630"]["density"]
    pasta_in_china = found[PASTA]["pdi"] ** 3 / closeness[0]
    assert 0 < pasta_in_china <= 1
    assert found[PASTA]["pdi"] > found["080810"]["pdi"]


def test_the_focus_countries_own_trade_follows_the_variant() -> None:
    """Customs report half of what BACI holds; world supply and demand stay BACI's."""
    world = trade(FLOWS)
    world.parameters["trade_variant"] = "reported"
    for code, markets in FLOWS["KAZ"].items():
        for market, value in markets.items():
            world.report("KAZ", "X", market, code, value * 0.5e6, years=YEARS)
    con = world.build("mart_export_potential")
    found = pair(con, "KAZ", "CHN")
    assert found["actual_usd"] == pytest.approx(5e6)
    assert found["epi_usd"] == pytest.approx(5e6)
    grain = cell(con, "KAZ", "CHN", GRAIN)
    assert grain["supply_share"] == pytest.approx(10 / 60)
    assert grain["demand_usd"] == pytest.approx(40e6)
    assert pair(con, "UZB", "CHN")["n_products"] == 0, "Uzbekistan reports nothing in this variant"


def test_what_is_realised_enters_the_bottleneck_and_the_livestock_chains() -> None:
    cheese = {"040690": {"RUS": 8, "CHN": 1}, GRAIN: {"RUS": 1, "CHN": 5}}
    con = trade(FLOWS | {"KAZ": cheese}).build(*MARTS, "mart_chain_bottleneck", "mart_livestock_chain")
    where = "iso3 = 'KAZ' AND chain = 'dairy'"
    potential = one(
        con, f"FROM mart_export_potential_chain WHERE {where} AND market = 'WLD' AND baseline_id = 'B2018_2020'"
    )
    assert 0 < potential["realised_share"] < 1
    total = one(con, f"FROM mart_chain_trade WHERE {where} AND stage = 'total' AND year = 2020")
    found = one(con, f"FROM mart_chain_bottleneck WHERE {where} AND baseline_id = 'B2018_2020'")
    assert "market:realised+hhi_dest" in found["known_parts"].split(";")
    parts = 100 * potential["realised_share"], 100 * (1 - total["hhi_dest_norm_w3"])
    assert found["b_market"] == pytest.approx(sum(parts) / 2)
    told = one(con, f"FROM mart_livestock_chain WHERE {where} AND measure = 'untapped_epi' AND year = 2020")
    assert told["value"] == pytest.approx(potential["untapped_usd"])
