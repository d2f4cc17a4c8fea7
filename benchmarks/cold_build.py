"""What a hermetic build from nothing costs over the Dockerfile that an expert would write by hand.

    python benchmarks/cold_build.py [PROJECT] [--base bookworm] [--runs 3] [--steps]

One build is that of a folder from `reprokit export`, with the network off and --no-cache; the other
installs the same pins with apt and pip on the same base image, network on. Downloads are warm in
both: reprokit has fetched them, apt keeps its lists and packages in BuildKit's cache mounts, and
pip has the wheels beside the Dockerfile. The expert's layers are made anew by an argument that
differs each time: --no-cache would empty the cache mounts too
(https://github.com/moby/buildkit/issues/4250).
A third build, which is not judged, has pip ask its index and keep its downloads in a cache mount;
pip keeps nothing where the index or a proxy before it sends no Cache-Control.

After one build of each that does not count, they build in turn, so that a noisy machine slows all
of them down. The limits are 1.10 of the expert's time and 1.05 of the image's size. --steps shows
on stderr how long each step took.

The images are removed at the end. BuildKit's cache mounts and build cache stay: they cannot be
told from other people's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from reprokit.engines.connect import connect
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import BuildRequest

TIME_LIMIT = 1.10
SIZE_LIMIT = 1.05
EXAMPLE = Path(__file__).parent.parent / "examples/python-analysis"

_BASE = re.compile(r"^FROM (?P<reference>\S+)", re.MULTILINE)
_ENTRY = re.compile(r"^ENTRYPOINT .+$", re.MULTILINE)
_STEP = re.compile(r"#(?P<number>\d+) (?P<text>\[.+\d+/\d+\] .+|exporting to .+)")
_DONE = re.compile(r"#(?P<number>\d+) DONE (?P<seconds>[\d.]+)s")

EXPERT = """\
FROM {base}
ARG BUILD
RUN --mount=type=cache,id=reprokit-cold-build-apt,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,id=reprokit-cold-build-lists,target=/var/lib/apt/lists,sharing=locked \\
    rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && \\
    DEBIAN_FRONTEND=noninteractive \\
    apt-get install -y --no-install-recommends python3 python3-venv
RUN python3 -m venv /opt/venv
RUN {mounts} \\
    {environment}/opt/venv/bin/pip install {options} -r /mnt/requirements.txt
