"""Sums and selects the flows of one BACI year, block by block, exactly.

Three things leave a year of eleven million flows: what every exporter sells of every product to the whole world
(the base of every specialisation index), what every importer buys of it from all countries (the demand of every
market), and each flow in which one of the chosen countries takes part.

Values and quantities are published with at most six decimals (three so far), so they are summed as whole
numbers below 2**53, where float64 is exact: sums do not depend on the order and have no rounding error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CODES = 1000
"""BACI country codes are below this."""
PRODUCTS = 1_000_000
"""HS6 codes, read as numbers, are below this."""
MICRO = 1e6
PER_THOUSAND = 1e3
"""Thousand dollars in millionths are thousandths of a dollar; tonnes in millionths are grams."""


@dataclass(frozen=True)
class Flows:
    """Flows of a block: year, exporter, importer and product codes, value (1000 USD), quantity (t, NaN unknown)."""

    t: Ints
    i: Ints
    j: Ints
    k: Ints
    v: Floats
    q: Floats

    def take(self, keep: NDArray[np.bool_]) -> Flows:
        """The flows where ``keep`` is true."""
        return self if keep.all() else Flows(*(column[keep] for column in vars(self).values()))

    def key(self) -> Ints:
        """One number per exporter, importer and product, ascending in the order CEPII sorts by."""
        return (self.i * CODES + self.j) * PRODUCTS + self.k


class Totals:
    """Running sums per exporter and product, and per importer and product.

    Args:
        iso3: country code -> ISO3 of the codes that are countries.
    """

    def __init__(self, iso3: Mapping[int, str]) -> None:
        self.countries = sorted(set(iso3.values()))
        place = {code: number for number, code in enumerate(self.countries)}
        self.country_of = np.full(CODES, -1, dtype=np.int64)
        for code, iso in iso3.items():
            self.country_of[code] = place[iso]
        self._product_of = np.full(PRODUCTS, -1, dtype=np.int64)
        self._products = np.empty(0, dtype=np.int64)
        self._sums = np.zeros((2, 3, 0))

    def add(self, flows: Flows) -> None:
        """Add flows; those of exporters that are no countries must have been taken out.

        Importers that are no countries count in the exporter's total only.
        """
        self._meet(flows.k)
        product = self._product_of[flows.k] * len(self.countries)
        value = np.rint(flows.v * MICRO)
        known = ~np.isnan(flows.q)
        weights = value, np.where(known, value, 0.0), np.where(known, np.rint(flows.q * MICRO), 0.0)
        for side, country in enumerate((self.country_of[flows.i], self.country_of[flows.j])):
            inside = country >= 0
            everything = bool(inside.all())
            cell = product + country if everything else (product + country)[inside]
            for row, weight in enumerate(weights):
                self._sums[side, row] += np.bincount(
                    cell, weights=weight if everything else weight[inside], minlength=self._sums.shape[2]
                )

    def _meet(self, products: Ints) -> None:
        new = products[self._product_of[products] < 0]
        if not new.size:
            return
        new = np.unique(new)
        self._product_of[new] = np.arange(len(self._products), len(self._products) + len(new))
        self._products = np.concatenate([self._products, new])
        self._sums = np.pad(self._sums, ((0, 0), (0, 0), (0, len(new) * len(self.countries))))

    def batches(self, year: int, edition: str, known_share: float) -> Iterator[pa.RecordBatch]:
        """Totals of a year as staged rows: every exporter's with importer ``WLD``, then every importer's with
        exporter ``WLD``, each sorted by country and product.

        ``net_kg`` is the known weight, empty where less than ``known_share`` of the value has one.
        """
        staged = Staged(year, edition, self.countries)
        for side, (value, with_weight, grams) in enumerate(self._sums):
            cells = np.flatnonzero(value > 0)
            product, place = self._products[cells // len(self.countries)], cells % len(self.countries)
            order = np.lexsort((product, place))
            cells, product = cells[order], product[order]
            country, world = staged.country(place[order]), repeated("WLD", len(cells))
            share = with_weight[cells] / value[cells]
            yield staged.batch(
                *((world, country) if side else (country, world)),
                product,
                value[cells] / PER_THOUSAND,
                np.where(share >= known_share, grams[cells] / PER_THOUSAND, np.nan),
                np.where(share >= known_share, np.where(share < 1, 1, 0), 2),
            )


@dataclass(frozen=True)
class Staged:
    """Builds staged trade rows of one year."""

    year: int
    edition: str
    countries: list[str]
    flags: tuple[str, ...] = field(default=("", "q_partial", "q_missing"))

    def batch(
        self, exporter: pa.Array, importer: pa.Array, product: Ints, value_usd: Floats, net_kg: Floats, flag: Ints
    ) -> pa.RecordBatch:
        """A batch with the columns of the trade contract that a reader provides."""
        rows = len(exporter)
        codes, places = np.unique(product, return_inverse=True)
        columns: dict[str, pa.Array] = {
            "exporter": exporter,
            "importer": importer,
            "hs_edition": repeated(self.edition, rows),
            "hs_code": _coded(places, [f"{code:06d}" for code in codes.tolist()]),
            "year": to_arrow(np.full(rows, self.year, dtype=np.int16)),
            "flow_variant": repeated("reconciled", rows),
            "value_usd": to_arrow(value_usd),
            "net_kg": to_arrow(net_kg),
            "flag": _coded(flag, list(self.flags)),
        }
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def country(self, place: Ints) -> pa.DictionaryArray:
        """Positions in the list of countries as a column of ISO3 codes."""
        return _coded(place, self.countries)


def bilateral(flows: Flows, totals: Totals, year: int, edition: str) -> pa.RecordBatch:
    """Flows between two countries as staged rows, in their order."""
    staged = Staged(year, edition, totals.countries)
    exporter, importer = totals.country_of[flows.i], totals.country_of[flows.j]
    unknown = np.isnan(flows.q)
    return staged.batch(
        staged.country(exporter),
        staged.country(importer),
        flows.k,
        np.rint(flows.v * MICRO) / PER_THOUSAND,
        np.rint(flows.q * MICRO) / PER_THOUSAND,
        np.where(unknown, 2, 0),
    )


def _coded(places: Ints, texts: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(to_arrow(places.astype(np.int32)), texts_to_arrow(texts))
