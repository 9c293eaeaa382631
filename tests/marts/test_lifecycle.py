"""Life-cycle views: one documented question each, from rows of the marts before them."""

from __future__ import annotations

import pytest
from tables import Rows, broken_rules, mart_over
from world import one

from agrocluster.model.loader import catalog

FOCUS = catalog().focus()
PANEL = sorted(c.iso3 for c in catalog().countries.values() if c.panel and not c.focus)
BASELINE = {"baseline_id": "B2018_2020", "first_year": 2018, "last_year": 2020, "is_reference": True}
CELL = {"baseline_id": "B2018_2020", "iso3": "KGZ", "chain": "dairy"}


def enabling(iso3: str, indicator: str, dataset: str, value: float | None, **more: object) -> Rows:
    row = {"iso3": iso3, "indicator": indicator, "dataset": dataset, "year": 2020, "value": value}
    return [row | {"value_year": 2019, "age": 1, "decay": 0.9, "score": value} | more]


# Who is there?


def mobilisation(rows: Rows):
    listed = [
        {"indicator": i.code, "dataset": i.dataset.split("__")[1], "archived": i.archived, "unit": i.unit}
        | {"name_en": i.text.en, "name_ru": i.text.ru, "direction": i.direction, "source": "worldbank"}
        for specs in catalog().indicators.values()
        for i in specs
    ]
    return mart_over("mart_lifecycle_mobilisation", dim_baseline=[BASELINE], dim_indicator=listed, mart_enabling=rows)


def test_a_value_stands_beside_the_median_of_the_panel() -> None:
    rows = enabling("KGZ", "IC.BUS.NDNS.ZS", "wdi", 1.5)
    for iso3, value in zip(PANEL, (1.0, 2.0, 3.0, 4.0, 10.0), strict=False):
        rows += enabling(iso3, "IC.BUS.NDNS.ZS", "wdi", value)
    con = mobilisation(rows)
    found = one(con, "FROM mart_lifecycle_mobilisation WHERE iso3 = 'KGZ' AND indicator = 'IC.BUS.NDNS.ZS'")
    panel = sorted([1.0, 2.0, 3.0, 4.0, 10.0] + ([1.5] if catalog().countries["KGZ"].panel else []))
    middle = panel[2] if len(panel) == 5 else (panel[2] + panel[3]) / 2
    assert (found["value"], found["value_year"], found["age"], found["decay"]) == (1.5, 2019, 1, 0.9)
    assert (found["peer_median"], found["n_peers"]) == (middle, len(panel))
    assert (found["scope"], found["reason"]) == ("registered_companies", "")
    assert broken_rules(con, "mart_lifecycle_mobilisation") == []


def test_few_peers_give_no_median_and_what_is_missing_says_why() -> None:
    con = mobilisation(enabling(PANEL[0], "IC.BUS.NDNS.ZS", "wdi", 1.0))
    rows = con.sql("SELECT DISTINCT indicator, peer_median, reason FROM mart_lifecycle_mobilisation").fetchall()
    assert {(median, reason) for _, median, reason in rows} == {(None, "no_source"), (None, "archived")}
    assert {i for i, _, reason in rows if reason == "archived"} == {"IC.SME.TOTL.P3"}


def test_what_enterprise_surveys_ask_says_that_farms_are_out_of_scope() -> None:
    con = mobilisation([])
    asked = "SELECT DISTINCT indicator, note_en FROM mart_lifecycle_mobilisation WHERE scope = 'formal_firms_5_plus'"
    notes = dict(con.sql(asked).fetchall())
    listed = con.sql("SELECT indicator FROM cat_mobilisation WHERE indicator LIKE 'IC.FRM%'").fetchall()
    assert {indicator for (indicator,) in listed} == set(notes)
    assert all("farms and micro firms are out of scope" in note for note in notes.values())


# What limits it?


def points(indicator: str, weight: float, score: float | None) -> Rows:
    named = {"indicator": indicator, "name_en": indicator, "name_ru": indicator, "focus": True}
    return [CELL | named | {"effective_weight": weight, "score": score}]


