"""The structure of the SDMX files as an SDMX-ML 3.0 message: code lists, concepts, dataflows and their dimensions.

Names in English and Russian. Codes are those of the marts of the release, so the message fits the files beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from agrocluster.model.specs import Text
from agrocluster.release.documents.folder import Folder, labelled
from agrocluster.release.documents.plan import Codelist, Dataflow, plan

MEASURE = "MEASURE"
MISSING, NORMAL = "O", "A"
"""Codes of the status of an observation."""
CONCEPTS = "CS_AGROCLUSTER"
FIXED = {
    "CL_FREQ": (Text(en="Frequency", ru="Частота"), {"A": Text(en="Annual", ru="Год")}),
    "CL_OBS_STATUS": (
        Text(en="Status of an observation", ru="Статус наблюдения"),
        {NORMAL: Text(en="Normal value", ru="Обычное значение"), MISSING: Text(en="Missing value", ru="Нет значения")},
    ),
}
"""Code lists that no mart holds."""
SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0"
NUMBERS = ("OBS_VALUE", "LOWER_BOUND", "UPPER_BOUND")
VERSION = "1.0.0"
"""Of code lists and concepts; dataflows have that of the contract of their mart."""


def code(expression: str) -> str:
    """SQL of a code as SDMX allows it: letters, digits, ``_``, ``@``, ``$`` and ``-``."""
    return f"regexp_replace(({expression})::VARCHAR, '[^A-Za-z0-9_@$-]', '_', 'g')"


def urn(folder: Folder, flow: Dataflow) -> str:
    """The reference to a dataflow that rows of its file carry."""
    return f"{plan().sdmx.agency}:{flow.id}({folder.marts[flow.mart]['contract_version']})"


def structure(folder: Folder, flows: Sequence[Dataflow]) -> str:
    """The message for ``flows``; ``Prepared`` is the date in the id of the release, as nothing here reads a clock."""
    manifest = folder.manifest
    used = {d.codelist for flow in flows for d in flow.dimensions}
    lists = [codelist for codelist in plan().sdmx.codelists if codelist.id in used]
    sample = str(manifest["data_mode"] == "sample").lower()
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<mes:Structure xmlns:mes="{SCHEMAS}/message" xmlns:str="{SCHEMAS}/structure"',
            f' xmlns:com="{SCHEMAS}/common">',
            f"<mes:Header><mes:ID>{escape(manifest['release'])}</mes:ID><mes:Test>{sample}</mes:Test>",
            f"<mes:Prepared>{escape(manifest['release'][:10])}T00:00:00Z</mes:Prepared>",
            f'<mes:Sender id="{plan().sdmx.agency}"><com:Name xml:lang="en">',
            f"{escape(labelled(manifest, 'agrocluster'))}</com:Name></mes:Sender></mes:Header>",
            "<mes:Structures>\n<str:Codelists>",
            *(_codelist(name, title, codes.items()) for name, (title, codes) in FIXED.items()),
            *(_codelist(codelist.id, codelist.title, _codes(folder, codelist)) for codelist in lists),
            *(_codelist(_measures(flow), flow.title, _columns(folder, flow)) for flow in flows if flow.measures),
            "</str:Codelists>\n<str:ConceptSchemes>",
            f'<str:ConceptScheme id="{CONCEPTS}" {_mine(VERSION)}>{_names(Text(en="Concepts", ru="Понятия"))}',
            *(f'<str:Concept id="{name}">{_names(text)}</str:Concept>' for name, text in plan().sdmx.concepts.items()),
            "</str:ConceptScheme>\n</str:ConceptSchemes>\n<str:Dataflows>",
            *(_dataflow(folder, flow) for flow in flows),
            "</str:Dataflows>\n<str:DataStructures>",
            *(_data_structure(folder, flow) for flow in flows),
            "</str:DataStructures>\n</mes:Structures>\n</mes:Structure>\n",
        ]
    )


def _mine(version: str) -> str:
    return f'agencyID="{plan().sdmx.agency}" version="{version}"'


def _names(text: Text) -> str:
    return "".join(f'<com:Name xml:lang="{lang}">{escape(getattr(text, lang))}</com:Name>' for lang in ("en", "ru"))


def _codelist(name: str, title: Text, codes: Iterable[tuple[str, Text]]) -> str:
    listed = "\n".join(f'<str:Code id="{escape(key)}">{_names(text)}</str:Code>' for key, text in codes)
    return f'<str:Codelist id="{name}" {_mine(VERSION)}>{_names(title)}\n{listed}</str:Codelist>'


def _codes(folder: Folder, codelist: Codelist) -> Iterator[tuple[str, Text]]:
    query = f"SELECT {code(codelist.code)} AS key, min({codelist.en}), min({codelist.ru}) FROM {codelist.mart}"
    rows = folder.con.sql(f"{query} WHERE {codelist.code} IS NOT NULL GROUP BY key ORDER BY key").fetchall()
    return ((key, Text(en=en or key, ru=ru or key)) for key, en, ru in rows)


def _columns(folder: Folder, flow: Dataflow) -> Iterator[tuple[str, Text]]:
    columns = {column["name"]: column for column in folder.marts[flow.mart]["columns"]}
    for measure in flow.measures:
        column = columns[measure.column]
        yield measure.column.upper(), Text(en=column["description_en"], ru=column["description_ru"])


def _measures(flow: Dataflow) -> str:
    return f"CL_{MEASURE}_{flow.id.removeprefix('DF_')}"


def _dataflow(folder: Folder, flow: Dataflow) -> str:
    version = folder.marts[flow.mart]["contract_version"]
    of = _urn("datastructure.DataStructure", flow.id.replace("DF_", "DSD_"), version)
    title = Text(en=labelled(folder.manifest, flow.title.en), ru=labelled(folder.manifest, flow.title.ru))
    said = f"{_names(title)}<str:Structure>{of}</str:Structure>"
    return f'<str:Dataflow id="{flow.id}" {_mine(version)}>{said}</str:Dataflow>'


def _data_structure(folder: Folder, flow: Dataflow) -> str:
    version = folder.marts[flow.mart]["contract_version"]
    dimensions = [(d.id, d.codelist or ("CL_FREQ" if d.id == "FREQ" else None)) for d in flow.dimensions]
    plain = [d for d in dimensions if d[0] != "TIME_PERIOD"] + ([(MEASURE, _measures(flow))] if flow.measures else [])
    listed = "\n".join(
        f'<str:Dimension id="{name}" position="{n}">{_represented(name, codelist)}</str:Dimension>'
        for n, (name, codelist) in enumerate(plain, 1)
    )
    attributes = ["UNIT_MEASURE", "OBS_STATUS"]
    attributes += ["LOWER_BOUND", "UPPER_BOUND"] if any(m.lower for m in flow.measures) else []
    attributes += [attribute.id for attribute in flow.attributes] + ["COMMENT_DSET"]
    told = "\n".join(
        f'<str:Attribute id="{name}" usage="optional">'
        f"{_represented(name, 'CL_OBS_STATUS' if name == 'OBS_STATUS' else None)}"
        "<str:AttributeRelationship><str:Observation/></str:AttributeRelationship></str:Attribute>"
        for name in attributes
    )
    return (
        f'<str:DataStructure id="{flow.id.replace("DF_", "DSD_")}" {_mine(version)}>{_names(flow.title)}\n'
        f'<str:DataStructureComponents>\n<str:DimensionList id="DimensionDescriptor">\n{listed}\n'
        f'<str:TimeDimension id="TIME_PERIOD">{_represented("TIME_PERIOD", None, "ObservationalTimePeriod")}'
        f'</str:TimeDimension>\n</str:DimensionList>\n<str:AttributeList id="AttributeDescriptor">\n{told}\n'
        '</str:AttributeList>\n<str:MeasureList id="MeasureDescriptor"><str:Measure id="OBS_VALUE">'
        f"{_represented('OBS_VALUE', None)}</str:Measure></str:MeasureList>\n</str:DataStructureComponents>"
        "</str:DataStructure>"
    )


def _represented(name: str, codelist: str | None, kind: str = "") -> str:
    concept = f"{_urn('conceptscheme.Concept', CONCEPTS, VERSION)}.{name}"
    values = (
        f"<str:Enumeration>{_urn('codelist.Codelist', codelist, VERSION)}</str:Enumeration>"
        if codelist
        else f'<str:TextFormat textType="{kind or ("Double" if name in NUMBERS else "String")}"/>'
    )
    return (
        f"<str:ConceptIdentity>{concept}</str:ConceptIdentity>"
        f"<str:LocalRepresentation>{values}</str:LocalRepresentation>"
    )


def _urn(kind: str, name: str, version: str) -> str:
    return f"urn:sdmx:org.sdmx.infomodel.{kind}={plan().sdmx.agency}:{name}({version})"
