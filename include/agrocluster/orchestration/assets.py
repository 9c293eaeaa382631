"""Names of the assets that tie the Dags together.

Plain assets only: an event of ``staged/<dataset>`` says "verified against the source just now", whether or not
anything changed, so a Dag that waits for all of them starts once per round.
"""

from __future__ import annotations

from airflow.sdk import Asset

SCHEME = "agrocluster://"


def asset(path: str) -> Asset:
    """The asset ``agrocluster://<path>``; its name is its address, so that both are unique and readable."""
    return Asset(name=f"{SCHEME}{path}", uri=f"{SCHEME}{path}", group="agrocluster")


def staged(dataset_id: str) -> Asset:
    """Accepted rows of one dataset, verified current at the time of the event."""
    return asset(f"staged/{dataset_id}")


def mart(name: str) -> Asset:
    """One published mart."""
    return asset(f"marts/{name}")


BUILD = asset("marts/build")
"""A complete set of marts that passed its gate and waits for publication."""

BASELINES = asset("baselines")
"""The frozen baselines."""

RELEASE = asset("release")
"""The current release."""

ATLAS = asset("atlas")
"""The pages and country briefs of the current release."""
