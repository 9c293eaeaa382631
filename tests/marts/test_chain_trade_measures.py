"""The mart's SQL against the array functions of ``agrocluster.measures``, on random worlds of whole bilateral trade."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from world import World, one

from agrocluster.measures import concentration, intensity, market_growth, specialisation, two_way, unit_values
from agrocluster.model.loader import catalog

Floats = NDArray[np.float64]
FOCUS = ("KAZ", "KGZ", "TJK", "UZB")
COUNTRIES = (*FOCUS, "RUS", "CHN", "USA", "TUR", "AFG")
STAGES = {
    "input": ["844511"],
    "primary": ["520100", "120729"],
    "processed": ["520411", "520511", "520811", "520911"],
    "final": ["610910", "620342", "630260"],
}
TOTAL = STAGES["primary"] + STAGES["processed"] + STAGES["final"]
CODES = (*STAGES["input"], *TOTAL, "270900", "100199")
AGRI = ("520100", "120729", "100199")
YEARS = np.arange(2013, 2021)
SPAN = 3
PLACES = {stage: [CODES.index(c) for c in codes] for stage, codes in (STAGES | {"total": TOTAL}).items()}


@dataclass
class Case:
    """Dollars and kilograms by year, exporter, importer and code, and the mart made of them."""

    value: Floats
    kg: Floats
    con: duckdb.DuckDBPyConnection

    def found(self, iso3: str, stage: str, year: int) -> dict[str, object]:
        return one(
            self.con,
            f"FROM mart_chain_trade WHERE iso3 = '{iso3}' AND chain = 'cotton' AND stage = '{stage}' AND year = {year}",
        )

    def window(self, year: int, span: int) -> Floats:
        """Dollars summed over the window: exporter, importer, code."""
        return self.value[(year - span < YEARS) & (year >= YEARS)].sum(axis=0)

    def weighed(self, year: int, span: int) -> tuple[Floats, Floats]:
        """Dollars and kilograms of exporter and code, over years in which the exporter's weight is known."""
        years = (year - span < YEARS) & (year >= YEARS)
        kg, usd = self.kg[years], self.value[years].sum(axis=2)
        return np.where(np.isnan(kg), 0, usd).sum(axis=0), np.nan_to_num(kg).sum(axis=0)


def random_case(seed: int, density: float) -> Case:
    draw = np.random.default_rng(seed)
    shape = (len(YEARS), len(COUNTRIES), len(COUNTRIES), len(CODES))
    level = draw.lognormal(14, 1.5, shape[1:])
    value = (
        level
        * draw.lognormal(0, 0.4, shape)
        * (draw.random(shape[1:]) < density)
        * (draw.random(shape) < density + 0.2)
    )
    value[:, range(len(COUNTRIES)), range(len(COUNTRIES))] = 0
    kg = value.sum(axis=2) / draw.lognormal(1, 0.5, value.sum(axis=2).shape)
    kg[draw.random(kg.shape) < 0.1] = np.nan
    world = World()
    for t, year in enumerate(YEARS.tolist()):
        for k, code in enumerate(CODES):
            flow = {"hs_edition": "HS12", "hs_code": code, "year": year, "flow_variant": "reconciled", "flag": ""}
            for i, country in enumerate(COUNTRIES):
                unknown = bool(np.isnan(kg[t, i, k]))
                rows = [
                    ("WLD", country, value[t, :, i, k].sum(), None, ""),
                    (
                        country,
                        "WLD",
                        value[t, i, :, k].sum(),
                        None if unknown else kg[t, i, k],
                        "q_missing"[: 9 * unknown],
                    ),
                ]
                rows += [
                    (country, other, value[t, i, j, k], None, "")
                    for j, other in enumerate(COUNTRIES)
                    if country in FOCUS or other in FOCUS
                ]
                for exporter, importer, usd, weight, flag in rows:
                    if usd > 0:
                        own = {"exporter": exporter, "importer": importer, "value_usd": usd, "net_kg": weight}
                        world.trade.append(flow | own | {"flag": flag})
    return Case(value, kg, world.build("mart_chain_trade"))


