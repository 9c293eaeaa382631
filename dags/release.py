"""Airflow: the Dags that publish a build and go back to an earlier release."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.marts import release_dag, rollback_dag

release = release_dag(catalog())
rollback_release = rollback_dag(catalog())
