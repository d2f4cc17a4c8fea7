"""What a run leaves behind for a paper: one JSON document in canonical form.

The record is also what `run --json` prints. It is composed from frozen values only, so nothing of
this machine can slip in: no host or user name, no absolute path, no values of environment
variables, no engine socket. Its `digest` is the SHA-256 of everything else in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from reprokit import files, git, process
from reprokit.engines.protocol import EngineInformation
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import (
    JSON,
    DataFile,
    Image,
    Lock,
    LockedBase,
    LockedPackage,
    Note,
    Outcome,
    Plan,
    ResultFile,
    RunOptions,
    Step,
)
from reprokit.printable import redacted, redacted_values

SCHEMA = 1
UNIDENTIFYING = ("results/", "repro.lock")
"""Untracked files that do not make a project dirty: what reprokit itself writes there."""


@frozen
class ProjectState:
    """Which code ran. `root_name` is the folder's own name, never its path.

    `commit` is `None` outside a git repository, before the first commit, and where the folder is
    not part of the repository around it. `dirty` says that the commit alone does not identify the
    code: something tracked was changed, or something neither tracked nor ignored lies there. These
    are `changed`, by their paths in the project.
    """

    name: str
    root_name: str
    commit: str | None
    dirty: bool
    changed: tuple[str, ...] = ()


def project_state(root: Path, name: str | None = None) -> ProjectState:
    """Ask git which commit lies at `root`. `name` is the project's, else the folder's."""
    root_name = root.resolve().name
    commit, changed = _git_state(root)
    return ProjectState(
        name=name or root_name,
        root_name=root_name,
        commit=commit,
        dirty=bool(changed),
        changed=changed,
    )


def _git_state(root: Path) -> tuple[str | None, tuple[str, ...]]:
    try:
        commit = git.ask(root, "rev-parse", "--verify", "HEAD")
        if not git.ask(root, "ls-tree", "--name-only", "HEAD").strip():
            return None, ()
        words = ("--porcelain", "-z", "--ignore-submodules=dirty", "--", ".")
        status = git.ask(root, "status", *words, contents=True)
        prefix = git.ask(root, "rev-parse", "--show-prefix")
    except process.ProcessFailed:
        return None, ()
    return commit.strip(), tuple(_changed(status, prefix.rstrip("\n")))


def _changed(status: str, prefix: str) -> Iterator[str]:
    for line in status.split("\0"):
        if not line:
            continue
        path = line[3:].removeprefix(prefix)
        if line.startswith("?? ") and path.startswith(UNIDENTIFYING):
            continue
        yield path


def compose(
    *,
    run: str,
    state: ProjectState,
    plan: Plan,
    lock: Lock,
    image: Image,
    engine: EngineInformation,
    steps: tuple[Step, ...],
    parameters: Mapping[str, JSON],
    outcome: Outcome,
    data: tuple[DataFile, ...],
    results: tuple[ResultFile, ...],
    dockerfile: str,
    lock_digest: str,
    context_digest: str,
    environment_digest: str | None,
    environment_policy: str | None,
    version: str,
    plugins: tuple[str, ...],
    loosenings: tuple[str, ...],
    notes: tuple[Note, ...],
    undated: tuple[str, ...],
    variation: dict[str, JSON] | None = None,
    notebooks: list[JSON] | None = None,
    rerun_of: dict[str, JSON] | None = None,
    failure: dict[str, JSON] | None = None,
    mends: list[JSON] | None = None,
    cell: dict[str, JSON] | None = None,
) -> dict[str, JSON]:
    """The record of a run. Lists are sorted wherever order means nothing.

    run: the run's id. dockerfile: its text, of which the record keeps the digest. environment_*:
    `None` while the environment digest is not known. undated: what could not be resolved by date.
    variation: what several runs differed by (`reprokit.phases.learn`); no key where there was one.
    notebooks: whether their outputs are those stored (`reprokit.notebook_runs.outputs`); no key
    where none ran.
    rerun_of: what is run again (`reprokit.rerunning.origin.Source`); no key in other runs.
    failure: why it failed (`reprokit.diagnosing`); no key where it did not.
    mends: what a rerun set by itself after earlier failures (`reprokit.rerunning.mending`); no key
    where it did not.
    cell: the notebook's cell that ran (`reprokit.cells.exchange`); no key in other runs.
    Raises BadRequest for a parameter that JSON cannot hold (NaN, infinity).
    """
    content: dict[str, JSON] = {
        "schema": SCHEMA,
        "run": run,
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "started": outcome.started,
        "finished": outcome.finished,
        "seconds": round(outcome.seconds, 3),
        "peak_memory": outcome.peak_memory,
        "project": {
            "name": state.name,
            "folder": state.root_name,
            "commit": state.commit,
            "dirty": state.dirty,
        },
        "command": [{"argv": _redacted_list(s.argv), "folder": s.folder} for s in steps],
        "command_reason": _command_reason(plan, steps),
        "parameters": _redacted(dict(parameters)),
        "platform": image.platform,
        "environment_digest": environment_digest,
        "environment_policy": environment_policy,
        "image": _image(image),
        "base": _base(lock.base),
        "dockerfile": {"sha256": files.sha256_text(_encodable_text(dockerfile))},
        "lock": {"sha256": lock_digest},
        "context": {"sha256": context_digest},
        "date": {"day": lock.date.day, "source": lock.date.source},
        "epoch": lock.epoch,
        "packages": _packages(lock),
        "engine": _engine(engine),
        "reprokit": {"version": version, "plugins": [*sorted(set(plugins))]},
        "options": _options(plan.options),
        "loosenings": [*loosenings],
        "notes": [_note(note) for note in notes],
        "undated": _redacted_list(sorted(set(undated))),
        "data": {
            "mode": plan.data.mode,
            "files": [_file(d) for d in sorted(data, key=_path)],
            "mounts": _mounts(plan),
        },
        "results": [{**_file(r), "origin": r.origin} for r in sorted(results, key=_path)],
    }
    if variation is not None:
        content["variation"] = variation
    if notebooks is not None:
        content["notebooks"] = _mapped(notebooks, redacted)
    if rerun_of is not None:
        content["rerun_of"] = rerun_of
    if failure is not None:
        content["failure"] = _mapped(failure, redacted)
    if mends:
        content["mends"] = _mapped(mends, redacted)
    if cell is not None:
        content["cell"] = cell
    return sealed(content)


def sealed(content: Mapping[str, JSON]) -> dict[str, JSON]:
    """`content` with its `digest`: the SHA-256 of its canonical form without that field."""
    plain = {key: _encodable(value) for key, value in content.items() if key != "digest"}
    return {**plain, "digest": digest(plain)}


def digest(record: Mapping[str, JSON]) -> str:
    """The digest that a record with this content has, whatever its `digest` field says."""
    plain = {key: value for key, value in record.items() if key != "digest"}
    try:
        return files.sha256_text(files.canonical_json(plain))
    except ValueError as error:
        raise BadRequest(
            "a value of the record is not finite, and JSON has no word for that",
            next="give parameters as finite numbers or as text",
        ) from error


def canonical(record: Mapping[str, JSON]) -> str:
    """The text of record.json: canonical JSON and a line feed."""
    return files.canonical_json(record) + "\n"


def _command_reason(plan: Plan, steps: tuple[Step, ...]) -> str | None:
    if plan.entry is None or plan.entry.steps != steps:
        return None
    return redacted(str(plan.entry.reason))


def _image(image: Image) -> JSON:
    digests = sorted(text.rpartition("@")[2] for text in image.registry_digests)
    return {
        "reference": image.reference,
        "config_digest": image.config_digest,
        "layers": [*image.layers],
        "registry_digest": digests[0] if digests else None,
        "size": image.size,
    }


def _base(base: LockedBase) -> JSON:
    return {
        "family": base.family,
        "name": base.name,
        "config_digest": base.config_digest,
        "layers": [*base.layers],
        "registry_digest": base.registry_digest,
    }


def _packages(lock: Lock) -> JSON:
    """Every installed package, by where it comes from. Those of build stages are not installed."""
    groups: list[tuple[str, Iterable[LockedPackage]]] = [
        ("base", lock.base.packages),
        ("system", lock.system),
        *((e.ecosystem, e.packages) for e in lock.ecosystems),
    ]
    rows = {(group, p.name, p.version) for group, packages in groups for p in packages}
    return [{"source": s, "name": n, "version": v} for s, n, v in sorted(rows)]


def _engine(engine: EngineInformation) -> JSON:
    """Without the socket: its path may hold a user's name."""
    return {
        "name": engine.name,
        "version": engine.version,
        "api": engine.api,
        "platform": engine.platform,
        "rootless": engine.rootless,
        "builder": engine.builder,
    }


