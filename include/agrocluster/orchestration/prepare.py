"""``python -m agrocluster.orchestration.prepare``: makes a server's Airflow ready; run once before every start.

Brings the metadata database to this Airflow's version, creates the pools and writes the login of the user
``admin``. Repeating it changes nothing. ``make run`` does the same in its own way (see ``local``).
"""

from __future__ import annotations

import os
from pathlib import Path

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.orchestration.pools import pools
from agrocluster.storage import atomic

USER = "admin"


def main() -> None:
    """Migrate, create pools, write the password file. UsageError when no password was given."""
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    write_login(Path(conf.get_mandatory_value("core", "simple_auth_manager_passwords_file")))
    upgradedb()
    for name, (slots, text) in pools(catalog().sources.values()).items():
        Pool.create_or_update_pool(name, slots=slots, description=text, include_deferred=False)


def write_login(path: Path) -> None:
    """Write ``AGROCLUSTER_ADMIN_PASSWORD`` where the simple auth manager looks; only the owner may read it."""
    password = os.environ.get("AGROCLUSTER_ADMIN_PASSWORD") or ""
    if len(password) < 12:
        raise UsageError(
            "AGROCLUSTER_ADMIN_PASSWORD is missing or shorter than 12 characters.", remedy="Set it in .env."
        )
    atomic.write_json(path, {USER: password})
    path.chmod(0o600)


if __name__ == "__main__":
    main()
