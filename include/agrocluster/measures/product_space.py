"""Product space from a matrix of presence: how near products are to each other and to what a country has (3.1).

Rows are countries, columns are products, M_ck is 1 where a country has advantage in a product. Countries and products
without any presence must be removed beforehand (``complexity_sample``). Whether exports or farm output (3.4) made the
matrix does not matter here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.blas import one_thread
from agrocluster.measures.safe import Floats, divide

_BLOCK = 256
"""Products whose proximities are held at once."""


def presence(advantage: ArrayLike, threshold: float = 1.0) -> Floats:
    """M, 1 where RCA reaches the threshold and 0 elsewhere; an unknown advantage is no presence (3.1)."""
    return (np.asarray(advantage, dtype=np.float64) >= threshold).astype(np.float64)


def rpop(exports: ArrayLike, population: ArrayLike, inside: ArrayLike | None = None) -> Floats:
    """Exports per head over those of the whole sample, (x_ck / pop_c) / (X_k / pop), neutral 1 (3.3).

    Instead of RCA it is not masked by a resource that fills a small country's exports. Sensitivity only.

    Args:
        exports: dollars, countries by products. population: persons per country.
        inside: which countries are the whole sample; all by default.
    """
    x, persons = np.asarray(exports, dtype=np.float64), np.asarray(population, dtype=np.float64)
    if not (np.isfinite(persons).all() and (persons > 0).all()):
        raise ValueError("the population of every country must be known and positive")
    whole = np.ones(len(x), dtype=np.bool_) if inside is None else np.asarray(inside, dtype=np.bool_)
    return divide(x / persons[:, None], x[whole].sum(axis=0)[None, :] / persons[whole].sum())


class ProductSpace:
    """Proximities phi of the products of one presence matrix, and what follows from them.

    ``of`` in the methods are the countries asked about: by default those of the matrix, otherwise any others by their
    presence in its products; they change nothing in the space (3.3).

    phi is products by products, 25 million numbers for 5,000 of them. Density and gain need only what ``spread`` makes
    of it, and that goes through the countries instead, exactly and without holding phi.
    """

    @one_thread
    def __init__(self, m: ArrayLike) -> None:
        """``m``: presence, 0 or 1, countries by products. ValueError where a country or a product has none."""
        self.m = checked(m)
        self._ubiquity = self.m.sum(axis=0)
        self._order = np.argsort(self._ubiquity, kind="stable")
        self._had, self._common = self.m[:, self._order], self._ubiquity[self._order]
        self._spans = [slice(start, start + _BLOCK) for start in range(0, len(self._common), _BLOCK)]
        self._own = [
            self._had[:, s].T @ self._had[:, s] / np.maximum.outer(self._common[s], self._common[s])
            for s in self._spans
        ]

    def proximity(self) -> Floats:
        """phi_kl, the smaller of the two conditional probabilities of presence; symmetric, diagonal 1 (3.1)."""
        phi = np.empty((self.m.shape[1], self.m.shape[1]))
        for span, lines in self._lines():
            phi[span] = lines
        return phi

    @one_thread
    def spread(self, weights: ArrayLike) -> Floats:
        """``weights @ phi``: what each product receives from all of them; rows by products.

        phi_kl = sum_c M_ck M_cl / max(u_k, u_l). With products in order of ubiquity u, the sum over all rarer l is
        (sum_l w_l M_cl) M_ck / u_k and that over all commoner ones (sum_l w_l / u_l M_cl) M_ck, so blocks of products
        need each other only through sums by country: the cost is rows x countries x products instead of rows x
        products squared. Weights that are not negative give sums that are not, and zero stays exactly zero.
        """
        sent = np.asarray(weights, dtype=np.float64)[:, self._order]
        size = len(sent)
        both = np.vstack([sent, sent / self._common])
        sums = np.array([both[:, span] @ self._had[:, span].T for span in self._spans])
        rarer, commoner = np.zeros((2, *sums.shape[:1], size, len(self.m)))
        np.cumsum(sums[:-1, :size], axis=0, out=rarer[1:])
        np.cumsum(sums[:0:-1, size:], axis=0, out=commoner[-2::-1])
        received = np.empty_like(sent)
        for n, (span, own) in enumerate(zip(self._spans, self._own, strict=True)):
            from_others = np.vstack([rarer[n], commoner[n]]) @ self._had[:, span]
            received[:, span] = from_others[:size] / self._common[span] + from_others[size:] + sent[:, span] @ own
        result = np.empty_like(received)
        result[:, self._order] = received
        return result

    @cached_property
    def nearness(self) -> Floats:
        """Sum of each product's proximities, itself included: the denominator of density and gain; products."""
        return self.spread(np.ones((1, self.m.shape[1])))[0]

    def density(self, of: ArrayLike | None = None) -> Floats:
        """Share of a product's proximities that a country has, from 0 to 1; countries by products (3.1)."""
        rows = self._asked(of)
        received = self.spread(np.vstack([rows, np.ones((1, rows.shape[1]))]))
        self.__dict__.setdefault("nearness", received[-1])
        return np.minimum(received[:-1] / received[-1], 1.0)

    @one_thread
    def nearest_density(self, neighbours: int, of: ArrayLike | None = None) -> Floats:
        """Density over the ``neighbours`` products nearest to each, weighted by proximity (3.2, knn option).

        The product itself is not among them; at equal proximity the earlier column is. nan where no other product is
        near. py-ecomplexity returns the unweighted count of present neighbours under this name.
        """
        if not 0 < neighbours < self.m.shape[1]:
            raise ValueError(
                f"{neighbours} neighbours of {self.m.shape[1]} products: give at least 1 and less than all"
            )
        rows = self._asked(of)
        result = np.empty_like(rows)
        for span, lines in self._lines():
            count = np.arange(len(lines))
            lines[count, count + span.start] = -1
            nearest = np.argsort(-lines, axis=1, kind="stable")[:, :neighbours]
            kept = np.zeros_like(lines)
            np.put_along_axis(kept, nearest, np.take_along_axis(lines, nearest, axis=1), axis=1)
            result[:, span] = np.minimum(divide(rows @ kept.T, kept.sum(axis=1)[None, :]), 1.0)
        return result

    def gain(self, pci: ArrayLike, of: ArrayLike | None = None) -> Floats:
        """Gain in outlook from a product a country lacks, 0 where it has it; countries by products (COG of 3.1).

        The form of both reference packages (``cog_pkg``), in units of ``pci``. The form of the Atlas book
        (``cog_book``) takes off what the outlook counted already: ``gain - (1 - M) * density * pci``.
        """
        lacking = 1 - self._asked(of)
        return lacking * self.spread(lacking * (np.asarray(pci, dtype=np.float64) / self.nearness))

    def _asked(self, of: ArrayLike | None) -> Floats:
        return self.m if of is None else np.asarray(of, dtype=np.float64)

    def _lines(self) -> Iterator[tuple[slice, Floats]]:
        """Rows of phi in blocks. Shared countries are counted in float32, which is exact up to 16 million of them."""
        single = self.m.astype(np.float32)
        for span in self._spans:
            shared = (single[:, span].T @ single).astype(np.float64)
            shared /= np.maximum.outer(self._ubiquity[span], self._ubiquity)
            yield span, shared


