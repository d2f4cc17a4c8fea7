"""The process of `reprokit.comparators.apart`: requests come in and answers go out by pipes.

`python -P -m reprokit.comparators.apart_program`
"""

from __future__ import annotations

import os
import signal
import sys

from reprokit.comparators.apart import serve


def main() -> None:
    # Ctrl-C is for the process that asks; it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries in C print what they like to where answers would go.
    with os.fdopen(os.dup(1), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
