"""An alert as people read it: a headline, and lines that say what, where, why, what to do and where to look.

One text for all channels; each channel only escapes it in its own way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agrocluster.errors import UsageError
from agrocluster.notify.alert import Alert, State

Language = Literal["en", "ru"]
LANGUAGE_ENV = "AGROCLUSTER_ALERTS_LANG"
WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "resolved": "Resolved: {title}",
        "problem": "What happened",
        "was": "What had happened",
        "remedy": "What to do",
        "source": "Source",
        "dataset": "Dataset",
        "period": "Period",
        "dag_id": "Dag",
        "run_id": "Run",
        "since": "Open since",
        "board": "Board",
        "run": "Run in Airflow",
    },
    "ru": {
        "resolved": "Устранено: {title}",
        "problem": "Что произошло",
        "was": "Что было",
        "remedy": "Что делать",
        "source": "Источник",
        "dataset": "Набор данных",
        "period": "Период",
        "dag_id": "Dag",
        "run_id": "Запуск",
        "since": "Открыто с",
        "board": "Панель",
        "run": "Запуск в Airflow",
    },
}


def language() -> Language:
    """Language of messages: ``AGROCLUSTER_ALERTS_LANG``, English unless it says ``ru``."""
    chosen = os.environ.get(LANGUAGE_ENV) or "en"
    if chosen not in WORDS:
        raise UsageError(f"{LANGUAGE_ENV}={chosen!r} is no language of ours.", remedy="Use en or ru.")
    return chosen


@dataclass(frozen=True)
class Message:
    """One message about an alert.

    Attributes:
        state: ``open``, ``resolved``, or ``event`` for what cannot be resolved.
        at: when it is sent; since: when the alert was raised first (both UTC, ISO 8601).
    """

    alert: Alert
    state: State
    at: str
    since: str

    @property
    def title(self) -> str:
        """Title of the alert in the chosen language."""
        title = getattr(self.alert.spec.title, language())
        return WORDS[language()]["resolved"].format(title=title) if self.state == "resolved" else title

    @property
    def headline(self) -> str:
        """One line: label of sample data, title, subject."""
        label = f"[{self.alert.label}] " if self.alert.label else ""
        return " ".join(f"{label}agrocluster: {self.title} ({self.alert.subject})".split())

    def lines(self) -> Iterator[tuple[str, str]]:
        """What it says, as (name, text), without what is not known; addresses come last."""
        words, alert, done = WORDS[language()], self.alert, self.state == "resolved"
        yield words["was" if done else "problem"], alert.problem
        for name in ("source", "dataset", "period", "dag_id", "run_id"):
            if value := getattr(alert, name):
                yield words[name], value
        if alert.remedy and not done:
            yield words["remedy"], alert.remedy
        if done:
            yield words["since"], self.since
        for name in ("board", "run"):
            if address := getattr(alert, name):
                yield words[name], address
