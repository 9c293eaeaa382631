"""Exports and farm output behind the index, by year, with what is known of their errors.

Draws and what-if questions change these figures and compute the indicators anew (``formulas``). Exports are those of
mart_chain_trade; how much of a stage lies on the farm base or would move under another definition of stages comes from
the flows themselves. Nothing is drawn here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.definition import Frame, Index
from agrocluster.marts.index.values import pivot
from agrocluster.marts.parameters import Parameters
from agrocluster.measures.composite import Flags
from agrocluster.measures.safe import Floats

STAGES = ("primary", "processed", "final")
"""Stages that the chain's total is the sum of, in order."""


@dataclass(frozen=True)
class State:
    """Yearly figures of the countries of a ``Frame``; nan where not known. Axes: y year, c country, f focus country,
    h chain, s stage, a alternative.

    ``x`` [y, c, h, s] exports in USD; ``on_base`` and ``moved`` [y, c, h, s] shares of them on the farm base and of
    goods that the broad economic categories call primary; ``world`` [y, h, s], ``world_on_base`` [y, h, s]; ``x_all``,
    ``x_agri`` [y, c]; ``w_all``, ``w_agri`` [y]; ``held`` bool [h, s]: the chain has codes of the stage; ``agri``
    bool [h, s + 1]: the farm base speaks for the stage (last: for the total); ``sigma`` [y, f, h, s] of ln exports;
    ``cif`` [a, y, f, h, s] factor on exports under other freight rates; ``incomplete`` [y] share of usual world
    exports without a report; ``gpv`` and ``gpv_share`` [y, c, h]; ``world_gpv_share`` [y, h]; ``output_t`` [y, c, h];
    ``sigma_output`` [y, f, h].
    """

    years: NDArray[np.int64]
    x: Floats
    on_base: Floats
    moved: Floats
    world: Floats
    world_on_base: Floats
    x_all: Floats
    x_agri: Floats
    w_all: Floats
    w_agri: Floats
    held: Flags
    agri: Flags
    sigma: Floats
    cif: Floats
    incomplete: Floats
    gpv: Floats
    gpv_share: Floats
    world_gpv_share: Floats
    output_t: Floats
    sigma_output: Floats


_EXPORTS = """
SELECT iso3, chain, stage, year, exports_usd, world_exports_usd, exports_all_goods_usd, exports_agri_usd,
    world_all_goods_usd, world_agri_usd, (index_base = 'agri')::DOUBLE AS agri, 1 - world_completeness AS incomplete
FROM mart_chain_trade
"""
_EXPORT_COLUMNS = (
    *("exports_usd", "world_exports_usd", "exports_all_goods_usd", "exports_agri_usd"),
    *("world_all_goods_usd", "world_agri_usd", "agri", "incomplete"),
)
_SHARES = """
WITH code AS (
    SELECT d.hs_code, d.chain, d.stage, d.agri_base,
        EXISTS (FROM cat_chain_code c WHERE c.system = 'HS17' AND c.code = d.hs_code AND c.bec_divergent = '1') AS moves
    FROM dim_product d
    WHERE d.hs_edition = parameter_text('hs_edition') AND d.role IN ('own', 'dual')
),
flow AS (
    SELECT f.exporter AS iso3, k.chain, k.stage, f.year, f.value_usd AS usd, k.agri_base, k.moves
    FROM fact_trade f JOIN code k USING (hs_code)
    WHERE f.importer = 'WLD' AND f.exporter <> 'WLD' AND f.value_usd IS NOT NULL
        AND f.hs_edition = parameter_text('hs_edition') AND f.flow_variant = parameter_text('flow_variant')
)
SELECT {0} chain, stage, year,
    sum(CASE WHEN agri_base THEN usd ELSE 0 END) / nullif(sum(usd), 0) AS on_base,
    sum(CASE WHEN moves THEN usd ELSE 0 END) / nullif(sum(usd), 0) AS moved
FROM flow GROUP BY {0} chain, stage, year
"""
_CELLS = """
WITH cell AS (
    SELECT t.exporter AS iso3, k.chain, k.stage, t.year, t.v_reconciled_usd AS v,
        coalesce(t.sigma_lnv, parameter('sigma_trade')) AS sigma,
        CASE WHEN t.x_reported_usd IS NULL THEN t.v_reconciled_usd * (1 + t.tau) END AS landed
    FROM mart_trade_cell t JOIN dim_product k USING (hs_code, hs_edition)
    WHERE k.role IN ('own', 'dual') AND t.v_reconciled_usd > 0
)
SELECT iso3, chain, stage, year, sqrt(sum((v * sigma) ** 2)) / sum(v) AS sigma, sum(v) AS v,
    coalesce(sum(v) FILTER (landed IS NOT NULL), 0) AS mirrored, coalesce(sum(landed), 0) AS landed
FROM cell GROUP BY ALL
"""
_FARMS = """
SELECT iso3, chain, year, gpv_intl_usd AS gpv, gpv_share, gpv_share / nullif(plq, 0) AS world_gpv_share,
    production_t AS output_t, sigma_production AS sigma_output
FROM mart_chain_production
"""


