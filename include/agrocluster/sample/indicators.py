"""World Bank indicators of the sample world, as an array per indicator: places by years.

Places are the economies the Bank knows, followed by its aggregates. Levels, bounds and income slopes live in
``data/wb_indicators.csv``; series that the rest of the world determines (population, exports, land) are taken
from there. Surveys have values in survey years only: the gaps are the point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from agrocluster.sample.farms import farms
from agrocluster.sample.macro import exchange_rate, gdp, population
from agrocluster.sample.noise import normal, uniform, walk
from agrocluster.sample.planted import plants
from agrocluster.sample.tables import DATA, FOUR, YEARS, economies, goods, rows, through_published
from agrocluster.sample.trade import flows

LPI_YEARS = (2012, 2014, 2016, 2018, 2023)
FINDEX_YEARS = (2014, 2017, 2021, 2024)
SURVEY_YEARS = (2013, 2019, 2024)
_INCOME = {"LIC": -1.5, "LMC": -0.6, "UMC": 0.2, "HIC": 1.2}
_CEREALS = ("15", "44", "56", "75", "27", "71", "92")
# Indicators whose aggregate is a sum; the others are weighted by population.
_SUMMED: tuple[str, ...] = (
    "NY.GDP.MKTP.CD",
    "NY.GDP.MKTP.KD",
    "SP.POP.TOTL",
    "TX.VAL.MRCH.CD.WT",
    "TM.VAL.MRCH.CD.WT",
    "AG.PRD.CREL.MT",
)
_SUMMED += ("AG.LND.CREL.HA", "AG.LND.AGRI.K2", "SP.RUR.TOTL", "SL.TLF.TOTL.IN", "NV.AGR.TOTL.CD", "NV.AGR.TOTL.KD")
_SUMMED += ("NY.GDP.MKTP.PP.CD",)
_NO_AGGREGATE = ("survey", "lpi", "lpi_rank", "lpi_bound", "lpi_rank_bound", "wgi", "archived")


@dataclass(frozen=True)
class Indicator:
    id: str
    source: str
    name: str
    kind: str
    level: float
    spread: float
    low: float
    high: float
    income_slope: float
    coverage: float


@dataclass(frozen=True)
class Aggregate:
    iso3: str
    iso2: str
    name: str
    members: np.ndarray


@cache
def catalogue() -> dict[str, Indicator]:
    found = {}
    for row in rows(DATA / "wb_indicators.csv"):
        numbers = [float(row[name]) for name in ("level", "spread")]
        bounds = [float(row["low"] or "-inf"), float(row["high"] or "inf")]
        tail = [float(row["income_slope"]), float(row["coverage"])]
        found[row["id"]] = Indicator(row["id"], row["source"], row["name"], row["kind"], *numbers, *bounds, *tail)
    return found


@cache
def known() -> np.ndarray:
    """Indices of the economies the Bank lists; one of ours it does not."""
    return np.flatnonzero(economies().text["wb_name"] != "")


@cache
def aggregates() -> tuple[Aggregate, ...]:
    """The Bank's own groupings, over the economies it knows."""
    text = {name: column[known()] for name, column in economies().text.items()}
    everyone = np.ones(len(known()), bool)
    region, income = text["region"], text["income"]
    return (
        Aggregate("WLD", "1W", "World", everyone),
        Aggregate("ECS", "Z7", "Europe & Central Asia", region == "ECS"),
        Aggregate("ECA", "7E", "Europe & Central Asia (excluding high income)", (region == "ECS") & (income != "HIC")),
        Aggregate("EAS", "Z4", "East Asia & Pacific", region == "EAS"),
        Aggregate("SAS", "8S", "South Asia", region == "SAS"),
        Aggregate("MEA", "ZQ", "Middle East, North Africa, Afghanistan & Pakistan", region == "MEA"),
        Aggregate("SSF", "ZG", "Sub-Saharan Africa", region == "SSF"),
        Aggregate("LCN", "ZJ", "Latin America & Caribbean", region == "LCN"),
        Aggregate("NAC", "XU", "North America", region == "NAC"),
        Aggregate("LIC", "XM", "Low income", income == "LIC"),
        Aggregate("LMC", "XN", "Lower middle income", income == "LMC"),
        Aggregate("UMC", "XT", "Upper middle income", income == "UMC"),
        Aggregate("HIC", "XD", "High income", income == "HIC"),
    )


def _income() -> np.ndarray:
    return np.array([_INCOME[level] for level in economies().text["income"]])[:, None]


def _smooth(indicator: Indicator) -> np.ndarray:
    size = len(economies())
    level = indicator.level + indicator.income_slope * _income()
    level = level + 0.7 * indicator.spread * normal(f"level {indicator.id}", size, 1)
    drift = 0.3 * indicator.spread * walk(f"drift {indicator.id}", size, len(YEARS), keep=0.85)
    return np.clip(level + drift, indicator.low, indicator.high)


