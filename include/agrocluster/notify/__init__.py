"""Telling people what they should look at: which alerts there are, what was said already, and in which words.

No Airflow and no data logic here. Who raises an alert stands in ``kinds.yaml``; where the receivers come from is the
business of the orchestration.
"""
