"""The examples carried with the tests are those of the method."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CARRIED = json.loads((Path(__file__).parent / "worked_examples.json").read_text())


@pytest.mark.parametrize("block", sorted(CARRIED))
def test_a_carried_block_says_what_the_method_says(block: str, real_data: Path) -> None:
    original = json.loads((real_data.parent / "worked_examples.json").read_text())[block]
    assert CARRIED[block].items() <= original.items()