RUN useradd --uid 1000 --gid 0 --create-home repro && install -d -o 1000 -g 0 /app/results
ENV PATH=/opt/venv/bin:$PATH MPLBACKEND=Agg
COPY --chown=1000:0 app/ /app/
USER 1000:0
WORKDIR /app
{entry}
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way to build: its request, and what its timed builds took."""

    request: BuildRequest
    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    steps: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def build(self, engine: SocketEngine, *, count: bool = True) -> None:
        # Each RUN after ARG sees the argument, so that none comes out of the cache.
        stamp = {} if self.request.no_cache else {"BUILD": str(time.time_ns())}
        request = replace(self.request, arguments=stamp)
        lines: list[str] = []
        started = time.perf_counter()
        image = engine.build(request, lines.append)
        taken = time.perf_counter() - started
        if not count:
            return
        self.seconds.append(taken)
        self.sizes.append(image.size)
        for name, seconds in steps(lines):
            self.steps[name].append(seconds)


def steps(lines: list[str]) -> Iterator[tuple[str, float]]:
    """The steps of a build and how many seconds each took, out of its plain progress."""
    names: dict[str, str] = {}
    for line in lines:
        if match := _STEP.fullmatch(line.strip()):
            names.setdefault(match["number"], match["text"])
        elif (match := _DONE.fullmatch(line.strip())) and match["number"] in names:
            yield names[match["number"]], float(match["seconds"])


def expert_context(exported: Path, context: Path, *, index: bool) -> None:
    """A folder with the hand-written Dockerfile, for the pins and the code of an exported one;
    with `index` pip downloads from its index, else it has the wheels beside it."""
    shutil.copytree(exported / "app", context / "app")
    shutil.copyfile(exported / "vendor/python/requirements.txt", context / "requirements.txt")
    mounts = ["--mount=type=bind,source=requirements.txt,target=/mnt/requirements.txt"]
    environment, options = "", "--no-index --find-links /mnt/wheels"
    if index:
        options = "--disable-pip-version-check"
        mounts.append("--mount=type=cache,id=reprokit-cold-build-pip,target=/root/.cache/pip")
        if bundle := os.environ.get("SSL_CERT_FILE"):
            shutil.copyfile(bundle, context / "ca.pem")
            mounts.append("--mount=type=bind,source=ca.pem,target=/mnt/ca.pem")
            environment = "PIP_CERT=/mnt/ca.pem "
    else:
        shutil.copytree(exported / "vendor/wheels", context / "wheels")
        mounts.append("--mount=type=bind,source=wheels,target=/mnt/wheels")
    ours = (exported / "Dockerfile").read_text(encoding="utf-8")
    base, entry = _BASE.search(ours), _ENTRY.search(ours)
    if base is None or entry is None:
        raise SystemExit(f"{exported}/Dockerfile has no FROM or no ENTRYPOINT")
    text = EXPERT.format(
        base=base["reference"],
        entry=entry[0],
        mounts=" \\\n    ".join(mounts),
        environment=environment,
        options=options,
    )
    (context / "Dockerfile").write_text(text, encoding="utf-8")


@contextmanager
def ways(project: Path, base: str) -> Iterator[dict[str, Measured]]:
    """The folders to build, for the length of the block."""
    reprokit = shutil.which("reprokit", path=str(Path(sys.executable).parent)) or "reprokit"
    with tempfile.TemporaryDirectory(prefix="reprokit-cold-build-") as name:
        root = Path(name)
        copy, exported = root / project.name, root / "ours"
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".reprokit", "results"))
        command = [reprokit, "export", str(exported), "--path", str(copy), "--base", base]
        subprocess.run(command, check=True, stdout=sys.stderr)
        found = {"reprokit": Measured(request=_request(exported, "ours", expert=False))}
        for key, index in (("expert", False), ("expert_from_index", True)):
            context = root / key
            context.mkdir()
            expert_context(exported, context, index=index)
            found[key] = Measured(request=_request(context, key, expert=True))
        yield found


def _request(context: Path, name: str, *, expert: bool) -> BuildRequest:
    tag = f"localhost/reprokit-cold-build/{name}:{os.getpid()}"
    return BuildRequest(context=context, tag=tag, network=expert, no_cache=not expert)


def summary(measured: dict[str, Measured]) -> dict[str, float]:
    """The medians and ratios."""
    ours, expert = measured["reprokit"], measured["expert"]
    pairs = zip(ours.seconds, expert.seconds, strict=True)
    return {
        "reprokit_s": round(statistics.median(ours.seconds), 2),
        "expert_s": round(statistics.median(expert.seconds), 2),
        "ratio": round(statistics.median(ours.seconds) / statistics.median(expert.seconds), 3),
        "worst_pair": round(max(a / b for a, b in pairs), 3),
        "limit": TIME_LIMIT,
        "expert_from_index_s": round(statistics.median(measured["expert_from_index"].seconds), 2),
        "reprokit_bytes": ours.sizes[-1],
        "expert_bytes": expert.sizes[-1],
        "size_ratio": round(ours.sizes[-1] / expert.sizes[-1], 3),
        "size_limit": SIZE_LIMIT,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a build against an expert's.")
    parser.add_argument("project", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--base", default="bookworm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", action="store_true")
    given = parser.parse_args()
    with connect("docker") as engine, ways(given.project.resolve(), given.base) as measured:
        try:
            for way in measured.values():
                way.build(engine, count=False)
            for _ in range(given.runs):
                for way in measured.values():
                    way.build(engine)
        finally:
            for way in measured.values():
                engine.remove_image(way.request.tag)
    if given.steps:
        for name, way in measured.items():
            for step, seconds in way.steps.items():
                print(f"{name:20}{statistics.median(seconds):7.1f} s  {step}", file=sys.stderr)
    result = summary(measured)
    print(json.dumps(result))
    return 0 if result["ratio"] <= TIME_LIMIT and result["size_ratio"] <= SIZE_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
