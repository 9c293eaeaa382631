"""UN Comtrade's area codes: countries, the world, groups, and areas that are no country.

Countries carry their code in ``catalog/countries.csv``, everything else stands in ``mappings/comtrade_areas.csv``. A
code in neither stops the reading: a new country must not vanish among unspecified areas, and a new group must not be
counted beside its members. Code 490 ("Other Asia, nes") is read as Taiwan, as is usual; UNSD lists it as a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog, read_csv
from agrocluster.sources.coded import Coded

MAPPING = "comtrade_areas.csv"
WORLD = "WLD"
KINDS = {"country": "country", "world": "world", "unspecified": "unspecified", "former": "unspecified"}
"""Kind of an area in the mapping -> kind of partner in the staged table; groups are left out."""

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Areas:
    """The known codes in ascending order, and for each its name in our tables and its kind.

    ``names`` holds ISO3, ``WLD``, or ``X`` and the code; ``kinds`` the kind in the mapping.
    """

    codes: Ints
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    focus_codes: tuple[int, ...]

    def focus(self, codes: Ints) -> NDArray[np.bool_]:
        """For every code, whether it is one of the countries the product is about."""
        return np.isin(codes, self.focus_codes)

    def of_kind(self, codes: Ints, *kinds: str) -> NDArray[np.bool_]:
        """For every code, whether its area is of one of these kinds."""
        wanted = [kind in kinds for kind in self.kinds]
        return np.isin(codes, self.codes[wanted])

    def find(self, codes: Ints, source: str, dataset: str) -> tuple[Coded, Coded]:
        """Name and kind of partner of every code. SourceContractError naming the codes that nobody knows."""
        place = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1).astype(np.int32)
        if (lost := self.codes[place] != codes).any():
            listed = sorted({int(code) for code in codes[lost]})
            raise SourceContractError(
                f"UN Comtrade's area code(s) {', '.join(map(str, listed[:10]))} are neither countries nor in the list "
                "of other areas.",
                source=source,
                dataset=dataset,
                remedy=f"Look them up in UN Comtrade's partnerAreas.json and add them to catalog/mappings/{MAPPING} "
                "(or the country to catalog/countries.csv).",
            )
        return Coded(place, self.names), Coded(place, [KINDS.get(kind, "unspecified") for kind in self.kinds])


@cache
def areas() -> Areas:
    """All areas of the catalogue."""
    found: dict[int, tuple[str, str]] = {}
    for iso3, country in catalog().countries.items():
        if country.comtrade_code is not None:
            found[country.comtrade_code] = (iso3, "country")
    for row in read_csv(catalog().root / "mappings" / MAPPING).to_pylist():
        code = int(row["code"])
        found[code] = (row["iso3"] or (WORLD if row["kind"] == "world" else f"X{code}"), row["kind"])
    codes = sorted(found)
    return Areas(
        codes=np.array(codes, dtype=np.int32),
        names=tuple(found[code][0] for code in codes),
        kinds=tuple(found[code][1] for code in codes),
        focus_codes=_focus(found),
    )


def _focus(found: Mapping[int, tuple[str, str]]) -> tuple[int, ...]:
    focus = set(catalog().focus())
    return tuple(code for code, (name, _) in sorted(found.items()) if name in focus)
