"""Measures along a value chain: how far goods are processed, what land and animals give, what the country feeds.

Formulas of method 6. All take floats or arrays of the same shape and return arrays; unknown is nan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, floats, ln


def dpr(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Degree of processing: processed and final exports over all exports without inputs; 0 to 1."""
    a, b, c = floats(primary, processed, final)
    return divide(b + c, a + b + c)


def upgrading_index(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Upgrading index, (processed + 2 final) / (2 all): 0 all primary, 1 all final."""
    a, b, c = floats(primary, processed, final)
    return divide(b + 2 * c, 2 * (a + b + c))


def plq(own: ArrayLike, own_all: ArrayLike, world: ArrayLike, world_all: ArrayLike) -> Floats:
    """Production location quotient, (GPV_ch / GPV_c) / (GPV_wh / GPV_w), neutral 1 (method 5.1)."""
    a, b, c, d = floats(own, own_all, world, world_all)
    return divide(divide(a, b), divide(c, d))


def yield_gap(value: ArrayLike, reference: ArrayLike) -> Floats:
    """Missing share of a reference yield, 1 - Y / Y_ref, held between 0 and 1."""
    y, ref = floats(value, reference)
    return np.clip(1 - divide(y, ref), 0, 1)


def growth(recent: ArrayLike, before: ArrayLike, years: int) -> Floats:
    """Growth per year in log points between two windows of sums, ln(P1 / P0) / years; nan for entry and exit."""
    a, b = floats(recent, before)
    ratio = divide(a, b)
    return np.log(np.where(ratio > 0, ratio, np.nan)) / years


def ssr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Self-sufficiency, P / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = floats(production, imports, exports, stock)
    supply = p + m - x + s
    return divide(p, np.where(supply > 0, supply, np.nan))


def idr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Import dependency, M / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = floats(production, imports, exports, stock)
    supply = p + m - x + s
    return divide(m, np.where(supply > 0, supply, np.nan))


def stock_sign(
    production: ArrayLike,
    imports: ArrayLike,
    exports: ArrayLike,
    stock: ArrayLike,
    domestic: ArrayLike,
    tolerance: float,
) -> Floats:
    """Sign with which stock variation makes a food balance close: -1, +1, 0 where both do, nan where neither does.

    ``tolerance`` is a share of domestic supply. Balances of before and after 2013 use opposite signs, so it is
    tested, never assumed (method 6, stock variation sign).
    """
    p, m, x, s, d = floats(production, imports, exports, stock, domestic)
    room = tolerance * np.abs(d)
    minus, plus = np.abs(p + m - x - s - d) <= room, np.abs(p + m - x + s - d) <= room
    return np.select([minus & plus, minus, plus], [0.0, -1.0, 1.0], np.nan)


def export_orientation(production: ArrayLike, imports: ArrayLike, exports: ArrayLike) -> Floats:
    """XOR, X / (P + M); above 1 the figures contradict each other (re-exports, method 2.6)."""
    p, m, x = floats(production, imports, exports)
    return divide(x, p + m)


def retained_processing(processing: ArrayLike, production: ArrayLike, imports: ArrayLike) -> Floats:
    """Share of what is grown or brought in that goes into processing at home, FBS 5131 / (P + M)."""
    q, p, m = floats(processing, production, imports)
    return divide(q, p + m)


def animal_yield(output_t: ArrayLike, animals: ArrayLike) -> Floats:
    """Milk, eggs or carcass per producing animal in kilograms, from tonnes and head."""
    t, n = floats(output_t, animals)
    return divide(1000 * t, n)


def offtake(slaughtered: ArrayLike, stock: ArrayLike, net_live_exports: ArrayLike = 0.0) -> Floats:
    """Animals taken out of the herd over the herd, (slaughtered + net live exports) / stock, all in head."""
    taken, herd, net = floats(slaughtered, stock, net_live_exports)
    return divide(taken + net, herd)


def livestock_units(head: ArrayLike, coefficient: ArrayLike) -> Floats:
    """Livestock units over the species of the last axis, sum of head times LSU per head."""
    n, c = floats(head, coefficient)
    return np.asarray((n * c).sum(axis=-1))


def livestock_density(units: ArrayLike, hectares: ArrayLike) -> Floats:
    """Livestock units per hectare of agricultural land (or of pasture: the reader says which)."""
    return divide(units, hectares)


def feed_to_output(feed_t: ArrayLike, milk_t: ArrayLike, meat_t: ArrayLike) -> Floats:
    """Tonnes of concentrates per tonne of milk and meat; fodder is in no balance, so this is not the whole ration."""
    f, milk, meat = floats(feed_t, milk_t, meat_t)
    return divide(f, milk + meat)


def feed_self_reliance(feed_grain_t: ArrayLike, feed_t: ArrayLike) -> Floats:
    """Feed grain grown over feed used; above 1 there is some left to sell."""
    return divide(feed_grain_t, feed_t)


def value_addition_multiple(uv_processed: ArrayLike, uv_primary: ArrayLike, extraction: ArrayLike) -> Floats:
    """VAM: what a tonne of primary product is worth after processing, UV_processed * e / UV_primary.

    ``extraction`` is tonnes processed per tonne primary. An estimated unit value is passed as nan: no multiple is
    better than one that repeats an estimate (method 6).
    """
    made, raw, e = floats(uv_processed, uv_primary, extraction)
    return divide(made * e, raw)


def processing_gap(primary_exports: ArrayLike, world_multiple: ArrayLike) -> Floats:
    """Value left to others by exporting unprocessed, x_primary * max(VAM_world - 1, 0): an indicative ceiling."""
    x, multiple = floats(primary_exports, world_multiple)
    return x * np.maximum(multiple - 1, 0)


def import_leakage(processed_imports: ArrayLike, final_imports: ArrayLike, home_use: ArrayLike) -> Floats:
    """Imports of processed and final goods over these and the use of home output, one currency; 0 to 1."""
    a, b, home = floats(processed_imports, final_imports, home_use)
    return divide(a + b, a + b + np.maximum(home, 0))


def input_dependence(imports: ArrayLike, output_value: ArrayLike, min_years: int = 1) -> Floats:
    """Imports of chain-own inputs over the chain's output value, sums over the years of the last axis.

    Machines are bought in lumps, so several years enter (method 6: five); only years with both figures count
    and fewer than ``min_years`` give nan.
    """
    m, value = floats(imports, output_value)
    known = ~(np.isnan(m) | np.isnan(value))
    ratio = divide(np.where(known, m, 0).sum(axis=-1), np.where(known, value, 0).sum(axis=-1))
    return np.where(known.sum(axis=-1) >= min_years, ratio, np.nan)


def reference_price(border: ArrayLike, access: ArrayLike, exporting: ArrayLike = True) -> Floats:
    """Price a farmer would get without policy: border price less access cost for exports, plus it for imports."""
    price, cost, out = floats(border, access, exporting)
    return np.where(out > 0, price - cost, price + cost)


def price_ratio(producer_price: ArrayLike, border: ArrayLike, access: ArrayLike) -> Floats:
    """Producer price over the export price at the farm gate, PP / (UV_world - access)."""
    return divide(producer_price, reference_price(border, access))


def nrp_lite(producer_price: ArrayLike, border: ArrayLike, access: ArrayLike, exporting: ArrayLike = True) -> Floats:
    """Nominal rate of protection with an assumed access cost, (PP - RP) / RP; negative means farmers are taxed.

    Krueger, Schiff and Valdes 1988 with the observed reference price of FAO MAFAP 2015; "lite" because transport,
    processing and quality are one assumption.
    """
    pp, rp = floats(producer_price, reference_price(border, access, exporting))
    return divide(pp - rp, rp)


def nrp_confidence(known_share: ArrayLike, cap: float) -> Floats:
    """Confidence in nrp_lite: the share of the border value with a stated weight, held at the method's cap."""
    return np.minimum(np.asarray(known_share, dtype=np.float64), cap)


def volatility(levels: ArrayLike, min_points: int) -> Floats:
    """Standard deviation of yearly log changes over the last axis (consecutive years, unknown as nan).

    A change needs both years known and positive; fewer than ``min_points`` changes give nan.
    """
    x = np.asarray(levels, dtype=np.float64)
    change = np.diff(ln(x), axis=-1)
    known = ~np.isnan(change)
    n = known.sum(axis=-1)
    mean = divide(np.where(known, change, 0).sum(axis=-1), n)
    squares = np.where(known, (change - mean[..., None]) ** 2, 0).sum(axis=-1)
    return np.where(n >= max(min_points, 2), np.sqrt(divide(squares, n - 1)), np.nan)
