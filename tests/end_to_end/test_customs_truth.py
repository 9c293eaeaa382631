"""Customs marts of a sample release against what the sample world knows of its own reports."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from support.world import Published

pytestmark = pytest.mark.slow

FOUR = "('KAZ', 'KGZ', 'TJK', 'UZB')"

SIDES = {
    "exports as reported": ("exporter", "importer", "x_reported_usd", "comtrade_export"),
    "imports as reported": ("importer", "exporter", "m_mirror_cif_usd", "comtrade_import"),
}


@pytest.mark.parametrize(("own", "other", "column", "kind"), SIDES.values(), ids=list(SIDES))
def test_every_reported_flow_of_the_four_stands_in_the_cells(
    published: Published, world_truth: pa.Table, own: str, other: str, column: str, kind: str
) -> None:
    query = f"""
        WITH mine AS (
            SELECT {own} AS iso3, {other} AS partner, year, sum({column}) AS value
            FROM mart_trade_cell WHERE {own} IN {FOUR} GROUP BY ALL HAVING sum({column}) > 0
        ), true_value AS (
            SELECT iso3, partner, year, value FROM truth
            WHERE kind = '{kind}' AND iso3 IN {FOUR} AND partner <> 'WLD' AND value > 0
        )
        SELECT iso3, partner, year, m.value, t.value FROM mine m FULL JOIN true_value t USING (iso3, partner, year)
        WHERE m.value IS NULL OR t.value IS NULL OR abs(m.value / t.value - 1) > 1e-8
    """
    assert published.sql(query, truth=world_truth) == []
    counted = published.sql(f"SELECT count(*) FROM truth WHERE kind = '{kind}' AND iso3 IN {FOUR}", truth=world_truth)
    assert counted[0][0] > 1000


def test_what_partners_report_of_the_four_adds_up(published: Published, world_truth: pa.Table) -> None:
    """Other Asia is a group in UN Comtrade and Taiwan here; the truth leaves groups out."""
    query = f"""
        WITH mine AS (
            SELECT exporter AS iso3, year, sum(m_mirror_cif_usd) AS value FROM mart_trade_cell
            WHERE exporter IN {FOUR} AND importer NOT IN ('TWN', 'KAZ', 'KGZ', 'TJK', 'UZB') GROUP BY ALL
        ), inside AS (
            SELECT partner AS iso3, year, sum(value) AS value FROM truth
            WHERE kind = 'comtrade_import' AND iso3 IN {FOUR} AND partner IN {FOUR} GROUP BY ALL
        ), true_value AS (
            SELECT t.iso3, t.year, t.value - coalesce(i.value, 0) AS value
            FROM truth t LEFT JOIN inside i USING (iso3, year) WHERE t.kind = 'comtrade_mirror_import'
        )
        SELECT count(*), max(abs(m.value / t.value - 1)) FROM true_value t LEFT JOIN mine m USING (iso3, year)
    """
    ((cells, worst),) = published.sql(query, truth=world_truth)
    assert cells == 4 * 13
    assert worst < 1e-8


def test_a_year_without_a_return_is_unknown_and_not_zero(published: Published, world_truth: pa.Table) -> None:
    absent = published.sql(
        f"SELECT iso3, year FROM truth WHERE kind = 'comtrade_absent' AND iso3 IN {FOUR}", truth=world_truth
    )
    assert absent
    for iso3, year in absent:
        ((own, other),) = published.sql(
            "SELECT count(x_reported_usd), count(m_mirror_cif_usd) FROM mart_trade_cell "
            f"WHERE exporter = '{iso3}' AND year = {year}"
        )
        assert own == 0, (iso3, year)
        assert other > 0, (iso3, year)
        of_year = f"reporter = '{iso3}' AND period = '{year}'"
        said = published.sql(f"SELECT DISTINCT reporter_present, n_rows FROM mart_reporting WHERE {of_year}")
        assert said == [(False, 0)]


def test_hidden_goods_are_unknown_elsewhere_and_count_once(published: Published, world_truth: pa.Table) -> None:
    """Where a country hides a twentieth of its exports, both sides of its total still enclose the reconciled one."""
    found = published.sql(
        """
        WITH hidden AS (
            SELECT iso3, year, max(value) AS usd FROM truth
            WHERE kind IN ('comtrade_confidential', 'comtrade_areas_nes') AND element_code = 'X' GROUP BY ALL
        )
        SELECT exporter, c.year, sum(x_reported_usd) AS x, sum(m_mirror_fob_usd) AS m, sum(v_reconciled_usd) AS v,
            count(*) FILTER (flag LIKE '%suppressed%' AND x_reported_usd IS NULL)
        FROM mart_trade_cell c JOIN hidden h ON h.iso3 = c.exporter AND h.year = c.year
        GROUP BY exporter, c.year HAVING any_value(usd) > 0.05 * sum(x_reported_usd)
        """,
        truth=world_truth,
    )
    assert {row[0] for row in found} >= {"KGZ", "UZB"}
    assert [row for row in found if row[5] == 0] == []
    assert [row for row in found if not 0.95 * min(row[2], row[3]) < row[4] < 1.05 * max(row[2], row[3])] == []


def test_planted_gaps_between_both_sides_are_found(published: Published, world_truth: pa.Table) -> None:
    """What Kyrgyzstan sees of Chinese and Uzbek deliveries: within the noise of both reports and the freight."""
    found = published.sql(
        """
        SELECT t.partner, t.year, t.value, sum(c.m_mirror_cif_usd) / sum(c.x_reported_usd)
        FROM truth t JOIN mart_trade_cell c
            ON c.importer = t.iso3 AND c.exporter = t.partner AND c.year = t.year
        WHERE t.kind = 'comtrade_fraction' AND t.iso3 = 'KGZ' AND t.partner IN ('CHN', 'UZB')
        GROUP BY ALL HAVING sum(c.x_reported_usd) > 0
        """,
        truth=world_truth,
    )
    assert len(found) > 15
    assert [row for row in found if abs(row[3] / row[2] - 1) > 0.05] == []


def test_freight_is_found_by_partner_and_direction(published: Published, world_truth: pa.Table) -> None:
    """Weighted by value over all goods, six-digit and folded, of importers that do not state both values."""
    found = published.sql(
        f"""
        WITH cell AS (
            SELECT exporter, importer, year, CASE WHEN exporter IN {FOUR} THEN importer ELSE exporter END AS abroad,
                exporter IN {FOUR} AS sent, sum(tau * m_mirror_fob_usd) AS freight, sum(m_mirror_fob_usd) AS usd
            FROM mart_trade_cell WHERE m_mirror_cif_usd > 0 AND tau_basis IN ('model', 'flat') GROUP BY ALL
        )
        SELECT abroad, sent, sum(freight) / sum(t.value * usd)
        FROM cell JOIN truth t ON t.iso3 = exporter AND t.partner = importer AND t.year = cell.year
        WHERE t.kind = 'comtrade_tau' AND abroad IN ('CHN', 'DEU', 'TUR', 'IND', 'JPN') GROUP BY abroad, sent
        """,
        truth=world_truth,
    )
    assert len(found) == 10
    assert [row for row in found if abs(row[2] - 1) > 0.2] == []
    ((modelled,),) = published.sql(
        """
        SELECT sum(m_mirror_cif_usd) FILTER (tau_basis <> 'flat') / sum(m_mirror_cif_usd)
        FROM mart_trade_cell WHERE m_mirror_cif_usd > 0
        """
    )
    assert modelled > 0.95


def test_goods_bought_only_to_be_sold_on_are_suspected(published: Published, world_truth: pa.Table) -> None:
    """Of the planted goods those that keep their code; noise in the reported weights hides some years."""
    found = published.sql(
        """
        SELECT t.hs_code, t.year, bool_or(c.transit_suspect)
        FROM truth t JOIN mart_trade_cell c ON c.exporter = t.iso3 AND c.year = t.year AND c.hs_code = t.hs_code
        WHERE t.kind = 'comtrade_transit' AND c.x_reported_usd > 0 GROUP BY ALL
        """,
        truth=world_truth,
    )
    assert len(found) >= 10
    assert sum(row[2] for row in found) > len(found) / 2
    ((all_cells, folded),) = published.sql(
        """
        SELECT count(*) FILTER (transit_suspect) / count(*), count(*) FILTER (transit_suspect AND hs_code LIKE '%XXXX')
        FROM mart_trade_cell
        """
    )
    assert 0 < all_cells < 0.03
    assert folded == 0


def test_reporting_quality_ranks_countries_as_their_books_were_drawn(
    published: Published, world_truth: pa.Table
) -> None:
    query = """
        WITH quality AS (
            SELECT r.role, r.iso3, avg(r.sigma) AS sigma, avg(t.value) AS planted
            FROM mart_reporting_quality r
            JOIN truth t ON t.iso3 = r.iso3 AND t.year = r.year
                AND t.kind = CASE r.role WHEN 'exporter' THEN 'comtrade_sigma_export' ELSE 'comtrade_sigma_import' END
            WHERE r.n_observations >= 100 GROUP BY ALL
        ), ranked AS (
            SELECT role, rank() OVER (PARTITION BY role ORDER BY sigma) AS a,
                rank() OVER (PARTITION BY role ORDER BY planted) AS b
            FROM quality
        )
        SELECT role, corr(a, b), count(*) FROM ranked GROUP BY role ORDER BY role
    """
    found = published.sql(query, truth=world_truth)
    assert [row[0] for row in found] == ["exporter", "importer"]
    for _, agreement, countries in found:
        assert countries >= 15
        assert agreement > 0.6


def test_reconciled_values_keep_both_sides_and_lie_between_them(published: Published) -> None:
    outside: list[tuple[Any, ...]] = published.sql(
        """
        FROM mart_trade_cell WHERE n_sides = 2 AND x_reported_usd > 0 AND m_mirror_fob_usd > 0
            AND flag NOT LIKE '%unallocated%'
            AND NOT v_reconciled_usd BETWEEN least(x_reported_usd, m_mirror_fob_usd) * (1 - 1e-12)
                AND greatest(x_reported_usd, m_mirror_fob_usd) * (1 + 1e-12)
        """
    )
    assert outside == []


def test_an_export_for_others_holds_no_customs_record(
    published: Published, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agrocluster.release.export import export
    from support.world import use

    use(monkeypatch, published.server.url, published.root)
    manifest = export(tmp_path / "public")
    kept = {entry["name"] for entry in manifest["marts"]}
    gone = {entry["mart"] for entry in manifest["left_out"]}
    assert {"mart_trade_cell", "mart_customs_hs12", "mart_mirror_gap", "mart_trade_monthly"} <= gone
    assert {"mart_cluster_baseline", "mart_chain_trade", "fact_trade"} <= kept
    monkeypatch.setattr("agrocluster.release.redistribution._trade_variant", lambda manifest: "reconciled")
    closed = {entry["mart"] for entry in export(tmp_path / "other")["left_out"]}
    assert "mart_chain_trade" in closed, "sums of customs records are no freer than the records"
