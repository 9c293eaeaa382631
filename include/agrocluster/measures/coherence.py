"""Do the indicators of a pillar measure one thing, and does each count as much as its weight says? (method 9.1)

The internal audit of the OECD/JRC handbook (2008), step 4: correlations, shape, internal consistency, principal
components, and importance. Units (countries, cells) lie along the first axis, indicators along the second; nan is
unknown. Correlations are of pairs: each rests on the units that know both indicators, and says how many these are.
Nothing here judges: thresholds are applied by whoever reads the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.blas import one_thread
from agrocluster.measures.safe import Floats, divide, floats

Counts = NDArray[np.int64]
_ROUNDING = 1e-12
"""A variance this small beside the indicator's own is rounding."""


def correlations(values: ArrayLike) -> tuple[Floats, Counts]:
    """Pearson's correlation of every pair over the units that know both, and their number.

    Both are indicators by indicators. nan where either has no spread over these units; the diagonal is 1 or nan.
    """
    covariance, n, spread = _pairwise(values)
    r = divide(covariance, np.sqrt(spread * spread.T))
    np.fill_diagonal(r, np.where(np.isnan(np.diagonal(r)), np.nan, 1.0))
    return np.clip(r, -1, 1), n


def rank_correlations(values: ArrayLike) -> tuple[Floats, Counts]:
    """Spearman's correlation of every pair, ranked among the units that know both (ties average), and their number."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    r = np.full((x.shape[1], x.shape[1]), np.nan)
    for i, j in zip(*np.triu_indices(x.shape[1]), strict=True):
        both = known[:, i] & known[:, j]
        if both.any():
            ranked = [_ranks(x[both, column]) for column in (i, j)]
            r[i, j] = r[j, i] = correlations(np.column_stack(ranked))[0][0, 1]
    return r, known.astype(np.int64).T @ known.astype(np.int64)


def skewness(values: ArrayLike) -> Floats:
    """Skewness per indicator with the correction for small samples (G1); nan below three units or without spread."""
    n, m2, m3, _ = _moments(values)
    enough = np.where(n >= 3, n, np.nan)
    return np.sqrt(enough * (enough - 1)) / (enough - 2) * divide(m3, m2**1.5)


def excess_kurtosis(values: ArrayLike) -> Floats:
    """Excess kurtosis per indicator with the correction for small samples (G2, 0 for the normal distribution).

    nan below four units or without spread.
    """
    n, m2, _, m4 = _moments(values)
    enough = np.where(n >= 4, n, np.nan)
    raw = divide(m4, np.square(m2)) - 3
    return (enough - 1) / ((enough - 2) * (enough - 3)) * ((enough + 1) * raw + 6)


def is_skewed(
    skew: ArrayLike, kurtosis: ArrayLike, *, skew_max: float = 2.0, kurtosis_max: float = 3.5
) -> NDArray[np.bool_]:
    """The JRC's rule of thumb: outliers set the scale where |skewness| > 2 and excess kurtosis > 3.5, both.

    Args:
        skew_max, kurtosis_max: limits (``coherence_skew_max``, ``coherence_kurtosis_max``).
    """
    g1, g2 = floats(skew, kurtosis)
    return (np.abs(g1) > skew_max) & (g2 > kurtosis_max)


def cronbach_alpha(values: ArrayLike) -> float:
    """Cronbach's alpha, k / (k - 1) (1 - sum of variances / sum of all covariances), of the k indicators with spread.

    Covariances (n - 1) are of pairs of known values; a variance is of all known values of its indicator. nan for fewer
    than two such indicators, or where a pair shares no two units. May be negative: the indicators then contradict.
    """
    covariance, n, _ = _pairwise(values)
    used = np.diagonal(covariance) > 0
    k = int(used.sum())
    if k < 2:
        return float("nan")
    part = divide(covariance, np.where(n > 1, n - 1, 0))[np.ix_(used, used)]
    return float(k / (k - 1) * (1 - divide(np.diagonal(part).sum(), part.sum())))


@dataclass(frozen=True)
class Components:
    """Principal components of the correlations, the largest first.

    Attributes:
        eigenvalues: they add up to the number of indicators with spread. Pairs of different units may make a small one
            negative.
        explained: their share of that number.
    """

    eigenvalues: Floats
    explained: Floats


@one_thread
def principal_components(values: ArrayLike) -> Components:
    """Principal components of the indicators that have spread; empty where a pair of them shares too few units."""
    r, _ = correlations(values)
    used = ~np.isnan(np.diagonal(r))
    kept = r[np.ix_(used, used)]
    if not used.any() or np.isnan(kept).any():
        return Components(np.empty(0), np.empty(0))
    eigenvalues = np.linalg.eigvalsh(kept)[::-1]
    return Components(eigenvalues, eigenvalues / len(kept))


@dataclass(frozen=True)
class Importance:
    """Share of the target's variance that goes away once the indicator is known (squared correlation ratio).

    Attributes:
        linear: R squared of a straight line; spline: of a smooth curve, never below ``linear``.
        n: units that know both.
    """

    linear: Floats
    spline: Floats
    n: Counts


def importance(values: ArrayLike, target: ArrayLike) -> Importance:
    """Importance of every indicator for what it is aggregated into (Becker, Saisana, Paruolo and Vandecasteele 2017).

    Args:
        values: units by indicators; target: score of the pillar or sub-index, per unit.

    S = Var(E[y | x]) / Var(y), 0 to 1. A nominal weight says how an indicator enters; this says what it decides, with
    its spread and its correlations. The main effect E[y | x] is a straight line, or a penalised cubic spline (Eilers
    and Marx 1996: ten segments, second differences, penalty by generalised cross-validation). nan where either has no
    spread over the common units, or these are fewer than ten.
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(target, dtype=np.float64)
    linear, spline = (np.full(x.shape[1], np.nan) for _ in range(2))
    known = ~np.isnan(x) & ~np.isnan(y)[:, None]
    for j in range(x.shape[1]):
        xs, ys = x[known[:, j], j], y[known[:, j]]
        r = correlations(np.column_stack([xs, ys]))[0][0, 1]
        if len(xs) >= 10 and not np.isnan(r):
            linear[j] = r**2
            spline[j] = max(linear[j], _explained_by_spline(xs, ys))
    return Importance(linear, spline, known.sum(axis=0))


