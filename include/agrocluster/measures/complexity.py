"""Economic complexity of countries and products from a matrix of presence: ECI, PCI, COI, COG, Fitness (3.1 to 3.3).

The matrix must be one connected graph (``complexity_sample`` sees to it). Levels are comparable within one sample
only, and ECI is an ordering by likeness as much as by sophistication (Mealy, Farmer and Teytelboym 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.blas import one_thread
from agrocluster.measures.product_space import ProductSpace, checked, outlook
from agrocluster.measures.safe import Floats, divide

_GAP = 1e-9
"""How far the second eigenvalue must lie from its neighbours to name one vector (3.2, step 2), and how much it must
lean towards diversity to have a sign."""


class UndefinedComplexity(ValueError):
    """The sample does not determine complexity: several vectors, or both signs, fit equally well."""


@dataclass(frozen=True)
class Complexity:
    """Complexity of countries and products, in the scales of both reference packages (3.2).

    Attributes:
        eci, pci: as py-ecomplexity: population deviation, products on the scale of countries, so that a country's
            eci is the mean pci of what it has. The default.
        eci_sample, pci_sample: as R economiccomplexity: each with its own mean and sample deviation.
        raw_pci: products before scaling. mean, sd: of countries before scaling (population deviation).
        lambda_2, lambda_3: the second and third eigenvalue.
    """

    eci: Floats
    pci: Floats
    eci_sample: Floats
    pci_sample: Floats
    raw_pci: Floats
    mean: float
    sd: float
    lambda_2: float
    lambda_3: float


@one_thread
def complexity(m: ArrayLike) -> Complexity:
    """The second eigenvector of D^-1 M U^-1 M', taken from its symmetric form; sign by diversity (3.1, 3.2).

    UndefinedComplexity where the second eigenvalue is not a single one between 0 and 1, or where the vector is not
    correlated with diversity.
    """
    matrix = checked(m)
    diversity, ubiquity = matrix.sum(axis=1), matrix.sum(axis=0)
    s = matrix / np.sqrt(diversity)[:, None] / np.sqrt(ubiquity)[None, :]
    values, vectors = np.linalg.eigh(s @ s.T)
    third, second, _ = (float(v) for v in np.concatenate([np.zeros(2), values])[-3:])
    if second > 1 - _GAP or second - third < _GAP:
        raise UndefinedComplexity(
            "the second eigenvalue is multiple: the presence matrix falls apart or repeats itself"
        )
    kc = vectors[:, -2] / np.sqrt(diversity)
    lean = _correlation(diversity, kc)
    if abs(lean) < _GAP:
        raise UndefinedComplexity("the second eigenvector is not correlated with diversity: it has no sign")
    kc *= np.sign(lean)
    kp = matrix.T @ kc / ubiquity / second
    mean, sd = float(kc.mean()), float(kc.std())
    return Complexity(
        eci=(kc - mean) / sd,
        pci=(kp - mean) / sd,
        eci_sample=(kc - mean) / kc.std(ddof=1),
        pci_sample=(kp - kp.mean()) / kp.std(ddof=1),
        raw_pci=kp,
        mean=mean,
        sd=sd,
        lambda_2=second,
        lambda_3=third,
    )


@dataclass(frozen=True)
class Fitness:
    """Fitness of countries, quality of products, and how many updates made them (Tacchella et al. 2012; 3.2).

    ``weights`` are what the last update added up over the products of a country.
    """

    country: Floats
    product: Floats
    updates: int
    weights: Floats

    def of(self, rows: ArrayLike) -> Floats:
        """Fitness of countries by their presence, which need not be in the sample."""
        return np.asarray(rows, dtype=np.float64) @ self.weights


@one_thread
def fitness(m: ArrayLike, updates: int) -> Fitness:
    """Fitness and quality after ``updates`` from ones, each over its mean, not standardised (3.2, 3.4).

    Convergence is slow on sparse matrices: the number of updates is part of the result. The R package's ``n`` columns
    are ``n - 1`` updates.
    """
    matrix = checked(m)
    if updates < 1:
        raise ValueError(f"{updates} updates: give at least 1")
    country, product, weights = np.ones(matrix.shape[0]), np.ones(matrix.shape[1]), np.ones(matrix.shape[1])
    for _ in range(updates):
        of_country, of_product = matrix @ product, 1 / (matrix.T @ (1 / country))
        weights = product / of_country.mean()
        country, product = of_country / of_country.mean(), of_product / of_product.mean()
    return Fitness(country, product, updates, weights)


def reflections(m: ArrayLike, columns: int = 20) -> tuple[Floats, Floats]:
    """Method of reflections: countries at the last even and products at the last odd step, standardised (3.2).

    The first of ``columns`` steps is diversity and ubiquity. For tests: the eigenvector is its limit.
    """
    matrix = checked(m)
    diversity, ubiquity = matrix.sum(axis=1), matrix.sum(axis=0)
    steps = [(diversity, ubiquity)]
    for _ in range(columns - 1):
        country, product = steps[-1]
        steps.append((matrix @ product / diversity, matrix.T @ country / ubiquity))
    country, product = steps[columns - 2][0], steps[columns - 1][1]
    return (country - country.mean()) / country.std(ddof=1), (product - product.mean()) / product.std(ddof=1)


@dataclass(frozen=True)
class Landscape:
    """Everything about a sample and, in rows after it, about countries that took no part in the estimate (3.3).

    Attributes:
        found: the estimate. nearness: sum of each product's proximities.
        density, cog_pkg, cog_book: countries by products; gains over the deviation of countries. Density is weighted
            over the nearest products where their number was given.
        eci, eci_sample, coi: countries; outlook in population deviations over the sample. For countries outside, eci
            is the mean pci of what they have (nan where they have nothing) and the moments are the sample's.
    """

    found: Complexity
    density: Floats
    cog_pkg: Floats
    cog_book: Floats
    eci: Floats
    eci_sample: Floats
    coi: Floats


@one_thread
def landscape(m: ArrayLike, outside: ArrayLike | None = None, neighbours: int | None = None) -> Landscape:
    """Density, complexity, outlook and gain of a sample and of countries ``outside`` it, on the same products.

    Outside rows never influence the estimate; a row that is also in the sample gets the same figures again.
    """
    space = ProductSpace(m)
    rows = space.m if outside is None else np.vstack([space.m, np.asarray(outside, dtype=np.float64)])
    found, size = complexity(space.m), len(space.m)
    near = space.density(rows) if neighbours is None else space.nearest_density(neighbours, rows)
    over = outlook(near, found.raw_pci, rows)
    gains = space.gain(found.raw_pci, rows) / found.sd
    eci = np.concatenate([found.eci, divide(rows[size:] @ found.pci, rows[size:].sum(axis=1))])
    return Landscape(
        found=found,
        density=near,
        cog_pkg=gains,
        cog_book=gains - (1 - rows) * near * (found.raw_pci / found.sd),
        eci=eci,
        eci_sample=eci * np.sqrt((size - 1) / size),
        coi=divide(over - over[:size].mean(), over[:size].std()),
    )


def _correlation(a: Floats, b: Floats) -> float:
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0
