"""Export potential: what a country would sell to a market if supply, demand and the tie between both decided alone.

Method 4, after the export potential assessments of ITC (Decreux and Spies 2016). All sums run over one set of
products and one set of reporters; what belongs to it is the marts' business. The potential is a benchmark, not a
ceiling: it spreads what a pair trades over products as supply and demand imply, so its sum is what the pair trades.

Shapes: E exporters, M markets, K products. Dollars are means of a window of years. Unknown is nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import duckdb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, divide


@dataclass(frozen=True)
class Potential:
    """The static potential of every exporter, market and product (4.1).

    Attributes:
        supply: S_ik = v_ik / v_k, share of world exports; E by K, nan where the world exports nothing.
        expected: sum_k S_ik D_jk, what i would sell to j at its world shares, dollars; E by M.
        ease: E_ij = v_ij / expected, neutral 1, 0 without a link; E by M, nan where nothing is expected.
        epi: S_ik E_ij D_jk, dollars; E by M by K. Its sum over products is v_ij.
        untapped: U_ijk = max(EPI - A, 0), dollars; E by M by K.
    """

    supply: Floats
    expected: Floats
    ease: Floats
    epi: Floats
    untapped: Floats


def static(
    actual: ArrayLike,
    supply: ArrayLike | None = None,
    demand: ArrayLike | None = None,
    counted: ArrayLike | None = None,
) -> Potential:
    """The potential of trade between exporters and markets (4.1, 4.3).

    Args:
        actual: v_ijk, dollars, E by M by K.
        supply: share of i in world exports of k, E by K; by default from ``actual``, which then must hold all exporters
            and all markets of the world.
        demand: imports of k by j, dollars, M by K; by default from ``actual`` likewise.
        counted: E by M by K, True for the products that a pair is judged on (default: all). Others enter no sum; their
            potential is nan.
    """
    v = np.asarray(actual, dtype=np.float64)
    s = supply_share(v.sum(axis=1)) if supply is None else np.asarray(supply, dtype=np.float64)
    d = v.sum(axis=0) if demand is None else np.asarray(demand, dtype=np.float64)
    inside = np.ones(v.shape, dtype=np.bool_) if counted is None else np.asarray(counted, dtype=np.bool_)
    implied = np.where(inside, s[:, None, :] * d[None, :, :], 0.0)
    expected = np.nansum(implied, axis=2)
    ease = divide(np.where(inside, v, 0.0).sum(axis=2), expected)
    epi = np.where(inside, implied * ease[:, :, None], np.nan)
    return Potential(s, expected, ease, epi, untapped(epi, v))


def supply_share(exports: ArrayLike, world: ArrayLike | None = None) -> Floats:
    """S_ik = v_ik / v_k; E by K. ``world``: world exports by product, by default the sum over exporters."""
    x = np.asarray(exports, dtype=np.float64)
    return divide(x, (x.sum(axis=0) if world is None else np.asarray(world, dtype=np.float64))[None, :])


def untapped(potential: ArrayLike, actual: ArrayLike) -> Floats:
    """max(EPI - A, 0), dollars; nan where either is unknown. Sum it afterwards: one overshoot fills no other gap."""
    return np.maximum(np.asarray(potential, dtype=np.float64) - np.asarray(actual, dtype=np.float64), 0.0)


def realised_share(potential: ArrayLike, actual: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Floats:
    """sum min(A, EPI) / sum EPI, from 0 to 1; nan where nothing is potential. Unknown potentials are left out (4.3)."""
    p, a = np.broadcast_arrays(np.asarray(potential, dtype=np.float64), np.asarray(actual, dtype=np.float64))
    return divide(np.nansum(np.minimum(a, p), axis=axis), np.nansum(np.where(np.isnan(a), np.nan, p), axis=axis))


def entry_share(potential: ArrayLike, actual: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Floats:
    """Friction share: part of the untapped potential where nothing is sold yet; the rest is deepening (4.3)."""
    p, a = np.broadcast_arrays(np.asarray(potential, dtype=np.float64), np.asarray(actual, dtype=np.float64))
    gap = untapped(p, a)
    return divide(np.nansum(np.where(a == 0, gap, 0.0), axis=axis), np.nansum(gap, axis=axis))


def eligible(yearly: ArrayLike, *, min_years: float, min_mean: float = 0.0) -> NDArray[np.bool_]:
    """True where the last axis, the years of the window, is positive often enough and large enough on average (4.3).

    Unknown years count as not positive and are left out of the mean.
    """
    value = np.asarray(yearly, dtype=np.float64)
    known = ~np.isnan(value)
    mean = divide(np.where(known, value, 0.0).sum(axis=-1), known.sum(axis=-1))
    return np.logical_and((value > 0).sum(axis=-1) >= min_years, np.nan_to_num(mean, nan=-np.inf) >= min_mean)


def peer_ease(ease: ArrayLike) -> Floats:
    """For every exporter the median ease of the others with the same market: what its neighbours make of it (4.3).

    Args:
        ease: exporters of one region by markets; 0 is no link, which is an experience too, nan is unknown.

    Returns:
        E by M; nan where no other exporter is known.
    """
    e = np.asarray(ease, dtype=np.float64)
    others = np.broadcast_to(e, (len(e), *e.shape)).copy()
    others[np.arange(len(e)), np.arange(len(e))] = np.nan
    known = np.asarray((~np.isnan(others)).any(axis=1))
    return np.where(known, np.nanmedian(np.where(known[:, None], others, 0.0), axis=1), np.nan)


def supply_factor(growth: ArrayLike, world_growth: ArrayLike, exports: ArrayLike, imports: ArrayLike) -> Floats:
    """(1 + gY_i) / (1 + gY_w) min(1, x_ik / m_ik): growth of supply, and re-exporters damped (4.2).

    Args:
        growth, world_growth: of output over the years looked ahead, as shares.
        exports, imports: of the country in the product, dollars; without imports nothing is damped.
    """
    x, m = np.broadcast_arrays(np.asarray(exports, dtype=np.float64), np.asarray(imports, dtype=np.float64))
    damped = np.where(m == 0, 1.0, np.minimum(1.0, divide(x, m)))
    return divide(1 + np.asarray(growth, dtype=np.float64), 1 + np.asarray(world_growth, dtype=np.float64)) * (
        np.where(np.isnan(m), np.nan, damped)
    )


def demand_factor(population_growth: ArrayLike, income_growth: ArrayLike, elasticity: ArrayLike) -> Floats:
    """(1 + gPop_j)(1 + eps_k gYpc_j): growth of demand by heads and by income per head (4.2)."""
    people, income, eps = (np.asarray(v, dtype=np.float64) for v in (population_growth, income_growth, elasticity))
    return (1 + people) * (1 + eps * income)


def tariff_factor(usual: ArrayLike, own: ArrayLike, sigma: ArrayLike) -> Floats:
    """T_ijk = ((1 + tbar_jk) / (1 + t_ijk))^sigma_k: advantage over j's usual suppliers; tariffs as shares (4.2)."""
    return divide(1 + np.asarray(usual, dtype=np.float64), 1 + np.asarray(own, dtype=np.float64)) ** np.asarray(sigma)


