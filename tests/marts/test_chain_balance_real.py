"""Balances of the chains on real FAOSTAT food balances: the marts give what the measures give, figure by figure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from world import World, one

from agrocluster.measures import chain
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.faostat import read_csv

pytestmark = pytest.mark.real

FILES = (
    "fbs_wheat_2014_2016.csv.gz",
    "fbs_maize_2014_2016.csv.gz",
    "fbs_meat_milk_eggs_production_2014_2016.csv.gz",
)
PARTS = ("5511", "5611", "5911", "5072", "5301", "5131", "5521")


@pytest.fixture(scope="module")
def staged(real_data):
    spec = catalog().dataset("faostat__fbs")
    batches = [b for name in FILES for b in read_csv(real_data / "faostat" / "fbs_download" / name, spec, StageLog())]
    return pa.Table.from_batches([b.cast(batches[0].schema) for b in batches])


@pytest.fixture(scope="module")
def con(staged):
    rows = [{**row, "dataset": "fbs"} for row in staged.to_pylist()]
    return World(production=rows).build("mart_chain_balance")


def test_balances_of_the_whole_world_equal_the_measures(staged, con) -> None:
    wide = staged.to_pandas().pivot_table(index=["iso3", "item_code", "year"], columns="element_code", values="value")
    wheat = wide.xs("2511", level="item_code")
    found = con.sql("FROM mart_chain_balance WHERE chain = 'wheat_flour'").df().set_index(["iso3", "year"])
    wheat = wheat.reindex(found.index)
    p, m, x, s, d, processed, _ = (wheat[code].to_numpy() for code in PARTS)
    tolerance = one(con, "FROM method_parameters WHERE name = 'fbs_tolerance'")["value_number"]
    sign = chain.stock_sign(p, m, x, np.nan_to_num(s), d, tolerance)
    np.testing.assert_array_equal(found["ds_sign"].astype(float), sign)
    for column, expected in (
        ("ssr", chain.ssr(p, m, x, sign * np.nan_to_num(s))),
        ("idr", chain.idr(p, m, x, sign * np.nan_to_num(s))),
        ("xor", chain.export_orientation(p, m, x)),
        ("retained_processing", chain.retained_processing(processed, p, m)),
    ):
        np.testing.assert_allclose(found[column], expected, rtol=1e-9, err_msg=column)
    assert (np.isnan(sign) & ~np.isnan(p + m - x - d)).mean() < 0.06, "balances of 2010 onwards close, but for 5.4 %"
    assert {-1.0} == set(np.unique(sign[~np.isnan(sign) & (sign != 0)])), "their stocks are taken from supply"


def test_kazakhstans_wheat_and_feed_of_2015_by_hand(con) -> None:
    """FAO, Food Balances (2010-), Kazakhstan 2015: 13,747 kt grown, 173 in, 5,994 out, 3,222 into stocks, 893 fed."""
    wheat = one(con, "FROM mart_chain_balance WHERE iso3 = 'KAZ' AND chain = 'wheat_flour' AND year = 2015")
    assert wheat["ssr"] == pytest.approx(13747 / 4704, rel=1e-3)
    assert wheat["xor"] == pytest.approx(5994 / 13920)
    assert wheat["ds_sign"] == -1
    fed = one(con, "FROM mart_chain_balance WHERE iso3 = 'KAZ' AND chain = 'dairy' AND year = 2015")
    maize = one(con, "FROM mart_food_balance WHERE iso3 = 'KAZ' AND item_code = '2514' AND year = 2015")
    assert fed["feed_t"] == pytest.approx(893e3 + maize["feed_t"])
    assert fed["feed_selfrel"] == pytest.approx(maize["production_t"] / fed["feed_t"])
