"""Complexity, its sample rule and projection, chains on top of it, and the production space, on small worlds."""

from __future__ import annotations

import numpy as np
import pytest
from world import World, one

from agrocluster.measures import complexity as cx
from agrocluster.measures import specialisation
from agrocluster.measures.product_space import ProductSpace, presence
from agrocluster.model.loader import catalog

COUNTRIES = ("USA", "CHN", "RUS", "TUR", "IND", "DEU", "FRA", "ITA")
CODES = ("100199", "110100", "190219", "270900", "520100", "520511", "610910", "080610", "080810", "410120")
HEADINGS = tuple(code[:4] for code in CODES)
YEARS = (2018, 2019, 2020)
RULED = ("mart_complexity_country", "mart_complexity", "mart_chain_complexity", "mart_production_space")


def matrix(seed: int, countries: int, products: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.exp(random.normal(0, 1.2, (countries, products))) * 2e9


def world(x: np.ndarray, names: tuple[str, ...] = COUNTRIES, people: float = 50e6) -> World:
    made = World()
    for name, row in zip(names, x, strict=True):
        for code, usd in zip(CODES, row, strict=True):
            if usd:
                made.exports(name, code, YEARS, float(usd))
        for year in YEARS:
            made.measure(name, "SP.POP.TOTL", year, people)
    return made


def broken_rules(con, *marts: str) -> list[str]:
    found = []
    for name in marts:
        for rule in catalog().marts[name].rules:
            if rule.kind == "sql" and con.sql(rule.query.replace("{table}", name)).fetchall():
                found.append(f"{name}.{rule.id}")
    return found


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return matrix(5, len(COUNTRIES), len(CODES))


@pytest.fixture(scope="module")
def con(x):
    made = world(x)
    random = np.random.default_rng(9)
    for name in ("KAZ", "UZB"):
        for code, usd in zip(CODES, np.exp(random.normal(0, 1.5, len(CODES))) * 1e8, strict=True):
            made.exports(name, code, YEARS, float(usd))
    made.exports("TJK", "520100", [2020], 5e8)
    for year in YEARS:
        made.measure("KAZ", "SP.POP.TOTL", year, 19e6)
        made.measure("ISL", "SP.POP.TOTL", year, 4e5)
        made.measure("MNG", "SP.POP.TOTL", year, 3e6)
    made.exports("ISL", "270900", YEARS, 5e9)
    made.exports("MNG", "100199", YEARS, 5e8)
    made.exports("TKM", "520100", YEARS, 5e9)
    made.exports("USA", "010121", YEARS, 2e6)
    made.exports("KAZ", "010121", YEARS, 9e6)
    made.exports("UZB", "010229", YEARS, 9_000 / 3)
    made.exports("USA", "010229", YEARS, 1e9)
    made.exports("CHN", "999999", YEARS, 1e12)
    return made.build("mart_chain_complexity")


def test_the_sample_is_estimated_as_if_it_were_alone(con, x) -> None:
    with_horses = np.column_stack([x, np.zeros(len(x))])
    with_horses[0, -1] = 1e9
    m = presence(specialisation.rca(with_horses))
    expected = cx.landscape(m)
    for i, name in enumerate(COUNTRIES):
        found = one(con, f"FROM mart_complexity_country WHERE iso3 = '{name}' AND year = 2020")
        assert (found["status"], found["reason"]) == ("estimated", "")
        assert found["eci_py"] == pytest.approx(expected.eci[i], abs=1e-6)
        assert found["eci_r"] == pytest.approx(expected.eci_sample[i], abs=1e-6)
        assert found["coi"] == pytest.approx(expected.coi[i], abs=1e-6)
        assert found["fitness"] == pytest.approx(cx.fitness(m, 19).country[i], abs=1e-6)
        assert (found["n_countries_sample"], found["n_products_sample"]) == (8, 11)
        for k, heading in enumerate(HEADINGS):
            cell = con.sql(
                f"FROM mart_complexity WHERE iso3 = '{name}' AND heading = '{heading}' AND year = 2020"
            ).to_arrow_table()
            if not cell.num_rows:
                continue
            row = cell.to_pylist()[0]
            assert row["m"] == bool(m[i, k])
            assert row["density"] == pytest.approx(expected.density[i, k], abs=1e-6)
            assert row["cog_pkg"] == pytest.approx(expected.cog_pkg[i, k], abs=1e-6)
            assert row["cog_book"] == pytest.approx(expected.cog_book[i, k], abs=1e-6)
            assert row["pci"] == pytest.approx(expected.found.pci[k], abs=1e-6)
            assert row["ubiquity"] == m[:, k].sum()
    assert con.sql("SELECT count(DISTINCT iso3) FROM mart_complexity WHERE NOT projected").fetchall()[0][0] > 1


def test_everybody_else_is_projected_and_told_why(con) -> None:
    rows = con.sql("SELECT iso3, status, reason FROM mart_complexity_country WHERE year = 2020").fetchall()
    others = {iso3: (status, reason) for iso3, status, reason in rows if iso3 not in COUNTRIES}
    assert others == {
        "KAZ": ("projected", "focus"),
        "UZB": ("projected", "focus"),
        "TJK": ("unknown", "window_too_short"),
        "ISL": ("projected", "small_population"),
        "MNG": ("projected", "small_exports"),
        "TKM": ("projected", "population_unknown"),
    }
    assert con.sql("SELECT DISTINCT year FROM mart_complexity_country ORDER BY 1").fetchall() == [(2019,), (2020,)]


def test_a_projected_country_has_the_mean_complexity_of_what_it_has(con) -> None:
    kaz = con.sql("SELECT avg(pci), any_value(eci_py) FROM mart_complexity WHERE iso3 = 'KAZ' AND m AND year = 2020")
    mean, eci = kaz.fetchall()[0]
    assert mean == pytest.approx(eci, abs=1e-6)


def test_products_left_out_stay_with_their_reason(con) -> None:
    horses = one(con, "FROM mart_complexity WHERE iso3 = 'KAZ' AND heading = '0101' AND year = 2020")
    assert horses["flag"] == "thin_product"
    assert horses["product_world_usd_w3"] == 33e6, "the four would lift it over the limit, but they must not"
    assert (horses["m"], horses["density"], horses["pci"], horses["rca"]) == (None, None, None, None)
    thin = one(con, "FROM mart_complexity WHERE iso3 = 'UZB' AND heading = '0102' AND year = 2020")
    assert (thin["flag"], thin["rca"], thin["m"]) == ("thin_market", None, False)
    absent = one(con, "FROM mart_complexity WHERE iso3 = 'KAZ' AND heading = '0102' AND year = 2020")
    assert (absent["flag"], absent["rca"], absent["m"]) == ("", 0, False)
    silent = one(con, "FROM mart_complexity WHERE iso3 = 'TJK' AND heading = '5201' AND year = 2020")
    assert silent["flag"] == "country_unknown"
    assert silent["density"] is None
    assert con.sql("FROM mart_complexity WHERE heading = '9999'").fetchall() == []


def test_the_four_move_nothing_in_the_estimate(con, x) -> None:
    other = world(x)
    for code in CODES[:4]:
        other.exports("KAZ", code, YEARS, 9e11)
    other.exports("USA", "010229", YEARS, 1e9)
    again = other.build("mart_complexity_country")
    query = (
        "SELECT iso3, year, eci_py, coi, fitness FROM mart_complexity_country WHERE status = 'estimated' ORDER BY ALL"
    )
    for before, after in zip(con.sql(query).fetchall(), again.sql(query).fetchall(), strict=True):
        assert before[:2] == after[:2]
        assert before[2:] == pytest.approx(after[2:], abs=1e-9)


@pytest.mark.parametrize(
    ("parameters", "held", "present"),
    [
        ({}, {"2709"}, {"2709"}),
        ({"complexity_excluded_chapters": "99,27"}, set(), set()),
        ({"rca_threshold": 1e9}, {"2709"}, set()),
    ],
    ids=["as they are", "oil left out", "nobody is that good"],
)
def test_goods_left_out_and_the_threshold_are_parameters(x, parameters, held: set[str], present: set[str]) -> None:
    made = world(x)
    made.exports("KAZ", "270900", YEARS, 1e9)
    made.exports("USA", "999999", YEARS, 1e9)
    made.parameters = parameters
    query = "FROM mart_complexity WHERE iso3 = 'KAZ' AND product_exports_usd_w3 > 0"
    rows = made.build("mart_complexity").sql(query).to_arrow_table().to_pylist()
    assert {r["heading"] for r in rows} == held
    assert {r["heading"] for r in rows if r["m"]} == present


def test_chains_have_the_headings_of_their_stages(con) -> None:
    def stage(name: str, iso3: str = "KAZ"):
        return one(
            con,
            f"FROM mart_chain_complexity WHERE iso3 = '{iso3}' AND chain = 'cotton' AND stage = '{name}' "
            "AND year = 2020",
        )

    cells = {
        heading: (m, density, pci)
        for heading, m, density, pci in con.sql(
            "SELECT heading, m, density, pci FROM mart_complexity WHERE iso3 = 'KAZ' AND year = 2020"
        ).fetchall()
    }
    assert stage("primary")["pci_mean"] == pytest.approx(cells["5201"][2])
    assert stage("processed")["n_headings_known"] == 1
    assert stage("total")["dpci"] == pytest.approx(cells["6109"][2] - cells["5201"][2])
    assert stage("total", "UZB")["dpci"] == stage("total")["dpci"]
    lacking = [cells[heading][1] for heading in ("5205", "6109") if not cells[heading][0]]
    assert stage("total")["adjacency"] == (pytest.approx(np.mean(lacking)) if lacking else None)
    for name in ("primary", "processed", "final"):
        row, mine = stage(name), {"primary": "5201", "processed": "5205", "final": "6109"}[name]
        assert row["density_mean"] == pytest.approx(cells[mine][1])
        assert row["n_headings_present"] == int(cells[mine][0])
        assert row["density_open"] == (None if cells[mine][0] else pytest.approx(cells[mine][1]))
        assert row["n_headings"] > row["n_headings_known"], "headings that nobody trades are counted, not known"
        assert (row["adjacency"], row["dpci"]) == (None, None)


def test_the_rules_hold(con) -> None:
    assert broken_rules(con, *RULED[:3]) == []


def test_a_sample_that_determines_nothing_says_so() -> None:
    made = world(np.full((2, len(CODES)), 1e9), COUNTRIES[:2])
    made.exports("KAZ", "520100", YEARS, 1e9)
    con = made.build("mart_chain_complexity")
    rows = con.sql("SELECT DISTINCT eci_py, lambda_2, status FROM mart_complexity_country WHERE NOT focus").fetchall()
    assert rows == [(None, None, "estimated")]
    assert con.sql("SELECT DISTINCT flag FROM mart_complexity").fetchall() == [("undetermined",)]
    assert broken_rules(con, *RULED[:3]) == []


def test_without_a_sample_the_focus_countries_stay() -> None:
    made = World()
    made.exports("KAZ", "520100", YEARS, 1e9)
    con = made.build("mart_chain_complexity")
    found = one(con, "FROM mart_complexity WHERE iso3 = 'KAZ' AND year = 2020")
    assert found["density"] is None
    assert found["n_countries_sample"] == 0
    assert "undetermined" in found["flag"]
    assert broken_rules(con, *RULED[:3]) == []


ITEMS = ("15", "27", "328", "221", "882", "1017")


def farms(x: np.ndarray, names: tuple[str, ...]) -> World:
    made = World()
    for name, row in zip(names, x, strict=True):
        for item, value in zip(ITEMS, row, strict=True):
            if value:
                made.farm(name, item, YEARS, qv_152=float(value))
        made.farm(name, "1717", YEARS, qv_152=1e12)
        for year in YEARS:
            made.measure(name, "SP.POP.TOTL", year, 5e6)
    return made


def test_the_production_space_is_the_product_space_of_farm_output() -> None:
    x = matrix(21, 7, 6)
    made = farms(x, (*COUNTRIES[:6], "UZB"))
    made.farm("UZB", "560", [2020], qv_152=1e6)
    made.farm("ISL", "15", YEARS, qv_152=9e9)
    for year in YEARS:
        made.measure("ISL", "SP.POP.TOTL", year, 4e5)
    con = made.build("mart_production_space")
    m = presence(specialisation.rca(x[:6]))
    share = (x[6] / x[6].sum()) / (x[:6].sum(axis=0) / x[:6].sum())
    expected = ProductSpace(m).density(presence(share)[None])[0]
    for k, item in enumerate(ITEMS):
        found = one(con, f"FROM mart_production_space WHERE iso3 = 'UZB' AND item_code = '{item}' AND year = 2020")
        assert found["gpv_intl_usd_w3"] == pytest.approx(x[6, k])
        assert found["plq"] == pytest.approx(share[k], abs=1e-9)
        assert found["m"] == (share[k] >= 1)
        assert found["density"] == pytest.approx(expected[k], abs=1e-9)
        assert (found["ubiquity"], found["n_countries_sample"], found["n_items_sample"]) == (m[:, k].sum(), 6, 6)
        assert found["item"] == f"Item {item}"
    grapes = one(con, "FROM mart_production_space WHERE iso3 = 'UZB' AND item_code = '560' AND year = 2020")
    assert set(grapes["flag"].split(";")) == {"zero_total", "window_too_short"}
    assert (grapes["m"], grapes["density"], grapes["gpv_intl_usd_w3"]) == (None, None, None)
    assert con.sql("SELECT count(*) FROM mart_production_space WHERE item_code = '1717'").fetchall() == [(0,)]
    assert con.sql("SELECT DISTINCT iso3 FROM mart_production_space").fetchall() == [("UZB",)]
    assert broken_rules(con, "mart_production_space") == []


def test_an_item_without_figures_is_neither_present_nor_absent() -> None:
    x = matrix(22, 8, 6)
    x[6, 2] = x[1, 4] = x[3, 0] = 0
    x[7, 1:] = 0
    x[7, 0] = 1e9
    made = farms(x, (*COUNTRIES[:6], "UZB", "BRA"))
    for item in ITEMS[1:]:
        made.farm("BRA", item, [2012], qv_152=5e9)
    con = made.build("mart_production_space")
    rows = con.sql(
        "FROM mart_production_space WHERE iso3 = 'UZB' AND year = 2020 ORDER BY list_position($items, item_code)",
        params={"items": list(ITEMS)},
    )
    found = rows.to_arrow_table().to_pylist()
    known, advantage = x[:7] > 0, specialisation.rca(x[:6])
    m = np.vstack([presence(advantage), presence(x[6] / x[6].sum() / (x[:6].sum(axis=0) / x[:6].sum()))])
    phi = np.full((6, 6), np.nan)
    for k in range(6):
        for item in range(6):
            both = known[:6, k] & known[:6, item]
            had = m[:6][both]
            phi[k, item] = (had[:, k] * had[:, item]).sum() / max(had[:, k].sum(), had[:, item].sum())
    for k, row in enumerate(found):
        share = phi[known[6], k].sum() / phi[:, k].sum()
        assert row["density_coverage"] == pytest.approx(share)
        assert (row["n_countries_sample"], row["n_countries_unknown"]) == (6, 1), "Brazil is known by wheat alone"
        if k == 2:
            figures = [row[name] for name in ("gpv_intl_usd_w3", "plq", "m", "density")]
            assert (figures, row["flag"].split(";")[0]) == ([None] * 4, "not_known")
        elif share >= 0.6:
            assert row["density"] == pytest.approx((phi[known[6], k] * m[6, known[6]]).sum() / phi[known[6], k].sum())
            assert row["m"] == bool(m[6, k])
        else:
            assert (row["density"], row["flag"]) == (None, "neighbours_too_little_known")
    assert broken_rules(con, "mart_production_space") == []


def test_a_country_of_which_too_little_is_known_has_no_place() -> None:
    x = matrix(23, 7, 6)
    made = farms(x[:6], COUNTRIES[:6])
    for item, usd in zip(ITEMS, x[6], strict=True):
        made.farm("UZB", item, YEARS if item == "15" else [2012], qv_152=float(usd) if item == "15" else 1e11)
    con = made.build("mart_production_space")
    found = one(con, "FROM mart_production_space WHERE iso3 = 'UZB' AND item_code = '15' AND year = 2020")
    assert found["known_share"] == pytest.approx(x[6, 0] / (x[6, 0] + 5e11))
    assert found["gpv_intl_usd_w3"] == pytest.approx(x[6, 0])
    assert [found[name] for name in ("plq", "m", "density", "diversity")] == [None] * 4
    assert found["flag"] == "country_too_little_known"
    assert broken_rules(con, "mart_production_space") == []