def distance_factor(usual_km: ArrayLike, own_km: ArrayLike, delta: ArrayLike) -> Floats:
    """G_ijk = (dbar_jk / d_ij)^delta: nearer than j's usual suppliers of k gives more than 1 (4.2)."""
    return divide(usual_km, own_km) ** np.asarray(delta, dtype=np.float64)


def usual_distance_km(distance_km: ArrayLike, supply: ArrayLike) -> Floats:
    """dbar_jk: distance to j of the world's suppliers of k, weighted by their shares of world exports.

    Args:
        distance_km: suppliers by markets, nan from a country to itself and where unknown.
        supply: exports or shares, suppliers by K, the same suppliers.

    Returns:
        M by K. The market itself is no supplier of its own and is left out; nan where no supplier's distance is known.
    """
    d, s = np.asarray(distance_km, dtype=np.float64), np.nan_to_num(np.asarray(supply, dtype=np.float64))
    known = ~np.isnan(d)
    near = np.where(known, d, 0.0)
    total, weight = np.zeros((d.shape[1], s.shape[1])), np.zeros((d.shape[1], s.shape[1]))
    # Suppliers are added one by one: a matrix product takes sums in an order that depends on the machine.
    for supplier in np.flatnonzero(s.any(axis=1)):
        total += near[supplier][:, None] * s[supplier]
        weight += known[supplier][:, None] * s[supplier]
    return divide(total, weight)


