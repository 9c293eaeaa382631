"""The marts against what the sample world knows about itself. The two share no code."""

from __future__ import annotations

import pyarrow as pa
import pytest

from support.world import Published

pytestmark = pytest.mark.slow

TOLERANCE = 1e-9


def far(published: Published, truth: pa.Table, query: str) -> list[tuple[object, ...]]:
    """Cells of ``query`` (columns ..., expected, found) where the two differ by more than the tolerance."""
    return published.sql(
        f"""SELECT * FROM ({query})
            WHERE found IS NULL OR abs(found - expected) > {TOLERANCE} * greatest(1, abs(expected))""",
        truth=truth,
    )


def counted(published: Published, truth: pa.Table, query: str) -> int:
    (row,) = published.sql(f"SELECT count(*) FROM ({query})", truth=truth)
    return int(row[0])


TRADE = """
    SELECT t.iso3, t.chain, t.stage, t.year, t.value AS expected, m.{column} AS found
    FROM truth t LEFT JOIN mart_chain_trade m ON (m.iso3, m.chain, m.stage, m.year) = (t.iso3, t.chain, t.stage, t.year)
    WHERE t.kind = '{kind}' AND t.iso3 IN ('KAZ', 'KGZ', 'TJK', 'UZB')
      AND (t.iso3, t.year) NOT IN (SELECT iso3, year FROM truth WHERE kind = 'missing_reporter')
"""


@pytest.mark.parametrize(("kind", "column"), [("export_value", "exports_usd"), ("import_value", "imports_usd")])
def test_trade_by_chain_and_stage_is_exact(published: Published, world_truth: pa.Table, kind: str, column: str) -> None:
    query = TRADE.format(kind=kind, column=column)
    assert counted(published, world_truth, query) > 3000
    assert far(published, world_truth, query) == []


@pytest.mark.parametrize(("kind", "side"), [("export_value", "exporter"), ("import_value", "importer")])
def test_world_totals_of_every_economy_are_exact(
    published: Published, world_truth: pa.Table, kind: str, side: str
) -> None:
    """What every country sells to all and buys from all, economies that the pipeline keeps no single flows of too."""
    other = {"exporter": "importer", "importer": "exporter"}[side]
    query = f"""
        WITH found AS (
            SELECT f.{side} AS iso3, d.chain, d.stage, f.year, sum(f.value_usd) AS value
            FROM fact_trade f JOIN dim_product d USING (hs_edition, hs_code)
            WHERE f.{other} = 'WLD' AND d.role IN ('own', 'dual') GROUP BY ALL
        )
        SELECT iso3, chain, stage, year, coalesce(t.value, 0) AS expected, f.value AS found
        FROM (FROM truth WHERE kind = '{kind}' AND value > 0) t
        FULL JOIN found f USING (iso3, chain, stage, year)
    """
    assert counted(published, world_truth, query) > 30_000
    assert far(published, world_truth, query) == []


@pytest.mark.parametrize("column", ["rca_all", "rca_all_w3"])
def test_specialisation_equals_the_world_s_own_arithmetic(
    published: Published, world_truth: pa.Table, column: str
) -> None:
    """Thin markets are empty on purpose (method 1.1); every other cell must agree."""
    query = TRADE.format(kind=column, column=column) + " AND NOT m.thin_market"
    assert counted(published, world_truth, query) > 2000
    assert far(published, world_truth, query) == []


@pytest.mark.parametrize("column", ["rca_agri", "rca_agri_w3"])
def test_specialisation_on_the_farm_base_counts_only_its_goods(
    published: Published, world_truth: pa.Table, column: str
) -> None:
    query = TRADE.format(kind=column, column=column)
    rated = query + " AND NOT m.thin_market AND m.flag NOT LIKE '%thin_agri_base%'"
    assert counted(published, world_truth, rated) > 2000
    assert far(published, world_truth, rated) == []
    unfounded = f"""
        SELECT m.iso3, m.chain, m.stage, m.year FROM mart_chain_trade m
        ANTI JOIN (FROM truth WHERE kind = '{column}') t
          ON (m.iso3, m.chain, m.stage, m.year) = (t.iso3, t.chain, t.stage, t.year)
        WHERE m.focus AND m.stage <> 'total' AND m.{column} IS NOT NULL
          AND (m.year >= 2014 OR '{column}' = 'rca_agri')
    """
    assert published.sql(unfounded, truth=world_truth) == []


