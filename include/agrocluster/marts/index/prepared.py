"""Everything a mart of the baseline starts from: source, scales and the published index of each baseline."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from agrocluster.marts.index.definition import frame, index
from agrocluster.marts.index.drawn import Source
from agrocluster.marts.index.plan import published
from agrocluster.marts.index.simulate import Outcome, Scales, outcome, scored
from agrocluster.marts.index.state import state
from agrocluster.marts.index.values import pivot, values
from agrocluster.marts.parameters import parameters
from agrocluster.measures.normalise import frozen_scale
from agrocluster.measures.safe import Floats

DECIMALS = 9
"""Published scores are rounded: the last bits of logarithms and exponentials differ between processors."""


@dataclass(frozen=True)
class Prepared:
    """``source``, ``scales`` and ``transformed`` [baseline, country, chain, indicator] of this build."""

    source: Source
    scales: Scales
    transformed: Floats

    def scores(self, raw: Floats) -> Floats:
        """Scores [country, chain, indicator] of raw values of the same shape, as they are published."""
        found = scored(raw[None], self.source, self.scales, np.zeros(1, dtype=np.int64))[0]
        return np.round(found, DECIMALS)

    def outcome(self, scores: Floats) -> Outcome:
        """The published index of scores [country, chain, indicator]; its arrays have one draw."""
        plan = published(self.source.index, self.source.method)
        return outcome(scores[None], self.source, plan, focus=self.source.frame.focus)


def prepared(con: duckdb.DuckDBPyConnection) -> Prepared:
    """What the marts of this build hold."""
    definition, countries, method = index(con), frame(con), parameters(con)
    found = values(con, definition, countries)
    goalposts = pivot(
        con,
        "SELECT indicator, goalpost_low, goalpost_high, (status = 'fixed')::DOUBLE AS fixed FROM mart_goalposts "
        "WHERE kind = 'index' AND status NOT IN ('too_few_values', 'no_spread')",
        (("indicator", definition.names),),
        ("goalpost_low", "goalpost_high", "fixed"),
    )
    panel = found["y"][countries.reference][countries.panel].reshape(-1, len(definition.lines))
    return Prepared(
        source=Source(definition, countries, state(con, definition, countries, method), method, found["raw"]),
        scales=Scales(
            goalposts["goalpost_low"],
            goalposts["goalpost_high"],
            frozen_scale(panel, axis=0),
            (goalposts["fixed"] == 1) | np.isnan(goalposts["goalpost_low"]),
        ),
        transformed=found["y"],
    )
