"""What a release is shown as, for people: the atlas with the country briefs in it, in a folder that opens in a browser.

``put`` keeps one such folder per release under ``marts/atlas``, beside the releases and never inside them: a release is
published whether or not it can be shown. ``marts/atlas/index.html`` leads to the current one.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agrocluster.atlas import site
from agrocluster.atlas.content import read
from agrocluster.brief.write import files as briefs
from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.release import reading
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.paths import layout

COUNTED = {"pages": ".html", "downloads": ".csv", "briefs": ".pdf"}


def write(folder: Path, release: str | None = None, languages: Sequence[Lang] = LANGUAGES) -> site.Written:
    """Write the atlas of a release, the current one by default, with its briefs into the new ``folder``.

    Raises UsageError when ``folder`` exists or the release is not there or too old.
    """
    site.must_be_new(folder)
    content = read(release)
    kept = tuple(dict.fromkeys(languages))
    countries = [line["iso3"] for line in content.countries]
    return site.write(folder, content, kept, dict(briefs(content, countries, kept)))


def put(release: str) -> dict[str, Any]:
    """Show a published release under ``marts/atlas`` and lead readers to it. Idempotent.

    What is shown of releases that are no longer there goes. Returns ``release``, ``index`` (the page to open),
    ``pages``, ``downloads`` and ``briefs``. Raises UsageError when there is no such release or it is too old.
    """
    home = layout().atlases
    with exclusive(home / "atlas.lock"):
        folder = home / str(reading.manifest(release)["release"])
        if not folder.exists():
            write(folder, folder.name)
        atomic.write_bytes(home / "index.html", site.lead_to(folder.name))
        prune()
    found = [path.suffix for path in folder.rglob("*") if path.is_file()]
    counted = {name: found.count(suffix) for name, suffix in COUNTED.items()}
    return {"release": release, "index": str(folder / "index.html"), **counted}


def prune() -> list[str]:
    """Remove what is shown of releases that are no longer there; returns their ids."""
    home, known = layout().atlases, set(reading.names())
    folders = [path for path in sorted(home.glob("*")) if path.is_dir() and not path.name.startswith(atomic.TEMPORARY)]
    gone = [path for path in folders if path.name not in known]
    for path in gone:
        with atomic.writing(path):
            shutil.rmtree(path)
    return [path.name for path in gone]
