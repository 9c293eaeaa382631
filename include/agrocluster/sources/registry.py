"""Which adapter fetches a dataset and which reader understands a file format.

Modules are imported on first use, so that naming a dataset costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from agrocluster.errors import UsageError
from agrocluster.sources.base import Adapter, Reader

ADAPTERS = {
    "worldbank": "agrocluster.sources.worldbank",
    "faostat_bulk": "agrocluster.sources.faostat",
    "baci": "agrocluster.sources.baci",
    "files": "agrocluster.importing.files_adapter",
}
"""Adapter name in the catalogue -> module that holds ``ADAPTER``."""

READERS = {
    "worldbank_json": "agrocluster.sources.worldbank",
    "wdi_csv": "agrocluster.sources.worldbank_files",
    "wdi_zip": "agrocluster.sources.worldbank_files",
    "wdi_xlsx": "agrocluster.sources.worldbank_files",
    "faostat_bulk_zip": "agrocluster.sources.faostat",
    "faostat_bulk_wide_zip": "agrocluster.sources.faostat",
    "faostat_csv": "agrocluster.sources.faostat",
    "baci_zip": "agrocluster.sources.baci",
    "baci_csv": "agrocluster.sources.baci",
}
"""File format -> module whose ``READERS`` holds its reader."""


def adapter(name: str) -> Adapter:
    """The adapter called ``name``; UsageError if there is none."""
    if name not in ADAPTERS:
        raise UsageError(f"There is no adapter {name!r}.", remedy=f"Use one of: {', '.join(ADAPTERS)}.")
    return cast(Adapter, import_module(ADAPTERS[name]).ADAPTER)


def reader(file_format: str) -> Reader:
    """The reader of a file format; UsageError if there is none."""
    if file_format not in READERS:
        raise UsageError(f"No reader understands {file_format!r} files.")
    return cast(Reader, import_module(READERS[file_format]).READERS[file_format])
