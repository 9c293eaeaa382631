"""A sample world, and a server that answers from it the way the real sources do.

SAMPLE DATA - NOT REAL STATISTICS. Economies and codes are real, published figures anchor the levels, all values
are generated. ``truth()`` tells what the world knows about itself, so that a pipeline can be measured against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PATHS", "addresses", "truth"]

PATHS = {"worldbank": "worldbank/v2", "faostat": "faostat", "cepii": "cepii", "comtrade": "comtrade"}
"""Where on the sample server each publisher answers."""

KEYS = {"AGROCLUSTER_COMTRADE_KEY": "sample-key"}
"""The keys the sample server accepts; they open nothing else."""


def addresses(url: str) -> dict[str, str]:
    """The environment that sends every publisher's requests to the sample server at ``url``, with the key it knows."""
    return {f"AGROCLUSTER_{source.upper()}_URL": f"{url}/{path}" for source, path in PATHS.items()} | KEYS


def truth(vintage: str = "current") -> pa.Table:
    """What a correct pipeline must find; see ``agrocluster.sample.truth``."""
    from agrocluster.sample.truth import truth as build

    return build(vintage)
