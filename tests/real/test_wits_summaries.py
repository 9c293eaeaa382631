"""WITS trade summaries: advantage agrees with the shares printed beside dollars, concentration with the partners'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agrocluster.measures import concentration, specialisation

ROUNDING = 0.005 + 1e-4
"""Half of the last printed digit of a share in percent, and what rounded dollars add."""


INDICATORS = {
    "dollars": "Export(US$ Mil)",
    "all": "Exports (in US$ Mil)",
    "shares": "Export Product share(%)",
    "partners": "No. Of Export partners",
    "largest": "Partner share(%)-Top 5 Export Partner",
    "hhi": "HH Market concentration index",
}


def summary(folder: Path, country: str) -> dict[str, pd.DataFrame]:
    """Indicators by product group (where they have one) and year: dollars in millions, shares in percent."""
    table = pd.read_csv(folder / f"en_{country}_AllYears_WITS_Trade_Summary.CSV", skipinitialspace=True)
    table = table.set_index("Product categories")
    years = table.columns[table.columns.str.isdigit()]
    indicator = table["Indicator"].str.strip()
    return {key: table.loc[indicator == name, years].apply(pd.to_numeric) for key, name in INDICATORS.items()}


@pytest.mark.parametrize("country", ["KAZ", "RUS", "TUR"])
def test_dollars_and_printed_shares_give_the_same_advantage(real_data: Path, country: str) -> None:
    folder = real_data / "wits" / "trade_summary"
    own, world = summary(folder, country), summary(folder, "Wld")
    groups = own["dollars"].index.intersection(world["dollars"].index)
    compared = 0
    for year in own["dollars"].columns.intersection(world["dollars"].columns):
        x, of_world = (side["dollars"].loc[groups, year].to_numpy() for side in (own, world))
        total, all_trade = (side["all"][year].item() for side in (own, world))
        found = specialisation.rca([x, of_world - x], [total, all_trade - total], of_world)[0]
        share, base = (side["shares"].loc[groups, year].to_numpy() for side in (own, world))
        known = ~np.isnan(found) & ~np.isnan(share) & ~np.isnan(base)
        low, high = (share - ROUNDING) / (base + ROUNDING), (share + ROUNDING) / (base - ROUNDING)
        outside = known & ((found < low) | (found > high))
        assert not outside.any(), (year, groups[outside].tolist(), found[outside], low[outside], high[outside])
        compared += int(known.sum())
    assert compared > 300


def test_the_printed_concentration_of_partners_is_the_normalised_one(real_data: Path) -> None:
    # Five partners are printed. The others have the least concentration when equal and the most when as large as the
    # fifth. Older years of the archive fit neither variant: its partners were not those the index was made from.
    of = summary(real_data / "wits" / "trade_summary", "KAZ")
    raw_fits = []
    for year in map(str, range(2014, 2020)):
        printed, n = of["hhi"][year].item(), int(of["partners"][year].item())
        largest = of["largest"][year].dropna().to_numpy()
        rest = 100 - largest.sum()
        full = int(rest // largest.min())
        even = [*largest, *np.full(n - 5, rest / (n - 5))]
        uneven = [*largest, *np.full(full, largest.min()), rest - full * largest.min()]
        low, high = concentration.hhi_norm(even, n), concentration.hhi_norm(uneven, n)
        assert low - 0.005 <= printed <= high + 0.005, year
        raw_fits.append(concentration.hhi(even) - 0.005 <= printed <= concentration.hhi(uneven) + 0.005)
    assert not all(raw_fits)
