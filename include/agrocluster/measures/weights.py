"""Other weights than the nominal ones: drawn around them, by principal component, or each unit's best (9.6, 9.7).

They belong to the robustness set. The index itself has the weights of its catalogue; none of these replaces them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.blas import one_thread
from agrocluster.measures.coherence import correlations
from agrocluster.measures.safe import Floats, divide


def dirichlet_weights(
    rng: np.random.Generator,
    nominal: ArrayLike,
    draws: int,
    *,
    group: ArrayLike | None = None,
    concentration: float = 10.0,
) -> Floats:
    """Random weights around the nominal ones, draws by weights (method 9.7).

    Args:
        rng: source of chance; nominal: weights, one axis, not negative.
        draws: how many; group: label of each weight, whose draws add up to 1 per label (pillars inside a sub-index,
            indicators inside a pillar). One group by default.
        concentration: how close draws stay (``mc_weight_concentration``): of k equal weights each has the parameter
            10, that is a standard deviation of sqrt((k - 1) / (10 k + 1)) / k. Unequal weights share the same sum.

    A weight of zero stays zero.
    """
    weight = np.asarray(nominal, dtype=np.float64)
    labels, member = np.unique(np.zeros(weight.size) if group is None else np.asarray(group), return_inverse=True)
    whole, open_ = (np.bincount(member, weights=w, minlength=labels.size) for w in (weight, weight > 0))
    alpha = np.nan_to_num(concentration * divide(weight * open_[member], whole[member]))
    drawn = rng.standard_gamma(alpha, size=(draws, weight.size))
    total = np.zeros((draws, labels.size))
    for k, of in enumerate(member.tolist()):  # one after the other, so that the sum has the same bits everywhere
        total[:, of] += drawn[:, k]
    return np.nan_to_num(divide(drawn, total[:, member]))


@one_thread
def pca_weights(values: ArrayLike) -> Floats:
    """Squared loadings of the first principal component, which add up to 1.

    Args:
        values: scores, units by indicators; nan where unknown.

    The idea of Nicoletti, Scarpetta and Boylaud (2000), who weigh indicators by the share of a factor's variance that
    each explains, with the first component alone and without rotation. Correlations are of pairs of known values. An
    indicator without any correlation (no spread, no common units) has nan, and the others are weighted among
    themselves. The sign of a loading does not show in its square: read ``coherence`` first.
    """
    r, _ = correlations(values)
    known = ~np.isnan(np.diagonal(r))
    # Indicators that share no unit have no correlation; the matrix then says 0, as if they had nothing in common.
    _, vectors = np.linalg.eigh(np.nan_to_num(r[np.ix_(known, known)]))
    weights = np.full(known.size, np.nan)
    if known.any():
        weights[known] = np.square(vectors[:, -1])
    return weights


@dataclass(frozen=True)
class BenefitOfTheDoubt:
    """The most favourable view of every unit.

    Attributes:
        score: per unit, 0 to 1: what it reaches of the best that any peer would reach under the unit's own weights.
        share: units by pillars, what each pillar adds to the score; adds up to 1, nan where the pillar is unknown.
    """

    score: Floats
    share: Floats


def benefit_of_the_doubt(
    scores: ArrayLike, peers: ArrayLike | None = None, *, least_share: float = 0.0
) -> BenefitOfTheDoubt:
    """Benefit of the doubt (Cherchye, Moesen, Rogge and Van Puyenbroeck 2007): each unit under its own best weights.

    Args:
        scores: positive, units by pillars; nan where unknown.
        peers: units that no weight may lift above 1, by pillars (default: the units themselves). The unit is its own
            peer in any case.
        least_share: part of an equal share that every known pillar of the unit adds at least, 0 (free) to 1 (all add
            alike).

    For unit c: max sum w_j y_cj, such that sum w_j y_ij <= 1 for every peer i, w >= 0, and w_j y_cj is at least
    ``least_share`` / m of the sum over c's m known pillars. Weight lies on what is known of c. A peer counts with what
    is known of it, which bounds it from below: a gap of a peer never lowers anybody's score. nan where nothing of the
    unit is known.
    """
    from scipy.optimize import linprog  # takes longer to import than a mart that only draws weights takes to run

    y = np.asarray(scores, dtype=np.float64)
    others = y if peers is None else np.asarray(peers, dtype=np.float64)
    best = _undominated(np.nan_to_num(others))
    found, share = np.full(y.shape[0], np.nan), np.full(y.shape, np.nan)
    for unit in np.flatnonzero((~np.isnan(y)).any(axis=1)):
        known = ~np.isnan(y[unit])
        own = y[unit, known]
        # In terms of what each pillar adds: p_j = w_j y_cj.
        bounds = np.vstack([best[:, known] / own, np.ones_like(own)])
        m = own.size
        limits = np.vstack([bounds, least_share / m - np.eye(m)])
        right = np.r_[np.ones(len(bounds)), np.zeros(m)]
        added = linprog(-np.ones(m), A_ub=limits, b_ub=right, bounds=(0, None), method="highs").x
        found[unit], share[unit, known] = added.sum(), added / added.sum()
    return BenefitOfTheDoubt(found, share)


def _undominated(peers: Floats) -> Floats:
    """Peers that no other reaches or passes in everything: the limits of the rest follow from theirs."""
    distinct = np.unique(peers, axis=0)
    passed = (distinct[:, None] <= distinct[None]).all(axis=2).sum(axis=1) > 1
    return distinct[~passed]
