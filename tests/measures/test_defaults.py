"""What a function assumes unless told otherwise is the catalogue's parameter of that name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from agrocluster.measures import (
    coherence,
    complexity_sample,
    complexity_table,
    location,
    market_growth,
    normalise,
    product_space,
    relations,
    specialisation,
    stars,
    unit_values,
)
from agrocluster.model.loader import catalog

DEFAULTS: list[tuple[Callable[..., Any], dict[str, str]]] = [
    *(
        (function, {"world_min": "thin_market_world_usd", "country_min": "thin_market_country_usd"})
        for function in (specialisation.thin_market, relations.specialisation, relations.specialisation_batches)
    ),
    (unit_values.reference_unit_value, {"min_kg": "uv_ref_min_kg"}),
    (unit_values.ruv_class, {"band": "ruv_band"}),
    (unit_values.is_outlier, {"deviations": "ruv_mad"}),
    (unit_values.chain_ruv, {"known_min": "known_share_min"}),
    *(
        (function, {"order": "cms_order"})
        for function in (
            market_growth.constant_market_share,
            market_growth.decompose,
            market_growth.decompose_midpoint,
        )
    ),
    (market_growth.is_large_supplier, {"share_min": "cms_own_share_min"}),
    (location.lq_interval, {"z": "lq_interval_z"}),
    (location.resampled_interval, {"draws": "resampling_draws", "level": "lq_level"}),
    (location.standardised, {"min_places": "slq_min_places"}),
    (
        location.bootstrap_cutoff,
        {"draws": "slq_bootstrap_draws", "quantile": "slq_bootstrap_quantile", "min_places": "slq_min_places"},
    ),
    (
        stars.Thresholds,
        {
            "top": "star_top",
            "size_min": "star_size_min",
            "focus_min": "star_focus_min",
            "lq_min": "star_lq_min",
            "bound_min": "star_bound_min",
        },
    ),
    *(
        (function, {"threshold": "rca_threshold"})
        for function in (complexity_sample.choose, complexity_table.Options, product_space.presence)
    ),
    (stars.productivity_star, {"top": "star_top_productivity"}),
    (normalise.frozen_scale, {"low": "goalpost_low", "high": "goalpost_high"}),
    (normalise.z_score, {"span": "zscore_span"}),
    (coherence.is_skewed, {"skew_max": "coherence_skew_max", "kurtosis_max": "coherence_kurtosis_max"}),
    (stars.typology, {"rise_min": "typology_rise_min", "lq_min": "typology_lq_min"}),
]


@pytest.mark.parametrize(("function", "names"), DEFAULTS, ids=[function.__qualname__ for function, _ in DEFAULTS])
def test_a_default_is_the_parameter_it_names(function: Callable[..., Any], names: dict[str, str]) -> None:
    parameters, given = catalog().parameters, inspect.signature(function).parameters
    assert {name: given[name].default for name in names} == {name: parameters[of].value for name, of in names.items()}
