"""Published units to canonical units, as data: one row per (element code, published unit).

FAOSTAT publishes one quantity in many units (kg/ha and hg/ha, animals and thousands of animals), and the same
unit text means different things under different elements (``USD`` is a price per tonne under 5532). So a unit
is looked up together with its element code, never guessed from an item or a name.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agrocluster.errors import UsageError

ANY = "*"
"""Element code of a rule that holds for every element without a rule of its own."""


@dataclass(frozen=True)
class Conversion:
    """``value = value_raw * numerator / denominator`` in ``unit``.

    One of the two is 1, so that converting rounds once and gives the float64 nearest to the exact result.
    """

    unit: str
    numerator: int
    denominator: int


class UnitTable:
    """The conversions of one publisher. ``UnitTable.load`` reads them from a mapping file of the catalogue."""

    def __init__(self, rules: Mapping[tuple[str, str], Conversion]) -> None:
        self._rules = dict(rules)

    @classmethod
    def load(cls, path: Path) -> UnitTable:
        """Read ``element_code,unit_raw,unit,factor``. UsageError names a row that contradicts another one."""
        rules: dict[tuple[str, str], Conversion] = {}
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                key = (row["element_code"], _plain(row["unit_raw"]))
                conversion = _conversion(row["unit"], row["factor"], path)
                if rules.setdefault(key, conversion) != conversion:
                    raise UsageError(f"{path.name} converts {row['unit_raw']!r} of element {key[0]} in two ways.")
        return cls(rules)

    def find(self, element_code: str, unit_raw: str) -> Conversion | None:
        """The conversion of a published unit under an element, or None if the table has none."""
        unit = _plain(unit_raw)
        return self._rules.get((element_code, unit)) or self._rules.get((ANY, unit))


def convert(
    values: NDArray[np.float64], numerators: NDArray[np.float64], denominators: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``values`` in canonical units, element by element; NaN stays NaN."""
    return values * numerators / denominators


def _plain(unit: str) -> str:
    # Spelling drifts between releases: "100Mg/An", "100 mg/An".
    return "".join(unit.split()).casefold()


def _conversion(unit: str, factor: str, path: Path) -> Conversion:
    exact = Fraction(factor)
    if exact <= 0 or 1 not in (exact.numerator, exact.denominator):
        raise UsageError(
            f"{path.name} has the factor {factor!r}; a factor must be a whole number or one divided by one."
        )
    return Conversion(unit, exact.numerator, exact.denominator)
