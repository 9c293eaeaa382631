"""Releases made by the pipeline's own planning and publishing, from marts of a few rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agrocluster import pipeline
from agrocluster.release.documents import register
from support.small_release import build_small, contents, vintage

Publishing = Callable[[str], str]
FIRST, SECOND = "2026-01-01", "2026-02-01"


def _publish(day: str, patch: pytest.MonkeyPatch, tables: dict[str, Any] | None = None) -> str:
    patch.setattr(pipeline, "_inputs", lambda: [vintage(day=day)])
    release = str(pipeline.plan_release()["release_id"])
    build_small(release, tables)
    pipeline.publish(release)
    return release


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases without dictionary, extracts and the like, which take most of the time of publishing one."""
    monkeypatch.setattr(register, "write", lambda *_: [])


@pytest.fixture
def publishing(data_root: Path, quickly: None, monkeypatch: pytest.MonkeyPatch) -> Publishing:
    """Publishes what a vintage of the given day makes, and leaves it as the one there is; returns the id."""
    return lambda day: _publish(day, monkeypatch)


@pytest.fixture(scope="session")
def two_root(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, str]]:
    """A data root with the releases of ``FIRST`` and ``SECOND``, and their ids. The second raises dairy, lowers its
    grade, and has no tobacco in the current window."""
    root = tmp_path_factory.mktemp("two") / "data"
    tables: dict[str, Any] = dict(contents())
    cells = [dict(row) for row in tables["mart_cluster_baseline"]]
    cells[0] |= {"potential": 71.0, "grade": "C"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root))
        patch.setenv("SOURCES", "sample")
        first = _publish(FIRST, patch)
        return root, (first, _publish(SECOND, patch, {**tables, "mart_cluster_baseline": cells[:-1]}))


@pytest.fixture
def two(two_root: tuple[Path, tuple[str, str]], data_root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Ids of both releases, in a copy of that root; the inputs are those of the second."""
    shutil.copytree(two_root[0], data_root)
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage(day=SECOND)])
    return two_root[1]
