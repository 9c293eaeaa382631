"""Export potential and distances: the worked example, the invariant on any data, one result from arrays and SQL."""

from __future__ import annotations

from collections import Counter

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import export_potential as epi
from agrocluster.measures.distance import weighted_distances_km
from agrocluster.model.loader import ROOT, catalog, read_csv

# Block G of the method's worked examples: exporters e1, e2; markets a, b; two products.
EXAMPLE = {
    "v_i_j_k": [[[10, 0], [10, 20]], [[30, 20], [10, 20]]],
    "supply": [[1 / 3, 1 / 3], [2 / 3, 2 / 3]],
    "hyp": [[20, 20], [40, 40]],
    "ease": [[0.5, 1.5], [1.25, 0.75]],
    "epi": [[[20 / 3, 10 / 3], [10, 20]], [[100 / 3, 50 / 3], [10, 20]]],
    "untapped": [[[0, 10 / 3], [0, 0]], [[10 / 3, 0], [0, 0]]],
}
TRADE = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5)),
    elements=st.one_of(st.just(0.0), st.floats(1, 1e9)),
)


@pytest.fixture(scope="module")
def example() -> epi.Potential:
    return epi.static(np.array(EXAMPLE["v_i_j_k"], dtype=float))


def test_the_worked_example(example) -> None:
    np.testing.assert_allclose(example.supply, EXAMPLE["supply"], atol=1e-9)
    np.testing.assert_allclose(example.expected, EXAMPLE["hyp"], atol=1e-9)
    np.testing.assert_allclose(example.ease, EXAMPLE["ease"], atol=1e-9)
    np.testing.assert_allclose(example.epi, EXAMPLE["epi"], atol=1e-9)
    np.testing.assert_allclose(example.untapped, EXAMPLE["untapped"], atol=1e-9)


def test_an_overshoot_fills_no_gap_elsewhere(example) -> None:
    """Exporter 1 sells 10 of product 1 to market a against a potential of 6.67; product 2 keeps its gap of 3.33."""
    v = np.array(EXAMPLE["v_i_j_k"], dtype=float)
    assert example.untapped[0, 0].sum() == pytest.approx(10 / 3)
    assert epi.realised_share(example.epi[0, 0], v[0, 0]) == pytest.approx(2 / 3)
    assert epi.entry_share(example.epi[0, 0], v[0, 0]) == 1
    assert epi.entry_share(example.epi[1, 0], v[1, 0]) == 0
    assert np.isnan(epi.entry_share(example.epi[1, 1], v[1, 1])), "nothing is untapped there"


@given(TRADE)
def test_potential_adds_up_to_what_a_pair_trades(v) -> None:
    found = epi.static(v)
    total = v.sum(axis=2)
    np.testing.assert_allclose(np.nansum(found.epi, axis=2), total, rtol=1e-9)
    assert (np.nan_to_num(found.epi) >= 0).all()
    assert (np.nan_to_num(found.untapped) >= 0).all()
    assert (np.nan_to_num(found.epi)[total == 0] == 0).all(), "without a link there is no potential"
    for share in (epi.realised_share(found.epi, v), epi.entry_share(found.epi, v)):
        assert np.isnan(share) or -1e-12 <= share <= 1 + 1e-12


@given(TRADE, st.data())
def test_potential_adds_up_over_the_products_that_count(v, data) -> None:
    counted = data.draw(hnp.arrays(np.bool_, v.shape))
    found = epi.static(v, counted=counted)
    np.testing.assert_allclose(np.nansum(found.epi, axis=2), np.where(counted, v, 0).sum(axis=2), rtol=1e-9)
    assert np.isnan(found.epi[~counted]).all()


@given(TRADE, st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_units_and_order_do_not_matter(v, unit, random) -> None:
    found = epi.static(v)
    np.testing.assert_allclose(epi.static(v * unit).epi, found.epi * unit, rtol=1e-9)
    np.testing.assert_allclose(epi.static(v * unit).ease, found.ease, rtol=1e-9)
    orders = [random.sample(range(n), n) for n in v.shape]
    np.testing.assert_allclose(epi.static(v[np.ix_(*orders)]).epi, found.epi[np.ix_(*orders)], rtol=1e-9)


@given(TRADE)
def test_arrays_and_relations_give_the_same(v) -> None:
    assume(v.any())
    rows = [
        {"exporter": f"e{i}", "importer": f"m{j}", "product": f"k{k}", "value": v[i, j, k]}
        for i, j, k in np.argwhere(v > 0)
    ]
    con = duckdb.connect()
    relation = epi.static_relation(con.from_arrow(pa.Table.from_pylist(rows)))
    found = np.zeros(v.shape)
    gap = np.zeros(v.shape)
    for exporter, importer, product, value, left in relation.select(
        "exporter, importer, product, epi, untapped"
    ).fetchall():
        cell = int(exporter[1:]), int(importer[1:]), int(product[1:])
        found[cell], gap[cell] = value, left
    expected = epi.static(v)
    np.testing.assert_allclose(found, np.nan_to_num(expected.epi), rtol=1e-9)
    np.testing.assert_allclose(gap, np.nan_to_num(expected.untapped), rtol=1e-9, atol=1e-6 * v.max())


def test_occasional_trade_is_not_judged() -> None:
    yearly = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [9, 9, 9, 9, np.nan], [0.1] * 5])
    np.testing.assert_array_equal(epi.eligible(yearly, min_years=4, min_mean=0.8), [True, False, True, False])
    assert not epi.eligible([np.nan] * 5, min_years=0, min_mean=0.0)


