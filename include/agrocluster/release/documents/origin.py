"""Where the figures of a mart come from and under which licence: for every document that says so."""

from __future__ import annotations

from typing import Any

from agrocluster.model.loader import catalog
from agrocluster.model.specs import SourceSpec
from agrocluster.release.origins import kinds


def sources(manifest: dict[str, Any], mart: str | None = None) -> list[SourceSpec]:
    """Publishers of the vintages of a release, or of those that a mart reads, itself or through other marts."""
    read = None if mart is None else kinds(mart)
    datasets = [catalog().datasets[vintage["dataset"]] for vintage in manifest["vintages"]]
    used = {dataset.source for dataset in datasets if read is None or dataset.kind in read}
    return [catalog().sources[source] for source in sorted(used)]


def licence_url(name: str) -> str:
    """Where the text of a licence is."""
    return {source.licence: source.licence_url for source in catalog().sources.values()}[name]
