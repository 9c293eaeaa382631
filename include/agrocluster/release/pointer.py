"""The pointer ``marts/latest.json``, which readers follow: it is replaced whole, last, by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agrocluster.release.reading import manifest
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout


@contextmanager
def lock() -> Iterator[None]:
    """Whoever publishes, goes back, pins or removes releases holds this for the block."""
    with exclusive(layout().marts / "publish.lock"):
        yield


def point_at(release: str) -> dict[str, Any]:
    """Make a release that lies there whole the current one; returns its manifest. The caller holds ``lock``."""
    found = manifest(release)
    pointer = {
        "release": release,
        "path": f"releases/{release}",
        "data_mode": found["data_mode"],
        "label": found["label"],
        "manifest_sha256": file_sha256(layout().releases / release / "manifest.json"),
        "files": [
            {key: mart[key] for key in ("name", "path", "sha256", "rows", "schema_hash")} for mart in found["marts"]
        ],
    }
    atomic.write_json(layout().latest, pointer)
    return found