def limited(indicators: Rows, parts: str = "primary:plq+yield_gap;final:ui", **inputs: Rows):
    stages = CELL | {"b_input": None, "b_primary": 30.0, "b_processed": 80.0, "b_final": 50.0, "b_market": 60.0}
    given = {
        "mart_chain_bottleneck": [
            stages | {"bottleneck": "primary", "margin": 20.0, "n_stages": 4, "known_parts": parts}
        ]
    }
    return mart_over(
        "mart_lifecycle_support", dim_baseline=[BASELINE], mart_baseline_indicators=indicators, **(given | inputs)
    )


def rows_of(con, cause: str) -> Rows:
    query = (
        f"FROM mart_lifecycle_support WHERE iso3 = 'KGZ' AND chain = 'dairy' AND cause = '{cause}' ORDER BY place, item"
    )
    return con.sql(query).to_arrow_table().to_pylist()


def test_stages_are_read_from_the_tightest_and_the_bottleneck_names_the_support() -> None:
    farm = {"iso3": "KGZ", "chain": "dairy", "year": 2020, "plq_w3": 0.8, "yield_gap_w3": 0.4, "yield_kind": "milk"}
    con = limited([], mart_chain_production=[farm])
    stages = rows_of(con, "stage")
    assert [r["item"] for r in stages] == ["primary", "final", "market", "processed", "input"]
    assert [r["item"] for r in stages if r["needed"]] == ["primary"]
    tightest = stages[0]
    assert (tightest["support"], tightest["part_1"], tightest["part_2"]) == ("extension_breeding", "plq", "yield_gap")
    assert (tightest["part_1_value"], tightest["part_2_value"]) == (0.8, 0.4)
    assert (stages[-1]["score"], stages[-1]["reason"]) == (None, "no_score")
    assert broken_rules(con, "mart_lifecycle_support") == []


def test_a_figure_that_the_score_does_not_rest_on_is_not_shown_beside_it() -> None:
    farm = {"iso3": "KGZ", "chain": "dairy", "year": 2020, "plq_w3": 0.8, "yield_gap_w3": 0.4, "yield_kind": "crop"}
    con = limited([], parts="primary:plq", mart_chain_production=[farm])
    (primary,) = (r for r in rows_of(con, "stage") if r["item"] == "primary")
    assert (primary["part_1_value"], primary["part_2_value"]) == (0.8, None)


def test_the_costliest_indicators_are_those_that_lose_most_by_their_weight() -> None:
    con = limited(
        points("dpr", 0.1, 1.0)  # 9.9 points
        + points("plq", 0.5, 90.0)  # 5
        + points("ui", 0.3, 50.0)  # 15
        + points("rsca_agri", 0.02, 1.0)  # 2
        + points("stage_coverage", 0.5, 100.0)  # nothing to gain
        + points("share_world", 1.0, 1.0)  # the size of the country
        + points("vam", 0.0, None)  # unknown
        + points("demand_growth", 1.0, 1.0)  # no support changes world demand
    )
    costliest = rows_of(con, "indicator")
    assert [(r["item"], r["support"]) for r in costliest] == [
        ("ui", "processing_investment"),
        ("dpr", "processing_investment"),
        ("plq", "extension_breeding"),
    ]
    assert [r["loss"] for r in costliest] == pytest.approx([15, 9.9, 5])
    assert all(r["needed"] for r in costliest)


def test_the_environment_is_a_need_below_the_median_of_the_panel() -> None:
    rows: Rows = []
    for iso3 in (*PANEL[:5], "KGZ"):
        score = 40.0 if iso3 == "KGZ" else 60.0
        rows += enabling(iso3, "FX.OWN.TOTL.ZS", "wdi", score, block="finance")
        rows += enabling(iso3, "FS.AST.PRVT.GD.ZS", "wdi", score - 20, block="finance")
        rows += enabling(iso3, "LP.LPI.OVRL.XQ", "wdi", 110 - score, block="logistics_trade")
    country = {r["item"]: r for r in rows_of(limited([], mart_enabling=rows), "country")}
    assert (country["finance"]["score"], country["finance"]["peer_median"]) == (30, 50)
    assert country["finance"]["needed"]
    assert not country["logistics_trade"]["needed"], "better than the median"
    assert (country["IC.FRM.INNOV.T1"]["needed"], country["IC.FRM.INNOV.T1"]["reason"]) == (False, "no_score")


