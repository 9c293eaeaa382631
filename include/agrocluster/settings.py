"""Settings of a run, read from the environment in this one place.

A run belongs to one data mode. Sample and real figures may share a data root but never a release.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from agrocluster.errors import UsageError

Mode = Literal["sample", "files", "live"]
SAMPLE_LABEL = "SAMPLE DATA - NOT REAL STATISTICS"
"""What everything made of sample data says about itself."""


@dataclass(frozen=True)
class Settings:
    """Where data live and where they come from.

    Attributes:
        data: root of landing, staged, quality and marts; with a ``store``, a folder that shows some of it for reading.
        mode: ``sample`` (sample source server), ``files`` (a folder of downloads), ``live`` (the publishers).
        files: the folder of ``files`` mode, else None.
        store: address of the object store that holds the data root, None where a folder does.
        work: with a ``store``, the folder of this machine for copies of it.
    """

    data: Path
    mode: Mode
    files: Path | None = None
    store: str | None = None
    work: Path | None = None

    @property
    def world(self) -> str:
        """``sample`` or ``real``: vintages of the two are never read together."""
        return "sample" if self.mode == "sample" else "real"


def settings() -> Settings:
    """Read ``AGROCLUSTER_DATA`` (default ``data/`` in the working directory), ``SOURCES`` and ``DATA``.

    The data root may be an address (``s3://bucket/prefix``); ``AGROCLUSTER_WORK`` is then the folder for working copies
    (default: one in ``~/.cache/agrocluster``).

    Raises UsageError when the mode is unknown or ``files`` mode lacks its folder.
    """
    mode = os.environ.get("SOURCES") or "sample"
    if mode not in get_args(Mode):
        raise UsageError(f"SOURCES={mode} is not a data mode.", remedy="Use one of: " + ", ".join(get_args(Mode)) + ".")
    folder = os.environ.get("DATA") or ""
    files = Path(folder).expanduser().resolve() if mode == "files" and folder else None
    if mode == "files" and (files is None or not files.is_dir()):
        raise UsageError(
            f"SOURCES=files needs a folder of downloads, and DATA={folder!r} is none.",
            remedy="Call it as: make run SOURCES=files DATA=path/to/folder",
        )
    root = os.environ.get("AGROCLUSTER_DATA") or "data"
    if "://" not in root:
        return Settings(data=_folder(root), mode=cast(Mode, mode), files=files)
    address = root.rstrip("/")
    own = f"~/.cache/agrocluster/{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    work = _folder(os.environ.get("AGROCLUSTER_WORK") or own)
    return Settings(data=work / "view", mode=cast(Mode, mode), files=files, store=address, work=work)


def _folder(name: str) -> Path:
    return Path(name).expanduser().resolve()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Within the block, the environment of this process has ``values``; afterwards it is what it was."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
