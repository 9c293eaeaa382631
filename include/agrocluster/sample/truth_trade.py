"""The trade part of the truth: sums by chain and stage, and specialisation, from the world's own flows.

Plain numpy over the flow arrays: no wire file is read, no code of the pipeline is used.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from agrocluster.sample.affinity import planted
from agrocluster.sample.tables import FOUR, YEARS, economies, goods
from agrocluster.sample.trade import Flows, released

COLUMNS: tuple[str, ...] = (
    "kind",
    "iso3",
    "chain",
    "stage",
    "item_code",
    "element_code",
    "hs_code",
    "indicator",
    "year",
    "value",
)
COLUMNS += ("unit", "note", "partner")


def frame(kind: str, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"kind": kind, **columns})
    return frame.reindex(columns=list(COLUMNS))


def chain_stages() -> list[tuple[str, str]]:
    return sorted({(str(c), str(s)) for c, s in zip(goods().chain, goods().stage, strict=True) if c})


def _sums(flow: Flows, side: np.ndarray, weight_goods: np.ndarray) -> np.ndarray:
    """Goods sets by economies by years: dollars summed over the goods of each set."""
    size = (len(economies()), len(YEARS))
    out = np.zeros((len(weight_goods), *size))
    for n, member in enumerate(weight_goods):
        mine = member[flow.good]
        key = side[mine] * size[1] + flow.year[mine]
        out[n] = np.bincount(key, flow.usd[mine], size[0] * size[1]).reshape(size)
    return out


def _sets() -> np.ndarray:
    everything = [np.ones(len(goods()), bool), goods().agri]
    return np.array([(goods().chain == c) & (goods().stage == s) for c, s in chain_stages()] + everything)


@cache
def export_sums(vintage: str) -> np.ndarray:
    flow = released(vintage)
    return _sums(flow, flow.exporter, _sets())


@cache
def _imports(vintage: str) -> np.ndarray:
    flow = released(vintage)
    return _sums(flow, flow.importer, _sets())


def release_years(vintage: str) -> np.ndarray:
    return YEARS if vintage == "current" else YEARS[:-1]


def _grid(kind: str, table: np.ndarray, names: list[str], years: np.ndarray, *, zeros: np.ndarray) -> pd.DataFrame:
    """Chain-stage sets by places by years to rows; ``zeros`` says for which places a zero is a row."""
    part = table[:, :, : len(years)]
    n, i, t = np.nonzero((part > 0) | zeros[None, :, None])
    chain = np.array([c for c, _ in chain_stages()])[n]
    stage = np.array([s for _, s in chain_stages()])[n]
    value = part[n, i, t]
    return frame(kind, iso3=np.array(names)[i], chain=chain, stage=stage, year=years[t], value=value, unit="USD")


def trade_values(vintage: str) -> list[pd.DataFrame]:
    world, years, count = economies(), release_years(vintage), len(chain_stages())
    exports, imports = export_sums(vintage), _imports(vintage)
    four = np.isin(np.arange(len(world)), world.four)
    names = [str(iso3) for iso3 in world.text["iso3"]]
    frames = [
        _grid("export_value", exports[:count], names, years, zeros=four),
        _grid("import_value", imports[:count], names, years, zeros=four),
        _grid("world_value", exports[:count].sum(axis=1, keepdims=True), ["WLD"], years, zeros=np.ones(1, bool)),
    ]
    places = [*names, "WLD"]
    for kind, index in (("export_total", count), ("export_total_agri", count + 1)):
        table = np.vstack([exports[index], exports[index].sum(axis=0)])[:, : len(years)]
        frames.append(
            frame(
                kind,
                iso3=np.repeat(places, len(years)),
                year=np.tile(years, len(places)),
                value=table.ravel(),
                unit="USD",
            )
        )
    bought = imports[count][world.four][:, : len(years)]
    frames.append(
        frame(
            "import_total", iso3=np.repeat(FOUR, len(years)), year=np.tile(years, 4), value=bought.ravel(), unit="USD"
        )
    )
    return frames


def _window(table: np.ndarray, length: int) -> np.ndarray:
    total = np.cumsum(table, axis=-1)
    out = np.full(table.shape, np.nan)
    out[..., length - 1 :] = total[..., length - 1 :]
    out[..., length:] -= total[..., :-length]
    return out


def rca(cell: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Balassa index of economies by years, given their exports of the cell and of the whole base."""
    world_cell, world_total = cell.sum(axis=0), total.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((total > 0) & (world_cell > 0), (cell / total) / (world_cell / world_total), np.nan)


@cache
def _agri_cells(vintage: str) -> np.ndarray:
    flow = released(vintage)
    sets = _sets()[: len(chain_stages())] & goods().agri
    return _sums(flow, flow.exporter, sets)


def _rca_frame(kind: str, cells: np.ndarray, base: np.ndarray, years: np.ndarray) -> pd.DataFrame:
    four = economies().four
    index = np.array([rca(cell, base)[four] for cell in cells])[:, :, : len(years)]
    n, i, t = np.nonzero(~np.isnan(index))
    thin = np.array([(cell.sum(axis=0)[None] < 5e6) | (cell[four] < 1e4) for cell in cells])[:, :, : len(years)]
    return frame(
        kind,
        iso3=np.array(FOUR)[i],
        chain=np.array([c for c, _ in chain_stages()])[n],
        stage=np.array([s for _, s in chain_stages()])[n],
        year=years[t],
        value=index[n, i, t],
        unit="index",
        note=np.where(thin[n, i, t], "thin_market", ""),
    )


def specialisation(vintage: str) -> list[pd.DataFrame]:
    years, count = release_years(vintage), len(chain_stages())
    exports, agri = export_sums(vintage), _agri_cells(vintage)
    frames = [
        _rca_frame("rca_all", exports[:count], exports[count], years),
        _rca_frame("rca_agri", agri, exports[count + 1], years),
    ]
    wide, wide_agri = _window(exports[:, :, : len(years)], 3), _window(agri[:, :, : len(years)], 3)
    frames.append(_rca_frame("rca_all_w3", wide[:count], wide[count], years))
    frames.append(_rca_frame("rca_agri_w3", wide_agri, wide[count + 1], years))
    latest = frames[2][frames[2].year == years[-1]].set_index(["iso3", "chain", "stage"]).value
    for row in planted():
        key = (row["iso3"], row["chain"], row["stage"])
        if key in latest.index:
            frames.extend(_planted_specialisation(row, float(latest[key]), int(years[-1])))
    return frames


def _planted_specialisation(row: dict[str, str], value: float, year: int) -> list[pd.DataFrame]:
    """Only what came out as planted: scaling to published totals can drown a weak advantage."""
    high, low = float(row["factor"]) > 1 and value >= 2, float(row["factor"]) < 1 and value <= 0.5
    if not (high or low):
        return []
    kind = "specialisation_high" if high else "specialisation_low"
    cell = {"iso3": [row["iso3"]], "chain": row["chain"], "stage": row["stage"]}
    return [frame(kind, **cell, year=year, value=value, unit="index", note=row["note"])]
