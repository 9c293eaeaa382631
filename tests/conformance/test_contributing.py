"""What CONTRIBUTING.md promises a newcomer: the two examples, taken from the text and carried out on a copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

POPULATION = """\
Area Code,Area Code (M49),Area,Item Code,Item,Element Code,Element,Year Code,Year,Unit,Value,Flag,Note
"113","'417","Kyrgyzstan","3010","Population - Est. & Proj.","511","Total Population - Both sexes","2020","2020",\
"1000 No","6.5","X",""
"5301","'143","Central Asia","3010","Population - Est. & Proj.","511","Total Population - Both sexes","2020","2020",\
"1000 No","75.5","X",""
"""

FOREST = json.dumps(
    [
        {"page": 1, "pages": 1, "per_page": 50, "total": 1, "sourceid": "2", "lastupdated": "2026-07-13"},
        [
            {
                "indicator": {"id": "AG.LND.FRST.ZS", "value": "Forest area (% of land area)"},
                "country": {"id": "KG", "value": "Kyrgyz Republic"},
                "countryiso3code": "KGZ",
                "date": "2020",
                "value": 6.9,
                "unit": "",
                "obs_status": "",
                "decimal": 1,
            }
        ],
    ]
)

EXPECTED = """\
iso3,year,item_code,item,element_code,element,value,unit,value_raw,unit_raw,flag
KGZ,2020,3010,Population - Est. & Proj.,511,Total Population - Both sexes,6500,persons,6.5,1000 No,X
"""


def block(language: str) -> str:
    """The one code block of a language in the guide."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)
    return str(found)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and the golden tests, to be changed as the guide says."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "include", tmp_path / "include", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "golden", tmp_path / "tests" / "golden", ignore=ignore)
    return tmp_path


def run(copy: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy / "include"), "AGROCLUSTER_DATA": str(copy / "data")}
    environment |= {"SOURCES": "live"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_line_adds_a_world_bank_indicator_to_the_marts(copy: Path) -> None:
    path = copy / "include/agrocluster/catalog/indicators/worldbank__wdi.csv"
    with path.open("a", encoding="utf-8") as lines:
        lines.write(block("csv"))
    (copy / "answer.json").write_text(FOREST, encoding="utf-8")
    agrocluster = ("-c", "from agrocluster.cli import main; main()")
    run(copy, *agrocluster, "import", "answer.json")
    run(copy, *agrocluster, "release")
    asked = (
        "select i.name_en, value, m.unit from mart_enabling m join dim_indicator i using (indicator) "
        "where indicator = 'AG.LND.FRST.ZS' and iso3 = 'KGZ' and year = 2020"
    )
    assert json.loads(run(copy, *agrocluster, "query", "--json", asked)) == [
        {"name_en": "Forest area (% of land area)", "value": 6.9, "unit": "%"}
    ]


def test_one_yaml_and_a_golden_case_add_a_faostat_domain(copy: Path) -> None:
    (copy / "include/agrocluster/catalog/datasets/faostat__oa.yaml").write_text(block("yaml"), encoding="utf-8")
    case = copy / "tests/golden/faostat__oa/annual"
    (case / "archive").mkdir(parents=True)
    member = "Population_E_All_Data_(Normalized).csv"
    (case / "archive" / member).write_text(POPULATION, encoding="utf-8")
    (case / "expected.csv").write_text(EXPECTED, encoding="utf-8")
    text = "dataset: faostat__oa\nformat: faostat_bulk_zip\nexcluded: {aggregate area: 1}\n"
    (case / "case.yaml").write_text(text, encoding="utf-8")
    found = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/golden", "-k", "faostat__oa")
    assert "1 passed" in found
    ids = run(copy, "-c", "from agrocluster.model.loader import catalog; print('faostat__oa' in catalog().datasets)")
    assert ids.strip() == "True"
