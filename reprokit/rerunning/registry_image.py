"""An image in a registry with the record attached to it, and what the image itself holds."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from reprokit import configuration as configurations
from reprokit import lock_file
from reprokit.engines.distribution import Missing
from reprokit.engines.protocol import LABEL, ContainerRequest, Engine
from reprokit.errors import BadRequest, InputUnavailable, NoAnswer
from reprokit.history import reading
from reprokit.model import Image
from reprokit.phases.self_description import FOLDER, PLAN
from reprokit.pipeline.earlier_code import Kept
from reprokit.progress import Reporter
from reprokit.publishing import published_image
from reprokit.publishing.data_in_registry import download_data, download_results
from reprokit.rerunning.archive import folder_name
from reprokit.rerunning.origin import Origin, Published, Source

_LIMIT = 4 * 1024 * 1024
_CONFIGURATIONS = (configurations.FILE, "pyproject.toml")


def opened(reference: str, workspace: Path, reporter: Reporter) -> Origin:
    """The latest run whose record is attached to an image, with its data and results as far as
    they are attached too. Nothing is pulled yet.

    Raises BadRequest where no record is attached, InputUnavailable for data that is not.
    """
    reporter.phase("fetch")
    image = published_image.resolve(reference)
    found = published_image.records(image, reporter.warning)
    if not found:
        raise BadRequest(
            "no record of a run is attached to this image, so nothing says what it ran",
            where=reference,
            next="rerun what it was made of: an archive, a folder or a git repository",
        )
    attached = found[-1]
    if len(found) > 1:
        run = reading.text(attached.record, "run")
        reporter.warning(
            f"{len(found)} runs are attached to this image; the latest is rerun: {run}"
        )
    name = reading.text(reading.mapping(attached.record, "project"), "name")
    root, results = workspace / "project" / folder_name(name), workspace / "results"
    root.mkdir(parents=True)
    results.mkdir()
    data = reading.mapping(attached.record, "data")
    if reading.text(data, "mode") == "mount" and reading.rows(data, "files"):
        _with_data(attached, root, reporter)
    try:
        download_results(attached, results, reporter)
    except Missing:
        reporter.warning("the results are not attached: only their hashes can be compared")
    except NoAnswer:
        raise
    except InputUnavailable as error:
        reporter.warning(f"of the published results only their hashes can be compared: {error}")
    published = Published(
        record=attached.record,
        lock=lock_file.loads(attached.lock),
        kept=Kept(dockerfile=None, plan=None),
        results=results,
        references=(image.reference,),
    )
    source = Source(kind="image", name=image.name, identifier=image.digest)
    return Origin(source=source, root=root, published=published, has_code=False)


def _with_data(attached: published_image.AttachedRecord, root: Path, reporter: Reporter) -> None:
    try:
        download_data(attached, root, reporter)
    except Missing as error:
        raise InputUnavailable(
            f"the data that the run read is not attached to the image: {error.what}",
            where=error.where,
            next="rerun an archive of the run, or publish it with `--push REF --data`",
        ) from error


def unfolded(image: Image, root: Path, engine: Engine) -> Kept:
    """What the image holds of its making: the Dockerfile and plan; the project's configuration is
    put into `root`, which says how the run was confined and what is tolerated."""
    request = ContainerRequest(image=image.reference, command=("true",), labels={LABEL: "reprokit"})
    with engine.container(request) as container:

        def read(path: str) -> bytes | None:
            content = bytearray()
            try:
                for chunk in container.read(path):
                    content += chunk
                    if len(content) > _LIMIT:
                        return None
            except (BadRequest, InputUnavailable):
                return None
            return _only_file(bytes(content))

        texts = [_text(read(f"{FOLDER}/{name}")) for name in ("Dockerfile", PLAN)]
        for name in _CONFIGURATIONS:
            content = read(f"/app/{name}")
            if content is not None and not (root / name).exists():
                (root / name).write_bytes(content)
    return Kept(dockerfile=texts[0], plan=texts[1])


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _only_file(archive: bytes) -> bytes | None:
    """The content of a tar that holds one regular file; nothing of it is unpacked."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            member = tar.next()
            if member is None or not member.isreg():
                return None
            content = tar.extractfile(member)
            return None if content is None else content.read()
    except tarfile.TarError:
        return None
