"""The shape in which sample statistics travel from the world to FAOSTAT's files.

A block is one item and one element for every area and year. Areas are the economies followed by FAOSTAT's
groups (codes of 5000 and more, and China 351, which repeats 41, 96, 128 and 214). ``facts`` turns blocks into
long columns; it adds flags, drops what was never published, and applies what ``planted.csv`` asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa

from agrocluster.sample.noise import generator
from agrocluster.sample.planted import plants
from agrocluster.sample.tables import DATA, LABEL, YEARS, economies, rows

FLAGS = {
    "A": "Official figure",
    "B": "Time series break",
    "E": "Estimated value",
    "I": "Imputed value",
    "M": "Missing value (data cannot exist, not applicable)",
    "O": "Missing value",
    "Q": "Missing value; suppressed",
    "U": "Low reliability observation",
    "X": "Figure from international organizations",
}


@dataclass(frozen=True)
class Block:
    item: str
    label: str
    cpc: str
    element: str
    element_label: str
    unit: str
    values: np.ndarray  # areas by years, not-a-number where there is no row
    months: tuple[str, str] = field(default=("7021", "Annual value"))


@dataclass(frozen=True)
class Areas:
    code: np.ndarray
    m49: np.ndarray
    name: np.ndarray
    members: np.ndarray  # groups by economies, true where the economy belongs


@cache
def areas() -> Areas:
    world = economies()
    groups = list(rows(DATA / "areas.csv"))
    inside = [
        np.ones(len(world), bool) if g["members"] == "*" else np.isin(world.text["iso3"], g["members"].split())
        for g in groups
    ]
    m49 = [f"{int(code):03d}" for code in world.text["m49"]]
    return Areas(
        np.array([int(c) for c in world.text["fao_code"]] + [int(g["fao_code"]) for g in groups]),
        np.array([*m49, *(g["m49"] for g in groups)]),
        np.array([*world.text["fao_name"], *(g["name"] for g in groups)]),
        np.array(inside),
    )


def with_groups(values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Append the area groups: sums, or means weighted by ``weight`` for rates and prices."""
    weighted = values if weight is None else values * weight
    total = np.stack([np.nansum(weighted[inside], axis=0) for inside in areas().members])
    if weight is not None:
        base = np.stack(
            [np.nansum(np.where(np.isnan(values), 0, weight)[inside], axis=0) for inside in areas().members]
        )
        total = np.divide(total, base, out=np.full_like(total, np.nan), where=base > 0)
    return np.vstack([values, total])


def published(values: np.ndarray) -> np.ndarray:
    """Zero means not produced: such rows do not exist."""
    return np.where(values > 0, values, np.nan)


def _flags(dataset: str, block: Block) -> np.ndarray:
    """One letter per cell. Each area's habit differs by item; groups are always aggregated, hence E."""
    draw = generator(f"flags {dataset} {block.item} {block.element}")
    size, economy_count = block.values.shape[0], len(economies())
    habit = draw.choice(np.array(list("AAAAAAEIIX")), size=(size, 1))
    lapse = draw.random(block.values.shape) < 0.04
    flags = np.where(lapse, "E", np.broadcast_to(habit, block.values.shape))
    flags[economy_count:] = "E"
    return flags


def _apply_plants(dataset: str, block: Block, values: np.ndarray, flags: np.ndarray, vintage: str) -> np.ndarray:
    """Change values and flags in place; return the mask of rows that are not published."""
    absent = np.isnan(values)
    world = economies()

    def cells(kind: str) -> Iterable[tuple[int, np.ndarray, str]]:
        for plant in plants(kind, dataset):
            if plant.code == block.item and plant.element in (block.element, "", "*"):
                yield world.index(plant.iso3), plant.year_mask, plant.value

    for i, when, _ in cells("absent"):
        absent[i, when] = True
    for i, when, letter in cells("flag"):
        flags[i, when] = letter
    for kind, value in (("missing", np.nan), ("zero", 0.0)):
        for i, when, letter in cells(kind):
            values[i, when], flags[i, when] = value, letter
            absent[i, when] = False
    for i, when, factor in cells("revision" if vintage == "previous" else "none"):
        values[i, when] *= float(factor)
    if vintage == "previous" and dataset == "QCL":
        absent[:, YEARS[-1] == YEARS] = True
    return absent


def facts(dataset: str, blocks: Iterable[Block], vintage: str = "current", decimals: int = 2) -> pa.Table:
    """Long table: area index, item, element, year, unit, value, flag, note."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("area", "year", "value", "flag", "block")}
    texts: list[Block] = []
    for number, block in enumerate(blocks):
        values, flags = np.round(block.values, decimals), _flags(dataset, block)
        absent = _apply_plants(dataset, block, values, flags, vintage)
        area, year = np.nonzero(~absent)
        columns["area"].append(area)
        columns["year"].append(YEARS[year])
        columns["value"].append(np.round(values[area, year], decimals))
        columns["flag"].append(flags[area, year])
        columns["block"].append(np.full(len(area), number))
        texts.append(block)
    flat = {name: np.concatenate(parts) for name, parts in columns.items()}
    which = pa.array(flat.pop("block"), pa.int32())

    def text(values: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(which, pa.array(values)).cast(pa.string())

    value = pa.array(flat["value"], mask=np.isnan(flat["value"]))
    place = areas()
    return pa.table(
        {
            "area_code": pa.array(place.code[flat["area"]], pa.int32()),
            "area_m49": pa.array(place.m49[flat["area"]]),
            "area": pa.array(place.name[flat["area"]]),
            "item_code": text([b.item for b in texts]),
            "cpc": text([b.cpc for b in texts]),
            "item": text([b.label for b in texts]),
            "element_code": text([b.element for b in texts]),
            "element": text([b.element_label for b in texts]),
            "months_code": text([b.months[0] for b in texts]),
            "months": text([b.months[1] for b in texts]),
            "year": pa.array(flat["year"], pa.int32()),
            "unit": text([b.unit for b in texts]),
            "value": value,
            "flag": pa.array(flat["flag"]),
            "note": pa.array([LABEL]).take(pa.array(np.zeros(len(flat["area"]), np.int8))),
        }
    )
