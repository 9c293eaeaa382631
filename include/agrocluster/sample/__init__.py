"""A sample world, and a server that answers from it the way the real sources do.

SAMPLE DATA - NOT REAL STATISTICS. Economies and codes are real, published figures anchor the levels, all values
are generated. ``truth()`` tells what the world knows about itself, so that a pipeline can be measured against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["truth"]


def truth(vintage: str = "current") -> pa.Table:
    """What a correct pipeline must find; see ``agrocluster.sample.truth``."""
    from agrocluster.sample.truth import truth as build

    return build(vintage)
