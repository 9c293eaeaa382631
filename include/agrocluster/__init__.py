"""agrocluster: cluster-potential baselines for agricultural value chains in Central Asia.

The library behind the Dags: connectors, quality gates, marts and baselines. It never imports Airflow
outside :mod:`agrocluster.orchestration`, so it can be used from a notebook, a test or a reporting job.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("agrocluster")
except PackageNotFoundError:  # running from a source tree that is on the path but not installed
    __version__ = "0.0.0+source"
