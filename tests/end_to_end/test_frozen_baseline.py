"""Freezing a baseline of a whole release: the next one rests on it and says the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agrocluster import pipeline
from agrocluster.baseline.freeze import freeze
from agrocluster.marts.build import build
from agrocluster.storage import frozen
from agrocluster.storage.kept import Kept
from support.world import Published, use

pytestmark = pytest.mark.slow


def test_the_next_release_keeps_the_frozen_scale_and_says_the_same(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = tmp_path / "data", tmp_path / "build"
    for made in (root, folder):
        made.mkdir()
    for name in ("staged", "marts"):
        (root / name).symlink_to(published.root / name)
    use(monkeypatch, published.server.url, root)
    assert pipeline.plan_release()["changed"] is False

    first = freeze("B2018_2020")
    assert (first["frozen_id"], first["release_id"]) == ("B2018_2020@v1", published.result["release_id"])
    plan = pipeline.plan_release()
    assert (plan["changed"], plan["release_id"] != published.result["release_id"]) == (True, True)

    for path in published.folder.glob("*.parquet"):
        (folder / path.name).symlink_to(path)
    inputs = pipeline._inputs()
    after = ("mart_baseline_indicators", "mart_baseline_draws", "mart_baseline_scores", "mart_cluster_baseline")
    for mart in ("mart_goalposts", *after):
        (folder / f"{mart}.parquet").unlink()
        build(mart, folder, inputs, {}, Kept(frozen.known("sample")))
    scale = pq.read_table(folder / "mart_goalposts.parquet").to_pylist()
    assert {line["goalpost_id"] for line in scale} == {first["goalpost_id"]}
    assert {line["status"] for line in scale} <= {"frozen", "too_few_values", "no_spread"}
    assert any(line["status"] == "frozen" for line in scale)
    for mart in after:
        again, before = (pq.read_table(where / f"{mart}.parquet") for where in (folder, published.folder))
        assert again.equals(before), mart
