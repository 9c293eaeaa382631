"""The examples carried with the tests are those of the methodology."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CARRIED = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
METHODOLOGY = Path(__file__).resolve().parents[3] / "shared" / "worked_examples.json"


@pytest.mark.parametrize("block", sorted(CARRIED))
def test_a_carried_block_says_what_the_methodology_says(block: str) -> None:
    if not METHODOLOGY.exists():
        pytest.skip(f"{METHODOLOGY} is not here; the carried examples are tested as they are")
    original = json.loads(METHODOLOGY.read_text())[block]
    assert CARRIED[block].items() <= original.items()
