"""What a source connector is: three small functions to fetch, one per file format to read.

Everything else (retries, hashing, landing, unit checks, gates, marts) is written once around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from agrocluster.http import Client
from agrocluster.model.fetching import Probe, RawFile, Slice, StageLog, Years
from agrocluster.model.specs import DatasetSpec

__all__ = ["Adapter", "Divider", "Probe", "RawFile", "Reader", "Slice", "StageLog", "Years"]


class Adapter(Protocol):
    """How to find out whether a dataset changed, what to ask for, and how to ask."""

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:
        """One or two small requests that tell the publisher's release stamp."""

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:
        """Independent pieces of the fetch, each with a unique ``id``; JSON-able."""

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:
        """Stream the bytes of one slice unchanged into the folder ``into``."""


Divider = Callable[[Path, DatasetSpec], list[str]]
"""Names parts of one raw file that can be read on their own, in their order; a reader finds the one it shall read as
``details["part"]``. None or one: the file is read as a whole."""

Reader = Callable[[Path, RawFile, DatasetSpec, StageLog], Iterator[pa.RecordBatch]]
"""Reads one raw file into batches with the staged columns of ``spec.kind``, in the canonical units."""
