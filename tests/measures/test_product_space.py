"""Product space and complexity: worked example B, and the identities of the method."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from agrocluster.measures import complexity as cx
from agrocluster.measures import complexity_sample as sample
from agrocluster.measures import specialisation
from agrocluster.measures.blas import one_thread
from agrocluster.measures.product_space import (
    ProductSpace,
    known_density,
    known_proximity,
    outlook,
    presence,
    rpop,
)

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
EXAMPLE = EXAMPLES["B_product_space"]
M = np.array(EXAMPLE["M"])


def connected(seed: int, shape: tuple[int, int] = (9, 14), share: float = 0.4) -> np.ndarray:
    """A presence matrix whose graph is one, as random as can be."""
    m = (np.random.default_rng(seed).random(shape) < share).astype(float)
    *_, rows, columns = sample.connected(m)
    return m[np.ix_(rows, columns)]


def test_the_worked_example() -> None:
    m = presence(specialisation.rca(np.array(EXAMPLES["A_specialisation"]["X_rows_A_B_C_D_cols_p1_p4"])))
    space, found, fit = ProductSpace(m), cx.landscape(m), cx.fitness(m, 3)
    reflected = cx.reflections(m)
    for name, value in {
        "M": m,
        "phi": space.proximity(),
        "density": found.density,
        "eci_py": found.eci,
        "pci_py": found.found.pci,
        "eci_R": found.eci_sample,
        "pci_R": found.found.pci_sample,
        "coi_py": found.coi,
        "cog_py": found.cog_pkg,
        "fitness_4it": fit.country,
        "quality_4it": fit.product,
        "reflections_20it_country": reflected[0],
        "reflections_20it_product": reflected[1],
    }.items():
        np.testing.assert_allclose(value, EXAMPLE[name], atol=1e-9, err_msg=name)
    lacking = 1 - m
    np.testing.assert_allclose(
        found.cog_book,
        EXAMPLE["cog_py"] - lacking * EXAMPLE["density"] * (found.found.raw_pci / found.found.sd),
        atol=1e-9,
    )


@given(st.integers(0, 100_000))
def test_what_is_unknown_is_neither_present_nor_absent(seed: int) -> None:
    m = connected(seed)
    space, known = ProductSpace(m), np.ones(m.shape, dtype=bool)
    np.testing.assert_allclose(known_proximity(m, known), space.proximity(), atol=1e-12)
    density, coverage = known_density(space.proximity(), m, known)
    np.testing.assert_allclose(density, space.density(), atol=1e-12)
    np.testing.assert_allclose(coverage, 1)
    known = np.random.default_rng(seed).random(m.shape) < 0.7
    phi = known_proximity(m, known)
    np.testing.assert_array_equal(phi, known_proximity(np.where(known, m, 1 - m), known))
    density, coverage = known_density(phi, m, known)
    assert np.isnan(density[~known]).all()
    assert (((density >= 0) & (density <= 1)) | np.isnan(density)).all()
    assert (((coverage >= 0) & (coverage <= 1)) | np.isnan(coverage)).all()


def test_proximity_over_the_countries_that_know_both() -> None:
    """Of three countries with the first good one does not know the second, and only one knows the third."""
    m = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]])
    known = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 1, 1]])
    phi = known_proximity(m, known)
    np.testing.assert_allclose(phi, [[1, 0.5, 0], [0.5, 1, 1], [0, 1, 1]])
    density, coverage = known_density(phi, m[:1], known[:1])
    np.testing.assert_allclose(density, [[1, 1, np.nan]])
    np.testing.assert_allclose(coverage, [[1, 1.5 / 2.5, 0.5]])


@given(st.integers(0, 100_000))
def test_the_identities_of_complexity(seed: int) -> None:
    m = connected(seed)
    try:
        found = cx.complexity(m)
    except cx.UndefinedComplexity:
        return
    assert found.eci.mean() == pytest.approx(0, abs=1e-9)
    assert found.eci.std() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(m @ found.pci / m.sum(axis=1), found.eci, atol=1e-7)
    np.testing.assert_allclose(found.eci_sample, found.eci * np.sqrt((len(m) - 1) / len(m)), atol=1e-9)
    assert found.lambda_3 < found.lambda_2 < 1
    assert np.corrcoef(m.sum(axis=1), found.eci)[0, 1] > 0


@given(st.integers(0, 100_000), st.sampled_from([(3, 400), (9, 14), (30, 5), (40, 300)]))
def test_the_identities_of_the_space(seed: int, shape: tuple[int, int]) -> None:
    m = connected(seed, shape)
    assume(m.size)
    space = ProductSpace(m)
    phi = space.proximity()
    np.testing.assert_array_equal(phi, phi.T)
    np.testing.assert_array_equal(phi.diagonal(), 1)
    assert ((phi >= 0) & (phi <= 1)).all()
    ubiquity, both = m.sum(axis=0), m.T @ m
    np.testing.assert_array_equal(phi, np.minimum(both / ubiquity, both / ubiquity[:, None]))
    weights = np.random.default_rng(seed).normal(size=(4, m.shape[1]))
    np.testing.assert_allclose(space.spread(weights), weights @ phi, atol=1e-9)
    near = space.density()
    assert ((near >= 0) & (near <= 1)).all()
    np.testing.assert_allclose(near, m @ phi / phi.sum(axis=0), atol=1e-12)
    np.testing.assert_array_equal(near == 0, m @ phi == 0)


@given(st.integers(0, 100_000), st.sampled_from([0.001, 3.0, 1e6]))
def test_order_and_currency_change_nothing(seed: int, unit: float) -> None:
    random = np.random.default_rng(seed)
    x = np.exp(random.normal(0, 2, (10, 15)))
    rows, columns = random.permutation(10), random.permutation(15)
    names, goods = np.array([f"c{n}" for n in range(10)]), np.array([f"p{n:02}" for n in range(15)])
    before = sample.choose(x, names.tolist(), goods.tolist())
    after = sample.choose((x * unit)[np.ix_(rows, columns)], names[rows].tolist(), goods[columns].tolist())
    assert set(before.removed) == set(after.removed)
    try:
        one, other = cx.landscape(before.m), cx.landscape(after.m)
    except cx.UndefinedComplexity:
        return
    assume(one.found.lambda_2 - one.found.lambda_3 > 1e-4)
    place = {name: n for n, name in enumerate(names[before.rows])}
    good = {name: n for n, name in enumerate(goods[before.columns])}
    r = [place[name] for name in names[rows][after.rows]]
    k = [good[name] for name in goods[columns][after.columns]]
    for name in ("density", "cog_pkg", "cog_book"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name)[np.ix_(r, k)], atol=1e-8, err_msg=name)
    np.testing.assert_allclose(other.eci, one.eci[r], atol=1e-8)
    np.testing.assert_allclose(other.found.pci, one.found.pci[k], atol=1e-8)
    np.testing.assert_allclose(other.coi, one.coi[r], atol=1e-8)


@given(st.integers(0, 100_000))
def test_a_country_projected_into_its_own_sample_gets_its_own_figures(seed: int) -> None:
    m = connected(seed, (9, 20))
    try:
        found = cx.landscape(m, m)
    except cx.UndefinedComplexity:
        return
    size = len(m)
    for name in ("density", "cog_pkg", "cog_book", "eci", "eci_sample", "coi"):
        value = getattr(found, name)
        np.testing.assert_allclose(value[size:], value[:size], atol=1e-7, err_msg=name)
    fit = cx.fitness(m, 5)
    np.testing.assert_allclose(fit.of(m), fit.country, atol=1e-12)


@given(st.integers(0, 100_000))
def test_countries_outside_change_nothing_inside(seed: int) -> None:
    x = np.exp(np.random.default_rng(seed).normal(0, 2, (10, 15)))
    names, goods = [f"c{n}" for n in range(10)], [f"p{n}" for n in range(15)]
    without = sample.choose(x[:8], names[:8], goods)
    beside = sample.choose(x, names, goods, outside={"c8", "c9"})
    assert beside.size == without.size == len(without.m)
    np.testing.assert_array_equal(beside.m[: beside.size], without.m)
    np.testing.assert_array_equal(beside.advantage[:8], without.advantage)
    assert beside.rows[beside.size :].tolist() == [8, 9]


def test_a_country_outside_that_has_nothing_is_unknown_not_zero() -> None:
    found = cx.landscape(M, np.zeros((1, 4)))
    assert np.isnan(found.eci[-1])
    assert np.isnan(found.eci_sample[-1])
    np.testing.assert_array_equal(found.density[-1], 0)


def test_the_nearest_products_are_weighted_and_exclude_the_product_itself() -> None:
    space = ProductSpace(M)
    phi = space.proximity()
    near = space.nearest_density(2)
    assert near[1, 0] == pytest.approx(1.0), "p2 is near p1 and there, p3 and p4 are not near at all"
    # p2 has p1 and p3 at 0.5 each; country D has p1 only
    assert near[3, 1] == pytest.approx(phi[0, 1] / (phi[0, 1] + phi[2, 1]))
    everything = space.nearest_density(3)
    others = phi - np.eye(4)
    np.testing.assert_allclose(everything, M @ others / others.sum(axis=0))
    with pytest.raises(ValueError, match="neighbours"):
        space.nearest_density(4)


def test_what_has_no_presence_or_hangs_on_nothing_is_removed_by_name() -> None:
    x = np.zeros((7, 9))
    x[:4, :4] = [[10, 20, 30, 40], [30, 40, 30, 0], [60, 40, 0, 0], [100, 0, 0, 0]]
    x[4, 4:6] = x[5, 5:7] = 500, 1
    x[4, 7] = 0.5
    countries, products = [f"c{n}" for n in range(7)], [f"p{n}" for n in range(9)]
    chosen = sample.choose(x, countries, products, thin_below=1)
    assert {(r.name, r.kind, r.reason) for r in chosen.removed} == {
        ("c4", "country", "outside_giant_component"),
        ("c5", "country", "outside_giant_component"),
        ("c6", "country", "zero_total"),
        ("p4", "product", "outside_giant_component"),
        ("p5", "product", "outside_giant_component"),
        ("p6", "product", "outside_giant_component"),
        ("p7", "product", "no_presence"),
        ("p8", "product", "zero_total"),
    }
    np.testing.assert_array_equal(chosen.m, presence(specialisation.rca(x))[:4, :4])
    assert [countries[n] for n in chosen.rows] == ["c0", "c1", "c2", "c3"]


def test_of_two_components_as_large_the_first_country_decides() -> None:
    rows, columns, giant_rows, giant_columns = sample.connected(np.kron(np.eye(2), np.ones((2, 3))))
    assert rows.all()
    assert columns.all()
    assert giant_rows.tolist() == [True, True, False, False]
    assert giant_columns.tolist() == [True] * 3 + [False] * 3


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a_gap_is_refused_at_the_door(wrong: float) -> None:
    x = np.ones((3, 3))
    x[1, 1] = wrong
    with pytest.raises(ValueError, match="1 values are missing, infinite or negative"):
        sample.choose(x, list("abc"), list("xyz"))


def test_matrices_that_name_no_second_vector_are_refused() -> None:
    with pytest.raises(ValueError, match="removed first"):
        cx.complexity([[1, 0], [1, 0]])
    with pytest.raises(ValueError, match="0 or 1"):
        cx.complexity([[1, 0.5], [1, 1]])
    with pytest.raises(cx.UndefinedComplexity, match="falls apart"):
        cx.complexity([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]])
    with pytest.raises(cx.UndefinedComplexity, match="multiple"):
        cx.complexity([[1, 1]])
    with pytest.raises(cx.UndefinedComplexity, match="no sign"):
        cx.complexity(np.eye(3, 4) + np.eye(3, 4, k=1))


def test_presence_per_head_sees_what_a_resource_hides() -> None:
    x = np.array([[1000.0, 30.0], [100.0, 30.0]])
    persons = [1.0, 2.0]
    assert presence(specialisation.rca(x))[0].tolist() == [1, 0]
    by_hand = (x / np.array([[1.0], [2.0]])) / (x.sum(axis=0) / 3.0)
    np.testing.assert_allclose(rpop(x, persons), by_hand)
    assert presence(rpop(x, persons))[0].tolist() == [1, 1]
    chosen = sample.choose(np.vstack([x, x[:1]]), ["a", "b", "c"], ["p", "q"], outside=["c"], population=[1, 2, 1])
    np.testing.assert_array_equal(chosen.m[-1], chosen.m[0])
    with pytest.raises(ValueError, match="population"):
        rpop(x, [1.0, np.nan])


def test_outlook_adds_up_what_is_lacking() -> None:
    space = ProductSpace(M)
    pci = np.array([1.0, 2.0, 3.0, 4.0])
    by_hand = [
        sum(d * p for d, p, had in zip(row, pci, m, strict=True) if not had)
        for row, m in zip(space.density(), M, strict=True)
    ]
    np.testing.assert_allclose(outlook(space.density(), pci, M), by_hand)


def test_linear_algebra_runs_in_one_thread_and_leaves_the_process_as_it_was() -> None:
    def threads() -> set[int]:  # SciPy may have brought a BLAS of its own, which is no concern of ours
        of_numpy = [found for found in threadpool_info() if "numpy" in found["filepath"]]
        return {library["num_threads"] for library in of_numpy if library["user_api"] == "blas"}

    before = threads()
    assert before, "NumPy has a BLAS whose threads are known"
    assert one_thread(threads)() == {1}
    assert threads() == before