def _index(indicator: Indicator) -> np.ndarray:
    path = np.exp(0.02 * (YEARS - 2015) + 0.03 * walk(f"drift {indicator.id}", len(economies()), len(YEARS)))
    return 100 * path / path[:, 2:5].mean(axis=1, keepdims=True)


def _only(values: np.ndarray, years: tuple[int, ...]) -> np.ndarray:
    return np.where(np.isin(YEARS, years), values, np.nan)


def _latent(name: str) -> np.ndarray:
    common = 0.7 * _income() + 0.35 * normal(f"institutions {name}", len(economies()), 1)
    return common + 0.06 * walk(f"institutions {name}", len(economies()), len(YEARS), keep=0.9)


def _governance(indicator: Indicator) -> np.ndarray:
    dimension, part = indicator.id.removeprefix("GOV_WGI_").split(".")
    estimate = np.clip(_latent(dimension), -2.5, 2.5)
    error = 0.15 + 0.08 * uniform(f"error {dimension}", len(economies()), 1) + 0 * estimate

    def score(value: np.ndarray) -> np.ndarray:
        return np.clip((value + 2.5) * 20, 0, 100)

    sources = np.round(6 + 6 * uniform(f"sources {dimension}", len(economies()), 1)) + 0 * estimate
    return {
        "EST": estimate,
        "SE": error,
        "SC": score(estimate),
        "SC_LB": score(estimate - 1.645 * error),
        "SC_UB": score(estimate + 1.645 * error),
        "SR": sources,
    }[part]


def _rank(indicator: Indicator) -> np.ndarray:
    scores = values(indicator.id.replace(".RK", ".XQ"))[: len(known())]
    ranks = np.full((len(economies()), len(YEARS)), np.nan)
    order = np.argsort(np.argsort(-np.nan_to_num(scores, nan=-1.0), axis=0), axis=0) + 1
    # Ranks are stretched to the 160 places of the real table.
    ranks[known()] = np.where(np.isnan(scores), np.nan, np.round(order * 160 / len(known())))
    return ranks


def _lpi_bound(indicator: Indicator) -> np.ndarray:
    bound = np.full((len(economies()), len(YEARS)), np.nan)
    rank = indicator.kind == "lpi_rank_bound"
    middle = values("LP.LPI.OVRL.RK" if rank else "LP.LPI.OVRL.XQ")[: len(known())]
    bound[known()] = np.maximum(middle + indicator.level, 1)
    return bound


def _traded(side: np.ndarray, food: bool = False) -> np.ndarray:
    flow = flows()
    weight = flow.usd * (np.array([int(code[:2]) <= 23 for code in goods().code])[flow.good] if food else 1)
    size = (len(economies()), len(YEARS))
    return np.bincount(side * size[1] + flow.year, weight, size[0] * size[1]).reshape(size)


def _cereals() -> tuple[np.ndarray, np.ndarray]:
    tonnes = np.nansum([farms().output[code] for code in _CEREALS], axis=0)
    hectares = np.nansum([farms().output[code] * 1000 / farms().rate[code] for code in _CEREALS], axis=0)
    return tonnes, np.round(hectares)


def _share(indicator: str) -> np.ndarray:
    """A percentage series before aggregation, for the series derived from it."""
    return _raw(catalogue()[indicator]) / 100


def _derived(indicator: Indicator) -> np.ndarray:
    from agrocluster.sample.faostat_farm import land

    real = gdp()[:, 3:4] * np.exp(0.032 * (YEARS - 2015) + 0.01 * walk("real gdp", len(economies()), len(YEARS)))
    labour = population() * 0.47
    made: dict[str, Callable[[], np.ndarray]] = {
        "NY.GDP.MKTP.CD": gdp,
        "SP.POP.TOTL": population,
        "NY.GDP.PCAP.CD": lambda: gdp() / population(),
        "NY.GDP.MKTP.KD": lambda: real,
        "NY.GDP.MKTP.KD.ZG": lambda: (
            100
            * (
                np.diff(real, axis=1, prepend=real[:, :1] / 1.03)
                / (real - np.diff(real, axis=1, prepend=real[:, :1] / 1.03))
            )
        ),
        "NY.GDP.PCAP.KD": lambda: real / population(),
        "NY.GNP.PCAP.CD": lambda: np.round(gdp() / population() * 0.97, -1),
        "NY.GDP.MKTP.PP.CD": lambda: gdp() * np.exp(0.6 - 0.3 * _income()),
        "NY.GDP.PCAP.PP.CD": lambda: gdp() / population() * np.exp(0.6 - 0.3 * _income()),
        "TX.VAL.MRCH.CD.WT": lambda: np.round(_traded(flows().exporter), -6),
        "TM.VAL.MRCH.CD.WT": lambda: np.round(_traded(flows().importer) * 1.06, -6),
        "TX.VAL.FOOD.ZS.UN": lambda: (
            100 * _traded(flows().exporter, food=True) / np.maximum(_traded(flows().exporter), 1)
        ),
        "PA.NUS.FCRF": exchange_rate,
        "AG.LND.AGRI.K2": lambda: land()["6610"] * 10,
        "AG.LND.AGRI.ZS": lambda: 100 * land()["6610"] / land()["6601"],
        "AG.LND.ARBL.ZS": lambda: 100 * land()["6621"] / land()["6601"],
        "AG.LND.ARBL.HA.PC": lambda: land()["6621"] * 1000 / population(),
        "AG.LND.IRIG.AG.ZS": lambda: 100 * land()["6690"] / land()["6610"],
        "AG.PRD.CREL.MT": lambda: _cereals()[0],
        "AG.LND.CREL.HA": lambda: _cereals()[1],
        "AG.YLD.CREL.KG": lambda: np.divide(
            _cereals()[0] * 1000, _cereals()[1], out=np.full(real.shape, np.nan), where=_cereals()[1] > 0
        ),
        "NV.AGR.TOTL.CD": lambda: gdp() * _share("NV.AGR.TOTL.ZS"),
        "NV.AGR.TOTL.KD": lambda: real * _share("NV.AGR.TOTL.ZS"),
        "NV.AGR.EMPL.KD": lambda: real * _share("NV.AGR.TOTL.ZS") / (labour * _share("SL.AGR.EMPL.ZS")),
        "SP.RUR.TOTL": lambda: np.round(population() * _share("SP.RUR.TOTL.ZS")),
        "SL.TLF.TOTL.IN": lambda: np.round(labour),
    }
    return np.array(made[indicator.id](), dtype=float)


