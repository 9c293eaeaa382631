"""Finds adapters and readers in the modules of this package, so that a new source is one new module.

A module may hold ``ADAPTER`` (how to fetch; the module's name is the adapter's name in the catalogue) and
``READERS`` (file format -> how to read it) and ``PARTS`` (file format -> how to divide it for several workers). Modules
are imported when an adapter or reader is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast

from agrocluster import sources
from agrocluster.errors import UsageError
from agrocluster.sources.base import Adapter, Divider, Reader


@cache
def adapter(name: str) -> Adapter:
    """The adapter of ``sources/<name>.py``; UsageError if there is none."""
    if name not in {module.name for module in iter_modules(sources.__path__)}:
        raise UsageError(f"There is no adapter {name!r}.", remedy=f"Write it as sources/{name}.py with ADAPTER.")
    return cast(Adapter, import_module(f"{sources.__name__}.{name}").ADAPTER)


@cache
def readers() -> dict[str, Reader]:
    """All readers of the package by file format."""
    return _collected("READERS")


def parts(file_format: str) -> Divider:
    """How files of a format are divided for several workers; most are not."""
    divider: Divider | None = _collected("PARTS").get(file_format)
    return divider or (lambda _path, _spec: [])


@cache
def _collected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in iter_modules(sources.__path__):
        if module.name != __name__.rpartition(".")[2]:
            found |= getattr(import_module(f"{sources.__name__}.{module.name}"), name, {})
    return found


def reader(file_format: str) -> Reader:
    """The reader of a file format; UsageError if there is none."""
    if file_format not in readers():
        raise UsageError(f"No reader understands {file_format!r} files.", remedy=f"Known: {', '.join(readers())}.")
    return readers()[file_format]