def test_a_country_missing_from_a_year_is_unknown_there_not_zero(published: Published, world_truth: pa.Table) -> None:
    gone = published.sql("SELECT iso3, year FROM truth WHERE kind = 'missing_reporter'", truth=world_truth)
    assert gone
    for iso3, year in gone:
        rows = published.sql(f"SELECT exports_usd FROM mart_chain_trade WHERE iso3 = '{iso3}' AND year = {year}")
        assert {row[0] for row in rows} <= {None}


def test_planted_specialisations_are_found(published: Published, world_truth: pa.Table) -> None:
    for kind, sign in (("specialisation_high", ">= 2"), ("specialisation_low", "<= 0.5")):
        rows = published.sql(
            f"""SELECT t.iso3, t.chain, m.rca_all_w3 {sign} FROM truth t
            JOIN mart_chain_trade m ON (m.iso3, m.chain, m.year) = (t.iso3, t.chain, t.year)
              AND m.stage = coalesce(nullif(t.stage, ''), 'total') WHERE t.kind = '{kind}' AND NOT m.thin_market""",
            truth=world_truth,
        )
        assert rows
        assert all(found for _, _, found in rows), rows


def test_indicators_are_what_the_bank_answered(published: Published, world_truth: pa.Table) -> None:
    query = """
        SELECT t.iso3, t.indicator, t.year, t.value AS expected, f.value AS found
        FROM truth t LEFT JOIN fact_indicator f
          ON (f.iso3, lower(f.indicator), f.year) = (t.iso3, lower(t.indicator), t.year)
        WHERE t.kind = 'wb_value' AND t.iso3 <> 'WLD'
          AND lower(t.indicator) IN (SELECT lower(indicator) FROM dim_indicator)
    """
    assert counted(published, world_truth, query) > 4000
    assert far(published, world_truth, query) == []


@pytest.mark.parametrize("kind", ["production", "area", "stock", "gpv", "price", "fbs", "land", "livestock_units"])
def test_farm_statistics_keep_the_published_values(published: Published, world_truth: pa.Table, kind: str) -> None:
    query = f"""
        SELECT t.iso3, t.item_code, t.element_code, t.year, t.value AS expected, f.value_raw AS found,
            f.unit_raw, t.unit
        FROM truth t LEFT JOIN fact_production f
          ON (f.iso3, f.item_code, f.element_code, f.year) = (t.iso3, t.item_code, t.element_code, t.year)
        WHERE t.kind = '{kind}'
    """
    assert counted(published, world_truth, query) > 100
    assert far(published, world_truth, query) == []
    assert published.sql(f"SELECT * FROM ({query}) WHERE unit <> unit_raw", truth=world_truth) == []


@pytest.mark.parametrize(("kind", "column"), [("yield_reference", "yield_ref_a"), ("yield_gap", "yield_gap_w3")])
def test_yields_are_compared_as_the_world_compares_them(
    published: Published, world_truth: pa.Table, kind: str, column: str
) -> None:
    query = f"""
        SELECT m.iso3, m.item_code, t.value AS expected, m.{column} AS found
        FROM (FROM mart_item_production WHERE focus AND role = 'output' AND yield_kind = 'crop') m
        LEFT JOIN truth t ON t.kind = '{kind}' AND t.item_code = m.item_code AND t.iso3 IN ('', m.iso3)
        WHERE m.year = (SELECT max(year) FROM truth WHERE kind = '{kind}')
          AND (t.value IS NOT NULL OR m.{column} IS NOT NULL)
    """
    assert counted(published, world_truth, query) > 100
    assert far(published, world_truth, query) == []
    assert published.sql(f"FROM ({query}) WHERE expected IS NULL", truth=world_truth) == []


def test_the_sign_of_stock_variation_is_the_one_the_world_was_made_with(
    published: Published, world_truth: pa.Table
) -> None:
    """A balance that closes with both signs says 0; none may say the opposite or fail to close."""
    rows = published.sql(
        """SELECT t.value, m.ds_sign, count(*) FROM mart_food_balance m
           JOIN truth t ON t.kind = 'fbs_ds_sign' AND t.year = m.year WHERE m.focus GROUP BY ALL""",
        truth=world_truth,
    )
    found = {(expected, sign): n for expected, sign, n in rows}
    assert min(found[1, 1], found[-1, -1]) > 100
    assert set(found) <= {(1, 1), (1, 0), (-1, -1), (-1, 0)}


