"""The text that stands on every Dag's page: what it does, where data come from, what to do when it fails."""

from __future__ import annotations

from textwrap import dedent

from agrocluster.model.loader import Catalog
from agrocluster.model.specs import DatasetSpec, SourceSpec

FAILURE = """
    ### When it fails
    | The log says | It means | What to do |
    |---|---|---|
    | `SourceUnavailable` | the service is down or slow | nothing; it is tried again, now and with the next schedule |
    | `SourceContractError` | the source breaks its contract | map the new name in the catalogue, or adapt the reader |
    | `DataGateError` | data break a critical rule | see the rule and its rows on the board; the release stays |
    | `StorageError` | the data folder is full or read-only | free space, then clear the failed task |

    The board (**agrocluster** in the menu) lists open incidents with their remedies.
"""


AGAIN = {
    True: "Trigger the Dag with *First year* and *Last year*. Only that period is fetched; older vintages stay.",
    False: "The publisher gives the whole archive or nothing: trigger with *Fetch although nothing has changed*.",
}


def _text(body: str) -> str:
    return dedent(body).strip() + "\n\n" + dedent(FAILURE).strip()


def ingest(spec: DatasetSpec, source: SourceSpec) -> str:
    """Page of an ingest Dag."""
    licence = spec.licence or source.licence
    return _text(f"""
    ## {spec.title.en}
    {spec.citation}

    | | |
    |---|---|
    | Publisher | [{source.title.en}]({source.homepage}) |
    | Licence | [{licence}]({source.licence_url}); {source.redistribution} redistribution |
    | Gives | rows of kind `{spec.kind.value}` from {spec.first_year} on, dataset id `{spec.id}` |
    | Published | about every {spec.cadence_days} days, with a usual lag of {spec.expected_lag_days} days |
    | Checked | `{spec.schedule}` (UTC), with one cheap request; fetched only when the publisher released something |
    | Address and key | Connection `agrocluster_{source.id}`, else `AGROCLUSTER_{source.id.upper()}_URL` and `_KEY` |

    ### To fetch a period again
    {AGAIN[spec.by_period]}
    """)


def marts(catalog: Catalog) -> str:
    """Page of the marts Dag."""
    rows = "\n".join(f"    | `{name}` | {catalog.marts[name].title.en} |" for name in catalog.mart_order())
    return _text(f"""
    ## Marts
    Starts when every dataset has been verified against its source since the last start. When the accepted vintages,
    the catalogue and the code are those of the current release, nothing is built.

    If one source fails, this Dag waits for it: data already fetched are kept, and the release stays as it is.

    | Mart | Content |
    |---|---|
{rows}
    """)


def release(catalog: Catalog) -> str:
    """Page of the release Dag."""
    return _text(f"""
    ## Release
    Publishes a build of {len(catalog.marts)} marts as an immutable folder `marts/releases/<release id>` and then
    switches `marts/latest.json`. Readers see the old release or the new one, never a mixture.

    Then shows it to people: pages and country briefs in `marts/atlas/<release id>`, to which `marts/atlas/index.html`
    leads. The release stands whether or not that succeeds; clear the task `atlas` to try again.

    A build whose contracts changed more than their versions say is refused, so that readers are told. To go back to
    an earlier release, trigger `rollback_release`.
    """)


def rollback() -> str:
    """Page of the Dag that goes back to an earlier release."""
    return _text("""
    ## Go back to an earlier release
    Checks every file of the release, points `marts/latest.json` at it, and puts the release that is left on hold: runs
    with the same inputs do not publish it again. New data or new code make another release, which is published as
    usual; pause `release` to stop that too. `agrocluster release resume` lifts the hold.

    Who went back, when and why is kept in `marts/record.json`.
    """)


def freeze(baselines: list[str]) -> str:
    """Page of the Dag that freezes a baseline."""
    return _text(f"""
    ## Freeze a baseline
    Copies one of {", ".join(f"`{name}`" for name in baselines)} from a release into `baselines/<name>@v<N>`, where it
    is never changed again. A window that moves with the data gets its years in the name (`Bcurrent-2022_2024@v1`).

    Freezing the same content again changes nothing. Other content becomes the next version, with a table of what was
    revised. From the next run of the marts on, the first frozen baseline fixes the scale of the scores, and
    `mart_cluster_progress` tells change since then from revision.

    When a frozen file has changed, every release is refused until it is put back; the log names the file.
    """)


def upkeep() -> str:
    """Page of the upkeep Dag."""
    return _text("""
    ## Upkeep
    Daily: says which datasets are a quarter older than their publisher's cadence, and removes builds, closed incidents
    and old releases. Of releases stay the newest of each data mode, the current one and the one before it, those that
    were current a short time ago, and all that are on hold, pinned or frozen from; `agrocluster release prune
    --dry-run` shows it. Landing, staged vintages and frozen baselines are never touched. Alerts that did not reach
    somebody are sent again.
    """)