def test_every_indicator_of_position_and_every_stage_has_its_support() -> None:
    con = limited([])
    mapped = "SELECT item FROM cat_support_need WHERE cause = 'indicator'"
    wanted = (
        "SELECT i.indicator FROM cat_index_indicator i JOIN cat_pillar p USING (pillar) WHERE p.sub_index = 'position'"
    )
    assert con.sql(f"({wanted}) EXCEPT ({mapped})").fetchall() == [("share_world",)], "the size of the country"
    assert con.sql(f"({mapped}) EXCEPT (SELECT indicator FROM cat_index_indicator)").fetchall() == []
    kinds = "SELECT support FROM cat_support_need EXCEPT SELECT support FROM cat_support_kind"
    assert con.sql(kinds).fetchall() == []


# What funding and policy surround it?


def sold(market: str, actual: float, untapped: float) -> Rows:
    return [CELL | {"market": market, "actual_usd": actual, "untapped_usd": untapped}]


def ease(market: str, **more: object) -> Rows:
    return [{"baseline_id": "B2018_2020", "iso3": "KGZ", "market": market, "tariff_factor": 1.0} | more]


def surrounded(*potential: Rows, **inputs: Rows):
    return mart_over(
        "mart_lifecycle_policy",
        dim_baseline=[BASELINE],
        mart_export_potential_chain=[row for rows in potential for row in rows],
        **inputs,
    )


def policy(con, topic: str, item: str) -> dict[str, object]:
    where = f"iso3 = 'KGZ' AND chain = 'dairy' AND topic = '{topic}' AND item = '{item}'"
    return one(con, f"FROM mart_lifecycle_policy WHERE {where}")


def test_preferences_cover_what_the_chain_sells_where_they_are_in_force() -> None:
    con = surrounded(
        sold("KAZ", 60.0, 0.0) + sold("DEU", 10.0, 300.0) + sold("CHN", 30.0, 100.0),
        sold("WLD", 100.0, 400.0),
    )
    any_kind, free = policy(con, "preference", "any"), policy(con, "preference", "free_trade")
    assert (any_kind["share_exports"], any_kind["share_untapped"]) == pytest.approx((0.7, 0.75))
    assert (free["share_exports"], free["share_untapped"]) == pytest.approx((0.6, 0.0))
    assert policy(con, "regime", "eaeu")["value"] == pytest.approx(60)
    gsp = policy(con, "regime", "eu_gsp_plus")
    assert (gsp["share_untapped"], gsp["note_en"]) == (pytest.approx(0.75), "partial, zero")
    assert gsp["note_ru"] == "часть товаров, без пошлины"
    assert broken_rules(con, "mart_lifecycle_policy") == []


def test_a_regime_that_ended_before_the_window_covers_nothing() -> None:
    held = {"regime": "old", "exporter": "KGZ", "importer": "KAZ", "treatment": "zero", "free_trade": True}
    old = held | {"last_year": 2019, "coverage": "full", "verified": True, "name_en": "Old", "name_ru": "Old"}
    con = surrounded(sold("KAZ", 60.0, 1.0), dim_preference_regime=[old])
    assert policy(con, "preference", "any")["value"] == 0
    assert con.sql("FROM mart_lifecycle_policy WHERE topic = 'regime'").fetchall() == []


def test_markets_are_the_largest_and_the_most_promising() -> None:
    many = [sold(m, 100.0 - n, 0.0) for n, m in enumerate(("KAZ", "CHN", "UZB", "TJK", "DEU", "FRA", "ITA"))]
    con = surrounded(*many, sold("JPN", 0.0, 900.0), mart_market_ease=ease("JPN", tariff_usual=0.04))
    shown = con.sql("SELECT item, place FROM mart_lifecycle_policy WHERE topic = 'market' ORDER BY place").fetchall()
    assert shown == [("KAZ", 1), ("CHN", 2), ("UZB", 3), ("TJK", 4), ("DEU", 5), ("JPN", 8)]
    japan = policy(con, "market", "JPN")
    assert (japan["value"], japan["unit"], japan["reason"]) == (pytest.approx(4), "%", "")
    assert policy(con, "market", "KAZ")["reason"] == "no_tariff_data"


