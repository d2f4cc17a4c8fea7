"""Environments that the project's own Dockerfile would make, and that cannot be made with it."""

from __future__ import annotations

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.protocol import Cause, Failure


class OwnDockerfile:
    """What it starts from is gone, a step of it fails, or nobody allowed the network that all its
    steps have. What the project declares beside it may do."""

    name = "own-dockerfile"

    def diagnose(self, failure: Failure) -> Cause | None:
        file = failure.plan.dockerfile
        if file is None or failure.phase not in ("lock", "build"):
            return None
        return Cause(
            name=self.name,
            text=f"the project's own {file} makes no image here",
            next='mend it, or write `dockerfile = "generate"` into repro.toml: reprokit then '
            "writes one from what the project declares",
            evidence=tuple(line.strip() for line in failure.lines[:1]),
            line=len(failure.lines),
            mends=(Mend(settings={"dockerfile": "generate"}),),
            phase=failure.phase,
        )


DIAGNOSES = (OwnDockerfile(),)
