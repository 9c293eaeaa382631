"""Runs designs as whole processes, interleaved and repeated, and prints medians as ratios to a peer.

A design is a script argument of this package: each repetition is a new Python process with its imports, so that
time and peak memory are what a user pays. Interleaving spreads the noise of a shared machine over all designs.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """Median seconds, median processor seconds and greatest peak memory (MiB) of a design."""

    name: str
    seconds: float
    cpu: float
    mib: float


def child(designs: Mapping[str, Callable[[Path], object]], began: float) -> None:
    """Run the design named by the arguments in this process and report what it cost. ``began``: time at start.

    A design that returns a number tells its own seconds, such as those of a function after its imports.
    """
    name, path = sys.argv[1:3]
    told = designs[name](Path(path))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = told if isinstance(told, float) else time.time() - began
    cost = {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "mib": _peak_mib()}
    print(json.dumps(cost))


def _peak_mib() -> float:
    """Peak resident memory of this program; ``ru_maxrss`` would also count the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(module: str, path: Path, names: list[str], repetitions: int) -> list[Result]:
    """Run each design ``repetitions`` times, in turns."""
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'include'}"}
    for _ in range(repetitions):
        for name in names:
            done = subprocess.run(
                [sys.executable, "-m", module, name, str(path)],
                capture_output=True,
                text=True,
                env=environment,
                cwd=ROOT,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"{module} {name} failed:\n{done.stderr}")
            costs[name].append(json.loads(done.stdout.splitlines()[-1]))
    return [
        Result(
            name,
            statistics.median(cost["seconds"] for cost in runs),
            statistics.median(cost["cpu"] for cost in runs),
            max(cost["mib"] for cost in runs),
        )
        for name, runs in costs.items()
    ]


def table(title: str, peer: str, results: list[Result]) -> str:
    """A Markdown table; ``peer times`` is the peer's time divided by the design's (greater is faster)."""
    base = next(result for result in results if result.name == peer)
    lines = [
        f"### {title}",
        "",
        "| design | s | processor s | peak MiB | times faster than the peer |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        ratio = "peer" if result is base else f"{base.seconds / result.seconds:.2f}"
        lines.append(f"| {result.name} | {result.seconds:.2f} | {result.cpu:.2f} | {result.mib:.0f} | {ratio} |")
    return "\n".join(lines) + "\n"
