"""One ingest Dag per dataset of the catalogue.

check_source -> fetch (per batch of slices) -> seal -> stage, validate (per snapshot) -> mark

Archives of many years have ``divide -> stage_part`` (per run of years) before ``stage``, which joins them: workers
that share nothing but storage read them at the same time. A small archive gives no parts and costs one short task.

An unchanged source ends after the first request; ``mark`` still says that it was verified, so that the marts
Dag, which waits for all datasets, starts once per round.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, get_parsing_context, task

from agrocluster.model.loader import Catalog
from agrocluster.model.specs import DatasetSpec, SourceSpec
from agrocluster.orchestration import assets, docs, policy, pools, steps

FIRST_YEAR, LAST_YEAR = 1950, 2100
BATCH = "{{ task.op_kwargs['batch']['id'] }}"
SNAPSHOT = "{{ task.op_kwargs['snapshot_id'] }}"
PART = "{{ task.op_kwargs['piece']['part'] }}"
VINTAGE = "{{ task.op_kwargs['report']['vintage_id'] }}"


def dag_id(dataset_id: str) -> str:
    """Name of a dataset's ingest Dag."""
    return f"ingest_{dataset_id}"


def ingest_dags(catalog: Catalog) -> dict[str, DAG]:
    """All ingest Dags by id, in catalogue order; only the one that is about to run where Airflow says which."""
    wanted = get_parsing_context().dag_id
    specs = sorted(catalog.datasets.values(), key=lambda spec: spec.id)
    return {
        dag_id(spec.id): ingest_dag(spec, catalog.sources[spec.source])
        for spec in specs
        if wanted in (None, dag_id(spec.id))
    }


def ingest_dag(spec: DatasetSpec, source: SourceSpec) -> DAG:
    """The Dag that keeps one dataset current."""
    with DAG(
        dag_id(spec.id),
        dag_display_name=f"ingest · {spec.title.en}",
        description=f"Keeps {spec.title.en} ({source.title.en}) current",
        schedule=policy.schedule(spec.schedule),
        doc_md=docs.ingest(spec, source),
        tags={"tier:ingest", f"source:{source.id}", f"kind:{spec.kind.value}"},
        params=_params(spec),
        **(policy.dag_args("ingest", policy.PATIENT) if source.quota else policy.dag_args("ingest")),
    ) as dag:
        asset, polite = assets.staged(spec.id), pools.pool_name(source.id)
        batches: Any = task(multiple_outputs=False, task_id="check_source", pool=polite)(steps.check_source)(spec.id)
        check = batches[steps.CHECK]
        fetch = task(multiple_outputs=False, task_id="fetch", map_index_template=BATCH, pool=polite)(steps.fetch)
        fetched: Any = fetch.partial(check=check).expand(batch=batches)
        sealed: Any = task(multiple_outputs=False, task_id="seal")(steps.seal)(check, fetched)
        stage = task(
            multiple_outputs=False,
            task_id="stage",
            pool=pools.COMPUTE_POOL,
            map_index_template=SNAPSHOT,
            # Nothing to stage in parts is no reason to stage nothing.
            trigger_rule="none_failed_min_one_success",
        )(steps.stage)
        staged = stage.partial(dataset_id=spec.id).expand(snapshot_id=sealed)
        if spec.in_parts:
            divided: Any = task(multiple_outputs=False, task_id="divide")(steps.divide)(spec.id, sealed)
            part = task(multiple_outputs=False, task_id="stage_part", pool=pools.COMPUTE_POOL, map_index_template=PART)
            part(steps.stage_part).partial(dataset_id=spec.id).expand(piece=divided) >> staged
        gate = task(multiple_outputs=False, task_id="validate", pool=pools.COMPUTE_POOL, map_index_template=VINTAGE)(
            steps.validate
        )
        reports = gate.partial(dataset_id=spec.id).expand(report=staged)
        task(multiple_outputs=False, task_id="mark", outlets=[asset], trigger_rule="none_failed")(steps.mark)(
            spec.id, check, reports
        )
    return dag


def _params(spec: DatasetSpec) -> dict[str, Param]:
    first, last = max(spec.first_year, FIRST_YEAR), spec.last_year or LAST_YEAR
    year: dict[str, Any] = {"type": ["null", "integer"], "minimum": first, "maximum": last}
    form = {
        "force": Param(
            False,
            type="boolean",
            title="Fetch although nothing has changed",
            description="Asks for what landing holds already; the same content gives no new release.",
        )
    }
    if spec.by_period:
        form["first_year"] = Param(
            None, title="First year", description="Empty: everything. Set to fetch a period again.", **year
        )
        form["last_year"] = Param(None, title="Last year", description="Empty: everything.", **year)
    return form
