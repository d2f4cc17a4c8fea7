"""`publish --archive`: one run in one file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reprokit import folders
from reprokit.citing import citation_file, codecheck, prose
from reprokit.citing.facts import Facts, of_run, source_identifier
from reprokit.engines.connect import connect
from reprokit.errors import BadRequest, NoEngine
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Entry
from reprokit.history.listing import record_of
from reprokit.history.wording import size
from reprokit.model import JSON
from reprokit.pipeline.bill import bill
from reprokit.pipeline.earlier_code import code_of, lock_of
from reprokit.pipeline.job import powers_for
from reprokit.printable import printable
from reprokit.progress import Reporter
from reprokit.publishing import bag, contents, crate, image_file, readme
from reprokit.publishing.contents import Source
from reprokit.publishing.member import Member, of_bytes, of_text
from reprokit.publishing.readme import Held
from reprokit.publishing.that_ran import image_that_ran
from reprokit.version import __version__


@frozen
class Published:
    """A published run: `archive` is the file, `files` how many it holds, `size` its bytes."""

    run: str
    archive: Path
    sha256: str
    files: int
    size: int
    missing: tuple[str, ...]

    def document(self) -> JSON:
        """For programs."""
        return {
            "name": self.archive.name,
            "sha256": self.sha256,
            "size": self.size,
            "files": self.files,
        }

    def summary(self) -> str:
        """For people."""
        return (
            f"{self.archive}: {self.files} files, {size(self.size)}, {self.sha256}\n"
            "data/README.md in it says how to get the results again"
        )


@frozen
class Wanted:
    """What an archive is to hold besides: every package, the image; and which engine gives them."""

    vendor: bool
    image: bool
    engine: str | None


def archive(entry: Entry, target: Path, wanted: Wanted, reporter: Reporter) -> Published:
    """Write the archive of a run, all or nothing. See `reprokit.verbs.publish`."""
    record = record_of(entry)
    status = reading.text(record, "status")
    if status != "succeeded":
        raise BadRequest(f"the run {status}; only what succeeded is published", where=entry.id)
    check_target(target, entry)
    lock = lock_of(entry)
    key = reading.text(reading.mapping(record, "context"), "sha256")
    reporter.phase("publish")
    with code_of(entry, record, lock, key) as (job, prepared), ExitStack() as stack:
        source = Source(entry=entry, record=record, lock=lock, job=job, prepared=prepared)
        facts = of_run(entry, record, lock, source_identifier(job), {})
        for text in facts.missing():
            reporter.warning(text)
        if wanted.vendor and source.own_dockerfile:
            reporter.warning(
                "what the project's own Dockerfile downloads is unknown, so it cannot be packed: "
                "--image adds the image that ran"
            )
        members = list(contents.members(source, reporter, vendor=wanted.vendor))
        images = stack.enter_context(_images(source, facts, wanted, reporter))
        bills = _bill(entry, reporter)
        held = Held(
            vendor=wanted.vendor and not source.own_dockerfile,
            image="image.tar" in images,
            base="base.tar" in images,
            bill=bool(bills),
        )
        members += [*images.values(), *bills]
        members += _documents(facts, source, held)
        members.append(of_text(crate.NAME, crate.document(facts, members)))
        written = bag.write(
            target,
            f"{facts.name}-{facts.run}",
            members,
            information=_information(facts),
            tags=(of_text("README.txt", _POINTER),),
            moment=bag.moment(reading.text(record, "finished")),
            reporter=reporter,
        )
    return Published(
        run=facts.run,
        archive=target,
        sha256=written.sha256,
        files=written.files,
        size=written.size,
        missing=facts.missing(),
    )


_POINTER = "Everything is in the folder data: begin with data/README.md\n"


def check_target(target: Path, entry: Entry) -> None:
    """Raise BadRequest for a file that exists, or that the project's next image would hold."""
    if target.exists():
        raise BadRequest("exists already", where=str(target), next="name a new file")
    project = entry.folder.project.resolve()
    place = target.absolute().parent.resolve() / target.name
    if place.is_relative_to(project) and not place.is_relative_to(project / ".reprokit"):
        raise BadRequest(
            "lies in the project, whose next image would then hold it",
            where=str(target),
            next=f"name a file elsewhere, for example {project.parent / target.name}",
        )


def _bill(entry: Entry, reporter: Reporter) -> list[Member]:
    """The bill of materials; none where the image is gone and nothing remembers what it held."""
    try:
        found = bill(entry.id, project=entry.folder.project)
    except (BadRequest, NoEngine) as error:
        reporter.warning(f"the archive has no bill of materials: {error}")
        return []
    return [of_bytes("sbom.cdx.json", found.document)]


def _documents(facts: Facts, source: Source, held: Held) -> Iterator[Member]:
    yield of_text("README.md", printable(readme.text(facts, source, held, prose.markdown(facts))))
    yield of_text(crate.CITATION, printable(citation_file.document(facts)))
    yield of_text("codecheck.yml", printable(codecheck.document(facts)))
    yield of_text(contents.CHECKSUMS, contents.checksums(source.record))


def _information(facts: Facts) -> dict[str, str]:
    return {
        "Bag-Software-Agent": f"reprokit {__version__}",
        "External-Description": " ".join(printable(facts.title).split()),
        "External-Identifier": facts.run,
    }


@contextmanager
def _images(
    source: Source, facts: Facts, wanted: Wanted, reporter: Reporter
) -> Iterator[dict[str, Member]]:
    """The images that the archive is to hold, by file name, while they can be read."""
    base = wanted.vendor and not source.own_dockerfile and "@" not in source.lock.base.reference
    if not (base or wanted.image):
        yield {}
        return
    with ExitStack() as stack:
        engine = stack.enter_context(connect(wanted.engine))
        found = {}
        if base:
            locked = source.lock.base
            powers = powers_for(engine, reporter)
            family = powers.family(locked)
            family.provide(locked, engine, powers.site, folders.archives(), reporter)
            name = "base.tar"
            reading_base = image_file.member(name, locked.reference, locked.config_digest, engine)
            found[name] = stack.enter_context(reading_base)
        if wanted.image:
            image_that_ran(source.entry, source.record, engine, reporter)
            reference, name = source.prepared.tag, "image.tar"
            reading_image = image_file.member(name, reference, facts.environment, engine)
            found[name] = stack.enter_context(reading_image)
        yield found
