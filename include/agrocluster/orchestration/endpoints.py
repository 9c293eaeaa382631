"""Hands an Airflow Connection to the core as what the core understands: environment variables.

A Connection ``agrocluster_<source>`` may set a publisher's address (host, or host with scheme, port and the
extra ``path``) and key (password). Without one, the environment of the process counts. Keys never pass
through XCom or logs; they live in the task's process only, for as long as the step runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError, ErrorType

from agrocluster.orchestration.pools import pool_name
from agrocluster.settings import environment


def from_connection(source_id: str, connection: Connection) -> dict[str, str]:
    """Environment variables that say the same as the Connection; empty parts are left out."""
    prefix = f"AGROCLUSTER_{source_id.upper()}"
    found = {f"{prefix}_URL": address(connection), f"{prefix}_KEY": connection.password or ""}
    return {key: value for key, value in found.items() if value}


def address(connection: Connection) -> str:
    """The base address a Connection names, empty if it names none."""
    host = (connection.host or "").rstrip("/")
    if host and "://" not in host:
        scheme = connection.schema or ("http" if connection.conn_type == "http" and connection.port else "https")
        host = f"{scheme}://{host}"
    if host and connection.port:
        host = f"{host}:{connection.port}"
    path = str(connection.extra_dejson.get("path", "")).strip("/")
    return f"{host}/{path}" if host and path else host


def find(connection_id: str) -> Connection | None:
    """The Connection, or None if there is none."""
    try:
        found: Connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        return None
    except AirflowRuntimeError as error:
        if error.error.error is not ErrorType.CONNECTION_NOT_FOUND:
            raise
        return None
    return found


@contextmanager
def endpoint(source_id: str) -> Iterator[None]:
    """Within the block, the publisher's Connection (if there is one) is in the environment."""
    connection = find(pool_name(source_id))
    with environment(from_connection(source_id, connection) if connection else {}):
        yield
