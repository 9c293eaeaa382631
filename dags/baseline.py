"""Airflow: the Dag that freezes a baseline."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.baseline import freeze_dag

freeze_baseline = freeze_dag(catalog())
