"""Airflow wiring: Dag factories over the catalogue, retry policy, pools, callbacks, and the run supervisor.

The only package (with ``board.auth``) that imports Airflow. No data logic lives here: every step is a call of
:mod:`agrocluster.pipeline`.
"""
