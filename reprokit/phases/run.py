"""Run: start the container confined, show and keep its output, say how it ended."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reprokit import files
from reprokit.engines.protocol import Bind, Container, ContainerRequest, Engine, Exit
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.model import Argv, Outcome, RunOptions
from reprokit.progress import Reporter

SAMPLING = 0.25  # seconds between two looks at the memory
CONTAINER_USER = 1000


@frozen
class RunRequest:
    """A run: the image, its command (`None`: the image's own), and what is mounted where.

    `as_image_says` keeps the user that the image names: a project's own Dockerfile may need it.
    `output` receives what it prints, by stream and as it comes, instead of the reporter.
    """

    image: str
    command: Argv | None
    results: Path
    log: Path
    binds: tuple[Bind, ...]
    options: RunOptions
    labels: tuple[tuple[str, str], ...] = ()
    as_image_says: bool = False
    output: Callable[[str, bytes], None] | None = None

    @property
    def written(self) -> tuple[Bind, ...]:
        """The folders that the container writes into."""
        results = Bind(source=self.results, target="/app/results", writable=True)
        return (results, *(bind for bind in self.binds if bind.writable))


def run(
    request: RunRequest,
    engine: Engine,
    reporter: Reporter,
    collect: Callable[[Container], None],
) -> Outcome:
    """Run the container to its end. `collect` reads from it before it is removed, however it
    ended; an interrupt stops it, keeps log and partial results, and is told in the outcome."""
    mode = 0o777 if request.as_image_says else 0o775
    for bind in request.written:
        _make_writable(bind.source, mode)
    for folder in request.options.folders:
        top, *inside = folder.split("/")
        for depth in range(len(inside)) if top == "results" else ():
            _make_writable(request.results.joinpath(*inside[: depth + 1]), mode)
    try:
        started = time.time()
        with engine.container(_container_request(request, engine)) as container:
            watch = _Watch(container)
            status, ended = _attend(container, request, reporter, watch)
            finished = time.time()
            if not _collected(container, collect, reporter):
                status = "interrupted"
    finally:
        if request.as_image_says:
            _take_over(request, engine, reporter)
        for bind in request.written:
            give_to_user(bind.source)
            _open_up(bind.source)
    return _outcome(status, ended, started, finished, watch.peak, request.options)


def _attend(
    container: Container, request: RunRequest, reporter: Reporter, watch: _Watch
) -> tuple[str | None, Exit | None]:
    """Start, follow the output into the log, wait. Returns ("interrupted" | "timed-out" | None)."""
    timer = None
    timed_out = threading.Event()
    if request.options.timeout is not None:

        def expire() -> None:
            timed_out.set()
            container.stop(1.0)

        timer = threading.Timer(request.options.timeout, expire)
        timer.daemon = True
    try:
        with request.log.open("wb", buffering=0) as log:
            container.start()
            if timer is not None:
                timer.start()
            watch.start()
            lines = _Lines(reporter)
            for stream, chunk in container.output():
                log.write(chunk)
                if request.output is None:
                    lines.feed(chunk)
                else:
                    request.output(stream, chunk)
            lines.close()
        ended = container.wait()
        return ("timed-out" if timed_out.is_set() else None), ended
    except KeyboardInterrupt:
        container.stop(3.0)
        return "interrupted", container.wait(5.0)
    except OSError as error:
        container.stop(1.0)
        raise files.storage_failed(error, request.log) from error
    finally:
        if timer is not None:
            timer.cancel()
        watch.stop()


def _collected(
    container: Container, collect: Callable[[Container], None], reporter: Reporter
) -> bool:
    """Whether all that the run wrote beside its results was collected."""
    try:
        collect(container)
    except KeyboardInterrupt:
        reporter.warning("interrupted while results were collected: some may be missing")
        return False
    return True


class _Watch(threading.Thread):
    """Looks at the container's memory while it runs."""

    def __init__(self, container: Container) -> None:
        super().__init__(daemon=True)
        self.container = container
        self.peak: int | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        pause = 0.02  # short programs are over before a regular sample
        while not self._ended.wait(pause):
            try:
                seen = self.container.peak_memory()
            except Exception:  # the container ended between two looks: what was seen stands
                return
            if seen is not None:
                self.peak = max(seen, self.peak or 0)
            pause = min(SAMPLING, pause * 2)

    def stop(self) -> None:
        self._ended.set()


class _Lines:
    """Cuts chunks of output into lines for the reporter."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._reporter.log(line.decode("utf-8", "replace").rstrip("\r"))

    def close(self) -> None:
        if self._rest:
            self._reporter.log(self._rest.decode("utf-8", "replace"))


def _container_request(request: RunRequest, engine: Engine) -> ContainerRequest:
    options = request.options
    environment = dict(options.environment)
    read = (bind for bind in request.binds if not bind.writable)
    return ContainerRequest(
        image=request.image,
        command=request.command,
        user=None if request.as_image_says else _user(),
        groups=() if request.as_image_says else ("0",),
        environment=environment,
        binds=(*request.written, *read),
        network="default" if options.network else "none",
        read_only=options.read_only,
        memory=options.memory,
        cpus=options.cpus,
        pids=options.pids,
        shared_memory=options.shared_memory,
        labels=dict(request.labels),
    )


def _user() -> str:
    """Who the program is: the user, so that results are theirs; for root nobody special."""
    if not hasattr(os, "getuid"):
        return f"{CONTAINER_USER}:0"
    uid, gid = os.getuid(), os.getgid()
    return f"{CONTAINER_USER}:0" if uid == 0 else f"{uid}:{gid}"


def _make_writable(results: Path, mode: int) -> None:
    """Results are mounted for whoever the program is; the run's folder above is private."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "getuid") and os.getuid() == 0:
            os.chown(results, CONTAINER_USER, 0)
        results.chmod(mode)
    except OSError as error:
        raise files.storage_failed(error, results) from error


def _take_over(request: RunRequest, engine: Engine, reporter: Reporter) -> None:
    """Results of an image that runs as whom it likes belong to that user, and only root can give
    them away: where we are not root, the image's root does."""
    if not hasattr(os, "getuid") or os.getuid() == 0 or not _any_foreign(request):
        return
    owner = "0:0" if engine.information().rootless else f"{os.getuid()}:{os.getgid()}"
    asked = ContainerRequest(
        image=request.image,
        command=("chown", "-R", "-h", owner, *(bind.target for bind in request.written)),
        user="0:0",
        binds=request.written,
        privileged_setup=True,
        labels=dict(request.labels),
    )
    with suppress(ReprokitError), engine.container(asked) as container:
        container.start()
        container.wait()
    if _any_foreign(request):
        reporter.warning("the image has no chown: some results belong to the user that it runs as")


def _any_foreign(request: RunRequest) -> bool:
    return any(_foreign(bind.source) for bind in request.written)


def _foreign(folder: Path) -> bool:
    """Whether something below belongs to somebody else."""
    mine = os.getuid()
    for parent, names, found in os.walk(folder):
        for name in (*names, *found):
            if (Path(parent) / name).lstat().st_uid != mine:
                return True
    return False


def give_to_user(folder: Path) -> None:
    """Make everything below belong to the person who ran it: behind sudo, the one who called."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        return
    owner = files.sudo_caller() or (0, 0)
    for parent, names, found in os.walk(folder):
        os.chown(parent, *owner)
        for name in (*names, *found):
            os.chown(Path(parent) / name, *owner, follow_symlinks=False)


def _open_up(results: Path) -> None:
    """Let the owner read everything: programs leave files and folders without any permissions."""
    _permit(results, 0o700)
    for parent, names, found in os.walk(results):
        for name in names:
            _permit(Path(parent) / name, 0o700)
        for name in found:
            _permit(Path(parent) / name, 0o400)


def _permit(path: Path, least: int) -> None:
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode) and mode & least != least:
        with suppress(PermissionError):  # it belongs to somebody else
            path.chmod(stat.S_IMODE(mode) | least)


def _outcome(
    status: str | None,
    ended: Exit | None,
    started: float,
    finished: float,
    peak: int | None,
    options: RunOptions,
) -> Outcome:
    code = None if ended is None else ended.code
    if status is None:
        if ended is not None and ended.out_of_memory:
            status = "out-of-memory"
        else:
            status = "succeeded" if code == 0 else "failed"
    return Outcome(
        status=status,  # type: ignore[arg-type]
        exit_code=code,
        started=_iso(started),
        finished=_iso(finished),
        seconds=round(finished - started, 3),
        peak_memory=peak,
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