@one_thread
def _explained_by_spline(x: Floats, y: Floats, segments: int = 10) -> float:
    """Share of y's variance that a penalised cubic spline of x explains.

    The penalty leaves straight lines alone, and the fit shrinks everything else: its variance lies between those of
    the line and of y.
    """
    basis = _cubic_basis((x - x.min()) / (x.max() - x.min()), segments)
    penalty = np.diff(np.eye(segments + 3), n=2, axis=0)
    centred = y - y.mean()
    n, best, explained = len(y), np.inf, 0.0
    for strength in 10.0 ** np.arange(-3, 7, 0.5):
        q, _ = np.linalg.qr(np.vstack([basis, np.sqrt(strength) * penalty]))
        upper = q[:n]
        fitted = upper @ (upper.T @ centred)
        freedom = np.square(upper).sum()
        criterion = n * np.square(centred - fitted).sum() / (n - freedom) ** 2
        if criterion < best:
            best, explained = criterion, float(np.square(fitted).sum() / np.square(centred).sum())
    return explained


def _cubic_basis(u: Floats, segments: int) -> Floats:
    """Cubic B-splines on equal segments of 0 to 1, points by segments + 3; every row adds up to 1."""
    segment = np.minimum((u * segments).astype(np.int64), segments - 1)
    f = u * segments - segment
    pieces = ((1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3)
    basis = np.zeros((len(u), segments + 3))
    for k, piece in enumerate(pieces):
        basis[np.arange(len(u)), segment + k] = piece / 6
    return basis


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, ties with their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _pairwise(values: ArrayLike) -> tuple[Floats, Counts, Floats]:
    """Per pair of indicators over the units that know both: sum of products about the means, number, and the sum of
    squares of the first about its mean (0 where it has no spread there)."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    held = known.astype(np.float64)
    n = known.astype(np.int64).T @ known.astype(np.int64)
    # About the overall mean, so that little cancels out below.
    centred = np.where(known, x - divide(np.where(known, x, 0).sum(axis=0), known.sum(axis=0)), 0)
    own = np.square(centred).sum(axis=0)
    sums = np.einsum("ui,uj->ij", centred, held)
    squares = np.einsum("ui,uj->ij", np.square(centred), held)
    products = np.einsum("ui,uj->ij", centred, centred)
    spread = squares - divide(np.square(sums), n)
    spread = np.where(spread > _ROUNDING * own[:, None], spread, 0)
    return products - divide(sums * sums.T, n), n, np.nan_to_num(spread)


def _moments(values: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    """Number of known units, and second to fourth central moments, per indicator."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    n = known.sum(axis=0).astype(np.float64)
    size = np.abs(np.where(known, x, 0)).max(axis=0, initial=0)
    d = np.where(known, x - divide(np.where(known, x, 0).sum(axis=0), n), 0)
    m2, m3, m4 = (divide((d**power).sum(axis=0), n) for power in (2, 3, 4))
    return n, np.where(m2 > np.square(_ROUNDING * size), m2, 0), m3, m4