def state(con: duckdb.DuckDBPyConnection, index: Index, frame: Frame, method: Parameters) -> State:
    """The state of this build; empty arrays of years where there is no trade."""
    first, last = con.sql("SELECT min(year), max(year) FROM mart_chain_trade").fetchall()[0]
    years = np.arange(first, last + 1) if first is not None else np.empty(0, dtype=np.int64)
    focus = [c for c, mine in zip(frame.countries, frame.focus.tolist(), strict=True) if mine]
    year, chain, stage = ("year", years.tolist()), ("chain", index.chains), ("stage", STAGES)
    stage_or_total = ("stage", (*STAGES, "total"))
    country, own = ("iso3", frame.countries), ("iso3", focus)
    trade = pivot(
        con,
        _EXPORTS,
        (year, country, chain, stage_or_total),
        _EXPORT_COLUMNS,
    )
    part = pivot(con, _SHARES.format("iso3,"), (year, country, chain, stage), ("on_base", "moved"))
    world_part = pivot(con, _SHARES.format(""), (year, chain, stage), ("on_base",))
    cells = pivot(con, _CELLS, (year, own, chain, stage), ("sigma", "v", "mirrored", "landed"))
    farms = pivot(
        con, _FARMS, (year, country, chain), ("gpv", "gpv_share", "world_gpv_share", "output_t", "sigma_output")
    )
    steps = np.array(method.list_of("cif_quartile_steps"))[:, None, None, None, None]
    freight = (cells["v"] - cells["mirrored"] + cells["landed"] / (1 + steps)) / cells["v"]
    return State(
        years=years,
        x=trade["exports_usd"][..., : len(STAGES)],
        on_base=part["on_base"],
        moved=part["moved"],
        world=_any(trade["world_exports_usd"][..., : len(STAGES)], 1),
        world_on_base=world_part["on_base"],
        x_all=_any(_any(trade["exports_all_goods_usd"], 3), 2),
        x_agri=_any(_any(trade["exports_agri_usd"], 3), 2),
        w_all=_any(_by_year(trade["world_all_goods_usd"]), 1),
        w_agri=_any(_by_year(trade["world_agri_usd"]), 1),
        held=np.asarray((~np.isnan(trade["agri"][..., : len(STAGES)])).any(axis=(0, 1))),
        agri=_any(_any(trade["agri"], 0), 0) == 1,
        sigma=np.where(np.isnan(cells["sigma"]), method["sigma_trade"], cells["sigma"]),
        cif=np.where(np.isnan(freight), 1.0, freight),
        incomplete=np.nan_to_num(np.maximum(_any(_by_year(trade["incomplete"]), 1), 0)),
        gpv=farms["gpv"],
        gpv_share=farms["gpv_share"],
        world_gpv_share=_any(farms["world_gpv_share"], 1),
        output_t=farms["output_t"],
        sigma_output=farms["sigma_output"][:, frame.focus],
    )


def _by_year(values: Floats) -> Floats:
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _any(values: Floats, axis: int) -> Floats:
    """What all known values along the axis are: the largest of equal ones."""
    known = ~np.isnan(values)
    largest = np.where(known, values, -np.inf).max(axis=axis, initial=-np.inf)
    return np.where(known.any(axis=axis), largest, np.nan)
