"""docs/analysts.md does what it says: its blocks are run, in order, on a small release."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from agrocluster.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "analysts.md"
R_LIBRARIES = "for (name in c('arrow', 'jsonlite')) stopifnot(requireNamespace(name, quietly = TRUE))"


NOTEBOOK = PAGE.with_suffix(".ipynb")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language}"
    return found


@pytest.fixture
def here(small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(small_root))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_blocks_run_one_after_the_other(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, str(PAGE), "exec"), seen)
    assert "SAMPLE DATA" in capsys.readouterr().out
    assert list(seen["top"]["chain_en"]) == ["Dairy", "Nuts", "Honey", "Tobacco"]  # type: ignore[index]
    assert set(seen["unknown"]["chain"]) == {"tobacco"}  # type: ignore[index]
    assert list(seen["joined"]["priority"]) == [1] * 8  # type: ignore[index]
    assert (here / "baseline.csv").read_bytes().startswith(b"\xef\xbb\xbfbaseline_id,")


def test_the_notebook_runs_from_top_to_bottom(here: Path) -> None:
    """Its code needs nothing of Jupyter, so that it is run here cell by cell; it is kept without outputs."""
    seen: dict[str, object] = {}
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), seen)
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)
    assert list(seen["ranked"]["chain_en"]) == ["Dairy", "Nuts", "Honey", "Tobacco"]  # type: ignore[index]
    assert len(seen["stages"]) == 4 * 4  # type: ignore[arg-type]  # final products are unknown and left out by UNPIVOT


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_the_commands_answer(here: Path, line: str) -> None:
    program, *arguments = shlex.split(line, comments=True)
    assert program == "agrocluster"
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.strip()


def test_the_duckdb_session_answers(here: Path, small_root: Path) -> None:
    (block,) = blocks("console")
    command, *queries = [line[2:] for line in block.splitlines()]
    program = shutil.which("duckdb", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        warnings.warn("duckdb's own program is absent: its example is SKIPPED", stacklevel=1)
        pytest.skip("duckdb is not installed")
    (folder,) = (small_root / "marts" / "releases").iterdir()
    words = [program, *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=folder, input="\n".join(queries), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Confidence" in done.stdout
    assert "dairy" in done.stdout


def test_the_r_block_runs_where_r_is(here: Path) -> None:
    program = shutil.which("Rscript")
    if program is None or subprocess.run([program, "-e", R_LIBRARIES], capture_output=True, timeout=120).returncode:
        warnings.warn("R with arrow and jsonlite is absent: the example in R is SKIPPED", stacklevel=1)
        pytest.skip("R with arrow and jsonlite is not installed")
    (block,) = blocks("r")
    done = subprocess.run([program, "-e", block], cwd=here, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Dairy" in done.stdout
