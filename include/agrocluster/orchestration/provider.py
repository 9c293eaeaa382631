"""What Airflow is told of this package as a provider: whose the address scheme ``agrocluster://`` is.

With it OpenLineage knows our assets as datasets; without it they would be left out of its events without a word.
Airflow finds this by the entry point ``apache_airflow_provider`` and loads it in every process, so that nothing is
imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.sdk import Asset
    from openlineage.client.event_v2 import Dataset

NAMESPACE = "agrocluster"


def provider_info() -> dict[str, Any]:
    """Facts in the form of Airflow's ``provider_info.schema.json``."""
    here = f"{__name__}.as_dataset"
    return {
        "package-name": "agrocluster",
        "name": "agrocluster",
        "description": "Cluster-potential baselines for agricultural value chains",
        "asset-uris": [{"schemes": [NAMESPACE], "handler": None, "to_openlineage_converter": here}],
    }


def as_dataset(asset: Asset, _: object) -> Dataset:
    """The asset ``agrocluster://marts/x`` as the dataset ``marts/x`` in the namespace ``agrocluster``."""
    from openlineage.client.event_v2 import Dataset

    parts = urlsplit(asset.uri)
    return Dataset(namespace=NAMESPACE, name=f"{parts.netloc}{parts.path}".rstrip("/"))
