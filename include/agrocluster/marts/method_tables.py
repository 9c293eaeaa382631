"""The method's own catalogue files as tables that marts read beside the other ``cat_*`` relations.

Stages, HS chapters and correspondences, geography, cities, preference regimes, farm items, FAOSTAT elements and flags,
caveats, baselines, pillars and index indicators are data; this module only gives them types. It decides nothing and
reads nothing else.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from agrocluster.errors import UsageError
from agrocluster.model.loader import read_csv

INDEX_VERSION = "v1"
"""The index version that marts are built with; ``catalog/index/<version>.yaml`` defines it."""

_TEXT, _NUMBER, _FLAG, _YEAR = pa.string(), pa.float64(), pa.bool_(), pa.int16()
_BASELINE = pa.schema(
    {"baseline_id": _TEXT, "first_year": _YEAR, "last_year": _YEAR, "en": _TEXT, "ru": _TEXT}
    | {"is_reference": _FLAG, "index_version": _TEXT}
)
_PILLAR = pa.schema(
    {"pillar": _TEXT, "sub_index": _TEXT, "weight": _NUMBER, "required": _FLAG, "en": _TEXT, "ru": _TEXT}
)
_INDICATOR = pa.schema(
    {"indicator": _TEXT, "pillar": _TEXT, "weight": _NUMBER, "anchor": _FLAG, "basis": _TEXT, "transform": _TEXT}
    | {"scope": _TEXT, "applies": _TEXT, "reason": _TEXT, "mart": _TEXT, "row_filter": _TEXT, "keyed_by": _TEXT}
    | {"expression": _TEXT, "unit": _TEXT, "noise": _TEXT, "goalpost_low": _NUMBER, "goalpost_high": _NUMBER}
    | {"bounds_reason": _TEXT, "en": _TEXT, "ru": _TEXT}
)


@cache
def method_tables(root: Path) -> dict[str, pa.Table]:
    """The relations ``cat_stage, cat_chapter, cat_production_item, cat_fao_element, cat_fao_flag, cat_feed_item,
    cat_extraction, cat_border_product, cat_raw_material, cat_chain_link, cat_chain_measure, cat_labour_intensity,
    cat_caveat, cat_geography, cat_city, cat_preference, cat_hs_link, cat_baseline, cat_pillar, cat_index_indicator``
    and one for each file of ``lifecycle`` from the catalogue under ``root``."""
    chains = root / "value_chains"
    stages = read_csv(chains / "stages.csv")
    return {
        "cat_stage": stages.set_column(1, "position", stages["position"].cast(pa.int16())).set_column(
            2, "in_total", pc.equal(stages["in_total"], "true")
        ),
        "cat_chapter": read_csv(chains / "hs_chapters.csv"),
        "cat_production_item": read_csv(chains / "production_items.csv"),
        "cat_fao_element": read_csv(chains / "fao_elements.csv"),
        "cat_fao_flag": numbers(read_csv(chains / "fao_flags.csv"), "sigma"),
        "cat_feed_item": read_csv(chains / "feed_items.csv"),
        "cat_extraction": numbers(read_csv(chains / "extraction_rates.csv"), "extraction"),
        "cat_border_product": numbers(read_csv(chains / "border_products.csv"), "product_per_item"),
        "cat_raw_material": read_csv(chains / "raw_materials.csv"),
        "cat_chain_link": numbers(read_csv(chains / "chain_links.csv"), "weight"),
        "cat_chain_measure": numbers(read_csv(chains / "chain_measures.csv"), "position"),
        "cat_labour_intensity": numbers(
            read_csv(chains / "labour_intensity.csv"), "factor_low", "factor", "factor_high"
        ),
        "cat_caveat": read_csv(chains / "caveats.csv"),
        **{f"cat_{path.stem}": read_csv(path) for path in sorted((root / "lifecycle").glob("*.csv"))},
        "cat_geography": geography(read_csv(root / "geography.csv")),
        "cat_city": numbers(read_csv(root / "cities.csv"), "latitude", "longitude", "population"),
        "cat_preference": read_csv(root / "preference_regimes.csv"),
        "cat_hs_link": read_csv(root / "concordance" / "hs.csv"),
        **index_tables(root / "index" / f"{INDEX_VERSION}.yaml"),
    }


def numbers(raw: pa.Table, *names: str) -> pa.Table:
    """The table with the columns ``names`` as numbers."""
    for name in names:
        raw = raw.set_column(raw.column_names.index(name), name, raw[name].cast(_NUMBER))
    return raw


def geography(raw: pa.Table) -> pa.Table:
    """Largest city with its coordinates, neighbours (space separated) and whether the economy is landlocked."""
    raw = numbers(raw, "latitude", "longitude")
    return raw.set_column(raw.column_names.index("landlocked"), "landlocked", pc.equal(raw["landlocked"], "true"))


def baseline_ids(root: Path) -> list[str]:
    """Ids of the baselines of the current index version, in its order."""
    return [
        str(i)
        for i in index_tables(root / "index" / f"{INDEX_VERSION}.yaml")["cat_baseline"]["baseline_id"].to_pylist()
    ]


def index_tables(path: Path) -> dict[str, pa.Table]:
    """Baselines, pillars and indicators of one index version, with the defaults of its format filled in."""
    index = yaml.safe_load(path.read_text(encoding="utf-8"))
    baselines = [
        {
            **line,
            "is_reference": line["baseline_id"] == index["reference_baseline"],
            "index_version": index["version"],
        }
        for line in index["baselines"]
    ]
    return {
        "cat_baseline": pa.Table.from_pylist(baselines, schema=_BASELINE),
        "cat_pillar": pa.Table.from_pylist(index["pillars"], schema=_PILLAR),
        "cat_index_indicator": pa.Table.from_pylist([_indicator(i) for i in index["indicators"]], schema=_INDICATOR),
    }


def _indicator(line: dict[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(line) - {"goalposts", *_INDICATOR.names}):
        raise UsageError(f"Index indicator {line['indicator']} has unknown entries: {', '.join(unknown)}.")
    low, high = line.get("goalposts", (None, None))
    defaults = {"anchor": False, "scope": "panel", "applies": "true", "keyed_by": "year"}
    return {**defaults, **line, "goalpost_low": low, "goalpost_high": high}
