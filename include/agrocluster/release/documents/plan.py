"""The plan of the documents, from ``catalog/documents``: which marts have extracts, which become SDMX, and the words.

It says what is written, not how.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from pydantic import Field

from agrocluster.explain.language import Lang
from agrocluster.model.loader import ROOT
from agrocluster.model.specs import Spec, Text

CODE = r"^[A-Za-z][A-Za-z0-9_]*$"


class Extract(Spec):
    """A mart that is also CSV and, with ``sheet``, a sheet of the workbook."""

    mart: str = Field(max_length=31)
    sheet: bool = True


class Extracts(Spec):
    """The extracts; a mart with more than ``max_rows`` rows has none."""

    max_rows: int = Field(gt=0)
    marts: tuple[Extract, ...]


class Codelist(Spec):
    """Codes with their names, from a mart: ``code``, ``en`` and ``ru`` are columns of it."""

    id: str = Field(pattern=CODE)
    mart: str
    code: str
    en: str
    ru: str
    title: Text


class Component(Spec):
    """A dimension or attribute: ``value`` is an SQL expression over the mart (``m``)."""

    id: str = Field(pattern=CODE)
    value: str
    codelist: str | None = None


class Measure(Spec):
    """A column that becomes rows, with the columns of its interval; ``unit`` is a column instead of the contract's."""

    column: str
    lower: str | None = None
    upper: str | None = None
    unit: str | None = None


class Dataflow(Spec):
    """One SDMX-CSV file: rows of ``mart`` under ``where``, either ``value`` or ``measures``."""

    id: str = Field(pattern=CODE)
    mart: str
    title: Text
    where: str = "true"
    dimensions: tuple[Component, ...]
    value: str | None = None
    unit: str | None = None
    measures: tuple[Measure, ...] = ()
    attributes: tuple[Component, ...] = ()


class Sdmx(Spec):
    """Everything that is published as SDMX, under one agency."""

    agency: str = Field(pattern=CODE)
    codelists: tuple[Codelist, ...]
    concepts: Mapping[str, Text]
    dataflows: tuple[Dataflow, ...]


class Plan(Spec):
    """What is written. ``methods``: page of docs/methods -> marts it explains."""

    extracts: Extracts
    sdmx: Sdmx
    methods: Mapping[str, tuple[str, ...]]

    def page(self, mart: str) -> str | None:
        """The page of docs/methods that says how a mart is made."""
        return next((page for page, marts in self.methods.items() if mart in marts), None)


@cache
def plan() -> Plan:
    """The plan, read once per process."""
    return Plan.model_validate(_yaml("plan"))


@cache
def words(lang: Lang) -> Mapping[str, Any]:
    """The words of the dictionary in a language."""
    return dict(_yaml(lang))


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / "documents" / f"{name}.yaml").read_text(encoding="utf-8"))
