"""Who is good at what: the planted comparative advantages of the sample world.

One matrix serves trade and farming alike, so an economy that exports a chain also grows it. Most of it is
noise; ``data/specialisations.csv`` plants the cases that tests and readers look for.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from agrocluster.sample.noise import normal
from agrocluster.sample.tables import DATA, Goods, economies, rows

STAGES = ("input", "primary", "processed", "final")
_TROPICAL = ("080390", "090111", "090240", "151190", "180100", "170114")


@cache
def planted() -> tuple[dict[str, str], ...]:
    return tuple(rows(DATA / "specialisations.csv"))


@cache
def chain_factor(chain: str) -> np.ndarray:
    """Affinity of each economy with a chain as a whole, before any planting."""
    return np.exp(0.6 * normal(f"affinity {chain}", len(economies())))


@cache
def stage_factor(chain: str, stage: str) -> np.ndarray:
    """Affinity of each economy with one stage of one chain, planted specialisations included."""
    factor = chain_factor(chain) * np.exp(0.4 * normal(f"affinity {chain} {stage}", len(economies())))
    for row in planted():
        if row["chain"] == chain and row["stage"] in (stage, "*"):
            # A planted value replaces the noise: the reader finds what the table says.
            factor[economies().index(row["iso3"])] = float(row["factor"])
    return factor


def export_affinity(goods: Goods) -> np.ndarray:
    """Economies by goods."""
    world = economies()
    matrix = np.exp(0.7 * normal("affinity goods", len(world), len(goods)))
    for chain, stage in sorted(set(zip(goods.chain, goods.stage, strict=True)) - {("", "")}):
        matrix[:, (goods.chain == chain) & (goods.stage == stage)] *= stage_factor(chain, stage)[:, None]
    single = goods.chain == ""
    matrix[:, single] **= 1.7
    cold = np.abs(world.number["lat"]) > 33
    matrix[np.ix_(cold, np.isin(goods.code, _TROPICAL))] *= 0.02
    for row in planted():
        if row["chain"].isdigit():
            matrix[world.index(row["iso3"]), goods.code == row["chain"]] = float(row["factor"])
    return matrix


def farm_affinity(chain: str) -> np.ndarray:
    """Share drive in farm output: the primary stage, damped, because food is grown for home use too."""
    if not chain:
        return np.exp(0.5 * normal("affinity other farming", len(economies())))
    return stage_factor(chain, "primary") ** 0.5
