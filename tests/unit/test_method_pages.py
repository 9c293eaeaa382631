"""The pages about methods say what the catalogue says, and leave no parameter and no mart unexplained."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agrocluster.model.loader import catalog

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "methods"
PAGES = sorted(FOLDER.glob("*.md"))

_spec = importlib.util.spec_from_file_location("method_tables", FOLDER / "tables.py")
assert _spec is not None
assert _spec.loader is not None
tables = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tables)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_generated_tables_are_those_of_the_catalogue(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert tables.filled(text) == text, "run `make docs`"


def test_every_parameter_of_a_measure_is_explained_somewhere() -> None:
    listed = set().union(*(tables.parameters_of(page.read_text(encoding="utf-8")) for page in PAGES))
    assert sorted(set(catalog().parameters) - listed) == []


def test_every_mart_that_a_page_names_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"`((?:mart|dim)_[a-z0-9_]+)`", page.read_text("utf-8"))}
    assert named
    assert sorted(named - set(catalog().marts)) == []


def test_the_example_for_notebooks_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "0.6" in done.stdout
