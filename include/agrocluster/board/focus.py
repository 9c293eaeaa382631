"""What a Dag run is about: the dataset it ingests, or the release it builds. Knows names only; reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agrocluster.model.loader import catalog

RELEASE_DAGS = ("marts", "release")
INGEST = "ingest_"


@dataclass(frozen=True)
class Focus:
    """``dag_id`` as Airflow filled it in; ``dataset`` for an ingest Dag, ``release`` for those that build one."""

    dag_id: str = ""
    run_id: str = ""
    kind: Literal["all", "dataset", "release"] = "all"
    dataset: str = ""

    @property
    def title(self) -> str:
        """What the page says it is about."""
        return {"all": "everything", "dataset": self.dataset, "release": "marts and release"}[self.kind]

    def wants_dataset(self, dataset_id: str) -> bool:
        """Whether a dataset belongs on the page."""
        return self.kind == "all" or dataset_id == self.dataset

    def wants_subject(self, subject: str, layer: str) -> bool:
        """Whether the checks of a dataset or mart belong on the page."""
        return self.kind == "all" or (layer == "mart" if self.kind == "release" else subject == self.dataset)

    def wants_dag(self, dag_id: str) -> bool:
        """Whether incidents of a Dag belong on the page; those that no longer say whose they are always do."""
        return (
            self.kind == "all" or not dag_id or dag_id in (RELEASE_DAGS if self.kind == "release" else (self.dag_id,))
        )


def focus(dag_id: str | None = None, run_id: str | None = None) -> Focus:
    """The focus of a Dag's tab; everything for Dags that are about nothing in particular, and for unknown ones."""
    named, run = dag_id or "", run_id or ""
    dataset_id = named.removeprefix(INGEST)
    if named.startswith(INGEST) and dataset_id in catalog().datasets:
        return Focus(named, run, "dataset", dataset_id)
    return Focus(named, run, "release") if named in RELEASE_DAGS else Focus(named, run)
