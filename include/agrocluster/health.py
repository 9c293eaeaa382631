"""What `agrocluster doctor` examines: can this installation run, and is what it published intact?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agrocluster.errors import AgroclusterError, StorageError
from agrocluster.http import endpoint
from agrocluster.model.loader import catalog
from agrocluster.release import publish
from agrocluster.settings import settings
from agrocluster.storage import frozen
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

PACKAGES = ("apache-airflow", "duckdb", "great-expectations", "pandas", "pyarrow")
NEEDED_BYTES = 2 * 1024**3


def examine() -> list[dict[str, str]]:
    """One entry per check: ``check``, ``state`` (``ok``, ``note`` or ``failed``) and ``detail``."""
    checks: dict[str, Callable[[], tuple[str, str]]] = {
        "python": _python,
        "packages": _packages,
        "catalogue": _catalogue,
        "data mode": _mode,
        "sources": _sources,
        "data root": _data_root,
        "release": _release,
        "baselines": _baselines,
    }
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], tuple[str, str]]) -> dict[str, str]:
    try:
        state, detail = check()
    except AgroclusterError as error:
        state, detail = "failed", str(error)
    return {"check": name, "state": state, "detail": detail}


def _python() -> tuple[str, str]:
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    return ("ok" if fits else "failed"), f"{platform.python_version()} (3.11 to 3.13 are supported)"


def _packages() -> tuple[str, str]:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return "failed", f"missing: {', '.join(missing)}; run `make run` or install requirements.txt"
    return "ok", ", ".join(found)


def _catalogue() -> tuple[str, str]:
    found = catalog()
    found.mart_order()
    indicators = sum(len(specs) for specs in found.indicators.values())
    counts = f"{len(found.sources)} sources, {len(found.datasets)} datasets, {indicators} indicators"
    return "ok", f"{counts}, {len(found.marts)} marts"


def _mode() -> tuple[str, str]:
    chosen = settings()
    return "ok", f"{chosen.mode}{f' from {chosen.files}' if chosen.files else ''}"


def _sources() -> tuple[str, str]:
    if settings().mode == "sample":
        return "ok", "the sample source server, which `make run` starts"
    listed = ", ".join(f"{source}: {endpoint(source).base_url}" for source in catalog().sources)
    return "ok", listed


def _data_root() -> tuple[str, str]:
    root = settings().data
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise StorageError(
            f"{root} cannot be written: {error}.", remedy="Choose another folder in AGROCLUSTER_DATA."
        ) from error
    free = shutil.disk_usage(root).free
    state = "ok" if free >= NEEDED_BYTES else "note"
    return state, f"{root}{os.sep}, {free / 1024**3:.1f} GiB free"


def _release() -> tuple[str, str]:
    pointer = publish.latest()
    if pointer is None:
        return "note", "none published yet; run `make run EXIT=1`"
    folder = layout().releases / pointer["release"]
    damaged = [f["name"] for f in pointer["files"] if _differs(folder / f["path"], f["sha256"])]
    if damaged:
        return "failed", f"{', '.join(damaged)} differ from the manifest; delete {folder} and run again"
    return "ok", f"{pointer['release']}, {len(pointer['files'])} marts intact {pointer['label']}".rstrip()


def _baselines() -> tuple[str, str]:
    found = frozen.known()
    frozen.require_intact(found)
    pointer, kept = publish.latest(), {f.frozen_id: f.digest for f in found}
    used = publish.manifest(pointer["release"]).get("frozen_baselines", []) if pointer else []
    if lost := [entry["frozen_id"] for entry in used if kept.get(entry["frozen_id"]) != entry["sha256"]]:
        known = f"{', '.join(lost)}, which release {pointer['release']} rests on" if pointer else ""
        return "failed", f"{known}: gone or replaced; put the folder back into {layout().baselines}"
    if not found:
        return "note", "none frozen; `agrocluster baseline freeze` keeps one for good"
    return "ok", f"{', '.join(f.frozen_id for f in found)} intact"


def _differs(path: Path, sha256: str) -> bool:
    return not path.exists() or file_sha256(path) != sha256
