"""Lock: which R packages the distribution installed, and CRAN's sources for the rest."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reprokit import needs
from reprokit.ecosystems.r import cran, workshop
from reprokit.ecosystems.r.code import CodeFile, code_files
from reprokit.ecosystems.r.distribution import (
    compilers,
    debian_names,
    for_compiling,
    provider,
)
from reprokit.ecosystems.r.usage import uses
from reprokit.ecosystems.r.versions import satisfies, version_key
from reprokit.engines.protocol import Container
from reprokit.errors import BadRequest, InputUnavailable, NothingFits
from reprokit.model import (
    JSON,
    Detection,
    LockedEcosystem,
    LockedPackage,
    Reason,
    Requirement,
    SystemPackage,
)
from reprokit.resolving import Resolver

_CONFIGURATIONS = ("repro.toml", "pyproject.toml")
_Lacking = tuple[Requirement, InputUnavailable | BadRequest]


def resolve(detection: Detection, resolver: Resolver) -> LockedEcosystem:
    """Pin every package. Raises InputUnavailable with the requirement's file and line."""
    notes: list[str] = []
    with resolver.workshop() as container:
        have = workshop.installed(container)
        wanted = list(detection.requirements)
        optional = _names(detection, "optional")
        for extra in _confirmed(container, code_files(resolver.project), detection, notes):
            wanted.append(extra)
            optional.add(extra.name)
        repository = _Repository(container, resolver)
        named = detection.settings.get("conda")
        if isinstance(named, (list, tuple)):
            wanted = [_spelled(r, have, repository) if r.name in named else r for r in wanted]
        missing = _missing(wanted, have.packages, optional, repository, notes)
        unused = _names(detection, "unused")
        order, lacking = _order(missing, have, optional, unused, repository, notes)
        left_out = _left_out(lacking, have, resolver)
        _ask_for_system_packages(order, wanted, repository, resolver)
    for note in notes:
        resolver.reporter.warning(note)
    sources = [_kept(source, wanted, resolver) for source in order]
    stamp = datetime.datetime.fromtimestamp(resolver.epoch, datetime.UTC)
    settings: dict[str, JSON] = {
        "r": have.r_version,
        "built": stamp.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "sources": [
            {"package": package.name, "artifact": package.artifacts[0].path} for package in sources
        ],
        "notes": list(notes),
    }
    for key in ("package", "compiled", "renv"):
        if key in detection.settings:
            settings[key] = detection.settings[key]
    if detection.settings.get("desktop"):
        settings["desktop"] = True
    older = detection.settings.get("defaults")
    if isinstance(older, dict) and _newer(have.r_version, str(older["version"])):
        settings["defaults"] = older["version"]
    if left_out:
        settings["repaired"] = [*left_out]
        names = sorted(r.name for r, _ in lacking if r.name not in have.packages)
        settings["left_out"] = [*names]
    requested = {r.name for r in wanted}
    shadowed = {package.name for package in sources}
    distributed = [
        LockedPackage(name=name, version=version, requested=name in requested)
        for name, version in have.packages.items()
        if name not in shadowed
    ]
    packages = sorted([*distributed, *sources], key=lambda package: package.name)
    return LockedEcosystem(
        ecosystem="r",
        packages=tuple(packages),
        settings=settings,
        undated=_undated(order, resolver.date.day),
    )


def _newer(version: str, series: str) -> bool:
    """Whether R is of a later minor release: what a patch changes is no default."""
    return version_key(version)[:2] > version_key(series)[:2]


def _spelled(
    requirement: Requirement, have: workshop.Installed, repository: _Repository
) -> Requirement:
    """The requirement by R's spelling: conda writes every name in small letters."""
    name = requirement.name
    for known in (have.packages, repository.index() if repository.reachable() else {}):
        if name in known:
            return requirement
        spelled = next((n for n in known if n.lower() == name.lower()), None)
        if spelled is not None:
            return replace(requirement, name=spelled)
    return requirement


def _names(detection: Detection, setting: str) -> set[str]:
    names = detection.settings.get(setting, [])
    return {str(name) for name in names} if isinstance(names, list) else set()


