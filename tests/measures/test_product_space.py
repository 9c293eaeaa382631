"""Product space and complexity: worked example B, and the identities of the method."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agrocluster.measures import product_space as space
from agrocluster.measures import specialisation

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
EXAMPLE = EXAMPLES["B_product_space"]
M = np.array(EXAMPLE["M"])


def test_the_worked_example() -> None:
    exports = np.array(EXAMPLES["A_specialisation"]["X_rows_A_B_C_D_cols_p1_p4"])
    m = space.presence(specialisation.rca(exports))
    phi = space.proximity(m)
    near, found = space.density(m, phi), space.complexity(m)
    country, product = space.fitness(m, 3)
    reflected = space.reflections(m)
    for name, value in {
        "M": m,
        "phi": phi,
        "density": near,
        "eci_py": found.eci,
        "pci_py": found.pci,
        "eci_R": found.eci_sample,
        "pci_R": found.pci_sample,
        "coi_py": space.coi(m, near, found.raw_pci),
        "cog_py": space.cog(m, phi, found.raw_pci, found.sd),
        "fitness_4it": country,
        "quality_4it": product,
        "reflections_20it_country": reflected[0],
        "reflections_20it_product": reflected[1],
    }.items():
        np.testing.assert_allclose(value, EXAMPLE[name], atol=1e-9, err_msg=name)


@given(st.integers(0, 100_000))
def test_the_identities_of_complexity(seed: int) -> None:
    m = (np.random.default_rng(seed).random((7, 9)) < 0.45).astype(float)
    assume(m.any(axis=0).all() and m.any(axis=1).all())
    try:
        found = space.complexity(m)
    except ValueError:
        return
    assert found.eci.mean() == pytest.approx(0, abs=1e-9)
    assert found.eci.std() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(m @ found.pci / m.sum(axis=1), found.eci, atol=1e-7)
    np.testing.assert_allclose(found.eci_sample, found.eci * np.sqrt(6 / 7), atol=1e-9)
    phi = space.proximity(m)
    np.testing.assert_array_equal(phi, phi.T)
    np.testing.assert_allclose(phi.diagonal(), 1)
    near = space.density(m, phi)
    assert ((near >= 0) & (near <= 1 + 1e-12)).all()


def test_matrices_that_name_no_second_vector_are_refused() -> None:
    with pytest.raises(ValueError, match="removed first"):
        space.complexity([[1, 0], [1, 0]])
    with pytest.raises(ValueError, match="falls apart"):
        space.complexity([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]])
