"""Named, reproducible randomness.

Every draw has a name; the name seeds its own PCG64 stream. Adding a draw therefore never shifts another one,
and the same name gives the same numbers on each machine. Nothing here reads a clock or a global seed.
"""

from __future__ import annotations

import hashlib

import numpy as np

SEED = "agrocluster sample world 1"


def generator(name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{SEED}/{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def normal(name: str, *shape: int) -> np.ndarray:
    return generator(name).standard_normal(shape)


def uniform(name: str, *shape: int) -> np.ndarray:
    return generator(name).random(shape)


def walk(name: str, *shape: int, keep: float = 0.7) -> np.ndarray:
    """Noise along the last axis that remembers: each value keeps a part of the one before."""
    steps = normal(name, *shape)
    for t in range(1, shape[-1]):
        steps[..., t] = keep * steps[..., t - 1] + np.sqrt(1 - keep**2) * steps[..., t]
    return steps
