"""What a command of the command line needs of a data root that lies in an object store.

Where the data root is a folder, nothing happens and nothing is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from agrocluster.settings import settings

WITHOUT_DATA = {"completion", "run", "sample", "stop"}
"""Commands that need nothing of it; all others work on a copy."""
WITH_LANDING = {"comtrade", "fetch", "import", "refresh"}
"""Commands that need what was fetched; all others need what became of it, and the current release."""
PUBLISHED = ("marts/*.json",)
LANDING = ("landing/*", "inventory/*")
NEEDED = (
    *("staged/*", "quarantine/*", "quality/*", "overlay/*", "baselines/*", "state/*"),
    *("marts/build/*", "marts/*.json", "marts/releases/{current}/*"),
)


def data_for(command: str | None, arguments: Sequence[str]) -> AbstractContextManager[object]:
    """Within the block, the data root is a folder with what the command needs (see ``storage.mirror``).

    Args:
        command: name of the command.
        arguments: what was given to it; a release that is named among them is needed, too.
    """
    needed = needs(command, arguments)
    if not needed or settings().store is None:
        return nullcontext()
    from agrocluster.storage.mirror import working_copy

    return working_copy(*needed)


def needs(command: str | None, arguments: Sequence[str]) -> tuple[str, ...]:
    """Patterns of what the command needs; none to show a help."""
    if command == "alerts":
        return PUBLISHED
    if command in WITHOUT_DATA or "--help" in arguments:
        return ()
    named = (f"marts/releases/{argument.rpartition('=')[2]}/*" for argument in arguments)
    return (*NEEDED, *named, *(LANDING if command in WITH_LANDING else ()))
