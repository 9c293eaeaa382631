"""What a fetch of UN Comtrade would cost, before a single call of the allowance is spent.

Only the availability of data is asked, which needs no key and costs nothing. Estimates come from the records on file.
Those of mirror data are lower bounds: nobody says how many of a reporter's records are about the four countries.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

from agrocluster.errors import UsageError
from agrocluster.http import connect
from agrocluster.model.fetching import Probe, Slice, Years
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources import comtrade_carry, comtrade_plan
from agrocluster.sources.comtrade import ADAPTER, LISTS, budget_of, limits_of, scope_of
from agrocluster.sources.comtrade_api import Filed
from agrocluster.sources.comtrade_plan import Limits
from agrocluster.storage import landing
from agrocluster.storage.budget import Budget


def outlook(dataset_ids: Iterable[str] = (), years: tuple[int, int] | None = None) -> dict[str, Any]:
    """The plan of one or more datasets (default: all that are fetched from UN Comtrade) and the allowance it meets.

    Returns ``datasets`` that have something on file (each with its ``slices``), ``calls`` expected in all, ``budget``
    and ``days`` needed.
    """
    specs = [_spec(name) for name in dataset_ids] or [
        spec
        for spec in catalog().datasets.values()
        if spec.adapter == "comtrade" and not spec.params.get("downloads_only")
    ]
    # A dataset that begins after the years asked for has no part in the plan.
    specs = [spec for spec in specs if years is None or years[1] >= spec.first_year]
    if years and years[0] > years[1]:
        raise UsageError(f"{years[0]} to {years[1]} is no range of years.", remedy="Name the earlier year first.")
    planned = [found for spec in sorted(specs, key=lambda spec: spec.id) if (found := _dataset(spec, years))]
    calls = sum(dataset["calls"] for dataset in planned)
    budget = budget_of("comtrade", ADAPTER.now)
    left, closed = budget.left(), budget.resume_at()
    return {
        "datasets": planned,
        "calls": calls,
        "budget": {
            "keyed": budget.key is not None,
            "calls_per_day": budget.limit,
            "left_today": left,
            "resume_at": closed.isoformat() if closed else None,
        },
        "days": _days(calls, left, budget),
    }


def _spec(dataset_id: str) -> DatasetSpec:
    spec = catalog().dataset(dataset_id)
    if spec.adapter != "comtrade":
        raise UsageError(
            f"{dataset_id} is no dataset of UN Comtrade.",
            remedy=f"Use one of: {', '.join(s.id for s in catalog().datasets.values() if s.adapter == 'comtrade')}.",
        )
    return spec


def _dataset(spec: DatasetSpec, years: tuple[int, int] | None) -> dict[str, Any] | None:
    """The plan of one dataset, None if nothing is on file for the years."""
    asked = Years(*(years or (spec.first_year, spec.last_year or ADAPTER.now().year)))
    with connect(spec.source, dataset=spec.dataset) as client:
        if (probe := ADAPTER.on_file(spec, client, asked)) is None:
            return None
        pieces = ADAPTER.slices(spec, probe, client)
        keyed = budget_of(spec.source).key is not None
        limits = limits_of(spec.source, keyed=keyed, base=client.url(""))
    planned = [_slice(spec, probe, piece, limits) for piece in pieces if piece["id"] != LISTS]
    return {
        "dataset_id": spec.id,
        "stamp": probe.stamp,
        "reports": sum(entry["reports"] for entry in planned),
        "reports_to_ask": sum(entry["reports_to_ask"] for entry in planned),
        "calls": sum(entry["calls"] for entry in planned),
        "at_least": spec.params["view"] == "partner",
        "slices": planned,
    }


def _slice(spec: DatasetSpec, probe: Probe, piece: Slice, limits: Limits) -> dict[str, Any]:
    scope, filed = scope_of(spec), [Filed(*entry) for entry in piece["filed"]]
    work = landing.work_folder(spec.id, probe)
    done = landing.has_slice(work, piece["id"])
    wanted = comtrade_plan.signatures(scope, filed)
    held = set(wanted) if done else comtrade_carry.held(spec.id, piece["id"], scope, wanted, work)
    left = [entry for entry in filed if scope.unit(entry) not in held]
    asked = 0 if done else comtrade_carry.answered(work, piece["id"])
    expected = comtrade_plan.expected_calls(scope, left, limits)
    return {
        "id": piece["id"],
        "reports": len(filed),
        "reports_to_ask": len(left),
        "records_on_file": sum(entry.records for entry in filed),
        "asked": asked,
        "calls": max(expected - asked, 1) if asked else expected,
    }


def _days(calls: int, left: int, budget: Budget) -> int:
    """UTC days on which calls are made, today included; 0 if there is nothing to ask."""
    if calls <= left:
        return 1 if calls else 0
    return (1 if left else 0) + ceil((calls - left) / budget.limit)
