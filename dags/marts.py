"""Airflow: the Dag that builds the marts."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.marts import marts_dag

marts = marts_dag(catalog())
