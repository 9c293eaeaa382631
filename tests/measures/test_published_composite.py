"""The engine and the audit against a published composite: the Technology Achievement Index of 23 countries.

``technology_achievement.csv`` holds what the OECD and JRC handbook (2008) carries through all its steps: data (table
A.2; telephones and electricity as decimal logarithms) and rankings (tables 23 and 38), and the index itself as
published in the Human Development Report 2001. Data have few digits, and so have weights and results: tolerances say
by how much that moves what is computed.
"""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from agrocluster.measures import coherence, composite, normalise
from agrocluster.measures.weights import pca_weights

with (Path(__file__).parent / "technology_achievement.csv").open(encoding="utf-8", newline="") as file:
    PUBLISHED = list(csv.DictReader(file))
INDICATORS = ["patents", "royalties", "internet", "exports", "telephones", "electricity", "schooling", "university"]
COUNTRIES = [row["country"] for row in PUBLISHED]
DATA = np.array([[float(row[name]) for name in INDICATORS] for row in PUBLISHED])
# Human Development Report 2001, technical note 2: best and worst observed, the two old innovations up to the OECD mean.
LOW = np.array([0, 0, 0, 0, 0, np.log10(22), 0.8, 0.1])
HIGH = np.array([994, 272.6, 232.4, 80.8, np.log10(901), np.log10(6969), 12, 27.4])
EQUAL = (1.0,) * 8
RANKINGS = {  # method, weights (table 22), and the places by which rounding moves a rank
    "equal_weights": ("arithmetic", EQUAL, 0),
    "budget_allocation": ("arithmetic", (0.11, 0.11, 0.11, 0.18, 0.10, 0.06, 0.15, 0.18), 0),
    "factor_analysis": ("arithmetic", (0.17, 0.15, 0.11, 0.06, 0.08, 0.13, 0.13, 0.17), 1),
    "analytic_hierarchy": ("arithmetic", (0.09, 0.10, 0.07, 0.21, 0.05, 0.06, 0.18, 0.25), 2),
    "geometric": ("geometric", EQUAL, 2),
}
TABLE_6 = {  # handbook, correlations
    "patents": (0.13, -0.09, 0.45, 0.28, 0.03, 0.22, 0.08),
    "royalties": (0.46, 0.25, 0.56, 0.32, 0.30, 0.06),
    "internet": (-0.45, 0.56, 0.84, 0.63, 0.27),
    "exports": (0.00, -0.36, -0.35, -0.03),
    "telephones": (0.64, 0.30, 0.33),
    "electricity": (0.65, 0.26),
    "schooling": (0.08,),
}


def structure(pillar_of: list[int], weight: tuple[float, ...]) -> composite.Structure:
    """Pillars of one sub-index; weights of pillars add up those of their indicators."""
    n = max(pillar_of) + 1
    return composite.Structure(
        pillar_of=np.array(pillar_of),
        weight=np.array(weight),
        anchor=np.zeros(8, dtype=bool),
        sub_of=np.zeros(n, dtype=np.intp),
        pillar_weight=np.bincount(pillar_of, weights=weight),
        required=np.zeros(n, dtype=bool),
    )


def index(data: np.ndarray, pillar_of: list[int], weight: tuple[float, ...], how: str) -> np.ndarray:
    of = structure(pillar_of, weight)
    scores = normalise.min_max(data, LOW, HIGH, axis=0)
    pillars = composite.pillar_scores(scores, of, min_weight=0.5, min_indicators=1)
    return composite.sub_index_scores(pillars.score, of, min_pillars=1, method=how)[:, 0]


def test_the_published_index_comes_out() -> None:
    data = DATA.copy()
    # The handbook imputes Singapore's royalties; the report had none and counted them as zero.
    data[COUNTRIES.index("SGP"), 1] = 0
    found = (index(data, [0, 0, 1, 1, 2, 2, 3, 3], EQUAL, "arithmetic") - 1) / 99
    assert found == pytest.approx([float(row["tai"]) for row in PUBLISHED], abs=0.0015)


@pytest.mark.parametrize("name", RANKINGS)
def test_the_published_rankings_come_out(name: str) -> None:
    how, weight, places = RANKINGS[name]
    found = np.argsort(np.argsort(-index(DATA, list(range(8)), weight, how))) + 1
    moved = np.abs(found - np.array([int(row[f"rank_{name}"]) for row in PUBLISHED]))
    assert moved.max() <= places
    assert (moved == 0).sum() >= 18


def test_correlations_of_the_handbook() -> None:
    r, n = coherence.correlations(DATA)
    assert (n == 23).all()
    published = [value for row in TABLE_6.values() for value in row]
    found = [r[i, j] for i, j in combinations(range(8), 2)]
    # Royalties and telephones suffer most from logarithms of two decimals: 0.58 instead of 0.56.
    assert found == pytest.approx(published, abs=0.02)


def test_components_of_the_handbook() -> None:
    """Table 7, shares of variance, and the first column of table 8, loadings."""
    found = coherence.principal_components(DATA)
    published = np.array([41.9, 21.8, 12.3, 11.1, 6.0, 3.7, 2.2, 0.9])
    np.testing.assert_allclose(100 * found.explained, published, atol=0.12)
    loadings = np.array([-0.11, -0.56, -0.92, 0.35, -0.76, -0.91, -0.74, -0.36])
    np.testing.assert_allclose(pca_weights(DATA), loadings**2 / (loadings**2).sum(), atol=0.002)


def test_cronbach_alpha_of_the_handbook() -> None:
    """Table 11: 0.70 for all, and after each of the indicators is left out; of standardised values."""
    z = (DATA - DATA.mean(axis=0)) / DATA.std(axis=0)
    assert coherence.cronbach_alpha(z) == pytest.approx(0.70, abs=0.005)
    left_out = [coherence.cronbach_alpha(np.delete(z, j, axis=1)) for j in range(8)]
    assert left_out == pytest.approx([0.704, 0.645, 0.636, 0.774, 0.603, 0.624, 0.662, 0.706], abs=0.0015)
