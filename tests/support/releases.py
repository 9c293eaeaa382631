"""Published releases small enough to write by hand: what freezing and comparing read of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.baseline.compare import NO_DRAWS
from agrocluster.storage import atomic
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

WINDOWS = {"B2018_2020": (2018, 2020), "Bcurrent": (2022, 2024)}
SCALE = {"index_version": "v9", "goalpost_id": "v9-aa", "panel_id": "P7-bb"}
CHAINS = ("beef", "cotton", "dairy", "wool")
PILLARS = ("p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")
MEASURES = ("potential", "position", "headroom")
DRAWS = 200

Scores = Mapping[str, Mapping[str, float | None]]


def publish(
    release: str,
    scores: Scores,
    *,
    data_mode: str = "sample",
    prices: Mapping[str, float] | None = None,
    windows: Mapping[str, tuple[int, int]] = WINDOWS,
    noise: float = 1.0,
    draws: bool = True,
    **scale: str,
) -> dict[str, Any]:
    """Publish a release and make it the current one; returns its manifest.

    Args:
        scores: baseline -> chain -> potential of KGZ; chains that are not named score 45.
        prices: chain -> points of the score in ``Bcurrent`` that are world prices.
        noise: standard deviation of the draws that the windows do not share.
        draws: whether it has ``mart_baseline_draws``.
        scale: replaces parts of ``SCALE``.
    """
    rows: list[dict[str, Any]] = []
    indicators: list[dict[str, Any]] = []
    for baseline, window in windows.items():
        for iso3, focus in (("KGZ", True), ("POL", False)):
            for chain in CHAINS:
                score = scores.get(baseline, {}).get(chain, 45.0) if focus else 50.0
                part = (prices or {}).get(chain, 0.0) if focus and baseline == "Bcurrent" else 0.0
                rows.append(_scored(baseline, iso3, chain, score, part, window) | SCALE | scale)
                key = {"baseline_id": baseline, "iso3": iso3, "chain": chain}
                indicators += [
                    key | {"indicator": "plq", "score": score, "weight": 0.5},
                    key | {"indicator": "dpr", "score": 20.0, "weight": 0.5},
                ]
    goalposts = [
        {"goalpost_id": scale.get("goalpost_id", SCALE["goalpost_id"]), "kind": "index", "indicator": name}
        | {"goalpost_low": 0.0, "goalpost_high": 1.0, "status": "reference_window"}
        for name in ("plq", "dpr")
    ]
    tables = {
        "mart_cluster_baseline": _typed(rows),
        "mart_baseline_indicators": _typed(indicators),
        "mart_goalposts": _typed(goalposts),
    }
    if draws:
        tables["mart_baseline_draws"] = _draws(scores, windows, noise)
    return _write(release, tables, data_mode)


def _scored(
    baseline: str, iso3: str, chain: str, score: float | None, part: float, window: tuple[int, int]
) -> dict[str, Any]:
    row: dict[str, Any] = {"baseline_id": baseline, "iso3": iso3, "chain": chain, "focus": iso3 == "KGZ"}
    row |= {"first_year": window[0], "last_year": window[1]}
    row |= dict.fromkeys((*MEASURES, "p1"), score) | dict.fromkeys(PILLARS[1:])
    return row | {f"{m}_base_prices": None if score is None else score - part for m in MEASURES}


def _draws(scores: Scores, windows: Mapping[str, tuple[int, int]], noise: float) -> pa.Table:
    parts = []
    for n, chain in enumerate(CHAINS):
        common = np.random.default_rng(n).normal(0, 1, DRAWS)
        for b, baseline in enumerate(windows):
            score = scores.get(baseline, {}).get(chain, 45.0)
            if score is None:
                continue
            values = score + common + np.random.default_rng((n, b)).normal(0, noise, DRAWS)
            keys = {"baseline_id": [baseline] * DRAWS, "iso3": ["KGZ"] * DRAWS, "chain": [chain] * DRAWS}
            parts.append(pa.table({**keys, "draw": range(DRAWS), **dict.fromkeys(MEASURES, values)}))
    return pa.concat_tables(parts) if parts else NO_DRAWS.empty_table()


def _typed(rows: list[dict[str, Any]]) -> pa.Table:
    found = pa.Table.from_pylist(rows)
    fields = [f.with_type(pa.float64()) if pa.types.is_null(f.type) else f for f in found.schema]
    return found.cast(pa.schema(fields))


def _write(release: str, tables: Mapping[str, pa.Table], data_mode: str) -> dict[str, Any]:
    folder = layout().releases / release
    folder.mkdir(parents=True)
    marts = []
    for name, rows in tables.items():
        path = folder / f"{name}.parquet"
        pq.write_table(rows, path)
        facts = {"name": name, "path": path.name, "rows": rows.num_rows, "sha256": file_sha256(path)}
        marts.append(facts | {"licence": "CC-BY-4.0", "redistribution": "open"})
    manifest: dict[str, Any] = {"release": release, "data_mode": data_mode, "version": "0.0.1", "catalog": "c" * 8}
    manifest |= {"label": "SAMPLE DATA - NOT REAL STATISTICS" if data_mode == "sample" else "", "marts": marts}
    manifest |= {"vintages": [{"vintage_id": f"worldbank__wdi@{release}"}]}
    atomic.write_json(folder / "manifest.json", manifest)
    atomic.write_json(layout().latest, {"release": release, "data_mode": data_mode, "files": [], "label": ""})
    return manifest