def test_a_market_without_a_link_takes_the_median_of_the_neighbours() -> None:
    ease = np.array([[0.0, np.nan], [1.0, np.nan], [3.0, np.nan], [0.5, 2.0]])
    found = epi.peer_ease(ease)
    np.testing.assert_allclose(found[:, 0], [1.0, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(found[:3, 1], 2.0)
    assert np.isnan(found[3, 1]), "nobody else is known there"


def test_factors_of_the_extended_potential() -> None:
    np.testing.assert_allclose(
        epi.supply_factor(0.2, 0.1, [10, 10, 10], [40, 5, 0]), [0.25 * 1.2 / 1.1] + [1.2 / 1.1] * 2
    )
    assert np.isnan(epi.supply_factor(0.2, 0.1, 10, np.nan))
    assert epi.demand_factor(0.1, 0.2, 0.8) == pytest.approx(1.1 * 1.16)
    assert epi.tariff_factor(0.1, 0.0, 3) == pytest.approx(1.1**3)
    assert epi.tariff_factor(0.1, 0.1, 3) == 1
    assert epi.distance_factor(3000, 1000, 1) == 3
    assert np.isnan(epi.distance_factor(3000, 0, 1))


def test_the_usual_distance_is_weighted_by_supply_without_the_market_itself() -> None:
    km = np.array([[np.nan, 100.0], [100.0, np.nan], [400.0, np.nan]])
    supply = np.array([[6.0, 0.0], [1.0, 1.0], [3.0, np.nan]])
    found = epi.usual_distance_km(km, supply)
    np.testing.assert_allclose(found[0], [(1 * 100 + 3 * 400) / 4, 100])
    np.testing.assert_allclose(found[1, 0], 100)
    assert np.isnan(found[1, 1]), "the only supplier that is known is the market itself"


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.one_of(st.just(np.nan), st.integers(0, 5).map(float))))
def test_percentile_ranks_halve_ties_and_keep_unknown_unknown(values) -> None:
    ranks = epi.percentile_rank(values)
    known = ~np.isnan(values)
    np.testing.assert_array_equal(np.isnan(ranks), ~known)
    if known.any():
        assert ranks[known].mean() == pytest.approx(0.5)
        assert ((ranks[known] > 0) & (ranks[known] < 1)).all()
        a, b = np.meshgrid(np.flatnonzero(known), np.flatnonzero(known))
        assert (np.sign(values[a] - values[b]) == np.sign(np.round(ranks[a] - ranks[b], 12))).all()


def test_diversification_wants_closeness_access_and_demand_together() -> None:
    g = epi.diversification([0.1, 0.9], [0.0, 2.0], [[5, 5], [1, 9]])
    assert np.unravel_index(g.argmax(), g.shape) == (1, 1)
    assert g[1, 1] == pytest.approx((0.75 * 0.75 * 0.875) ** (1 / 3))
    assert np.isnan(epi.diversification([np.nan, 0.9], [0.0, 2.0], [[5, 5], [1, 9]])[:, 0]).all()


def test_distance_of_countries_with_one_city_is_the_great_circle() -> None:
    names, km = weighted_distances_km(["B", "A"], [0, 0], [90, 0], [5, 7], theta=-1)
    assert names.tolist() == ["A", "B"]
    assert km[0, 1] == km[1, 0] == pytest.approx(6371.0088 * np.pi / 2)
    assert np.isnan(km[0, 0])


def test_distance_weighs_cities_by_population() -> None:
    """A: one city; B: three quarters of its people 90 degrees away, the rest 45 degrees."""
    cities = (["B", "A", "B"], [0, 0, 0], [90, 0, 45], [3, 1, 1])
    quarter = 6371.0088 * np.pi / 2
    assert weighted_distances_km(*cities, theta=1)[1][0, 1] == pytest.approx(quarter * (0.75 + 0.25 / 2))
    assert weighted_distances_km(*cities, theta=-1)[1][0, 1] == pytest.approx(quarter / (0.75 + 0.25 * 2))


def test_cities_cover_every_economy_that_has_people() -> None:
    cities = read_csv(ROOT / "cities.csv").to_pylist()
    with_people = {c.iso3 for c in catalog().countries.values()} - {"ATA", "BVT", "HMD", "UMI"}
    assert {row["iso3"] for row in cities} == with_people
    assert max(Counter(row["iso3"] for row in cities).values()) == 25
    assert len({row["geonames_id"] for row in cities}) == len(cities)
    for row in cities:
        assert abs(float(row["latitude"])) <= 90, row
        assert abs(float(row["longitude"])) <= 180, row
        assert float(row["population"]) > 0, row
        assert row["source"], row


# GeoDist's ``distwces`` (CEPII, Mayer and Zignago 2011; population-weighted, theta = -1), kilometres. Its cities are
# of 2004 and fewer than ours in Central Asia, hence the tolerance.
PUBLISHED = {
    ("KAZ", "RUS"): 1671.913,
    ("UZB", "RUS"): 2380.861,
    ("UZB", "CHN"): 4220.192,
    ("KGZ", "TUR"): 3514.7,
    ("KGZ", "KAZ"): 524.795,
    ("KAZ", "DEU"): 4233.814,
    ("TJK", "IRN"): 1583.254,
    ("KGZ", "USA"): 10909.58,
}


def test_distances_are_those_of_geodist_within_two_percent() -> None:
    cities = read_csv(ROOT / "cities.csv").to_pydict()
    columns = (cities[name] for name in ("iso3", "latitude", "longitude", "population"))
    names, km = weighted_distances_km(*columns, theta=-1)
    place = {name: i for i, name in enumerate(names)}
    for (a, b), expected in PUBLISHED.items():
        assert km[place[a], place[b]] == pytest.approx(expected, rel=0.02), (a, b)
