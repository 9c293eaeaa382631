"""RCA of the Atlas of Economic Complexity: what its authors printed, recomputed from the exports they published.

The published exports are single-precision numbers, rounded from a billion dollars on, while the printed RCA came from
values that were not. So RCA agrees to three millionths; and where rounding has no part (ratios of cells below a
billion, in which totals cancel) to all printed digits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agrocluster.measures import relations, specialisation

Matrices = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def published(real_data: Path) -> Matrices:
    """Exports, and printed RCA (without the four countries) in the same cells."""
    folder = real_data / "reference" / "atlas_rca"
    kinds = {"country": str, "product": str}
    exports, printed = (
        pd.read_csv(folder / f"{name}.csv.gz", dtype=kinds).pivot_table(
            index="country", columns="product", values=column
        )
        for name, column in (("country_hs4_exports", "export_val"), ("expected_rca_without_four", "rca"))
    )
    return exports, printed.reindex(columns=exports.columns)


def test_every_advantage_is_the_printed_one(published: Matrices) -> None:
    exports, printed = published
    own = pd.DataFrame(specialisation.rca(exports), exports.index, exports.columns).loc[printed.index]
    assert printed.shape == (129, 1223)
    np.testing.assert_array_equal(own == 0, printed == 0)
    np.testing.assert_allclose(own, printed, rtol=3.1e-6, atol=0)


def test_ratios_of_cells_below_a_billion_agree_to_all_printed_digits(published: Matrices) -> None:
    exports, printed = published
    own = pd.DataFrame(specialisation.rca(exports), exports.index, exports.columns).loc[printed.index]
    small = (exports.loc[printed.index] > 0) & (exports.loc[printed.index] < 1e9)
    gap = np.log(printed.where(small) / own.where(small))
    gap = gap.sub(gap.median(axis=1), axis=0)
    gap = gap.sub(gap.median(axis=0), axis=1)
    assert int(small.sum().sum()) > 100_000
    assert gap.abs().max().max() < 1e-11


def test_the_long_relation_gives_the_same_table(published: Matrices) -> None:
    exports, _ = published
    rows = exports.reset_index().melt("country", var_name="product")
    table = relations.specialisation(rows, world_min=0, country_min=0).to_pandas()
    found = table.pivot_table(index="country", columns="product", values="rca")
    np.testing.assert_allclose(found, specialisation.rca(exports), rtol=1e-12)
