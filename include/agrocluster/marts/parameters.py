"""Defaults of the method for marts written in Python, read from the relation ``method_parameters``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Parameters:
    """All parameters by name: ``numbers`` where the value is a number, ``texts`` for every one."""

    numbers: Mapping[str, float]
    texts: Mapping[str, str]

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]

    def list_of(self, name: str) -> list[float]:
        """A value that lists numbers with commas."""
        return [float(part) for part in self.texts[name].split(",")]


def parameters(con: duckdb.DuckDBPyConnection) -> Parameters:
    """The parameters of this build."""
    rows = con.execute("SELECT name, value, value_number FROM method_parameters ORDER BY name").fetchall()
    return Parameters({n: v for n, _, v in rows if v is not None}, {n: text for n, text, _ in rows})
