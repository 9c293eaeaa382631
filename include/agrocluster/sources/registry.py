"""Finds adapters and readers in the modules of this package, so that a new source is one new module.

A module may hold ``ADAPTER`` (how to fetch; the module's name is the adapter's name in the catalogue) and
``READERS`` (file format -> how to read it). Modules are imported when an adapter or reader is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from agrocluster import sources
from agrocluster.errors import UsageError
from agrocluster.sources.base import Adapter, Reader


@cache
def adapter(name: str) -> Adapter:
    """The adapter of ``sources/<name>.py``; UsageError if there is none."""
    if name not in {module.name for module in iter_modules(sources.__path__)}:
        raise UsageError(f"There is no adapter {name!r}.", remedy=f"Write it as sources/{name}.py with ADAPTER.")
    return cast(Adapter, import_module(f"{sources.__name__}.{name}").ADAPTER)


@cache
def readers() -> dict[str, Reader]:
    """All readers of the package by file format."""
    found: dict[str, Reader] = {}
    for module in iter_modules(sources.__path__):
        if module.name != __name__.rpartition(".")[2]:
            found |= getattr(import_module(f"{sources.__name__}.{module.name}"), "READERS", {})
    return found


def reader(file_format: str) -> Reader:
    """The reader of a file format; UsageError if there is none."""
    if file_format not in readers():
        raise UsageError(f"No reader understands {file_format!r} files.", remedy=f"Known: {', '.join(readers())}.")
    return readers()[file_format]
