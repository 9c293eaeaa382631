"""Brings the files of a folder in: landed, staged and checked, one vintage after the other.

What is wrong with one file is written beside it and never stops the others; only a data root that cannot be
written does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from agrocluster import pipeline
from agrocluster.errors import AgroclusterError, StorageError, UsageError
from agrocluster.importing.files_adapter import copy_file, probe_of, slices_of
from agrocluster.importing.findings import in_words
from agrocluster.importing.plan import Item, plan, usable
from agrocluster.importing.report import Line, Report, line_of
from agrocluster.model.fetching import Probe, Slice
from agrocluster.model.loader import catalog
from agrocluster.settings import environment
from agrocluster.storage import landing
from agrocluster.storage.paths import layout

Progress = Callable[[str], None]


def land(
    root: Path,
    *,
    vintage: str | None = None,
    paths: Iterable[Path] | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """Import everything usable below ``root`` (or only ``paths``) and report on every file.

    Args:
        vintage: ISO date for files without a stamp inside.
        progress: told what is being done.

    Raises StorageError when the data root cannot be written.
    """
    with files_mode(root):
        progress(f"Looking through {root}")
        items = plan(root, vintage=vintage, paths=paths)
        done: dict[tuple[str, str], dict[str, Any]] = {}
        for dataset_id in sorted({part.dataset_id for part in usable(items)}):
            progress(f"Importing {dataset_id}")
            done |= _land_dataset(root, dataset_id, items)
        lines = [line for item in items for line in _lines(item, done)]
        return Report(str(root), tuple(lines), tuple(_conflicts(lines)))


def survey(root: Path, *, vintage: str | None = None, paths: Iterable[Path] | None = None) -> Report:
    """The report of what an import would do; lands nothing."""
    with files_mode(root):
        items = plan(root, vintage=vintage, paths=paths)
        return Report(str(root), tuple(line for item in items for line in _lines(item, {})), ())


@contextmanager
def files_mode(root: Path) -> Iterator[None]:
    """Runs what is inside in files mode: imported figures are real ones, whatever mode the caller is in."""
    with environment({"SOURCES": "files", "DATA": str(root)}):
        yield


def _land_dataset(root: Path, dataset_id: str, items: list[Item]) -> dict[tuple[str, str], dict[str, Any]]:
    """Outcome per file and dataset: the staging report, ``problem`` and ``warnings``."""
    probe = probe_of(root, usable(items, dataset_id))
    done: dict[tuple[str, str], dict[str, Any]] = {}
    for piece in slices_of(probe):
        done[piece["path"], dataset_id] = _land_vintage(root, dataset_id, probe, piece)
    landing.discard_work(dataset_id, probe)
    return done


def _land_vintage(root: Path, dataset_id: str, probe: Probe, piece: Slice) -> dict[str, Any]:
    outcome: dict[str, Any] = {"problem": "", "warnings": []}
    try:
        work = landing.work_folder(dataset_id, probe)
        work.mkdir(parents=True, exist_ok=True)
        if not landing.has_slice(work, piece["id"]):
            landing.keep_slice(work, piece["id"], [copy_file(root, piece, work)])
        snapshot = landing.seal(
            dataset_id,
            probe,
            [piece["id"]],
            scope=piece["scope"],
            stamp=piece["stamp"],
            rank=piece["rank"],
        )
        outcome |= pipeline.stage(dataset_id, snapshot.snapshot_id)
        failures = pipeline.validate(dataset_id, outcome["vintage_id"])["failures"]
        outcome["warnings"] = [f["rule_id"] for f in failures if f["severity"] == "warning"]
        if critical := [f"{f['rule_id']}: {f['observed']}" for f in failures if f["severity"] == "critical"]:
            outcome["problem"] = f"Not used, it breaks {'; '.join(critical)}."
    except StorageError:
        raise
    except AgroclusterError as error:
        outcome["problem"] = in_words(error)
    except OSError as error:
        raise StorageError(f"The data root cannot be written ({error}).", remedy="Free space and run again.") from error
    return outcome


def _lines(item: Item, done: dict[tuple[str, str], dict[str, Any]]) -> Iterator[Line]:
    if not item.parts:
        yield line_of(item)
    for part in item.parts:
        yield line_of(item, part, done.get((part.path, part.dataset_id)))


def _conflicts(lines: list[Line]) -> Iterator[dict[str, Any]]:
    """Cells that vintages of one dataset and one date give different values: the date cannot tell which is newer."""
    groups: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        if line.vintage and not line.problem:
            groups.setdefault((line.dataset, line.stamp), set()).add(line.vintage)
    for (dataset_id, stamp), found in sorted(groups.items()):
        if len(found) > 1 and (cells := _different_cells(dataset_id, sorted(found))):
            yield {"dataset": dataset_id, "stamp": stamp, "vintages": sorted(found), "cells": cells}


def _different_cells(dataset_id: str, vintage_ids: list[str]) -> int:
    kind = catalog().dataset(dataset_id).kind
    key = ", ".join(catalog().tables[kind].key)
    paths = [str(layout().vintage(vintage_id) / "data.parquet") for vintage_id in vintage_ids]
    differing = f"SELECT {key} FROM read_parquet(?) GROUP BY ALL HAVING count(DISTINCT {kind.figure}) > 1"
    with duckdb.connect() as con:
        row = con.execute(f"SELECT count(*) FROM ({differing})", [paths]).fetchone()
    return int(row[0]) if row else 0


def common_root(paths: Iterable[Path]) -> tuple[Path, list[Path] | None]:
    """The folder to import from, and the files if single files were named. UsageError for a path that is none."""
    named = [path.expanduser() for path in paths]
    if missing := [str(path) for path in named if not path.exists()]:
        raise UsageError(f"There is no file or folder {', '.join(missing)}.", remedy="Check the spelling of the path.")
    if len(named) == 1 and named[0].is_dir():
        return named[0].resolve(), None
    files: list[Path] = []
    for path in named:
        inside = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
        files.extend(p.parent.resolve() / p.name for p in inside if not p.name.startswith("."))
    return Path(os.path.commonpath([path.parent for path in files])), files
