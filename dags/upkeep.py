"""Airflow: the Dag that looks after freshness and disk space."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.upkeep import upkeep_dag

upkeep = upkeep_dag(catalog())