@pytest.fixture(scope="module", params=[(1, 0.7), (2, 0.2)], ids=["dense", "sparse"])
def case(request: pytest.FixtureRequest) -> Case:
    return random_case(*request.param)


ROWS = [
    (iso3, stage, year, span) for iso3 in ("KAZ", "TJK") for stage in PLACES for year in (2015, 2020) for span in (1, 3)
]
EVERY = [(iso3, stage, year, span) for iso3, stage, year, span in ROWS] + [("USA", s, 2019, 3) for s in PLACES]


def agrees(found: dict[str, object], name: str, span: int, expected: object, **tolerance: float) -> None:
    value = found[name + ("_w3" if span > 1 else "")]
    if expected is None or (isinstance(expected, float | np.floating | np.ndarray) and np.isnan(expected)):
        assert value is None, (name, value)
    else:
        assert value is not None, name
        assert value == pytest.approx(float(expected), **({"rel": 1e-9, "abs": 1e-9} | tolerance)), name  # type: ignore[arg-type]


def sides(case: Case, year: int, span: int) -> tuple[Floats, Floats]:
    """Exports and imports, countries by codes."""
    v = case.window(year, span)
    return v.sum(axis=1), v.sum(axis=0)


@pytest.mark.parametrize(("iso3", "stage", "year", "span"), EVERY)
def test_two_way_measures(case: Case, iso3: str, stage: str, year: int, span: int) -> None:
    x, m = sides(case, year, span)
    c, codes = COUNTRIES.index(iso3), PLACES[stage]
    found = case.found(iso3, stage, year)
    agrees(found, "lafay", span, specialisation.lafay(x, m)[c, codes].sum())
    rest = [k for k in range(len(CODES)) if k not in codes]
    two = [np.stack([side[:, codes].sum(axis=1), side[:, rest].sum(axis=1)], axis=1) for side in (x, m)]
    agrees(found, "rta", span, specialisation.rta(*two)[c, 0] if not found["thin_market"] else None)
    agrees(found, "gl", span, two_way.grubel_lloyd_total(x[c, codes], m[c, codes]))
    agrees(found, "gl_adjusted", span, two_way.grubel_lloyd_adjusted(x[c, codes], m[c, codes]))


@pytest.mark.parametrize(("iso3", "stage", "year", "span"), EVERY)
def test_concentration_on_goods(case: Case, iso3: str, stage: str, year: int, span: int) -> None:
    exports = sides(case, year, span)[0][COUNTRIES.index(iso3), PLACES[stage]]
    listed = one(
        case.con,
        "SELECT count(*) AS n FROM dim_product d JOIN cat_stage s USING (stage) WHERE hs_edition = 'HS12' "
        "AND chain = 'cotton' AND role IN ('own', 'dual') "
        f"AND (stage = '{stage}' OR ('{stage}' = 'total' AND in_total))",
    )["n"]
    found = case.found(iso3, stage, year)
    agrees(found, "hhi_prod", span, concentration.hhi(exports))
    agrees(found, "theil", span, concentration.theil(exports, n=listed))
    agrees(found, "theil_between", span, concentration.theil_between(exports, n=listed))
    agrees(found, "theil_within", span, concentration.theil_within(exports))


