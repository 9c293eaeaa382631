"""Who may see the board: whoever may see Airflow's own pages, by Airflow's roles.

The only place of the board that imports Airflow. These helpers are internal to Airflow, and a mounted app is
public unless it asks; a test holds both.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends

VIEWER = Depends(requires_access_view(AccessView.WEBSITE))
"""Anonymous calls get 401, users without a role 403."""
