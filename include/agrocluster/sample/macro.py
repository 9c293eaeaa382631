"""Economy-wide series of the sample world that several publishers share: population, output, exchange rate."""

from __future__ import annotations

from functools import cache

import numpy as np

from agrocluster.sample.noise import normal, uniform, walk
from agrocluster.sample.tables import FOUR, YEARS, economies, through_published


def _calibrated(values: np.ndarray, indicator: str) -> np.ndarray:
    for iso3 in FOUR:
        i = economies().index(iso3)
        values[i] = through_published(values[i], "wb", indicator, iso3)
    return values


@cache
def population() -> np.ndarray:
    """Persons, economies by years."""
    world = economies()
    growth = 0.009 + 0.006 * normal("population growth", len(world), 1)
    return np.round(_calibrated(world.number["pop_m"][:, None] * 1e6 * np.exp(growth * (YEARS - 2019)), "SP.POP.TOTL"))


@cache
def gdp() -> np.ndarray:
    """Current dollars, economies by years."""
    world = economies()
    growth = 0.03 + 0.01 * normal("gdp growth", len(world), 1)
    noise = np.exp(0.04 * walk("gdp", len(world), len(YEARS)))
    return _calibrated(
        world.number["gdp_bn"][:, None] * 1e9 * np.exp(growth * (YEARS - 2019)) * noise, "NY.GDP.MKTP.CD"
    )


@cache
def exchange_rate() -> np.ndarray:
    """Local currency per dollar; the dollar itself stays one, most others slide."""
    world = economies()
    slide = 0.03 * uniform("slide", len(world), 1) ** 2
    slide[world.four] = np.array([[0.09], [0.05], [0.08], [0.12]])
    path = world.number["lcu_per_usd"][:, None] * np.exp(slide * (YEARS - 2019))
    path[world.number["lcu_per_usd"] == 1] = 1.0
    return np.round(path, 6)