def _kind(indicator: Indicator) -> np.ndarray:
    made: dict[str, Callable[[Indicator], np.ndarray]] = {
        "derived": _derived,
        "smooth": _smooth,
        "index": _index,
        "survey": lambda entry: _only(_smooth(entry), SURVEY_YEARS),
        "findex_early": lambda entry: _only(_smooth(entry), FINDEX_YEARS[:2]),
        "findex_late": lambda entry: _only(_smooth(entry), FINDEX_YEARS[2:]),
        "findex": lambda entry: _only(_smooth(entry), FINDEX_YEARS),
        "lpi": lambda entry: _only(_smooth(entry), LPI_YEARS),
        "lpi_rank": _rank,
        "lpi_bound": _lpi_bound,
        "lpi_rank_bound": _lpi_bound,
        "wgi": _governance,
        "count": lambda entry: np.round(_smooth(entry) * population() * 0.6 / 1000),
        "ofgdp": lambda entry: np.clip(_smooth(entry), 0.0005, 1) * gdp(),
        "archived": lambda _: np.full((len(economies()), len(YEARS)), np.nan),
    }
    return made[indicator.kind](indicator)


@cache
def _raw(indicator: Indicator) -> np.ndarray:
    series = np.array(_kind(indicator), dtype=float)
    # Gaps of the source: some economies never report, some years are late.
    silent = uniform(f"silent {indicator.id}", len(economies())) > indicator.coverage
    silent[economies().four] = False
    series[silent] = np.nan
    if indicator.kind in ("smooth", "count") and indicator.coverage < 0.95:
        series[:, -1] = np.nan
    for iso3 in FOUR:
        i = economies().index(iso3)
        if indicator.kind not in ("derived", "archived") or indicator.id == "AG.YLD.CREL.KG":
            gaps = np.isnan(series[i])
            bent = through_published(np.nan_to_num(series[i]), "wb", indicator.id, iso3)
            series[i] = np.where(gaps & (bent == 0), np.nan, bent)
    if indicator.kind in ("count", "lpi_rank"):
        series = np.round(series)
    return series


def _aggregate(indicator: Indicator, series: np.ndarray) -> np.ndarray:
    rows_ = []
    weight = population()[known()]
    for group in aggregates():
        inside = series[group.members]
        if indicator.kind in _NO_AGGREGATE or np.isnan(inside).all():
            rows_.append(np.full(len(YEARS), np.nan))
        elif indicator.id in _SUMMED:
            rows_.append(np.nansum(inside, axis=0))
        else:
            held = np.where(np.isnan(inside), 0, weight[group.members])
            total = np.maximum(held.sum(axis=0), 1)
            mean = (np.nan_to_num(inside) * held).sum(axis=0) / total
            rows_.append(np.where(held.sum(axis=0) > 0, mean, np.nan))
    return np.array(rows_)


@cache
@cache
def values(indicator_id: str, vintage: str = "current") -> np.ndarray:
    """Known economies, then aggregates, by years; not-a-number where the source answers null."""
    indicator = catalogue()[indicator_id]
    series = _raw(indicator)[known()].copy()
    if vintage == "previous":
        for plant in (plant for plant in plants("revision", "WDI") if plant.code == indicator_id):
            row = int(np.flatnonzero(known() == economies().index(plant.iso3))[0])
            series[row, plant.year_mask] *= float(plant.value)
    full = np.vstack([series, _aggregate(indicator, series)])
    # Twelve significant digits: enough for the reader, and the same on each machine.
    return np.array([[float(f"{value:.12g}") for value in row] for row in full])
