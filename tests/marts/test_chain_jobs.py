"""Jobs in untapped potential: whose years count, what is missing, and that the band stays modest."""

from __future__ import annotations

import pytest
from tables import Rows, broken_rules, mart_over
from world import one

from agrocluster.model.loader import catalog

FOCUS = catalog().focus()
BASELINE = {"baseline_id": "B2018_2020", "first_year": 2018, "last_year": 2020, "is_reference": True}


def people(iso3: str, years: range, force: float = 1e6, idle: float = 10.0, farming: float = 50.0) -> Rows:
    series = {"SL.TLF.TOTL.IN": force, "SL.UEM.TOTL.ZS": idle, "SL.AGR.EMPL.ZS": farming}
    return [{"iso3": iso3, "indicator": i, "year": y, "value": v} for y in years for i, v in series.items()]


def output(iso3: str, chain: str, share: float, usd: float, years: range = range(2017, 2021)) -> Rows:
    return [
        {"iso3": iso3, "chain": chain, "year": y, "gpv_share_w3": share, "gpv_usd": usd if y > 2017 else 9e9}
        for y in years
    ]


def potential(iso3: str, chain: str, usd: float) -> Rows:
    found = {"baseline_id": "B2018_2020", "iso3": iso3, "chain": chain}
    return [found | {"market": "WLD", "untapped_usd": usd}, found | {"market": "CHN", "untapped_usd": 9e9}]


def built(indicators: Rows, production: Rows, untapped: Rows):
    return mart_over(
        "mart_chain_jobs",
        dim_baseline=[BASELINE],
        fact_indicator=indicators,
        mart_chain_production=production,
        mart_export_potential_chain=untapped,
    )


def test_jobs_follow_from_employment_output_and_the_factor_of_the_chain() -> None:
    con = built(
        people("UZB", range(2010, 2021)),
        output("UZB", "cotton", 0.4, 4e8) + output("UZB", "wheat_flour", 0.2, 2e8),
        potential("UZB", "cotton", 1e7) + potential("UZB", "wheat_flour", 1e7),
    )
    cotton = one(con, "FROM mart_chain_jobs WHERE iso3 = 'UZB' AND chain = 'cotton'")
    persons, mean = 1e6 * 0.9 * 0.5, 1 + 0.4 * 2
    assert cotton["agri_employment"] == pytest.approx(persons)
    assert cotton["jobs_per_usd_m"] == pytest.approx(persons * 0.4 * 3 / 400)
    assert cotton["jobs_low"] == pytest.approx(persons * 0.4 * 2 / mean / 400 * 10)
    assert cotton["jobs_high"] == pytest.approx(persons * 0.4 * 4 / 400 * 10)
    assert cotton["jobs_confidence"] == pytest.approx(0.3)
    assert broken_rules(con, "mart_chain_jobs") == []


def test_every_empty_band_says_why() -> None:
    con = built(
        people("UZB", range(2018, 2021)) + people("TJK", range(2020, 2021)),
        output("UZB", "cotton", 0.4, 4e8)
        + output("UZB", "silk", 0.0, 0.0)
        + output("UZB", "rice", 0.1, 1e8)
        + output("TJK", "cotton", 0.4, 4e8),
        potential("UZB", "cotton", 1e7) + potential("UZB", "silk", 1e7) + potential("TJK", "cotton", 1e7),
    )
    why = dict(con.sql("SELECT iso3 || ' ' || chain, reason FROM mart_chain_jobs").fetchall())
    assert len(why) == len(FOCUS) * 23
    assert why["UZB cotton"] == ""
    assert why["UZB silk"] == "no_output"
    assert why["UZB rice"] == "no_product"
    assert why["UZB dairy"] == "no_output_value"
    assert why["TJK cotton"] == "no_employment", "a single year is no window"
    assert why["KAZ cotton"] == "no_employment"
    assert broken_rules(con, "mart_chain_jobs") == []


def test_a_year_without_employment_lowers_confidence() -> None:
    con = built(people("KGZ", range(2019, 2021)), output("KGZ", "honey", 0.1, 1e8), potential("KGZ", "honey", 1e6))
    assert one(con, "SELECT jobs_confidence AS c FROM mart_chain_jobs WHERE reason = ''")["c"] == pytest.approx(0.2)


def test_every_chain_has_a_factor_with_its_reason() -> None:
    con = mart_over("mart_chain_jobs", dim_baseline=[BASELINE])
    assert con.sql("SELECT count(*) FROM mart_chain_jobs").fetchall() == [(len(FOCUS) * 23,)]
    bad = "factor_low > factor OR factor > factor_high OR factor_low <= 0 OR reason_en = '' OR reason_ru = ''"
    assert con.sql(f"SELECT chain FROM cat_labour_intensity WHERE {bad}").fetchall() == []
