"""How a publisher's answers came: how many, how slowly, and how often it had to be asked again. Counts only."""

from __future__ import annotations

import threading


class Tally:
    """Counts of one client, for all its threads.

    Attributes:
        answers: answers of any status.
        seconds: time from question to the first byte, over all answers; ``slowest`` of one.
        retries: questions that were put again because of a fault that may heal.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers = self.retries = 0
        self.seconds = self.slowest = 0.0

    def answer(self, seconds: float) -> None:
        """Count an answer that began after ``seconds``."""
        with self._lock:
            self.answers += 1
            self.seconds += seconds
            self.slowest = max(self.slowest, seconds)

    def retry(self) -> None:
        """Count a question that is put again."""
        with self._lock:
            self.retries += 1
