"""Trade specialisation of countries in products, from a matrix of exports.

Rows are countries, columns are products (or chains, or stages), values are dollars of one year or window. The
marts compute the same numbers in SQL; these functions are for notebooks and for holding the SQL to account. They
know nothing of thin markets or absent reporters: that is the marts' business.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide


def rca(exports: ArrayLike, country_totals: ArrayLike | None = None, product_totals: ArrayLike | None = None) -> Floats:
    """Revealed comparative advantage, (x_ck / X_c) / (X_k / X), neutral 1 (Balassa 1965).

    Args:
        exports: dollars, countries by products.
        country_totals: dollars per country, by default row sums; give the agri-food and fibre totals for that base.
        product_totals: dollars per product, by default column sums.

    Returns:
        Countries by products; nan where the country or the product has no exports at all.
    """
    x = np.asarray(exports, dtype=np.float64)
    of_country = x.sum(axis=1) if country_totals is None else np.asarray(country_totals, dtype=np.float64)
    of_product = x.sum(axis=0) if product_totals is None else np.asarray(product_totals, dtype=np.float64)
    share = divide(x, of_country[:, None])
    return divide(share, divide(of_product, of_country.sum())[None, :])


def rsca(advantage: ArrayLike) -> Floats:
    """Symmetric advantage, (RCA - 1) / (RCA + 1), from -1 to 1, neutral 0 (Laursen 2015)."""
    value = np.asarray(advantage, dtype=np.float64)
    return (value - 1) / (value + 1)


def nrca(exports: ArrayLike) -> Floats:
    """Normalised advantage, x_ck / X - X_c X_k / X^2, neutral 0 (Yu, Cai and Leung 2009).

    Sums to zero over countries and over products, and adds up over products. Marts state it in millionths.
    """
    x = np.asarray(exports, dtype=np.float64)
    total = x.sum()
    return x / total - np.outer(x.sum(axis=1) / total, x.sum(axis=0) / total)


def d_ln_rca(share: ArrayLike, share_before: ArrayLike, world: ArrayLike, world_before: ArrayLike) -> Floats:
    """Change of ln RCA between two windows: d ln(x_ck / X_c) - d ln(X_k / X) (Edwards and Schoer 2002).

    nan where a share is zero in either window; such a change is an entry or an exit, not a rate.
    """
    own = divide(np.asarray(share, dtype=np.float64), np.asarray(share_before, dtype=np.float64))
    all_of_it = divide(np.asarray(world, dtype=np.float64), np.asarray(world_before, dtype=np.float64))
    ratio = divide(own, all_of_it)
    return np.log(np.where(ratio > 0, ratio, np.nan))