def test_an_official_nought_is_a_nought_and_planted_flags_stay(published: Published, world_truth: pa.Table) -> None:
    query = """
        SELECT t.kind, t.iso3, t.item_code, t.year, f.value, f.flag, replace(t.note, 'flag=', '') AS planted
        FROM truth t LEFT JOIN fact_production f
          ON (f.iso3, f.item_code, f.year) = (t.iso3, t.item_code, t.year)
            AND (f.element_code = t.element_code OR t.element_code = '') AND f.dataset = 'qcl'
        WHERE t.kind IN ('explicit_zero', 'planted_flag')
    """
    kinds = dict(published.sql(f"SELECT kind, count(*) FROM ({query}) GROUP BY ALL", truth=world_truth))
    assert kinds["explicit_zero"] >= 26
    assert kinds["planted_flag"] >= 29
    wrong = "flag IS DISTINCT FROM planted OR value IS NULL OR (kind = 'explicit_zero') <> (value = 0)"
    assert published.sql(f"FROM ({query}) WHERE {wrong}", truth=world_truth) == []


def test_a_cell_without_value_stays_empty_and_keeps_its_flag(published: Published, world_truth: pa.Table) -> None:
    rows = published.sql(
        """SELECT f.value, f.flag, t.note FROM truth t JOIN fact_production f
           ON (f.iso3, f.item_code, f.element_code, f.year) = (t.iso3, t.item_code, t.element_code, t.year)
           WHERE t.kind = 'empty_value' AND f.dataset = 'qcl'""",
        truth=world_truth,
    )
    assert rows
    assert {row[0] for row in rows} == {None}
    assert {row[1] for row in rows} <= {"M", "O", "Q"}


def test_a_cell_the_source_leaves_out_is_absent(published: Published, world_truth: pa.Table) -> None:
    absent = published.sql(
        """SELECT count(*), count(f.iso3) FROM truth t LEFT JOIN fact_production f
           ON (f.iso3, f.item_code, f.element_code, f.year) = (t.iso3, t.item_code, t.element_code, t.year)
             AND f.dataset = 'qcl' WHERE t.kind = 'absent_row'""",
        truth=world_truth,
    )
    assert absent[0][0] > 0
    assert absent[0][1] == 0


def test_flows_without_quantity_have_no_weight(published: Published, world_truth: pa.Table) -> None:
    rows = published.sql(
        """SELECT f.net_kg, f.flag FROM truth t JOIN fact_trade f
           ON (f.exporter, f.hs_code, f.year) = (t.iso3, t.hs_code, t.year) AND f.importer = 'WLD'
           WHERE t.kind = 'missing_quantity'""",
        truth=world_truth,
    )
    assert rows
    assert set(rows) == {(None, "q_missing")}


def test_the_baseline_covers_every_country_and_chain_and_gives_reasons(published: Published) -> None:
    found = published.sql(
        """SELECT baseline_id, count(*), count(DISTINCT iso3), count(DISTINCT chain), count(potential)
           FROM mart_cluster_baseline WHERE iso3 IN ('KAZ', 'KGZ', 'TJK', 'UZB') GROUP BY ALL"""
    )
    assert {row[0] for row in found} >= {"Bcurrent", "B2018_2020"}
    for _, rows, countries, chains, scored in found:
        assert (rows, countries, chains) == (92, 4, 23)
        assert scored > 40
    unexplained = published.sql(
        "SELECT iso3, chain FROM mart_cluster_baseline WHERE potential IS NULL AND coalesce(reasons, '') = ''"
    )
    assert unexplained == []


def test_a_question_that_nobody_can_answer_says_why(published: Published) -> None:
    """``no_source`` is for a country or year that is missing; what is empty everywhere has another reason."""
    silent = published.sql(
        """SELECT measure, chain, string_agg(DISTINCT reason) AS reasons FROM mart_livestock_chain
            GROUP BY ALL HAVING count(value) = 0"""
    )
    assert silent
    assert [row for row in silent if "no_source" in row[2]] == []
