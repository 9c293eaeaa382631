"""How marts are built; and, called, the marts of a release: ``agrocluster.marts()["mart_cluster_baseline"].df()``.

The package and the function that analysts call have one name, and importing any module of the package would put the
package in the function's place. So the package itself is what is called.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, release: str | None = None, root: str | os.PathLike[str] | None = None) -> Any:
        """Name -> mart of a release (the current one when left out), lazily. See ``agrocluster.open``."""
        import agrocluster

        return agrocluster.open(release, root=root).marts()


sys.modules[__name__].__class__ = _Callable
