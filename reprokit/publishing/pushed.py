"""Where a run's image was pushed: the only digests under which anybody can pull it.

Kept in the run's folder beside the record, which is sealed. Engines also tell registry digests of
images that never were in a registry (Podman does), so those are not believed.
"""

from __future__ import annotations

import json
import re

from reprokit import files
from reprokit.engines.credentials import is_local
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.run_folder import RunFolder

NAME = "pushed.json"
_SIZE_LIMIT = 1024 * 1024
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._:/-]*", re.IGNORECASE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@frozen
class Pushed:
    """A push: `repository` with its registry ("ghcr.io/me/wheat"), and the manifest's digest that
    the registry confirmed."""

    repository: str
    digest: str

    @property
    def reference(self) -> str:
        """What `docker pull` takes."""
        return f"{self.repository}@{self.digest}"

    @property
    def local(self) -> bool:
        """Whether the registry is one of this machine, which nobody else reaches by that name."""
        return is_local(self.repository.partition("/")[0])


def read(folder: RunFolder) -> tuple[Pushed, ...]:
    """The pushes of a run, latest last. Raises BadRequest for a damaged note."""
    path = folder.path / NAME
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise BadRequest("is too large", where=str(path))
        document = json.loads(path.read_text("utf-8"))
        found = tuple(
            Pushed(repository=row["repository"], digest=row["digest"]) for row in document["pushed"]
        )
        for push in found:
            if not _REPOSITORY.fullmatch(push.repository) or not _DIGEST.fullmatch(push.digest):
                raise ValueError
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest("is damaged", where=str(path), next="remove it and push again") from error
    return found


def add(folder: RunFolder, push: Pushed) -> None:
    """Note a push that the registry has confirmed."""
    kept = [*(known for known in read(folder) if known != push), push]
    rows = [{"repository": known.repository, "digest": known.digest} for known in kept]
    files.write_text(folder.path / NAME, files.canonical_json({"schema": 1, "pushed": rows}) + "\n")
