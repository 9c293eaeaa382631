"""How the command line logs: a line of words for people, or one JSON object a line where a program collects them.

The switch is Airflow's own (``[logging] json_logs``), so that one variable serves all processes; Airflow's processes
read it themselves.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

SWITCH = "AIRFLOW__LOGGING__JSON_LOGS"


class JsonLines(logging.Formatter):
    """One JSON object a record, with the fields Airflow uses: ``timestamp``, ``level``, ``logger``, ``event``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; an exception goes into ``exception``."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = {"timestamp": at, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: int) -> None:
    """Log to standard error from ``level`` on, as words or as JSON."""
    handler = logging.StreamHandler()
    as_json = os.environ.get(SWITCH, "").lower() in {"1", "true", "t"}
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
