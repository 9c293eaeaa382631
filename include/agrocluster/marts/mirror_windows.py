"""Reporting quality over rolling windows of years, shared by the marts of cells and of reporters (method 2.5).

``mart_trade_cell`` needs a sigma for each side of each cell, ``mart_reporting_quality`` publishes what these rest on;
both estimate through this module, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts.parameters import Parameters
from agrocluster.measures import mirror, reporting_quality
from agrocluster.measures.reporting_quality import Effects
from agrocluster.model.arrays import to_numpy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Flows:
    """Both sides of every cell, sorted by year: dollars FOB, nan where unknown, and what the effects are of.

    ``countries`` lists the codes of exporters and importers; ``comparable`` leaves out goods without a code.
    """

    x: Floats
    m_fob: Floats
    year: NDArray[np.int16]
    exporter: NDArray[np.int32]
    importer: NDArray[np.int32]
    chapter: NDArray[np.int32]
    comparable: NDArray[np.bool_]
    countries: tuple[str, ...]
    chapters: int


def flows(cells: pa.Table, x: Floats, m_fob: Floats) -> Flows:
    """``Flows`` of a table with ``year, exporter, importer, hs_code``, rows sorted by year."""
    sides = pa.chunked_array([*cells["exporter"].chunks, *cells["importer"].chunks], pa.string())
    codes, countries = _codes(sides)
    rows = cells.num_rows
    hs_code = cells["hs_code"]
    chapter, chapters = _codes(pa.compute.utf8_slice_codeunits(hs_code, 0, 2))
    placed = to_numpy(pa.compute.match_substring(hs_code, "?").cast(pa.int16())) == 0
    year = to_numpy(cells["year"])
    return Flows(x, m_fob, year, codes[:rows], codes[rows:], chapter, placed, countries, len(chapters))


def windows(of: Flows, parameters: Parameters) -> Iterator[tuple[int, int, Effects]]:
    """First and last year of each window and its effects of exporters, importers, chapters and years."""
    span = int(parameters["quality_window_years"])
    chosen = of.comparable & reporting_quality.usable(of.x, of.m_fob, parameters["mirror_min_usd"])
    x, m, year = of.x[chosen], of.m_fob[chosen], of.year[chosen]
    factors = [part[chosen] for part in (of.exporter, of.importer, of.chapter)]
    gap, smaller = np.abs(mirror.lgap(x, m)), np.minimum(x, m)
    years = np.unique(of.year)
    for last in years.tolist():
        first = max(last - span + 1, int(years[0]))
        part = slice(np.searchsorted(year, first, "left"), np.searchsorted(year, last, "right"))
        effects = reporting_quality.estimate(
            gap[part],
            np.sqrt(smaller[part]),
            smaller[part],
            [*(codes[part] for codes in factors), year[part].astype(np.int64) - first],
            [len(of.countries), len(of.countries), of.chapters, span],
        )
        yield first, last, effects


def sigmas(effects: Effects, parameters: Parameters) -> tuple[Floats, Floats]:
    """Sigma of every country as exporter and as importer."""
    floor, unknown = parameters["sigma_floor"], parameters["sigma_trade"]
    exporter, importer = effects.factors[0], effects.factors[1]
    return (
        reporting_quality.sigma(effects.level, exporter, floor=floor, unknown=unknown),
        reporting_quality.sigma(effects.level, importer, floor=floor, unknown=unknown),
    )


def sigma_of_cells(of: Flows, parameters: Parameters) -> tuple[Floats, Floats]:
    """Sigma of the exporter's and of the importer's side of every cell, from the window that ends in its year."""
    sigma_x, sigma_m = np.empty(of.x.shape), np.empty(of.x.shape)
    for _, last, effects in windows(of, parameters):
        as_exporter, as_importer = sigmas(effects, parameters)
        part = slice(np.searchsorted(of.year, last, "left"), np.searchsorted(of.year, last, "right"))
        sigma_x[part] = as_exporter[of.exporter[part]]
        sigma_m[part] = as_importer[of.importer[part]]
    return sigma_x, sigma_m


def _codes(texts: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    encoded = texts.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return to_numpy(encoded.indices), tuple(encoded.dictionary.to_pylist())
