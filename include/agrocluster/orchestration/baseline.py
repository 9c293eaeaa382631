"""The Dag that freezes a baseline: a form, and one task."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from agrocluster.marts.method_tables import baseline_ids
from agrocluster.model.loader import Catalog
from agrocluster.orchestration import alerts, assets, docs, policy
from agrocluster.orchestration.needs import KEPT, PUBLISHED, on_data

log = logging.getLogger(__name__)
FREEZE_DAG = "freeze_baseline"


def freeze_dag(catalog: Catalog) -> DAG:
    """Freezes a baseline of a release when somebody asks for it; never by itself."""
    known = baseline_ids(catalog.root)
    with DAG(
        FREEZE_DAG,
        dag_display_name="freeze baseline",
        description="Keeps a baseline of a release for good, so that later change is measured against it",
        schedule=None,
        doc_md=docs.freeze(known),
        tags={"tier:baseline"},
        params={
            "baseline": Param(
                known[0], type="string", enum=known, title="Baseline", description="Which window is kept."
            ),
            "release": Param(
                None,
                type=["null", "string"],
                pattern="^[A-Za-z0-9._+-]{4,80}$",
                title="Release",
                description="Empty: the current one.",
            ),
            "note": Param(
                "", type="string", maxLength=500, title="Note", description="Why it is frozen; kept with it."
            ),
        },
        **policy.dag_args("baseline"),
    ) as dag:
        task(multiple_outputs=False, task_id="freeze", outlets=[assets.BASELINES])(freeze)()
    return dag


@on_data(*PUBLISHED, "marts/releases/*", *KEPT)
def freeze() -> dict[str, Any]:
    """Freeze what the form asks for; says which id it has, and whether it is new."""
    from agrocluster.baseline.freeze import freeze as freeze_baseline

    context = get_current_context()
    params = context["params"]
    found = freeze_baseline(params["baseline"], params["release"], params["note"])
    log.info(
        "%s %s, from release %s.", found["frozen_id"], "is new" if found["new"] else "was there", found["release_id"]
    )
    summary = {key: found[key] for key in ("frozen_id", "new", "release_id", "data_mode", "window", "goalpost_id")}
    context["outlet_events"][assets.BASELINES].extra = summary
    alerts.succeeded(context["ti"].dag_id)
    return summary
