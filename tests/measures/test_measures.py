"""The formulas against hand-computed examples, and the identities they must keep on any data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.measures import chain, composite, specialisation

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())


def test_chain_measures_match_the_worked_example() -> None:
    example = EXAMPLES["J_chain"]
    stages = [example["dpr"][stage] for stage in ("primary", "processed", "final")]
    assert chain.dpr(*stages) == pytest.approx(example["dpr"]["value"], abs=1e-9)
    assert chain.upgrading_index(*stages) == pytest.approx(example["dpr"]["upgrade_index"], abs=1e-9)
    balance = [example["ssr"][part] for part in ("P", "M", "X")]
    assert chain.ssr(*balance) == pytest.approx(example["ssr"]["ssr"], abs=1e-9)
    assert chain.idr(*balance) == pytest.approx(example["ssr"]["idr"], abs=1e-9)
    gap = example["yield_gap"]
    assert chain.yield_gap(gap["y"], gap["y_ref"]) == pytest.approx(gap["value"], abs=1e-9)
    move = example["dynamic_rca"]
    found = specialisation.d_ln_rca(*reversed(move["share"]), *reversed(move["world_share"]))
    assert found == pytest.approx(move["dln"], abs=1e-9)


def test_composite_matches_the_worked_example() -> None:
    example = EXAMPLES["K_composite"]
    for name, arithmetic, geometric in zip("AB", example["arith"], example["geo"], strict=True):
        assert composite.arithmetic_mean(example[name]) == pytest.approx(arithmetic, abs=1e-9)
        assert composite.geometric_mean(example[name]) == pytest.approx(geometric, abs=1e-9)
    assert composite.confidence(example["confidence"]["parts"]) == pytest.approx(
        example["confidence"]["value"], abs=1e-9
    )


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_more_never_scores_less_and_scores_stay_between_1_and_100(value: float, step: float) -> None:
    lower, higher = composite.score([value, value + step], -10.0, 25.0)
    assert 1 <= lower <= higher <= 100


def test_means_leave_out_what_is_unknown_instead_of_counting_it_as_zero() -> None:
    assert composite.arithmetic_mean([40, np.nan, 60]) == 50
    assert composite.geometric_mean([4, np.nan, 9]) == pytest.approx(6)
    assert np.isnan(composite.arithmetic_mean([np.nan]))
    assert np.isnan(composite.potential(50, np.nan))
    assert composite.adjusted_potential(80, 100) == 80
