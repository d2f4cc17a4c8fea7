"""How long `reprokit --version` and `import reprokit` take, as ratios to a bare interpreter.

python benchmarks/startup.py [--runs 15]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 0.15  # seconds for `reprokit --version`


def measure(argv: list[str], runs: int) -> float:
    """The median wall time of a command in seconds, after one warm-up."""
    seconds = []
    for count in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        if count:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    command = shutil.which("reprokit", path=str(Path(sys.executable).parent)) or "reprokit"
    bare = measure([sys.executable, "-c", "pass"], runs)
    version = measure([command, "--version"], runs)
    loaded = measure([sys.executable, "-c", "import reprokit"], runs)
    print(
        json.dumps(
            {
                "bare_interpreter_s": round(bare, 4),
                "reprokit_version_s": round(version, 4),
                "import_reprokit_s": round(loaded, 4),
                "limit_s": LIMIT,
            }
        )
    )
    return 0 if version < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
