"""What a second run costs over plain `docker run` of the same image, in one session.

    python benchmarks/warm_run.py PROJECT [--runs 7]

The project must have been run once. Both commands run in turn, so that a noisy machine slows
both; the figure is the median of the pairwise differences. Python may write byte-code, as it has
where reprokit was installed with pip: PYTHONDONTWRITEBYTECODE is taken out of the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 0.3  # seconds


def timed(argv: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    project = arguments.project.resolve()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    reprokit = shutil.which("reprokit", path=str(Path(sys.executable).parent)) or "reprokit"
    ours = [reprokit, "run", str(project)]
    first = subprocess.run([*ours, "--json"], check=True, capture_output=True, text=True)
    image = json.loads(first.stdout)["image"]["reference"]
    results = tempfile.mkdtemp()
    Path(results).chmod(0o777)
    plain = ["docker", "run", "--rm", "--network", "none", "-v", f"{results}:/app/results"]
    if (project / "data").is_dir():
        plain += ["-v", f"{project / 'data'}:/app/data:ro"]
    plain.append(image)
    pairs = [(timed(ours), timed(plain)) for _ in range(arguments.runs + 1)][1:]
    shutil.rmtree(results, ignore_errors=True)
    overhead = statistics.median(a - b for a, b in pairs)
    print(
        json.dumps(
            {
                "reprokit_s": round(statistics.median(a for a, _ in pairs), 3),
                "docker_run_s": round(statistics.median(b for _, b in pairs), 3),
                "overhead_s": round(overhead, 3),
                "limit_s": LIMIT,
            }
        )
    )
    return 0 if overhead <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