def _options(options: RunOptions) -> JSON:
    """Environment variables by name only: a value may be a password."""
    found: dict[str, JSON] = {
        "network": options.network,
        "read_only": options.read_only,
        "memory": options.memory,
        "cpus": options.cpus,
        "pids": options.pids,
        "shared_memory": options.shared_memory,
        "timeout": options.timeout,
        "environment_names": [*sorted({name for name, _ in options.environment})],
    }
    if options.folders:
        found["folders"] = [*options.folders]
    if options.display:
        found["display"] = True
    return found


def _note(note: Note) -> JSON:
    reason = None if note.reason is None else redacted(str(note.reason))
    return {"level": note.level, "text": redacted(note.text), "reason": reason}


def _path(file: DataFile | ResultFile) -> str:
    return file.path


def _file(file: DataFile | ResultFile) -> dict[str, JSON]:
    return {"path": file.path, "size": file.size, "sha256": file.sha256}


def _mounts(plan: Plan) -> JSON:
    """What the program saw unpacked or under another name. All else was at its own path."""
    return [
        {"source": mount.source, "target": mount.target, "unpack": mount.unpack}
        for mount in sorted(plan.data.mounts, key=lambda mount: mount.target)
        if mount.unpack is not None or mount.target != mount.source
    ]


def _redacted_list(words: Iterable[str]) -> list[JSON]:
    return [redacted(word) for word in words]


def _redacted(value: JSON) -> JSON:
    found: JSON = redacted_values(value)
    return found


def _encodable(value: JSON) -> JSON:
    return _mapped(value, _encodable_text)


def _encodable_text(text: str) -> str:
    """File names that are no UTF-8 reach Python as lone surrogates, which JSON files cannot hold:
    written as `\\udcff` instead."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _mapped(value: JSON, change: Callable[[str], str]) -> JSON:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    return value
