"""Settings of a run, read from the environment in this one place.

A run belongs to one data mode. Releases of different modes never share a data root's ``latest`` pointer
without saying so, because sample and real figures must never be mixed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from agrocluster.errors import UsageError

Mode = Literal["sample", "files", "live"]


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


def settings() -> Settings:
    """Read ``AGROCLUSTER_DATA``, ``SOURCES`` and ``DATA``.

    The data root defaults to ``data/<mode>`` in the working directory: one root per mode, so that sample
    and real figures cannot meet. Raises UsageError when the mode is unknown or ``files`` lacks a folder.
    """
    mode = os.environ.get("SOURCES") or "sample"
    if mode not in get_args(Mode):
        raise UsageError(
            f"SOURCES={mode} is not a data mode.", remedy="Use one of: " + ", ".join(get_args(Mode)) + "."
        )
    files = Path(folder).expanduser().resolve() if mode == "files" and (folder := os.environ.get("DATA")) else None
    if mode == "files" and (files is None or not files.is_dir()):
        raise UsageError(
            f"SOURCES=files needs a folder of downloads, and DATA={os.environ.get('DATA', '')!r} is none.",
            remedy="Call it as: make run SOURCES=files DATA=path/to/folder",
        )
    root = Path(os.environ.get("AGROCLUSTER_DATA") or Path("data") / mode)
    return Settings(data=root.expanduser().resolve(), mode=cast(Mode, mode), files=files)
