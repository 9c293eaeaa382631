"""Two releases of the sources, one after the other: what the marts call revised is what was revised."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import requests

from agrocluster import pipeline
from agrocluster.sample.server import SampleServer
from agrocluster.storage.paths import layout
from support.world import Marts, use, with_inputs

pytestmark = pytest.mark.slow

REVISED = ("cepii__baci_hs12", "faostat__qcl", "worldbank__wdi")
PLANTED = """
    SELECT now.iso3, now.year, now.value AS value_new, before.value AS value_old, lower(now.indicator) AS dataset,
        now.item_code || '/' || now.element_code AS series, now.indicator, now.chain, now.stage
    FROM truth now JOIN truth before
      ON before.kind = 'revision_previous' AND (before.iso3, before.year, before.indicator, before.item_code,
          before.element_code, before.chain, before.stage) = (now.iso3, now.year, now.indicator, now.item_code,
          now.element_code, now.chain, now.stage)
    WHERE now.kind = 'revision'
"""
BEFORE_THE_NEW_YEAR = "year < (SELECT max(year) FROM fact_trade)"
CELLS = {
    "faostat": (
        f"""SELECT iso3, series, year, value_old, value_new FROM mart_revisions
            WHERE dataset = 'qcl' AND {BEFORE_THE_NEW_YEAR}""",
        f"SELECT iso3, series, year, value_old, value_new FROM ({PLANTED}) WHERE dataset = 'qcl'",
    ),
    "worldbank": (
        "SELECT iso3, series, year, value_old, value_new FROM mart_revisions WHERE dataset = 'wdi'",
        f"""SELECT iso3, indicator AS series, year, value_old, value_new FROM ({PLANTED})
            WHERE dataset NOT IN ('qcl', 'baci')""",
    ),
    # The world knows sums over a chain's codes, the mart the codes that changed: what they changed by is the same.
    "cepii": (
        f"""SELECT r.iso3, p.chain || '/' || p.stage AS series, r.year, 0 AS value_old,
                sum(coalesce(r.value_new, 0) - coalesce(r.value_old, 0)) AS value_new
            FROM mart_revisions r
            JOIN dim_product p ON r.series = p.hs_edition || '/' || p.hs_code || '/reconciled'
            JOIN dim_country c ON c.iso3 = r.iso3 AND c.focus
            WHERE r.dataset = 'baci_hs12' AND r.partner = 'WLD' AND {BEFORE_THE_NEW_YEAR} GROUP BY ALL""",
        f"""SELECT iso3, chain || '/' || stage AS series, year, 0 AS value_old, value_new - value_old AS value_new
            FROM ({PLANTED}) WHERE dataset = 'baci'""",
    ),
}


@pytest.fixture(scope="module")
def revised(sample_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Marts made after the publishers replaced the files of an earlier run by newer ones."""
    root = tmp_path_factory.mktemp("revised") / "data"
    with SampleServer(sample_cache, vintage="previous") as server, pytest.MonkeyPatch.context() as monkeypatch:
        use(monkeypatch, server.url, root)
        for dataset_id in REVISED:
            pipeline.ingest(dataset_id)
        answer = requests.post(f"{server.url}/_sample/vintage", json={"vintage": "current"}, timeout=120)
        answer.raise_for_status()
        for dataset_id in REVISED:
            assert pipeline.ingest(dataset_id)["changed"]
        release = pipeline.plan_release()["release_id"]
        for mart in with_inputs("dim_country", "dim_product", "fact_trade", "mart_revisions"):
            pipeline.build_mart(release, mart)
        return Marts(layout().build(release))


@pytest.mark.parametrize("source", CELLS)
def test_the_published_revisions_are_those_the_sources_made(revised: Marts, world_truth: pa.Table, source: str) -> None:
    """Every planted revision is found with both its values, and nothing else of the years before counts as revised."""
    found, planted = CELLS[source]
    assert len(revised.sql(planted, truth=world_truth)) > 4
    differing = revised.sql(
        f"""SELECT * FROM ({found}) f FULL JOIN ({planted}) t USING (iso3, series, year)
            WHERE f.value_new IS NULL OR t.value_new IS NULL OR f.value_old IS NULL
              OR abs(f.value_old - t.value_old) > 1e-9 * abs(t.value_old)
              OR abs(f.value_new - t.value_new) > 1e-9 * abs(t.value_new)""",
        truth=world_truth,
    )
    assert differing == []


def test_the_year_that_the_newer_release_brought_is_added_not_changed(revised: Marts) -> None:
    rows = revised.sql(
        """SELECT dataset, status, count(*) FROM mart_revisions
           WHERE dataset IN ('qcl', 'baci_hs12') AND year = (SELECT max(year) FROM fact_trade) GROUP BY ALL"""
    )
    assert {(dataset, status) for dataset, status, _ in rows} == {("qcl", "added"), ("baci_hs12", "added")}
