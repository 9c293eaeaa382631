"""Complementarity, intensity and introversion: worked example E and what must hold for any region."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.measures import intensity

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["E_bilateral"]


def test_the_worked_example() -> None:
    tci, tii, region = EXAMPLE["tci"], EXAMPLE["tii"], EXAMPLE["iapadre"]
    assert intensity.tci(tci["x"], tci["m"]) == pytest.approx(tci["value"], abs=1e-9)
    flows = [tii[name] for name in ("x_ij", "X_i", "X_wj", "X_w")]
    assert intensity.tii(*flows) == pytest.approx(tii["value"], abs=1e-9)
    assert intensity.tii_of_others(*flows) == pytest.approx(tii["value_excluding_i"], abs=1e-9)
    trade = [region[name] for name in ("T_ii", "T_i", "T_w")]
    for measure, name in (
        (intensity.itii, "simple"),
        (intensity.hi, "HI"),
        (intensity.he, "HE"),
        (intensity.sti, "STI"),
    ):
        assert measure(*trade) == pytest.approx(region[name], abs=1e-9), name


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.45), st.floats(1, 1e12))
def test_introversion_is_bounded_and_free_of_the_unit(within: float, share: float, world: float) -> None:
    region = share * world
    found = intensity.sti(within * region, region, world)
    assert -1 <= found <= 1
    assert intensity.sti(within * region / world, region / world, 1) == pytest.approx(found, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=20))
def test_complementarity_lies_between_nothing_and_all_in_common(pairs: list[tuple[float, float]]) -> None:
    exports, imports = np.array(pairs).T
    found = intensity.tci(exports, imports)
    if exports.sum() > 0 and imports.sum() > 0:
        assert -1e-9 <= found <= 100 + 1e-9
        assert intensity.tci(exports * 7, exports) == pytest.approx(100)
        apart = intensity.tci([*exports, *np.zeros_like(imports)], [*np.zeros_like(exports), *imports])
        assert apart == pytest.approx(0, abs=1e-9)
    else:
        assert np.isnan(found)


@given(st.floats(0, 1e9), st.floats(1, 1e9), st.floats(1, 1e9))
def test_a_country_that_spreads_its_exports_as_the_world_does_is_neutral(
    other: float, to_all: float, market: float
) -> None:
    share = market / (market + other + 1)
    assert intensity.tii(share * to_all, to_all, market, market + other + 1) == pytest.approx(1)
    own, world = share * to_all, market + other + 1 + to_all
    assert intensity.tii_of_others(own, to_all, market + own, world) == pytest.approx(1, rel=1e-5)


def test_a_region_that_trades_like_the_world_is_neutral() -> None:
    # Members and outsiders alike send a tenth of their trade to the region.
    assert intensity.hi(10, 100, 1000) == pytest.approx(1)
    assert intensity.sti(10, 100, 1000) == pytest.approx(0)


def test_without_trade_there_is_no_intensity() -> None:
    assert np.isnan(intensity.itii(0, 0, 100))
    assert np.isnan(intensity.sti(np.nan, 100, 1000))
    assert np.isnan(intensity.tci([0, 0], [1, 1]))
