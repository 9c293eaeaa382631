"""Which choices of method and which errors of data each draw takes: at random for intervals, in full for sensitivity.

Random numbers hang on the index version, the kind of error and the year, never on the baseline: draw 17 of two
baselines shares its errors of the years they share and its choices, so that a change between them can be told from
noise. Equal versions give equal numbers on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.definition import Index
from agrocluster.marts.parameters import Parameters
from agrocluster.measures.safe import Floats

Choices = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Errors:
    """Standard normal errors of ``n`` draws; of the variance of a year's error ``persistence`` is shared by all years."""

    version: str
    n: int
    persistence: float

    def of_year(self, kind: str, year: int, shape: tuple[int, ...]) -> Floats:
        """Errors [draw, *shape] of one year."""
        lasting = generator(self.version, kind, "all years").standard_normal((self.n, *shape))
        own = generator(self.version, kind, str(year)).standard_normal((self.n, *shape))
        return np.sqrt(self.persistence) * lasting + np.sqrt(1 - self.persistence) * own

    def uniform(self, kind: str, shape: tuple[int, ...]) -> Floats:
        """Numbers between 0 and 1 [draw, *shape] that hold for all years."""
        return generator(self.version, kind, "all years").random((self.n, *shape))


@dataclass(frozen=True)
class Plan:
    """``n`` draws: ``choice[name]`` int [draw], place in ``choices(...)[name]``; ``weight`` [draw, indicator],
    ``pillar_weight`` [draw, pillar]; ``errors`` of the data, or None for the data as they are."""

    n: int
    choice: Choices
    weight: Floats
    pillar_weight: Floats
    errors: Errors | None


def choices(method: Parameters) -> dict[str, Sequence[str]]:
    """Discrete choices of method and their alternatives; the first of each is the one that is published."""
    return {
        "window": ("baseline_window", "long_window", "without_excluded_year"),
        "base": ("index_base", "all_goods"),
        "stages": ("crosswalk", "broad_economic_categories"),
        "freight": ("estimated", *(f"flat_{step}" for step in method.texts["cif_quartile_steps"].split(","))),
        "scale": ("min_max", "standard", "rank"),
        "mean": ("geometric", "arithmetic"),
        "missing": ("left_out", "imputed"),
    }


def published(index: Index, method: Parameters) -> Plan:
    """The one draw that takes every choice as published and the data as they are."""
    return _fixed(index, {name: np.zeros(1, dtype=np.int64) for name in choices(method)}, 1)


def every_combination(index: Index, method: Parameters) -> Plan:
    """All combinations of the choices with nominal weights and the data as they are, the last choice varying fastest."""
    options = choices(method)
    table = np.array(list(product(*(range(len(names)) for names in options.values()))), dtype=np.int64)
    return _fixed(index, {name: table[:, n] for n, name in enumerate(options)}, len(table))


def random_draws(index: Index, method: Parameters) -> Plan:
    """Draws with every choice, weight and error at random, each alternative of a choice equally likely."""
    n, structure = int(method["mc_draws"]), index.structure
    weight, pillar_weight = np.empty((n, len(index.lines))), np.empty((n, len(index.pillars)))
    for pillar, name in enumerate(index.pillars):
        own = np.flatnonzero(structure.pillar_of == pillar)
        weight[:, own] = _weights(index.version, name, structure.weight[own], method["mc_weight_concentration"], n)
    for sub in range(structure.n_sub):
        own = np.flatnonzero(structure.sub_of == sub)
        pillar_weight[:, own] = _weights(
            index.version, f"sub-index {sub}", structure.pillar_weight[own], method["mc_weight_concentration"], n
        )
    choice = {
        name: generator(index.version, "choice", name).integers(len(options), size=n)
        for name, options in choices(method).items()
    }
    return Plan(n, choice, weight, pillar_weight, Errors(index.version, n, method["mc_error_persistence"]))


def generator(*names: str) -> np.random.Generator:
    """A generator whose seed is the hash of the names."""
    seed = int.from_bytes(hashlib.sha256(":".join(names).encode()).digest()[:16])
    return np.random.Generator(np.random.Philox(seed))


def _fixed(index: Index, choice: Choices, n: int) -> Plan:
    of = index.structure
    return Plan(n, choice, np.tile(of.weight, (n, 1)), np.tile(of.pillar_weight, (n, 1)), None)


def _weights(version: str, name: str, nominal: Floats, concentration: float, n: int) -> Floats:
    """Dirichlet draws around the nominal weights, ``concentration`` per component of average weight."""
    return generator(version, "weight", name).dirichlet(concentration * len(nominal) * nominal / nominal.sum(), size=n)
