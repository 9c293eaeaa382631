"""A small release whose texts are hostile, for everything that lies beside its marts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.small_release import Row, contents, publish_small

HOSTILE = '=HYPERLINK("http://evil.example","<b>ключ</b> & \'co\'")'
RELEASE = "2026-01-01-sample-docs"


@dataclass(frozen=True)
class Made:
    """A published release: its data root, folder and manifest."""

    root: Path
    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8")))

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        return {entry["path"]: entry for entry in self.manifest["documents"]}


def tables() -> dict[str, list[Row]]:
    """The small release with series of two publishers, indicators of the index, and texts nobody should trust."""
    rows: dict[str, list[Row]] = {name: [dict(row) for row in held] for name, held in contents().items()}
    for cell in rows["mart_cluster_baseline"]:
        if cell["quadrant"] == "none":
            cell["quadrant"] = None  # type: ignore[index]
    rows["mart_cluster_baseline"][0] = {**rows["mart_cluster_baseline"][0], "caveats": HOSTILE}
    for baseline in rows["dim_baseline"]:
        baseline |= {"name_en": baseline["baseline_id"], "name_ru": baseline["baseline_id"]}  # type: ignore[operator]
    for country in rows["dim_country"]:
        country["focus"] = country["iso3"] in {"KAZ", "KGZ"}  # type: ignore[index]
    chains = {row["chain"] for row in rows["mart_cluster_baseline"]}
    rows["dim_chain"] = [{"chain": c, "chain_en": c.title(), "chain_ru": f"{c} (ru)"} for c in sorted(chains)]
    rows["dim_indicator"] = [
        {"indicator": code, "dataset": "wdi", "name_en": HOSTILE, "name_ru": "Показатель", "direction": "+"}
        for code in ("AG.LND.AGRI.ZS", "SP.POP.TOTL")
    ]
    rows["fact_indicator"] = [
        {"iso3": iso3, "year": year, "indicator": code, "value": value, "unit": "%", "source": source}
        | {"dataset": "wdi", "vintage_id": "v1"}
        for iso3 in ("CHN", "KAZ", "KGZ")
        for code, source in (("AG.LND.AGRI.ZS", "worldbank"), ("SP.POP.TOTL", "faostat"))
        for year, value in ((2019, 1.25), (2020, None))
    ]
    rows["mart_baseline_indicators"] = [
        {"baseline_id": "B2018_2020", "iso3": "KGZ", "chain": "dairy", "sub_index": "position", "pillar": "p1"}
        | {"indicator": name, "focus": True, "name_en": name, "name_ru": name, "basis": "trade", "unit": "ratio"}
        | {"raw_value": raw, "score": raw, "reason": reason, "goalpost_id": "v1"}
        for name, raw, reason in (("plq", 2.5, ""), ("stars", None, "no_oblast_data"))
    ]
    return rows


def publish(root: Path) -> Made:
    """Publish the release of this folder's tests in a data root of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        patch.setenv("SOURCES", "sample")
        return Made(root, publish_small(RELEASE, tables()))
