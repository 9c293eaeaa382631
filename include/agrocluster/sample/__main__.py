"""``python -m agrocluster.sample``: run the sample source server until interrupted."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from agrocluster.sample.planted import VINTAGES
from agrocluster.sample.server import serve


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m agrocluster.sample", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the generated wire files")
    parser.add_argument("--vintage", choices=VINTAGES, default="current")
    parser.add_argument("--faults", default="[]", help="JSON list of faults, or one fault")
    parser.add_argument("--comtrade", default="{}", help='limits of UN Comtrade as JSON, such as {"quota": 40}')
    options = parser.parse_args(arguments)
    faults = json.loads(options.faults)
    serve(
        port=options.port,
        cache=options.cache,
        vintage=options.vintage,
        faults=faults if isinstance(faults, list) else [faults],
        comtrade=json.loads(options.comtrade),
        announce=lambda line: print(line, flush=True),  # noqa: T201
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