def _confirmed(
    container: Container, files: tuple[CodeFile, ...], detection: Detection, notes: list[str]
) -> Iterable[Requirement]:
    """What R's own parser finds in the code beyond what detect found; notes where it differs."""
    if not files:
        return
    parsed = workshop.parsed(container, files)
    notes += [f"{path}: R cannot parse it: {text}" for path, text in sorted(parsed.errors.items())]
    known = {r.name for r in detection.requirements} | {str(detection.settings.get("package"))}
    for file in files:
        seen = {use.package for use in uses(file.code)}
        for name in parsed.packages.get(file.path, ()):
            if name not in seen and name not in known:
                known.add(name)
                notes.append(f"{file.path}: uses {name}, which only R's own parser found")
                reason = Reason(text="found by R's own parser", file=file.path)
                yield Requirement(name=name, reason=reason)


@dataclass(slots=True)
class _Repository:
    """CRAN or its mirror, asked only once something is needed of it."""

    container: Container
    resolver: Resolver
    urls: dict[str, str] = field(default_factory=dict)
    distributed: dict[str, SystemPackage] = field(default_factory=dict)
    _address: str = ""
    _index: dict[str, cran.Source] | None = None
    _unreachable: InputUnavailable | None = None

    def index(self) -> Mapping[str, cran.Source]:
        """The index of the first repository that answers. Raises InputUnavailable if none."""
        if self._unreachable is not None:
            raise self._unreachable
        if self._index is None:
            answers = []
            day = self.resolver.date.day
            for address in cran.repositories(self.resolver.site, day):
                self.resolver.reporter.message(f"asking {address} for R packages")
                try:
                    text = workshop.text_of(self.container, cran.index_address(address))
                except InputUnavailable as error:
                    answers.append(str(error))
                    continue
                self._address, self._index = address, cran.read_index(text, address)
                return self._index
            self._unreachable = InputUnavailable("no CRAN mirror answers: " + "; ".join(answers))
            raise self._unreachable
        return self._index

    def reachable(self) -> bool:
        """Whether a repository answers."""
        try:
            self.index()
        except InputUnavailable:
            return False
        return True

    def find(self, name: str, specifier: str) -> cran.Source:
        """The package in a version that will do: the index's, else one from the archive."""
        if name in self.urls:
            return self._described(name, self.urls[name])
        source = self.index().get(name)
        if source is not None and satisfies(source.version, specifier):
            return source
        if specifier.startswith("=="):
            version = specifier.removeprefix("==").strip()
            return self._described(name, cran.archive_address(self._address, name, version))
        found = f"does not have {name}" if source is None else f"has {name} {source.version}"
        raise InputUnavailable(f"{self._address} {found}")

    def offered(self, name: str, specifier: str) -> bool:
        """Whether the distribution has a package that only another one needs; it is noted."""
        if "r" in self.resolver.base.provides:
            return False
        versions = self.resolver.catalogue.versions(debian_names(name))
        package = provider(name, specifier, versions)
        if package is None:
            return False
        reason = Reason(text=f"has {name}, which another R package needs")
        self.distributed[package] = SystemPackage(name=package, reason=reason)
        return True

    def _described(self, name: str, url: str) -> cran.Source:
        try:
            source = cran.read_description(workshop.description_of(self.container, url), url)
        except BadRequest as error:
            raise InputUnavailable(error.what, where=url) from error
        if source is None or source.name != name:
            raise InputUnavailable(f"does not hold the R package {name}", where=url)
        return source


def _missing(
    wanted: list[Requirement],
    packages: Mapping[str, str],
    optional: set[str],
    repository: _Repository,
    notes: list[str],
) -> dict[str, Requirement]:
    """What the distribution lacks, or has in another version than asked for.

    An exact version that nobody can deliver here gives way to the distribution's, with a warning:
    papers pin what their authors happened to have. A lower bound does not: code needs it.
    """
    missing: dict[str, Requirement] = {}
    for requirement in wanted:
        name, have = requirement.name, packages.get(requirement.name)
        fits = have is not None and satisfies(have, requirement.specifier)
        if fits and requirement.url is None:
            continue
        pinned = requirement.specifier.startswith("==") or requirement.url is not None
        if have is not None and pinned and not repository.reachable():
            notes.append(
                f"{requirement.reason.file}:{requirement.reason.line}: {name} "
                f"{requirement.specifier} cannot be had without a CRAN mirror; "
                f"the distribution's {have} is used"
            )
        elif name not in optional or have is None:
            missing.setdefault(name, requirement)
            if requirement.url is not None:
                repository.urls[name] = requirement.url
    return missing


