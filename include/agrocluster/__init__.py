"""agrocluster: cluster-potential baselines for agricultural value chains in Central Asia.

The library behind the Dags: connectors, quality gates, marts and baselines. It never imports Airflow
outside :mod:`agrocluster.orchestration`, so it can be used from a notebook, a test or a reporting job::

    import agrocluster as ac

    ac.marts()["mart_cluster_baseline"].df()
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from agrocluster.release.opened import Marts, Release, Selection
    from agrocluster.storage.places import Root

    def marts(release: str | None = None, root: Root = None) -> Marts:
        """Name -> mart of a release (the current one when left out), lazily. See ``open``."""
else:
    from agrocluster import marts

__all__ = ["__version__", "marts", "open", "releases", "sql"]

try:
    __version__ = version("agrocluster")
except PackageNotFoundError:  # running from a source tree that is on the path but not installed
    __version__ = "0.0.0+source"


def open(release: str | None = None, as_of: str | date | None = None, root: Root = None) -> Release:
    """Open a release; it stays the one it is while another is published.

    Args:
        release: id of a release; the current one when left out.
        as_of: instead of a release the facts as they were known on this date (YYYY-MM-DD): ``fact_indicator``,
            ``fact_production``, ``fact_trade``. Needs a data root on this machine.
        root: data root, its ``marts`` folder or a release that was handed on (``agrocluster export``); a folder or an
            address for fsspec such as ``s3://bucket/agrocluster``. ``AGROCLUSTER_DATA`` or ``data/`` when left out.

    Raises UsageError, which says what to do, when there is no such release.
    """
    from agrocluster.release.opened import open_release

    return open_release(release, as_of, root)


def sql(query: str, release: str | None = None, root: Root = None) -> Selection:
    """The answer to one SELECT over the marts of a release (the current one when left out). See ``open``."""
    return open(release, root=root).sql(query)


def releases(root: Root = None) -> list[str]:
    """Ids of the published releases, sorted."""
    from agrocluster.release import reading

    return reading.names(root)
