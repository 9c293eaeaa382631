"""Contracts, data package and SDMX files, read by the tools of their standards."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from typing import Any

import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest
import sdmx
import yaml
from frictionless import Package, Resource, system
from open_data_contract_standard.model import OpenDataContractStandard
from sdmx.reader.csv import Reader

from agrocluster.model.loader import catalog
from agrocluster.release.documents.plan import plan
from agrocluster.settings import SAMPLE_LABEL
from support.documented import Made

FLOWS = [flow.id for flow in plan().sdmx.dataflows]


def contract_of(made: Made, mart: str) -> dict[str, Any]:
    text = (made.folder / "contracts" / f"{mart}.odcs.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=yaml.CSafeLoader))


def shape(value: Any, key: str = "") -> Any:
    """``value`` without its words: what the schema of the standard can tell apart."""
    if isinstance(value, dict):
        return {name: shape(held, name) for name, held in value.items()}
    if isinstance(value, list):
        return [shape(held) for held in value]
    words = ("logicalType", "type", "metric", "dimension", "severity")
    return value if key in words or not isinstance(value, str) else ""


def test_contracts_fit_the_schema_of_the_standard(made: Made) -> None:
    """Of columns and checks of one shape the first is looked at: the schema takes seconds for all of them."""
    check = jsonschema.Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))
    seen: set[str] = set()
    for name in catalog().marts:
        held = contract_of(made, name)
        (table,) = held["schema"]
        for part in ("properties", "quality"):
            new = {json.dumps(shape(entry)): entry for entry in reversed(table[part])}
            table[part] = [entry for told, entry in new.items() if told not in seen]
            seen |= new.keys()
        assert [error.message for error in check.iter_errors(held)] == [], name
    assert len(seen) > 20
    held["schema"][0]["properties"] = [{"name": "x", "logicalType": "varchar"}]
    assert len(list(check.iter_errors(held))) == 1


def test_contracts_say_what_the_catalogue_says(made: Made) -> None:
    for name, mart in catalog().marts.items():
        contract = OpenDataContractStandard(**contract_of(made, name))
        (table,) = contract.schema_ or []
        keys = sorted((p.primaryKeyPosition, p.name) for p in table.properties or [] if p.primaryKey)
        assert contract.version == mart.version
        assert [key for _, key in keys] == list(mart.key)
        assert [p.name for p in table.properties or []] == [column.name for column in mart.columns]
        assert [p.required for p in table.properties or []] == [not column.nullable for column in mart.columns]
        assert {q.name for q in table.quality or []} == {"key_is_unique", *(rule.id for rule in mart.rules)}
        assert contract.description is not None
        assert SAMPLE_LABEL in (contract.description.purpose or "")
        assert contract.servers is not None
        assert contract.servers[0].path == f"../{name}.parquet"


def test_the_checks_of_a_contract_are_queries_that_find_what_breaks_them(made: Made) -> None:
    held = contract_of(made, "mart_cluster_baseline")
    checks = {check["name"]: check for check in held["schema"][0]["quality"]}
    query = checks["position_in_range"]["query"]
    assert checks["position_in_range"]["severity"] == "error"
    with duckdb.connect() as con:
        path = made.folder / "mart_cluster_baseline.parquet"
        con.execute(f"CREATE TABLE t AS FROM '{path}'")
        asked = query.replace("${object}", "t")
        assert con.sql(asked).fetchall() == [(checks["position_in_range"]["mustBe"],)]
        con.execute("UPDATE t SET position = 101 WHERE chain = 'dairy'")
        assert con.sql(asked).fetchall() == [(2,)]


def test_the_data_package_is_valid(made: Made) -> None:
    descriptor = json.loads((made.folder / "datapackage.json").read_text(encoding="utf-8"))
    assert list(Package.metadata_validate(descriptor)) == []
    package = Package(str(made.folder / "datapackage.json"))
    assert len(package.resources) == len(catalog().marts) + sum(
        "mart" in entry and name.startswith("csv/") for name, entry in made.documents.items()
    )
    assert SAMPLE_LABEL in descriptor["title"]
    by_name = {resource["name"]: resource for resource in descriptor["resources"]}
    for name, mart in catalog().marts.items():
        resource = by_name[name.replace("_", "-")]
        assert resource["licenses"][0]["name"] == mart.licence
        assert resource["bytes"] == (made.folder / resource["path"]).stat().st_size
    production = by_name["fact-production"]["sources"]
    assert [(s["title"], s["licenses"][0]["name"]) for s in production] == [
        (catalog().sources["faostat"].title.en, "CC-BY-4.0")
    ]


def test_the_extracts_keep_what_the_data_package_says(made: Made) -> None:
    package = Package(str(made.folder / "datapackage.json"))
    names = [resource.name or "" for resource in package.resources if (resource.name or "").endswith("-csv")]
    assert len(names) > 20
    with system.use_context(trusted=True):
        faults = {name: package.get_resource(name).validate().flatten(["rowNumber", "type"]) for name in names}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("iso3", "XXX", "foreign-key"),
        ("quadrant", "middle", "constraint-error"),
        ("position", "101", "constraint-error"),
        ("exports_usd", "many", "type-error"),
        ("chain", "nuts", "primary-key"),
    ],
)
def test_the_data_package_notices(made: Made, column: str, value: str, fault: str, tmp_path) -> None:
    descriptor = json.loads((made.folder / "datapackage.json").read_text(encoding="utf-8"))
    wanted = ("mart-cluster-baseline-csv", "dim-country-csv", "dim-chain-csv", "dim-baseline-csv")
    descriptor["resources"] = [r for r in descriptor["resources"] if r["name"] in wanted]
    for resource in descriptor["resources"]:
        del resource["hash"], resource["bytes"]
        target = tmp_path / resource["path"]
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((made.folder / resource["path"]).read_bytes())
    path = tmp_path / "csv" / "mart_cluster_baseline.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    rows[0][column] = value
    with path.open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    package = Package(str(tmp_path / "datapackage.json"))
    report = package.get_resource("mart-cluster-baseline-csv").validate()
    assert fault in {kind for (kind,) in report.flatten(["type"])}


def test_the_structure_message_names_every_dimension(made: Made) -> None:
    message = sdmx.read_sdmx(made.folder / "sdmx" / "structure.xml")
    assert list(message.dataflow) == FLOWS
    assert message.header.test is True
    assert SAMPLE_LABEL in str(message.dataflow["DF_BASELINE"].name)
    assert {code.id for code in message.codelist["CL_INDICATOR"]} == {"AG_LND_AGRI_ZS", "SP_POP_TOTL"}
    assert str(message.codelist["CL_AREA"]["KGZ"].name.localizations["ru"]) == "Кыргызстан"


@pytest.mark.parametrize("flow", FLOWS)
def test_sdmx_files_fit_their_structure(made: Made, flow: str, caplog: pytest.LogCaptureFixture) -> None:
    message = sdmx.read_sdmx(made.folder / "sdmx" / "structure.xml")
    dataflow = message.dataflow[flow]
    text = (made.folder / "sdmx" / f"{flow}.csv").read_text(encoding="utf-8")
    head, *rows = csv.reader(io.StringIO(text))
    components = [d.id for d in dataflow.structure.dimensions]
    components += ["OBS_VALUE", *(a.id for a in dataflow.structure.attributes)]
    assert head == ["STRUCTURE", "STRUCTURE_ID", "ACTION", *components]
    version = catalog().marts[next(f.mart for f in plan().sdmx.dataflows if f.id == flow)].version
    assert {tuple(row[:3]) for row in rows} == {("dataflow", f"AGROCLUSTER:{flow}({version})", "I")}
    with caplog.at_level(logging.INFO, logger="sdmx.reader.csv"):
        data = Reader().convert(io.BytesIO(text.encode()), structure=dataflow)
    told = [message for message in caplog.messages if "multiple values" not in message]
    assert told == []  # neither a column without component nor a component without column
    (dataset,) = data.data
    assert len(dataset.obs) == len(rows) > 0
    for dimension in dataflow.structure.dimensions:
        listed = getattr(dimension.local_representation, "enumerated", None)
        used = {obs.dimension[dimension.id].value for obs in dataset.obs}
        assert listed is None or used <= {code.id for code in message.codelist[listed.id]}, dimension.id
    assert max(Counter(str(obs.dimension) for obs in dataset.obs).values()) == 1
    for obs in dataset.obs:
        status = obs.attached_attribute["OBS_STATUS"].value
        assert (obs.value == "NaN") == (status == "O")
        assert obs.value == "NaN" or float(obs.value) is not None
        assert SAMPLE_LABEL in obs.attached_attribute["COMMENT_DSET"].value


def read(made: Made, flow: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((made.folder / "sdmx" / f"{flow}.csv").read_text(encoding="utf-8"))))


def test_sdmx_holds_the_figures_of_the_marts(made: Made) -> None:
    mart = pq.read_table(made.folder / "mart_cluster_baseline.parquet").to_pylist()
    rows = read(made, "DF_BASELINE")
    measures = [m.column for m in plan().sdmx.dataflows[1].measures]
    assert len(rows) == len(mart) * len(measures)
    for n, row in enumerate(rows):
        line, measure = mart[n // len(measures)], measures[n % len(measures)]
        assert (row["REF_AREA"], row["CHAIN"], row["MEASURE"]) == (line["iso3"], line["chain"], measure.upper())
        assert row["OBS_VALUE"] == ("NaN" if line[measure] is None else row["OBS_VALUE"])
        assert line[measure] is None or float(row["OBS_VALUE"]) == line[measure]
        assert row["TIME_PERIOD"] == f"{line['first_year']}-01-01/P3Y"
    scored = next(row for row in rows if row["MEASURE"] == "POTENTIAL" and row["CHAIN"] == "dairy")
    assert (scored["UNIT_MEASURE"], float(scored["LOWER_BOUND"])) == ("points", 55.22)


def test_sdmx_indicators_are_those_of_the_focus_countries(made: Made) -> None:
    rows = read(made, "DF_INDICATOR")
    assert {row["REF_AREA"] for row in rows} == {"KAZ", "KGZ"}
    assert {(row["TIME_PERIOD"], row["OBS_VALUE"], row["OBS_STATUS"]) for row in rows} == {
        ("2019", "1.25", "A"),
        ("2020", "NaN", "O"),
    }
    missing = [row for row in read(made, "DF_BASELINE_INDICATOR") if row["INDICATOR"] == "stars"]
    assert {row["REASON"] for row in missing} == {"no_oblast_data"}


def test_a_parquet_file_is_what_its_resource_says(made: Made) -> None:
    descriptor = json.loads((made.folder / "datapackage.json").read_text(encoding="utf-8"))
    for resource in (r for r in descriptor["resources"] if r["format"] == "parquet"):
        names = pq.read_schema(made.folder / resource["path"]).names
        assert [field["name"] for field in resource["schema"]["fields"]] == names
        assert Resource.from_descriptor(resource).hash == f"sha256:{made_hash(made, resource['path'])}"


def made_hash(made: Made, path: str) -> str:
    return next(str(mart["sha256"]) for mart in made.manifest["marts"] if mart["path"] == path)
