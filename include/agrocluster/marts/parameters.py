"""Defaults of the method, read from the relation ``method_parameters``: two macros for SQL, a mapping for Python."""

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


_LOOKUPS = """
CREATE OR REPLACE TEMP MACRO parameter(wanted) AS
    (SELECT any_value(value_number) FROM method_parameters WHERE method_parameters.name = wanted);
CREATE OR REPLACE TEMP MACRO parameter_text(wanted) AS
    (SELECT any_value(value) FROM method_parameters WHERE method_parameters.name = wanted)
"""


def define_lookups(con: duckdb.DuckDBPyConnection) -> None:
    """Create ``parameter(name)``, the number, and ``parameter_text(name)`` in ``con``, for the SQL of a mart."""
    con.execute(_LOOKUPS)


def parameters(con: duckdb.DuckDBPyConnection) -> Parameters:
    """The parameters of this build."""
    rows = con.execute("SELECT name, value, value_number FROM method_parameters ORDER BY name").fetchall()
    return Parameters({n: v for n, _, v in rows if v is not None}, {n: text for n, text, _ in rows})