@pytest.mark.parametrize(("iso3", "stage", "year", "span"), EVERY)
def test_relative_unit_values(case: Case, iso3: str, stage: str, year: int, span: int) -> None:
    usd, kg = case.weighed(year, span)
    group = np.broadcast_to(np.arange(len(CODES)), usd.shape).ravel()
    reference = unit_values.reference_unit_value(usd.ravel(), kg.ravel(), group)
    relative = unit_values.ruv(unit_values.unit_value(usd.ravel(), kg.ravel()), reference[group])
    relative = np.where(unit_values.is_outlier(relative, group), np.nan, relative).reshape(usd.shape)
    c, codes = COUNTRIES.index(iso3), PLACES[stage]
    weights = case.window(2020, 3).sum(axis=1)  # the reference baseline is 2018 to 2020
    basket, coverage = unit_values.chain_ruv(relative[c, codes], weights[c, codes])
    found = case.found(iso3, stage, year)
    agrees(found, "ruv", span, basket)
    if span == SPAN:
        assert found["ruv_class_w3"] == unit_values.ruv_class(basket).item()
        if weights[c, codes].any() and usd[c, codes].any():
            assert found["ruv_coverage_w3"] == pytest.approx(float(coverage))


@pytest.mark.parametrize(("iso3", "stage", "year", "span"), ROWS)
def test_markets(case: Case, iso3: str, stage: str, year: int, span: int) -> None:
    exports = case.window(year, span)[COUNTRIES.index(iso3)][:, PLACES[stage]].sum(axis=1)
    found = case.found(iso3, stage, year)
    share = exports / exports.sum() if exports.any() else np.full(len(COUNTRIES), np.nan)
    where = {name: i for i, name in enumerate(COUNTRIES)}
    agrees(found, "hhi_dest", span, concentration.hhi(exports))
    agrees(found, "share_rus", span, share[where["RUS"]])
    agrees(found, "share_eaeu", span, share[[where[c] for c in ("KAZ", "KGZ", "RUS")]].sum())
    agrees(found, "share_ca", span, share[[where[c] for c in FOCUS]].sum())
    agrees(found, "share_largest", span, share.max())
    if exports.any():
        assert found["largest_market" + "_w3" * (span > 1)] == COUNTRIES[int(exports.argmax())]


@pytest.mark.parametrize(("iso3", "stage", "year", "span"), ROWS)
def test_goods_in_markets(case: Case, iso3: str, stage: str, year: int, span: int) -> None:
    v, c, codes = case.window(year, span), COUNTRIES.index(iso3), PLACES[stage]
    sold, imported = v[c][:, codes], v[:, :, codes].sum(axis=0)
    found = case.found(iso3, stage, year)
    agrees(found, "hhi_prod_market", span, concentration.hhi(sold.reshape(-1)))
    others = np.arange(len(COUNTRIES)) != c
    agrees(found, "market_penetration", span, concentration.market_penetration(sold[others].T, imported[others].T))
    to = sold.sum(axis=1)
    top = int(to.argmax())
    agrees(found, "tii_top", span, intensity.tii(to[top], to.sum(), imported[top].sum(), imported.sum()))


@pytest.mark.parametrize("stage", PLACES)
def test_quantiles_of_advantage_are_those_of_drawn_flows(case: Case, stage: str) -> None:
    """No flow of this world is reported by customs, so each is off by the default; errors last over the window."""
    random, draws = np.random.default_rng(8), 4000
    v, codes, sigma = case.window(2020, SPAN), PLACES[stage], catalog().parameters["sigma_trade"].value
    for iso3 in FOCUS:
        found = case.found(iso3, stage, 2020)
        base = "agri" if found["index_base"] == "agri" else "all"
        held = [k for k, code in enumerate(CODES) if base == "all" or code in AGRI]
        own = v[COUNTRIES.index(iso3)]
        if found[f"rca_{base}_w3"] is None:
            assert found["rsca_p05"] is None
            continue
        drawn = own * np.exp(sigma * random.standard_normal((draws, *own.shape)))
        here = [k for k in codes if k in held]
        world = v[:, :, here].sum() / v[:, :, held].sum()
        rca = drawn[:, :, here].sum(axis=(1, 2)) / drawn[:, :, held].sum(axis=(1, 2)) / world
        quantiles = np.quantile((rca - 1) / (rca + 1), [0.05, 0.5, 0.95])
        mine = [found[f"rsca_p{n}"] for n in ("05", "50", "95")]
        np.testing.assert_allclose(np.array(mine, dtype=float), quantiles, atol=0.03)


