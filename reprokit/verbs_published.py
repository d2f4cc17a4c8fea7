"""The verbs about what is published: to cite it, to publish it, and to rerun what others did.

As all verbs they are called through `reprokit.verbs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.history.here import here
from reprokit.progress import Reporter, Silent

if TYPE_CHECKING:
    from reprokit.citing.cite import Citation
    from reprokit.publishing.publish import Publication
    from reprokit.rerunning.result import RerunResult
    from reprokit.studying.study import StudyResult


def cite(
    run: str = "last",
    *,
    format: str = "text",
    value: Sequence[str] = (),
    output: str | Path | None = None,
    reporter: Reporter | None = None,
) -> Citation:
    """What goes in the paper: `Citation.content` in the format that is asked for.

    format: "text", "markdown", "latex", "bibtex", "cff", "codecheck" or "badge". value:
    "NAME=FILE:PLACE" of each value of the results to name, besides those of repro.toml. output: a
    file that gets the content.
    Raises BadRequest, and ResultsDiffer for a run that failed or whose results were changed.
    """
    from reprokit.citing import cite as citing

    return citing.cite(
        run,
        reporter or Silent(),
        format=format,
        value=value,
        output=None if output is None else Path(output),
        project=here(),
    )


def publish(
    run: str = "last",
    *,
    archive: str | Path | None = None,
    vendor: bool = False,
    image: bool = False,
    push: str | None = None,
    data: bool = False,
    sign: str | Path | None = None,
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> Publication:
    """Write a run into one zip file that others can check, cite and run again, push its image
    with its record to a registry, or both.

    archive: the file. vendor: with every package, so that plain docker can build from it. image:
    with the image that ran. push: the image's name in the registry, "ghcr.io/me/wheat:1". data:
    also push the data and the results. sign: a private key (PEM) that signs what is pushed.
    Raises BadRequest for a run that failed or whose code is gone, ResultsDiffer and
    InputUnavailable for results and data that are no longer those of the run, StorageFailed;
    InputUnavailable for a registry that refuses; NoEngine and BuildFailed where images are needed.
    """
    from reprokit.publishing import publish as publishing

    return publishing.publish(
        run,
        publishing.Wishes(
            archive=None if archive is None else Path(archive),
            vendor=vendor,
            image=image,
            push=push,
            data=data,
            sign=None if sign is None else Path(sign),
            engine=engine,
        ),
        reporter or Silent(),
        project=here(),
    )


def rerun(
    source: str | Path,
    *,
    report: str | Path | None = None,
    yes: bool = False,
    date: str | None = None,
    memory: str | None = None,
    timeout: float | None = None,
    mend: bool = True,
    write: bool = False,
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> RerunResult:
    """Run something published again, without a network, and say whether the results are the same.

    source: an archive, "NAME@sha256:…", a run, a folder, a notebook, or the address of a git
    repository. report: an HTML page to write. yes: loosened isolation is allowed; else the user is
    asked. date: "YYYY-MM-DD", for packages that nothing pins. memory: "4g" or bytes, and timeout:
    seconds, for its program, besides the project's own limits. mend: a project that nobody
    published is tried again where the cause of its failure says how. write: what was taken for
    granted goes into the folder's repro.toml. Returns the result also where the build or the
    command failed, and where results differ: see `RerunResult.failure`. Raises BadRequest for a
    source that is none, damaged or dangerous, InputUnavailable for one that cannot be had,
    NoEngine, StorageFailed.
    """
    from reprokit.rerunning import limits
    from reprokit.rerunning import rerun as rerunning

    wanted = rerunning.Wanted(
        yes=yes,
        report=None if report is None else Path(report),
        engine=engine,
        date=date,
        limits=limits.given(memory, timeout),
        mend=mend,
        write=write,
    )
    return rerunning.rerun(str(source), wanted, reporter or Silent(), project=here())


def study(
    list: str | Path,
    *,
    jobs: int | None = None,
    output: str | Path | None = None,
    again: Sequence[str] = (),
    timeout: float | None = None,
    memory: str | None = None,
    yes: bool = False,
    reports: bool = False,
    keep_images: str | None = None,
    keep_images_for: float | None = None,
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> StudyResult:
    """Rerun every source of a list, each in a process of its own, and count what came of them.

    list: a TOML file, see docs/study.md. jobs: how many at a time; else one a core. output: the
    folder of the study, else one beside the list; what is done there is not done again. again:
    "failed", "different", "all" or names of sources to rerun all the same. timeout: seconds for
    each source. memory: "8g" or bytes, for all containers together. yes: loosened isolation is
    allowed. reports: write a page for each rerun. keep_images: "20g" or bytes of images that the
    study leaves at most, and keep_images_for: hours that it leaves them.
    Raises BadRequest for the list and the wishes, NoEngine, StorageFailed, Interrupted for Ctrl-C;
    what fails in a source is a row of the result.
    """
    from reprokit.studying import study as studying
    from reprokit.studying import wishes

    wanted = wishes.given(
        jobs=jobs,
        output=None if output is None else Path(output),
        again=again,
        timeout=timeout,
        memory=memory,
        yes=yes,
        reports=reports,
        keep_images=keep_images,
        keep_images_for=keep_images_for,
        engine=engine,
    )
    return studying.study(Path(list), wanted, reporter or Silent())
