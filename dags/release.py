"""Airflow: the Dag that publishes a build."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.marts import release_dag

release = release_dag(catalog())
