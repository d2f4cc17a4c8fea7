"""The README of an archive: how to get the results again, command by command, on every system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

from reprokit import resources
from reprokit.citing.facts import Facts
from reprokit.citing.prose import escaped
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.model import Argv
from reprokit.phases.render import steps_command
from reprokit.publishing import powershell
from reprokit.publishing.contents import BUILD, INPUTS, NEW_RESULTS, Source
from reprokit.quoting import shell_word


@frozen
class Held:
    """What of the environment an archive holds. `base` is false also where the base image comes
    from a registry by its digest; `bill` says whether there is a bill of materials."""

    vendor: bool
    image: bool
    base: bool
    bill: bool


@dataclass(frozen=True, slots=True)
class _Shell:
    """How a shell writes a word, a folder of this one, and that a line goes on; `check` compares
    the results in the present folder with the published ones."""

    name: str
    powershell: bool
    check: str

    def word(self, text: str) -> str:
        return powershell.word(text) if self.powershell else shell_word(text)

    def volume(self, folder: str, target: str, ending: str = "") -> str:
        volume = f"{folder}:{target}{ending}"
        if self.powershell:
            return f"--volume {powershell.below_here(volume)}"
        return f'--volume "$PWD/"{shell_word(volume)}'

    def command(self, *parts: str) -> str:
        """One command over several lines."""
        return (" `\n    " if self.powershell else " \\\n    ").join(parts)


_SHELLS = (
    _Shell("Linux", False, "sha256sum --check ../results.sha256"),
    _Shell("macOS", False, "shasum --algorithm 256 --check ../results.sha256"),
    _Shell(
        "Windows (PowerShell)",
        True,
        "Get-Content ../results.sha256 -Encoding UTF8 | ForEach-Object {\n"
        "    $hash, $file = $_ -split '  ', 2\n"
        "    $same = (Get-FileHash -LiteralPath $file).Hash -eq $hash\n"
        "    \"${file}: $(if ($same) { 'OK' } else { 'FAILED' })\"\n"
        "}",
    ),
)


def text(facts: Facts, source: Source, held: Held, paragraph: str) -> str:
    """The README's text."""
    template = Template(resources.template("archive-README.md"))
    return template.substitute(
        title=escaped(facts.title),
        run=facts.run,
        paragraph=paragraph,
        file=f"{facts.name}-{facts.run}",
        environment=facts.environment,
        preparation=_preparation(facts, source, held),
        commands="\n".join(_section(shell, facts, source, held) for shell in _SHELLS),
        contents="\n".join(f"| `{path}` | {what} |" for path, what in _contents(source, held)),
    )


def _preparation(facts: Facts, source: Source, held: Held) -> str:
    """What a reader without reprokit must know before the commands."""
    if held.image:
        return "The image that ran is loaded and run again."
    if facts.pushed and not held.vendor:
        return "The image that ran is pulled and run again."
    if source.own_dockerfile:
        return "The image is built from the project's own Dockerfile, which uses the network."
    base = source.lock.base.reference
    if held.vendor:
        text = "The image is built from what is here"
        text += ", without a network." if held.base else f". Its base, `{base}`, is pulled."
        if facts.pushed:
            text += f"\nThe very image that ran is `{facts.pushed[-1].reference}`."
        return text
    return (
        "This archive holds neither the image nor its packages. The commands work once every "
        f"package\nis in `{BUILD}/vendor/` (`repro.lock` has address, path and hash of each) and "
        f"the base image\n`{base}` is there; reprokit sees to both."
    )


def _section(shell: _Shell, facts: Facts, source: Source, held: Held) -> str:
    commands = list(_commands(shell, facts, source, held))
    language = "powershell" if shell.powershell else "sh"
    body = "\n".join(commands)
    return f"### {shell.name}\n\n```{language}\n{body}\n```\n"


def _commands(shell: _Shell, facts: Facts, source: Source, held: Held) -> Iterator[str]:
    tag = _built_tag(facts, source)
    if held.image:
        tag = source.prepared.tag
        yield "docker load --input image.tar"
    elif facts.pushed and not held.vendor:
        tag = facts.pushed[-1].reference
        yield f"docker pull {tag}"
    else:
        yield from _build(shell, source, held, tag)
    yield f"mkdir {NEW_RESULTS}"
    if not shell.powershell:
        yield f"chmod 777 {NEW_RESULTS}"
    if shell.powershell and any(map(powershell.needs_as_ever, _words(source))):
        yield powershell.AS_EVER
    beside = sorted(_beside(source))
    name = f"reprokit-{facts.run}"
    yield shell.command(*_run(shell, source, tag, name if beside else None))
    for path in beside:
        yield f"docker cp {shell.word(f'{name}:/app/{path}')} {NEW_RESULTS}/"
    if beside:
        yield f"docker rm {name}"
    yield f"cd {NEW_RESULTS}"
    yield shell.check


