"""Constant-market-share analysis: worked example F, closure for any flows, and where growth cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import market_growth as cms

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["F_cms"]
FLOWS = tuple(EXAMPLE[name] for name in ("X0", "X1", "W0", "W1"))
PARTS = ("world", "composition", "market", "residual")
VALUES = st.one_of(st.just(0.0), st.floats(1, 1e9))
ANY = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=4).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.float64, shape, elements=VALUES)] * 4)
)


def closes(parts: cms.GrowthParts, scale: np.ndarray) -> None:
    total = sum(getattr(parts, name) for name in PARTS)
    np.testing.assert_allclose(total / scale, parts.change / scale, atol=1e-9)
    np.testing.assert_allclose((parts.continuing + parts.entry + parts.exit) / scale, parts.residual / scale, atol=1e-9)


def test_the_worked_example() -> None:
    parts = cms.decompose(*FLOWS, order="product_first")
    found = [parts.change, parts.world, parts.composition, parts.market, parts.residual]
    names = ("dX", "size", "composition", "market", "competitiveness")
    np.testing.assert_allclose(found, [EXAMPLE[name] for name in names], atol=1e-9)


def test_the_other_order_gives_other_goods_and_markets_but_the_same_world_and_rest() -> None:
    # By hand: g = 0.15, g_j = 70/300 - ..., see the sums: markets 300 -> 340 and 700 -> 810.
    parts = cms.decompose(*FLOWS, order="market_first")
    by_market = (340 / 300 - 1.15) * 40 + (810 / 700 - 1.15) * 60
    assert parts.market == pytest.approx(by_market, abs=1e-9)
    assert parts.composition == pytest.approx(4 - by_market, abs=1e-9)
    assert (parts.world, parts.residual) == pytest.approx((15, 19))
    mean, forward = cms.decompose(*FLOWS), cms.decompose(*FLOWS, order="product_first")
    assert mean.market == pytest.approx((forward.market + parts.market) / 2)
    assert mean.composition == pytest.approx((forward.composition + parts.composition) / 2)
    with pytest.raises(ValueError, match="product_first"):
        cms.decompose(*FLOWS, order="backwards")


@pytest.mark.parametrize("order", cms.ORDERS)
@given(flows=ANY)
def test_every_decomposition_closes(order: str, flows: tuple[np.ndarray, ...]) -> None:
    x0, x1, w0, w1 = flows
    w1 = w1 + (w0 + w1 == 0).all(axis=(1, 2), keepdims=True)
    scale = 1 + (x0 + x1 + w0 + w1).sum(axis=(1, 2))
    closes(cms.decompose_midpoint(x0, x1, w0, w1, order=order), scale)
    closes(cms.decompose(x0, x1, w0 + 1e9, w1, order=order), scale)


@given(ANY)
def test_where_the_world_buys_more_of_everything_alike_all_beyond_it_is_competitiveness(flows) -> None:
    x0, x1, w0, _ = flows
    parts = cms.decompose(x0, x1, w0 + 1, 1.25 * (w0 + 1))
    np.testing.assert_allclose(parts.world, 0.25 * x0.sum(axis=(1, 2)), rtol=1e-9, atol=1e-6)
    scale = 1 + (x0 + x1).sum(axis=(1, 2))
    np.testing.assert_allclose(parts.composition / scale, 0, atol=1e-9)
    np.testing.assert_allclose(parts.market / scale, 0, atol=1e-9)


def test_a_market_new_to_the_world_takes_the_midpoint_and_leaves_the_others_their_base() -> None:
    x0, x1 = [[[10.0, 0.0]]] * 2, [[[12.0, 5.0]], [[12.0, 0.0]]]
    w0, w1 = [[100.0, 0.0]], [[110.0, 50.0]]
    parts, share = cms.constant_market_share(x0, x1, w0, w1)
    np.testing.assert_allclose(share, [5 / 27, 0])
    closes(parts, np.array([1.0, 1.0]))
    # What goes on is 12 - 10 * 1.1 with the new market as without it.
    np.testing.assert_allclose(parts.continuing, 12 - 10 * 1.1)
    # Half the weight (5 + 0) / 2 at the growth 2 is all of the 5: none of the entry is competitiveness.
    assert parts.entry[0] == pytest.approx(0)
    # The world grew by 60 %, of the mean of both windows by 2 * 60 / 260.
    np.testing.assert_allclose(parts.world, [10 * 0.6 + 2.5 * 120 / 260, 10 * 0.6])
    sold_before = cms.decompose([[10.0, 5.0]], [[10.0, 5.0]], w0, w1)
    assert np.isnan(sold_before.residual)


@pytest.mark.parametrize("order", cms.ORDERS)
@given(flows=ANY)
def test_cells_of_both_kinds_close_together(order: str, flows: tuple[np.ndarray, ...]) -> None:
    x0, x1, w0, w1 = flows
    w1 = w1 + (w0 + w1 == 0).all(axis=(1, 2), keepdims=True)
    parts, share = cms.constant_market_share(x0, x1, w0, w1, order=order)
    # Growth from next to nothing is without bound, and so is what cancels in the sum.
    closes(parts, 1 + (x0 + x1).sum(axis=(1, 2)) * (1 + (w1.sum(axis=(1, 2)))))
    new = cms.needs_midpoint(x0, x1, w0)
    plain = ~new.any(axis=(1, 2))
    for name in PARTS:
        found, base = getattr(parts, name), getattr(cms.decompose(x0, x1, w0, w1, order=order), name)
        np.testing.assert_array_equal(found[plain], base[plain])
    traded = (x0 + x1).sum(axis=(1, 2)) > 0
    np.testing.assert_array_equal(share[traded] > 0, ~plain[traded])
    assert np.isnan(share[~traded]).all()
    assert (share[traded] <= 1 + 1e-12).all()


def test_the_worked_example_has_no_cell_that_needs_the_midpoint() -> None:
    for order in cms.ORDERS:
        parts, share = cms.constant_market_share(*FLOWS, order=order)
        assert share == 0
        assert vars(parts) == vars(cms.decompose(*FLOWS, order=order))


def test_entry_and_exit_are_told_from_what_went_on() -> None:
    parts = cms.decompose_midpoint([[10.0, 0.0, 8.0]], [[11.0, 6.0, 0.0]], [[100.0] * 3], [[100.0] * 3])
    np.testing.assert_allclose([parts.continuing, parts.entry, parts.exit], [1, 6, -8])
    assert parts.change == parts.residual == -1


def test_points_are_of_the_first_window_and_a_year() -> None:
    points = cms.decompose(*FLOWS).per_year(100, 5)
    assert points.change == pytest.approx(7.6)
    assert points.world == pytest.approx(3)
    assert np.isnan(cms.decompose(*FLOWS).per_year(0, 5).change)


def test_an_unknown_flow_leaves_no_residual() -> None:
    parts = cms.decompose([[10.0, np.nan]], [[11.0, 3.0]], [[100.0, 100.0]], [[110.0, 100.0]])
    assert np.isnan([parts.change, parts.residual, parts.continuing, parts.entry]).all()


def test_a_world_that_buys_nothing_has_no_growth_to_compare_with() -> None:
    parts = cms.decompose_midpoint([[0.0]], [[1.0]], [[0.0]], [[0.0]])
    assert parts.change == 1
    assert np.isnan(parts.world)


def test_a_large_supplier_is_not_measured_by_itself() -> None:
    x0, x1, w0, w1 = [[50.0, 1.0]], [[90.0, 1.0]], [[60.0, 100.0]], [[100.0, 100.0]]
    large = cms.is_large_supplier(x0, x1, w0, w1, share_min=0.1)
    np.testing.assert_array_equal(large, [[True, False]])
    np.testing.assert_array_equal(cms.world_of_others(w0, x0, large=large), [[10, 100]])
    np.testing.assert_array_equal(cms.world_of_others(w1, x1, large=large), [[10, 100]])
    # A market that nobody else supplies says nothing; the growth of the product stands in.
    alone = cms.decompose([[50.0, 10.0]], [[90.0, 10.0]], [[0.0, 100.0]], [[0.0, 110.0]])
    np.testing.assert_allclose([alone.world, alone.market, alone.residual], [6, 0, 34], atol=1e-9)
