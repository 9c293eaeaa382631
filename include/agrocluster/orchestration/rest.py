"""The few calls of Airflow's public REST API that a local run needs. Loopback only, so not part of ``http``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import requests

from agrocluster.errors import AgroclusterError

PAGE = 100
UNFINISHED = ("queued", "running")


class AirflowError(AgroclusterError):
    """Airflow answered something that a run cannot go on with."""


class Airflow:
    """Client of one api-server, logged in as one user."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url, self._user, self._password = url, user, password
        self._session = requests.Session()
        self._session.trust_env = False

    def healthy(self) -> dict[str, str]:
        """State of each component as the api-server sees it; empty while it does not answer."""
        try:
            answer = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            return {name: (part or {}).get("status") or "" for name, part in answer.json().items()}
        except (requests.RequestException, ValueError, AttributeError):
            return {}

    def log_in(self) -> None:
        """Fetch a token; later calls carry it."""
        body = {"username": self._user, "password": self._password}
        answer = self._session.post(f"{self.url}/auth/token", json=body, timeout=30)
        if answer.status_code != requests.codes.created:
            raise AirflowError(
                f"Airflow refused the login of {self._user} ({answer.status_code}).",
                remedy="Delete passwords.json in the Airflow folder of the data root and run again.",
            )
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Any = None, known: tuple[int, ...] = (), **query: Any) -> Any:
        """One call below ``/api/v2``; JSON in and out. AirflowError with Airflow's words on a refusal.

        ``known``: refusals (status codes) that mean the call has had its effect already.
        """
        for attempt in range(4):
            try:
                answer = self._session.request(
                    method, f"{self.url}/api/v2{path}", json=body, params=query or None, timeout=60
                )
            except requests.RequestException as error:
                if attempt == 3:
                    raise AirflowError(f"Airflow's api-server does not answer: {error}.") from error
            else:
                if answer.status_code < 500:
                    break
            time.sleep(0.5 * 2**attempt)
        if not answer.ok and answer.status_code not in known:
            raise AirflowError(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def dags(self) -> dict[str, dict[str, Any]]:
        """All Dags that the Dag processor has read, by id."""
        return {dag["dag_id"]: dag for dag in self._pages("/dags", "dags")}

    def import_errors(self) -> list[str]:
        """Errors in Dag files, as text."""
        found = self.call("GET", "/importErrors")["import_errors"]
        return [f"{entry['filename']}: {entry['stack_trace'].strip().splitlines()[-1]}" for entry in found]

    def unpause_all(self) -> None:
        """Let all Dags run."""
        self.call("PATCH", "/dags", {"is_paused": False}, dag_id_pattern="%", update_mask="is_paused")

    def set_pools(self, pools: dict[str, tuple[int, str]]) -> None:
        """Create or overwrite pools: name -> (slots, description)."""
        entities = [
            {"name": name, "slots": slots, "description": text, "include_deferred": False}
            for name, (slots, text) in pools.items()
        ]
        action = {"action": "create", "action_on_existence": "overwrite", "entities": entities}
        self.call("PATCH", "/pools", {"actions": [action]})

    def forget_asset_events(self, dag_ids: Iterable[str]) -> None:
        """Drop asset events that wait for a Dag, so that only those of this round start it."""
        for dag_id in dag_ids:
            try:
                self.call("DELETE", f"/dags/{dag_id}/assets/queuedEvents")
            except AirflowError as error:
                if "404" not in str(error):
                    raise

    def trigger(self, dag_id: str, run_id: str) -> None:
        """Start a run now."""
        # A repeated request finds the run that the first one, whose answer was lost, has made.
        self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "dag_run_id": run_id}, known=(409,))

    def fail_unfinished(self) -> list[str]:
        """Set runs that a killed session left unfinished to failed; returns their Dags."""
        left = self._pages("/dags/~/dagRuns", "dag_runs", state=list(UNFINISHED))
        for run in left:
            self.call("PATCH", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})
        return sorted({run["dag_id"] for run in left})

    # Airflow writes an audit line for every POST; with SQLite that can block a whole api-server for seconds.
    # So everything that is polled is a GET.

    def runs_since(self, moment: datetime) -> list[dict[str, Any]]:
        """Dag runs that were to start at ``moment`` or later."""
        return self._pages("/dags/~/dagRuns", "dag_runs", run_after_gte=moment.isoformat())

    def tasks_since(self, moment: datetime) -> list[dict[str, Any]]:
        """Task instances of these runs."""
        return self._pages("/dags/~/dagRuns/~/taskInstances", "task_instances", run_after_gte=moment.isoformat())

    def events_since(self, moment: datetime) -> list[dict[str, Any]]:
        """Asset events at ``moment`` or later: name, extra and the Dag they came from."""
        return self._pages("/assets/events", "asset_events", timestamp_gte=moment.isoformat())

    def _pages(self, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, limit=PAGE, offset=len(found), **query)
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found
