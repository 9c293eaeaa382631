"""Seeds of random draws in marts, from names: the same draw gives the same numbers on every machine and in every build.

A name says what is drawn (mart, year, country ...), so that a further country or year never shifts the draws of others.
"""

from __future__ import annotations

import hashlib


def seed_of(*names: object) -> int:
    """A seed for ``numpy.random.default_rng``, below 2**64, that belongs to ``names`` and their order."""
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:8], "big")