@pytest.mark.parametrize("stage", PLACES)
@pytest.mark.parametrize("year", [2015, 2020])
def test_complementarity_with_the_best_fitting_market(case: Case, stage: str, year: int) -> None:
    v, codes = case.window(year, SPAN), PLACES[stage]
    for iso3 in FOCUS:
        c = COUNTRIES.index(iso3)
        sold = v[c].sum(axis=0)[codes]
        fit = {
            name: intensity.tci(sold, v[:, j].sum(axis=0)[codes])
            for j, name in enumerate(COUNTRIES)
            if v[c, j].sum() > 0 and v[:, j].sum(axis=0)[codes].any() and sold.any()
        }
        found = case.found(iso3, stage, year)
        if not fit:
            assert (found["tci_top_w3"], found["tci_partner_w3"]) == (None, None)
            continue
        assert found["tci_top_w3"] == pytest.approx(max(fit.values()))
        assert fit[str(found["tci_partner_w3"])] == pytest.approx(max(fit.values()))


@pytest.mark.parametrize(("stage", "year", "span"), [(s, y, n) for s in PLACES for y in (2015, 2020) for n in (1, 3)])
def test_introversion(case: Case, stage: str, year: int, span: int) -> None:
    v = case.window(year, span)[:, :, PLACES[stage]].sum(axis=2)
    region = len(FOCUS)
    within = 2 * v[:region, :region].sum()
    expected = intensity.sti(within, v[:region].sum() + v[:, :region].sum(), 2 * v.sum())
    for iso3 in FOCUS:
        agrees(case.found(iso3, stage, year), "sti", span, expected)
    assert case.found("USA", stage, year)["sti"] is None


@pytest.mark.parametrize("stage", PLACES)
@pytest.mark.parametrize("year", [2018, 2020])
def test_classes_of_change(case: Case, stage: str, year: int) -> None:
    farm = [CODES.index(c) for c in ("520100", "120729", "100199")]
    for iso3 in (*FOCUS, "USA"):
        found = case.found(iso3, stage, year)
        base = farm if found["index_base"] == "agri" else list(range(len(CODES)))
        codes = [k for k in PLACES[stage] if k in base]
        shares = []
        for end in (year, year - SPAN):
            x = case.window(end, SPAN).sum(axis=1)
            own = x[COUNTRIES.index(iso3)]
            shares.append((own[codes].sum() / own[base].sum(), x[:, codes].sum() / x[:, base].sum()))
        (now, world), (before, world_before) = shares
        assert found["dynamic_class"] == specialisation.dynamic_class(now, before, world, world_before).item()


@pytest.mark.parametrize("stage", PLACES)
@pytest.mark.parametrize("year", [2018, 2020])
def test_parts_of_growth(case: Case, stage: str, year: int) -> None:
    codes = PLACES[stage]
    then, now = (case.window(end, SPAN)[:, :, codes] for end in (year - SPAN, year))
    for iso3 in FOCUS:
        c = COUNTRIES.index(iso3)
        x0, x1, w0, w1 = (part.T for part in (then[c], now[c], then.sum(axis=0), now.sum(axis=0)))
        large = market_growth.is_large_supplier(x0, x1, w0, w1)
        others = [market_growth.world_of_others(w, x, large=large) for w, x in ((w0, x0), (w1, x1))]
        parts, share = market_growth.constant_market_share(x0, x1, *others)
        parts = parts.per_year(x0.sum(), SPAN)
        found = case.found(iso3, stage, year)
        for column, name in (
            ("growth", "change"),
            ("world",) * 2,
            ("composition",) * 2,
            ("market",) * 2,
            ("residual",) * 2,
        ):
            agrees(found, f"cms_{column}", 1, getattr(parts, name), rel=1e-7)
        if found["cms_growth"] is not None:
            assert found["cms_midpoint_share"] == pytest.approx(float(share))
