"""The item page of BACI, where a reader learns which release is the current one."""

from __future__ import annotations

from agrocluster.sample.tables import LABEL
from agrocluster.sample.wire_baci import VERSIONS

MODIFIED = {"V202601": "Thu, 22 Jan 2026 10:15:00 GMT", "V202501": "Thu, 30 Jan 2025 09:30:00 GMT"}
_SPAN = {"V202601": "2012-2024", "V202501": "2012-2023"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="iso-8859-1"><title>CEPII - BACI - {label}</title></head>
<body>
<h1>BACI</h1>
<p><strong>{label}</strong></p>
<div id="telechargement" class="telechargement">
<h2>Download</h2>
<p>This is the {version_number} version of BACI, {span}.</p>
<ul>
<li><a href="{prefix}/DATA_DOWNLOAD/baci/data/BACI_HS12_{version}.zip">HS12 ({span})</a></li>
</ul>
</div>
</body>
</html>
"""


def page(vintage: str) -> bytes:
    version = next(version for version, of in VERSIONS.items() if of == vintage)
    filled = _PAGE.format(
        label=LABEL, version=version, version_number=version.removeprefix("V"), span=_SPAN[version], prefix="/cepii"
    )
    return filled.encode("latin-1")
