"""`cite`: one run in the notation that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reprokit import configuration as configurations
from reprokit import files
from reprokit.citing import badge, bibtex, citation_file, codecheck, latex, prose
from reprokit.citing.facts import Facts, gather
from reprokit.configuration_keys import chosen_values
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.index import Index
from reprokit.model import JSON
from reprokit.printable import printable
from reprokit.progress import Reporter

FORMATS: Mapping[str, Callable[[Facts], str]] = {
    "badge": badge.image,
    "bibtex": bibtex.entry,
    "cff": citation_file.document,
    "codecheck": codecheck.document,
    "latex": latex.commands,
    "markdown": prose.markdown,
    "text": prose.text,
}


@frozen
class Citation:
    """A run as a paper cites it. `content` is a whole file or paragraph in `format`; `output` the
    file that it was written to."""

    format: str
    content: str
    facts: Facts
    output: Path | None = None

    def json(self) -> JSON:
        facts = self.facts
        return {
            "schema": 1,
            "run": facts.run,
            "format": self.format,
            "content": self.content,
            "environment_digest": facts.environment,
            "swhid": {"source": facts.source, "revision": facts.revision},
            "pushed": [push.reference for push in facts.pushed],
            "values": dict(facts.values),
            "missing": [*facts.missing()],
        }

    def text(self) -> str:
        return self.content if self.output is None else f"{self.output} is written"


def cite(
    run: str,
    reporter: Reporter,
    *,
    format: str = "text",
    value: Sequence[str] = (),
    output: Path | None = None,
    project: Path | None = None,
) -> Citation:
    """Cite a run. See `reprokit.verbs.cite`."""
    if format not in FORMATS:
        raise BadRequest(f"there is no format {format!r}", next=f"there are: {', '.join(FORMATS)}")
    entry = Index().find(run, project)
    configured = configurations.load(entry.folder.project).cite_values
    facts = gather(entry, {**dict(configured), **dict(_given(value))})
    for text in facts.missing():
        reporter.warning(text)
    content = printable(FORMATS[format](facts)).strip()
    if output is not None:
        files.write_text(output, content + "\n")
    return Citation(format=format, content=content, facts=facts, output=output)


def _given(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The values of `--value NAME=FILE:PLACE`."""
    try:
        return chosen_values(dict(text.split("=", 1) for text in values))
    except ValueError as error:
        raise BadRequest(
            "--value is not of the form NAME=FILE:PLACE",
            next="for example --value rmse=results/metrics.json:rmse",
        ) from error
