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


def hashed(name: str, *keys: np.ndarray) -> np.ndarray:
    """Uniform draws that belong to integer keys, not to positions: the same key draws the same in any table."""
    state = np.full(np.broadcast_shapes(*(key.shape for key in keys)), _start(name), np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = (state ^ key.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            state ^= state >> np.uint64(29)
            state *= np.uint64(0xBF58476D1CE4E5B9)
            state ^= state >> np.uint64(32)
    return (state >> np.uint64(11)).astype(float) / float(1 << 53)


def _start(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{SEED}/{name}".encode()).digest()[:8], "big")
