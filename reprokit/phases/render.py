"""Render: a lock becomes a Dockerfile that a person can read, keep and build without reprokit.

Pure: the same lock and plan give the same bytes. Nothing is downloaded by the Dockerfile; every
step reads vendor/ beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reprokit import bytecode, lock_file
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.engines.protocol import LABEL, PURPOSE
from reprokit.errors import BadRequest
from reprokit.files import sha256_text
from reprokit.model import (
    Argv,
    BuildContext,
    BuildStage,
    Entry,
    GeneratedFile,
    Lock,
    Mount,
    Plan,
    Rendering,
    Run,
)
from reprokit.phases import self_description
from reprokit.quoting import (
    copy_form,
    dockerfile_value,
    exec_form,
    refuse_control_characters,
    shell_command,
    shell_word,
)
from reprokit.system_install import brings_python, install_run

RESULTS = "/app/results"
STEPS = "/usr/local/bin/repro-steps"
USER = "1000:0"
LINE = 88  # characters after which a command goes on in the next line

_ACCOUNT = Run(
    comment="Whoever runs this is not root; group 0 may write, as any --user is put into it.",
    commands=(
        (
            "useradd", "--uid", "1000", "--gid", "0", "--non-unique", "--no-log-init",
            "--create-home", "--home-dir", "/home/repro", "repro",
        ),
        ("install", "-d", "-o", "1000", "-g", "0", "-m", "0775", "/app", RESULTS),
        ("chmod", "-R", "g=u", "/home/repro"),
    ),
)  # fmt: skip


def render(plan: Plan, lock: Lock, ecosystems: Mapping[str, Ecosystem]) -> BuildContext:
    """The Dockerfile, the generated files beside it, and what else belongs into the context."""
    rendered = [_rendering(locked.ecosystem, ecosystems, lock) for locked in lock.ecosystems]
    shares = [share for share in rendered if share != Rendering()]
    stages = [share.stage for share in shares if share.stage is not None]
    lock_text = lock_file.dumps(lock)
    blocks = [
        _header(lock),
        *_system(lock, build=bool(stages)),
        *(_build_stage(stage, lock) for stage in stages),
        *_final(plan, lock, lock_text, shares, stages),
    ]
    generated = [*{f.path: f for share in shares for f in share.files}.values()]
    generated += [f for f in _system_files(lock) if f not in generated]
    if plan.entry is not None and _needs_script(plan.entry):
        generated.append(_steps_script(plan.entry))
    generated += self_description.files(plan, lock_text)
    code = [(f"app/{path}", path) for path in plan.code]
    bakes = plan.data.mode == "bake"
    if bakes:
        code += [(f"data/{path}", path) for path in plan.data.files]
    unpacked = [(f"data/{mount.target}", mount) for mount in plan.data.unpacked()] if bakes else []
    for path in (path for path, _ in (*code, *unpacked)):
        refuse_control_characters(path, where=path)
    return BuildContext(
        dockerfile="\n\n".join(blocks) + "\n",
        dockerignore="*\n!Dockerfile\n!app\n" + ("!data\n" if bakes else "") + "!vendor\n",
        files=tuple(sorted(generated, key=lambda file: file.path)),
        artifacts=lock.artifacts(stages=bool(stages)),
        code=tuple(sorted(code)),
        unpacked=tuple(sorted(unpacked, key=lambda pair: pair[0])),
    )


def render_toolbox(lock: Lock) -> BuildContext:
    """The part of the Dockerfile that ecosystems resolve in: the stages "system" and "build"."""
    label = f'LABEL {LABEL}="reprokit" {PURPOSE}="toolbox"'
    return BuildContext(
        dockerfile="\n\n".join(_system(lock, build=True)) + f"\n{label}\n",
        dockerignore="*\n!vendor\n",
        files=_system_files(lock),
        artifacts=replace(lock, ecosystems=()).artifacts(),
        code=(),
    )


def _rendering(name: str, ecosystems: Mapping[str, Ecosystem], lock: Lock) -> Rendering:
    locked = next(e for e in lock.ecosystems if e.ecosystem == name)
    if name not in ecosystems:
        raise BadRequest(
            f"the lock needs the ecosystem {name!r}, which no installed plugin offers",
            where=lock_file.NAME,
            next="install the plugin (see `reprokit plugins`)",
        )
    try:
        return ecosystems[name].render(locked, lock.base)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # The settings of an ecosystem are its own, so only it can find out that they are not.
        raise BadRequest(
            f"what it holds for {name!r} is not what that wrote ({type(error).__name__}: {error})",
            where=lock_file.NAME,
            next="restore it from version control, or run `reprokit lock --upgrade`",
        ) from error


def _header(lock: Lock) -> str:
    return "\n".join(
        (
            # Neither the folder's name nor the version that renders: both may differ elsewhere.
            f"# Packages as of {refuse_control_characters(lock.date.day)}, locked by reprokit "
            f"{refuse_control_characters(lock.reprokit)}. Everything it",
            "# installs lies in vendor/, checked by SHA-256, so it builds without a network:",
            "#   docker build --network none --tag NAME .",
            '#   docker run --rm --network none --volume "$PWD/results:/app/results" NAME',
        )
    )


def _system(lock: Lock, *, build: bool) -> list[str]:
    """The stage below the final image, and the one below the build stages if there are any."""
    system = [f"FROM {refuse_control_characters(lock.base.reference)} AS system"]
    system.append(f"ARG SOURCE_DATE_EPOCH={lock.epoch}")
    if lock.system:
        system.append(_run(_installation(lock)))
    system.append(_run(_ACCOUNT))
    blocks = ["\n".join(system)]
    if build:
        lines = ["FROM system AS build", f"ARG SOURCE_DATE_EPOCH={lock.epoch}"]
        if lock.build_system:
            lines.append(_run(install_run(lock.build_system, source="vendor/debs-build")))
        blocks.append("\n".join(lines))
    return blocks


def _installation(lock: Lock) -> Run:
    return install_run(lock.system, source="vendor/debs", compiles=brings_python(lock.system))


def _system_files(lock: Lock) -> tuple[GeneratedFile, ...]:
    """What the steps of `_system` read beside the packages."""
    return (bytecode.file(),) if brings_python(lock.system) else ()


def _build_stage(stage: BuildStage, lock: Lock) -> str:
    lines = [f"FROM build AS build-{stage.name}", f"ARG SOURCE_DATE_EPOCH={lock.epoch}"]
    lines.append("WORKDIR /build")
    for source in (stage.sources or (".",)) if stage.reads_code else ():
        tail = "" if source == "." else source
        lines.append(f"COPY {copy_form([f'app/{tail}'], f'/build/{tail}')}")
    lines += [
        _run(replace(run, folder=None) if run.folder == "/build" else run) for run in stage.run
    ]
    return "\n".join(lines)


def _final(
    plan: Plan, lock: Lock, lock_text: str, shares: list[Rendering], stages: list[BuildStage]
) -> Iterable[str]:
    yield f"FROM system\nARG SOURCE_DATE_EPOCH={lock.epoch}"
    for share in shares:
        if share.dependencies:
            yield "\n".join(_run(run) for run in share.dependencies)
    environment = _environment(shares)
    if environment:
        yield "ENV " + " \\\n    ".join(environment)
    # What no edit of the code changes comes first, and stays cached.
    for stage in stages:
        if not stage.reads_code:
            yield "\n".join([*_outputs(stage), *(_run(run) for run in stage.checks)])
    copies = []
    if plan.data.mode == "bake" and plan.data.files:
        copies.append('COPY --chown=1000:0 ["data/", "/app/"]')
    # Before the code: an edit of the code changes nothing of it.
    copies.append(self_description.instruction())
    if plan.code:
        copies.append('COPY --chown=1000:0 ["app/", "/app/"]')
    for stage in stages:
        if stage.reads_code:
            copies += [*_outputs(stage), *(_run(run) for run in stage.checks)]
    folders = _made_folders(plan)
    if folders:
        copies.append(_run(folders[0]))
    if plan.entry is not None and _needs_script(plan.entry):
        copies.append(f'COPY ["vendor/reprokit/steps", "{STEPS}"]')
    yield "\n".join(copies)
    for share in shares:
        if share.install:
            yield "\n".join(_run(run) for run in share.install)
    yield _ending(plan, lock, lock_text)


def _made_folders(plan: Plan) -> tuple[Run, ...]:
    """The folders that the configuration wants there; those in results/ are made when it runs."""
    wanted: dict[str, None] = {}
    for folder in plan.options.folders:
        if folder.partition("/")[0] != "results":
            parts = folder.split("/")
            wanted |= {"/app/" + "/".join(parts[: n + 1]): None for n in range(len(parts))}
    if not wanted:
        return ()
    install = ("install", "-d", "-o", "1000", "-g", "0", "-m", "0775", *sorted(wanted))
    return (Run(commands=(install,), comment="Folders that the program writes into"),)


def _outputs(stage: BuildStage) -> list[str]:
    return [
        f"COPY --chown=1000:0 --from=build-{stage.name} {copy_form([source], target)}"
        for source, target in stage.outputs
    ]


def _ending(plan: Plan, lock: Lock, lock_text: str) -> str:
    labels = {
        "org.opencontainers.image.base.name": lock.base.reference,
        "org.reprokit.owner": "reprokit",
        "org.reprokit.lock": sha256_text(lock_text),
    }
    lines = ["LABEL " + " \\\n      ".join(f"{k}={dockerfile_value(v)}" for k, v in labels.items())]
    lines += ["ENV HOME=/home/repro", f"USER {USER}", "WORKDIR /app", f"VOLUME {RESULTS}"]
    if plan.entry is not None:
        lines.append(f"ENTRYPOINT {exec_form(entry_command(plan.entry))}")
    return "\n".join(lines)


def entry_command(entry: Entry) -> Argv:
    """What the container starts: the one command itself, or the script of all the steps."""
    return (*entry.through, *((STEPS,) if _needs_script(entry) else entry.steps[0].argv))


def steps_command(entry: Entry) -> Argv:
    """The same for an entry that is not in the image: given after `--`, for one run."""
    if not _needs_script(entry):
        return (*entry.through, *entry.steps[0].argv)
    return (*entry.through, "sh", "-c", _script(entry))


def _needs_script(entry: Entry) -> bool:
    return len(entry.steps) != 1 or entry.steps[0].folder not in (".", "")


def _steps_script(entry: Entry) -> GeneratedFile:
    return GeneratedFile(path="reprokit/steps", content=_script(entry), executable=True)


def _script(entry: Entry) -> str:
    lines = [
        "#!/bin/sh",
        "# The experiment, step by step; it ends with the first that fails.",
        "set -eu",
    ]
    for step in entry.steps:
        folder = "/app" if step.folder in (".", "") else f"/app/{step.folder}"
        lines += [f"cd {shell_word(folder)}", shell_command(step.argv)]
    return "\n".join(lines) + "\n"


def _environment(shares: list[Rendering]) -> list[str]:
    merged: dict[str, str] = {}
    for share in shares:
        for name, value in share.environment:
            if merged.setdefault(name, value) != value:
                raise BadRequest(f"two ecosystems want different values for {name}")
    lines = [f"{name}={dockerfile_value(merged[name])}" for name in sorted(merged)]
    folders = [refuse_control_characters(folder) for share in shares for folder in share.path]
    if folders:
        lines.append(f'PATH="{":".join(folders)}:$PATH"')
    return lines


def _run(run: Run) -> str:
    """One RUN instruction: mounts first, then the commands, each on its own line."""
    lines = [f"# {refuse_control_characters(run.comment)}"]
    if run.folder is not None:
        lines.append(f"WORKDIR {dockerfile_value(run.folder)}")
    mounts = [_mount(mount) for mount in run.mounts]
    commands = [_folded(command) for command in run.commands]
    if run.environment:
        commands.insert(
            0,
            "export " + " ".join(f"{name}={shell_word(value)}" for name, value in run.environment),
        )
    lead = "RUN " + " \\\n    ".join(mounts) + " \\\n    " if mounts else "RUN "
    lines.append(lead + " && \\\n    ".join(commands))
    return "\n".join(lines)


def _folded(command: Argv) -> str:
    """A quoted command, continued on further lines where it would be too long to read."""
    lines = [shell_word(command[0])]
    for word in command[1:]:
        quoted = shell_word(word)
        if len(lines[-1]) + len(quoted) > LINE:
            lines.append(quoted)
        else:
            lines[-1] += f" {quoted}"
    return " \\\n      ".join(lines)


def _mount(mount: Mount) -> str:
    for part in (mount.source, mount.target):
        if "," in part or " " in part:
            raise BadRequest(f"{part!r} cannot be mounted by a Dockerfile")
    writable = ",rw" if mount.writable else ""
    return f"--mount=type=bind,source={mount.source},target={mount.target}{writable}"
