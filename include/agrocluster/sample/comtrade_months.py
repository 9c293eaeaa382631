"""The months of a customs report: planted seasons cut each annual line into twelve parts that sum to it exactly.

Large flows move all the year, small ones in a few months; which months depends on the flow and its size, not on its
place in a table, so a flow that was not revised has the same months in every vintage. Months that do not sum to
the year, or were never sent, are planted in ``comtrade_planted.csv`` and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agrocluster.sample.comtrade_tables import MONTH_YEARS, Plant, plants, reporters, season
from agrocluster.sample.comtrade_world import MILLI, Reports
from agrocluster.sample.noise import hashed
from agrocluster.sample.tables import YEARS

_EVERY_MONTH = 1e7  # dollars a year; below it, months without trade appear
_RARE = 1e4


def _shares(lines: Reports) -> np.ndarray:
    """Lines by twelve months: what part of the year falls into each."""
    keys = [part.astype(np.int64)[:, None] for part in (lines.reporter, lines.partner, lines.good, lines.year)]
    draw = hashed("comtrade months", *keys, np.arange(12)[None, :])
    dollars = lines.value / MILLI
    busy = np.clip(np.log(dollars / _RARE) / np.log(_EVERY_MONTH / _RARE), 0.08, 1)[:, None]
    planned = season()[lines.good]
    # A month outside the season never trades; at least one month inside it does.
    order = np.where(planned > 0, draw, 2)
    active = (order < busy) | (order == order.min(axis=1, keepdims=True))
    weight = np.where(active, planned * (0.7 + 0.6 * hashed("comtrade swing", *keys, np.arange(12)[None, :])), 0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _cut(amount: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Twelve whole numbers that sum to each amount; -1 everywhere where the amount is not given."""
    edges = np.round(np.maximum(amount, 0)[:, None] * bounds)
    return np.where(amount[:, None] < 0, -1, np.diff(edges, axis=1)).astype(np.int64)


def _of_month(plant: Plant, reporter: np.ndarray, period: np.ndarray) -> np.ndarray:
    return (reporter == plant.reporter_index) & np.isin(period, plant.years)


def monthly(annual: Reports, vintage: str) -> tuple[Reports, np.ndarray]:
    """Monthly lines of the reporters that send them, and the period (YYYYMM) of each."""
    mine = np.isin(YEARS[annual.year], MONTH_YEARS) & reporters().monthly[annual.reporter, annual.year]
    lines = annual.take(mine)
    bounds = np.concatenate([np.zeros((len(lines.value), 1)), np.cumsum(_shares(lines), axis=1)], axis=1)
    bounds[:, -1] = 1.0
    value, fob, cif, kg = (_cut(part, bounds) for part in (lines.value, lines.fob, lines.cif, lines.kg))
    row, month = np.nonzero(value > 0)
    every = lines.take(row)
    period = YEARS[every.year] * 100 + month + 1
    money = [part[row, month] for part in (value, fob, cif)]
    weight = np.where(kg[row, month] > 0, kg[row, month], -1)
    money = _gaps(every, period, money)
    cut = replace(every, value=money[0], fob=money[1], cif=money[2], kg=weight)
    keep = np.ones(len(row), bool)
    for plant in plants("absent_months", *(("new_months",) if vintage == "previous" else ())):
        keep &= ~_of_month(plant, every.reporter, period)
    return cut.take(keep), period[keep]


def _gaps(lines: Reports, period: np.ndarray, money: list[np.ndarray]) -> list[np.ndarray]:
    """Months that planted corrections of the annual figure left behind."""
    factor = np.ones(len(period))
    for plant in plants("month_gap"):
        factor[_of_month(plant, lines.reporter, period) & np.char.endswith(lines.flow, plant.flow)] = plant.number
    changed = factor != 1
    return [
        np.where(changed & (part >= 0), np.maximum(np.round(part * factor), 1), part).astype(np.int64) for part in money
    ]
