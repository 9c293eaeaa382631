"""What the index is made of, as arrays: structure, which chain an indicator applies to, which countries take part.

It comes from the catalogue relations and dimensions of the build; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from agrocluster.measures.composite import Flags, Structure
from agrocluster.measures.safe import Floats

SUB_INDICES = ("position", "headroom")


@dataclass(frozen=True)
class Index:
    """Indicators in the order of the definition; every array that ends in [indicator] follows it.

    ``measured`` bool [indicator]: it has an expression; ``common`` bool [indicator]: panel countries have it too;
    ``applies`` bool [chain, indicator].
    """

    version: str
    lines: Sequence[dict[str, Any]]
    pillars: Sequence[str]
    structure: Structure
    chains: Sequence[str]
    measured: Flags
    common: Flags
    applies: Flags

    @property
    def names(self) -> list[str]:
        """Indicator codes."""
        return [line["indicator"] for line in self.lines]

    def column(self, name: str) -> int:
        """Place of an indicator on the last axis."""
        return self.names.index(name)


@dataclass(frozen=True)
class Frame:
    """Baselines (without years where the data hold none) and the focus and panel countries, both sorted; flags by
    country."""

    baselines: Sequence[str]
    first_years: Sequence[int | None]
    last_years: Sequence[int | None]
    reference: int
    countries: Sequence[str]
    focus: Flags
    panel: Flags


def index(con: duckdb.DuckDBPyConnection) -> Index:
    """The index version of this build."""
    lines = con.sql("FROM cat_index_indicator").to_arrow_table().to_pylist()
    pillars = con.sql("FROM cat_pillar").to_arrow_table().to_pylist()
    names = [line["pillar"] for line in pillars]
    chains = [row[0] for row in con.sql("SELECT chain FROM dim_chain ORDER BY chain").fetchall()]
    return Index(
        version=con.sql("SELECT any_value(index_version) FROM cat_baseline").fetchall()[0][0],
        lines=lines,
        pillars=names,
        structure=Structure(
            pillar_of=np.array([names.index(line["pillar"]) for line in lines]),
            weight=_column(lines, "weight"),
            anchor=np.array([line["anchor"] for line in lines]),
            sub_of=np.array([SUB_INDICES.index(line["sub_index"]) for line in pillars]),
            pillar_weight=_column(pillars, "weight"),
            required=np.array([line["required"] for line in pillars]),
        ),
        chains=chains,
        measured=np.array([line["expression"] is not None for line in lines]),
        common=np.array([line["expression"] is not None and line["scope"] == "panel" for line in lines]),
        applies=np.stack([_applies(con, line["applies"], len(chains)) for line in lines], axis=-1),
    )


def frame(con: duckdb.DuckDBPyConnection) -> Frame:
    """Baselines and countries of this build."""
    baselines = con.sql(
        "SELECT baseline_id, first_year, last_year, is_reference FROM dim_baseline ORDER BY baseline_id"
    ).fetchall()
    countries = con.sql("SELECT iso3, focus, panel FROM dim_country WHERE focus OR panel ORDER BY iso3").fetchall()
    return Frame(
        baselines=[b[0] for b in baselines],
        first_years=[b[1] for b in baselines],
        last_years=[b[2] for b in baselines],
        reference=next(n for n, b in enumerate(baselines) if b[3]),
        countries=[c[0] for c in countries],
        focus=np.array([c[1] for c in countries]),
        panel=np.array([c[2] for c in countries]),
    )


def _column(lines: Sequence[dict[str, Any]], name: str) -> Floats:
    return np.array([line[name] for line in lines], dtype=np.float64)


def _applies(con: duckdb.DuckDBPyConnection, condition: str, n: int) -> NDArray[np.bool_]:
    if condition == "true":
        return np.ones(n, dtype=np.bool_)
    found = con.sql(f"SELECT coalesce({condition}, false) FROM dim_chain ORDER BY chain").fetchall()
    return np.array([row[0] for row in found])
