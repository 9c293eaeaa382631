"""Product space and complexity on the trade matrix of the R package economiccomplexity (method 11).

226 countries and 785 products, mean of 1998 to 2000. The package's stored results were made by its Fitness method; the
four focus countries are missing from its stored lists, and their figures are those of method 11.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agrocluster.measures import complexity as cx
from agrocluster.measures import specialisation
from agrocluster.measures.complexity_table import complexity_table
from agrocluster.measures.product_space import ProductSpace, outlook, presence

pytestmark = pytest.mark.real

FOUR = ("kaz", "kgz", "tjk", "uzb")
COTTON, SILK = "2631", "2613"


class Reference:
    """The matrix with its labels, and lists of the package's results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frame = pd.DataFrame(self.rows("world_trade_avg_1998_2000_sitc4.csv.gz"))
        self.frame["value"] = self.frame["value"].astype(float)
        wide = self.frame.pivot_table(index="country", columns="product", values="value", fill_value=0.0, aggfunc="sum")
        self.countries, self.products = wide.index.tolist(), wide.columns.tolist()
        self.x = wide.to_numpy()
        self.rca = specialisation.rca(self.x)
        self.m = presence(self.rca)

    def rows(self, name: str) -> list[dict[str, str]]:
        opened = gzip.open if name.endswith(".gz") else open
        with opened(self.folder / name, "rt", encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def reference(real_data: Path) -> Reference:
    return Reference(real_data / "reference" / "economiccomplexity_R")


def test_the_stored_presence_is_reproduced(reference: Reference) -> None:
    assert reference.x.shape == (226, 785)
    stored = {(row["country"], row["product"]) for row in reference.rows("expected_rca_ge1_without_four.csv.gz")}
    ours = {
        (reference.countries[c], reference.products[k])
        for c, k in np.argwhere(reference.m == 1).tolist()
        if reference.countries[c] not in FOUR
    }
    assert ours == stored


def test_the_stored_fitness_is_reproduced(reference: Reference) -> None:
    fit = cx.fitness(reference.m, 19)
    stored = {row["country"]: float(row["xci"]) for row in reference.rows("expected_fitness_country_without_four.csv")}
    assert len(stored) == 222
    for name, value in stored.items():
        assert fit.country[reference.countries.index(name)] == pytest.approx(value, abs=1e-12), name
    four = {"kaz": 0.732536, "kgz": 0.961606, "tjk": 0.805239, "uzb": 0.911680}
    for name, value in four.items():
        assert fit.country[reference.countries.index(name)] == pytest.approx(value, abs=5e-7), name
    quality = {row["product"]: float(row["yci"]) for row in reference.rows("expected_fitness_product.csv")}
    np.testing.assert_allclose(fit.product, [quality[k] for k in reference.products], atol=1e-12, rtol=0)


def test_the_printed_outlook_and_gain_are_reproduced(reference: Reference) -> None:
    """With quality of fitness as the complexity of products, not standardised, as the package's help page has it."""
    quality, space = cx.fitness(reference.m, 19).product, ProductSpace(reference.m)
    over = outlook(space.density(), quality, reference.m)
    printed = {"afg": 103.948610, "ago": 9.962401, "aia": 122.311158, "alb": 152.107317, "and": 151.295380}
    for name, value in printed.items():
        assert over[reference.countries.index(name)] == pytest.approx(value, abs=1e-6), name
    gains = space.gain(quality)[reference.countries.index("afg"), :5]
    np.testing.assert_allclose(gains, [0.8615531, 0.7613878, 0.7537907, 1.0961458, 0.8143851], atol=1e-7)


def test_the_figures_of_the_four(reference: Reference) -> None:
    found = cx.landscape(reference.m)
    expected = {
        "kaz": (95, -1.189213, -1.186579, 0.032278),
        "kgz": (146, -0.500727, -0.499618, 0.598085),
        "tjk": (125, -0.513797, -0.512660, 0.299261),
        "uzb": (134, -0.786990, -0.785247, 0.475895),
    }
    for name, (diversity, eci, eci_sample, coi) in expected.items():
        n = reference.countries.index(name)
        assert reference.m[n].sum() == diversity
        assert found.eci[n] == pytest.approx(eci, abs=1e-6)
        assert found.eci_sample[n] == pytest.approx(eci_sample, abs=1e-6)
        assert found.coi[n] == pytest.approx(coi, abs=1e-6)
    cotton = reference.products.index(COTTON)
    assert reference.m[:, cotton].sum() == 68
    assert found.found.pci[cotton] == pytest.approx(-2.987363, abs=1e-6)
    densities = {"kaz": 0.156729, "kgz": 0.265858, "tjk": 0.227456, "uzb": 0.237882}
    for name, value in densities.items():
        assert found.density[reference.countries.index(name), cotton] == pytest.approx(value, abs=1e-6)
    advantage = {
        COTTON: {"kaz": 2.446628, "kgz": 5.128096, "tjk": 16.699685, "uzb": 34.056626},
        SILK: {"kaz": 0.354686, "kgz": 4.470718, "tjk": 51.654865, "uzb": 7.905013},
    }
    for product, values in advantage.items():
        for name, value in values.items():
            cell = reference.rca[reference.countries.index(name), reference.products.index(product)]
            assert cell == pytest.approx(value, abs=1e-6)
    silk = reference.products.index(SILK)
    assert reference.m[:, silk].sum() == 20
    assert found.found.pci[silk] == pytest.approx(-2.597329, abs=1e-6)


def test_the_table_of_the_real_matrix(reference: Reference) -> None:
    result = complexity_table(reference.frame, year=None)
    assert result.removed.num_rows == 0
    assert result.duplicates == 0
    found = cx.landscape(reference.m)
    shape = reference.m.shape
    for name, expected in (
        ("rca", reference.rca),
        ("density", found.density),
        ("cog", found.cog_pkg),
        ("eci", np.broadcast_to(found.eci[:, None], shape)),
        ("pci", np.broadcast_to(found.found.pci, shape)),
    ):
        np.testing.assert_allclose(result.table[name].to_numpy().reshape(shape), expected, atol=1e-12, err_msg=name)


def test_the_four_keep_their_order_when_they_are_projected(reference: Reference) -> None:
    """Outside the estimate what a country has weighs less with what it has: the four lie nearer to the mean."""
    inside = ~np.isin(reference.countries, FOUR)
    both, beside = cx.landscape(reference.m), cx.landscape(reference.m[inside], reference.m[~inside])
    within, projected = both.eci[~inside], beside.eci[-4:]
    assert np.argsort(within).tolist() == np.argsort(projected).tolist()
    np.testing.assert_allclose(projected, within, atol=0.3)
    np.testing.assert_allclose(beside.density[-4:], both.density[~inside], atol=0.07)


def test_countries_rank_as_in_the_atlas(real_data: Path) -> None:
    """Exports by HS4 of the Atlas against its published ECI of 2017: another sample, so only ranks are comparable."""
    folder = real_data / "reference"
    exports = pd.read_csv(folder / "atlas_rca" / "country_hs4_exports.csv.gz", dtype={"product": str})
    with pytest.raises(ValueError, match="1 values are missing, infinite or negative"):
        complexity_table(exports, value="export_val", year=None)
    table = complexity_table(exports[exports["export_val"] >= 0], value="export_val", year=None).table
    ours = table.select(["country", "eci"]).to_pandas().groupby("country", observed=True)["eci"].first()
    atlas = pd.read_csv(folder / "atlas_eci" / "growth_proj_eci_rankings_1995_2017.csv")
    theirs = atlas[atlas["year"] == 2017].set_index("country_iso3_code")["eci_hs92"].dropna()
    common = [name for name in ours.index if name in theirs.index]
    assert len(common) == 133
    assert {"KAZ", "KGZ", "TJK", "UZB"} <= set(common)
    assert np.corrcoef(ours[common].rank(), theirs[common].rank())[0, 1] > 0.95
