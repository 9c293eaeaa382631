"""Settings of a run, read from the environment in this one place.

A run belongs to one data mode. Sample and real figures may share a data root but never a release.
"""

from __future__ import annotations

import os
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
        data: root of landing, staged, quality and marts.
        mode: ``sample`` (sample source server), ``files`` (a folder of downloads), ``live`` (the publishers).
        files: the folder of ``files`` mode, else None.
    """

    data: Path
    mode: Mode
    files: Path | None = None

    @property
    def world(self) -> str:
        """``sample`` or ``real``: vintages of the two are never read together."""
        return "sample" if self.mode == "sample" else "real"


def settings() -> Settings:
    """Read ``AGROCLUSTER_DATA`` (default ``data/`` in the working directory), ``SOURCES`` and ``DATA``.

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
    root = Path(os.environ.get("AGROCLUSTER_DATA") or "data").expanduser().resolve()
    return Settings(data=root, mode=cast(Mode, mode), files=files)
