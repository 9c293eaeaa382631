"""Airflow: one ingest Dag per dataset of the catalogue."""

from agrocluster.model.loader import catalog
from agrocluster.orchestration.ingest import ingest_dags

globals().update(ingest_dags(catalog()))