def _built_tag(facts: Facts, source: Source) -> str:
    """A name for an image that is built without reprokit, which must not take it for its own."""
    name = source.prepared.tag.rpartition("/")[2].partition(":")[0]
    return f"localhost/{name}:{facts.run}"


def _build(shell: _Shell, source: Source, held: Held, tag: str) -> Iterator[str]:
    if held.base:
        yield "docker load --input base.tar"
    buildkit = "$env:DOCKER_BUILDKIT = 1; " if shell.powershell else "DOCKER_BUILDKIT=1 "
    network = () if source.own_dockerfile else ("--network none",)
    yield buildkit + shell.command(
        "docker build",
        *network,
        f"--build-arg SOURCE_DATE_EPOCH={source.lock.epoch}",
        f"--tag {tag} {BUILD}",
    )


def _run(shell: _Shell, source: Source, tag: str, name: str | None) -> Iterator[str]:
    plan = source.job.plan
    options = plan.options
    yield "docker run --rm" if name is None else f"docker run --name {name}"
    yield f"--platform {source.lock.platform}"
    if not options.network:
        yield "--network none"
    if options.read_only:
        yield "--read-only --tmpfs /tmp"
    if options.memory is not None:
        yield f"--memory {options.memory}"
    yield f"--shm-size {options.shared_memory}"
    for variable in _environment(source):
        yield f"--env {shell.word(variable)}"
    yield shell.volume(NEW_RESULTS, "/app/results")
    if source.mounts_data:
        for mount in plan.data.mounts:
            place = mount.source if mount.unpack is None else mount.target
            yield shell.volume(f"{INPUTS}/{place}", f"/app/{mount.target}", ":ro")
    program, *rest = _command(source) or ("",)
    if program:
        yield f"--entrypoint {shell.word(program)}"
    yield " ".join((tag, *(shell.word(word) for word in rest)))


def _environment(source: Source) -> list[str]:
    """Values may be passwords: they are told only where the published configuration tells them."""
    plan = source.job.plan
    known = source.job.configuration.file in plan.code
    return [f"{name}={value}" if known else name for name, value in plan.options.environment]


def _words(source: Source) -> list[str]:
    """What of `docker run` is the project's own."""
    return [*_environment(source), *_command(source)]


def _command(source: Source) -> Argv:
    """What must be said after the image: nothing where the image has its command."""
    entry = source.job.plan.entry
    return steps_command(entry) if source.job.given and entry is not None else ()


def _beside(source: Source) -> set[str]:
    """Files and folders of /app that the run wrote results into, beside /app/results."""
    rows = reading.rows(source.record, "results")
    paths = [reading.text(row, "path") for row in rows if row.get("origin") == "collected"]
    return {path.partition("/")[0] for path in paths}


def _contents(source: Source, held: Held) -> Iterator[tuple[str, str]]:
    yield "results/", "what the run wrote; `results.sha256` has its hashes"
    code = "" if source.own_dockerfile else "; `app/` is the code that ran"
    vendored = ", `vendor/` every package" if held.vendor else ""
    yield f"{BUILD}/", f"the Dockerfile and the files it reads{code}{vendored}"
    if source.mounts_data and source.job.plan.data.files:
        yield f"{INPUTS}/", "the data that the program read"
    if held.image:
        yield "image.tar", "the image that ran, as an OCI layout"
    if held.base:
        yield "base.tar", f"the image that the Dockerfile starts from, {source.lock.base.name}"
    yield "repro.lock", "every package by version, source and SHA-256"
    yield "record.json`, `log.txt", "what ran, on what, with which results; what it printed"
    if held.bill:
        yield "sbom.cdx.json", "every package of the image, as a CycloneDX bill of materials"
    yield "CITATION.cff`, `codecheck.yml", "how to cite it; the authors' part of a code check"
    yield "ro-crate-metadata.json", "the same for programs: a Process Run RO-Crate 1.1"
