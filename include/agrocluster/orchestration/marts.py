"""The Dag that builds all marts, the Dag that publishes them, and the Dag that goes back to what was published before.

The graph of the marts is the graph of their contracts' inputs. Marts of one group, and those that read only the
catalogue, share a task, because starting a task costs more than building them.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

from airflow.sdk import DAG, Param, task

from agrocluster.model.loader import Catalog
from agrocluster.orchestration import assets, docs, policy, pools, steps

MARTS_DAG = "marts"
RELEASE_DAG = "release"
ROLLBACK_DAG = "rollback_release"


def mart_groups(catalog: Catalog) -> dict[str, list[str]]:
    """Task name -> marts it builds, inputs first. Marts of the catalogue alone make up a group of their own."""
    static: list[str] = []
    groups: dict[str, list[str]] = {}
    for name in catalog.mart_order():
        contract = catalog.marts[name]
        if all(i.startswith("cat_") or i in static for i in contract.inputs):
            static.append(name)
        else:
            groups.setdefault(contract.group or name, []).append(name)
    return {"catalogue_marts": static, **groups} if static else groups


def marts_dag(catalog: Catalog) -> DAG:
    """Builds a release candidate when every dataset has been verified; nothing when nothing changed."""
    # On a schedule an optional source may take days and must hold nothing up. In a round of all Dags it is waited for:
    # what it brings while the marts are being built would make another release.
    every = policy.started_by_hand()
    specs = [spec for spec in sorted(catalog.datasets.values(), key=_by_id) if every or not spec.optional]
    staged = [assets.staged(spec.id) for spec in specs]
    with DAG(
        MARTS_DAG,
        dag_display_name="marts",
        description="Builds and checks every mart when all sources have been verified",
        schedule=reduce(and_, staged) if staged else None,
        doc_md=docs.marts(catalog),
        tags={"tier:marts"},
        **policy.dag_args("marts"),
    ) as dag:
        plan: Any = task(multiple_outputs=False, task_id="plan_release")(steps.plan_release)()
        groups = mart_groups(catalog)
        owner = {name: group for group, names in groups.items() for name in names}
        built = {
            group: task(multiple_outputs=False, task_id=group, pool=pools.COMPUTE_POOL)(steps.build_marts)(names, plan)
            for group, names in groups.items()
        }
        for group, names in groups.items():
            for upstream in sorted({owner[i] for n in names for i in catalog.marts[n].inputs if i in owner} - {group}):
                built[upstream] >> built[group]
        done = task(multiple_outputs=False, task_id="complete_build", inlets=staged, outlets=[assets.BUILD])(
            steps.complete_build
        )(plan)
        list(built.values()) >> done
    return dag


def release_dag(catalog: Catalog) -> DAG:
    """Publishes the build that has just passed its gates, then shows it to people."""
    marts = list(catalog.mart_order())
    with DAG(
        RELEASE_DAG,
        dag_display_name="release",
        description="Publishes a build as an immutable release and switches the pointer",
        schedule=assets.BUILD,
        doc_md=docs.release(catalog),
        tags={"tier:release"},
        params={
            "release_id": Param(
                None,
                type=["null", "string"],
                pattern="^[A-Za-z0-9._-]{4,80}$",
                title="Build to publish",
                description="Empty: the build that triggered this run, or else the newest one.",
            )
        },
        **policy.dag_args("release"),
    ) as dag:
        outlets = [assets.RELEASE, *(assets.mart(name) for name in marts)]
        publish = task(multiple_outputs=False, task_id="publish", inlets=[assets.BUILD], outlets=outlets)
        published: Any = publish(steps.publish)(marts)
        task(multiple_outputs=False, task_id="atlas", outlets=[assets.ATLAS])(steps.write_atlas)(published)
    return dag


def rollback_dag(catalog: Catalog) -> DAG:
    """Goes back to an earlier release when somebody asks for it; never by itself."""
    with DAG(
        ROLLBACK_DAG,
        dag_display_name="roll back release",
        description="Points readers at an earlier release and puts the one that is left on hold",
        schedule=None,
        doc_md=docs.rollback(),
        tags={"tier:release"},
        params={
            "release": Param(
                None,
                type=["null", "string"],
                pattern="^[A-Za-z0-9._+-]{4,80}$",
                title="Release to go back to",
                description="Empty: the one of the same data mode before the current one.",
            ),
            "note": Param("", type="string", maxLength=500, title="Note", description="Why; kept in the record."),
        },
        **policy.dag_args("release"),
    ) as dag:
        marts = list(catalog.mart_order())
        outlets = [assets.RELEASE, *(assets.mart(name) for name in marts)]
        back: Any = task(multiple_outputs=False, task_id="rollback", outlets=outlets)(steps.rollback)(marts)
        task(multiple_outputs=False, task_id="atlas", outlets=[assets.ATLAS])(steps.write_atlas)(back)
    return dag


def _by_id(spec: object) -> str:
    return str(getattr(spec, "id", ""))
