"""The pages people look at. Each gathers its content and hands it to a template; what is missing or damaged is said
in its place."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from agrocluster.board import lineage as tracing
from agrocluster.board import quarantine as setting_aside
from agrocluster.board.checks import last_checks, one_subject
from agrocluster.board.files import listed
from agrocluster.board.focus import focus
from agrocluster.board.freshness import freshness
from agrocluster.board.names import Chosen, Name, PageNumber, Told
from agrocluster.board.overview import overview
from agrocluster.board.publishers import health_of, publishers
from agrocluster.board.render import HEADERS, page, style
from agrocluster.board.section import Section, section
from agrocluster.errors import NotHeld
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableContract
from agrocluster.release import diff as comparing
from agrocluster.release import history, reading

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/board.css")
def board_css() -> Response:
    """The style sheet."""
    return Response(style(), media_type="text/css", headers=HEADERS)


@router.get("/")
def first_page(request: Request, dag_id: Told = None, run_id: Told = None) -> HTMLResponse:
    """The overview; ``dag_id`` and ``run_id`` (Airflow fills them in on a tab) narrow it to what the Dag is about."""
    return page(request, "overview", board=overview(focus(dag_id, run_id)))


@router.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """All releases, and a form to compare two."""
    return page(request, "releases", releases=section(history.releases), pointer=section(reading.latest))


@router.get("/releases/diff")
def releases_diff(request: Request, old: Chosen = None, new: Chosen = None) -> HTMLResponse:
    """What one release says differently from another; by default the newest from the one before it."""
    listing = section(lambda: [entry["release"] for entry in history.releases()])
    known = listing.content or []
    new = new or (known[0] if known else None)
    old = old or next((name for name in known if name != new), None)
    found: Section[dict[str, Any]] = Section()
    if old and new:
        for name in {old, new} - set(known):
            reading.manifest(name)  # says which releases there are
        found = section(lambda: comparing.diff(old, new))
    return page(request, "diff", names=listing, old=old, new=new, diff=found)


@router.get("/releases/{release}")
def one_release(request: Request, release: Name) -> HTMLResponse:
    """One release: marts, inputs, files."""
    manifest, place = reading.locate(release)
    states = section(lambda: next((e for e in history.releases() if e["release"] == release), None))
    files = section(lambda: listed(place))
    folders: dict[str, list[str]] = {}
    for name in files.content or ():
        if "/" in name:
            folders.setdefault(name.partition("/")[0], []).append(name)
    return page(request, "release", manifest=manifest, state=states, files=files, folders=folders)


@router.get("/validation")
def validation(request: Request) -> HTMLResponse:
    """The last validation of every dataset and mart."""
    return page(request, "validation", checks=section(lambda: last_checks(focus())))


@router.get("/validation/{subject}")
def validation_of(request: Request, subject: Name, run: Chosen = None) -> HTMLResponse:
    """Every rule of one dataset or mart with its history; ``run`` is a vintage or release, the last by default."""
    known = subject in catalog().datasets or subject in catalog().marts
    found = section(lambda: one_subject(subject, run or None))
    if found.content is None and not found.problem and (run or not known):
        what = f"{subject} has no validation run {run!r}" if known else f"There is no dataset or mart {subject!r}"
        raise NotHeld(f"{what}.", remedy="The page Validation lists what was checked.")
    aside = found.content is not None and setting_aside.exists(found.content.subject_id)
    return page(request, "subject", subject=subject, checked=found, quarantine=aside)


@router.get("/quarantine/{vintage}")
def quarantine(request: Request, vintage: Name, rule: Chosen = None, number: PageNumber = 1) -> HTMLResponse:
    """Rows of a vintage that were set aside, a page at a time."""
    if not setting_aside.exists(vintage):
        setting_aside.quarantined(vintage)  # says what there is instead
    found = section(lambda: setting_aside.quarantined(vintage, number, rule or ""))
    return page(request, "quarantine", vintage=vintage, found=found)


@router.get("/freshness")
def freshness_page(request: Request) -> HTMLResponse:
    """Every dataset against what can be expected of its publisher."""
    return page(request, "freshness", freshness=section(lambda: freshness(catalog().datasets.values())))


@router.get("/sources")
def sources(request: Request) -> HTMLResponse:
    """How publishers answer, and what is left of their allowances."""
    return page(request, "sources", publishers=section(publishers))


@router.get("/sources/{dataset}")
def source(request: Request, dataset: Name) -> HTMLResponse:
    """Fetches, make-up of files and snapshots of one dataset."""
    spec = catalog().dataset(dataset)
    return page(request, "source", spec=spec, health=section(lambda: health_of(dataset)))


@router.get("/lineage")
def lineage(request: Request) -> HTMLResponse:
    """All marts, each leading to what is behind it."""
    found = catalog()
    return page(request, "lineage", marts=[found.marts[name] for name in sorted(found.marts)])


@router.get("/lineage/{mart}")
def lineage_of(request: Request, mart: Name, release: Chosen = None) -> HTMLResponse:
    """What a mart is made of, down to files of a release, the current one by default."""
    contract = tracing.contract_of(mart)
    return _traced(request, contract, tracing.graph_of(mart), release, "", column=None)


@router.get("/lineage/{mart}/{column}")
def lineage_of_column(request: Request, mart: Name, column: Name, release: Chosen = None) -> HTMLResponse:
    """The same for one column: its meaning, its rules and what it is computed from."""
    contract = tracing.contract_of(mart)
    about = tracing.column_of(contract, column)
    graph, way = tracing.graph_of_column(mart, column), tracing.trace(mart, column)
    more = {
        "rules": tracing.rules_of(contract, column),
        "carriers": tracing.carriers(tracing.graph_of(mart, column), column),
    }
    return _traced(request, contract, graph, release, "../", column=about, way=way, **more)


def _traced(
    request: Request, contract: TableContract, graph: tracing.Graph, release: str | None, back: str, **more: Any
) -> HTMLResponse:
    """A page of lineage; ``back`` leads from it to where the pages of marts are."""
    query = f"?release={quote(release)}" if release else ""
    links = {name: f"{back}{name}{query}" for name in graph.of("input")}
    links |= {name: f"{back}../sources/{name}" for name in graph.of("dataset")}
    files = section(lambda: _files(graph, release))
    return page(
        request, "lineage_mart", contract=contract, graph=graph, links=links, files=files, release=release, **more
    )


def _files(graph: tracing.Graph, release: str | None) -> dict[str, Any] | None:
    """Vintages and files behind a graph in a release; None before the first one."""
    if not release and reading.latest() is None:
        return None
    manifest, place = reading.locate(release or None)
    return {"release": manifest["release"], "files": tracing.files_behind(manifest, place, graph.of("dataset"))}