def percentile_rank(values: ArrayLike) -> Floats:
    """Share of the known values that lie below, ties halved: 0 to 1 exclusive, nan for unknown ones (4.4, norm)."""
    x = np.asarray(values, dtype=np.float64)
    flat = x.ravel()
    known = np.sort(flat[~np.isnan(flat)])
    below = np.searchsorted(known, flat, side="left") + np.searchsorted(known, flat, side="right")
    return np.where(np.isnan(flat), np.nan, below / max(2 * known.size, 1)).reshape(x.shape)


def diversification(density: ArrayLike, ease: ArrayLike, demand: ArrayLike) -> Floats:
    """g = (norm(density_ik) norm(E_ij) norm(D_jk))^(1/3) for the products that one country does not export yet (4.4).

    Args:
        density: closeness of each product to what the country makes, K. ease: with each market, M. demand: M by K.

    Returns:
        M by K, from 0 to 1, to be ranked: it is no amount of dollars. Each norm is a rank within the country, of
        density over products, of ease over markets, of demand over both. nan where a part is unknown.
    """
    return np.cbrt(percentile_rank(density)[None, :] * percentile_rank(ease)[:, None] * percentile_rank(demand))


def static_relation(flows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """``static`` for a relation that is too large for arrays, in DuckDB's own memory limits (4.1, 4.3).

    Args:
        flows: columns ``exporter, importer, product, value``: all flows of the world between countries, dollars, one
            row per triple.

    Returns:
        ``exporter, importer, product, supply, demand, ease, epi, actual, untapped``, for pairs that trade and the
        products that the exporter exports and the importer imports. All other potentials are 0.
    """
    return cast(duckdb.DuckDBPyRelation, flows.query("flows", _STATIC))


_STATIC = """
WITH world AS (SELECT product, sum(value) AS v FROM flows GROUP BY product),
supply AS (
    SELECT exporter, product, sum(value) / any_value(world.v) AS supply
    FROM flows JOIN world USING (product) WHERE world.v > 0 GROUP BY ALL
),
demand AS (SELECT importer, product, sum(value) AS demand FROM flows GROUP BY ALL),
pair AS (SELECT exporter, importer, sum(value) AS v FROM flows GROUP BY ALL HAVING sum(value) > 0),
implied AS (
    SELECT exporter, importer, product, supply, demand, supply * demand AS usd, pair.v
    FROM pair JOIN supply USING (exporter) JOIN demand USING (importer, product) WHERE supply * demand > 0
),
expected AS (SELECT exporter, importer, any_value(v) / sum(usd) AS ease FROM implied GROUP BY ALL),
potential AS (
    SELECT i.exporter, i.importer, product, supply, demand, ease, usd * ease AS epi, coalesce(f.value, 0) AS actual
    FROM implied i JOIN expected USING (exporter, importer) LEFT JOIN flows f USING (exporter, importer, product)
)
SELECT *, greatest(epi - actual, 0) AS untapped FROM potential
"""
