"""Trade specialisation of countries in products, from matrices of exports and imports (method 1.1 to 1.5).

Rows are countries, columns are products (or chains, or stages), values are dollars of one year or window. A zero is
a report of nothing, nan is no report: an unknown cell stays unknown and is left out of the sums, so a country that
did not report is outside the reference world instead of a world trader of zero. The marts compute the same numbers in
SQL and ``agrocluster.measures.relations`` does so for relations of any size; completeness of reporting is theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, choose, divide, floats, known_sum, ln

DYNAMIC_CLASSES = (
    "rising_star",
    "lagging_opportunity",
    "falling_star",
    "missed_opportunity",
    "retreat",
    "lagging_retreat",
    "entry",
    "exit",
)
"""Names ``dynamic_class`` returns."""


def rca(exports: ArrayLike, country_totals: ArrayLike | None = None, product_totals: ArrayLike | None = None) -> Floats:
    """Revealed comparative advantage, (x_ck / X_c) / (X_k / X), neutral 1 (Balassa 1965; 1.1).

    Args:
        exports: dollars, countries by products.
        country_totals: dollars per country, by default row sums; give the agri-food and fibre totals for that base.
        product_totals: dollars per product, by default column sums.

    Returns:
        Countries by products; nan where the country or the product has no exports at all.
    """
    x = np.asarray(exports, dtype=np.float64)
    of_country = known_sum(x, axis=1) if country_totals is None else np.asarray(country_totals, dtype=np.float64)
    of_product = known_sum(x, axis=0) if product_totals is None else np.asarray(product_totals, dtype=np.float64)
    share = divide(x, of_country[:, None])
    return divide(share, divide(of_product, known_sum(of_country))[None, :])


def rsca(advantage: ArrayLike) -> Floats:
    """Symmetric advantage, (RCA - 1) / (RCA + 1), from -1 to 1, neutral 0 (Laursen 2015; 1.2)."""
    value = np.asarray(advantage, dtype=np.float64)
    return (value - 1) / (value + 1)


def nrca(exports: ArrayLike) -> Floats:
    """Normalised advantage, x_ck / X - X_c X_k / X^2, neutral 0 (Yu, Cai and Leung 2009; 1.3).

    Sums to zero over countries and over products where every cell is known, and adds up over products. Marts state it
    in millionths. nan only where the cell is unknown or the world exports nothing.
    """
    x = np.asarray(exports, dtype=np.float64)
    total = known_sum(x)
    return divide(x, total) - np.outer(divide(known_sum(x, axis=1), total), divide(known_sum(x, axis=0), total))


def market_share(exports: ArrayLike, product_totals: ArrayLike | None = None) -> Floats:
    """Share in world exports of the product, x_ck / X_k, from 0 to 1; nan where nobody exports it (1.4)."""
    x = np.asarray(exports, dtype=np.float64)
    of_product = known_sum(x, axis=0) if product_totals is None else np.asarray(product_totals, dtype=np.float64)
    return divide(x, of_product)


def thin_market(
    exports: ArrayLike, product_totals: ArrayLike, *, world_min: float = 5e6, country_min: float = 1e4
) -> NDArray[np.bool_]:
    """Where a relative index is noise and to be left empty (1.1).

    Args:
        exports: dollars of the window, countries by products; product_totals: world exports of each product.
        world_min, country_min: dollars (``thin_market_world_usd``, ``thin_market_country_usd``).

    True where the world trades less than ``world_min`` or the country exports something, but less than
    ``country_min``. A reported zero is not thin: its RCA is zero.
    """
    x, of_product = floats(exports, product_totals)
    return (of_product < world_min) | ((x > 0) & (x < country_min))


def d_ln_rca(share: ArrayLike, share_before: ArrayLike, world: ArrayLike, world_before: ArrayLike) -> Floats:
    """Change of ln RCA between two windows: d ln(x_ck / X_c) - d ln(X_k / X) (Edwards and Schoer 2002; 1.4).

    nan where a share is zero in either window; such a change is an entry or an exit, not a rate.
    """
    return _growth(share, share_before) - _growth(world, world_before)


def dynamic_class(
    share: ArrayLike, share_before: ArrayLike, world: ArrayLike, world_before: ArrayLike
) -> NDArray[np.object_]:
    """Class of the change between two windows, one of ``DYNAMIC_CLASSES`` (Edwards and Schoer 2002; 1.4).

    Args:
        share, share_before: the product in the country's exports, x_ck / X_c, now and before.
        world, world_before: the product in world exports, X_k / X.

    Own share and world share up: rising star where the own grows more in logarithms, else lagging opportunity. Own up,
    world down: falling star. Own down, world up: missed opportunity. Both down: retreat where the own falls faster,
    else lagging retreat. From or to a zero of one's own: entry, exit. A share that has not moved is not up. None where
    a share is unknown, zero in both windows, or not above zero in the world.
    """
    now, before, of_all, of_all_before = floats(share, share_before, world, world_before)
    own, other = _growth(now, before), _growth(of_all, of_all_before)
    rated = ~(np.isnan(own) | np.isnan(other))
    up, world_up, more = own > 0, other > 0, own > other
    conditions = [
        (now > 0) & (before == 0),
        (now == 0) & (before > 0),
        rated & up & world_up & more,
        rated & up & world_up,
        rated & up,
        rated & world_up,
        rated & (own < other),
        rated,
    ]
    return choose(conditions, [*DYNAMIC_CLASSES[6:], *DYNAMIC_CLASSES[:6]])


def lafay(exports: ArrayLike, imports: ArrayLike) -> Floats:
    """Lafay index, 100 (z_ck - Z_c) w_ck: what a product adds to the trade balance beyond its share (Lafay 1992; 1.5).

    Args:
        exports, imports: dollars, products along the last axis (one country, or countries by products).

    z = (x - m) / (x + m) of the product, Z that of all products together, w the product's share in trade. Sums to zero
    over a country's products. 0 where the product is not traded; nan where either side is unknown (such a product is
    outside the totals) or the country trades nothing.
    """
    x, m = floats(exports, imports)
    balance, trade = x - m, x + m
    all_trade = known_sum(trade, axis=-1, keepdims=True)
    overall = divide(known_sum(balance, axis=-1, keepdims=True), all_trade)
    # z w written without the division by x + m, which a product that is not traded has not.
    return 100 * (divide(balance, all_trade) - overall * divide(trade, all_trade))


def rta(exports: ArrayLike, imports: ArrayLike) -> Floats:
    """Relative trade advantage, RCA of exports less RCA of imports, neutral 0 (Vollrath 1991; 1.5).

    Args:
        exports, imports: dollars, countries by products; both over the whole reference world.

    nan where the country or the world has no trade in the product on either side.
    """
    return rca(exports) - rca(imports)


def _growth(now: ArrayLike, before: ArrayLike) -> Floats:
    return ln(divide(*floats(now, before)))
