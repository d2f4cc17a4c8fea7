"""What the notebook's door costs: loading the extension, and the live display during a run.

python benchmarks/notebook.py [--runs 5] [--seconds 10]

The display is measured on a real kernel as the processor time that a run with 100,000 lines of log
takes more with it than without, as a share of the run's time. No engine is needed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

from jupyter_client.manager import KernelManager

LOADING = 0.1  # seconds
DISPLAY = 0.02  # share of the run's time
LINES = 100_000
LARGEST = 50_000  # bytes that a saved notebook keeps of the display

LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.perf_counter()
shell.run_line_magic("load_ext", "reprokit")
print(time.perf_counter() - started)
"""

RUN = """
import time
from reprokit.notebook.live import LiveReporter
from reprokit.progress import Silent

def run(reporter, lines, seconds):
    reporter.phase("plan")
    reporter.phase("run", expected=seconds)
    started, used = time.monotonic(), time.process_time()
    for number in range(100):
        for line in range(lines // 100):
            reporter.log(f"epoch {number} batch {line} loss 0.123456 accuracy 0.98765")
        left = started + seconds * (number + 1) / 100 - time.monotonic()
        if left > 0:
            time.sleep(left)
    reporter.finish()
    return (time.process_time() - used) / (time.monotonic() - started)
"""


def loading(runs: int) -> float:
    """Median seconds of `%load_ext reprokit`, each in a new process."""
    return statistics.median(
        float(subprocess.run([sys.executable, "-c", LOAD], check=True, capture_output=True).stdout)
        for _ in range(runs)
    )


def display(seconds: float) -> tuple[float, int]:
    """The display's share of the processor during a run, and the bytes of its last state."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    shown: list[int] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data"):
            shown.append(len(json.dumps(message["content"]["data"])))

    def share(reporter: str) -> float:
        code = f"print(run({reporter}, {LINES}, {seconds}))"
        printed: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            keep(message)
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        client.execute_interactive(code, timeout=seconds * 5 + 60, output_hook=hook)
        return float("".join(printed))

    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute_interactive(RUN, timeout=60, output_hook=keep)
        without = share("Silent()")
        return share("LiveReporter('reprokit run')") - without, shown[-1]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the run takes")
    given = parser.parse_args()
    loaded = loading(given.runs)
    share, kept = display(given.seconds)
    figures = {
        "load_ext_s": round(loaded, 4),
        "load_ext_limit_s": LOADING,
        "display_share": round(share, 4),
        "display_limit": DISPLAY,
        "log_lines": LINES,
        "kept_bytes": kept,
        "kept_limit_bytes": LARGEST,
    }
    print(json.dumps(figures))
    return 0 if loaded < LOADING and share < DISPLAY and kept < LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
