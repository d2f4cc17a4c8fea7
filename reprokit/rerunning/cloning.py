"""A git repository from anywhere, brought into a folder of ours without running anything of it.

A clone has only the configuration that we give it; submodules and large files (LFS) would be
fetched from wherever the repository says, so they are not, and that is said.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from reprokit import git, process, site
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.history.wording import printable, size
from reprokit.printable import redacted
from reprokit.progress import Reporter
from reprokit.rerunning.archive import folder_name
from reprokit.rerunning.origin import Origin, Source

SCHEMES = ("https", "http", "file")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_REFERENCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,200}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}")
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
    "LC_ALL": "C",
}
# The user's own filter for large files would fetch them from wherever the repository says.
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "filter.lfs.smudge=", "filter.lfs.process=",
    "filter.lfs.required=false", "submodule.recurse=false", "advice.detachedHead=false",
)  # fmt: skip
# As git writes it: git@github.com:me/wheat.git. An image's name has no ".git" at its end.
_SECURE_COPY = re.compile(r"[\w.-]+@[\w.-]+:[^@]+\.git(?:[#@].+)?")
_NO_REFERENCE = re.compile(r"Remote branch .* not found in upstream")
_POINTER = b"version https://git-lfs.github.com/spec/v1"


@frozen
class Address:
    """Where a repository is, and which commit, branch or tag of it is meant."""

    url: str
    version: str | None

    @property
    def name(self) -> str:
        """The repository's own name."""
        last = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return folder_name(last)


def address(text: str) -> Address | None:
    """`text` as the address of a repository: a URL, or the path of one with `#COMMIT` or `@REF`
    behind it; `None` for anything else. Raises BadRequest for a scheme that is not taken."""
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme.lower() not in SCHEMES:
            raise BadRequest(
                f"repositories are taken by {', '.join(SCHEMES)}, not by {scheme[:20]!r}",
                where=redacted(text),
                next="clone it yourself and rerun the folder",
            )
        return _versioned(text)
    if _SECURE_COPY.fullmatch(text):
        raise BadRequest(
            f"repositories are taken by {', '.join(SCHEMES)}, not by ssh",
            where=redacted(text),
            next="give its https address, or clone it yourself and rerun the folder",
        )
    found = _versioned(text)
    place = Path(found.url)
    if found.version is not None and (is_bare(place) or (place / ".git").exists()):
        return Address(url=place.resolve().as_uri(), version=found.version)
    return None


def is_bare(folder: Path) -> bool:
    """Whether a folder is a repository without files to look at."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _versioned(text: str) -> Address:
    scheme, separator, rest = text.partition("://")
    # An "@" before the first "/" of a URL belongs to a user's name.
    host, slash, path = rest.partition("/") if separator else ("", "", text)
    head = f"{scheme}{separator}{host}{slash}" if separator else ""
    for mark, form in (("#", _REFERENCE), ("@", _NAME)):
        base, found, version = path.rpartition(mark)
        if not found:
            continue
        if form.fullmatch(version) and ".." not in version:
            return Address(url=head + base, version=version)
        if mark == "#":
            raise BadRequest(
                f"{version[:80]!r} is not the name of a commit, branch or tag",
                where=redacted(text),
            )
    return Address(url=text, version=None)


def cloned(wanted: Address, workspace: Path, reporter: Reporter) -> Origin:
    """The repository at that version. Raises InputUnavailable where it cannot be had."""
    reporter.phase("clone")
    reporter.message(redacted(wanted.url))
    root = workspace / "project" / wanted.name
    root.parent.mkdir(parents=True)
    _clone(wanted, root, reporter)
    commit = _resolved(wanted, root)
    _git(wanted, reporter, "-C", str(root), "checkout", "--quiet", "--detach", commit, "--")
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    reporter.message(
        f"commit {commit[:12]}, {size(sum(f.stat().st_size for f in files))} with history"
    )
    for text in _left_out(root, files):
        reporter.warning(text)
    name = redacted(wanted.url) if not wanted.url.startswith("file:") else wanted.name
    return Origin(
        source=Source(kind="git", name=printable(name), identifier=f"swh:1:rev:{commit}"), root=root
    )


def _clone(wanted: Address, root: Path, reporter: Reporter) -> None:
    words = ("clone", "--no-checkout", "--template=", "--progress", "--no-recurse-submodules")
    depth = _depth(wanted)
    try:
        _git(wanted, reporter, *words, *depth, "--", wanted.url, str(root))
    except InputUnavailable as error:
        # A plain web server can give a whole repository only.
        if not depth or "shallow" not in error.what:
            raise
        shutil.rmtree(root, ignore_errors=True)
        _git(wanted, reporter, *words, *depth[1:], "--", wanted.url, str(root))


def _depth(wanted: Address) -> tuple[str, ...]:
    """Only what is needed; a commit can be anywhere in the history."""
    if wanted.version in (None, "HEAD"):
        return ("--depth=1",)
    if _COMMIT.fullmatch(wanted.version):
        return ()
    return ("--depth=1", f"--branch={wanted.version}")


def _git(wanted: Address, reporter: Reporter, *words: str) -> None:
    here = site.load()
    settings = (*_SETTINGS, *_certificates(wanted, here))
    try:
        process.stream(
            ("git", *(word for setting in settings for word in ("-c", setting)), *words),
            lambda line: reporter.log(line.rpartition("\r")[2]),
            environment={**dict(here.proxies), **_ENVIRONMENT},
        )
    except process.ProcessFailed as error:
        said = redacted(error.completed.stdout or error.completed.stderr).strip().splitlines()
        if said and _NO_REFERENCE.search(said[-1]) is not None:
            raise InputUnavailable(
                f"the repository has no branch or tag {wanted.version}",
                where=redacted(wanted.url),
                next="see what it has: `git ls-remote`",
            ) from error
        raise InputUnavailable(
            f"git cannot take this repository: {said[-1] if said else 'it says nothing'}",
            where=redacted(wanted.url),
            next="check its address, and that `git clone` takes it here",
        ) from error


def _certificates(wanted: Address, here: site.Site) -> Iterator[str]:
    """The site's certificates, unless git has a setting of its own for this address."""
    if here.certificates is None or not wanted.url.startswith("https:"):
        return
    words = ("git", "config", "--get-urlmatch", "http.sslCAInfo", wanted.url)
    if not process.run(words, check=False).stdout.strip():
        yield f"http.sslCAInfo={here.certificates}"


def _resolved(wanted: Address, root: Path) -> str:
    names = ["HEAD"] if wanted.version is None else [wanted.version, f"origin/{wanted.version}"]
    for name in names:
        try:
            return git.ask(
                root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}"
            ).strip()
        except process.ProcessFailed:
            continue
    raise InputUnavailable(
        f"the repository has no commit {wanted.version or 'at all'}", where=redacted(wanted.url)
    )


def _left_out(root: Path, files: list[Path]) -> Iterator[str]:
    listed = git.ask(root, "ls-files", "--stage", "-z")
    modules = [row.partition("\t")[2] for row in listed.split("\0") if row.startswith("160000 ")]
    for module in modules:
        yield f"the submodule {printable(module)} is not fetched: it is another repository"
    if (root / ".gitattributes").is_file():
        pointers = [f for f in files if f.stat().st_size < 1024 and _begins(f) == _POINTER]
        if pointers:
            first = printable(pointers[0].relative_to(root).as_posix())
            yield f"{len(pointers)} large files (Git LFS) are not fetched, {first} among them"


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_POINTER))