def test_prices_come_from_the_newest_year_that_knows_them_and_nothing_is_made_up() -> None:
    price = {"iso3": "KGZ", "chain": "dairy", "nrp_lite_confidence": 0.4, "nrp_basis": "export"}
    years = [price | {"year": y, "nrp_lite": v} for y, v in ((2017, 9.0), (2018, -0.1), (2019, -0.2), (2020, None))]
    con = surrounded(mart_chain_production=years)
    found = policy(con, "price", "nrp_lite")
    assert (found["value"], found["year"], found["confidence"]) == (-0.2, 2019, 0.4)
    assert (found["note_en"], found["note_ru"]) == ("Border taken: export", "Граница: экспорт")
    orientation = policy(con, "public_support", "agriculture_orientation_index")
    assert (orientation["value"], orientation["reason"], orientation["national"]) == (None, "no_source", True)
    assert policy(con, "preference", "any")["reason"] == "no_exports"
    assert broken_rules(con, "mart_lifecycle_policy") == []


def test_caveats_of_the_chain_are_carried_as_texts() -> None:
    con = surrounded()
    query = "SELECT iso3, chain, note_en <> '' AS told FROM mart_lifecycle_policy WHERE item = 'policy_klaster_flag'"
    assert con.sql(query).fetchall() == [("UZB", "cotton", True)]


# Which chain first?


def ranked(*cells: dict[str, object], **inputs: Rows):
    named = {"country_en": "Kyrgyzstan", "country_ru": "Кыргызстан", "chain_en": "c", "chain_ru": "c", "focus": True}
    rows = [CELL | named | {"potential": 50.0, "position": 50.0, "headroom": 50.0, "grade": "B"} | c for c in cells]
    return mart_over("mart_lifecycle_initiation", mart_cluster_baseline=rows, **inputs)


def first(con, chain: str = "dairy") -> dict[str, object]:
    return one(con, f"FROM mart_lifecycle_initiation WHERE chain = '{chain}'")


def test_linked_chains_count_from_both_ends_and_strong_ones_by_their_position() -> None:
    links = [("feed_grains", "dairy", "feed", 1.0), ("dairy", "hides_leather", "by_product", 0.5)]
    con = ranked(
        {"chain": "dairy", "rank_country": 1},
        {"chain": "feed_grains", "position": 80.0, "quadrant": "build"},
        {"chain": "hides_leather", "position": 20.0, "quadrant": "leave"},
        {"chain": "nuts", "rank_country": 2},
        dim_chain_link=[dict(zip(("chain_a", "chain_b", "link_type", "weight"), link, strict=True)) for link in links],
    )
    dairy, nuts = first(con), first(con, "nuts")
    assert dairy["linked_chains"] == "feed_grains:feed hides_leather:by_product"
    assert (dairy["n_linked"], dairy["linked_strong"], dairy["n_linked_strong"]) == (2, "feed_grains", 1)
    assert dairy["linked_position"] == pytest.approx((80 + 0.5 * 20) / 1.5)
    assert (nuts["linked_chains"], nuts["n_linked"], nuts["linked_position"]) == (None, 0, None)
    assert broken_rules(con, "mart_lifecycle_initiation") == []


def test_the_first_market_is_the_most_promising_and_the_entry_market_a_new_one() -> None:
    con = ranked(
        {"chain": "dairy", "rank_country": 1},
        mart_export_potential_chain=sold("WLD", 9.0, 900.0)
        + sold("CHN", 5.0, 60.0)
        + sold("UZB", 0.0, 40.0)
        + sold("DEU", 0.0, 10.0),
        mart_market_ease=ease("CHN") + ease("UZB", regimes="cis_fta_2011"),
    )
    dairy = first(con)
    assert (dairy["first_market"], dairy["first_market_untapped_usd"], dairy["first_market_sold"]) == ("CHN", 60, True)
    assert dairy["first_market_regimes"] is None
    assert (dairy["entry_market"], dairy["entry_market_en"]) == ("UZB", "Uzbekistan")


def test_a_chain_without_a_rank_says_why() -> None:
    con = ranked(
        {"chain": "dairy", "grade": "D"},
        {"chain": "nuts", "potential": None},
        {"chain": "rice", "rank_country": 1},
    )
    why = dict(con.sql("SELECT chain, reason FROM mart_lifecycle_initiation").fetchall())
    assert why == {"dairy": "grade_d", "nuts": "no_score", "rice": ""}
