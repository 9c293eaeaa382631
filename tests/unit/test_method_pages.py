"""The pages about methods say what the catalogue says, and leave no parameter and no mart unexplained."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from itertools import product
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


def test_a_parameter_refers_to_pages_and_sections_that_exist() -> None:
    """Whoever asks why a default is what it is must be able to follow the answer."""
    root, links = FOLDER.parents[1], set()
    for name, parameter in catalog().parameters.items():
        assert not re.search(r"\bmethod(?:ology)? \d", parameter.reason), f"{name} cites a number instead of a page"
        links |= set(re.findall(r"docs/[\w./#-]+[\w-]", parameter.reason))
    assert links
    for link in sorted(links):
        page, _, section = link.partition("#")
        assert (root / page).is_file(), link
        assert not section or section in _sections((root / page).read_text(encoding="utf-8")), link


def test_the_key_knows_every_section_that_code_names() -> None:
    """Numbers in code are those of the key in README; the text they once came from is no part of the project."""
    root, cited, stray = FOLDER.parents[1], set(), []
    for folder, suffix in product(("include", "docs", "benchmarks"), (".py", ".sql", ".yaml", ".csv", ".md")):
        for path in sorted((root / folder).rglob(f"*{suffix}")):
            text = re.sub(r"\n(?:--|#)? *", " ", path.read_text(encoding="utf-8"))
            stray += [f"{path}: {found}" for found in re.findall(r"(?i)\bmethodology,? (?:section )?\d[\d.]*", text)]
            cited |= {n.rstrip(".") for n in re.findall(r"(?i)\bmethod (\d[\d.]*)", text)}
    assert stray == []
    key = (FOLDER / "README.md").read_text(encoding="utf-8").partition("## Numbers of the method")[2]
    known = {n for row in re.findall(r"^\| ([\d., ]+) \|", key, re.MULTILINE) for n in row.split(", ")}
    assert cited
    assert sorted(cited - known) == []


def _sections(text: str) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_mart_that_a_page_names_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"`((?:mart|dim)_[a-z0-9_]+)`", page.read_text("utf-8"))}
    assert named
    assert sorted(named - set(catalog().marts)) == []


def test_the_example_for_notebooks_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "0.6" in done.stdout
