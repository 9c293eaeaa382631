"""``contracts/<mart>.odcs.yaml``: the contract of every mart in the Open Data Contract Standard 3.

They say what the release promises. What was checked, and with which result, is the business of ``quality``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agrocluster.release.documents.folder import Folder, labelled
from agrocluster.release.documents.origin import licence_url, sources
from agrocluster.release.documents.package import LISTED_IN
from agrocluster.storage.parquet import SQL_TYPES

STANDARD = "v3.0.2"
TYPES = {"string": "string", "bool": "boolean", "float64": "number", "date32": "date"}
"""Logical type of a column; all others are integers."""
SEVERITIES = {"critical": "error", "warning": "warning", "info": "info"}


def write(folder: Folder) -> None:
    """Write one contract per mart."""
    marts = set(folder.marts)
    for mart in folder.manifest["marts"]:
        content = "\n".join(_yaml(_contract(folder.manifest, mart, marts))) + "\n"
        name = f"contracts/{mart['name']}.odcs.yaml"
        folder.add(name, content.encode(), f"Contract of {mart['title_en']}", "application/yaml", mart["name"])


def _contract(manifest: dict[str, Any], mart: dict[str, Any], marts: set[str]) -> dict[str, Any]:
    behind = sources(manifest, mart["name"])
    told = {
        "release": manifest["release"],
        "dataMode": manifest["data_mode"],
        "label": manifest["label"],
        "licence": mart["licence"],
        "redistribution": mart["redistribution"],
        "descriptionRu": mart["description_ru"],
        "sortedBy": ", ".join(mart["sort"]),
    }
    links = {licence_url(mart["licence"]): "license"} | {source.homepage: "source" for source in behind}
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"agrocluster-{mart['name']}",
        "name": mart["title_en"],
        "version": mart["contract_version"],
        "status": "active",
        "domain": "agriculture",
        "dataProduct": "agrocluster",
        "description": {
            "purpose": labelled(manifest, mart["description_en"]),
            "limitations": f"Licence {mart['licence']}, redistribution {mart['redistribution']}.",
            "usage": "Empty is unknown, never zero.",
        },
        "authoritativeDefinitions": [{"url": url, "type": kind} for url, kind in links.items()],
        "servers": [{"server": "release", "type": "local", "path": f"../{mart['path']}", "format": "parquet"}],
        "schema": [
            {
                "name": mart["name"],
                "physicalName": mart["path"],
                "physicalType": "file",
                "logicalType": "object",
                "businessName": mart["title_en"],
                "description": mart["description_en"],
                "dataGranularityDescription": f"One row per {', '.join(mart['key'])}",
                "properties": [_property(mart, column, marts) for column in mart["columns"]],
                "quality": [_key(mart), *(check for rule in mart["rules"] if (check := _check(rule)))],
            }
        ],
        "customProperties": [{"property": name, "value": value} for name, value in told.items()],
    }


def _property(mart: dict[str, Any], column: dict[str, Any], marts: set[str]) -> dict[str, Any]:
    name, key = column["name"], mart["key"]
    said: dict[str, Any] = {
        "name": name,
        "logicalType": TYPES.get(column["type"], "integer"),
        "physicalType": SQL_TYPES[column["type"]],
        "description": column["description_en"],
        "required": not column["nullable"],
    }
    if name in key:
        said |= {"primaryKey": True, "primaryKeyPosition": key.index(name) + 1}
    holder, held = LISTED_IN.get(column["codelist"] or "", ("", ""))
    if holder in marts and holder != mart["name"]:
        said["relationships"] = [{"type": "foreignKey", "to": f"{holder}.{held}"}]
    if codes := _codes(column):
        said["quality"] = [_values(codes, f"{name} is one of its codes", "critical")]
    told = {"descriptionRu": column["description_ru"], "unit": column["unit"], "codelist": column["codelist"]}
    said["customProperties"] = [{"property": what, "value": value} for what, value in told.items() if value]
    return said


def _codes(column: dict[str, Any]) -> list[str]:
    listed = column["codelist"] or ""
    return listed.split("|") if listed and "." not in listed else []


def _key(mart: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "key_is_unique",
        "description": "No key occurs twice.",
        "type": "library",
        "metric": "duplicateValues",
        "arguments": {"properties": mart["key"]},
        "mustBe": 0,
        "dimension": "uniqueness",
        "severity": SEVERITIES["critical"],
    }


def _values(codes: list[str], reason: str, severity: str) -> dict[str, Any]:
    return {
        "description": reason,
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": codes},
        "mustBe": 0,
        "dimension": "conformity",
        "severity": SEVERITIES[severity],
    }


def _check(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a check of the standard: an SQL query that counts violations, or a text where SQL says too little."""
    said = {"name": rule["id"], "description": rule["reason"], "severity": SEVERITIES[rule["severity"]]}
    if rule["kind"] == "row_count":
        return said | {"type": "library", "metric": "rowCount"} | _limits(rule)
    query = "" if "mostly" in rule else _violations(rule)
    return said | ({"type": "sql", "query": query, "mustBe": 0} if query else {"type": "text"})


def _limits(rule: dict[str, Any]) -> dict[str, Any]:
    low, high = rule.get("min"), rule.get("max")
    if low == high:
        return {"mustBe": low}
    if low is not None and high is not None:
        return {"mustBeBetween": [low, high]}
    return {"mustBeGreaterOrEqualTo": low} if low is not None else {"mustBeLessOrEqualTo": high}


def _violations(rule: dict[str, Any]) -> str:
    """A query of the standard's form (``${object}`` is the table); empty for kinds without one."""
    if rule["kind"] == "sql":
        return f"SELECT count(*) FROM ({rule['query'].strip().replace('{table}', '${object}')})"
    column = rule.get("column", "")
    broken = {
        "between": " OR ".join(
            f"{column} {sign} {rule[end]!r}" for end, sign in (("min", "<"), ("max", ">")) if end in rule
        ),
        "in_set": f"{column} NOT IN ({', '.join(_literal(value) for value in rule.get('values', ()))})",
        "regex": f"NOT regexp_matches({column}, {_literal(rule.get('pattern', ''))})",
        "not_null": f"{column} IS NULL",
    }.get(rule["kind"])
    return f"SELECT count(*) FROM ${{object}} WHERE ({rule.get('where', 'true')}) AND ({broken})" if broken else ""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Block YAML with the scalars of JSON, which YAML shares: a hundredth of a general writer's time."""
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        lead = f"{indent}- " if key is None else f"{indent}{key}:"
        if not isinstance(item, dict | list) or not item:
            yield f"{lead}{' ' if key is not None else ''}{json.dumps(item, ensure_ascii=False)}"
        elif key is None:
            first, *rest = _yaml(item, f"{indent}  ")
            yield f"{lead}{first.lstrip()}"
            yield from rest
        else:
            yield lead
            yield from _yaml(item, f"{indent}  ")
