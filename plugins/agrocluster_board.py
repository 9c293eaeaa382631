"""Registers the board with Airflow.

Every Airflow process imports this file, so the app itself waits for its first request.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class Board:
    """ASGI application that loads the board when somebody looks at it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from agrocluster.board.app import app

        await app(scope, receive, send)


class AgroclusterPlugin(AirflowPlugin):
    """Navigation entry, and a tab on every Dag and every Dag run."""

    name = "agrocluster"
    fastapi_apps = [  # noqa: RUF012
        {"app": Board(), "url_prefix": "/agrocluster", "name": "agrocluster board"},
    ]
    external_views = [  # noqa: RUF012
        {
            "name": "agrocluster",
            "href": "/agrocluster/",
            "destination": "nav",
            "url_route": "agrocluster",
            "nav_top_level": True,
        },
        {
            "name": "Data quality",
            "href": "/agrocluster/?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "agrocluster-run",
        },
        {
            "name": "Data quality",
            "href": "/agrocluster/?dag_id={DAG_ID}",
            "destination": "dag",
            "url_route": "agrocluster-dag",
        },
    ]
