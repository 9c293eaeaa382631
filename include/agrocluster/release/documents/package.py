"""``datapackage.json``: the release as a Frictionless Data Package, its Parquet files and CSV extracts alike.

What the contracts promise becomes constraints and foreign keys, as far as Frictionless can say it; the rest is in the
ODCS contracts. Every resource names its licence and the publishers behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agrocluster.release.documents.extracts import ORIGIN, as_written
from agrocluster.release.documents.folder import Folder, labelled
from agrocluster.release.documents.origin import licence_url, sources
from agrocluster.storage.atomic import to_json

TYPES = {
    "string": "string",
    "bool": "boolean",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "float64": "number",
    "date32": "date",
}
LISTED_IN = {
    "cat_country.iso3": ("dim_country", "iso3"),
    "cat_chain.chain": ("dim_chain", "chain"),
    "dim_baseline.baseline_id": ("dim_baseline", "baseline_id"),
}
"""Code list -> mart and column that hold it in the release."""


def write(folder: Folder) -> None:
    """Write the descriptor; the extracts are listed already."""
    manifest = folder.manifest
    marts = folder.marts
    extracts = [entry for entry in folder.written if entry["media_type"] == "text/csv" and "mart" in entry]
    described = [_parquet(manifest, mart) for mart in manifest["marts"]]
    described += [_csv(manifest, marts[entry["mart"]], entry) for entry in extracts]
    names = {resource["name"] for resource in described}
    for resource in described:
        keys = resource["schema"]["foreignKeys"]
        resource["schema"]["foreignKeys"] = [key for key in keys if key["reference"]["resource"] in names]
    package = {
        "profile": "data-package",
        "name": "agrocluster",
        "id": manifest["release"],
        "title": labelled(manifest, "Cluster-potential baselines for Central Asia"),
        "version": manifest["version"],
        "data_mode": manifest["data_mode"],
        "sources": _sources(manifest),
        "licenses": [_licence(name) for name in sorted({mart["licence"] for mart in manifest["marts"]})],
        "resources": described,
    }
    folder.add("datapackage.json", to_json(package), "Frictionless Data Package of the release", "application/json")


def _parquet(manifest: dict[str, Any], mart: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _name(mart["name"]),
        "path": mart["path"],
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": mart["bytes"],
        "hash": f"sha256:{mart['sha256']}",
        "schema": {"fields": list(_fields(mart)), "primaryKey": mart["key"], "foreignKeys": list(_foreign(mart))},
    } | _about(manifest, mart)


def _csv(manifest: dict[str, Any], mart: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """A CSV cannot tell an empty text from none, so its texts may be empty whatever the contract says."""
    fields = list(_fields(mart))
    for field in fields:
        limits = field["constraints"]
        if field["type"] == "string" and field["name"] not in mart["key"]:
            limits["required"] = False
        if "enum" in limits and field["type"] == "string":
            limits["enum"] = [as_written(code) for code in limits["enum"]]
    fields += [{"name": name, "type": "string", "description": f"The {name} of the release"} for name in ORIGIN]
    return {
        "name": f"{_name(mart['name'])}-csv",
        "path": entry["path"],
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8-sig",
        "bytes": entry["bytes"],
        "hash": f"sha256:{entry['sha256']}",
        "schema": {"fields": fields, "primaryKey": mart["key"], "foreignKeys": list(_foreign(mart, "-csv"))},
    } | _about(manifest, mart)


def _about(manifest: dict[str, Any], mart: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": mart["title_en"],
        "description": labelled(manifest, mart["description_en"]),
        "licenses": [_licence(mart["licence"])],
        "redistribution": mart["redistribution"],
        "sources": _sources(manifest, mart["name"]),
    }


def _fields(mart: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for c in mart["columns"]:
        limits: dict[str, Any] = {"required": not c["nullable"]}
        if c["codelist"] and "." not in c["codelist"]:
            limits["enum"] = c["codelist"].split("|")
        for rule in mart["rules"]:
            always = rule["severity"] == "critical" and "where" not in rule and "mostly" not in rule
            if always and rule.get("column") == c["name"]:
                limits |= _limits(rule, c["type"])
        yield {
            "name": c["name"],
            "type": TYPES[c["type"]],
            "description": c["description_en"],
            "description_ru": c["description_ru"],
            "unit": c["unit"] or "",
            "constraints": limits,
        }


def _limits(rule: dict[str, Any], kind: str) -> dict[str, Any]:
    """What a rule about single values is in the words of Frictionless."""
    if rule["kind"] == "between":
        ends = {"minimum": rule.get("min"), "maximum": rule.get("max")}
        whole = kind.startswith("int")
        return {
            name: int(end) if whole else end
            for name, end in ends.items()
            if end is not None and (not whole or end == int(end))
        }
    if rule["kind"] == "regex":
        return {"pattern": rule["pattern"]}
    if rule["kind"] == "in_set" and kind == "string":
        return {"enum": list(rule["values"])}
    return {}


def _foreign(mart: dict[str, Any], suffix: str = "") -> Iterator[dict[str, Any]]:
    for c in mart["columns"]:
        holder, column = LISTED_IN.get(c["codelist"] or "", (mart["name"], ""))
        if holder != mart["name"]:
            reference = {"resource": f"{_name(holder)}{suffix}", "fields": [column]}
            yield {"fields": [c["name"]], "reference": reference}


def _name(mart: str) -> str:
    return mart.replace("_", "-")


def _licence(name: str) -> dict[str, str]:
    return {"name": name, "path": licence_url(name)}


def _sources(manifest: dict[str, Any], mart: str | None = None) -> list[dict[str, Any]]:
    return [
        {"title": s.title.en, "path": s.homepage, "attribution": s.attribution, "licenses": [_licence(s.licence)]}
        for s in sources(manifest, mart)
    ]