def known_proximity(m: ArrayLike, known: ArrayLike) -> Floats:
    """phi where presence is known of part of the cells only: each pair over the countries that know both (0.4, 3.1).

    A conditional probability P(k | l) is taken among the countries that have l and know k, so that an unknown cell is
    neither presence nor absence. With every cell known it is ``ProductSpace.proximity``.

    Args:
        m: presence, 0 or 1, countries by products. known: which cells are known; the others of ``m`` do not matter.

    Returns:
        products by products; nan where no country that has one of the two knows the other.
    """
    mask = np.asarray(known, dtype=np.bool_)
    had = np.where(mask, np.asarray(m, dtype=np.float64), 0.0)
    of_known = np.einsum("ck,cl->kl", had, mask.astype(np.float64))
    return divide(np.einsum("ck,cl->kl", had, had), np.maximum(of_known, of_known.T))


def known_density(proximity: ArrayLike, m: ArrayLike, known: ArrayLike) -> tuple[Floats, Floats]:
    """Density over the products that a country knows, and the share of all proximities that these are (0.4, 3.1).

    Args:
        proximity: products by products, nan where undefined (which counts for nothing). m, known: as in
            ``known_proximity``, of any countries.

    Returns:
        Density, nan in unknown cells; coverage, 0 to 1. Both countries by products.
    """
    phi, mask = np.nan_to_num(np.asarray(proximity, dtype=np.float64)), np.asarray(known, dtype=np.bool_)
    had = np.where(mask, np.asarray(m, dtype=np.float64), 0.0)
    within = np.einsum("cl,lk->ck", mask.astype(np.float64), phi)
    near = np.minimum(divide(np.einsum("cl,lk->ck", had, phi), within), 1.0)
    return np.where(mask, near, np.nan), np.minimum(divide(within, phi.sum(axis=0)[None, :]), 1.0)


def outlook(near: ArrayLike, pci: ArrayLike, of: ArrayLike) -> Floats:
    """Complexity of what a country lacks, weighted by its density, not standardised; countries (COI of 3.1).

    Args:
        near: density, countries by products. pci: product complexity. of: presence of the same countries.
    """
    close, products, rows = (np.asarray(v, dtype=np.float64) for v in (near, pci, of))
    return (close * (1 - rows)) @ products


def checked(m: ArrayLike) -> Floats:
    """``m`` as float64. ValueError where it is no matrix of 0 and 1 with presence in every row and column."""
    matrix = np.asarray(m, dtype=np.float64)
    if not ((matrix == 0) | (matrix == 1)).all():
        raise ValueError("presence is 0 or 1; anything else is no presence matrix")
    if not (matrix.size and matrix.any(axis=0).all() and matrix.any(axis=1).all()):
        raise ValueError("a country or a product without any presence must be removed first")
    return matrix
