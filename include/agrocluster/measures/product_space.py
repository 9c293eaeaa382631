"""Product space and economic complexity from a matrix of presence (methodology 3).

Rows are countries, columns are products, M_ck is 1 where a country has advantage in a product. Countries and products
without any presence must be removed beforehand, and the graph of M must be connected; otherwise the second eigenvector
is arbitrary. Levels are comparable within one sample only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats

_GAP = 1e-9
"""How far the second eigenvalue must lie from its neighbours to name one vector (methodology 3.2, step 2)."""


def presence(advantage: ArrayLike, threshold: float = 1.0) -> Floats:
    """M, 1 where RCA reaches the threshold and 0 elsewhere; an unknown advantage is no presence (3.1)."""
    return (np.asarray(advantage, dtype=np.float64) >= threshold).astype(np.float64)


def proximity(m: ArrayLike) -> Floats:
    """phi_kl, the smaller of the two conditional probabilities of presence; products by products, diagonal 1 (3.1)."""
    matrix = _checked(m)
    ubiquity = matrix.sum(axis=0)
    return matrix.T @ matrix / np.maximum.outer(ubiquity, ubiquity)


def density(m: ArrayLike, phi: ArrayLike) -> Floats:
    """Share of a product's proximities that a country has, from 0 to 1; countries by products (3.1)."""
    matrix, near = np.asarray(m, dtype=np.float64), np.asarray(phi, dtype=np.float64)
    return matrix @ near / near.sum(axis=0)


@dataclass(frozen=True)
class Complexity:
    """Complexity of countries and products, in the scales of both reference packages (3.2).

    Attributes:
        eci, pci: as py-ecomplexity: population deviation, products on the scale of countries, so that a country's
            eci is the mean pci of what it has. The default.
        eci_sample, pci_sample: as R economiccomplexity: each with its own mean and sample deviation.
        raw_pci: products before scaling. sd: population deviation of countries before scaling.
        lambda_2: the second eigenvalue.
    """

    eci: Floats
    pci: Floats
    eci_sample: Floats
    pci_sample: Floats
    raw_pci: Floats
    sd: float
    lambda_2: float


def complexity(m: ArrayLike) -> Complexity:
    """The second eigenvector of D^-1 M U^-1 M', taken from its symmetric form; sign by diversity (3.1, 3.2).

    ValueError where the second eigenvalue is not a single one below 1.
    """
    matrix = _checked(m)
    diversity, ubiquity = matrix.sum(axis=1), matrix.sum(axis=0)
    s = matrix / np.sqrt(diversity)[:, None] / np.sqrt(ubiquity)[None, :]
    values, vectors = np.linalg.eigh(s @ s.T)
    third, second = (float(v) for v in ([0.0, *values])[-3:-1])
    if second > 1 - _GAP or second - third < _GAP:
        raise ValueError("the second eigenvalue is multiple: the matrix of presence falls apart or repeats itself")
    kc = vectors[:, -2] / np.sqrt(diversity)
    centred = diversity - diversity.mean()
    kc = kc * (-1 if (centred * kc).sum() < 0 else 1)
    kp = matrix.T @ kc / ubiquity / second
    sd = float(kc.std())
    return Complexity(
        eci=(kc - kc.mean()) / sd,
        pci=(kp - kc.mean()) / sd,
        eci_sample=(kc - kc.mean()) / kc.std(ddof=1),
        pci_sample=(kp - kp.mean()) / kp.std(ddof=1),
        raw_pci=kp,
        sd=sd,
        lambda_2=second,
    )


def coi(m: ArrayLike, near: ArrayLike, raw_pci: ArrayLike) -> Floats:
    """Outlook: complexity of what a country lacks, by its density, in population deviations over countries (3.1).

    Args:
        near: density; raw_pci: products before scaling, see ``Complexity``.
    """
    matrix, close, products = (np.asarray(v, dtype=np.float64) for v in (m, near, raw_pci))
    total = (close * (1 - matrix) * products).sum(axis=1)
    return (total - total.mean()) / total.std()


def cog(m: ArrayLike, phi: ArrayLike, raw_pci: ArrayLike, sd: float) -> Floats:
    """Gain in outlook from a product a country lacks, over the deviation of countries; 0 where it has it (3.1).

    The form of both reference packages (``cog_pkg``): what the product itself is worth is not taken off.
    """
    matrix, near, products = (np.asarray(v, dtype=np.float64) for v in (m, phi, raw_pci))
    lacking = 1 - matrix
    return lacking * ((lacking * products) @ (near / near.sum(axis=1)[:, None])) / sd


def fitness(m: ArrayLike, updates: int) -> tuple[Floats, Floats]:
    """Fitness of countries and quality of products after ``updates`` from ones, each over its mean (3.2; Tacchella)."""
    matrix = _checked(m)
    country, product = np.ones(matrix.shape[0]), np.ones(matrix.shape[1])
    for _ in range(updates):
        new_country = matrix @ product
        new_product = 1 / (matrix.T @ (1 / country))
        country, product = new_country / new_country.mean(), new_product / new_product.mean()
    return country, product


def reflections(m: ArrayLike, columns: int = 20) -> tuple[Floats, Floats]:
    """Method of reflections: countries at the last even and products at the last odd step, standardised (3.2).

    The first of ``columns`` steps is diversity and ubiquity. For tests: the eigenvector is its limit.
    """
    matrix = _checked(m)
    diversity, ubiquity = matrix.sum(axis=1), matrix.sum(axis=0)
    steps = [(diversity, ubiquity)]
    for _ in range(columns - 1):
        country, product = steps[-1]
        steps.append((matrix @ product / diversity, matrix.T @ country / ubiquity))
    country, product = steps[columns - 2][0], steps[columns - 1][1]
    return (country - country.mean()) / country.std(ddof=1), (product - product.mean()) / product.std(ddof=1)


def _checked(m: ArrayLike) -> Floats:
    matrix = np.asarray(m, dtype=np.float64)
    if not (matrix.any(axis=0).all() and matrix.any(axis=1).all()):
        raise ValueError("a country or a product without any presence must be removed first")
    return matrix
