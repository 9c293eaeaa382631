"""Two thousand draws of the index, and all combinations of its choices, for four countries and 23 chains.

The countries' exports and output are made up; definition, choices and rules are those of the catalogue. The peer makes
the same draws one after the other. The limit is a minute and 2 GiB.
"""

from __future__ import annotations

import time

BEGAN = time.time()

from collections.abc import Callable, Mapping  # noqa: E402
from dataclasses import replace  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.measure import Result, child, compare  # noqa: E402

ONE_BY_ONE = "one draw after the other (200 draws)"
DRAWS = "agrocluster: 2,000 draws"
SOBOL = "agrocluster: all combinations of choices, Sobol indices"
PEER_DRAWS, OUR_DRAWS = 200, 2000
YEARS = 13


def _made_up(folder: Path):  # type: ignore[no-untyped-def]
    """A source with made-up figures for the panel of the catalogue, and scales to go with it."""
    import numpy as np

    from agrocluster.marts.build import build, connect
    from agrocluster.marts.index.definition import frame, index
    from agrocluster.marts.index.drawn import Source
    from agrocluster.marts.index.simulate import Scales
    from agrocluster.marts.index.state import STAGES, State
    from agrocluster.marts.index.values import transformed
    from agrocluster.marts.parameters import define_lookups, parameters
    from agrocluster.marts.relations import register_catalog, register_marts
    from agrocluster.measures.normalise import frozen_scale

    dimensions = ("method_parameters", "dim_country", "dim_chain")
    for name in dimensions:
        build(name, folder, [], {})
    con = connect(folder)
    register_catalog(con, {"cat_index_indicator", "cat_pillar", "cat_baseline"})
    register_marts(con, folder, dimensions)
    define_lookups(con)
    con.execute(
        "CREATE TABLE dim_baseline AS SELECT baseline_id, coalesce(first_year, 2022) AS first_year, "
        "coalesce(last_year, 2024) AS last_year, is_reference FROM cat_baseline"
    )
    definition, countries, method = index(con), frame(con), parameters(con)
    rng = np.random.default_rng(1)
    c, f, h, s = len(countries.countries), int(countries.focus.sum()), len(definition.chains), len(STAGES)
    x = rng.lognormal(16, 2, (YEARS, c, h, s))
    gpv = rng.lognormal(19, 1.5, (YEARS, c, h))
    share = rng.uniform(0, 1, (YEARS, c, h, s))
    state = State(
        years=np.arange(2012, 2012 + YEARS),
        x=x,
        on_base=share,
        moved=share / 4,
        world=x.sum(axis=1) * 1.5,
        world_on_base=share.mean(axis=1),
        x_all=x.sum(axis=(2, 3)) * 4,
        x_agri=x.sum(axis=(2, 3)) * 2,
        w_all=x.sum(axis=(1, 2, 3)) * 6,
        w_agri=x.sum(axis=(1, 2, 3)) * 3,
        held=np.ones((h, s), dtype=bool),
        agri=np.ones((h, s + 1), dtype=bool),
        sigma=np.full((YEARS, f, h, s), 0.2),
        cif=rng.uniform(0.9, 1.1, (4, YEARS, f, h, s)),
        incomplete=np.full(YEARS, 0.02),
        gpv=gpv,
        gpv_share=gpv / gpv.sum(axis=2, keepdims=True),
        world_gpv_share=np.full((YEARS, h), 1 / h),
        output_t=gpv / 300,
        sigma_output=np.full((YEARS, f, h), 0.1),
    )
    published = rng.uniform(0.05, 0.95, (len(countries.baselines), c, h, len(definition.lines)))
    published[..., ~definition.measured] = np.nan
    y = np.stack(
        [
            transformed(published[0, ..., i], line["transform"] or "identity", method["ln_floor"]).reshape(-1)
            for i, line in enumerate(definition.lines)
        ],
        axis=-1,
    )
    panel = frozen_scale(y, axis=0)
    scales = Scales(panel.low, panel.high, panel, np.isnan(panel.low))
    return Source(definition, countries, state, method, published), scales


def _draw(folder: Path, *, count: int, apart: bool) -> None:
    from agrocluster.marts.index.plan import random_draws
    from agrocluster.marts.index.simulate import simulated

    source, scales = _made_up(folder)
    numbers = {**source.method.numbers, "mc_draws": float(count)}
    plan = random_draws(source.index, replace(source.method, numbers=numbers))
    if not apart:
        simulated(source, 0, plan, scales)
        return
    for n in range(count):
        one = {name: taken[n : n + 1] for name, taken in plan.choice.items()}
        errors = replace(plan.errors, n=1) if plan.errors else None
        single = replace(
            plan,
            n=1,
            choice=one,
            weight=plan.weight[n : n + 1],
            pillar_weight=plan.pillar_weight[n : n + 1],
            errors=errors,
        )
        simulated(source, 0, single, scales)


def _sobol(folder: Path) -> None:
    import numpy as np

    from agrocluster.marts.index.plan import every_combination
    from agrocluster.marts.index.simulate import simulated
    from agrocluster.measures.composite import potential
    from agrocluster.measures.sensitivity import factorial_effects

    source, scales = _made_up(folder)
    plan = every_combination(source.index, source.method)
    found, _ = simulated(source, 0, plan, scales)
    factorial_effects(potential(found.position, found.headroom), np.stack(list(plan.choice.values()), axis=-1))


DESIGNS: Mapping[str, Callable[[Path], object]] = {
    ONE_BY_ONE: partial(_draw, count=PEER_DRAWS, apart=True),
    DRAWS: partial(_draw, count=OUR_DRAWS, apart=False),
    SOBOL: _sobol,
}


def run(folder: Path, repetitions: int) -> list[Result]:
    """Drawing at once against drawing one by one, as whole processes that read and write nothing large."""
    dimensions = folder / "dimensions"
    dimensions.mkdir(parents=True, exist_ok=True)
    return compare("benchmarks.uncertainty", dimensions, list(DESIGNS), repetitions)


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
