"""The dependency rules that keep the library usable without Airflow and its parts replaceable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "include" / "agrocluster"

# Each package may import those to its left (and itself); ``storage`` and ``http`` know nothing of data.
LAYERS = {
    "model": set(),
    "http": {"model", "storage"},
    "sources": {"model", "http", "storage", "transform"},
    "storage": {"model"},
    "quality": {"model", "storage"},
    "transform": {"model", "storage"},
    "importing": {"model", "http", "sources", "storage", "transform"},
    "measures": set(),
    "explain": {"model"},
    "marts": {"model", "storage", "measures", "transform", "explain"},
    "release": {"model", "storage", "marts", "explain"},
    "sample": set(),
    "overlay": {"model", "storage"},
    "notify": {"model", "http", "storage"},
    "baseline": {"model", "storage", "measures", "marts", "release", "explain"},
    "atlas": {"model", "storage", "release", "explain"},
    "brief": {"model", "storage", "explain", "atlas"},
    "board": {"model", "http", "storage", "quality", "marts", "release", "atlas"},
}


def modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_packages_import_only_what_lies_below_them(layer: str) -> None:
    for path in modules(PACKAGE / layer):
        own = {n.split(".")[1] for n in imports(path) if n.startswith("agrocluster.")}
        packages = {name for name in own if (PACKAGE / name).is_dir()} - {layer, "catalog"}
        assert packages <= LAYERS[layer], f"{path.relative_to(ROOT)} reaches up to {packages - LAYERS[layer]}"


def test_no_module_imports_itself_by_a_detour() -> None:
    """Packages may lean on each other (importing on the pipeline, the pipeline on files mode), modules may not."""
    names = {".".join(path.relative_to(ROOT / "include").with_suffix("").parts): path for path in modules(PACKAGE)}
    graph = {name: {n for n in imports(path) if n in names and n != name} for name, path in names.items()}
    while leaves := {name for name, needs in graph.items() if not needs}:
        graph = {name: needs - leaves for name, needs in graph.items() if name not in leaves}
    assert sorted(graph) == []


def test_airflow_is_imported_only_where_it_is_wired() -> None:
    allowed = [PACKAGE / "orchestration", PACKAGE / "board" / "auth.py"]
    for path in modules(PACKAGE):
        if not any(path.is_relative_to(a) for a in allowed):
            assert "airflow" not in roots(imports(path)), path


def test_great_expectations_is_imported_only_inside_functions_of_quality() -> None:
    for path in modules(PACKAGE):
        if path.is_relative_to(PACKAGE / "quality"):
            assert "great_expectations" not in roots(imports(path, top_level=True)), path
        else:
            assert "great_expectations" not in roots(imports(path)), path


def test_the_network_is_reached_only_through_the_http_package() -> None:
    # The supervisor talks to the Airflow it has started itself, on loopback.
    own = [PACKAGE / "http", PACKAGE / "sample", PACKAGE / "orchestration"]
    for path in modules(PACKAGE):
        if not any(path.is_relative_to(folder) for folder in own):
            assert not roots(imports(path)) & {"requests", "urllib3", "httpx", "socket"}, path


def test_dag_and_plugin_files_load_nothing_heavy() -> None:
    for path in [*modules(ROOT / "dags"), *modules(ROOT / "plugins")]:
        heavy = {"pandas", "duckdb", "pyarrow", "great_expectations", "fastapi"}
        assert not roots(imports(path, top_level=True)) & heavy, path


def test_the_sample_world_shares_no_code_with_the_pipeline_that_reads_it() -> None:
    for path in modules(PACKAGE / "sample"):
        foreign = {n for n in imports(path) if n.startswith("agrocluster.") and not n.startswith("agrocluster.sample")}
        assert not foreign, f"{path.name} imports {foreign}"