def _order(
    missing: Mapping[str, Requirement],
    have: workshop.Installed,
    optional: set[str],
    unused: set[str],
    repository: _Repository,
    notes: list[str],
) -> tuple[tuple[cran.Source, ...], list[_Lacking]]:
    """What is installed from sources, in order, and what cannot be had."""
    wanted: list[tuple[str, str]] = []
    order: tuple[cran.Source, ...] = ()
    lacking: list[_Lacking] = []
    for name, requirement in missing.items():
        attempt = [*wanted, (name, requirement.specifier)]
        try:
            order = cran.install_order(
                attempt, have.packages, repository.find, have.r_version, repository.offered
            )
        except (InputUnavailable, BadRequest) as error:
            if name in optional | unused:
                why = "the code only tries it" if name in optional else "no code loads it"
                notes.append(f"{requirement.reason}: {name} cannot be had; {why}")
            else:
                lacking.append((requirement, error))
            continue
        wanted = attempt
    return order, lacking


def _left_out(
    lacking: Sequence[_Lacking], have: workshop.Installed, resolver: Resolver
) -> tuple[str, ...]:
    """What to say of packages that a loose project does without: a part of it may run that does not
    load them. What is configured was asked for by somebody who knows. Raises NothingFits."""
    configured = [pair for pair in lacking if pair[0].reason.file in (None, *_CONFIGURATIONS)]
    refused = configured if resolver.project.loose else lacking
    if refused:
        raise _unavailable(refused, have, resolver.base.name)
    told = []
    for requirement, error in lacking:
        found = have.packages.get(requirement.name)
        instead = "it is left out" if found is None else f"the distribution's {found} is used"
        asked = f"{requirement.name} {requirement.specifier}".strip()
        told.append(f"{requirement.reason}: {asked} cannot be had ({error.what}); {instead}")
    for text in told:
        resolver.reporter.warning(text)
    return tuple(told)


def _unavailable(
    lacking: Sequence[_Lacking], have: workshop.Installed, base: str
) -> InputUnavailable:
    requirement, error = lacking[0]
    version = f" {requirement.specifier}" if requirement.specifier else ""
    found = have.packages.get(requirement.name)
    distribution = "lacks it" if found is None else f"has {found}"
    others = ", ".join(sorted(other.name for other, _ in lacking[1:]))
    return NothingFits(
        f"the R package {requirement.name}{version} ({requirement.reason.text}) cannot be had: "
        f"the distribution of {base} {distribution}"
        + (f" (nor can {others})" if others else "")
        + f", and {error.what}",
        [other.name for other, _ in lacking],
        where=str(
            Reason(text="", file=requirement.reason.file, line=requirement.reason.line)
        ).removesuffix(": "),
        next=error.next
        or "check its name; or set cran_mirror in the site settings to a mirror that answers here",
    )


def _ask_for_system_packages(
    order: tuple[cran.Source, ...],
    wanted: Iterable[Requirement],
    repository: _Repository,
    resolver: Resolver,
) -> None:
    """What only another package needs was not known before the repository was asked. Raises
    NeedsSystemPackages for those of the distribution, for the libraries of those that are
    compiled, and for compilers."""
    asked = {requirement.name: requirement.reason for requirement in wanted}
    because = Reason(text="another R package needs it")
    sources = [Requirement(name=s.name, reason=asked.get(s.name, because)) for s in order]
    found = [*for_compiling(sources, resolver.catalogue)]
    plugins = needs.needed(sources, needs.added("r"), resolver.catalogue)
    if any(source.compiled for source in order):
        found += compilers(because, resolver.catalogue)
    needs.ask_for((*repository.distributed.values(), *found, *plugins), resolver)


def _kept(source: cran.Source, wanted: Iterable[Requirement], resolver: Resolver) -> LockedPackage:
    path = f"cran/{source.name}_{source.version}.tar.gz"
    return LockedPackage(
        name=source.name,
        version=source.version,
        artifacts=(resolver.download(source.url, path),),
        requested=any(r.name == source.name for r in wanted),
    )


def _undated(order: Iterable[cran.Source], day: str) -> tuple[str, ...]:
    return tuple(sorted(source.name for source in order if not cran.is_dated(source.url, day)))
