"""Which countries and products a product space can be estimated on, and why the others are not (3.2, steps 1 and 2).

What is removed is returned by name with its reason; nothing disappears. Which countries and products are worth
estimating on (population, exports, thin products: 3.3) is the caller's choice and is made before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures import product_space as space
from agrocluster.measures.blas import one_thread
from agrocluster.measures.safe import Floats, divide

NO_TRADE = "zero_total"
"""No exports at all; of products: none by the countries that the estimate rests on."""
NO_PRESENCE = "no_presence"
APART = "outside_giant_component"

Labels = Sequence[str]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Removed:
    """A country or product left out: its name, ``country`` or ``product``, and the reason."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Sample:
    """A presence matrix that complexity can be estimated on, and countries beside it.

    Attributes:
        rows, columns: positions in the given matrix; the ``size`` countries of the estimate, then those outside it.
        m: presence of ``rows`` in ``columns``.
        advantage: RCA of all countries and products given, over the totals of the countries of the estimate.
        removed: what is in neither.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    size: int
    m: Floats
    advantage: Floats
    removed: tuple[Removed, ...]


def choose(
    x: ArrayLike,
    countries: Labels,
    products: Labels,
    *,
    outside: Collection[str] = (),
    threshold: float = 1.0,
    thin_below: float = 0.0,
    population: ArrayLike | None = None,
) -> Sample:
    """The largest sample of ``x`` that hangs together (3.2, steps 1 and 2).

    Args:
        x: exports in dollars, countries by products, named by ``countries`` and ``products``.
        outside: countries that must not influence the estimate; they are asked about on its products.
        threshold: RCA from which a country has a product.
        thin_below: exports below this are no presence, whatever their RCA.
        population: persons per country; presence is then by exports per head, see ``product_space.rpop``.

    ValueError where a value is missing, infinite or negative: a gap is not a zero (0.4).
    """
    matrix = exports(x)
    beside = np.isin(np.asarray(countries, dtype=object), list(outside))
    active: Mask = np.any(matrix, axis=1)
    inside = active & ~beside
    asked: Mask = np.any(matrix[~beside], axis=0)
    x_asked = np.where(asked, matrix, 0.0)
    advantage = _advantage(x_asked, inside)
    measure = advantage if population is None else space.rpop(x_asked, population, inside)
    m = space.presence(measure, threshold) * (matrix >= thin_below)
    rows, columns, giant_rows, giant_columns = connected(m[inside][:, asked])
    outer = active & beside
    removed = removals(
        "country",
        countries,
        (NO_TRADE, active),
        (NO_PRESENCE, _placed(inside, rows) | outer),
        (APART, _placed(inside, giant_rows) | outer),
    ) + removals(
        "product",
        products,
        (NO_TRADE, asked),
        (NO_PRESENCE, _placed(asked, columns)),
        (APART, _placed(asked, giant_columns)),
    )
    kept_rows = np.concatenate([np.flatnonzero(_placed(inside, giant_rows)), np.flatnonzero(outer)])
    kept_columns = np.flatnonzero(_placed(asked, giant_columns))
    cut = m[np.ix_(kept_rows, kept_columns)]
    return Sample(kept_rows, kept_columns, int(giant_rows.sum()), cut, advantage, tuple(removed))


def exports(x: ArrayLike) -> Floats:
    """``x`` as float64. ValueError where a value is missing, infinite or negative."""
    matrix = np.asarray(x, dtype=np.float64)
    wrong = int((~np.isfinite(matrix) | (matrix < 0)).sum())
    if wrong:
        raise ValueError(f"{wrong} values are missing, infinite or negative; leave out what is unknown, or fill it")
    return matrix


@one_thread
def connected(m: ArrayLike) -> tuple[Mask, Mask, Mask, Mask]:
    """Countries with presence, products with presence, and the countries and products of the giant component.

    Removing what has no presence takes no presence from anything else, so nothing more falls out afterwards. The giant
    component has the most countries and products; of several as large, the one with the first country.
    """
    matrix = np.asarray(m) > 0
    rows: Mask = np.any(matrix, axis=1)
    columns: Mask = np.any(matrix, axis=0)
    counted = matrix.astype(np.float32)
    shared = (counted @ counted.T) > 0
    best_rows, best_columns = np.zeros_like(rows), np.zeros_like(columns)
    left = rows.copy()
    while left.any():
        member = np.zeros_like(rows)
        member[np.argmax(left)] = True
        while (grown := member | shared[member].any(axis=0)).sum() > member.sum():
            member = grown
        products: Mask = np.any(matrix[member], axis=0)
        if member.sum() + products.sum() > best_rows.sum() + best_columns.sum():
            best_rows, best_columns = member, products
        left &= ~member
    return rows, columns, best_rows, best_columns


def removals(kind: str, names: Labels, *steps: tuple[str, Mask]) -> list[Removed]:
    """The names that each step did not keep, under the reason of the first that did not."""
    reasons = np.full(len(names), "", dtype=object)
    for reason, kept in reversed(steps):
        reasons[~kept] = reason
    return [Removed(names[n], kind, str(reasons[n])) for n in np.flatnonzero(reasons != "").tolist()]


def _advantage(x: Floats, inside: Mask) -> Floats:
    """RCA of every country, inside or not, over the product shares of the countries inside."""
    totals, of_product = x.sum(axis=1), x[inside].sum(axis=0)
    return divide(divide(x, totals[:, None]), divide(of_product, totals[inside].sum())[None, :])


def _placed(where: Mask, kept: Mask) -> Mask:
    """A mask over what ``where`` picked, as one over everything."""
    result = np.zeros_like(where)
    result[where] = kept
    return result
