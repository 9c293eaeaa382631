"""How many releases are kept unless somebody says otherwise; apart, so that command line and Dags load nothing else."""

KEEP = 10
"""Newest releases of each data mode."""
DAYS = 14
"""Days a release stays after it was the current one, for readers who have not finished."""
